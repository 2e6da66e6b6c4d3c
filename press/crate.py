"""A study as a Process Run Crate: what was run, by which notebook, from what, into what.

    python -m press.crate config/phantoms.yaml

Executed pages tell all: exhibits are unpacked from them, so that a study that was executed
elsewhere makes a crate, too. What isn't in a crate is described in it, with its hash and why not.
"""

import json
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path

from rocrate.model.entity import Entity
from rocrate.rocrate import ROCrate

from birads_lib.errors import UserError
from birads_lib.files import sha256
from press import citation, study, verify
from press import page as pages
from press.bundle import archive, folder_written_whole
from press.packing import Packing, few, thing
from press.page import Page
from press.paths import BOOK, ROOT
from press.run import sha256_of
from press.study import Study

PROFILE = "https://w3id.org/ro/wfrun/process/0.5"


def build(one: Study, config: Path) -> ROCrate:
    """Return the crate of a study, not yet written.

    Raises UserError for pages that are missing or were changed, for files that were changed, and
    for pages that show images where the study says not to.
    """
    packing = Packing(one)
    read = {page.name: page for page in _pages(packing, config)}
    packing.add_sources(config, citation.read())
    made = {name: packing.add_page(page) for name, page in read.items()}
    packing.add_seals()
    inputs = {name: _inputs(packing, page) for name, page in read.items()}
    actions = [_action(packing, page, inputs[name], made[name]) for name, page in read.items()]
    _describe(packing, list(read.values()), actions)
    return packing.crate


def command(one: Study, config: Path) -> str:
    """Return the command that executes and renders a study."""
    named = config.resolve() == (ROOT / "config" / f"{one.name}.yaml").resolve()
    return f"make book STUDY={one.name}" if named else f"make book CONFIG={config}"


def _pages(packing: Packing, config: Path) -> list[Page]:
    one = packing.study
    paths = [BOOK / one.name / f"{name}.ipynb" for name in one.pages()]
    missing = [path.stem for path in paths if not path.exists()]
    if missing:
        raise UserError(
            f"the study '{one.name}' is not executed: {len(missing)} of {len(paths)} pages are "
            f"missing, such as {missing[0]}; `{command(one, config)}` makes them"
        )
    return [_checked(packing, path) for path in paths]


def _checked(packing: Packing, path: Path) -> Page:
    """Return a page as it ran, without images where the study shows none."""
    page, where = pages.read(path), f"{path.parent.name}/{path.name}"
    if packing.seals.get(path.name, sha256(path)) != sha256(path):
        raise UserError(f"{where} was changed after it ran; remove it and run the study again")
    if not page.papermill.get("end_time"):
        raise UserError(f"{where} was not executed by the study; remove it and run the study again")
    shows = page.passport["parameters"].get("show_pixels", False)
    if shows and not packing.study.show_pixels:
        raise UserError(
            f"{where} shows images, and the study says show_pixels: false; run it again"
        )
    return page


def _inputs(packing: Packing, page: Page) -> list[Entity]:
    """Return what a page read, each once."""
    found = {}
    for one in (one for facts in page.passports() for one in facts["inputs"]):
        entity = packing.add_input(one)
        found[entity.id] = entity
    return list(found.values())


def _action(packing: Packing, page: Page, inputs: list[Entity], made: list[Entity]) -> Entity:
    """Add the execution of a page."""
    crate, facts, ran = packing.crate, page.passport, page.papermill
    backend, code = facts["environment"]["keras_backend"], facts["code"]
    backend_set = {"name": "KERAS_BACKEND", "value": backend}
    return thing(
        crate, f"#{page.name}", "CreateAction", name=f"{page.title} ({page.name})",
        description=f"papermill executed {page.notebook}.ipynb in {ran['duration']:.1f} s on "
        f"{facts['device']}; commit {_commit(code)}",
        instrument=_instrument(packing, page, facts),
        object=few([*inputs, *_parameters(crate, page)]),
        result=few(made),
        agent=few(citation.authors(crate, citation.read()["authors"])),
        startTime=_time(ran["start_time"]), endTime=_time(ran["end_time"]),
        actionStatus="http://schema.org/CompletedActionStatus",
        environment=thing(crate, f"#KERAS_BACKEND={backend}", "PropertyValue", **backend_set),
    )  # fmt: skip


def _commit(code: dict) -> str:
    return code["commit"] + (" with uncommitted changes" if code["uncommitted_changes"] else "")


