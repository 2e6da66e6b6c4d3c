"""Stage the sources of a study's book and render it.

    python -m press.book config/phantoms.yaml

Where the study asks for it, the page of its models on another study's images is made first.

The book is staged to ``_build/<study>/source`` so that Sphinx sees prose and pages alone. Where
nothing changed there, nothing is rendered.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path

import yaml
from pydantic import ConfigDict, Field

from birads_lib.checked import Checked
from birads_lib.errors import UserError, did_you_mean
from birads_lib.files import written_whole
from birads_lib.protocol import PROTOCOLS
from press import chapters, claims, external, manifest, paths, sources, yaml_file
from press import page as pages
from press.page import COMMITTED
from press.paths import BOOK, CONFIG, ROOT, build_folder, parts_of_page, rendered_book
from press.report import checklists as reporting
from press.report import front, overview, receipts
from press.report.templates import literal
from press.stale import changed_sources
from press.study import Study, load


class _Part(Checked):
    caption: str = ""
    study: str = ""
    chapters: list[dict] = Field([])


class _Contents(Checked):
    """What ``_toc.yml`` at the root holds."""

    format: str
    root: str
    parts: list[_Part]


class _Settings(Checked):
    """What the book can't do without of what ``_config.yml`` at the root holds."""

    model_config = ConfigDict(extra="allow")
    parse: dict[str, object]


THIS = "this"  # in _toc.yml: the study whose book it is
MISSING = "(not run in this build)"
_NUMBER = re.compile(r"{{ *(\w+) *}}")  # in prose


def _read(name: str, model: type[Checked]) -> dict:
    """Return what a file at the root holds, as it stands there; UserError for what is wrong."""
    content, lines = yaml_file.read(ROOT / name, model.model_fields)
    yaml_file.checked(ROOT / name, model, content, lines)
    return content


def _studies(study: Study) -> list[Study]:
    """Return the study whose book it is, and those whose pages are committed."""
    return [study, *(load(CONFIG / f"{name}.yaml") for name in COMMITTED if name != study.name)]


def contents(study: Study, made: Collection[str] = ()) -> dict:
    """Return the table of contents of a study's book, from ``_toc.yml`` at the root.

    There, ``study: this`` stands for the study's own chapters, and ``study: <name>`` for those of
    a committed one. Pages that neither exist nor are ``made`` while staging are left out.
    """
    toc = _read("_toc.yml", _Contents)
    studies = {each.name: each for each in _studies(study)} | {THIS: study}
    parts = []
    for part in toc["parts"]:
        name, listed = part.get("study"), part.get("chapters", [])
        if name == THIS and study.name in COMMITTED:
            continue  # it has a part of its own
        if name and name not in studies:
            raise UserError(f"_toc.yml: unknown study '{name}'; {did_you_mean(name, studies)}")
        about = studies[name] if name else None
        if about:
            listed = [*listed, *chapters_of(about), *comparisons_of(about)]
        if existing := _existing(listed, made):
            caption = part.get("caption") or about.title
            parts.append({"caption": caption, "chapters": existing})
    return {**toc, "parts": parts}


def chapters_of(study: Study) -> list[dict]:
    """Return a study's chapters: one for each notebook, its further runs as sections, two cards."""
    listed = []
    for pages_of_chapter in [*chapters.contents(study), *([card] for card in reporting.CARDS)]:
        chapter, *sections = ({"file": f"book/{study.name}/{page}"} for page in pages_of_chapter)
        listed.append(chapter | ({"sections": sections} if sections else {}))
    return listed


def comparisons_of(study: Study) -> list[dict]:
    """Return the pages on which a study was held against others; these aren't its own."""
    of_two = [row.notebook for row in chapters.CHAPTERS if row.pages == "elsewhere"]
    folder = BOOK / study.name
    executed = [page for name in of_two for page in sorted(folder.glob(f"{name}-*.ipynb"))]
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
    """Return the title in the contents of a run's page: its heading, its variant or protocol."""
    _, variant, protocol = parts_of_page(Path(page).name)
    path = ROOT / f"{page}.ipynb"
    if not variant or not path.exists():
        return {}
    heading = "".join(json.loads(path.read_text())["cells"][0]["source"]).splitlines()[0]
    shown = [part for part in (variant, protocol) if part not in ("", "proposed")]
    shown += ["leaky"] if protocol and PROTOCOLS[protocol].leaks else []
    return {"title": f"{heading.lstrip('# ')} ({', '.join(shown).replace('_', ' ')})"}


def configuration(study: Study) -> dict:
    """Return the book's ``_config.yml`` with the numbers that prose names.

    ``this_<protocol>_<metric>`` and ``this_title`` are of the study whose book it is.
    """
    config = _read("_config.yml", _Settings)
    known = {"this_title": literal(study.title)}  # MyST runs what it substitutes as a template
    known["this_root_hash"] = manifest.UNKNOWN  # put in when all is rendered, as it is over all
    for name in dict.fromkeys([*COMMITTED, study.name]):
        for page in pages.of_study(name, BOOK):
            known |= {recorded: literal(number.text) for recorded, number in page.numbers.items()}
    for name in [name for name in known if name.startswith(f"{study.name}_")]:
        known[THIS + name.removeprefix(study.name)] = known[name]
    known["this_reading"] = _reading(study, known)
    if answer := front.answer(BOOK):
        known["inbreast_answer"] = literal(answer)
    named = config["parse"]["myst_substitutions"]
    config["parse"]["myst_substitutions"] = {name: known.get(name, MISSING) for name in named}
    looks = config.setdefault("sphinx", {}).setdefault("config", {})
    looks["exhibits_code"] = sources.fingerprint("press.exhibits")
    return config


