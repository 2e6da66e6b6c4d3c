"""The provenance of a study, in the terms of the profiles of Workflow Run RO-Crate.

Process Run Crate: the execution of each page is an action, with what it read and what it made.
Workflow Run Crate: the Snakefile is the workflow, and its run an action; what notebooks take and
give are formal parameters, of which the values and files are examples. Provenance Run Crate: each
notebook is a tool and a step, and Snakemake organised the actions.
"""

import json
from datetime import datetime

from rocrate.model.entity import Entity

from birads_lib.files import sha256_of
from press.pages.file_lists import kind_of, place_of
from press.pages.outputs import digest_of
from press.pages.page import Page
from press.pages.sources import PACKAGES
from press.pages.stale import changed_sources
from press.paths import ROOT, figures_folder
from press.sharing.packing import Packing

_WFRUN = "https://w3id.org/ro/wfrun"
PROFILES = {  # by name and version
    ("Process Run Crate", "0.5"): f"{_WFRUN}/process/0.5",
    ("Workflow Run Crate", "0.5"): f"{_WFRUN}/workflow/0.5",
    ("Provenance Run Crate", "0.5"): f"{_WFRUN}/provenance/0.5",
    ("Workflow RO-Crate", "1.0"): "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
}
_BIOSCHEMAS = "https://bioschemas.org/profiles"
COMPLETED = "http://schema.org/CompletedActionStatus"


