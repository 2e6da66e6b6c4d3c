"""Limits of notebooks' parameters: those of the settings, and those that training checks."""

import math
import subprocess
import sys
from collections import Counter

import pytest

from birads_lib import protocol
from birads_lib.errors import UserError
from birads_lib.training import settings
from press.execution.agreement import KEPT, OWN_AFFAIRS, check_agreement
from press.paths import CONFIG
from press.studies import chapters, limits, parameters, yaml_file
from press.studies.limits import Others, types_of
from press.studies.study import load

GIVEN = [
    (notebook, name, default)
    for notebook in parameters.notebook_names()
    for name, (_, default) in types_of(notebook).items()
]
NUMBERS = [row for row in GIVEN if type(row[2]) in (int, float)]


def problem(name, value, notebook="03_training"):
    """Return what is wrong with the value of one parameter, "" if nothing."""
    return " ".join(
        text for _, text in yaml_file.problems(limits.parameters(notebook), {name: value})
    )


def limits_of(model, name):
    """Return (least, most, choices) of a field's values, None where there is no such limit."""
    schema = model.model_json_schema()["properties"][name]
    return tuple(map(schema.get, ("minimum", "maximum", "enum")))


@pytest.mark.parametrize("name", sorted(settings.Settings.model_fields.keys() - {"seed"}))
def test_limits_of_training_are_those_of_its_settings(name):
    taken = limits_of(limits.parameters("02_preprocessing", "03_training"), name)
    assert taken[2] == limits_of(settings.Settings, name)[2]
    if name not in Others.model_fields:
        assert taken == limits_of(settings.Settings, name)


@pytest.mark.parametrize(("notebook", "name", "default"), NUMBERS)
def test_every_number_has_a_range_and_what_leaves_it_is_refused(notebook, name, default):
    low, high, _ = limits_of(limits.parameters(notebook), name)
    assert low is not None
    kind = type(default)
    assert str(low) in problem(name, kind(low - 1), notebook)
    assert problem(name, kind(low), notebook) == ""
    if high is not None:
        assert str(high) in problem(name, kind(high + 1), notebook)


@pytest.mark.parametrize(("notebook", "name", "default"), GIVEN)
def test_every_default_is_right(notebook, name, default):
    assert problem(name, default, notebook) == ""


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("dal_lambda", math.nan, "expected a finite number"),
        ("dal_lambda", math.inf, "expected a finite number"),
        ("dal_lambda", 10**400, "expected a finite number"),  # no float holds it
        ("dal_lambda", True, "expected a finite number"),
        ("dal_lambda", 2, ""),
        ("views", 2.0, "expected a whole number"),
        ("taps", [], "'taps' is [], expected at least one"),
        ("taps", [3], "'taps' has 3, expected a text"),
        ("taps", "last", "expected a list"),
        ("taps", ["conv2_block2_out", "last"], ""),
        ("loss", "dall", "did you mean 'dal'?"),
        ("weights", "phantom", "did you mean 'phantoms'?"),
        ("weights", "mine.weights.h5", ""),
    ],
)
def test_values_one_by_one(name, value, expected):
    wrong = problem(name, value)
    assert expected in wrong if expected else wrong == ""


@pytest.mark.parametrize(("notebook", "name", "default"), GIVEN)
def test_a_list_says_what_it_may_hold(notebook, name, default):
    """Anything may stand in a bare one, until a notebook fails on it after hours."""
    assert types_of(notebook)[name][0] is not list


@pytest.mark.parametrize(
    ("notebook", "name", "value", "expected"),
    [
        ("14_features", "sizes", ["a", -1], "'sizes' has 'a', expected pairs of a height"),
        ("14_features", "sizes", [[224, -1]], "'sizes' has -1, expected pairs of a height"),
        ("14_features", "sizes", [[224, 160, 96]], "has [224, 160, 96], expected a height and"),
        ("14_patches", "size", [224], "'size' has [224], expected a height and a width"),
        ("21_slices", "low", [0], "'low' has 0, expected 1 to 6"),
        ("21_training", "learner", "netwrk", "did you mean 'network'?"),
        ("22_latency", "batches", ["a"], "'batches' has 'a', expected a whole number"),
        ("22_latency", "resnets", {50: 224, "101": 224}, ""),
        ("52_image_and_text", "arms", ["x"], "'arms' has 'x'; there is 'clip', "),
        ("53_modalities", "way", "promts", "did you mean 'prompts'?"),
        ("54_elsewhere", "arms", [], "expected at least one"),
    ],
)
def test_values_of_companions_one_by_one(notebook, name, value, expected):
    wrong = problem(name, value, notebook)
    assert expected in wrong if expected else wrong == ""


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
    clashes = settings.clashes(declared | changed)
    try:
        known = {k: v for k, v in declared.items() if k in settings.Settings.model_fields}
        settings.Settings(**known | changed)
        refused = False
    except UserError:
        refused = True
    assert bool(clashes) == refused