def _reading(study: Study, known: Mapping[str, str]) -> str:
    """Return what the numbers of a study's book say, for its first page."""
    synthetic = "These images are synthetic."
    said = [synthetic] if study.reader.synthetic else []
    start = "this_head_start" if "this_head_start" in known else "this_patient_pretrained"
    names = (start, "this_patient_floors")
    return " ".join([*said, *(known[name] for name in names if name in known)])


def staged_page(page: pages.Page) -> bytes:
    """Return an executed page as the book shows it: as it is, or marked where it is stale."""
    changed = changed_sources(page)
    if not changed:
        return page.path.read_bytes()
    notebook = json.loads(page.path.read_text())
    text = f"Stale: {'; '.join(changed)} since this page was executed"
    when = page.papermill.get("start_time", "")[:10]
    mark = f'<p class="stale-mark">{text}{f" on {when}" if when else ""}.</p>'
    cell = {"cell_type": "markdown", "id": "stale", "metadata": {}, "source": [mark]}
    notebook["cells"].insert(1, cell)
    return json.dumps(notebook, ensure_ascii=False).encode()


def _is_of_the_paper(study: Study) -> bool:
    """Return whether cards and checklists, which speak of nothing else, are of such a study."""
    return study.chapters == chapters.PAPER and study.label_set.name == chapters.PAPER_TASK


def wanted(study: Study) -> dict[str, bytes]:
    """Return all files of the staged book, by their paths: prose, pages, and what is made now."""
    prose = manifest.prose(study)
    wanted = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in prose}
    studies = _studies(study)
    executed = [(each.title, pages.of_study(each.name, BOOK)) for each in studies]
    for page in (page for _, of_a_study in executed for page in of_a_study):
        wanted[page.path.relative_to(ROOT).as_posix()] = staged_page(page)
    made = {"book/provenance.md": overview.chapter(executed)}
    of_studies = [(each, read) for each, (_, read) in zip(studies, executed, strict=True)]
    made["book/receipts.md"] = receipts.chapter(of_studies)
    made |= reporting.generated([each for each in studies if _is_of_the_paper(each)], BOOK)
    wanted |= {path: text.encode() for path, text in made.items()}
    for name, settings in (("_toc", contents(study, made)), ("_config", configuration(study))):
        wanted[f"{name}.yml"] = yaml.safe_dump(settings, sort_keys=False).encode()
    return wanted


def check(study: Study) -> None:
    """Raise UserError with all that keeps the book from being put together around its pages.

    No page is read, so that each fact of one counts as unknown.
    """
    of_paper, nowhere = list(filter(_is_of_the_paper, _studies(study))), build_folder("nothing")
    parts = [partial(contents, study), partial(_check_numbers, study)]
    parts += [partial(reporting.generated, [each], nowhere) for each in of_paper]
    parts += [partial(receipts.chapter, [(study, [])]), partial(overview.chapter, [])]
    if any(f"book/{claims.CLAIMS.name}" in row.sources for row in chapters.of_study(study)):
        parts += [claims.load, claims.cohort, claims.published]
    problems = []
    for part in parts:
        try:
            part()
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(dict.fromkeys(problems)))


def _check_numbers(study: Study) -> None:
    """Raise UserError where prose names a number that the book's settings don't."""
    named = _read("_config.yml", _Settings)["parse"].get("myst_substitutions") or {}
    problems = [
        f"{path.name}: unknown {{{{ {name} }}}}; {did_you_mean(name, named)}"
        for path in manifest.prose(study)
        if path.suffix == ".md" and path.parent.name != "_templates"
        for name in dict.fromkeys(_NUMBER.findall(path.read_text()))
        if name not in named
    ]
    if problems:
        raise UserError("\n".join(problems))


def stage(study: Study, source: Path) -> bool:
    """Bring the folder of a book's sources up to date; return whether anything in it changed."""
    files = {source / path: content for path, content in wanted(study).items()}
    there = {p for p in source.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    for path in there - set(files):
        path.unlink()
    changed = [p for p, content in files.items() if p not in there or p.read_bytes() != content]
    for path in changed:
        with written_whole(path) as temporary:
            temporary.write_bytes(files[path])
    return bool(changed) or there != set(files)


def render(study: Study) -> Path:
    """Render the book of a study and return its first page; raises UserError if Sphinx fails."""
    build = build_folder(study.name)
    page, is_whole = rendered_book(study.name) / "index.html", manifest.is_whole(study)
    if not stage(study, build / "source") and is_whole:
        manifest.seal(study)  # what is not staged may have changed, such as the lock
        return page
    # From nothing: what Sphinx keeps of a page that didn't change has the contents of before.
    shutil.rmtree(build / "_build", ignore_errors=True)
    paths.manifest(study.name).unlink(missing_ok=True)
    print(f"rendering {build.relative_to(ROOT)} ...", flush=True)
    _run_sphinx(study, build)
    manifest.seal(study)
    return page


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


def build(config: str) -> Path:
    """Render a study's book, with the page of another study's images where it asks for one."""
    study = load(config)
    if study.external:
        external.external(config, study.external.study)
    return render(study)


if __name__ == "__main__":
    try:
        print("The book is ready, open", build(sys.argv[1]).relative_to(ROOT))
    except UserError as error:
        sys.exit(str(error))
