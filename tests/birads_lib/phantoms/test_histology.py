"""Biopsies and their findings: drawn by lesion, with the stated chances."""

import numpy as np
import pandas as pd
import pytest

from birads_lib.errors import UserError
from birads_lib.phantoms.histology import biopsied, histology, implied_categories, lesion_ids
from birads_lib.phantoms.lexicon import CATALOGUE

CHANCES = {3: 0.02, 4: 0.35, 5: 0.95}


@pytest.fixture
def rois():
    """Return both views of 2000 lesions, read as their category."""
    rng = np.random.default_rng(0)
    signs = [CATALOGUE[i] for i in rng.integers(len(CATALOGUE), size=2000)]
    lesions = pd.DataFrame({
        "patient_id": [f"p{n // 2}" for n in range(2000)], "laterality": ["L", "R"] * 1000,
        "finding": 0, "kind": [sign.kind for sign in signs],
        "descriptors": [sign.descriptors for sign in signs],
        "birads": [sign.category for sign in signs],
    })  # fmt: skip
    return pd.concat([lesions.assign(view=view) for view in ("CC", "MLO")], ignore_index=True)


def test_both_views_of_a_lesion_have_one_history(rois):
    made = rois.assign(
        malignancy=histology(rois, CHANCES, 3), biopsied=biopsied(rois, 0.5, 3), id=lesion_ids(rois)
    )
    assert made["id"].nunique() == 2000
    assert (made.groupby("id")[["malignancy", "biopsied"]].nunique() == 1).all(axis=None)
    some = rois.sample(frac=0.3, random_state=1)  # a lesion's draw doesn't depend on the others
    pd.testing.assert_series_equal(
        histology(some, CHANCES, 3), made.loc[some.index, "malignancy"], check_names=False
    )
    assert not (histology(rois, CHANCES, 4) == made["malignancy"]).all()


def test_malignancy_is_as_frequent_as_stated(rois):
    malignant = histology(rois, CHANCES, 0) == "malignant"
    for category, chance in {2: 0.0, **CHANCES}.items():
        share = malignant[implied_categories(rois) == category].mean()
        n = (implied_categories(rois) == category).sum() / 2
        assert abs(share - chance) <= 4 * np.sqrt(chance * (1 - chance) / n)


def test_who_is_biopsied_follows_from_the_reader(rois):
    shares = biopsied(rois, 0.65, 0).groupby(rois["birads"]).mean()
    assert dict(shares[[2, 4, 5]]) == {2: 0, 4: 1, 5: 1}
    assert 0.55 < shares[3] < 0.75


def test_a_lesion_that_no_phantom_has_is_named(rois):
    rois = rois.assign(roi_id=[f"r{n}" for n in range(len(rois))])
    rois.loc[7, "descriptors"] = "starry"
    with pytest.raises(UserError, match="the finding of r7 is none that phantoms have"):
        histology(rois, CHANCES, 0)
    with pytest.raises(UserError, match="expected chances 0 to 1"):
        histology(rois, {4: 1.5}, 0)
