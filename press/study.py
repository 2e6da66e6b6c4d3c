"""A study: one YAML that says which data, which parameters and which protocols.

What notebooks take stands in ``parameters``. A key of the YAML that no notebook declares, or a
value that can't be right, is an error with its line, before anything runs.
"""

import json
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from birads_lib.errors import UserError, did_you_mean
from birads_lib.files import lock
from birads_lib.readers import READERS
from press import chapters, sweeps
from press import values as parameters
from press.datasets import images_folder
from press.parameters import declared_parameters, notebook_names
from press.paths import ROOT, SPEED
from press.values import TRAINED

KEYS = (
    "name", "title", "note", "dataset", "show_pixels", "protocols", "variants", "ablations",
    "sweep", "notebooks", "chapters",
)  # fmt: skip
PROTOCOLS = ("patient", "image", "oversample_first")
LONGEST_NAME = 100  # of a variant: it becomes part of a file's
_NAME = "of letters, digits and _ that begins with a letter or digit"
_claimed: list = []  # locks held by this process
RESERVED = ("images", SPEED)  # folders of book/ that hold no study

Problems = list[tuple[tuple, str]]  # (key path, message)


class _Loader(yaml.SafeLoader):
    """YAML as people write it: 1e-4 is a number, which YAML 1.1 takes for a text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


@dataclass(frozen=True)
class Study:
    """One study, checked. ``notebooks``, ``variants``, ``ablations`` hold what isn't default.

    A variant is trained under every protocol and has its own chapters. An ablation is trained
    under the first protocol, or those it lists under ``protocols``, and compared in chapter 05.
    Both may change parameters of training and of preprocessing.
    """

    name: str
    title: str
    dataset: dict
    note: str = ""  # stands on every figure and table
    show_pixels: bool = True
    protocols: tuple[str, ...] = ("patient",)
    variants: dict[str, dict] = field(default_factory=lambda: {"proposed": {}})
    ablations: dict[str, dict] = field(default_factory=dict)
    notebooks: dict[str, dict] = field(default_factory=dict)
    chapters: str = chapters.PAPER  # the set of chapters that it has
    root: str = "results"  # folder of studies, from the root of the project

    @property
    def folder(self) -> str:
        """Where the study's artefacts lie, from the root of the project."""
        return f"{self.root}/{self.name}"

    def runs(self) -> list[tuple[str, str]]:
        """Return every (variant or ablation, protocol) that is trained."""
        runs = [(variant, protocol) for variant in self.variants for protocol in self.protocols]
        for name, values in self.ablations.items():
            runs += [(name, protocol) for protocol in values.get("protocols", self.protocols[:1])]
        return runs

    def changes(self, variant: str) -> dict:
        """Return the parameters of preprocessing and training that a variant or ablation sets."""
        values = {**self.ablations, **self.variants}[variant]
        return {key: value for key, value in values.items() if key != "protocols"}

    def preprocesses(self, variant: str) -> bool:
        """Say whether a variant needs images of its own."""
        return any(key in declared_parameters("02_preprocessing") for key in self.changes(variant))

    def image_file(self, variant: str | None) -> str:
        """Return the name of the file of preprocessed images that a variant is trained on."""
        return f"images{self.suffix(variant)}.npy"

    def suffix(self, variant: str | None) -> str:
        """Return what marks the files of images of a variant that has its own: "-<variant>"."""
        return f"-{variant}" if variant and self.preprocesses(variant) else ""

    def suffixes(self) -> list[str]:
        """Return ``suffix`` of each preprocessing of the images, first the study's own."""
        return list(dict.fromkeys(["", *map(self.suffix, self._trained())]))

    def pages(self) -> list[str]:
        """Return the names of the study's executed notebooks, in the order of reading."""
        return chapters.pages(self)

    def _trained(self) -> list[str]:
        return [*self.variants, *self.ablations]

    def parameters(self, notebook: str, variant: str | None = None, protocol: str | None = None):
        """Return what papermill passes to one execution of ``notebook``, as a dict."""
        own = {
            "study_dir": self.folder,
            "dataset": self.dataset,
            "note": self.note,
            "show_pixels": self.show_pixels,
            "variant": variant,
            "protocol": protocol,
            "image_file": self.image_file(variant),
        }
        if protocol is None and chapters.chapter(notebook).runs != "none":
            own |= self._of_all_runs()
        declared = declared_parameters(notebook)
        given = {key: own[key] for key in declared if own.get(key) is not None}
        given |= self.notebooks.get(notebook, {})
        if variant is not None:
            given |= {k: v for k, v in self.changes(variant).items() if k in declared}
        return given

    def _of_all_runs(self) -> dict:
        """Return what the chapters over several runs are told."""
        return {
            "variant": next(iter(self.variants)),
            "protocols": list(self.protocols),
            "runs": [f"{variant}/{protocol}" for variant, protocol in self.runs()],
            "changes": {variant: self.changes(variant) for variant in self._trained()},
            "reference": next(iter(self.ablations), None),  # the first ablation
        }

    def arguments(self, notebook: str, variant: str | None = None, protocol: str | None = None):
        """Return ``parameters`` as one line of JSON, for a command line."""
        return json.dumps(self.parameters(notebook, variant, protocol), sort_keys=True)


