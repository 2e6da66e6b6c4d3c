"""The files of a study's crate: what is packed, what is only described, and why."""

import csv
import io
from pathlib import Path

import yaml
from rocrate.model.contextentity import ContextEntity
from rocrate.model.entity import Entity
from rocrate.rocrate import ROCrate

from birads_lib.errors import UserError
from birads_lib.files import sha256, sha256_of
from press import page as pages
from press.page import Exhibit, Page
from press.paths import BOOK, METRICS, ROOT
from press.study import Study

TERMS = "https://w3id.org/ro/terms/workflow-run#"  # what the profile adds to RO-Crate's own
LARGEST = 100 * 2**20  # bytes of one file that a page wrote; a larger one is only described
# All else that is made from restricted images (arrays, features, models, tables by image) might
# give an image back or tell whose it is.
OPEN = (METRICS, "history.csv")
NAMING = {"image_id", "patient_id"}  # columns of a table that tell whose an image is
SOURCES = (
    "CITATION.cff", "LICENSE", "LICENSE-text", "pyproject.toml", "uv.lock", "Snakefile",
    "book/claims.yml", "book/published.yml",
)  # fmt: skip
PACKAGES = ("birads_lib", "press")
FORMATS = {
    ".ipynb": "application/x-ipynb+json", ".py": "text/x-python", ".csv": "text/csv",
    ".json": "application/json", ".png": "image/png", ".npy": "application/octet-stream",
    ".parquet": "application/vnd.apache.parquet", ".keras": "application/zip",
    ".h5": "application/x-hdf5",
}  # fmt: skip


def entity(crate: ROCrate, identity: str, kind: str, **properties: object) -> ContextEntity:
    """Return the entity with this id, added if it isn't there; without properties of None."""
    if known := crate.get(identity):
        return known
    given = {name: value for name, value in properties.items() if value is not None}
    return crate.add(ContextEntity(crate, identity, {"@type": kind, **given}))


