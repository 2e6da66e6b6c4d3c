"""Synthetic mammograms with known truth.

A phantom is a breast without findings (``anatomy``) with lesions laid into it (``lesions``) and a
category that follows from their descriptors (``lexicon``); the sources stand in those modules.
``render`` makes one view, ``read`` a data set. Nothing of the patient, the outline, the texture,
the exposure or the modality depends on the category.
"""

from birads_lib.phantoms.cohort import read
from birads_lib.phantoms.phantom import (
    DISAGREEMENT,
    PREVALENCE,
    Finding,
    Phantom,
    render,
    true_grade,
)

__all__ = ["DISAGREEMENT", "PREVALENCE", "Finding", "Phantom", "read", "render", "true_grade"]
