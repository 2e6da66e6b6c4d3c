"""Print a study's book as a PDF, with Chromium or Chrome.

    python -m press.rendering.pdf config/phantoms.yaml        # _build/phantoms/phantoms.pdf
    python -m press.rendering.pdf config/phantoms.yaml mini   # the part for a lecture

The book is rendered first where it isn't up to date.
"""

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from birads_lib.errors import UserError
from birads_lib.files import written_whole
from press.command import run
from press.paths import ROOT
from press.rendering import one_page, sphinx
from press.studies.study import load

PROGRAMS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
    "microsoft-edge",
)  # fmt: skip
_SECONDS = 600  # that a book may take


def browser() -> str:
    """Return the program that prints; UserError, with what to install, where there is none."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise UserError(
            f"no browser that prints is on the path ({', '.join(PROGRAMS)}): install Chromium "
            "(Debian: `apt install chromium`; macOS: `brew install --cask chromium`) or Chrome"
        )
    return program


def write(page: Path, pdf: Path) -> None:
    """Print a web page, whole or not at all; raises UserError where the browser can't."""
    program = browser()
    with TemporaryDirectory() as profile, written_whole(pdf) as temporary:
        options = [
            "--headless=new", "--disable-gpu", "--no-first-run", "--no-pdf-header-footer",
            "--generate-pdf-document-outline", "--disable-dev-shm-usage",
            "--disable-background-networking", f"--user-data-dir={profile}",
            f"--print-to-pdf={temporary}",
        ]  # fmt: skip
        if os.name == "posix" and os.geteuid() == 0:
            options.append("--no-sandbox")  # root can't have one
        try:
            done = subprocess.run(
                [program, *options, page.resolve().as_uri()],
                capture_output=True, text=True, timeout=_SECONDS,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise UserError(
                f"{program} printed nothing within {_SECONDS} seconds; close other programs, or "
                "print the part for a lecture by BOOK=mini"
            ) from None
        if not _is_whole(temporary):
            raise UserError(
                f"{program} printed no PDF; try another of {', '.join(PROGRAMS)}, or print the "
                f"book's pages from a browser. It said:\n{done.stderr[-2000:]}"
            )


def _is_whole(pdf: Path) -> bool:
    """Return whether a file begins and ends as a PDF does."""
    content = pdf.read_bytes() if pdf.is_file() else b""
    return content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")


def build(config: str, part: str = "") -> Path:
    """Print a study's book, or its part for a lecture ("mini"); return the PDF."""
    study = load(config)
    pdf = one_page.file_of(study, part, "pdf")
    browser()  # before minutes of rendering
    sphinx.render(study)
    with TemporaryDirectory() as folder:
        page = Path(folder, "book.html")
        page.write_text(one_page.joined(study, part))
        write(page, pdf)
    return pdf


if __name__ == "__main__":
    run(lambda *words: print("The book is printed:", build(*words).relative_to(ROOT)))
