"""A watch on the project's files that a kernel opens and its page's passports don't name."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from birads_lib.files import sha256
from press import paths
from press.run import Run
from press.verification.verify import RECORD, listed_files

# Below the root, what passports name in other ways (hashes of modules and of the lock), or what is
# of no study.
ELSEWHERE = (
    ".git", ".venv", "_build", "birads_lib", "notebooks", "press", "pyproject.toml", "tests",
    "uv.lock",
)  # fmt: skip
BESIDE = (".passport.json", ".sha256")  # of files that are named themselves
WRITING = os.O_WRONLY | os.O_TRUNC


class Watch:
    """The files that this process has read and written since the watch began."""

    def __init__(self) -> None:
        self.read: set[Path] = set()
        self.written: set[Path] = set()
        self.listed: set[str] = set()  # hashes of files that a run named by their kind
        sys.addaudithook(self._note)
        self._listen_to_tables()
        self._listen_to_runs()

    def _note(self, event: str, arguments: tuple) -> None:
        if event == "open" and isinstance(arguments[0], (str, bytes, os.PathLike)):
            path, _, flags = arguments
            (self.written if flags & WRITING else self.read).add(_absolute(path))
        elif event == "os.rename":  # a file that appears whole
            self.written |= {_absolute(path) for path in arguments[:2]}

    def _listen_to_tables(self) -> None:
        read_parquet = pd.read_parquet

        def listening(path, *arguments, **options):
            self.read.add(_absolute(path))  # pyarrow opens it past Python
            return read_parquet(path, *arguments, **options)

        pd.read_parquet = listening

    def _listen_to_runs(self) -> None:
        read_files = Run.read_files

        def listening(run: Run, kind: str, hashes: Iterable[str], study: str = "") -> None:
            hashes = list(hashes)
            self.listed |= set(hashes)
            read_files(run, kind, hashes, study)

        Run.read_files = listening

    def undeclared(self, runs: list[Run]) -> list[Path]:
        """Return the files that were read and are neither named by a run nor written here."""
        named = {paths.ROOT / read["file"] for run in runs for read in run.inputs}
        named |= self.written
        for record in [path for path in named if path.name == RECORD and path.exists()]:
            named |= listed_files(record).keys()
        own = {paths.figures_folder(run.folder, run.page) for run in runs}
        folders = {run.folder for run in runs}  # a link in it leads to images given from outside
        return sorted(
            path
            for path in self.read - named
            if (_is_of_a_study(path) or folders & set(path.parents))
            and not path.name.endswith(BESIDE)
            and path.parent not in own  # a page settles what it published before
            and path.is_file()
            and sha256(path) not in self.listed
        )

    def check(self, runs: list[Run]) -> None:
        """Raise AssertionError naming the files that no passport names."""
        if undeclared := self.undeclared(runs):
            self.read.clear()  # said once, at the cell that opened them
            names = ", ".join(str(path) for path in undeclared)
            raise AssertionError(f"opened, and named by no passport: {names}")


def _absolute(path: str | bytes | os.PathLike) -> Path:
    return Path(os.path.abspath(os.fsdecode(path)))


def _is_of_a_study(path: Path) -> bool:
    if not path.is_relative_to(paths.ROOT):
        return False
    return path.relative_to(paths.ROOT).parts[0] not in ELSEWHERE


def watch_kernel() -> None:
    """Make this kernel fail at each cell that opened a file which no passport names."""
    from IPython import get_ipython

    shell, watch = get_ipython(), Watch()

    def check(_) -> None:
        watch.check([value for value in shell.user_ns.values() if isinstance(value, Run)])

    shell.events.register("post_run_cell", check)  # an error in it is one of the cell
