"""What each job of a study took, as Snakemake noted it: the smoke study of `rebuilding`."""

import csv
from pathlib import Path

from bench import rebuilding

MEGABYTE = 2**20 / 1e6  # Snakemake counts in MiB


def listed(folder: Path) -> list[dict]:
    """Return rule, page, seconds and memory (MB, shared pages in proportion) of each job."""
    own = folder.parent / "rebuilding/anew"
    if not own.exists():
        rebuilding.copy_project(own)
        rebuilding.build(own)
    jobs = []
    for path in sorted(own.glob("results/smoke/benchmarks/*.tsv")):
        row = next(csv.DictReader(path.open(), delimiter="\t"))
        rule = path.stem.split("-")[0]
        memory = float(row["max_pss"]) * MEGABYTE
        jobs.append({"rule": rule, "page": path.stem, "seconds": float(row["s"]), "mb": memory})
    return jobs
