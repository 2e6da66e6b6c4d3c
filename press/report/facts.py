"""What the executed pages of a study tell of it, as short texts for prose.

Every number comes from an exhibit, a recorded number, a parameter or a passport of a page. Where
the page wasn't run, or doesn't hold it, the text says so: ``not known: <page> was not run``.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from birads_lib.scores.metrics import HEADLINE
from press import paths
from press.page import Page
from press.study import EVALUATED

UNKNOWN = "not known: "
HONEST = "patient"  # the protocol whose numbers estimate performance: facts are of no other
_OF_A_RUN = ("03_training", *EVALUATED)


class Fact(NamedTuple):
    """Where a fact stands: a notebook, and how to read it from the executed page."""

    notebook: str
    read: Callable[[Page], str]


def facts(found: list[Page], variant: str = "proposed") -> dict[str, str]:
    """Return every fact of ``FACTS`` as a text, from the executed pages of one study.

    Pages of a run are those of ``variant`` under the protocol *patient*; leaky runs tell nothing.
    """
    there = {page.name: page for page in found}
    return {name: _told(fact, there, variant) for name, fact in FACTS.items()}


def page_name(notebook: str, variant: str) -> str:
    """Return the name of the executed page that facts of a notebook are read from."""
    return paths.page_name(notebook, variant, HONEST) if notebook in _OF_A_RUN else notebook


def sources(variant: str) -> set[str]:
    """Return the names of the executed pages that any fact is read from."""
    return {page_name(fact.notebook, variant) for fact in FACTS.values()}


def known(text: str) -> bool:
    """Say whether a fact is one, or the sentence that it isn't known."""
    return not text.startswith(UNKNOWN)


def table(page: Page, exhibit: str) -> pd.DataFrame:
    """Return the numbers of an exhibit, as a reader downloads them; KeyError if there are none."""
    csv = page.exhibits[exhibit].files[f"{exhibit}.csv"]
    return pd.read_csv(io.BytesIO(csv), index_col=0)


def _told(fact: Fact, there: dict[str, Page], variant: str) -> str:
    name = page_name(fact.notebook, variant)
    if name not in there:
        return f"{UNKNOWN}{name} was not run"
    try:
        return fact.read(there[name])
    except (KeyError, IndexError):
        return f"{UNKNOWN}{name} does not tell it"


# The data


def _images(page: Page) -> str:
    return str(table(page, "grades")["images"].sum())


def _patients(page: Page) -> str:
    count = int(table(page, "images-per-patient")["count"].sum())
    return str(count) if count else "unknown numbers"


def _by_grade(column: str) -> Callable[[Page], str]:
    def read(page: Page) -> str:
        *most, last = table(page, "grades")[column]
        return f"{', '.join(map(str, most))} and {last}"

    return read


def _rarest(page: Page) -> str:
    rows = table(page, "grades")
    row = rows.loc[rows["images"].idxmin()]
    return f"BI-RADS {row.name}, with {row['images']} images of {row['patients']} patients"


def _most_frequent(page: Page) -> str:
    return f"BI-RADS {table(page, 'grades')['images'].idxmax()}"


def _always(page: Page) -> str:
    """Return the accuracy of an answer that never looks: always the most frequent category."""
    images = table(page, "grades")["images"]
    return f"{images.max() / images.sum():.2f}"


def _per_patient(page: Page) -> str:
    return _span(table(page, "images-per-patient").index)


def _density(page: Page) -> str:
    if "density" not in page.exhibits:
        return "none of the images"
    rows = table(page, "density")
    return f"{rows.drop(columns='unknown', errors='ignore').to_numpy().sum()} images"


def _options(page: Page) -> str:
    dataset = page.passport["parameters"]["dataset"]
    given = {k: v for k, v in dataset.items() if k not in ("reader", "folder")}
    return ", ".join(f"{key} {value}" for key, value in given.items()) or "none but the folder"


def _disagreement(page: Page) -> str:
    from birads_lib.readers import reading  # slow to import

    given = page.passport["parameters"]["dataset"]
    options = reading.options_of(given["reader"]) | given
    return f"{options['disagreement']:g}"  # KeyError: of real readers it is not known


# Training


def _setting(name: str) -> Callable[[Page], str]:
    return lambda page: str(table(page, "hyper-parameters").loc[name, "this run"])


def _weights(page: Page) -> str:
    return Path(_setting("weights")(page)).name  # whose folder it lies in is nobody's business


def _kept_epoch(page: Page) -> str:
    best = _setting("restore_best")(page) == "True"
    return "the best epoch by validation loss" if best else "the last epoch"


def _folds(page: Page) -> str:
    return str(table(page, "parts").shape[1] - 1)  # the first column is the category


def _in_part(part: str) -> Callable[[Page], str]:
    def read(page: Page) -> str:
        rows = table(page, "parts").loc[part].drop(columns="birads")
        return _span(rows.sum().astype(int))

    return read


