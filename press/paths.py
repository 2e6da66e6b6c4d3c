"""The layout of the repository and of ``results/``, and the names of pages.

``study_dir`` is the folder of one study's artefacts, ``results/<study>``, relative or absolute; a
run is what one variant (or ablation) is under one protocol.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"  # sources, without outputs
BOOK = ROOT / "book"  # prose; BOOK/<study>/ holds executed notebooks
CONFIG = ROOT / "config"  # one YAML per study
RESULTS = ROOT / "results"  # RESULTS/<study>/ holds artefacts, never in git
BUILD = ROOT / "_build"  # BUILD/<study>/ holds what is rendered, packed and released
BY_HAND = ".byhand"  # how the folder beside a study's ends
METRICS = ".metrics.json"  # how the names of files that hold a page's metrics end


def is_inside(place: str) -> bool:
    """Return whether a place that a passport names lies in the project; no link leads out.

    But ``results`` itself may be one, to another disk.
    """
    is_within = not Path(place).is_absolute() and ".." not in Path(place).parts
    path, homes = (ROOT / place).resolve(), (ROOT.resolve(), RESULTS.resolve())
    return is_within and any(path.is_relative_to(home) for home in homes)


def page_name(notebook: str, variant: str | None = None, protocol: str | None = None) -> str:
    """Return the name of an executed page, such as "04_evaluation-proposed-patient".

    A comparison's has the other study in the variant's place.
    """
    return "-".join(part for part in (notebook, variant, protocol) if part)


def parts_of_page(name: str) -> tuple[str, str, str]:
    """Return notebook, variant and protocol of a page's name, "" for those it doesn't have."""
    notebook, _, run = name.partition("-")
    variant, _, protocol = run.partition("-")
    return notebook, variant, protocol


def source_notebook(notebook: str) -> Path:
    """Return the source of a notebook, which carries no outputs."""
    return NOTEBOOKS / f"{notebook}.ipynb"


def record_file(study_dir: str | Path) -> Path:
    """Return the file in which a study's run says what it is of, and each page's parameters."""
    return Path(study_dir, "study.json")


def run_folder(study_dir: str | Path, variant: str, protocol: str) -> Path:
    """Return the folder of what one run left."""
    return Path(study_dir, "runs", variant, protocol)


def predictions_file(study_dir: str | Path, variant: str, protocol: str) -> Path:
    """Return the file of a run's predictions, of all folds."""
    return run_folder(study_dir, variant, protocol) / "predictions.parquet"


def metrics_file(folder: str | Path, notebook: str) -> Path:
    """Return the file of what a notebook measured, in the folder of its study or its run."""
    return Path(folder, f"{notebook}{METRICS}")


def figures_folder(study_dir: str | Path, page: str) -> Path:
    """Return the folder of the figures and tables that one page published."""
    return Path(study_dir, "figures", page)


def passport_path(path: str | Path) -> Path:
    """Return the path of an artefact's passport, which lies beside it."""
    return Path(path).with_name(f"{Path(path).name}.passport.json")


def build_folder(study: str) -> Path:
    """Return the folder of what is made from a study's executed pages: its book, its crate."""
    return BUILD / study


def rendered_book(study: str) -> Path:
    """Return the folder of a study's rendered book, as web pages."""
    return build_folder(study) / "_build" / "html"


def manifest(study: str) -> Path:
    """Return the file that lists the hashes of a rendered book, written when it is whole."""
    return build_folder(study) / "rendered"


def root_file(study: str) -> Path:
    """Return the file of a book's root hash."""
    return build_folder(study) / "root-hash"


def geometry_file(images: str | Path) -> Path:
    """Return the file beside preprocessed images that says where each lies in its frame."""
    return _beside_images(images, "geometry", ".parquet")


def preprocessing_file(images: str | Path) -> Path:
    """Return the file beside preprocessed images that says how they were made."""
    return _beside_images(images, "preprocessing", ".json")


def _beside_images(images: str | Path, name: str, suffix: str) -> Path:
    path = Path(images)
    return path.with_name(path.stem.replace("images", name, 1) + suffix)
