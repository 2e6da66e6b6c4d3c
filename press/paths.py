"""Where things are: the one place that knows the layout of the repository."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"  # sources, without outputs
BOOK = ROOT / "book"  # prose; BOOK/<study>/ holds executed notebooks
CONFIG = ROOT / "config"  # one YAML per study
RESULTS = ROOT / "results"  # RESULTS/<study>/ holds artefacts, never in git
SPEED = "speed"  # not a study: what `make bench` measured, in RESULTS, and its page, in BOOK
