"""The files of a crate: what is packed under which name, and what is only described.

Executed pages hold all of a study: exhibits are unpacked from them, so that a study that was
executed elsewhere makes a crate, too. What isn't packed is described, with its hash and the reason.
"""

import io
from pathlib import Path
from urllib.parse import quote

from rocrate.model.contextentity import ContextEntity
from rocrate.model.entity import Entity
from rocrate.rocrate import ROCrate

from birads_lib.errors import UserError
from birads_lib.files import sha256, sha256_of
from press.pages import page as pages
from press.pages.page import Page
from press.pages.sources import PACKAGES
from press.paths import ROOT, figures_folder
from press.rendering import manifest
from press.sharing import citation, disclosure
from press.studies.study import Study

TERMS = "https://w3id.org/ro/terms/workflow-run#"  # what the profile adds to RO-Crate's own
SOURCES = (
    "CITATION.cff", "LICENSE", "LICENSE-text", "pyproject.toml", "uv.lock",
    "book/claims.yml", "book/published.yml",
)  # fmt: skip
PACKED = (".py", ".h5", ".mplstyle")  # of the packages
FORMATS = {  # the standard library's differ from machine to machine
    ".ipynb": "application/x-ipynb+json", ".py": "text/x-python", ".csv": "text/csv",
    ".json": "application/json", ".png": "image/png", ".npy": "application/octet-stream",
    ".parquet": "application/vnd.apache.parquet", ".keras": "application/zip",
    ".h5": "application/x-hdf5",
}  # fmt: skip


class Packing:
    """The crate of one study; its paths are those of the repository."""

    def __init__(self, study: Study, config: Path) -> None:
        self.study, self.config = study, config
        self.cited = citation.read()
        self.crate = ROCrate(version="1.1")
        self.crate.metadata.extra_terms |= {n: TERMS + n for n in ("sha256", "environment")}
        self.absent: dict[str, str] = {}  # what is described and not packed: id -> reason
        self._add_sources()

    def entity(self, identity: str, kind: str, **properties: object) -> Entity:
        """Return the entity with this id, added if it isn't there."""
        if existing := self.crate.get(identity):
            return existing
        return self.crate.add(ContextEntity(self.crate, identity, {"@type": kind, **properties}))

    # Files

    def add_file(self, place: str, content: Path | bytes, **properties: object) -> Entity:
        """Add a file, by its path or its bytes, under its place in the crate."""
        metadata = {"name": place, **self.facts_of(place, content)} | properties
        source = content if isinstance(content, Path) else io.BytesIO(content)
        return self.crate.add_file(source, place, properties=metadata, record_size=True)

    @staticmethod
    def facts_of(place: str, content: Path | bytes) -> dict[str, str]:
        """Return the properties of a packed file: its format and its hash."""
        digest = sha256(content) if isinstance(content, Path) else sha256_of(content)
        return {
            "encodingFormat": FORMATS.get(Path(place).suffix, "text/plain"),
            "sha256": digest,
        }

    def add_absent(self, place: str, digest: str, reason: str, **properties: object) -> Entity:
        """Add the description of a file that is not packed."""
        identity = f"#{place}-{digest[:12]}"
        self.absent[identity] = reason
        metadata = {"@type": "CreativeWork", "name": place, "sha256": digest}
        metadata |= {"description": f"Not in this crate: {reason}."} | properties
        return self.entity(identity, metadata.pop("@type"), **metadata)

    def _add_sources(self) -> None:
        """Add notebooks, packages, the study and what else was there before anything ran."""
        version = {"version": self.cited["version"]}
        kind = {"@type": ["File", "SoftwareSourceCode"]}
        for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
            self.add_file(f"notebooks/{path.name}", path, **kind, **version, name=path.stem)
        for name in PACKAGES:
            files = [p for p in sorted((ROOT / name).rglob("*")) if p.suffix in PACKED]
            parts = [self.add_file(p.relative_to(ROOT).as_posix(), p) for p in files]
            self.entity(f"#{name}", "SoftwareSourceCode", name=name, hasPart=parts, **version)
        for name in SOURCES:
            self.add_file(name, ROOT / name)
        text = disclosure.yaml_without_paths(self.config.read_text()).encode()
        description = "The study, without its paths"
        self.add_file(f"config/{self.config.name}", text, description=description)

    def add_page(self, page: Page) -> list[Entity]:
        """Add an executed page, what it shows and what it wrote; return all of these."""
        naming = disclosure.tables_that_name(page, self.study)
        if naming:
            reason = f"it holds {', '.join(naming)}, which tells patients or images"
            made = [self.add_absent(place_of(page), sha256(page.path), reason)]
        else:
            description = "The executed notebook, as it ran"
            made = [self.add_file(place_of(page), page.path, description=description)]
        figures = figures_folder(f"results/{page.study}", page.name)
        prefix = {".png": "", ".csv": "The numbers of: ", ".json": "The passport of: "}
        for exhibit in page.exhibits.values():
            caption = ". ".join([exhibit.passport["caption"], *exhibit.passport["marks"].values()])
            for name, content in sorted(exhibit.files.items()):
                place = f"{figures.as_posix()}/{name}"
                if name in naming:
                    reason = "it tells patients or images"
                    made.append(self.add_absent(place, sha256_of(content), reason))
                else:
                    description = prefix[Path(name).suffix] + caption
                    made.append(self.add_file(place, content, description=description))
        for facts in page.artefacts.values():
            description, place = f"Written by {page.name}", facts["file"]
            made.append(self.add_from_disk(place, facts["sha256"], description=description))
            if self.absent.get(made[-1].id) == disclosure.CHANGED:
                raise UserError(f"{place} is not what {page.name} wrote; run the study again")
        return made

    def add_from_disk(self, place: str, digest: str, **properties: object) -> Entity:
        """Add a file that a page wrote or read, or say why it is not packed."""
        if reason := disclosure.reason_to_leave_out(place, digest, self.study):
            return self.add_absent(place, digest, reason)
        return self.add_file(place, ROOT / place, **properties)

    def add_seals(self, executed: list[Page]) -> None:
        """Add the hashes of the packed pages, as ``sha256sum -c`` reads them."""
        packed = [page.path for page in executed if self.crate.get(place_of(page))]
        seals = pages.hash_list({path.name: sha256(path) for path in packed})
        self.add_file(f"book/{self.study.name}/{pages.SEALS}", seals.encode())
        self.add_file("README.md", manifest.statement(self.study).encode())

    def authors(self) -> list[Entity]:
        """Return the persons and organisations who made this book, as CITATION.cff names them."""
        return [
            self.entity(
                author["orcid"] or author["website"] or "#" + quote(author["name"]),
                author["kind"],
                name=author["name"],
            )
            for author in citation.authors()
        ]


def place_of(page: Page) -> str:
    """Return the place of an executed page in the repository and in the crate."""
    return f"book/{page.study}/{page.path.name}"
