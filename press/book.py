"""Stage the sources of a study's book and render it.

    python -m press.book config/phantoms.yaml

The book is staged to ``_build/<study>/source`` so that Sphinx sees prose and pages alone; a file
is copied only when it changed, so that a second build renders only what is new, and nothing at
all if nothing is.
"""

import json
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import yaml

from birads_lib.errors import UserError
from birads_lib.files import written_whole
from birads_lib.protocol import PROTOCOLS
from press import chapters, sources, verify
from press import page as pages
from press.page import COMMITTED
from press.paths import BOOK, CONFIG, ROOT, build_folder, parts_of_page, rendered_book
from press.report import checklists as reporting
from press.report import overview
from press.study import Study, load

THIS = "this"  # in _toc.yml: the study whose book it is
MISSING = "(not run in this build)"


def prose_files() -> list[str]:
    """Return everything the book is made of but executed notebooks, relative to the root."""
    kept = [ROOT / "_config.yml", ROOT / "_toc.yml"]
    kept += [p for p in BOOK.rglob("*") if p.is_file() and p.suffix not in (".ipynb", ".pyc")]
    return sorted(p.relative_to(ROOT).as_posix() for p in kept)


def _pages(study: Study) -> dict[str, list[pages.Page]]:
    """Return the executed pages of a book by the titles of their studies, its own first."""
    return {each.title: pages.of_study(each.name, BOOK) for each in _studies(study)}


def _studies(study: Study) -> list[Study]:
    """Return the study whose book it is, and those whose pages are committed."""
    return [study, *(load(CONFIG / f"{name}.yaml") for name in COMMITTED if name != study.name)]


def generated(study: Study) -> dict[str, str]:
    """Return the chapters that are made from executed pages while staging, by path."""
    of_the_paper = [each for each in _studies(study) if each.chapters == chapters.PAPER]
    provenance = {"book/provenance.md": overview.chapter(_pages(study))}
    return provenance | reporting.generated(of_the_paper, BOOK)


def contents(study: Study, made: Collection[str] = ()) -> dict:
    """Return the table of contents of a study's book, from ``_toc.yml`` at the root.

    There, ``study: this`` stands for the study's own chapters, and ``study: <name>`` for those of
    a committed one. Pages that neither exist nor are ``made`` while staging are left out.
    """
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    studies = {each.name: each for each in _studies(study)}
    parts = []
    for part in toc["parts"]:
        name, listed = part.get("study"), part.get("chapters", [])
        if name == THIS and study.name in COMMITTED:
            continue  # it has a part of its own
        if name:
            about = study if name == THIS else studies[name]
            listed = [*listed, *chapters_of(about), *comparisons_of(about)]
        existing = _existing(listed, made)
        if existing:
            caption = part.get("caption") or about.title
            parts.append({"caption": caption, "chapters": existing})
    return {**toc, "parts": parts}


def chapters_of(study: Study) -> list[dict]:
    """Return a study's chapters: one for each notebook, its further runs as sections, two cards."""
    listed = []
    for page, *further in [*chapters.contents(study), *([card] for card in reporting.CARDS)]:
        sections = [{"file": f"book/{study.name}/{name}"} for name in further]
        below = {"sections": sections} if sections else {}
        listed.append({"file": f"book/{study.name}/{page}"} | below)
    return listed


def comparisons_of(study: Study) -> list[dict]:
    """Return the pages on which a study was compared with others; these aren't its own."""
    executed = sorted((BOOK / study.name).glob("12_comparison-*.ipynb"))
    return [{"file": f"book/{study.name}/{page.stem}"} for page in executed]


def _existing(listed: list[dict], made: Collection[str]) -> list[dict]:
    """Return those of the listed chapters that exist, or are made while staging."""
    kept = []
    for chapter in listed:
        below = _existing(chapter.get("sections", []), made)
        if f"{chapter['file']}.md" in made or any(ROOT.glob(f"{chapter['file']}.*")):
            named = {"file": chapter["file"], **_title(chapter["file"])}
            kept.append(named | ({"sections": below} if below else {}))
        else:
            kept += below  # a page that is missing takes nothing else away
    return kept


