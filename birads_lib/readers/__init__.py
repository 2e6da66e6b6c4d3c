"""Readers: each turns a folder into a ``Dataset``, or lists all that is wrong with it.

A reader is one module, found by its name: in this package, or named by an installed package under
the entry point group ``birads_lib.readers``. It has

- ``READER = Reader(...)``, all of it literals: what is known of the reader before it reads;
- ``Options``, a ``Checked`` model of what a study may give it beside the folder;
- ``read(folder, *, pixels, task, **options)``, which raises UserError for every option that doesn't
  exist or is out of range, and DatasetError for everything that is wrong with the folder. Without
  ``pixels`` it reads no more than headers, within seconds; ``task`` says whose labels are needed.

``READERS`` is read from the modules' text and imports none of them, so that asking what a reader is
costs nothing.
"""

import ast
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules

from birads_lib.errors import UserError

GROUP = "birads_lib.readers"  # of the entry points of other packages' readers
_OWNER = "The owner of the data has to say"
# What cards and checklists say of any owner's images. A reader has other words where it knows more.
WORDS = {
    "short": "own images",
    "images_are": "mammograms from a folder of the study's owner",
    "sources": "the sources that its owner knows",
    "motivation": f"Why were these images collected, by whom, and who paid? {_OWNER}.",
    "labels_are": f"Where the category of an image comes from: {_OWNER.lower()}.",
    "findings_are": "Findings have no outlines.",
    "unknown_labels": "Who gave the category, was there a second reader or a biopsy, are the "
    f"images a sample of something, is a patient to be recognised in them? {_OWNER}.",
    "collection": "Where, when and on which machines, who was included, did patients consent, "
    f"which committee agreed? {_OWNER}.",
    "preparation": f"What was done to the images before this study: {_OWNER.lower()}.",
    "uses": f"Other uses, and those to be avoided: {_OWNER.lower()}.",
    "distribution": f"Who may have them, under which licence: {_OWNER.lower()}.",
    "maintenance": f"Whom to ask, and how errors are put right: {_OWNER.lower()}.",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reader:
    """The properties of a reader that don't depend on the folder it reads.

    Attributes:
        name: as a study's YAML has it, and of the reader's module.
        collection: the published collection that it reads, as papers call it; "" for any images.
        tables: what a table beside such images is called, as shells match names, in any case;
            none: no folder is recognised as the reader's.
        tables_hold: a text that is in these tables, where others may give a table such a name.
        label: the column of cases that its images have labels in, if it isn't BI-RADS.
        synthetic: whether its images are made up: what shows them carries a mark, and may show
            them unless a study says otherwise.
        makes_images: whether it makes the images itself, and needs no folder of them.
        may_show_pixels: whether a study may show them, where its YAML says so.
        patients_from: the option without which nobody knows the images' patients; "" where they
            may be known without any.
        words: what cards and checklists say of its images, in Markdown, by the keys of ``WORDS``;
            they say those for each that is left out.
        module: where it is imported from; "" for a module of this package.
    """

    name: str
    collection: str = ""
    tables: tuple[str, ...] = ()
    tables_hold: str = ""
    label: str = "birads"
    synthetic: bool = False
    makes_images: bool = False
    may_show_pixels: bool = True
    patients_from: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    module: str = ""

    def knows_patients(self, options: Mapping[str, object]) -> bool:
        """Return whether each image's patient is known with these options."""
        names = (self.patients_from, "one_image_per_patient")
        return not self.patients_from or any(options.get(name) for name in names)

    def recognises(self, files: Iterable[Path]) -> bool:
        """Return whether files that lie together are a collection that it reads."""
        patterns = [pattern.casefold() for pattern in self.tables]
        return any(
            any(fnmatchcase(path.name.casefold(), pattern) for pattern in patterns)
            and (not self.tables_hold or self.tables_hold.encode() in path.read_bytes())
            for path in files
        )

    def code(self) -> list[Path]:
        """Return the source files of the package that it comes from; [] where that is this one.

        Raises UserError where they can't be found: what they do then has no fingerprint.
        """
        if not self.module:
            return []
        spec = find_spec(self.module.partition(".")[0])
        folders = list(spec.submodule_search_locations or []) if spec else []
        files = [path for folder in folders for path in sorted(Path(folder).rglob("*.py"))]
        files = files or [Path(spec.origin)] if spec and spec.origin else files
        if not files:
            raise UserError(f"the source of the reader {self.name!r} ({self.module}) is not there")
        return files

    def all_words(self) -> dict[str, str]:
        """Return its words for every key of ``WORDS``."""
        return WORDS | dict(self.words)


def declared(path: str | Path) -> Reader | None:
    """Return the ``READER`` that a module's file declares, without importing it; else None."""
    for node in ast.parse(Path(path).read_text("utf-8")).body:
        match node:
            case ast.Assign(targets=[ast.Name("READER")], value=ast.Call() as call):
                keywords = {part.arg: ast.literal_eval(part.value) for part in call.keywords}
                return Reader(*map(ast.literal_eval, call.args), **keywords)
    return None


def _of_this_package() -> Iterator[Reader]:
    for module in iter_modules(__path__):
        if reader := declared(Path(__path__[0], f"{module.name}.py")):
            yield reader


def _of_other_packages() -> Iterator[Reader]:
    for point in entry_points(group=GROUP):
        try:
            reader = declared(find_spec(point.module).origin)
            yield replace(reader, name=point.name, module=point.module)
        except Exception as error:  # of somebody else's package, which may be broken in any way
            log.warning("the reader %r of %s is left out: %s", point.name, point.module, error)


READERS = {reader.name: reader for reader in (*_of_other_packages(), *_of_this_package())}