def load(
    path: str | Path, data: str | None = None, weights: str | None = None, root: str = "results"
) -> Study:
    """Read and check a study's YAML.

    ``data`` overrides the folder of its data set, ``weights`` the file of the backbone's weights;
    both are kept as given: relative to the root of the project, where make runs. ``root`` is where
    the studies' artefacts lie.

    Raises UserError naming key, file and line of every problem, before anything runs.
    """
    path = Path(path)
    raw, lines = _read(path)
    problems = _problems(raw)
    if not problems:
        study = _study(raw, data, weights, root)
        problems = _clashes(study, lines)
    if problems:
        listed = [f"{path}, line {_line(lines, where)}: {what}" for where, what in problems]
        raise UserError("\n".join(dict.fromkeys(listed)))
    return study


def _read(path: Path) -> tuple[dict, dict[tuple, int]]:
    """Return what a YAML file holds, and the line of each key path in it."""
    if not path.is_file():
        known = sorted(p.stem for p in path.parent.glob("*.yaml"))
        raise UserError(f"no study at {path}; studies there: {', '.join(known) or 'none'}")
    text = path.read_text()
    try:
        raw, lines = yaml.load(text, _Loader), _lines(yaml.compose(text))
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(raw, dict):
        raise UserError(f"{path}: expected a mapping with the keys {', '.join(KEYS)}")
    return raw, lines


def _study(raw: dict, data: str | None, weights: str | None, root: str) -> Study:
    """Return the study that a checked YAML describes."""
    shown = READERS[raw["dataset"]["reader"]].synthetic  # others only where the YAML says so
    values = {"title": raw["name"], "show_pixels": shown, **raw}
    sweep = values.pop("sweep", None)
    if sweep:
        values["variants"] = values.get("variants", {"proposed": {}}) | dict(sweeps.variants(sweep))
    if data:
        values["dataset"] = raw["dataset"] | {"folder": data}
    if weights:
        given = raw.get("notebooks", {})
        training = given.get("03_training", {}) | {"weights": weights}
        values["notebooks"] = given | {"03_training": training}
    values["protocols"] = tuple(raw.get("protocols", ("patient",)))
    return Study(**values, root=root)


def _lines(node: yaml.Node, prefix: tuple = ()) -> dict[tuple, int]:
    """Return the line on which each key path of a YAML document stands; items count from 0."""
    if isinstance(node, yaml.SequenceNode):
        children = [(place, item, item) for place, item in enumerate(node.value)]
    elif isinstance(node, yaml.MappingNode):
        children = [(key.value, key, value) for key, value in node.value]
    else:
        return {}
    lines = {}
    for name, start, value in children:
        lines[*prefix, name] = start.start_mark.line + 1
        lines |= _lines(value, (*prefix, name))
    return lines


