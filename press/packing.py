"""What goes into the crate of a study, what doesn't, and why not."""

import csv
import io
from pathlib import Path

from rocrate.model.contextentity import ContextEntity
from rocrate.model.entity import Entity
from rocrate.rocrate import ROCrate

from birads_lib.errors import UserError
from birads_lib.files import sha256
from press import page as pages
from press.bundle import files_below
from press.page import Exhibit, Page
from press.paths import BOOK, ROOT
from press.run import sha256_of
from press.study import Study

TERMS = "https://w3id.org/ro/terms/workflow-run#"  # what the profile adds to RO-Crate's own
LARGEST = 100 * 2**20  # bytes of one file that a page wrote; a larger one is only described
# All else that is made from restricted images (arrays, features, models, tables by image) might
# give an image back or tell whose it is.
OPEN = (".metrics.json", "history.csv")
NAMING = {"image_id", "patient_id"}  # columns of a table that tell whose an image is
SOURCES = (
    "CITATION.cff", "LICENSE", "LICENSE-text", "pyproject.toml", "uv.lock", "Snakefile",
    "book/claims.yml", "book/published.yml",
)  # fmt: skip
FORMATS = {
    ".ipynb": "application/x-ipynb+json", ".py": "text/x-python", ".csv": "text/csv",
    ".json": "application/json", ".png": "image/png", ".npy": "application/octet-stream",
    ".parquet": "application/vnd.apache.parquet", ".keras": "application/zip",
    ".h5": "application/x-hdf5", ".yaml": "application/yaml", ".yml": "application/yaml",
    ".cff": "application/yaml", ".toml": "application/toml", ".lock": "application/toml",
}  # fmt: skip


def thing(crate: ROCrate, identity: str, kind: str, **facts: object) -> ContextEntity:
    """Return the entity with this id, added if it isn't there; facts that are None are left out."""
    known = crate.get(identity)
    if known is not None:
        return known
    said = {name: value for name, value in facts.items() if value is not None}
    return crate.add(ContextEntity(crate, identity, {"@type": kind, **said}))


def few(values: list) -> object:
    """Return the only item of a list in its place, as RO-Crate wants it; else the list."""
    return values[0] if len(values) == 1 else values