class Provenance:
    """The actions of a study, added to its crate.

    ``pages`` has that of each page; ``actions`` also that of the workflow and what Snakemake did.
    """

    def __init__(self, packing: Packing, made: list[tuple[Page, list[Entity]]]) -> None:
        self.packing, self.crate = packing, packing.crate
        self.workflow = self._add_workflow()
        self.images: list[Entity] = []  # what is described of them, filled as pages are added
        self.pages = [self._add_action(page, results) for page, results in made]
        run = self._add_run(made)
        self.actions = [run, *self.pages, self._add_engine(made, run)]

    # The executions of pages

    def _add_action(self, page: Page, made: list[Entity]) -> Entity:
        """Add the execution of a page: its notebook, what it read and what it ``made``."""
        facts, times = page.passport, page.papermill
        notebook = self._instrument(page)
        inputs = [read for passport in page.passports() for read in passport["inputs"]]
        read = {}  # each once
        for each in inputs:
            file = self._add_input(page, each)
            read[file.id] = file
            self._link(notebook, "input", f"{page.notebook}.{each['name']}", file)
        self._link(notebook, "output", f"{page.notebook}.page", made[0])
        backend = facts["environment"]["keras_backend"]
        name, identity = "KERAS_BACKEND", f"#KERAS_BACKEND={backend}"
        properties = {
            "name": f"{page.title} ({page.name})",
            "description": f"papermill executed {page.notebook}.ipynb in {times['duration']:.1f} s "
            f"on {facts['device']}; commit {page.commit}",
            **self._when([page]),
            "environment": self.packing.entity(identity, "PropertyValue", name=name, value=backend),
        }
        parameters = self._parameters(page, notebook)
        objects = [*read.values(), *parameters]
        return self.crate.add_action(notebook, f"#{page.name}", objects, made, properties)

    def _when(self, pages: list[Page]) -> dict[str, object]:
        """Return who executed pages, from when to when."""
        times, authors = [page.papermill for page in pages], self.packing.authors()
        return {
            "agent": authors[0] if len(authors) == 1 else authors,
            "startTime": min(milliseconds(each["start_time"]) for each in times),
            "endTime": max(milliseconds(each["end_time"]) for each in times),
            "actionStatus": COMPLETED,
        }

    def _add_input(self, page: Page, facts: dict) -> Entity:
        """Return the entity of what a page read: what another page made, or a new one."""
        place, digest, packing = facts["file"], digest_of(facts), self.packing
        if "sha256_of_hashes" in facts:
            study = facts.get("study", page.study)
            listing, table = place_of(kind_of(facts), page.path.parents[1] / study)
            listed = figures_folder(f"results/{study}", listing).joinpath(f"{table}.csv").as_posix()
            reason = "images are not packed; the hash is over the sorted hashes of all"
            details = {"@type": "Collection"}
            details |= {"subjectOf": entry} if (entry := self.crate.get(listed)) is not None else {}
            images = packing.add_absent(place, digest, reason, **details)
            self.images += [images] if images not in self.images else []
            return images
        existing = self.crate.get(place)
        if existing is not None and existing["sha256"] == digest:
            return existing
        return packing.add_from_disk(place, digest)

    def _instrument(self, page: Page) -> Entity:
        """Return the notebook that was executed, with the versions of all that it used."""
        place, code = f"notebooks/{page.notebook}.ipynb", page.passport["code"]
        notebook, software = self.crate.get(place), [self.crate.get(f"#{n}") for n in PACKAGES]
        if changed := changed_sources(page):  # the crate holds another version
            identity = f"#{place}-{code['notebook_sha256'][:12]}-{code['library_sha256'][:12]}"
            reason = f"not the version in this crate: {'; '.join(changed)} since it was executed"
            properties = {"name": page.notebook, "version": page.commit, "description": reason}
            properties["sha256"] = code["notebook_sha256"]
            notebook = self.packing.entity(identity, "SoftwareSourceCode", **properties)
            software = []
        for name, version in page.passport["environment"].items():
            if name not in ("uv_lock_sha256", "keras_backend"):
                software.append(self._software(name, version))
        for each in software:
            _append(notebook, "softwareRequirements", each)
        _append(self.workflow, "hasPart", notebook)
        return notebook

    def _software(self, name: str, version: str) -> Entity:
        properties = {"name": name, "version": version}
        return self.packing.entity(f"#{name}-{version}", "SoftwareApplication", **properties)

    def _parameters(self, page: Page, notebook: Entity) -> list[Entity]:
        """Return all parameters of an execution; an equal value is one entity on all pages."""
        changed, entities = page.passport["parameters_changed"], []
        for name, value in sorted(page.passport["parameters"].items()):
            text = json.dumps(value, sort_keys=True)
            origin = "changed by the study" if name in changed else "as the notebook has it"
            identity = f"#{page.notebook}.{name}-{sha256_of(text.encode())[:12]}"
            properties = {"name": name, "value": text, "description": origin}
            entities.append(self.packing.entity(identity, "PropertyValue", **properties))
            self._link(notebook, "input", f"{page.notebook}.{name}", entities[-1])
        return entities

    def _link(self, tool: Entity, side: str, name: str, example: Entity) -> None:
        """Make a value or file an example of a tool's formal parameter, which is added if new."""
        kinds = {"PropertyValue": "Text", "File": "File", "Collection": "Collection"}
        kind = next((kind for kind in kinds if kind in example["@type"]), "File")
        properties = {"name": name, "additionalType": kinds[kind]}
        properties["conformsTo"] = {"@id": f"{_BIOSCHEMAS}/FormalParameter/1.0-RELEASE"}
        # Another kind of value, as a parameter and an input may have one name, is another one.
        formal = self.packing.entity(f"#{name}.{kind}", "FormalParameter", **properties)
        _append(tool, side, formal)
        if kind in example["@type"]:  # a file that is only described is none
            _append(formal, "workExample", example)
            _append(example, "exampleOfWork", formal)

    # The run of the workflow

    def _add_workflow(self) -> Entity:
        """Add the Snakefile, and the table of chapters that its rules are made from."""
        properties = {
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
            "name": "Snakefile",
            "version": self.packing.cited["version"],
            "description": "A rule for each row of press/studies/chapters.py",
            "conformsTo": {"@id": f"{_BIOSCHEMAS}/ComputationalWorkflow/1.0-RELEASE"},
        }
        properties |= self.packing.facts_of("Snakefile", ROOT / "Snakefile")
        options = {"properties": properties, "main": True, "lang": "snakemake", "record_size": True}
        return self.crate.add_workflow(ROOT / "Snakefile", "Snakefile", **options)

    def _add_run(self, made: list[tuple[Page, list[Entity]]]) -> Entity:
        """Add the run of the whole workflow, from study and images to pages."""
        study = self.crate.get(f"config/{self.packing.config.name}")
        inputs = [study, *self.images]
        for name, example in zip(["study", *["images"] * len(self.images)], inputs, strict=True):
            self._link(self.workflow, "input", name, example)
        for page, results in made:
            self._link(self.workflow, "output", f"{page.notebook}.page", results[0])
        properties = {"name": f"The study '{self.packing.study.name}'"}
        properties |= self._when([page for page, _ in made])
        results = [results[0] for _, results in made]
        return self.crate.add_action(self.workflow, "#run", inputs, results, properties)

    def _add_engine(self, made: list[tuple[Page, list[Entity]]], whole: Entity) -> Entity:
        """Add the steps of the workflow, and that Snakemake took them."""
        controls, engines, steps = [], {}, {}
        for (page, _), action in zip(made, self.pages, strict=True):
            position = str(len(steps) + 1)
            properties = {"name": page.notebook, "position": position}
            step = self.packing.entity(f"#step-{page.notebook}", "HowToStep", **properties)
            steps[step.id] = step
            _append(step, "workExample", action["instrument"])
            properties = {"name": f"Snakemake executed {page.name}", "instrument": step}
            identity, properties["object"] = f"#control-{page.name}", action
            controls.append(self.packing.entity(identity, "ControlAction", **properties))
            engine = self._software("snakemake", page.passport["environment"]["snakemake"])
            engines[engine.id] = engine
        for step in steps.values():
            _append(self.workflow, "step", step)
        properties = {"name": "Snakemake ran the workflow", "object": controls, "result": whole}
        properties |= self._when([page for page, _ in made])
        action = self.packing.entity("#engine", "OrganizeAction", **properties)
        for engine in engines.values():
            _append(action, "instrument", engine)
        return action


def _append(entity: Entity, name: str, value: Entity) -> None:
    """Add a value to a property of an entity, unless it is there."""
    values = entity.get(name, [])
    if value not in (values if isinstance(values, list) else [values]):
        entity.append_to(name, value, compact=True)


def milliseconds(text: str) -> str:
    """Return a time with milliseconds, as the profile wants it."""
    return datetime.fromisoformat(text).isoformat(timespec="milliseconds")
