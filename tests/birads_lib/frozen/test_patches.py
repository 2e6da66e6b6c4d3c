"""Patches learnt from boxes, and what they say of another set's images."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from sklearn.metrics import roc_auc_score

from birads_lib.errors import UserError
from birads_lib.frozen import features, patch_scores, patches
from birads_lib.frozen.features import FeatureSet
from birads_lib.images.frame import mostly
from birads_lib.readers import by_name

TINY = FeatureSet(backbone="small_resnet", weights="none", height=96, width=64, cells=True)
SCORES = np.array([[0.1, 0.2, 0.7], [0.8, 0.1, 0.1], [0.3, 0.5, 0.2]], np.float32)


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    """Phantoms with masses, and the files of their features."""
    folder = tmp_path_factory.mktemp("phantoms")
    prevalence = [0.0, 0.4, 0.1, 0.3, 0.2]
    options = {"patients": 16, "seed": 3, "size": 96, "prevalence": prevalence}
    data = by_name.read("phantoms", folder, **options)
    return data, features.extract(data, TINY, folder / "features", progress=lambda _: None)


def test_more_patients_keep_those_drawn_before_and_their_order(phantoms):
    data, _ = phantoms
    few, all_of_them = (patches.some_patients(data, n, 1) for n in (3, 0))
    assert few.cases["patient_id"].nunique() == 3
    ids = few.cases["image_id"].tolist()
    assert all_of_them.cases["image_id"].tolist()[: len(ids)] == ids
    assert sorted(all_of_them.cases["image_id"]) == sorted(data.cases["image_id"])
    assert set(few.findings["image_id"]) <= set(ids)


def test_an_image_of_an_unknown_patient_is_drawn_as_a_patient_of_its_own(phantoms):
    data, _ = phantoms
    cases = data.cases.copy()
    cases.loc[cases.index[:3], "patient_id"] = None
    drawn = patches.some_patients(replace(data, cases=cases), 0)
    assert sorted(drawn.cases["image_id"]) == sorted(cases["image_id"])
    count = cases["patient_id"].nunique() + 3
    few = patches.some_patients(replace(data, cases=cases), count - 1)
    assert 1 <= len(cases) - len(few.cases) <= 4  # all but one patient or one image


def test_examples_are_boxed_cells_and_free_ones_of_the_breast(phantoms):
    data, files = phantoms
    of_images = patches.kinds_of(data.cases, "birads")
    x, kinds, patients = patches.examples(data, files, of_images, 2)
    boxed = [mostly(share).sum() for share in patches.shares_of_boxes(data, files)]
    birads = data.cases["birads"].to_numpy(int)
    assert (kinds == 2).sum() == np.sum(boxed, where=birads >= 4)
    assert (kinds == 1).sum() == np.sum(boxed, where=birads < 4)
    assert 0 < (kinds == 0).sum() <= 2 * len(data.cases)
    assert len(x) == len(kinds) == len(patients)
    first = next(features.maps(files))[0].astype(np.float32)
    assert (x[0] == first).all(axis=-1).any()
    unknown = np.zeros(len(birads), int)
    assert not patches.examples(data, files, unknown, 2)[1].any()


def test_a_mass_is_what_the_biopsy_says_or_else_how_it_was_assessed():
    cases = pd.DataFrame({
        "malignancy": ["benign", "malignant", None],
        "birads": pd.array([4, 3, None], "Int64"),
    })  # fmt: skip
    assert patches.kinds_of(cases, "malignancy").tolist() == [1, 2, 0]
    assert patches.kinds_of(cases, "birads").tolist() == [2, 1, 0]


def test_a_teacher_without_a_kind_to_learn_says_which():
    x, kinds, patients = cells_of_patients()
    with pytest.raises(UserError, match="no patch is malignant"):
        patches.learn(x, np.minimum(kinds, 1), patients)


def test_centred_cells_have_no_mean_over_their_breast():
    cells = np.random.default_rng(0).normal(size=(3, 2, 4)).astype(np.float16)
    breast = np.array([[1, 1], [1, 0], [0, 0]], bool)
    made = patches._shifted(cells, breast, centred=True)
    assert made[breast].mean(axis=0) == pytest.approx(0, abs=1e-6)


def test_a_box_smaller_than_half_a_cell_has_the_cells_it_covers_most():
    share = np.array([[0.1, 0.3], [0.0, 0.3]])
    assert mostly(share).tolist() == [[False, True], [False, True]]
    assert not mostly(np.zeros((2, 2))).any()


def cells_of_patients() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cells that three kinds move along two axes, of thirty patients."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 3, 600)
    centres = np.array([[0, 0], [3, 0], [3, 3]])
    x = np.concatenate([centres[kinds] + rng.normal(size=(600, 2)), rng.normal(size=(600, 4))], 1)
    return x.astype(np.float32), kinds, np.repeat(np.arange(30), 20)


def test_a_teacher_tells_patients_apart_that_it_has_not_seen():
    x, kinds, patients = cells_of_patients()
    teacher = patches.learn(x, kinds, patients)
    p = teacher.model.predict_proba(x)
    assert roc_auc_score(kinds > 0, 1 - p[:, 0]) > 0.9
    assert teacher.held_out["finding"] > 0.9
    assert teacher.held_out["malignant"] > 0.9
    shuffled = np.random.default_rng(1).permutation(kinds)
    assert abs(patches.learn(x, shuffled, patients).held_out["finding"] - 0.5) < 0.15


def test_maps_hold_probabilities_within_the_breast_alone(phantoms):
    data, files = phantoms
    of_images = patches.kinds_of(data.cases, "birads")
    teacher = patches.learn(*patches.examples(data, files, of_images, 4))
    maps = patches.probability_maps(files, teacher)
    breast = np.stack([b for _, b in features.maps(files)])
    assert np.isfinite(maps[..., 0]).tolist() == breast.tolist()
    assert maps[breast].sum(axis=-1) == pytest.approx(1, abs=1e-5)


def test_summaries_are_log_odds_of_the_highest_cells():
    maps = np.full((1, 2, 2, 3), np.nan, np.float32)
    maps[0].reshape(4, 3)[[0, 2, 3]] = SCORES
    made = patch_scores.summaries(maps, (1, 2, 10))[0]
    malignant, benign, mass = SCORES[:, 2], SCORES[:, 1], 1 - SCORES[:, 0]
    for number, top in enumerate((1, 2, 3)):  # there are three cells, not ten
        by_hand = [np.sort(logit(s))[::-1][:top].mean() for s in (malignant, benign, mass)]
        assert made[3 * number : 3 * number + 3] == pytest.approx(by_hand, abs=1e-5)


def test_pointing_asks_whether_the_highest_cell_touches_a_box():
    maps = np.full((3, 1, 4, 3), np.nan)
    maps[:, 0, :3] = SCORES  # the first cell is the most malignant
    shares = [np.array([[0.2, 0, 0, 0]]), np.array([[0, 0.9, 1, 0]]), np.zeros((1, 4))]
    made = patch_scores.pointing(maps, shares)
    assert made["row"].tolist() == [0, 1]  # the third has no box
    assert made["hit"].tolist() == [1, 0]
    assert made["chance"].tolist() == pytest.approx([1 / 3, 2 / 3])


def test_a_teacher_is_asked_about_each_cell_as_it_learnt_them(phantoms):
    _, files = phantoms
    seen = []
    model = SimpleNamespace(predict_proba=lambda x: seen.append(x) or np.ones((len(x), 3)) / 3)
    patches.probability_maps(files, patches.Teacher(model, True, {}, 1.0))
    assert seen[0].mean(axis=0) == pytest.approx(0, abs=1e-3)
