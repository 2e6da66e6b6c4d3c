"""Render a study's book.

    python -m press.book config/phantoms.yaml
    python -m press.book config/phantoms.yaml mini   # also as one page, for a lecture

Where the study asks for it, the page of its models on another study's images is made first.
"""

from pathlib import Path

from press.command import run
from press.execution import external
from press.paths import ROOT
from press.rendering import one_page
from press.rendering.sphinx import render
from press.studies.study import load


def build(config: str, part: str = "") -> Path:
    """Render a study's book, with the page of another study's images where it asks for one.

    With ``part`` "mini", the chapters for a lecture are also written, as one page. Returns what to
    open.
    """
    study = load(config)
    if part:
        one_page.file_of(study, part, "html")  # or says that there is no such part
    if study.external:
        external.external(config, study.external.study)
    front = render(study)
    return one_page.write(study, part) if part else front


if __name__ == "__main__":
    run(lambda *words: print("The book is ready, open", build(*words).relative_to(ROOT)))
