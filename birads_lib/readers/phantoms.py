"""Synthetic mammograms, drawn where the study's artefacts lie: see ``birads_lib.phantoms``."""

from birads_lib.phantoms.cohort import read
from birads_lib.phantoms.phantom import check

__all__ = ["check", "read"]
