"""Facts about files that tell a label are found, and no others."""

import numpy as np
import pandas as pd
import pytest

from birads_lib.figures import exploration
from birads_lib.images import looks
from birads_lib.readers import by_name
from birads_lib.scores import shortcuts
from birads_lib.task import BIRADS, MALIGNANCY
from helpers.figures import check, texts

ALIKE = {"laterality": "L", "view": "CC", "machine": None}  # says nothing


def made_up(patients=40, images=4, seed=0, task=BIRADS):
    """Return cases and looks that tell nothing: a label a patient, all facts at random."""
    rng, n = np.random.default_rng(seed), patients * images
    patient = np.repeat(np.arange(patients), images)
    label = np.array(task.labels)[rng.permutation(np.arange(patients) % len(task.labels))[patient]]
    names = [f"i{number}" for number in range(n)]
    cases = pd.DataFrame({"image_id": names, "patient_id": [f"p{p}" for p in patient]})
    cases[task.name] = label if task is not BIRADS else label.astype(int)
    cases["laterality"] = np.tile(["L", "L", "R", "R"], n)[:n]
    cases["view"] = np.tile(["CC", "MLO"], n)[:n]
    cases["machine"] = np.array(["A", "B", None], object)[rng.integers(0, 3, patients)[patient]]
    cases["spacing_mm"] = 0.07
    seen = pd.DataFrame(
        {
            "kilobytes": rng.normal(40, 5, n), "height": 300, "width": 200, "bits": 8,
            "border": rng.random(n), "black": rng.random(n), "format": "png", "photometric": None,
        },
        pd.Index(names, name="image_id"),
    )  # fmt: skip
    return cases, seen


def of(table, number, task=BIRADS):
    return (table[task.name].astype(str) == task.labels[number - 1]).to_numpy()


def test_file_size_that_tells_a_grade_is_said_in_words():
    cases, seen = made_up()
    seen["kilobytes"] += np.where(of(cases, 1), 300, 0)
    table = shortcuts.strengths(cases, seen)
    assert table.index[0] == "kilobytes"
    assert table["tells"].to_dict() == dict.fromkeys(table.index, False) | {"kilobytes": True}
    (sentence,) = shortcuts.sentences(table)
    assert sentence.startswith("File size alone tells BI-RADS 1 from the rest: 3")
    assert " KB against " in sentence
    shown = shortcuts.as_table(table)
    assert "tells BI-RADS 1" in shown.loc["File size", "alone it"]
    assert set(shown["alone it"].iloc[1:]) == {"no better than chance"}


def test_a_tendency_is_found_where_values_overlap():
    cases, seen = made_up(patients=100)
    seen["black"] += np.where(of(cases, 4), 0.5, 0)
    table = shortcuts.strengths(cases, seen)
    assert not table.loc["black", "apart"]
    (sentence,) = shortcuts.sentences(table)
    assert sentence.startswith("Share of black pixels alone goes with the label: a median of ")
    assert "in BI-RADS 4" in sentence


def test_a_machine_of_one_label_is_found():
    cases, seen = made_up(task=MALIGNANCY)
    cases["machine"] = np.where(of(cases, 2, MALIGNANCY), "Loud", "Quiet")
    table = shortcuts.strengths(cases, seen, MALIGNANCY)
    assert (
        "Machine alone tells benign from the rest: 'Quiet' against 'Loud'."
        in shortcuts.sentences(table)
    )
    assert table.loc["machine", "accuracy"] == 1


def test_what_is_known_of_one_label_alone_tells_it():
    cases, seen = made_up(patients=60)
    cases["spacing_mm"] = np.where(of(cases, 3), 0.07, np.nan)
    table = shortcuts.strengths(cases, seen)
    assert table.loc["spacing_mm", "tells"]
    assert "known of one label alone" in "".join(shortcuts.sentences(table))


