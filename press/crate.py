"""A study as a Process Run Crate: what was run, by which notebook, from what, into what.

    python -m press.crate config/phantoms.yaml

Executed pages hold all of it: exhibits are unpacked from them, so that a study that was executed
elsewhere makes a crate, too. What isn't packed is described, with its hash and the reason.
"""

import json
import shutil
import sys
import zipfile
from collections import Counter
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from rocrate.model.entity import Entity
from rocrate.rocrate import ROCrate

from birads_lib.errors import UserError
from birads_lib.files import sha256, sha256_of, written_whole
from press import page as pages
from press import study as studies
from press import verify
from press.packing import PACKAGES, Packing, entity, files_below
from press.page import Page
from press.paths import BOOK, ROOT, build_folder
from press.study import Study

PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
LICENCES = {  # of code, and of text with its figures: see LICENSE and LICENSE-text
    "https://spdx.org/licenses/MIT": "MIT License, of the code",
    "https://spdx.org/licenses/CC-BY-4.0": "Creative Commons Attribution 4.0, of text and figures",
}


def build(study: Study, config: Path) -> ROCrate:
    """Return the crate of a study, not yet written.

    Raises UserError for pages that are missing or were changed, for files that were changed, and
    for pages that show images where the study says not to.
    """
    packing = Packing(study)
    executed = _pages(packing, config)
    packing.add_sources(config)
    made = {page.name: packing.add_page(page) for page in executed}
    packing.add_seals()
    actions = [_add_action(packing, page, made[page.name]) for page in executed]
    _describe(packing, executed, actions)
    return packing.crate


def _pages(packing: Packing, config: Path) -> list[Page]:
    """Return the pages of the study as they ran, without images where it shows none."""
    name = packing.study.name
    paths = [BOOK / name / f"{page}.ipynb" for page in packing.study.pages()]
    missing = [path.stem for path in paths if not path.exists()]
    if missing:
        is_named = config.resolve() == (ROOT / "config" / f"{name}.yaml").resolve()
        command = f"make book {f'STUDY={name}' if is_named else f'CONFIG={config}'}"
        raise UserError(
            f"the study '{name}' is not executed: {len(missing)} of {len(paths)} pages are "
            f"missing, such as {missing[0]}; `{command}` makes them"
        )
    return [_checked(packing, path) for path in paths]


def _checked(packing: Packing, path: Path) -> Page:
    page, where = pages.read(path), f"{path.parent.name}/{path.name}"
    if packing.seals.get(path.name, sha256(path)) != sha256(path):
        raise UserError(f"{where} was changed after it ran; remove it and run the study again")
    if not page.papermill.get("end_time"):
        raise UserError(f"{where} was not executed by the study; remove it and run the study again")
    if page.passport["parameters"].get("show_pixels") and not packing.study.show_pixels:
        raise UserError(
            f"{where} shows images, and the study says show_pixels: false; run it again"
        )
    return page


def _add_action(packing: Packing, page: Page, made: list[Entity]) -> Entity:
    """Add the execution of a page: its notebook, what it read and what it ``made``."""
    crate, facts, times = packing.crate, page.passport, page.papermill
    inputs = [facts for passport in page.passports() for facts in passport["inputs"]]
    read = list({file.id: file for file in map(packing.add_input, inputs)}.values())  # each once
    device, backend = facts["device"], facts["environment"]["keras_backend"]
    name, identity = "KERAS_BACKEND", f"#KERAS_BACKEND={backend}"
    properties = {
        "name": f"{page.title} ({page.name})",
        "description": f"papermill executed {page.notebook}.ipynb in {times['duration']:.1f} s "
        f"on {device}; commit {_commit(facts['code'])}",
        "agent": _authors(crate, packing.cited),
        "startTime": _time(times["start_time"]),
        "endTime": _time(times["end_time"]),
        "actionStatus": "http://schema.org/CompletedActionStatus",
        "environment": entity(crate, identity, "PropertyValue", name=name, value=backend),
    }
    notebook, given = _instrument(packing, page), _parameters(crate, page)
    return crate.add_action(notebook, f"#{page.name}", read + given, made, properties)


def _commit(code: dict) -> str:
    return code["commit"] + (" with uncommitted changes" if code["uncommitted_changes"] else "")


def _time(text: str) -> str:
    """Return a time with milliseconds, as the profile wants it."""
    return datetime.fromisoformat(text).isoformat(timespec="milliseconds")