def _line(lines: dict[tuple, int], where: tuple) -> int:
    """Return the line of a key, or of what it stands in where it was merged from elsewhere."""
    while where and where not in lines:
        where = where[:-1]
    return lines.get(where, 1)


def _problems(raw: dict) -> Problems:
    """Return every problem of a study's single keys and values."""
    found = _unknown(raw, KEYS, ())
    found += [((), f"the key '{key}' is missing") for key in ("name", "dataset") if key not in raw]
    if not _is_name(raw.get("name", "x")) or raw.get("name") in RESERVED:
        found.append((("name",), f"expected a name {_NAME}, and not {', '.join(RESERVED)}"))
    wrong = [key for key in ("title", "note") if not isinstance(raw.get(key, ""), str)]
    found += [((key,), "expected a text; put it in quotes") for key in wrong]
    if not isinstance(raw.get("show_pixels", True), bool):
        found.append((("show_pixels",), "expected true or false"))
    found += _protocol_problems(raw.get("protocols", ["patient"]))
    for section in ("notebooks", "variants", "ablations"):
        found += _section_problems(raw.get(section, {}), section)
    if raw.get("variants", True) == {}:
        found.append((("variants",), "expected at least one, such as proposed: {}"))
    if "sweep" in raw:
        found += [(("sweep", *where), what) for where, what in sweeps.problems(raw["sweep"])]
    found += _dataset_problems(raw.get("dataset", {"reader": "phantoms"}))
    return found or _named_twice(raw) + _against_the_reader(raw)


def _dataset_problems(dataset: object) -> Problems:
    if not isinstance(dataset, dict) or not isinstance(dataset.get("reader"), str):
        what = f"expected a mapping with at least 'reader' ({', '.join(READERS)})"
        return [(("dataset",), what)]
    from birads_lib.readers import reading  # slow to import

    return [(("dataset", key), what) for key, what in reading.problems(dataset).items()]


def _protocol_problems(protocols: object, *where: str) -> Problems:
    where = (*where, "protocols")
    if not isinstance(protocols, list) or not protocols:
        return [(where, f"expected a list of protocols out of {', '.join(PROTOCOLS)}")]
    if any(protocols.count(protocol) > 1 for protocol in protocols):
        return [(where, "expected each protocol once")]
    return _unknown(protocols, PROTOCOLS, where)


def _section_problems(section: object, name: str) -> Problems:
    """Check {notebook: {key: value}}, or {variant: {key: value}} of preprocessing or training."""
    if not isinstance(section, dict):
        return [((name,), "expected a mapping of names to parameters")]
    wrong = [key for key in section if not _is_name(key)]
    if wrong:
        return [((name, key), f"expected a name {_NAME}") for key in wrong]
    found = _unknown(section, notebook_names(), (name,)) if name == "notebooks" else []
    for key, values in section.items():
        if not isinstance(values, dict):
            found.append(((name, key), "expected a mapping of parameters ({} for none)"))
        elif name != "notebooks" or key in notebook_names():
            found += _value_problems(values, name, key)
    return found


def _value_problems(values: dict, name: str, key: str) -> Problems:
    """Check the parameters of one notebook, variant or ablation."""
    found = []
    if name == "ablations" and "protocols" in values:
        found += _protocol_problems(values["protocols"], name, key)
        values = {k: v for k, v in values.items() if k != "protocols"}
    notebooks = (key,) if name == "notebooks" else TRAINED
    wrong = parameters.problems(values, notebooks)
    return found + [((name, key, k), what) for k, what in wrong]


