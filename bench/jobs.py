"""What each job of the smoke study took, as Snakemake noted it when the study ran."""

import csv
import sys
from pathlib import Path

from birads_lib.paths import RESULTS

MEGABYTE = 2**20 / 1e6  # Snakemake counts in MiB


def listed(folder: Path) -> list[dict]:
    """Return rule, page, seconds and memory (MB, shared pages in proportion) of each job."""
    files = sorted(RESULTS.glob("smoke/benchmarks/*.tsv"))
    if not files:
        sys.exit("the smoke study has no job list yet: run `make book STUDY=smoke` first")
    jobs = []
    for path in files:
        row = next(csv.DictReader(path.open(), delimiter="\t"))
        rule = path.stem.split("-")[0]
        memory = float(row["max_pss"]) * MEGABYTE
        jobs.append({"rule": rule, "page": path.stem, "seconds": float(row["s"]), "mb": memory})
    return jobs