def _instrument(packing: Packing, page: Page) -> Entity:
    """Return the notebook that was executed, with the versions of all that it used."""
    crate, place, code = packing.crate, f"notebooks/{page.notebook}.ipynb", page.passport["code"]
    notebook, software = crate.get(place), [crate.get(f"#{name}") for name in PACKAGES]
    if changed := verify.changed_sources(page):  # the crate holds another version
        identity = f"#{place}-{code['notebook_sha256'][:12]}-{code['library_sha256'][:12]}"
        reason = f"not the version in this crate: {'; '.join(changed)} since it was executed"
        known = {"name": page.notebook, "version": _commit(code), "description": reason}
        known["sha256"] = code["notebook_sha256"]
        notebook, software = entity(crate, identity, "SoftwareSourceCode", **known), []
    for name, version in page.passport["environment"].items():
        if name not in ("uv_lock_sha256", "keras_backend"):
            known = {"name": name, "version": version}
            software.append(entity(crate, f"#{name}-{version}", "SoftwareApplication", **known))
    known = notebook.get("softwareRequirements", [])
    notebook.append_to("softwareRequirements", [s for s in software if s not in known])
    return notebook


def _parameters(crate: ROCrate, page: Page) -> list[Entity]:
    """Return all parameters of an execution; the same value is the same entity on all pages."""
    changed, entities = page.passport["parameters_changed"], []
    for name, value in sorted(page.passport["parameters"].items()):
        text = json.dumps(value, sort_keys=True)
        origin = "changed by the study" if name in changed else "as the notebook has it"
        identity = f"#{page.notebook}.{name}-{sha256_of(text.encode())[:12]}"
        known = {"name": name, "value": text, "description": origin}
        entities.append(entity(crate, identity, "PropertyValue", **known))
    return entities


# What the crate is, and whose


def _authors(crate: ROCrate, cited: dict) -> list[Entity]:
    """Return the persons and organisations who made this book, as CITATION.cff names them."""
    authors = []
    for person in cited["authors"]:
        kind = "Organization" if "name" in person else "Person"
        name = person.get("name") or f"{person['given-names']} {person['family-names']}"
        identity = person.get("orcid") or person.get("website") or "#" + quote(name)
        authors.append(entity(crate, identity, kind, name=name))
    return authors


def _describe(packing: Packing, executed: list[Page], actions: list[Entity]) -> None:
    """Say what the crate is, and whose."""
    cited, crate = packing.cited, packing.crate
    papers = {f"https://doi.org/{paper['doi']}": paper["title"] for paper in cited["references"]}
    profile = {"name": "Process Run Crate", "version": "0.5", "url": PROFILE}
    crate.name = f"{cited['title']}: {packing.study.title}"
    crate.description = f"{cited['abstract']} {_contents(packing, executed, actions)}"
    crate.datePublished = max(_time(page.papermill["end_time"]) for page in executed)
    crate.keywords, crate.publisher = ", ".join(cited["keywords"]), _authors(crate, cited)[0]
    crate.license = [
        entity(crate, url, "CreativeWork", name=n, url=url) for url, n in LICENCES.items()
    ]
    root = crate.root_dataset
    root["citation"] = [entity(crate, url, "ScholarlyArticle", name=n) for url, n in papers.items()]
    root["author"], root["mentions"] = _authors(crate, cited), actions
    root["conformsTo"] = entity(crate, PROFILE, "CreativeWork", **profile)


def _contents(packing: Packing, executed: list[Page], actions: list[Entity]) -> str:
    """Return what is in the crate, and what is not, in words."""
    study, exhibits = packing.study, sum(len(page.exhibits) for page in executed)
    text = f"Study '{study.name}': {len(executed)} executed notebooks with {exhibits} exhibits."
    text += f" Note: {study.note}." if study.note else ""
    if unsealed := sum(page.path.name not in packing.seals for page in executed):
        text += f" {unsealed} pages have no seal that shows them to be as they ran."
    if changed := sum(action["instrument"].id.startswith("#") for action in actions):
        text += f" {changed} pages were executed by other versions of the code than those here."
    for reason, count in sorted(Counter(packing.absent.values()).items()):
        text += f" Described and not in the crate, {count}: {reason}."
    return text


# Writing


def write(study: Study, config: Path) -> Path:
    """Write ``_build/<study>/<study>-crate.zip``, and its hash beside it; return its path."""
    path = build_folder(study.name) / f"{study.name}-crate.zip"
    crate = build(study, config)
    with TemporaryDirectory() as folder, written_whole(path) as temporary:
        crate.write(folder)
        archive(Path(folder), temporary)
    path.with_suffix(".zip.sha256").write_text(f"{sha256(path)}  {path.name}\n")
    return path


def archive(folder: Path, path: Path) -> None:
    """Write all files below ``folder`` as a zip; equal folders give equal bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in files_below(folder):
            # ZipInfo's own time is 1980 and its rights are none; a file's own would differ.
            member = zipfile.ZipInfo(file.relative_to(folder).as_posix())
            member.external_attr, member.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            with open(file, "rb") as source, packed.open(member, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target)


def main(config: str) -> None:
    """Write the crate of a study, and say where."""
    study = studies.load(config)
    studies.claim(study)  # a run would change files while they are packed
    path = write(study, Path(config))
    size = path.stat().st_size / 2**20
    print(f"The crate is ready: {path.relative_to(ROOT)} ({size:.1f} MiB)")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except UserError as error:
        sys.exit(str(error))
