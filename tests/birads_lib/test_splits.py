"""Splits keep apart what their protocol promises to keep apart."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from birads_lib.errors import DatasetError, UserError
from birads_lib.protocol import PARTS, PROTOCOLS
from birads_lib.scores.leakage import leak_report
from birads_lib.splits import (
    COLUMNS,
    LeakageError,
    assign_parts,
    check_parts,
    deal,
    given_counts,
)
from birads_lib.task import DENSITY

DEALT = [name for name, protocol in PROTOCOLS.items() if not protocol.is_given]


def make_cases(patients: int, seed: int = 0, grades=(1, 2, 3, 4, 5)) -> pd.DataFrame:
    """Four views per patient; categories go by breast, the first ones the most frequent."""
    rng = np.random.default_rng(seed)
    shares = 1 / np.arange(1, len(grades) + 1)
    drawn = rng.choice(grades, (patients, 2), p=shares / shares.sum())
    drawn[: 8 * len(grades)] = np.repeat(grades, 8)[:patients, None]  # none too rare
    rows = [
        (f"p{p:03}_{side}_{view}", f"p{p:03}", side, view, int(drawn[p, i]))
        for p in range(patients)
        for i, side in enumerate("LR")
        for view in ("CC", "MLO")
    ]
    return pd.DataFrame(rows, columns=["image_id", "patient_id", "laterality", "view", "birads"])


@settings(max_examples=25, deadline=None)
@given(
    protocol=st.sampled_from(DEALT),
    folds=st.integers(2, 6),
    seed=st.integers(0, 2**31 - 1),
    grades=st.sampled_from([(1, 2, 3, 4, 5), (2, 4), (1, 3, 5)]),
)
def test_every_protocol_partitions_and_balances(protocol, folds, seed, grades):
    cases = make_cases(60, seed % 7, grades)
    fold = seed % folds
    parts = assign_parts(cases, protocol, folds, fold, seed)
    assert list(parts.columns) == COLUMNS
    assert set(parts["row"]) == set(range(len(cases)))  # no image is lost
    assert not parts.duplicated(["row", "copy"]).any()
    assert (parts["image_id"].to_numpy() == cases["image_id"].to_numpy()[parts["row"]]).all()
    assert set(parts["part"]) == {"train", "validation", "test"}
    counts = parts.assign(y=cases["birads"].to_numpy()[parts["row"]])
    if protocol == "oversample_first":
        assert counts["y"].value_counts().nunique() == 1
    else:
        assert counts.loc[counts["part"] == "train", "y"].value_counts().nunique() == 1
        assert (counts.loc[counts["copy"] > 0, "part"] == "train").all()
        assert parts.groupby("image_id")["part"].nunique().max() == 1
    if protocol == "patient":
        assert parts.groupby("patient_id")["part"].nunique().max() == 1
    pd.testing.assert_frame_equal(parts, assign_parts(cases, protocol, folds, fold, seed))


def test_without_balancing_no_image_is_repeated():
    cases = make_cases(60)
    parts = assign_parts(cases, "patient", 5, 0, 0, balance=False)
    assert len(parts) == len(cases)
    balanced = assign_parts(cases, "patient", 5, 0, 0)
    same = parts.merge(balanced[balanced["copy"] == 0], on="row")
    assert (same["part_x"] == same["part_y"]).all()
    with pytest.raises(UserError, match="balances before the split"):
        assign_parts(cases, "oversample_first", 5, 0, 0, balance=False)


@pytest.mark.parametrize("protocol", DEALT)
def test_the_folds_test_everything_exactly_once(protocol):
    cases = make_cases(60)
    tested = [
        assign_parts(cases, protocol, 5, fold, 3).query("part == 'test'") for fold in range(5)
    ]
    tested = pd.concat(tested)
    assert not tested.duplicated(["row", "copy"]).any()
    assert set(tested["row"]) == set(range(len(cases)))


def test_parts_have_the_stated_shares():
    cases = make_cases(200)
    parts = assign_parts(cases, "image", 7, 0, 0, validation_share=0.15).query("copy == 0")
    shares = parts["part"].value_counts(normalize=True)
    assert shares["test"] == pytest.approx(1 / 7, abs=0.01)
    assert shares["validation"] == pytest.approx(0.15, abs=0.02)


def test_other_seeds_give_other_splits():
    cases = make_cases(60)
    first, second = (assign_parts(cases, "patient", 5, 0, seed) for seed in (0, 1))
    assert not first.equals(second)


def tiny_parts(rows) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["row", "image_id", "patient_id", "part"])
    return table.assign(copy=0)[COLUMNS]


SHARED_PATIENT = [(0, "a", "p", "train"), (1, "b", "p", "test"), (2, "c", "q", "validation")]
SHARED_IMAGE = [(0, "a", "p", "train"), (0, "a", "p", "test"), (1, "b", "q", "validation")]


@pytest.mark.parametrize(
    ("rows", "protocol", "leaks"),
    [
        (SHARED_PATIENT, "patient", True),
        (SHARED_PATIENT, "image", False),
        (SHARED_PATIENT, "oversample_first", False),
        (SHARED_IMAGE, "patient", True),
        (SHARED_IMAGE, "image", True),
        (SHARED_IMAGE, "oversample_first", False),
    ],
)
def test_leaks_are_errors_unless_the_protocol_says_so(rows, protocol, leaks):
    if leaks:
        with pytest.raises(LeakageError, match="more than one part"):
            check_parts(tiny_parts(rows), protocol)
    else:
        check_parts(tiny_parts(rows), protocol)


def test_a_patient_who_is_not_known_cannot_be_kept_apart():
    parts = tiny_parts([(0, "a", None, "train"), (1, "b", "q", "test")])
    with pytest.raises(LeakageError, match="not known"):
        check_parts(parts, "patient")


def test_every_seed_deals_all_folds_anew():
    cases = make_cases(60)
    parts = deal(cases, "patient", 3, [4, 0], 0.2, False)
    assert list(parts) == [(seed, fold) for seed in (4, 0) for fold in range(3)]
    for (seed, fold), part in parts.items():
        alone = assign_parts(cases, "patient", 3, fold, seed, 0.2, balance=False)
        pd.testing.assert_frame_equal(part, alone)
    for seed in (4, 0):
        tested = pd.concat(parts[seed, fold].query("part == 'test'") for fold in range(3))
        assert sorted(tested["row"]) == list(range(len(cases)))  # each image once with each seed
    assert not parts[4, 0].equals(parts[0, 0])


def test_leak_report_counts_by_hand():
    cases = pd.DataFrame(
        {
            "image_id": list("abcd"),
            "patient_id": ["p", "p", "p", "q"],
            "laterality": ["L", "L", "R", "L"],
        }
    )
    rows = [
        (0, "train"),  # p, left breast
        (0, "test"),  # the image itself, and nothing else of its patient
        (1, "test"),  # the same breast as image 0
        (2, "test"),  # the other breast
        (3, "test"),  # a stranger
    ]
    parts = tiny_parts([(r, cases.image_id[r], cases.patient_id[r], part) for r, part in rows])
    assert leak_report(parts, cases) == {
        "test_rows": 4,
        "same_image": 1,
        "sibling_view": 1,
        "sibling_image": 2,
    }


@pytest.mark.parametrize(
    ("column", "unknown"),
    [("patient_id", {"sibling_view", "sibling_image"}), ("laterality", {"sibling_view"})],
)
def test_leaks_that_nobody_can_know_are_not_reported_as_none(column, unknown):
    cases = make_cases(60)
    tested = assign_parts(cases, "image", 5, 0, 0).query("part == 'test'")["row"]
    cases.loc[tested.iloc[0], column] = None
    report = leak_report(assign_parts(cases, "image", 5, 0, 0), cases)
    assert {name for name, count in report.items() if pd.isna(count)} == unknown


def test_leak_report_knows_the_protocols_apart():
    cases = make_cases(60)
    reports = {p: leak_report(assign_parts(cases, p, 5, 0, 0), cases) for p in DEALT}
    assert reports["patient"]["same_image"] == reports["patient"]["sibling_image"] == 0
    assert reports["image"]["same_image"] == 0 < reports["image"]["sibling_view"]
    assert reports["oversample_first"]["same_image"] > 0


def test_without_patients_the_patient_protocol_is_refused_with_the_way_out():
    cases = make_cases(60)
    cases.loc[:3, "patient_id"] = None
    with pytest.raises(UserError, match=r"4 of 240 .*pattern.*protocol 'image'"):
        assign_parts(cases, "patient", 5, 0, 0)
    assign_parts(cases, "image", 5, 0, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("patients", 5, 0, 0), "did you mean 'patient'"),
        (("image", 1, 0, 0), "at least 2"),
        (("image", 5, 5, 0), r"expected 0\.\.4"),
        (("image", 5, 0, 0, 0.9), "validation_share"),
        (("image", 50, 0, 0), r"BI-RADS 4 has 40 images; 50 folds"),
        (("patient", 50, 0, 0), r"BI-RADS 5 has \d+ patients; 50 folds"),
    ],
)
def test_requests_that_cannot_be_met(arguments, message):
    with pytest.raises(UserError, match=message):
        assign_parts(make_cases(60), *arguments)


@pytest.mark.parametrize("protocol", DEALT)
def test_another_task_is_balanced_by_its_own_labels(protocol):
    cases = make_cases(60)
    cases["density"] = pd.Series(np.arange(240) // 4 % 4).map(dict(enumerate("ABCD")))
    parts = assign_parts(cases, protocol, 3, 0, 0, task=DENSITY)
    density = cases["density"].to_numpy()[parts["row"]]
    train = parts["part"] == "train"
    balanced = slice(None) if protocol == "oversample_first" else train
    assert pd.Series(density)[balanced].value_counts().nunique() == 1
    assert set(density[train]) == set("ABCD")
    with pytest.raises(UserError, match=r"density A has \d+ \w+; 70 folds|too few images"):
        assign_parts(cases, protocol, 70, 0, 0, task=DENSITY)


def test_too_few_images_for_validation_are_told_with_what_to_do():
    few = make_cases(5)
    few = few.assign(birads=pd.Series(np.arange(len(few)) % 5 + 1, few.index, few["birads"].dtype))
    with pytest.raises(UserError) as told:
        assign_parts(few, "image", 4, 0, 0)
    assert str(told.value) == (
        "too few images: the most frequent label has 3 to be split into 5 parts, which need 5; "
        "raise validation_share, or bring more images"
    )
    assert len(assign_parts(few, "image", 4, 0, 0, validation_share=0.3))


def test_images_without_a_label_of_the_task_are_named():
    cases = make_cases(60).assign(density="B")
    cases.loc[7, "density"] = None
    with pytest.raises(
        DatasetError, match="1 images have no density out of A, B, C, D, such as p0"
    ):
        assign_parts(cases, "image", 3, 0, 0, task=DENSITY)
    with pytest.raises(DatasetError, match="no column 'density'"):
        assign_parts(make_cases(60), "image", 3, 0, 0, task=DENSITY)


def with_split(cases: pd.DataFrame, validation: bool = False) -> pd.DataFrame:
    """Give every fourth patient to the test part, and every fourth but one to validation."""
    number = cases["patient_id"].str[1:].astype(int) % 4
    split = number.map({0: "test", 1: "validation" if validation else "train"}).fillna("train")
    return cases.assign(split=split)


@pytest.mark.parametrize("protocol", ["given", "given_leaky"])
@pytest.mark.parametrize("validation", [True, False])
def test_a_given_split_is_used_as_it_is(protocol, validation):
    cases = with_split(make_cases(60), validation)
    parts = assign_parts(cases, protocol, 1, 0, seed=5)
    given = cases["split"].to_numpy()[parts["row"]]
    assert set(parts["row"]) == set(range(len(cases)))
    assert set(parts.loc[given == "test", "part"]) == {"test"}
    assert set(parts.loc[given != "test", "part"]) == {"train", "validation"}
    assert parts.groupby("patient_id")["part"].nunique().max() == 1
    if validation:
        assert (parts["part"].to_numpy() == given).all()
    else:
        originals = parts[parts["copy"] == 0]
        share = (originals["part"] == "validation").mean()
        assert abs(share - 0.15) < 0.03
    grades = parts.assign(y=cases["birads"].to_numpy()[parts["row"]])
    assert grades.loc[grades["part"] == "train", "y"].value_counts().nunique() == 1


def test_seeds_draw_validation_anew_and_test_on_the_same_images():
    cases = with_split(make_cases(60))
    dealt = deal(cases, "given", 1, [0, 1])
    assert list(dealt) == [(0, 0), (1, 0)]
    parts = [part[part["copy"] == 0].set_index("row")["part"] for part in dealt.values()]
    assert ((parts[0] == "test") == (parts[1] == "test")).all()
    assert (parts[0] != parts[1]).any()


def test_an_image_without_a_given_part_is_in_none():
    cases = with_split(make_cases(60))
    cases.loc[cases["patient_id"] == "p003", "split"] = None
    parts = assign_parts(cases, "given", 1, 0, 0)
    assert set(cases["patient_id"]) - set(parts["patient_id"]) == {"p003"}
    assert given_counts(cases) == {
        "train": 176, "validation": 0, "test": 60, "none": 4, "shared": 0,
    }  # fmt: skip


def test_images_that_a_given_split_leaves_out_do_not_count():
    cases = with_split(make_cases(60))
    rare = cases["birads"] == 5
    cases.loc[rare, "split"] = cases.loc[rare, "patient_id"] = None
    parts = assign_parts(cases, "given", 1, 0, 0)
    assert set(parts["row"]) == set(np.flatnonzero(~rare))
    assert parts.groupby("patient_id")["part"].nunique().max() == 1
    assert parts["part"].nunique() == 3


def test_a_label_that_a_given_training_part_lacks_is_told_with_what_to_do():
    cases = with_split(make_cases(60))
    cases.loc[(cases["birads"] == 5) & (cases["split"] == "train"), "birads"] = 4
    with pytest.raises(UserError, match="the train part has no image of BI-RADS 5; ") as told:
        assign_parts(cases, "given", 1, 0, 0)
    assert "leave that label out, or choose protocol 'patient'" in str(told.value)
    assert "folds" not in str(told.value)


def test_a_given_split_that_leaks_has_to_be_named_so():
    cases = with_split(make_cases(60))
    cases.loc[cases["image_id"].isin(["p003_L_CC", "p006_R_MLO"]), "split"] = "test"
    with pytest.raises(UserError, match="2 patients are in several of the given parts: it leaks"):
        assign_parts(cases, "given", 1, 0, 0)
    parts = assign_parts(cases, "given_leaky", 1, 0, 0)
    both = parts.groupby("patient_id")["part"].apply(set).loc[["p003", "p006"]]
    assert all("test" in parts and len(parts) == 2 for parts in both)
    assert leak_report(parts, cases)["sibling_image"] == 2
    nobody = cases.assign(patient_id=None)
    with pytest.raises(UserError, match="240 of 240 images have no patient_id"):
        assign_parts(nobody, "given", 1, 0, 0)
    assert set(assign_parts(nobody, "given_leaky", 1, 0, 0)["part"]) == set(PARTS)


@pytest.mark.parametrize(
    ("change", "folds", "says"),
    [
        (lambda split: None, 1, "has no split of its own; name its column"),
        (lambda split: split.replace("test", "train"), 1, "no image has the given part 'test'"),
        (lambda split: split.replace("train", "test"), 1, "no image has the given part 'train'"),
        (lambda split: split, 5, "folds is 5; a given split has one: write folds: 1"),
    ],
)
def test_a_given_split_that_cannot_be_used_is_refused(change, folds, says):
    cases = with_split(make_cases(60))
    with pytest.raises(UserError, match=says):
        assign_parts(cases.assign(split=change(cases["split"])), "given", folds, 0, 0)