def test_clashes_with_protocol_and_folds():
    declared = parameters.declared_parameters("03_training")
    unbalanced = declared | {"balance": False, "protocol": "oversample_first"}
    assert [keys for keys, _ in protocol.clashes(unbalanced)] == [("balance",)]
    assert not protocol.clashes(unbalanced | {"protocol": "image"})
    assert [keys for keys, _ in protocol.clashes(declared | {"fold": 5})] == [("fold", "folds")]
    assert not protocol.clashes(declared | {"fold": 4})


def test_checking_a_study_brings_no_keras():
    code = (
        "import sys; from press.studies import study; assert 'cv2' not in sys.modules; "
        "study.load('config/smoke.yaml'); assert 'keras' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=parameters.NOTEBOOKS.parent, check=True)


def test_what_two_notebooks_take_is_the_studys_or_of_no_matter_to_the_other():
    of_each = [set(types_of(row.notebook)) for row in chapters.CHAPTERS if "paper" in row.sets]
    counts = Counter(name for names in of_each for name in names)
    # How often each chapter resamples, and from which seed, is its own affair.
    assert {name for name, count in counts.items() if count > 1} == OWN_AFFAIRS


def test_what_notebooks_of_a_companion_share_has_to_agree():
    """A chapter about the folds that another trains on can't be given others."""
    study = load(CONFIG / "transfer.yaml")
    check_agreement(study)
    more = {"31_regions": {"folds": 5}}
    with pytest.raises(UserError, match="notebooks: folds is 5 for 31_regions, but 4 for 32_dou"):
        check_agreement(study.model_copy(update={"notebooks": study.notebooks | more}))


def transfer_with(seeds=(0, 1), **values):
    """The study of double transfer on phantoms; values are of notebooks, by their numbers."""
    names = {"31": "31_regions", "33": "33_reader", "34": "34_where"}
    notebooks = {names[number[1:]]: given for number, given in values.items()}
    study = load(CONFIG / "transfer.yaml")
    return study.model_copy(update={"notebooks": study.notebooks | notebooks, "seeds": [*seeds]})


def test_a_reader_may_stand_beside_any_way_to_train():
    check_agreement(transfer_with(_33={"arm": "single"}))
    check_agreement(transfer_with(_33={"arm": "single"}, _34={"arm": "double"}))


@pytest.mark.parametrize("reader", [{}, {"arm": "single"}])
def test_only_the_way_whose_networks_are_kept_can_be_explained(reader):
    with pytest.raises(UserError) as error:
        check_agreement(transfer_with(_33=reader, _34={"arm": "single"}))
    assert str(error.value) == (
        "notebooks: 34_where: arm is 'single', but 32_double_transfer keeps the networks of "
        "'double' alone; write 'arm: double' for 34_where, or leave it out"
    )


def test_leaks_are_measured_on_a_split_that_is_trained_on():
    check_agreement(transfer_with(_31={"seed": 1}))
    with pytest.raises(UserError) as error:
        check_agreement(transfer_with(_31={"seed": 7}))
    assert str(error.value) == (
        "notebooks: 31_regions: seed is 7, but 32_double_transfer trains on the splits of 'seeds: "
        "[0, 1]' alone; give 31_regions one of these seeds, or add 7 to 'seeds'"
    )
    with pytest.raises(UserError, match="seed is 0, but 32_double_transfer trains on the splits"):
        check_agreement(transfer_with(seeds=(3, 4)))  # 31 has its default


def test_the_networks_that_can_be_explained_are_those_that_are_kept():
    source = parameters.source_notebook("32_double_transfer").read_text()
    assert f'save_models=name == \\"{KEPT}\\"' in source


def test_a_name_means_one_thing_in_the_notebooks_of_a_study():
    """A name with different defaults in two notebooks is on the list of names private to a page."""
    own = OWN_AFFAIRS | {"arms"}  # what a page compares
    own |= {"backbone", "weights", "taps"}  # of 14: each has a network of its own
    for chapter_set in chapters.sets():
        defaults = {}
        for row in chapters.CHAPTERS:
            for name, (_, value) in types_of(row.notebook).items():
                if chapter_set in row.sets and name not in own:
                    defaults.setdefault(name, set()).add(repr(value))
        assert not {name for name, values in defaults.items() if len(values) > 1}, chapter_set
