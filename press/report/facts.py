"""Facts from the executed pages of a study, as short texts for cards and checklists.

A fact is what a notebook recorded, with ``Run.facts`` or for prose with ``Run.value``, a parameter,
or where the page was executed. Where no page tells it, the text says so: ``not known: <page> was
not run``.
"""

from birads_lib.protocol import PATIENT
from birads_lib.scores.metrics import headline_names
from press.pages.page import Page
from press.studies import chapters

UNKNOWN = "not known: "
FACTS = {  # notebook -> the facts that its page tells
    "01_data_exploration": (
        "images", "patients", "images_by_grade", "patients_by_grade", "rarest", "most_frequent",
        "always_accuracy", "images_per_patient", "density_known", "reader_options", "disagreement",
    ),
    "02_preprocessing": ("clip_limit", "tiles"),
    "03_training": (
        "folds", "training_images", "validation_images", "test_images", "validation_share",
        "met_in_training", "weights", "kept_epoch", "backbone", "image_size", "loss", "dal_lambda",
        "embed", "encoder_layers", "heads", "dense_1", "dense_2", "batch_size", "stage1_epochs",
        "stage1_rate", "stage2_epochs", "stage2_rate", "unfrozen_layers", "seeds",
        "python", "keras", "backend", "device", "date", "pretrained",
    ),
    "04_evaluation": (
        *headline_names(), "adjacent_errors", "accuracy_training", "resamples", "floors",
        "logistic_regression_accuracy",
    ),
    "06_calibration": ("calibration_error", "calibration_error_scaled", "brier"),
    "07_decision_curves": ("share_useful_4",),
    "08_interpretability": ("located",),
    "11_claims": ("reproduced", "leaky_only", "not_reproduced"),
}  # fmt: skip


def facts(
    executed: list[Page], variant: str = "proposed", protocol: str = PATIENT.name
) -> dict[str, str]:
    """Return every fact as a text, from the executed pages of one study.

    Pages of a run are those of ``variant`` under a ``protocol`` that doesn't leak: leaky runs tell
    nothing.
    """
    recorded_by, texts = {page.name: recorded(page, protocol) for page in executed}, {}
    for notebook, names in FACTS.items():
        page = page_of(notebook, variant, protocol)
        absent = f"{UNKNOWN}{page} {'does not tell it' if page in recorded_by else 'was not run'}"
        texts |= {name: recorded_by.get(page, {}).get(name, absent) for name in names}
    return texts


def recorded(page: Page, protocol: str = PATIENT.name) -> dict[str, str]:
    """Return all that a page tells by name; what its notebook recorded for cards comes first."""
    passport, environment = page.passport, page.passport["environment"]
    prefixes = f"{page.study}_{protocol}_", f"{page.study}_"
    numbers = {
        name.removeprefix(prefixes[0]).removeprefix(prefixes[1]): number.text
        for name, number in page.numbers.items()
    }
    circumstances = {
        "python": environment["python"],
        "keras": environment["keras"],
        "backend": environment["keras_backend"],
        "device": passport["device"],
        "date": passport["started"][:10],
    }
    parameters = {name: str(value) for name, value in passport["parameters"].items()}
    if "seed" in parameters:  # of pages that were executed before a study could have several
        parameters.setdefault("seeds", parameters["seed"])
    return parameters | circumstances | numbers | page.facts


def page_of(notebook: str, variant: str, protocol: str) -> str:
    """Return the name of the executed page that facts of a notebook are read from."""
    return chapters.chapter(notebook).page_of(variant, protocol)


def is_known(text: str) -> bool:
    """Return whether a fact is known."""
    return not text.startswith(UNKNOWN)
