"""Render a study's book by Sphinx; where none of its sources changed, nothing is rendered."""

import shutil
import subprocess
from pathlib import Path

from birads_lib.errors import UserError
from birads_lib.files import one_at_a_time
from press import paths
from press.paths import ROOT, build_folder, rendered_book
from press.rendering import manifest
from press.rendering.staging import stage
from press.studies.study import Study


def render(study: Study) -> Path:
    """Render the book of a study and return its first page; raises UserError if Sphinx fails.

    Another rendering of the same book is waited for.
    """
    build = build_folder(study.name)
    with one_at_a_time(build / "lock", f"waiting for another rendering of '{study.name}'"):
        is_whole = manifest.is_whole(study)
        # Before anything changes: after a kill, nothing is sealed that isn't of these sources.
        paths.manifest(study.name).unlink(missing_ok=True)
        if stage(study, build / "source") or not is_whole:
            # From nothing: what Sphinx keeps of an unchanged page has the contents of before.
            shutil.rmtree(build / "_build", ignore_errors=True)
            print(f"rendering {build.relative_to(ROOT)} ...", flush=True)
            _run_sphinx(study, build)
        manifest.seal(study)  # in any case: what is not staged may have changed, such as the lock
    return rendered_book(study.name) / "index.html"


def render_anew(study: Study, folder: Path) -> Path:
    """Render a study's book from nothing into an empty folder; return that of its web pages.

    It isn't sealed: zeros stand for the root hash. Raises UserError if Sphinx fails.
    """
    stage(study, folder / "source")
    return _run_sphinx(study, folder)


def _run_sphinx(study: Study, build: Path) -> Path:
    """Render the staged ``source`` in a folder; return the folder of the web pages."""
    command = ["jupyter-book", "build", str(build / "source"), "--path-output", str(build)]
    done = subprocess.run(
        [*command, "-W", "--keep-going", "-n", "-q"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    pages = build / "_build" / "html"
    if done.returncode or not (pages / "index.html").exists():
        print(done.stdout)
        raise UserError(f"the book of '{study.name}' has warnings or errors: they stand above")
    return pages