@pytest.mark.parametrize("seed", range(5))
def test_where_nothing_tells_the_label_there_is_no_alarm(seed):
    table = shortcuts.strengths(*made_up(seed=seed), permutations=200)
    assert not table["tells"].any()
    (sentence,) = shortcuts.sentences(table)
    assert sentence.startswith("None of these predicts the label better than chance: ")


def test_what_tells_the_patient_does_not_count_as_telling_the_label():
    """Few patients, each with a file size of its own: over images alone, that would be certain."""
    alarms = 0
    for seed in range(6):
        cases, seen = made_up(patients=15, images=10, seed=seed)
        rng = np.random.default_rng(seed + 100)
        of_patient = rng.normal(40, 10, 15)[np.repeat(np.arange(15), 10)]
        seen["kilobytes"] = of_patient + rng.normal(0, 0.1, len(seen))
        cases, seen = cases.assign(**ALIKE), seen.assign(border=0.1, black=0.5)  # nothing else
        alarms += shortcuts.strengths(cases, seen, permutations=100).loc["kilobytes", "tells"]
    assert alarms <= 1


def test_labels_that_patients_swap_stay_together():
    patients = np.repeat(np.arange(9), [1, 2, 4, 12, 4, 2, 2, 2, 1])[::-1]
    labels = np.random.default_rng(0).integers(0, 3, 9)[patients]
    several = labels.copy()
    several[np.flatnonzero((patients == 1) | (patients == 6))] = [0, 1, 2, 1]

    def of_patients(labels):
        return [tuple(labels[patients == patient]) for patient in range(9)]

    rng, dealt = np.random.default_rng(0), set()
    for swapped in shortcuts._swapped(labels, patients, 50, rng):
        assert all(len({*of_patient}) == 1 for of_patient in of_patients(swapped))
        dealt.add(of_patients(swapped)[3][0])
    assert dealt == {*labels}  # the patient with twelve images gets other patients' labels
    for swapped in shortcuts._swapped(several, patients, 50, rng):
        assert {of_patients(swapped)[p] for p in (1, 6)} == {(0, 1), (2, 1)}
        assert all(len({*of_patients(swapped)[p]}) == 1 for p in (0, 2, 3, 4, 5, 7, 8))


def test_one_image_apart_is_no_shortcut():
    cases, seen = made_up()
    seen.loc["i0", "kilobytes"] = 900
    assert not shortcuts.strengths(cases, seen).loc["kilobytes", "tells"]


def test_images_that_are_alike_in_everything_say_so():
    cases, seen = made_up()
    cases = cases.assign(**ALIKE)
    table = shortcuts.strengths(cases, seen[[*seen]].assign(kilobytes=1.0, border=0.1, black=0.5))
    assert table.empty
    assert shortcuts.sentences(table)[0].startswith("All images are alike in size")


def test_patients_may_be_unknown_and_labels_missing():
    cases, seen = made_up()
    cases, seen = cases[~of(cases, 2)].assign(patient_id=None), seen[~of(cases, 2)]
    table = shortcuts.strengths(cases, seen, permutations=100)
    assert not table[["accuracy", "chance", "high", "p", "holm"]].isna().any().any()


def test_the_same_seed_gives_the_same_numbers():
    first, second = (shortcuts.strengths(*made_up(), permutations=50) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


def test_the_figure_has_a_row_for_each_fact():
    table = shortcuts.strengths(*made_up(), permutations=50)
    titles = [shortcuts.title(fact) for fact in table.index]
    figure = exploration.shortcuts(table, titles)
    check(figure)
    assert set(titles) <= set(texts(figure))


def test_real_kau_sample(shared_data):
    folder = shared_data / "kau_sample"
    if not folder.is_dir():
        pytest.skip("the sample of KAU-BCMD is not among the restricted data here")
    data = by_name.read("class_folders", folder, patient_pattern="_(BC[0-9]+)_")
    said = shortcuts.sentences(shortcuts.strengths(data.cases, looks.looks(data)))
    assert (
        said[0]
        == "File size alone tells BI-RADS 1 from the rest: 283 to 503 KB against 21 to 50 KB."
    )
