"""A study: one YAML that says which data, which parameters and which protocols.

The parameters a notebook takes are those its own ``parameters`` cell declares, as plain
``name = literal  # help`` lines. A key of the YAML that no notebook declares is an error.
"""

import ast
import fcntl
import json
import math
import re
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml

from birads_lib.errors import UserError, did_you_mean
from birads_lib.paths import NOTEBOOKS, ROOT

KEYS = (
    "name", "title", "note", "dataset", "show_pixels", "protocols", "variants", "ablations",
    "notebooks",
)  # fmt: skip
PROTOCOLS = ("patient", "image", "oversample_first")
EVALUATED = (
    "04_evaluation", "06_calibration", "07_decision_curves", "08_interpretability",
    "09_feature_space",
)  # fmt: skip  # once for each variant and protocol
_NAME = "of letters, digits and _ that begins with a letter or digit"
_claimed: list = []  # locks held by this process
RESERVED = ("images",)  # folders of book/ that hold no study
SET_BY_THE_STUDY = (
    "study_dir", "note", "dataset", "show_pixels", "variant", "protocol", "protocols",
    "image_file", "reference", "runs", "changes",
)  # fmt: skip


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
        own = variant is not None and self.preprocesses(variant)
        return f"images-{variant}.npy" if own else "images.npy"

    def pages(self) -> list[str]:
        """Return the names of the study's executed notebooks, in the order of reading."""
        own = [f"02_preprocessing-{v}" for v in self._trained() if self.preprocesses(v)]
        training = [f"03_training-{variant}-{protocol}" for variant, protocol in self.runs()]
        evaluated = [f"{v}-{protocol}" for v in self.variants for protocol in self.protocols]
        rest = [f"{notebook}-{run}" for notebook in EVALUATED for run in evaluated]
        rest += ["05_ablations"] if self.ablations else []
        whole = ["01_data_exploration", "02_preprocessing", "10_leakage_audit", "11_claims"]
        return sorted([*whole, *own, *training, *rest], key=lambda page: page[:2])

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
        if protocol is None and notebook not in ("01_data_exploration", "02_preprocessing"):
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

    def arguments(self, notebook: str, **wildcards: str) -> str:
        """Return ``parameters`` as one line of JSON, for a command line."""
        return json.dumps(self.parameters(notebook, **wildcards), sort_keys=True)


@cache
def declared_parameters(notebook: str) -> dict:
    """Return the names and default values in a source notebook's ``parameters`` cell."""
    cells = json.loads((NOTEBOOKS / f"{notebook}.ipynb").read_text())["cells"]
    source = "".join(
        "".join(cell["source"]) + "\n"
        for cell in cells
        if "parameters" in cell["metadata"].get("tags", [])
    )
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
    }


def notebook_names() -> list[str]:
    """Return the names of all source notebooks, in their order."""
    return sorted(path.stem for path in NOTEBOOKS.glob("[0-9]*.ipynb"))


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
    problems = _problems(raw)
    if problems:
        listed = [f"{path}, line {_line(lines, where)}: {what}" for where, what in problems]
        raise UserError("\n".join(listed))
    if data:
        raw["dataset"]["folder"] = data
    if weights:
        raw.setdefault("notebooks", {}).setdefault("03_training", {})["weights"] = weights
    raw["protocols"] = tuple(raw.get("protocols", ("patient",)))
    return Study(**{"title": raw["name"], **raw}, root=root)


def _lines(node: yaml.Node, prefix: tuple = ()) -> dict[tuple, int]:
    """Return the line on which each key path of a YAML document stands."""
    if not isinstance(node, yaml.MappingNode):
        return {}
    lines = {}
    for key, value in node.value:
        here = (*prefix, key.value)
        lines[here] = key.start_mark.line + 1
        lines |= _lines(value, here)
    return lines


def _line(lines: dict[tuple, int], where: tuple) -> int:
    """Return the line of a key, or of what it stands in where it was merged from elsewhere."""
    while where and where not in lines:
        where = where[:-1]
    return lines.get(where, 1)


