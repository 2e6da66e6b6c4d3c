"""Time and memory of each job of a study, as Snakemake recorded them when the study ran."""

import csv
import sys
from pathlib import Path

from press.paths import RESULTS

MEGABYTE = 2**20 / 1e6  # Snakemake counts in MiB
STUDIES = ("phantoms", "smoke")  # the default study where it was run


def listed(folder: Path) -> dict:
    """Return a study, and of each job rule, page, seconds and memory (MB, shared in proportion)."""
    listings = {name: sorted(RESULTS.glob(f"{name}/benchmarks/*.tsv")) for name in STUDIES}
    study = next((name for name in STUDIES if listings[name]), None)
    if study is None:
        sys.exit("no study has a job list yet: run `make book STUDY=smoke` first")
    jobs = []
    for path in listings[study]:
        row = next(csv.DictReader(path.open(), delimiter="\t"))
        rule = path.stem.split("-")[0]
        memory = float(row["max_pss"]) * MEGABYTE
        jobs.append({"rule": rule, "page": path.stem, "seconds": float(row["s"]), "mb": memory})
    return {"study": study, "jobs": jobs}
