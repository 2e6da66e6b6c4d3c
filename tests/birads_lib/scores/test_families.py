"""Networks of several families: their metrics and pairs, by hand."""

import numpy as np
import pandas as pd
import pytest

from birads_lib.errors import UserError
from birads_lib.scores import comparisons, families, two_classes
from birads_lib.scores.bootstrap import Resampling
from birads_lib.scores.repeated_folds import corrected_t, of_folds

FAMILIES = {"r": "ResNet", "e": "EfficientNet", "e2": "EfficientNet"}
SIGNAL = {"r": 0.5, "e": 2.0, "e2": 2.2}


@pytest.fixture(scope="module")
def tests():
    tables = {}
    n, seeds = 80, 2
    for number, (name, signal) in enumerate(SIGNAL.items()):
        rng = np.random.default_rng(number)
        y = np.tile(np.arange(n) % 2 + 1, seeds)
        p = 1 / (1 + np.exp(-(signal * (2 * y - 3) + rng.normal(size=n * seeds))))
        table = pd.DataFrame({"y_true": y, "p1": 1 - p, "p2": p, "copy": 0, "part": "test"})
        table["image_id"] = np.tile([f"i{k}" for k in range(n)], seeds)
        table["patient_id"] = np.tile([f"p{k // 2}" for k in range(n)], seeds)
        table["fold"], table["seed"] = np.tile(np.arange(n) // 2 % 4, seeds), np.repeat([0, 1], n)
        tables[name] = table
    return comparisons.aligned(tables, "r")


def every_part(table):
    """All predictions of a run with these test rows: of four folds, one is for validation."""
    parts = [table]
    for fold in range(4):
        others = table[table["fold"] != fold]
        is_seen = others["fold"] == (fold + 1) % 4
        parts.append(others.assign(fold=fold, part=np.where(is_seen, "validation", "train")))
    copies = parts[1][parts[1]["part"] == "train"].assign(copy=1)
    return pd.concat([*parts, copies], ignore_index=True)


@pytest.fixture(scope="module")
def tables(tests):
    return {network: every_part(table) for network, table in tests.items()}


@pytest.fixture(scope="module")
def drawn(tests):
    return Resampling.of(tests["r"], 200, 0)


def test_each_network_has_its_metrics(tests, drawn):
    table = families.by_network(tests, drawn).set_index(["network", "metric"])
    rows = tests["e"]
    accuracy = ((rows["p2"] > 0.5) == (rows["y_true"] == 2)).mean()
    assert table.loc[("e", "accuracy"), "estimate"] == pytest.approx(accuracy)
    assert len(table) == 3 * 5


def test_a_pair_is_the_later_minus_the_earlier(tests, tables, drawn):
    single = families.by_network(tests, drawn).set_index(["network", "metric"])["estimate"]
    for table in (families.over_patients(tests, drawn), families.over_folds(tables)):
        assert list(table["pair"].unique()) == ["e - r", "e2 - r", "e2 - e"]
        assert set(table["metric"]) == set(two_classes.NAMES)
    table = families.over_patients(tests, drawn).set_index(["pair", "metric"])
    expected = single["e", "auc"] - single["r", "auc"]
    assert table.loc[("e - r", "auc"), "estimate"] == pytest.approx(expected)


def test_pairs_over_folds_are_corrected_for_what_each_fold_trained_and_tested(tests, tables):
    """Of four quarters, one is tested and two are trained: 1 / 2, not 1 / (4 - 1)."""
    table = families.over_folds(tables).set_index(["pair", "metric"])
    values = of_folds(tests, two_classes.measure, "auc")
    assert families.fold_count(tests["r"]) == len(values) == 8
    expected = corrected_t(values["e"] - values["r"], 1 / 2)
    row = table.loc[("e - r", "auc")]
    assert {name: row[name] for name in expected} == pytest.approx(expected)


def test_one_fold_or_no_training_rows_are_refused(tests, tables):
    one = {network: table[table["fold"] == 0] for network, table in tables.items()}
    with pytest.raises(UserError, match="needs at least two; these predictions are of one"):
        families.over_folds(one)
    with pytest.raises(UserError, match="needs the training rows, too"):
        families.over_folds(tests)


def test_pairs_across_families_are_efficientnet_minus_resnet_whatever_the_order(tests, drawn):
    forward = families.across(families.over_patients(tests, drawn), FAMILIES)
    turned = dict(reversed(tests.items()))
    backward = families.across(families.over_patients(turned, drawn), FAMILIES)
    key = ["pair", "metric"]
    columns = [*key, "estimate", "low", "high"]
    a, b = (t[columns].sort_values(key, ignore_index=True) for t in (forward, backward))
    assert set(a["pair"]) == {"e - r", "e2 - r"}
    pd.testing.assert_frame_equal(a, b)


def test_records_hold_the_pair_that_says_least(tests, drawn):
    metrics = {"patient": families.by_network(tests, drawn)}
    (paired,) = comparisons.adjusted([families.over_patients(tests, drawn)])
    table = families.records(metrics, {"patient": paired}, FAMILIES).set_index("metric")
    assert table.index.is_unique
    of_f1 = families.across(paired, FAMILIES).query("metric == 'weighted_f1'")
    least = table.loc["efficientnet_minus_resnet.patient.weighted_f1"]
    assert least["low"] == of_f1["low"].min() > 0
    no_bounds = paired.assign(low=paired["low"].where(paired["pair"] != "e2 - r"))
    unsure = families.records(metrics, {"patient": no_bounds}, FAMILIES).set_index("metric")
    assert np.isnan(unsure.loc["efficientnet_minus_resnet.patient.weighted_f1", "low"])
    within = paired.query("pair == 'e2 - e' and metric == 'weighted_f1'")["holm"].iloc[0]
    assert table.loc["within_efficientnet.patient.least_p", "estimate"] == within
    two = {name: tests[name] for name in ("r", "e")}
    (paired,) = comparisons.adjusted([families.over_patients(two, drawn)])
    alone = families.records(
        {"patient": families.by_network(two, drawn)}, {"patient": paired}, FAMILIES
    )
    assert "within_efficientnet.patient.least_p" not in set(alone["metric"])


def test_a_network_is_called_by_its_family():
    assert families.called("r", FAMILIES) == "ResNet (r)"
    assert families.called("other", FAMILIES) == "other"
