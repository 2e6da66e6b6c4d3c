"""Gather what is published of a study: its book, its crate, how to cite it, and checksums.

python -m press.release config/phantoms.yaml
"""

import shutil
import subprocess
import sys
import time
from pathlib import Path

from birads_lib.errors import UserError
from birads_lib.files import sha256
from press import citation, crate, study, verify
from press.bundle import archive, files_below, folder_written_whole
from press.page import SEALS
from press.paths import ROOT
from press.study import Study

PAPERS = ("CITATION.cff", "LICENSE", "LICENSE-text")


def release(one: Study, config: Path) -> Path:
    """Write ``_build/release/<study>-<version>`` and return it.

    Raises UserError for a study that isn't executed and rendered, or that doesn't verify.
    """
    home = ROOT / "_build" / one.name
    if not (home / "rendered").exists():
        raise UserError(
            f"the book of '{one.name}' is not rendered; `{crate.command(one, config)}` does it"
        )
    _verified(one)
    packed = crate.write(one, config)
    path = ROOT / "_build" / "release" / f"{one.name}-{version()}"
    with folder_written_whole(path) as folder:
        archive(home / "_build" / "html", folder / f"{one.name}-book.zip")
        for file in (packed, *(ROOT / name for name in PAPERS)):
            shutil.copyfile(file, folder / file.name)
        sums = [f"{sha256(file)}  {file.name}\n" for file in files_below(folder)]
        (folder / SEALS).write_text("".join(sums))
    return path


def _verified(one: Study) -> None:
    started = time.time()
    report = verify.study(one.name)
    verify.tell(one.name, report, time.time() - started)
    if report.problems:
        raise UserError(f"'{one.name}' is not released: see the problems above")


def version() -> str:
    """Return the tag or commit of what is checked out, or else the version of CITATION.cff."""
    command = ["git", "describe", "--tags", "--always", "--dirty"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else str(citation.read()["version"])


def main(config: str) -> None:
    """Release a study, and say where."""
    one = study.load(config)
    study.claim(one)  # a run would change files while they are gathered
    path = release(one, Path(config)).relative_to(ROOT)
    print(f"The release is ready: {path}; `sha256sum -c {SEALS}` in it checks it")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except UserError as error:
        sys.exit(str(error))
