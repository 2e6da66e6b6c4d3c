"""The files of a study's book and of its sources, and the root hash over all of them.

The root hash is over three: of the pages as they were executed, with all their passports, outputs
and times; of what the book was rendered from beside them; and of the rendered files. Whoever
changes any of these, and every other hash so that it fits, ends with another root hash. It
identifies this execution: who executes the study again gets another one, as times and machine are
in passports.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from birads_lib.errors import UserError
from birads_lib.files import sha256, sha256_of, written_whole
from press import paths
from press.pages.page import COMMITTED, SEALS, hash_list, hashes_in
from press.report.templates import literal
from press.studies.study import Study

UNKNOWN = 64 * "0"  # stands for the root hash in the files that it is over
ROOT_FILES = ("README.md", "CITATION.cff", "pyproject.toml", "uv.lock", "_config.yml", "_toc.yml")
_HOLDING = (".html", ".js")  # files of the rendered book that may tell the root hash


def executed(study: Study) -> dict[str, str]:
    """Return the SHA-256 of each executed page of a study, by its path from the root."""
    return _hashes((paths.BOOK / study.name).glob("*.ipynb"))


def sources(study: Study) -> dict[str, str]:
    """Return the SHA-256 of all else that a study's book is rendered from, by path or name."""
    other_studies = [name for name in COMMITTED if name != study.name]
    files = [path for name in other_studies for path in (paths.BOOK / name).glob("*.ipynb")]
    files += prose(study)
    files += [paths.ROOT / name for name in ROOT_FILES]
    files += [paths.CONFIG / f"{name}.yaml" for name in other_studies]
    config = paths.ROOT / study.config
    hashes = _hashes(path for path in files if path.exists())
    return hashes | ({config.name: sha256(config)} if study.config else {})


def prose(study: Study) -> list[Path]:
    """Return the files below book/ that nobody executed, without those of studies not shown."""
    studies = [path.parent for path in paths.BOOK.glob(f"*/{SEALS}")]
    hidden_folders = [folder for folder in studies if folder.name not in (study.name, *COMMITTED)]
    files = [path for path in sorted(paths.BOOK.rglob("*")) if path.is_file()]
    return [
        path
        for path in files
        if path.suffix not in (".ipynb", ".pyc") and not set(hidden_folders) & set(path.parents)
    ]


def rendered(study: Study, root: str) -> dict[str, str]:
    """Return the SHA-256 of each rendered file without ``root`` in it, by its path."""
    files = [p for p in paths.rendered_book(study.name).rglob("*") if p.is_file()]
    return {_name(path): sha256_of(_without_root(root, path)) for path in files}


def root_hash(study: Study, root: str) -> str:
    """Return the root hash of a study's book, in which ``root`` stands as such, as it is now."""
    parts = {
        "executed": executed(study),
        "rendered": rendered(study, root),
        "sources": sources(study),
    }
    return branch({name: branch(hashes) for name, hashes in parts.items()})


def branch(hashes: dict[str, str]) -> str:
    """Return one SHA-256 over hashes and names, in the order of the names.

    The same as of the lines that ``sha256sum`` prints of these files.
    """
    return sha256_of(hash_list(hashes).encode())


def noted_root(study: Study) -> str:
    """Return the root hash that was noted when the book was rendered, or ``UNKNOWN``."""
    path = paths.root_file(study.name)
    return path.read_text().strip() if path.exists() else UNKNOWN


def statement(study: Study) -> str:
    """Return, as Markdown, which root hash a study's book has, for what is packed of it."""
    root, pages = noted_root(study), branch(executed(study))
    of_book = f"The root hash of its book:\n\n    {root}"
    if root == UNKNOWN:
        of_book = "Its book was not rendered where this was packed."
    return (
        f"# {literal(study.title)}\n\n{of_book}\n\nThe hash of its executed pages, as "
        f"`sha256sum book/{study.name}/*.ipynb | sha256sum` computes it:\n\n    {pages}\n\n"
        "Hold them against those that were published, by a signed tag or Sigstore; how stands in "
        "`book/re_execute.md` of the repository, under *Whose book is it?*\n"
    )


def listed(study: Study) -> dict[str, str]:
    """Return the SHA-256 of each file as noted when the book was rendered.

    {} where it wasn't, and where the list is damaged: then it is to be rendered anew.
    """
    with suppress(UserError):
        return hashes_in(paths.manifest(study.name))
    return {}


def seal(study: Study) -> str:
    """Put the root hash into the rendered book, note all hashes, and return it."""
    before = noted_root(study)
    root = root_hash(study, before)
    for path in paths.rendered_book(study.name).rglob("*"):
        if path.suffix in _HOLDING and path.is_file():
            cleared = _without_root(before, path)
            content = cleared.replace(UNKNOWN.encode(), root.encode())
            if content != path.read_bytes():
                with written_whole(path) as temporary:
                    temporary.write_bytes(content)
    with written_whole(paths.root_file(study.name)) as temporary:
        temporary.write_text(f"{root}\n")
    hashes = executed(study) | sources(study) | rendered(study, UNKNOWN)
    with written_whole(paths.manifest(study.name)) as temporary:
        temporary.write_text(hash_list(hashes))
    return root


def is_whole(study: Study) -> bool:
    """Return whether the rendered files are those noted when the book was rendered."""
    before, now = listed(study), rendered(study, UNKNOWN)
    folder = _name(paths.rendered_book(study.name))
    return bool(before) and now == {n: h for n, h in before.items() if n.startswith(f"{folder}/")}


def changes(study: Study) -> list[str]:
    """Return, a line each, what of the book or its sources isn't what it was when rendered."""
    before = listed(study)
    now, lines = executed(study) | sources(study) | rendered(study, UNKNOWN), []
    for name in sorted(before.keys() | now.keys()):
        if name not in now:
            lines.append(f"{name} is gone")
        elif name not in before:
            lines.append(f"{name} was not there when the book was rendered")
        elif now[name] != before[name]:
            lines.append(f"{name} has changed since the book was rendered")
    return lines


def _hashes(files: Iterable[Path]) -> dict[str, str]:
    return {_name(path): sha256(path) for path in files}


def _name(path: Path) -> str:
    return path.relative_to(paths.ROOT).as_posix()


def _without_root(root: str, path: Path) -> bytes:
    """Return the bytes of a file with ``UNKNOWN`` in place of the root hash."""
    content = path.read_bytes()
    return content.replace(root.encode(), UNKNOWN.encode()) if path.suffix in _HOLDING else content