class Packing:
    """The crate of one study while it is filled; its paths are those of the repository."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.crate = ROCrate(version="1.1")
        self.crate.metadata.extra_terms |= {
            name: TERMS + name for name in ("sha256", "environment")
        }
        self.seals = pages.seals(BOOK / study.name)
        self.sealed: dict[str, str] = {}  # the pages in the crate: file name -> SHA-256
        self.absent: dict[str, str] = {}  # what is described and not in the crate: id -> why

    def add_file(self, place: str, source: Path | bytes, **facts: object) -> Entity:
        """Add a file under its path in the crate."""
        is_path = isinstance(source, Path)
        said = {
            "name": place,
            "encodingFormat": FORMATS.get(Path(place).suffix, "text/plain"),
            "contentSize": str(source.stat().st_size if is_path else len(source)),
            "sha256": sha256(source) if is_path else sha256_of(source),
        }
        content = source if is_path else io.BytesIO(source)
        return self.crate.add_file(content, place, properties=said | facts)

    def add_absent(self, place: str, digest: str, why: str, **facts: object) -> Entity:
        """Add the description of a file that is not in the crate."""
        identity, said = f"#{place}-{digest[:12]}", f"Not in this crate: {why}."
        self.absent[identity] = why
        facts = {"description": said, "sha256": digest} | facts
        return thing(self.crate, identity, "CreativeWork", name=place, **facts)

    def add_sources(self, config: Path, said: dict) -> None:
        """Add notebooks, library, study and what else was there before anything ran.

        ``said``: what CITATION.cff says.
        """
        facts = {"version": said["version"]}
        facts |= {"url": said["repository-code"]} if "repository-code" in said else {}
        kind = {"@type": ["File", "SoftwareSourceCode"]}
        for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
            self.add_file(f"notebooks/{path.name}", path, **kind, **facts, name=path.stem)
        library = [p for p in files_below(ROOT / "birads_lib") if p.suffix in (".py", ".h5")]
        parts = [self.add_file(path.relative_to(ROOT).as_posix(), path) for path in library]
        facts |= {"name": "birads_lib", "hasPart": parts}
        thing(self.crate, "#birads_lib", "SoftwareSourceCode", **facts)
        for name in SOURCES:
            self.add_file(name, ROOT / name)
        self.add_file(f"config/{config.name}", config, description="The study")

    def add_page(self, page: Page) -> list[Entity]:
        """Add an executed page, what it shows and what it wrote; return all of these."""
        place, digest = f"book/{page.study}/{page.path.name}", sha256(page.path)
        naming = [table for one in page.exhibits.values() for table in self._naming(one)]
        if naming:
            why = f"it holds {', '.join(naming)}, which tells patients or images"
            made = [self.add_absent(place, digest, why)]
        else:
            said = "as it ran" if page.path.name in self.seals else "without a seal of its run"
            made = [self.add_file(place, page.path, description=f"The executed notebook, {said}")]
            self.sealed[page.path.name] = digest
        for exhibit in page.exhibits.values():
            made += self._add_exhibit(page, exhibit)
        return made + [self._add_artefact(page, facts) for facts in page.artefacts.values()]

    def _naming(self, exhibit: Exhibit) -> list[str]:
        """Return which tables of an exhibit tell patients or images, where none may."""
        if self.study.show_pixels:
            return []
        tables = {n: b.decode() for n, b in exhibit.files.items() if n.endswith(".csv")}
        heads = {name: next(csv.reader(text.splitlines()), []) for name, text in tables.items()}
        return [name for name, head in heads.items() if NAMING & set(head)]

    def _add_exhibit(self, page: Page, exhibit: Exhibit) -> list[Entity]:
        """Add the PNG, CSV and JSON of a figure or table."""
        facts, naming, made = exhibit.passport, self._naming(exhibit), []
        caption = ". ".join([facts["caption"], *facts.get("marks", [])])
        what = {".png": "", ".csv": "The numbers of: ", ".json": "The passport of: "}
        for name, content in sorted(exhibit.files.items()):
            place = f"results/{page.study}/figures/{page.name}/{name}"
            if name in naming:
                why = "it tells patients or images"
                made.append(self.add_absent(place, sha256_of(content), why))
            else:
                said = what[Path(name).suffix] + caption
                made.append(self.add_file(place, content, description=said))
        return made

    def _add_artefact(self, page: Page, facts: dict) -> Entity:
        """Add a file that a page wrote; raises UserError where it was changed since."""
        place, digest = facts["file"], facts["sha256"]
        why = self._why_not(place)
        if why:
            return self.add_absent(place, digest, why)
        if sha256(ROOT / place) != digest:
            raise UserError(f"{place} is not what {page.name} wrote; run the study again")
        return self.add_file(place, ROOT / place, description=f"Written by {page.name}")

    def _why_not(self, place: str) -> str | None:
        """Say why a file that a page wrote or read is not in the crate; None if it is."""
        own, path = place.startswith(f"results/{self.study.name}/"), ROOT / place
        if not own and not place.startswith(("book/", "birads_lib/")):
            return "it lies outside the study"
        if own and not self.study.show_pixels and not place.endswith(OPEN):
            return "made from images that may not be shown, it might tell images or patients"
        if not path.is_file():
            return "it was not at hand"
        if path.stat().st_size > LARGEST:
            return f"it is larger than {LARGEST // 2**20} MiB"
        return None

    def add_seals(self) -> None:
        """Add the hashes of the pages, as ``sha256sum -c`` reads them."""
        lines = [f"{digest}  {name}\n" for name, digest in sorted(self.sealed.items())]
        self.add_file(f"book/{self.study.name}/{pages.SEALS}", "".join(lines).encode())

    def add_input(self, one: dict) -> Entity:
        """Return the entity of what a page read: the one that another page made, or a new one."""
        place, digest = one["file"], pages.digest_of(one)
        if "sha256_of_hashes" in one:
            listed = f"results/{self.study.name}/figures/01_data_exploration/image-files.csv"
            why = "images are not packed; the hash is over the sorted hashes of all"
            return self.add_absent(place, digest, why, subjectOf=self.crate.get(listed))
        known = self.crate.get(place)
        if known is not None and known["sha256"] == digest:
            return known
        why = self._why_not(place)
        if not why and sha256(ROOT / place) == digest:
            return self.add_file(place, ROOT / place)
        return self.add_absent(place, digest, why or "it has changed since")
