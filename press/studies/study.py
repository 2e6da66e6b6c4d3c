"""A study: one YAML that says which data, which parameters and which protocols.

What its keys may be stands in ``study_file``. A key that is unknown, or a value that can't be
right, is an error with its line, before anything runs.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from birads_lib.checked import Problems
from birads_lib.errors import UserError
from birads_lib.files import lock, written_whole
from birads_lib.protocol import PATIENT, PROTOCOLS, clashes
from birads_lib.readers import READERS, Reader
from birads_lib.readers.links import FOLLOW_LINKS
from birads_lib.task import Task, label_set_of
from birads_lib.training import settings
from press.paths import ROOT, record_file
from press.studies import chapters, given, study_file, sweep, yaml_file
from press.studies.parameters import declared_parameters


class Study(study_file.StudyFile):
    """One study, checked; its variants are also the points of the sweep."""

    root: str = "results"  # folder of studies, from the root of the project
    config: str = ""  # its YAML, as it was given

    @property
    def folder(self) -> str:
        """The folder of the study's artefacts, from the root of the project."""
        return f"{self.root}/{self.name}"

    @property
    def reader(self) -> Reader:
        """The reader of its images."""
        return READERS[self.dataset["reader"]]

    @property
    def follows_links(self) -> bool:
        """True where links that lead out of the folder of its images are followed."""
        return bool(self.dataset.get(FOLLOW_LINKS))

    @property
    def trained(self) -> dict[str, dict]:
        """Every variant and ablation, with what it changes."""
        return self.variants | self.ablations

    def runs(self) -> list[tuple[str, str]]:
        """Return every (variant or ablation, protocol) that is trained."""
        runs = [(variant, protocol) for variant in self.variants for protocol in self.protocols]
        for name, changes in self.ablations.items():
            runs += [(name, protocol) for protocol in changes.get("protocols", self.protocols[:1])]
        return runs

    def changes(self, variant: str) -> dict:
        """Return the parameters of preprocessing and training that a variant or ablation sets."""
        return {key: value for key, value in self.trained[variant].items() if key != "protocols"}

    @property
    def label_set(self) -> Task:
        """The label set: the target's where there is one, else the task's."""
        return label_set_of(self.target or self.task)

    @property
    def honest(self) -> str:
        """The first of its protocols that doesn't leak: cards are of its runs; "patient" if none.

        No run is of that then, and cards say so.
        """
        return next((name for name in self.protocols if not PROTOCOLS[name].leaks), PATIENT.name)

    def suffix(self, variant: str | None) -> str:
        """Return "-<variant>" for a variant that has separate image files, else ""."""
        changes = self.changes(variant) if variant else {}
        has_own = not changes.keys().isdisjoint(declared_parameters("02_preprocessing"))
        return f"-{variant}" if has_own else ""

    def pages(self) -> list[str]:
        """Return the names of the study's executed notebooks, in the order of reading."""
        return [
            row.page.format(**wildcards)
            for row in chapters.of_study(self)
            for wildcards in row.executions(self)
        ]

    def parameters(
        self, notebook: str, variant: str | None = None, protocol: str | None = None
    ) -> dict:
        """Return papermill's parameters for one execution of ``notebook``, which its page keeps."""
        return given.without_paths(self.values(notebook, variant, protocol), self.folder)

    def values(
        self, notebook: str, variant: str | None = None, protocol: str | None = None
    ) -> dict:
        """Return the parameters of one execution of ``notebook``, with paths as they were given."""
        set_by_study = {
            "study_dir": self.folder,
            "dataset": self.dataset,
            "task": self.target or self.task,
            "chapter_set": self.chapters,
            "note": self.note,
            "show_pixels": self.show_pixels,
            "variant": variant,
            "protocol": protocol,
            "seeds": self.seeds,
            "image_file": f"images{self.suffix(variant)}.npy",
        }
        if protocol is None and chapters.chapter(notebook).runs != "none":
            set_by_study |= self._of_all_runs(chapters.chapter(notebook))
        elif protocol is None and "protocols" in self.model_fields_set:
            set_by_study["protocols"] = self.protocols
        declared = declared_parameters(notebook)
        values = {k: set_by_study[k] for k in declared if set_by_study.get(k) is not None}
        values |= self.notebooks.get(notebook, {})
        if variant is not None:
            values |= {k: v for k, v in self.changes(variant).items() if k in declared}
        fixed = PROTOCOLS[protocol].fixes if protocol else {}
        return values | {name: value for name, value in fixed.items() if name in declared}

    def record(self) -> dict:
        """Return the record for notebooks by hand: the study's keys, and each page's parameters."""
        study_keys = {"dataset": self.dataset, "task": self.target or self.task, "note": self.note}
        pages = {
            row.page.format(**wildcards): self.parameters(row.notebook, **run_of(wildcards))
            for row in chapters.of_study(self)
            for wildcards in row.executions(self)
        }
        study = given.without_paths(study_keys, self.folder) | {"show_pixels": self.show_pixels}
        return {"name": self.name, "config": self.config, "study": study, "pages": pages}

    def _of_all_runs(self, chapter: chapters.Chapter) -> dict:
        """Return the parameters of a chapter over several runs."""
        runs, first = chapter.runs_of(self), next(iter(self.variants))
        return {
            "variant": first,
            "image_file": f"images{self.suffix(first)}.npy",
            "protocols": [self.honest] if chapter.runs == "honest" else self.protocols,
            "runs": ["/".join(run) for run in runs],
            "changes": {variant: self.changes(variant) for variant in self.trained},
            "reference": next(iter(self.ablations), None),  # the first ablation
            "trainings": {"/".join(run): self.values("03_training", *run) for run in runs},
        }


