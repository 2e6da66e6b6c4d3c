"""A study as a Process Run Crate: what was run, by which notebook, from what, into what.

    python -m press.crate config/phantoms.yaml

Executed pages hold all of it: exhibits are unpacked from them, so that a study that was executed
elsewhere makes a crate, too. What isn't packed is described, with its hash and the reason.
"""

import io
import json
import sys
import zipfile
from collections import Counter
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import yaml
from rocrate.model.contextentity import ContextEntity
from rocrate.model.entity import Entity
from rocrate.rocrate import ROCrate

from birads_lib.errors import UserError
from birads_lib.files import sha256, sha256_of, written_whole
from press import disclosure, verify
from press import page as pages
from press import study as studies
from press.outputs import digest_of
from press.page import Page
from press.paths import BOOK, ROOT, build_folder
from press.sources import PACKAGES
from press.study import Study

PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
TERMS = "https://w3id.org/ro/terms/workflow-run#"  # what the profile adds to RO-Crate's own
LICENCES = {  # of code, and of text with its figures: see LICENSE and LICENSE-text
    "https://spdx.org/licenses/MIT": "MIT License, of the code",
    "https://spdx.org/licenses/CC-BY-4.0": "Creative Commons Attribution 4.0, of text and figures",
}
SOURCES = (
    "CITATION.cff", "LICENSE", "LICENSE-text", "pyproject.toml", "uv.lock", "Snakefile",
    "book/claims.yml", "book/published.yml",
)  # fmt: skip
PACKED = (".py", ".h5", ".mplstyle")  # of the packages
FORMATS = {  # the standard library's differ from machine to machine
    ".ipynb": "application/x-ipynb+json", ".py": "text/x-python", ".csv": "text/csv",
    ".json": "application/json", ".png": "image/png", ".npy": "application/octet-stream",
    ".parquet": "application/vnd.apache.parquet", ".keras": "application/zip",
    ".h5": "application/x-hdf5",
}  # fmt: skip


def write(study: Study, config: Path) -> Path:
    """Write ``_build/<study>/<study>-crate.zip``, and its hash beside it; return its path.

    Equal studies give equal bytes. Raises UserError for pages that are missing or were changed,
    for files that were changed, and for pages that show images where the study says not to.
    """
    path = build_folder(study.name) / f"{study.name}-crate.zip"
    crate = _Packing(study, config).crate
    with TemporaryDirectory() as folder, written_whole(path) as temporary:
        crate.write(folder)
        with zipfile.ZipFile(temporary, "w") as packed:
            for file in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
                # ZipInfo's own time is 1980 and its rights are none; a file's own would differ.
                member = zipfile.ZipInfo(file.relative_to(folder).as_posix())
                member.external_attr = 0o644 << 16
                packed.writestr(member, file.read_bytes(), zipfile.ZIP_DEFLATED)
    path.with_suffix(".zip.sha256").write_text(f"{sha256(path)}  {path.name}\n")
    return path