def _title(page: str) -> dict[str, str]:
    """Tell runs apart in the contents: a page's heading, and its protocol or variant."""
    _, variant, protocol = parts_of_page(Path(page).name)
    path = ROOT / f"{page}.ipynb"
    if not variant or not path.exists():
        return {}
    first = "".join(json.loads(path.read_text())["cells"][0]["source"])
    shown = [part for part in (variant, protocol) if part not in ("", "proposed")]
    label = ", ".join(shown).replace("_", " ")
    label += ", leaky" if protocol and PROTOCOLS[protocol].leaks else ""
    return {"title": f"{first.splitlines()[0].lstrip('# ')} ({label})"}


def numbers(folders: list[Path]) -> dict[str, str]:
    """Return every number that executed notebooks recorded for prose, by its name."""
    executed = [pages.read(path) for f in folders for path in sorted(f.glob("*.ipynb"))]
    return {name: number.text for page in executed for name, number in page.numbers.items()}


def configuration(study: Study) -> dict:
    """Return the book's ``_config.yml`` with the numbers that prose names.

    ``this_<protocol>_<metric>`` and ``this_title`` are of the study whose book it is.
    """
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    named = config.setdefault("parse", {}).setdefault("myst_substitutions", {})
    known = numbers([BOOK / name for name in dict.fromkeys([*COMMITTED, study.name])])
    of_study = {k: v for k, v in known.items() if k.startswith(f"{study.name}_")}
    known |= {THIS + name.removeprefix(study.name): text for name, text in of_study.items()}
    known["this_title"] = study.title
    for name in named:
        named[name] = known.get(name, MISSING)
    looks = config.setdefault("sphinx", {}).setdefault("config", {})
    looks["exhibits_code"] = sources.fingerprint("press.exhibits")
    return config


def staged_page(page: pages.Page) -> bytes:
    """Return an executed page as the book shows it: as it is, or marked where it is stale."""
    changed = verify.changed_sources(page)
    if not changed:
        return page.path.read_bytes()
    notebook = json.loads(page.path.read_text())
    text = f"Stale: {'; '.join(changed)} since this page was executed"
    when = page.papermill.get("start_time", "")[:10]
    mark = f'<p class="stale-mark">{text}{f" on {when}" if when else ""}.</p>'
    cell = {"cell_type": "markdown", "id": "stale", "metadata": {}, "source": [mark]}
    notebook["cells"].insert(1, cell)
    return json.dumps(notebook, ensure_ascii=False).encode()


def stage(study: Study) -> bool:
    """Bring ``_build/<study>/source`` up to date and say whether anything in it changed."""
    source = build_folder(study.name) / "source"
    wanted = {source / p: (ROOT / p).read_bytes() for p in prose_files() if p.startswith("book/")}
    for page in (page for executed in _pages(study).values() for page in executed):
        wanted[source / page.path.relative_to(ROOT)] = staged_page(page)
    made = generated(study)
    wanted |= {source / path: text.encode() for path, text in made.items()}
    for name, settings in (("_toc", contents(study, made)), ("_config", configuration(study))):
        wanted[source / f"{name}.yml"] = yaml.safe_dump(settings, sort_keys=False).encode()
    there = {p for p in source.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    for path in there - set(wanted):
        path.unlink()
    changed = [p for p, content in wanted.items() if p not in there or p.read_bytes() != content]
    for path in changed:
        with written_whole(path) as temporary:
            temporary.write_bytes(wanted[path])
    return bool(changed) or there != set(wanted)


def render(study: Study) -> Path:
    """Render the book of a study and return its first page; raises UserError if Sphinx fails."""
    build = build_folder(study.name)
    page, rendered = rendered_book(study.name) / "index.html", build / "rendered"
    if not stage(study) and rendered.exists():
        return page
    rendered.unlink(missing_ok=True)
    command = ["jupyter-book", "build", str(build / "source"), "--path-output", str(build)]
    print(f"rendering {build.relative_to(ROOT)} ...", flush=True)
    done = subprocess.run(
        [*command, "-W", "--keep-going", "-n", "-q"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    if done.returncode or not page.exists():
        print(done.stdout)
        raise UserError(f"the book of '{study.name}' has warnings or errors: they stand above")
    rendered.touch()
    return page


if __name__ == "__main__":
    try:
        print("The book is ready, open", render(load(sys.argv[1])).relative_to(ROOT))
    except UserError as error:
        sys.exit(str(error))