class Packing:
    """The crate of one study while it is filled; its paths are those of the repository."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
        self.crate = ROCrate(version="1.1")
        self.crate.metadata.extra_terms |= {n: TERMS + n for n in ("sha256", "environment")}
        self.seals = pages.seals(BOOK / study.name)
        self.packed_pages: dict[str, str] = {}  # file name -> SHA-256
        self.absent: dict[str, str] = {}  # what is described and not packed: id -> reason

    def add_file(self, place: str, content: Path | bytes, **properties: object) -> Entity:
        """Add a file, by its path or its bytes, under its place in the crate."""
        is_path = isinstance(content, Path)
        known = {
            "name": place,
            "encodingFormat": FORMATS.get(Path(place).suffix, "text/plain"),
            "sha256": sha256(content) if is_path else sha256_of(content),
        }
        source = content if is_path else io.BytesIO(content)
        known |= properties
        return self.crate.add_file(source, place, properties=known, record_size=True)

    def add_absent(self, place: str, digest: str, reason: str, **properties: object) -> Entity:
        """Add the description of a file that is not packed."""
        identity = f"#{place}-{digest[:12]}"
        self.absent[identity] = reason
        known = {"description": f"Not in this crate: {reason}.", "sha256": digest}
        return entity(self.crate, identity, "CreativeWork", name=place, **known | properties)

    def add_sources(self, config: Path) -> None:
        """Add notebooks, packages, the study and what else was there before anything ran."""
        version = {"version": self.cited["version"]}
        kind = {"@type": ["File", "SoftwareSourceCode"]}
        for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
            self.add_file(f"notebooks/{path.name}", path, **kind, **version, name=path.stem)
        for name in PACKAGES:
            modules = [p for p in files_below(ROOT / name) if p.suffix in (".py", ".h5")]
            parts = [self.add_file(p.relative_to(ROOT).as_posix(), p) for p in modules]
            entity(
                self.crate, f"#{name}", "SoftwareSourceCode", name=name, hasPart=parts, **version
            )
        for name in SOURCES:
            self.add_file(name, ROOT / name)
        self.add_file(f"config/{config.name}", config, description="The study")

    def add_page(self, page: Page) -> list[Entity]:
        """Add an executed page, what it shows and what it wrote; return all of these."""
        place, digest = f"book/{page.study}/{page.path.name}", sha256(page.path)
        naming = [name for exhibit in page.exhibits.values() for name in self._naming(exhibit)]
        if naming:
            reason = f"it holds {', '.join(naming)}, which tells patients or images"
            made = [self.add_absent(place, digest, reason)]
        else:
            state = "as it ran" if page.path.name in self.seals else "without a seal of its run"
            made = [self.add_file(place, page.path, description=f"The executed notebook, {state}")]
            self.packed_pages[page.path.name] = digest
        for exhibit in page.exhibits.values():
            made += self._add_exhibit(page, exhibit)
        return made + [self._add_artefact(page, facts) for facts in page.artefacts.values()]

    def _naming(self, exhibit: Exhibit) -> list[str]:
        """Return which tables of an exhibit tell patients or images, where none may."""
        if self.study.show_pixels:
            return []
        tables = {name: b.decode() for name, b in exhibit.files.items() if name.endswith(".csv")}
        heads = {name: next(csv.reader(t.splitlines()), []) for name, t in tables.items()}
        return [name for name, head in heads.items() if NAMING & set(head)]

    def _add_exhibit(self, page: Page, exhibit: Exhibit) -> list[Entity]:
        """Add the PNG, CSV and JSON of a figure or table."""
        naming, made = self._naming(exhibit), []
        marks = exhibit.passport.get("marks", {}).values()
        caption = ". ".join([exhibit.passport["caption"], *marks])
        prefix = {".png": "", ".csv": "The numbers of: ", ".json": "The passport of: "}
        for name, content in sorted(exhibit.files.items()):
            place = f"results/{page.study}/figures/{page.name}/{name}"
            if name in naming:
                reason = "it tells patients or images"
                made.append(self.add_absent(place, sha256_of(content), reason))
            else:
                text = prefix[Path(name).suffix] + caption
                made.append(self.add_file(place, content, description=text))
        return made

    def _add_artefact(self, page: Page, facts: dict) -> Entity:
        """Add a file that a page wrote; raise UserError where it was changed since."""
        place, digest = facts["file"], facts["sha256"]
        if reason := self._reason_to_leave_out(place):
            return self.add_absent(place, digest, reason)
        if sha256(ROOT / place) != digest:
            raise UserError(f"{place} is not what {page.name} wrote; run the study again")
        return self.add_file(place, ROOT / place, description=f"Written by {page.name}")

    def _reason_to_leave_out(self, place: str) -> str:
        """Return why a file that a page wrote or read is not packed; "" if it is."""
        of_the_study, path = place.startswith(f"results/{self.study.name}/"), ROOT / place
        if not of_the_study and not place.startswith(("book/", "birads_lib/")):
            return "it lies outside the study"
        if of_the_study and not self.study.show_pixels and not place.endswith(OPEN):
            return "made from images that may not be shown, it might tell images or patients"
        if not path.is_file():
            return "it was not at hand"
        return f"it is larger than {LARGEST >> 20} MiB" if path.stat().st_size > LARGEST else ""

    def add_seals(self) -> None:
        """Add the hashes of the packed pages, as ``sha256sum -c`` reads them."""
        lines = [f"{digest}  {name}\n" for name, digest in sorted(self.packed_pages.items())]
        self.add_file(f"book/{self.study.name}/{pages.SEALS}", "".join(lines).encode())

    def add_input(self, facts: dict) -> Entity:
        """Return the entity of what a page read: what another page made, or a new one."""
        place, digest = facts["file"], pages.digest_of(facts)
        if "sha256_of_hashes" in facts:
            listed = f"results/{self.study.name}/figures/01_data_exploration/image-files.csv"
            reason = "images are not packed; the hash is over the sorted hashes of all"
            return self.add_absent(place, digest, reason, subjectOf=self.crate.get(listed))
        known = self.crate.get(place)
        if known is not None and known["sha256"] == digest:
            return known
        reason = self._reason_to_leave_out(place)
        if not reason and sha256(ROOT / place) == digest:
            return self.add_file(place, ROOT / place)
        return self.add_absent(place, digest, reason or "it has changed since")


def files_below(folder: Path) -> list[Path]:
    """Return every file below a folder, sorted by name."""
    return sorted(path for path in folder.rglob("*") if path.is_file())