class _Packing:
    """The crate of one study, filled; its paths are those of the repository."""

    def __init__(self, study: Study, config: Path) -> None:
        self.study = study
        self.cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
        self.crate = ROCrate(version="1.1")
        self.crate.metadata.extra_terms |= {n: TERMS + n for n in ("sha256", "environment")}
        self.absent: dict[str, str] = {}  # what is described and not packed: id -> reason
        executed = _executed_pages(study, config)
        self._add_sources(config)
        made = {page.name: self._add_page(page) for page in executed}
        self._add_seals(executed)
        actions = [self._add_action(page, made[page.name]) for page in executed]
        self._describe(executed, actions)

    def _entity(self, identity: str, kind: str, **properties: object) -> Entity:
        """Return the entity with this id, added if it isn't there."""
        if known := self.crate.get(identity):
            return known
        return self.crate.add(ContextEntity(self.crate, identity, {"@type": kind, **properties}))

    # Files

    def _add_file(self, place: str, content: Path | bytes, **properties: object) -> Entity:
        """Add a file, by its path or its bytes, under its place in the crate."""
        is_path = isinstance(content, Path)
        known = {
            "name": place,
            "encodingFormat": FORMATS.get(Path(place).suffix, "text/plain"),
            "sha256": sha256(content) if is_path else sha256_of(content),
        }
        source = content if is_path else io.BytesIO(content)
        return self.crate.add_file(source, place, properties=known | properties, record_size=True)

    def _add_absent(self, place: str, digest: str, reason: str, **properties: object) -> Entity:
        """Add the description of a file that is not packed."""
        identity = f"#{place}-{digest[:12]}"
        self.absent[identity] = reason
        known = {"description": f"Not in this crate: {reason}.", "sha256": digest} | properties
        return self._entity(identity, "CreativeWork", name=place, **known)

    def _add_sources(self, config: Path) -> None:
        """Add notebooks, packages, the study and what else was there before anything ran."""
        version = {"version": self.cited["version"]}
        kind = {"@type": ["File", "SoftwareSourceCode"]}
        for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
            self._add_file(f"notebooks/{path.name}", path, **kind, **version, name=path.stem)
        for name in PACKAGES:
            files = [p for p in sorted((ROOT / name).rglob("*")) if p.suffix in PACKED]
            parts = [self._add_file(p.relative_to(ROOT).as_posix(), p) for p in files]
            self._entity(f"#{name}", "SoftwareSourceCode", name=name, hasPart=parts, **version)
        for name in SOURCES:
            self._add_file(name, ROOT / name)
        said = disclosure.yaml_without_paths(config.read_text()).encode()
        self._add_file(f"config/{config.name}", said, description="The study, without its paths")

    def _add_page(self, page: Page) -> list[Entity]:
        """Add an executed page, what it shows and what it wrote; return all of these."""
        naming = disclosure.tables_that_name(page, self.study)
        if naming:
            reason = f"it holds {', '.join(naming)}, which tells patients or images"
            made = [self._add_absent(_place(page), sha256(page.path), reason)]
        else:
            about = "The executed notebook, as it ran"
            made = [self._add_file(_place(page), page.path, description=about)]
        prefix = {".png": "", ".csv": "The numbers of: ", ".json": "The passport of: "}
        for exhibit in page.exhibits.values():
            caption = ". ".join([exhibit.passport["caption"], *exhibit.passport["marks"].values()])
            for name, content in sorted(exhibit.files.items()):
                place = f"results/{page.study}/figures/{page.name}/{name}"
                if name in naming:
                    reason = "it tells patients or images"
                    made.append(self._add_absent(place, sha256_of(content), reason))
                else:
                    about = prefix[Path(name).suffix] + caption
                    made.append(self._add_file(place, content, description=about))
        for facts in page.artefacts.values():
            about, place = f"Written by {page.name}", facts["file"]
            made.append(self._add_from_disk(place, facts["sha256"], description=about))
            if self.absent.get(made[-1].id) == disclosure.CHANGED:
                raise UserError(f"{place} is not what {page.name} wrote; run the study again")
        return made

    def _add_from_disk(self, place: str, digest: str, **properties: object) -> Entity:
        """Add a file that a page wrote or read, or say why it is not packed."""
        if reason := disclosure.reason_to_leave_out(place, digest, self.study):
            return self._add_absent(place, digest, reason)
        return self._add_file(place, ROOT / place, **properties)

    def _add_seals(self, executed: list[Page]) -> None:
        """Add the hashes of the packed pages, as ``sha256sum -c`` reads them."""
        packed = [page.path for page in executed if self.crate.get(_place(page))]
        lines = [f"{sha256(path)}  {path.name}\n" for path in sorted(packed)]
        self._add_file(f"book/{self.study.name}/{pages.SEALS}", "".join(lines).encode())

    # Executions

    def _add_action(self, page: Page, made: list[Entity]) -> Entity:
        """Add the execution of a page: its notebook, what it read and what it ``made``."""
        facts, times = page.passport, page.papermill
        inputs = [read for passport in page.passports() for read in passport["inputs"]]
        read = {file.id: file for file in map(self._add_input, inputs)}.values()  # each once
        backend = facts["environment"]["keras_backend"]
        name, identity = "KERAS_BACKEND", f"#KERAS_BACKEND={backend}"
        properties = {
            "name": f"{page.title} ({page.name})",
            "description": f"papermill executed {page.notebook}.ipynb in {times['duration']:.1f} s "
            f"on {facts['device']}; commit {_commit(facts['code'])}",
            "agent": self._authors(),
            "startTime": _time(times["start_time"]),
            "endTime": _time(times["end_time"]),
            "actionStatus": "http://schema.org/CompletedActionStatus",
            "environment": self._entity(identity, "PropertyValue", name=name, value=backend),
        }
        notebook, given = self._instrument(page), self._parameters(page)
        return self.crate.add_action(notebook, f"#{page.name}", [*read, *given], made, properties)

    def _add_input(self, facts: dict) -> Entity:
        """Return the entity of what a page read: what another page made, or a new one."""
        place, digest = facts["file"], digest_of(facts)
        if "sha256_of_hashes" in facts:
            listed = f"results/{self.study.name}/figures/01_data_exploration/image-files.csv"
            reason = "images are not packed; the hash is over the sorted hashes of all"
            return self._add_absent(place, digest, reason, subjectOf=self.crate.get(listed))
        known = self.crate.get(place)
        if known is not None and known["sha256"] == digest:
            return known
        return self._add_from_disk(place, digest)

    def _instrument(self, page: Page) -> Entity:
        """Return the notebook that was executed, with the versions of all that it used."""
        place, code = f"notebooks/{page.notebook}.ipynb", page.passport["code"]
        notebook, software = self.crate.get(place), [self.crate.get(f"#{n}") for n in PACKAGES]
        if changed := verify.changed_sources(page):  # the crate holds another version
            identity = f"#{place}-{code['notebook_sha256'][:12]}-{code['library_sha256'][:12]}"
            reason = f"not the version in this crate: {'; '.join(changed)} since it was executed"
            known = {"name": page.notebook, "version": _commit(code), "description": reason}
            known["sha256"] = code["notebook_sha256"]
            notebook, software = self._entity(identity, "SoftwareSourceCode", **known), []
        for name, version in page.passport["environment"].items():
            if name not in ("uv_lock_sha256", "keras_backend"):
                known = {"name": name, "version": version}
                software.append(self._entity(f"#{name}-{version}", "SoftwareApplication", **known))
        known = notebook.get("softwareRequirements", [])
        notebook.append_to("softwareRequirements", [s for s in software if s not in known])
        return notebook

    def _parameters(self, page: Page) -> list[Entity]:
        """Return all parameters of an execution; an equal value is one entity on all pages."""
        changed, entities = page.passport["parameters_changed"], []
        for name, value in sorted(page.passport["parameters"].items()):
            text = json.dumps(value, sort_keys=True)
            origin = "changed by the study" if name in changed else "as the notebook has it"
            identity = f"#{page.notebook}.{name}-{sha256_of(text.encode())[:12]}"
            known = {"name": name, "value": text, "description": origin}
            entities.append(self._entity(identity, "PropertyValue", **known))
        return entities

    # What the crate is, and whose

    def _authors(self) -> list[Entity]:
        """Return the persons and organisations who made this book, as CITATION.cff names them."""
        authors = []
        for person in self.cited["authors"]:
            kind = "Organization" if "name" in person else "Person"
            name = person.get("name") or f"{person['given-names']} {person['family-names']}"
            identity = person.get("orcid") or person.get("website") or "#" + quote(name)
            authors.append(self._entity(identity, kind, name=name))
        return authors

    def _describe(self, executed: list[Page], actions: list[Entity]) -> None:
        cited, crate, root = self.cited, self.crate, self.crate.root_dataset
        crate.name = f"{cited['title']}: {self.study.title}"
        crate.description = f"{cited['abstract']} {self._contents(executed, actions)}"
        crate.datePublished = max(_time(page.papermill["end_time"]) for page in executed)
        crate.keywords, crate.publisher = ", ".join(cited["keywords"]), self._authors()[0]
        crate.license = [
            self._entity(url, "CreativeWork", name=name, url=url) for url, name in LICENCES.items()
        ]
        root["citation"] = [
            self._entity(f"https://doi.org/{p['doi']}", "ScholarlyArticle", name=p["title"])
            for p in cited["references"]
        ]
        root["author"], root["mentions"] = self._authors(), actions
        known = {"name": "Process Run Crate", "version": "0.5", "url": PROFILE}
        root["conformsTo"] = self._entity(PROFILE, "CreativeWork", **known)

    def _contents(self, executed: list[Page], actions: list[Entity]) -> str:
        """Return what is in the crate, and what is not, in words."""
        study, exhibits = self.study, sum(len(page.exhibits) for page in executed)
        text = f"Study '{study.name}': {len(executed)} executed notebooks with {exhibits} exhibits."
        text += f" Note: {study.note}." if study.note else ""
        if changed := sum(action["instrument"].id.startswith("#") for action in actions):
            text += f" {changed} pages were executed by other versions of the code than those here."
        for reason, count in sorted(Counter(self.absent.values()).items()):
            text += f" Described and not in the crate, {count}: {reason}."
        return text


