"""What notebooks' parameters may be: as the settings say, and as training itself refuses."""

import math
import subprocess
import sys
from collections import Counter

import pytest
from pydantic import ValidationError, create_model

from birads_lib.errors import UserError
from birads_lib.training import settings
from press import parameters, values

GIVEN = [
    (notebook, name, default)
    for notebook in parameters.notebook_names()
    for name, default in values.declared((notebook,)).items()
]
NUMBERS = [row for row in GIVEN if type(row[2]) in (int, float)]


def problem(name, value, default):
    """Return what is wrong with the value of one parameter, "" if nothing."""
    kinds = {name: (values.kind_of(name, default), default)}
    try:
        create_model("One", __config__=values.STRICT, **kinds)(**{name: value})
    except ValidationError as error:
        return values.message(error.errors()[0], name, value, default)
    return ""


@pytest.mark.parametrize("name", settings.Settings.model_fields)
def test_limits_of_training_are_those_of_its_settings(name):
    low, high, choices = values.limits(name)
    assert choices == settings.limits(name)[2]
    if name not in values.Others.model_fields:
        assert (low, high) == settings.limits(name)[:2]


@pytest.mark.parametrize(("notebook", "name", "default"), NUMBERS)
def test_every_number_has_a_range_and_what_leaves_it_is_refused(notebook, name, default):
    low, high, _ = values.limits(name)
    assert low is not None
    kind = type(default)
    assert str(low) in problem(name, kind(low - 1), default)
    assert problem(name, kind(low), default) == ""
    if high is not None:
        assert str(high) in problem(name, kind(high + 1), default)


@pytest.mark.parametrize(("notebook", "name", "default"), GIVEN)
def test_every_default_is_right(notebook, name, default):
    assert problem(name, default, default) == ""


@pytest.mark.parametrize(
    ("name", "value", "default", "expected"),
    [
        ("dal_lambda", math.nan, 1.0, "expected a finite number"),
        ("dal_lambda", math.inf, 1.0, "expected a finite number"),
        ("dal_lambda", 10**400, 1.0, "expected a finite number"),  # no float holds it
        ("dal_lambda", True, 1.0, "expected a finite number"),
        ("dal_lambda", 2, 1.0, ""),
        ("views", 2.0, 4, "expected a whole number"),
        ("taps", [], ["last"], "expected a list"),
        ("taps", [3], ["last"], "expected a list"),
        ("taps", ["conv2_block2_out", "last"], ["last"], ""),
        ("loss", "dall", "dal", "did you mean 'dal'?"),
        ("weights", "phantom", "phantoms", "did you mean 'phantoms'?"),
        ("weights", "mine.weights.h5", "phantoms", ""),
    ],
)
def test_values_one_by_one(name, value, default, expected):
    found = problem(name, value, default)
    assert expected in found if expected else found == ""


@pytest.mark.parametrize(
    "changed",
    [
        {"embed": 128, "heads": 3},
        {"embed": 129, "heads": 2},
        {"stage1_epochs": 0, "stage2_epochs": 0},
        {"stage1_epochs": 0, "stage2_epochs": 1},
        {"embed": 12, "heads": 3},
    ],
)
def test_clashes_are_those_that_training_refuses(changed):
    declared = parameters.declared_parameters("03_training")
    found = values.clashes(declared | changed | {"protocol": "patient"})
    try:
        known = {k: v for k, v in declared.items() if k in settings.Settings.model_fields}
        settings.Settings(**known | changed)
        refused = False
    except UserError:
        refused = True
    assert bool(found) == refused


def test_clashes_with_protocol_and_folds():
    declared = parameters.declared_parameters("03_training")
    unbalanced = declared | {"balance": False, "protocol": "oversample_first"}
    assert [keys for keys, _ in values.clashes(unbalanced)] == [("balance",)]
    assert not values.clashes(unbalanced | {"protocol": "image"})
    assert [keys for keys, _ in values.clashes(declared | {"fold": 5})] == [("fold", "folds")]
    assert not values.clashes(declared | {"fold": 4})


def test_checking_a_study_brings_no_keras():
    code = (
        "import sys; from press import study; assert 'cv2' not in sys.modules; "
        "study.load('config/smoke.yaml'); assert 'keras' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=parameters.NOTEBOOKS.parent, check=True)


def test_what_two_notebooks_take_is_the_studys_or_of_no_matter_to_the_other():
    of_each = [set(values.declared((name,))) for name in parameters.notebook_names()]
    counts = Counter(name for names in of_each for name in names)
    # How often each chapter resamples, and from which seed, is its own affair.
    assert {name for name, count in counts.items() if count > 1} == {"resamples", "seed"}