def _problems(raw: dict) -> list[tuple[tuple, str]]:
    """Return every problem of a study as (key path, message)."""
    found = _unknown(raw, KEYS, ())
    found += [((), f"the key '{key}' is missing") for key in ("name", "dataset") if key not in raw]
    if not _is_name(raw.get("name", "x")) or raw.get("name") in RESERVED:
        found.append((("name",), f"expected a name {_NAME}, and not {', '.join(RESERVED)}"))
    if not isinstance(raw.get("show_pixels", True), bool):
        found.append((("show_pixels",), "expected true or false"))
    found += _dataset_problems(raw.get("dataset", {"reader": ""}))
    found += _protocol_problems(raw.get("protocols", ["patient"]))
    for section in ("notebooks", "variants", "ablations"):
        found += _section_problems(raw.get(section, {}), section)
    twice = {*raw.get("variants", {})} & {*raw.get("ablations", {})} if not found else ()
    found += [(("ablations", name), f"'{name}' is a variant, too") for name in sorted(twice)]
    return found


def _dataset_problems(dataset: object) -> list[tuple[tuple, str]]:
    if isinstance(dataset, dict) and isinstance(dataset.get("reader"), str):
        return []
    return [(("dataset",), "expected a mapping with at least 'reader' (phantoms, inbreast, ...)")]


def _protocol_problems(protocols: object, *where: str) -> list[tuple[tuple, str]]:
    where = (*where, "protocols")
    if not isinstance(protocols, list) or not protocols:
        return [(where, f"expected a list of protocols out of {', '.join(PROTOCOLS)}")]
    return _unknown(protocols, PROTOCOLS, where)


def _section_problems(section: object, name: str) -> list[tuple[tuple, str]]:
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


def _value_problems(values: dict, name: str, key: str) -> list[tuple[tuple, str]]:
    """Check the parameters of one notebook, variant or ablation."""
    sources = [key] if name == "notebooks" else ["02_preprocessing", "03_training"]
    declared = {k: v for source in sources for k, v in declared_parameters(source).items()}
    found = []
    if name == "ablations" and "protocols" in values:
        found += _protocol_problems(values["protocols"], name, key)
        values = {k: v for k, v in values.items() if k != "protocols"}
    found += _unknown(values, [k for k in declared if k not in SET_BY_THE_STUDY], (name, key))
    return found + [
        ((name, key, k), f"'{k}' is {v!r}, expected {_kind(declared[k])}")
        for k, v in values.items()
        if k in declared and not _same_kind(v, declared[k])
    ]


def _is_name(text: object) -> bool:
    return isinstance(text, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_]*", text) is not None


def _unknown(given, allowed, where: tuple) -> list[tuple[tuple, str]]:
    return [
        ((*where, key), f"unknown '{key}'; {did_you_mean(key, allowed)}")
        for key in given
        if key not in allowed
    ]


def _same_kind(value: object, default: object) -> bool:
    """Say whether a value may stand where ``default`` stands; an int may stand for a float."""
    if isinstance(default, bool) or isinstance(value, bool):
        return type(value) is type(default)
    if isinstance(default, float):
        return isinstance(value, int | float) and math.isfinite(value)
    return isinstance(value, type(default))


def _kind(default: object) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    return names.get(type(default), f"a {type(default).__name__}") + f" (default: {default!r})"


def claim(study: Study) -> None:
    """Keep others from running this study as long as this process lives; UserError if one does.

    Snakemake's own lock outlives a ``kill -9``; this one goes with the process.
    """
    path = ROOT / study.folder / "running"
    path.parent.mkdir(parents=True, exist_ok=True)
    file = open(path, "a")  # noqa: SIM115 (open as long as the process)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UserError(f"the study '{study.name}' is already running; wait for it") from None
    _claimed.append(file)


def check_dataset(study: Study) -> None:
    """Raise UserError for a reader, options or folder that the data set can't be read with."""
    from birads_lib import datasets  # heavy, and only needed here

    options = {k: v for k, v in study.dataset.items() if k not in ("reader", "folder")}
    datasets.check(study.dataset["reader"], options)
    folder = datasets.folder_of(study.dataset, study.folder)
    if study.dataset["reader"] != "phantoms":
        datasets.existing(folder)
    grouped = study.dataset["reader"] != "class_folders" or options.get("patient_pattern")
    if "patient" in study.protocols and not grouped:
        raise UserError(
            "protocol 'patient' needs to know whose each image is: give 'patient_pattern' under "
            "'dataset', or choose 'protocols: [image]' and read its mark"
        )


if __name__ == "__main__":  # python -m birads_lib.study my.yaml [folder]: say what is wrong
    try:
        check_dataset(load(*sys.argv[1:3]))
    except UserError as error:
        sys.exit(str(error))
