"""Numbers in prose: nothing is made up where there is none."""

import numpy as np
import pandas as pd
import pytest

from birads_lib import texts


@pytest.mark.parametrize(
    ("bounds", "text"),
    [
        ((0.5, 0.4, 0.6), "0.50 (0.40 to 0.60)"),
        ((0.5, np.nan, np.nan), "0.50 (no interval)"),
        ((0.5,), "0.50 (no interval)"),
        ((np.nan, 0.4, 0.6), "undefined"),
    ],
)
def test_an_estimate_without_an_interval_has_none_made_up(bounds, text):
    assert texts.interval(*bounds) == text


def test_spans_and_listings():
    assert texts.span([4, 2, 10]) == "2 to 10"
    assert texts.span([4, 4]) == "4"
    assert texts.span([]) == "unknown"
    assert texts.listing([67, 220, 23]) == "67, 220 and 23"
    assert texts.listing(["a"]) == "a"


def test_what_a_table_of_images_holds():
    cases = pd.DataFrame(
        {
            "image_id": list("abcd"),
            "patient_id": ["p", "p", "q", None],
            "birads": [1, 1, 2, 2],
            "density": ["A", None, "B", "B"],
        }
    )
    found = texts.of_cases(cases.iloc[:3])
    assert found["images_by_grade"] == "2 and 1"
    assert found["images_per_patient"] == "1 to 2"
    assert found["rarest"] == "BI-RADS 2, with 1 images of 1 patients"
    assert found["always_accuracy"] == "0.67"
    assert found["density_known"] == "2 images"
    unknown = texts.of_cases(cases.assign(patient_id=None, density=None))
    assert unknown["patients"] == "unknown numbers"
    assert unknown["images_per_patient"] == "unknown"
    assert unknown["density_known"] == "none of the images"
