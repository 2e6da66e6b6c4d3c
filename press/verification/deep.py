"""Do the saved models give the predictions that the chapters evaluate?

For each run whose models were kept: the images are dealt out again, the model of each fold predicts
them again, and ``predictions.parquet`` is held against both. No other check imports Keras.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from birads_lib import cases, predictions, splits
from birads_lib.errors import UserError
from birads_lib.files import sha256
from birads_lib.task import Task, label_set_of
from press.pages.page import Page
from press.paths import ROOT

if TYPE_CHECKING:
    from press.verification.checks import Report

TOLERANCE = 1e-4  # the largest absolute difference of a probability, on any machine
BATCH = 32  # images


@dataclass(frozen=True)
class _Run:
    """A run of a page of training: where its files are, and what they must be."""

    page: Page
    file: str  # of its predictions, from the root of the project

    @property
    def name(self) -> str:
        return f"{self.page.study}/{'/'.join(Path(self.file).parent.parts[-2:])}"

    @cached_property
    def models(self) -> dict[tuple[int, int], str]:
        """The file of each model that was kept, by its seed and fold."""
        home = f"{Path(self.file).parent.as_posix()}/"
        written = [facts["file"] for facts in self.page.artefacts.values()]
        models = [file for file in written if file.startswith(home) and file.endswith(".keras")]
        return {(self._number("seed", file), self._number("fold", file)): file for file in models}

    @cached_property
    def inputs(self) -> dict[str, str]:
        """The files of the cases and the images that it read, by these names."""
        inputs = {facts["name"]: facts["file"] for facts in self.page.passport["inputs"]}
        return {name: inputs[name] for name in ("cases", "images")}

    @cached_property
    def hashes(self) -> dict[str, str]:
        """The SHA-256 that each of its files has by the page's passports."""
        passports = [*self.page.artefacts.values(), *self.page.passport["inputs"]]
        by_file = {facts["file"]: facts["sha256"] for facts in passports if "sha256" in facts}
        files = (self.file, *self.models.values(), *self.inputs.values())
        return {file: by_file[file] for file in files}

    def _number(self, kind: str, file: str) -> int:
        """Return the number in ``seed1/`` or ``fold3/`` of a path; a seed may be a parameter."""
        numbers = re.findall(rf"/{kind}(\d+)(?=/)", file)
        return int(numbers[-1]) if numbers else self.page.passport["parameters"][kind]

    @property
    def task(self) -> Task:
        return label_set_of(self.page.passport["parameters"]["task"])


def check(pages: list[Page], report: "Report") -> None:
    """Predict again what the models of training pages predicted; add what differs to a report."""
    for page in pages:
        for facts in page.artefacts.values():
            if facts["file"].endswith("/predictions.parquet"):
                run = _Run(page, facts["file"])
                if not run.models:
                    report.notes.append(f"{run.name}: not predicted again, its models weren't kept")
                elif reason := _reason_to_skip(run):
                    report.check("runs", False, f"{run.name}: not predicted again, {reason}")
                else:
                    report.check("runs", True, "")
                    _check_run(run, report)


def _reason_to_skip(run: _Run) -> str:
    """Return why a run can't be predicted again; "" where it can."""
    if missing := [file for file in run.hashes if not (ROOT / file).exists()]:
        return f"as not at hand: {', '.join(missing)}"
    changed = [file for file, digest in run.hashes.items() if sha256(ROOT / file) != digest]
    return f"as changed: {', '.join(changed)}" if changed else ""


def _check_run(run: _Run, report: "Report") -> None:
    """Hold the predictions of a run against its images, dealt and predicted again."""
    table = cases.read_cases(ROOT / run.inputs["cases"])
    images = np.load(ROOT / run.inputs["images"], mmap_mode="r")  # (n, height, width) uint8
    try:
        recorded = predictions.read(ROOT / run.file, run.task)
    except UserError as error:
        report.check("tables of predictions", False, str(error))
        return
    labels = pd.Series(cases.label_numbers(table, run.task), table["image_id"])
    is_equal = (recorded["y_true"] == recorded["image_id"].map(labels)).all()
    report.check("true labels", bool(is_equal), f"{run.file}: y_true is not what the cases say")
    of_models = dict(list(recorded.groupby(["seed", "fold"])))
    problem = f"{run.file}: has predictions of seed and fold {sorted(of_models)}, but models of "
    report.check("models", of_models.keys() == run.models.keys(), problem + str(sorted(run.models)))
    largest = 0.0
    for key in sorted(of_models.keys() & run.models.keys()):
        _check_deal(run, key, of_models[key], table, report)
        differences = _differences(run, key, of_models[key], table, images)
        largest = max(largest, differences.max())
        _judge(run, key, of_models[key], differences, report)
    counts = f"{len(run.models)} models, {len(recorded):,} predictions"
    report.notes.append(f"{run.name}: {counts} made again, largest difference {largest:.2g}")


def _check_deal(
    run: _Run, key: tuple[int, int], recorded: pd.DataFrame, table: pd.DataFrame, report: "Report"
) -> None:
    """Hold the parts of a fold against those that its images are dealt into now."""
    parameters, (seed, fold) = run.page.passport["parameters"], key
    options = [parameters[name] for name in ("validation_share", "balance")]
    dealt = splits.assign_parts(
        table, parameters["protocol"], parameters["folds"], fold, seed, *options, run.task
    )
    repeated = (dealt["part"] == "train") & dealt.duplicated(["row", "part"])  # predicted once
    dealt = dealt[~repeated]
    columns = ["image_id", "part", "copy"]
    is_equal = set(recorded[columns].itertuples(index=False, name=None)) == set(
        dealt[columns].itertuples(index=False, name=None)
    )
    problem = f"{run.file}: seed {seed}, fold {fold}: its parts are not those of the protocol"
    report.check("deals", is_equal, problem)


def _differences(
    run: _Run,
    key: tuple[int, int],
    recorded: pd.DataFrame,
    table: pd.DataFrame,
    images: np.ndarray,
) -> np.ndarray:
    """Return the distance of each recorded prediction from its model's: the largest of K, (n,)."""
    import keras

    from birads_lib.networks import hybrid, resnext  # noqa: F401 (layers that a saved model names)

    positions = pd.Series(range(len(table)), table["image_id"])
    rows, inverse = np.unique(recorded["image_id"].map(positions), return_inverse=True)
    model = keras.saving.load_model(ROOT / run.models[key], compile=False)
    batches = np.split(images[rows][..., None], range(BATCH, len(rows), BATCH))
    # Called, not `predict`: to compile it for each model takes longer.
    outputs = [keras.ops.convert_to_numpy(model(batch, training=False)) for batch in batches]
    predicted = np.concatenate(outputs)  # (rows, K)
    return np.abs(predicted[inverse] - predictions.probabilities(recorded)).max(axis=1)


def _judge(
    run: _Run,
    key: tuple[int, int],
    recorded: pd.DataFrame,
    differences: np.ndarray,
    report: "Report",
) -> None:
    """Add to a report whether the predictions of one model hold."""
    beyond = ~(differences <= TOLERANCE)  # NaN is beyond
    first = recorded["image_id"].iloc[int(np.argmax(beyond))]
    report.check(
        "models' predictions",
        not beyond.any(),
        f"{run.file}: seed {key[0]}, fold {key[1]}: {beyond.sum()} of {len(recorded)} rows are not "
        f"what the model predicts, such as {first}; largest difference "
        f"{differences.max():.2g}, tolerance {TOLERANCE:g}",
    )