def _executed_pages(study: Study, config: Path) -> list[Page]:
    """Return all pages of the study, each as it ran, without images where it shows none."""
    paths = [BOOK / study.name / f"{page}.ipynb" for page in study.pages()]
    if missing := [path.stem for path in paths if not path.exists()]:
        is_named = config.resolve() == (ROOT / "config" / f"{study.name}.yaml").resolve()
        command = f"make book {f'STUDY={study.name}' if is_named else f'CONFIG={config}'}"
        raise UserError(
            f"the study '{study.name}' is not executed: {len(missing)} of {len(paths)} pages are "
            f"missing, such as {missing[0]}; `{command}` makes them"
        )
    executed, seals = [pages.read(path) for path in paths], pages.seals(BOOK / study.name)
    for page in executed:
        again = "remove it and run the study again"
        if seals.get(page.path.name) != sha256(page.path):
            raise UserError(f"{_place(page)} was changed after it ran, or has no seal; {again}")
        if not page.papermill.get("end_time"):
            raise UserError(f"{_place(page)} was not executed by the study; {again}")
        if page.passport["parameters"].get("show_pixels") and not study.show_pixels:
            raise UserError(
                f"{_place(page)} shows images, and the study says show_pixels: false; run it again"
            )
    return executed


def _place(page: Page) -> str:
    return f"book/{page.study}/{page.path.name}"


def _commit(code: dict) -> str:
    return code["commit"] + (" with uncommitted changes" if code["uncommitted_changes"] else "")


def _time(text: str) -> str:
    """Return a time with milliseconds, as the profile wants it."""
    return datetime.fromisoformat(text).isoformat(timespec="milliseconds")


if __name__ == "__main__":
    try:
        named = studies.load(sys.argv[1])
        studies.claim(named)  # a run would change files while they are packed
        print("The crate is ready:", write(named, Path(sys.argv[1])).relative_to(ROOT))
    except UserError as error:
        sys.exit(str(error))
