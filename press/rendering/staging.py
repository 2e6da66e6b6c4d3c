"""Put the sources of a study's book together: prose, executed pages, and what is made of both.

They are staged to ``_build/<study>/source`` so that Sphinx sees prose and pages alone.
"""

import html
import json
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import yaml
from pydantic import ConfigDict

from birads_lib.checked import Checked
from birads_lib.errors import did_you_mean
from birads_lib.files import written_whole
from press import paths
from press.pages import page as pages
from press.pages import sources
from press.pages.page import COMMITTED
from press.pages.stale import changed_sources
from press.paths import BOOK, CONFIG, ROOT, build_folder
from press.problems import noted, refuse
from press.rendering import contents, manifest, shown
from press.report import checklists as reporting
from press.report import claims, front, overview, receipts
from press.report.templates import literal
from press.studies import chapters, yaml_file
from press.studies.study import Study, load


class _Settings(Checked):
    """The keys of ``_config.yml`` at the root that the book needs; others may stand there, too."""

    model_config = ConfigDict(extra="allow")
    parse: dict[str, object]


MISSING = "(not run in this build)"
_ORPHAN = "---\norphan: true\n---\n"  # of a page of prose that the contents don't list
_NUMBER = re.compile(r"{{ *(\w+) *}}")  # in prose


def _read(name: str, model: type[Checked]) -> dict:
    """Return the content of a file at the root as it stands; raise UserError for what is wrong."""
    content, lines = yaml_file.read(ROOT / name, model.model_fields)
    yaml_file.checked(ROOT / name, model, content, lines)
    return content


def _studies(study: Study) -> list[Study]:
    """Return the study whose book it is, and those whose pages are committed."""
    return [study, *(load(CONFIG / f"{name}.yaml") for name in COMMITTED if name != study.name)]


def configuration(study: Study) -> dict:
    """Return the book's ``_config.yml`` with the numbers that prose names.

    ``this_<protocol>_<metric>`` and ``this_title`` are of the study whose book it is.
    """
    config = _read("_config.yml", _Settings)
    substitutions = {
        "this_title": literal(study.title),  # MyST runs what it substitutes as a template
        "this_root_hash": manifest.UNKNOWN,  # put in when all is rendered, as it is over all
    }
    for name in dict.fromkeys([*COMMITTED, study.name]):
        for page in pages.of_study(name, BOOK):
            substitutions |= {
                recorded: literal(number.text) for recorded, number in page.numbers.items()
            }
    for name in [name for name in substitutions if name.startswith(f"{study.name}_")]:
        substitutions[contents.THIS + name.removeprefix(study.name)] = substitutions[name]
    substitutions["this_reading"] = _reading(study, substitutions)
    if answer := front.answer(BOOK):
        substitutions["inbreast_answer"] = literal(answer)
    substituted = config["parse"]["myst_substitutions"]
    config["parse"]["myst_substitutions"] = {
        name: substitutions.get(name, MISSING) for name in substituted
    }
    looks = config.setdefault("sphinx", {}).setdefault("config", {})
    looks["book_pages"] = [run.doc for each in _studies(study) for run in contents.runs(each)]
    looks["exhibits_code"] = sources.fingerprint("press.rendering.exhibits")
    return config


def _reading(study: Study, numbers: Mapping[str, str]) -> str:
    """Return the summary of a study's numbers for the first page of its book."""
    synthetic = "These images are synthetic."
    first = [synthetic] if study.reader.synthetic else []
    start = "this_head_start" if "this_head_start" in numbers else "this_patient_pretrained"
    names = (start, "this_patient_floors")
    return " ".join([*first, *(numbers[name] for name in names if name in numbers)])


def staged_page(page: pages.Page, title: str, selector: str, is_listed: bool) -> bytes:
    """Return an executed page as the book shows it: with its run named, and marked where stale.

    Args:
        page: as it was executed.
        title: what the page is called.
        selector: the way to the chapter's other runs, as HTML.
        is_listed: whether the contents list it; else a search passes over it, too.
    """
    notebook = json.loads(page.path.read_text())
    _fold(notebook, paths.source_notebook(page.notebook))
    first = notebook["cells"][0]
    _, _, text = "".join(first.get("source", "")).partition("\n")
    first["source"] = f"# {title}\n\n{selector}\n{text}"
    if not is_listed:  # its code is that of the main page, and stands here without colours
        language = {"name": "python", "pygments_lexer": "text"}
        notebook.setdefault("metadata", {}).update(
            orphan=True, nosearch=True, language_info=language
        )
    if changed := changed_sources(page):
        mark = _stale_mark(changed, page.papermill.get("start_time", "")[:10])
        cell = {"cell_type": "markdown", "id": "stale", "metadata": {}, "source": [mark]}
        notebook["cells"].insert(1, cell)
    return json.dumps(notebook, ensure_ascii=False).encode()


def _stale_mark(changed: list[str], when: str) -> str:
    """Return, as HTML, what has changed since a page was executed, and when that was."""
    executed = f"executed on {when}" if when else "executed"
    text = f"Stale: since this page was {executed}, {'; '.join(changed)}."
    return f'<p class="stale-mark">{html.escape(text)}</p>'  # names and times are the page's own