def run_of(wildcards: Mapping[str, str]) -> dict[str, str | None]:
    """Return variant and protocol that the wildcards of a page's name stand for."""
    variant = wildcards.get("variant") or wildcards.get("suffix", "")[1:] or None
    return {"variant": variant, "protocol": wildcards.get("protocol")}


def load(
    path: str | Path, data: str | None = None, weights: str | None = None, root: str = "results"
) -> Study:
    """Read and check a study's YAML.

    ``data`` overrides the folder of its data set, ``weights`` the file of the backbone's weights;
    both are kept as given: relative to the root of the project, where make runs.

    Raises UserError naming key, file and line of every problem, before anything runs.
    """
    path = Path(path)
    if not path.is_file():
        study_names = ", ".join(sorted(sibling.stem for sibling in path.parent.glob("*.yaml")))
        raise UserError(f"no study at {path}; studies there: {study_names or 'none'}")
    keys, lines = yaml_file.read(path, (*study_file.StudyFile.model_fields, "sweep"))
    yaml_file.refuse(path, lines, study_file.problems(keys))
    overrides = {name: text for name, text in (("DATA", data), ("WEIGHTS", weights)) if text}
    if problems := study_file.text_problems(overrides):
        raise UserError("\n".join(f"{keys[0]}: {problem}" for keys, problem in problems))
    if data:
        keys["dataset"]["folder"] = data
    if weights:
        for notebook in _notebooks_with_weights(keys.get("chapters", chapters.PAPER)):
            keys.setdefault("notebooks", {}).setdefault(notebook, {})["weights"] = weights
    variants = keys.pop("variants", {"proposed": {}})
    variants |= dict(sweep.points(keys.pop("sweep", {})))
    shown = READERS[keys["dataset"]["reader"]].synthetic  # others only where the YAML says so
    defaults = {"title": keys["name"], "show_pixels": shown}
    study = Study(**defaults | keys, variants=variants, root=root, config=str(path))
    yaml_file.refuse(path, lines, _contradictions(study, lines))
    return study


def _notebooks_with_weights(chapter_set: str) -> list[str]:
    """Return the notebooks of a set of chapters that a file of weights is for."""
    if chapter_set == chapters.PAPER:
        return ["03_training"]  # ablations follow it
    of_set = [row.notebook for row in chapters.CHAPTERS if chapter_set in row.sets]
    return [name for name in of_set if "weights" in declared_parameters(name)]


def _contradictions(study: Study, lines: yaml_file.Lines) -> Problems:
    """Return contradictions between keys that are valid singly, and between them and the reader."""
    problems, reader = [], study.reader
    if study.show_pixels and not reader.may_show_pixels:
        problem = f"images that '{reader.name}' reads are never shown; remove it, or say false"
        problems.append((("show_pixels",), problem))
    protocols = {protocol for _, protocol in study.runs()}
    if PATIENT.name in protocols and not reader.knows_patients(study.dataset):
        problem = (
            "protocol 'patient' needs to know whose each image is: give "
            f"'{reader.patients_from}' here, or choose 'protocols: [image]' and read its mark"
        )
        problems.append((("dataset",), problem))
    for variant, protocol in study.runs():
        notebooks = ["03_training"] + (["09_feature_space"] if variant in study.variants else [])
        parameters = {}
        for notebook in notebooks:
            parameters |= declared_parameters(notebook) | study.notebooks.get(notebook, {})
        parameters |= study.changes(variant) | {"protocol": protocol} | PROTOCOLS[protocol].fixes
        for keys, problem in settings.clashes(parameters) + clashes(parameters):
            problems.append((_key_path(keys, variant, lines), problem))
    return problems


def _key_path(keys: tuple[str, ...], variant: str, lines: yaml_file.Lines) -> tuple:
    """Return the key path at which a variant was given one of several parameters."""
    sections = [("variants", variant), ("ablations", variant)]
    sections += [] if any(section in lines for section in sections) else [("sweep",)]
    sections += [("notebooks", "03_training"), ("notebooks", "09_feature_space")]
    places = [(*section, key) for section in sections for key in keys if (*section, key) in lines]
    return places[0] if places else sections[0]


def claim(study: Study) -> TextIO:
    """Keep others from running this study while the file returned is open; UserError if one does.

    Snakemake's own lock outlives a ``kill -9``; this one goes with the process.
    """
    path = ROOT / study.folder / "running"
    path.parent.mkdir(parents=True, exist_ok=True)
    file = open(path, "a")  # noqa: SIM115 (open as long as the process)
    try:
        lock(file)
    except BlockingIOError:
        raise UserError(f"the study '{study.name}' is already running; wait for it") from None
    return file


def write_record(study: Study) -> None:
    """Write a study's record, for notebooks by hand and for comparisons, where it has changed.

    A run on a full disk thus comes to its notebooks, which say that it is full.
    """
    path, text = record_file(ROOT / study.folder), json.dumps(study.record(), indent=1)
    if path.is_file() and path.read_text() == text:
        return
    with written_whole(path) as temporary:
        temporary.write_text(text)
