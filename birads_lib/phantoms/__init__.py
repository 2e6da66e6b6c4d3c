"""Synthetic mammograms with known truth.

A phantom is a breast without findings (``anatomy``) with lesions laid into it (``lesions``) and a
category that follows from their descriptors (``lexicon``); the sources stand in those modules.
``render`` makes one view; ``birads_lib.readers.phantoms`` a data set of many. Nothing of the
patient, the outline, the texture, the exposure or the modality depends on the category.
"""

from birads_lib.phantoms.phantom import PREVALENCE, Phantom, render, true_grade

__all__ = ["PREVALENCE", "Phantom", "render", "true_grade"]