def _is_of_the_paper(study: Study) -> bool:
    """Return whether cards and checklists, which speak of nothing else, are of such a study."""
    return study.chapters == chapters.PAPER and study.label_set.name == chapters.PAPER_TASK


def staged_files(study: Study) -> dict[str, bytes]:
    """Return all files of the staged book, by their paths: prose, pages, and what is made now."""
    prose = manifest.prose(study)
    files = {path.relative_to(ROOT).as_posix(): _prose(path) for path in prose}
    studies = _studies(study)
    executed = [(each.title, pages.of_study(each.name, BOOK)) for each in studies]
    made = {"book/provenance.md": overview.chapter(executed)}
    of_studies = [(each, read) for each, (_, read) in zip(studies, executed, strict=True)]
    made["book/receipts.md"] = receipts.chapter(of_studies)
    made |= reporting.generated([each for each in studies if _is_of_the_paper(each)], BOOK)
    made["book/companions.md"] = overview.companions()
    made["book/archive.md"] = contents.archive(studies, made)
    by_name = {each.name: each for each in studies}
    toc = contents.contents(study, by_name, made)
    listed = contents.listed(toc)
    files |= {
        path: ("" if path.removesuffix(".md") in listed else _ORPHAN).encode() + text.encode()
        for path, text in made.items()
    }
    all_runs = [run for each in studies for run in contents.runs(each)]
    by_path = {f"{run.doc}.ipynb": run for run in all_runs}
    for page in (page for _, of_a_study in executed for page in of_a_study):
        path = page.path.relative_to(ROOT).as_posix()
        run = by_path.get(path) or contents.Run(by_name[page.study], page.name)
        title, selector = contents.title(run), contents.selector(run, all_runs)
        files[path] = staged_page(page, title, selector, run.doc in listed)
    for name, settings in (("_toc", toc), ("_config", configuration(study))):
        files[f"{name}.yml"] = yaml.safe_dump(settings, sort_keys=False).encode()
    return files


def _fold(notebook: dict, source: Path) -> None:
    """Fold in the cells of an executed notebook that its source folds in today.

    That is a matter of looks alone. A cell whose code has changed since stays as it was executed.
    """
    cells = json.loads(source.read_text())["cells"] if source.exists() else []
    today = {(cell["id"], "".join(cell["source"])): _tags(cell) for cell in cells}
    for cell in notebook["cells"]:
        folded = today.get((cell.get("id"), "".join(cell.get("source", ""))))
        if folded is not None:
            other_tags = [tag for tag in _tags(cell) if not tag.startswith("hide-")]
            tags = other_tags + [tag for tag in folded if tag.startswith("hide-")]
            cell["metadata"] = cell["metadata"] | {"tags": tags}


def _tags(cell: dict) -> list[str]:
    return cell["metadata"].get("tags", [])


def _prose(path: Path) -> bytes:
    """Return a file below book/ as it is staged: in text, code of the library in its place."""
    if path.suffix != ".md":
        return path.read_bytes()
    return shown.with_code(path.read_text(), path.name).encode()


def check(study: Study) -> None:
    """Raise UserError with all that keeps the book from being put together around its pages.

    No page is read, so that each fact of one counts as unknown.
    """
    by_name, nowhere = {each.name: each for each in _studies(study)}, build_folder("nothing")
    of_paper = filter(_is_of_the_paper, by_name.values())
    parts = [partial(contents.contents, study, by_name), partial(_check_numbers, study)]
    parts += [partial(_prose, path) for path in manifest.prose(study)]
    parts += [partial(reporting.generated, [each], nowhere) for each in of_paper]
    parts += [partial(receipts.chapter, [(study, [])]), partial(overview.chapter, [])]
    if any(f"book/{claims.CLAIMS.name}" in row.sources for row in chapters.of_study(study)):
        parts += [claims.load, claims.cohort, claims.published]
    problems = []
    for part in parts:
        with noted(problems):
            part()
    refuse(problems)


def _check_numbers(study: Study) -> None:
    """Raise UserError where prose names a number that the book's settings don't."""
    defined = _read("_config.yml", _Settings)["parse"].get("myst_substitutions") or {}
    problems = [
        f"{path.name}: unknown {{{{ {name} }}}}; {did_you_mean(name, defined)}"
        for path in manifest.prose(study)
        if path.suffix == ".md" and path.parent.name != "_templates"
        for name in dict.fromkeys(_NUMBER.findall(path.read_text()))
        if name not in defined
    ]
    refuse(problems)


def stage(study: Study, source: Path) -> bool:
    """Bring the folder of a book's sources up to date; return whether anything in it changed."""
    files = {source / path: content for path, content in staged_files(study).items()}
    existing = {p for p in source.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    for path in existing - set(files):
        path.unlink()
    changed = [p for p, content in files.items() if p not in existing or p.read_bytes() != content]
    for path in changed:
        with written_whole(path) as temporary:
            temporary.write_bytes(files[path])
    return bool(changed) or existing != set(files)