def _met(page: Page) -> str:
    rows = table(page, "met-in-training")
    met = rows.drop(columns="test_rows").max(axis=1).sum()
    return f"{int(met)} of {int(rows['test_rows'].sum())}"


def _environment(name: str) -> Callable[[Page], str]:
    return lambda page: page.passport["environment"][name]


def _passport(name: str) -> Callable[[Page], str]:
    return lambda page: str(page.passport[name])


# Evaluation


def _number(name: str) -> Callable[[Page], str]:
    return lambda page: page.numbers[f"{page.study}_{HONEST}_{name}"].text


def _in_training(page: Page) -> str:
    rows = table(page, "splits").loc["Training"].set_index("metric")
    return _interval(rows.loc["accuracy"])


def _score(correction: str, metric: str) -> Callable[[Page], str]:
    def read(page: Page) -> str:
        rows = table(page, "scores").loc[correction].set_index("metric")
        return _interval(rows.loc[metric])

    return read


def _located(page: Page) -> str:
    rows = table(page, "pointing-game").set_index("metric")
    return str(int(rows.loc["pointing_game", "n"]))


def _verdicts(name: str) -> Callable[[Page], str]:
    return lambda page: page.numbers[f"{page.study}_{name}"].text


def _parameter(name: str) -> Callable[[Page], str]:
    return lambda page: str(page.passport["parameters"][name])


def _span(values) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} to {high}"


def _interval(row: pd.Series) -> str:
    if pd.isna(row["estimate"]):
        return "undefined"
    if row[["low", "high"]].isna().any():
        return f"{row['estimate']:.2f} (no interval)"
    return f"{row['estimate']:.2f} ({row['low']:.2f} to {row['high']:.2f})"


_SETTINGS = (
    "backbone", "image_size", "loss", "dal_lambda", "embed", "encoder_layers", "heads", "dense_1",
    "dense_2", "batch_size", "stage1_epochs", "stage1_rate", "stage2_epochs", "stage2_rate",
    "unfrozen_layers", "seed",
)  # fmt: skip

FACTS = {
    "images": Fact("01_data_exploration", _images),
    "patients": Fact("01_data_exploration", _patients),
    "images_by_grade": Fact("01_data_exploration", _by_grade("images")),
    "patients_by_grade": Fact("01_data_exploration", _by_grade("patients")),
    "rarest": Fact("01_data_exploration", _rarest),
    "most_frequent": Fact("01_data_exploration", _most_frequent),
    "always_accuracy": Fact("01_data_exploration", _always),
    "images_per_patient": Fact("01_data_exploration", _per_patient),
    "density_known": Fact("01_data_exploration", _density),
    "reader_options": Fact("01_data_exploration", _options),
    "disagreement": Fact("01_data_exploration", _disagreement),
    "clip_limit": Fact("02_preprocessing", _parameter("clip_limit")),
    "tiles": Fact("02_preprocessing", _parameter("tiles")),
    "folds": Fact("03_training", _folds),
    "training_images": Fact("03_training", _in_part("train")),
    "validation_images": Fact("03_training", _in_part("validation")),
    "test_images": Fact("03_training", _in_part("test")),
    "validation_share": Fact("03_training", _parameter("validation_share")),
    "met_in_training": Fact("03_training", _met),
    "weights": Fact("03_training", _weights),
    "kept_epoch": Fact("03_training", _kept_epoch),
    **{name: Fact("03_training", _setting(name)) for name in _SETTINGS},
    "python": Fact("03_training", _environment("python")),
    "keras": Fact("03_training", _environment("keras")),
    "backend": Fact("03_training", _environment("keras_backend")),
    "device": Fact("03_training", _passport("device")),
    "date": Fact("03_training", lambda page: _passport("started")(page)[:10]),
    **{f"{name}_patient": Fact("04_evaluation", _number(name)) for name in HEADLINE},
    "adjacent_errors_patient": Fact("04_evaluation", _number("adjacent_errors")),
    "accuracy_training": Fact("04_evaluation", _in_training),
    "resamples": Fact("04_evaluation", _parameter("resamples")),
    "calibration_error": Fact("06_calibration", _score("uncorrected", "classwise_ece")),
    "calibration_error_scaled": Fact(
        "06_calibration", _score("temperature_scaled", "classwise_ece")
    ),
    "brier": Fact("06_calibration", _score("uncorrected", "brier")),
    "share_useful_4": Fact("07_decision_curves", _number("share_useful_4")),
    "located": Fact("08_interpretability", _located),
    "reproduced": Fact("11_claims", _verdicts("reproduced")),
    "leaky_only": Fact("11_claims", _verdicts("leaky_only")),
    "not_reproduced": Fact("11_claims", _verdicts("not_reproduced")),
}