def _instrument(packing: Packing, page: Page, facts: dict) -> Entity:
    """Return the notebook that was executed, with the versions of all that it used."""
    crate, place, code = packing.crate, f"notebooks/{page.notebook}.ipynb", facts["code"]
    found, used, changed = (
        crate.get(place),
        [crate.get("#birads_lib")],
        verify.changed_sources(page),
    )
    if changed:  # the crate holds another version
        why = f"not the version in this crate: {'; '.join(changed)} since it was executed"
        identity = f"#{place}-{code['notebook_sha256'][:12]}-{code['library_sha256'][:12]}"
        said = {"name": page.notebook, "version": _commit(code), "description": why}
        said["sha256"] = code["notebook_sha256"]
        found, used = thing(crate, identity, "SoftwareSourceCode", **said), []
    for name, version in facts["environment"].items():
        if name not in ("uv_lock_sha256", "keras_backend"):
            said = {"name": name, "version": version}
            used.append(thing(crate, f"#{name}-{version}", "SoftwareApplication", **said))
    before = found.get("softwareRequirements", [])
    found.append_to("softwareRequirements", [one for one in used if one not in before])
    return found


def _parameters(crate: ROCrate, page: Page) -> list[Entity]:
    """Return all parameters of an execution; the same value is the same entity on all pages."""
    changed, entities = page.passport["parameters_changed"], []
    for name, value in sorted(page.passport["parameters"].items()):
        text = json.dumps(value, sort_keys=True)
        said = "changed by the study" if name in changed else "as the notebook has it"
        identity = f"#{page.notebook}.{name}-{sha256_of(text.encode())[:12]}"
        facts = {"name": name, "value": text, "description": said}
        entities.append(thing(crate, identity, "PropertyValue", **facts))
    return entities


def _describe(packing: Packing, read: list[Page], actions: list[Entity]) -> None:
    """Say what the crate is, and whose."""
    said, crate, root = citation.read(), packing.crate, packing.crate.root_dataset
    authors = citation.authors(crate, said["authors"])
    profile = {"name": "Process Run Crate", "version": "0.5", "url": PROFILE}
    facts = {
        "name": f"{said['title']}: {packing.study.title}",
        "description": f"{said['abstract']} {_contents(packing, read, actions)}",
        "conformsTo": thing(crate, PROFILE, "CreativeWork", **profile),
        "mentions": few(actions),
        "datePublished": max(_time(page.papermill["end_time"]) for page in read),
        "license": citation.licences(crate),
        "author": few(authors),
        "publisher": authors[0],
        "keywords": ", ".join(said["keywords"]),
        "citation": few(citation.papers(crate)),
        "isPartOf": citation.book(crate),
    }
    for name, value in facts.items():
        root[name] = value


def _contents(packing: Packing, read: list[Page], actions: list[Entity]) -> str:
    """Say what is in the crate, and what is not."""
    shown = sum(len(page.exhibits) for page in read)
    said = [f"Study '{packing.study.name}': {len(read)} executed notebooks with {shown} exhibits."]
    note = packing.study.note
    said += [f"Note: {note}."] if note else []
    unsealed = sum(page.path.name not in packing.seals for page in read)
    if unsealed:
        said.append(f"{unsealed} pages have no seal that shows them to be as they ran.")
    changed = sum(action["instrument"].id.startswith("#") for action in actions)
    if changed:
        said.append(f"{changed} pages were executed by other versions of the code than those here.")
    for why, count in sorted(Counter(packing.absent.values()).items()):
        said.append(f"Described and not in the crate, {count}: {why}.")
    return " ".join(said)


def _time(text: str) -> str:
    """Return a time with milliseconds, as the profile wants it."""
    return datetime.fromisoformat(text).isoformat(timespec="milliseconds")


def write(one: Study, config: Path) -> Path:
    """Write ``_build/<study>/crate`` and, beside it, the same as a zip; return the zip's path."""
    home = ROOT / "_build" / one.name
    crate, path = build(one, config), home / f"{one.name}-crate.zip"
    with folder_written_whole(home / "crate") as folder:
        crate.write(folder)
        archive(folder, path)
    return path


def main(config: str) -> None:
    """Write the crate of a study, and say where."""
    one = study.load(config)
    study.claim(one)  # a run would change files while they are packed
    path = write(one, Path(config))
    size = path.stat().st_size / 2**20
    print(f"The crate is ready: {path.relative_to(ROOT)} ({size:.1f} MiB), unpacked beside it")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except UserError as error:
        sys.exit(str(error))
