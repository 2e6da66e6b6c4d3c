"""Numbers as short texts, for prose, tables and cards."""

from collections.abc import Iterable

import numpy as np
import pandas as pd


def interval(estimate: float, low: float = np.nan, high: float = np.nan) -> str:
    """Return "0.71 (0.63 to 0.78)", "0.71 (no interval)" without its ends, or "undefined"."""
    if np.isnan(estimate):
        return "undefined"
    ends = "no interval" if np.isnan([low, high]).any() else f"{low:.2f} to {high:.2f}"
    return f"{estimate:.2f} ({ends})"


def span(values: Iterable[int]) -> str:
    """Return "2 to 10" for numbers from 2 to 10, "4" where all are 4, "unknown" without any."""
    values = list(values)
    if not values:
        return "unknown"
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} to {high}"


def listing(values: Iterable[object]) -> str:
    """Return "67, 220 and 23"."""
    *first, last = map(str, values)
    return f"{', '.join(first)} and {last}" if first else last


def of_cases(cases: pd.DataFrame) -> dict[str, str]:
    """Return what a table of images holds, as short texts by name: counts, rarest category ...

    Args:
        cases: one row an image, as ``cases.read_cases`` returns it.
    """
    by_grade = cases.groupby("birads").agg(
        images=("image_id", "size"), patients=("patient_id", "nunique")
    )
    images, patients = by_grade["images"], by_grade["patients"]
    rarest, known = images.idxmin(), int(cases["density"].notna().sum())
    return {
        "images": str(len(cases)),
        "patients": str(cases["patient_id"].nunique() or "unknown numbers"),
        "images_by_grade": listing(images),
        "patients_by_grade": listing(patients),
        "images_per_patient": span(cases["patient_id"].value_counts()),
        "rarest": f"BI-RADS {rarest}, with {images[rarest]} images of {patients[rarest]} patients",
        "most_frequent": f"BI-RADS {images.idxmax()}",
        "always_accuracy": f"{images.max() / len(cases):.2f}",
        "density_known": f"{known} images" if known else "none of the images",
    }
