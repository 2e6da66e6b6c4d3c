"""Hold all contests, or those named: `python -m bench net_benefit grad_cam growth startup`.

What is measured goes to `results/speed`, a file for each, which notebook 13 turns into a chapter.
"""

import importlib
import json
import sys
from functools import partial
from pathlib import Path

from bench import contest, growth, jobs, rebuilding, sizes, startup
from birads_lib.errors import did_you_mean
from birads_lib.files import written_whole
from press.paths import RESULTS

MODULES = (
    "evaluation", "preprocessing", "explaining", "prediction", "generation", "training",
)  # fmt: skip
FOLDER = RESULTS / "speed"


def contests() -> dict[str, contest.Contest]:
    listed = [c for m in MODULES for c in importlib.import_module(f"bench.{m}").CONTESTS]
    return {contest.name: contest for contest in listed}


def main(names: list[str]) -> None:
    known = {name: partial(contest.hold, peers) for name, peers in contests().items()}
    known |= {"growth": growth.measure, "startup": startup.measure, "jobs": jobs.listed}
    known |= {"rebuilding": rebuilding.measure, "correlax_sizes": sizes.measure}
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit("\n".join(f"no '{name}'; {did_you_mean(name, known)}" for name in unknown))
    for name in names or known:
        work = FOLDER / "work" / name
        work.mkdir(parents=True, exist_ok=True)
        write(FOLDER / f"{name}.json", known[name](work))


def write(path: Path, measured: object) -> None:
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(measured, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