def _named_twice(raw: dict) -> Problems:
    """Check that all that is trained has a name of its own, short enough for a file's."""
    names = [("variants", name) for name in raw.get("variants", ["proposed"])]
    names += [("ablations", name) for name in raw.get("ablations", ())]
    names += (
        [("sweep", name) for name, _ in sweeps.variants(raw["sweep"])] if "sweep" in raw else []
    )
    kinds = {"variants": "a variant", "ablations": "an ablation", "sweep": "a point of the sweep"}
    found, first = [], {}
    for section, name in names:
        if name in first:
            found.append(((section, name), f"'{name}' is {kinds[first[name]]}, too"))
        if len(name) > LONGEST_NAME:
            what = f"a name may have {LONGEST_NAME} characters; this makes '{name}'"
            found.append(((section, name), what))
        first.setdefault(name, section)
    return found


def _against_the_reader(raw: dict) -> Problems:
    """Check that the reader knows patients where a split is by patient, and may show pixels."""
    reader, found = READERS[raw["dataset"]["reader"]], []
    if raw.get("show_pixels") and not reader.may_show_pixels:
        what = f"images that '{reader.name}' reads are never shown; remove it, or say false"
        found.append((("show_pixels",), what))
    asked = [raw.get("protocols", ["patient"])]
    asked += [values.get("protocols", ()) for values in raw.get("ablations", {}).values()]
    by_patient = any("patient" in protocols for protocols in asked)
    if by_patient and not reader.knows_patients(raw["dataset"]):
        what = (
            "protocol 'patient' needs to know whose each image is: give "
            f"'{reader.patients_from}' here, or choose 'protocols: [image]' and read its mark"
        )
        found.append((("dataset",), what))
    return found


def _clashes(study: Study, lines: dict[tuple, int]) -> Problems:
    """Return which values don't go together, run by run."""
    found = []
    for variant, protocol in study.runs():
        notebooks = ["03_training"] + (["09_feature_space"] if variant in study.variants else [])
        values = {"protocol": protocol}
        for notebook in notebooks:
            values |= declared_parameters(notebook) | study.notebooks.get(notebook, {})
        values |= study.changes(variant) | {"protocol": protocol}
        for keys, what in parameters.clashes(values):
            found.append((_where(keys, variant, lines), what))
    return found


def _where(keys: tuple[str, ...], variant: str, lines: dict[tuple, int]) -> tuple:
    """Return the key path at which a variant was given one of several parameters."""
    sections = [("variants", variant), ("ablations", variant)]
    sections += [] if any(section in lines for section in sections) else [("sweep",)]
    sections += [("notebooks", "03_training"), ("notebooks", "09_feature_space")]
    given = [(*section, key) for section in sections for key in keys if (*section, key) in lines]
    return given[0] if given else sections[0]


def _is_name(text: object) -> bool:
    return isinstance(text, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_]*", text) is not None


def _unknown(given: Iterable, allowed: Iterable[str], where: tuple) -> Problems:
    return [
        ((*where, key), f"unknown '{key}'; {did_you_mean(key, allowed)}")
        for key in given
        if key not in allowed
    ]


def claim(study: Study) -> None:
    """Keep others from running this study as long as this process lives; UserError if one does.

    Snakemake's own lock outlives a ``kill -9``; this one goes with the process.
    """
    path = ROOT / study.folder / "running"
    path.parent.mkdir(parents=True, exist_ok=True)
    file = open(path, "a")  # noqa: SIM115 (open as long as the process)
    try:
        lock(file)
    except BlockingIOError:
        raise UserError(f"the study '{study.name}' is already running; wait for it") from None
    _claimed.append(file)


def check_dataset(study: Study) -> None:
    """Raise UserError where the folder of a study's images isn't given, or isn't there."""
    folder = images_folder(study.dataset, study.folder)
    if not READERS[study.dataset["reader"]].makes_images:
        from birads_lib.readers.folders import existing  # slow to import

        existing(folder)


if __name__ == "__main__":  # python -m press.study my.yaml [folder]: say what is wrong
    try:
        check_dataset(load(*sys.argv[1:3]))
    except UserError as error:
        sys.exit(str(error))
