"""The table of chapters: which there are, what each reads and writes, and where it stands.

From it are made the rules of the Snakefile, a study's pages, their contents, what a missing file
is made by, and what the ledger and the cards look for. A further chapter is a notebook, its module
in the library, and a row here.
"""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from birads_lib.task import BIRADS
from press.paths import METRICS
from press.studies.chapter import PAPER, Chapter, expanded

if TYPE_CHECKING:
    from press.studies.study import Study

_ALL_METRICS = f"*{METRICS}"
IMAGES = "images"  # the set of chapters of a study that trains nothing, and is graded by others
TRANSFER = "transfer"  # of the companion on double transfer learning
REAL_TRANSFER = "transfer_inbreast"  # of the same on patients' images
DENSITY = "density"  # of the companion on breast density
ONE_MODALITY = "density_one_modality"  # the same, where all images are of one modality
BEST = "best"  # of the study of the best honest grade
RELEVANCE = "relevance"  # of the companion on local views and CorRELAX
BACKBONES = "backbones"  # of the companion on ResNet and EfficientNet
PAPER_TASK = BIRADS.name  # what the paper tells apart: its numbers and claims are of no other

_PREDICTIONS = "{run}/predictions.parquet"
_FLOORS = "{run}/floors.parquet"
_TABLES = ("cases.parquet", "findings.parquet")
_TABLES_OF_A_RUN = ("splits.parquet", "history.csv", "embeddings.npy", "run.json")
_OF_A_RUN = (_PREDICTIONS, *(f"{{run}}/{name}" for name in _TABLES_OF_A_RUN))
_IMAGES = ("images{suffix}.npy", "geometry{suffix}.parquet")
_HOW = "preprocessing{suffix}.json"
_FEATURES, _PATCHES, _TOKENS = "{run}/features.npz", "patches.npz", "tokens.parquet"
_SLICES = ("slices.parquet", "slices.npy")
_REGIONS = ("rois.parquet", "crops.npy")
_HOW_CUT = "regions.json"
_OF_DENSITY = (DENSITY, ONE_MODALITY)
_PIXELS = ("cases.parquet", "images{suffix}.npy")
_TESTED = ("tested.parquet",)
_MAPS = ("relevance.npz", "points.parquet")
_INTERMEDIATE = tuple(f"intermediate_{name}" for name in _REGIONS)

CHAPTERS = (
    Chapter(
        "01_data_exploration", "the images and what is known of them",
        writes=_TABLES, metrics=False, threads=2,
        sets=(PAPER, IMAGES, TRANSFER, REAL_TRANSFER, BACKBONES, BEST, RELEVANCE, *_OF_DENSITY),
    ),
    Chapter(
        "02_preprocessing", "every image, once", pages="per images",
        reads=_TABLES, writes=(*_IMAGES, _HOW), metrics=False,
        sets=(PAPER, RELEVANCE, *_OF_DENSITY),
        threads=2, shares=True, priority=2,  # it reads with two threads; others go beside it
    ),
    Chapter(
        "03_training", pages="per run", runs="apart",
        reads=("cases.parquet", "images{suffix}.npy", _HOW), writes=_OF_A_RUN,
        leaves=("{run}/seed*/fold*/model.keras",), metrics=False,
        # The head's matrices are small: two runs side by side do more than one on all cores.
        threads=0, shares=True, gpu=True, priority=1,
    ),
    Chapter(
        "03_training_ablations", "all of them, in one process", runs="together",
        under="05_ablations",
        reads=("cases.parquet", "images{suffix}.npy"), writes=_OF_A_RUN, metrics=False,
        threads=0, shares=True, gpu=True, priority=2,  # the longest page: all else goes beside it
    ),
    Chapter(
        "03_training_floors", "what would do without the network", runs="variants",
        reads=("cases.parquet", "images{suffix}.npy", _PREDICTIONS, "{run}/run.json"),
        writes=(_FLOORS,),
        metrics=False, priority=1,  # evaluation waits for it
    ),
    Chapter(
        "04_evaluation", pages="per run", runs="variants",
        reads=("cases.parquet", _PREDICTIONS, _FLOORS, "{run}/history.csv", "{run}/run.json"),
    ),
    Chapter(
        "05_ablations", "what each part contributes", runs="every",
        reads=(_PREDICTIONS, "{run}/run.json", "{first}/floors.parquet"),
        sources=("book/claims.yml",),
    ),
    Chapter(
        "05_sweep", "the variants side by side", runs="several",
        reads=("{run}/04_evaluation" + METRICS,), metrics=False,
    ),
    Chapter(
        "06_calibration", pages="per run", runs="variants",
        reads=(_PREDICTIONS, "{run}/run.json"),
    ),
    Chapter(
        "07_decision_curves", pages="per run", runs="variants",
        reads=(_PREDICTIONS,),
        decides=True,
    ),
    Chapter(
        "08_interpretability", pages="per run", runs="variants",
        reads=(*_TABLES, *_IMAGES, _PREDICTIONS),  # written after all models
        priority=1,  # the longest chapter: last, it would keep one core waiting
    ),
    Chapter(
        "09_feature_space", pages="per run", runs="variants",
        reads=(_PREDICTIONS, "{run}/embeddings.npy"),
    ),
    Chapter(
        "10_leakage_audit", "how the split makes the result", runs="first",
        reads=("cases.parquet", _PREDICTIONS, _FLOORS, "{run}/run.json"),
        sources=("book/claims.yml",),
    ),
    Chapter(
        "11_claims", "the ledger", runs="first", reads=(_ALL_METRICS,),
        sources=("book/claims.yml", "book/published.yml"), tasks=(PAPER_TASK,),
    ),
    Chapter(
        "12_comparison", "this study and another", pages="elsewhere", runs="first",
        metrics=False,
    ),
    Chapter(
        "13_speed", "what it takes, as `make bench` measured", metrics=False, sets=("speed",),
        sources=("results/speed/*.json",), needs="make bench",
    ),
    Chapter(
        "14_best_honest", "what each honest step brings", runs="variants", sets=(BEST,),
        reads=("cases.parquet", _PATCHES, _TOKENS, _FEATURES), writes=("steps.parquet",),
        sources=("book/claims.yml",),
    ),
    Chapter(
        "14_features", pages="per run", runs="variants", sets=(BEST,), under="14_best_honest",
        reads=_TABLES, writes=(_FEATURES,), metrics=False, threads=0, gpu=True, priority=1,
    ),
    Chapter(
        "14_patches", "what another set's boxes teach", sets=(BEST,), under="14_best_honest",
        reads=_TABLES, writes=(_PATCHES,), threads=0, gpu=True, priority=2,
    ),
    Chapter(
        "14_tokens", "attention over tokens", sets=(BEST,), under="14_best_honest",
        reads=_TABLES, writes=(_TOKENS,), metrics=False, threads=0, gpu=True, priority=2,
    ),
    Chapter(
        "15_elsewhere", "this study's models on another's images", pages="elsewhere", runs="first",
        metrics=False,
    ),
    Chapter(
        "16_touch", "figures that answer", runs="honest",
        reads=(*_TABLES, *_IMAGES, _PREDICTIONS),  # written after all models
        metrics=False, tasks=(PAPER_TASK,), synthetic=True,
    ),
    Chapter(
        "21_backbones", "whether the family matters", runs="variants", sets=(BACKBONES,),
        reads=("slices.parquet", _PREDICTIONS), sources=("book/claims.yml",),
    ),
    Chapter(
        "21_slices", "what the networks see", sets=(BACKBONES,), under="21_backbones",
        reads=_TABLES, writes=_SLICES, metrics=False, threads=2, priority=2,
    ),
    Chapter(
        "21_training", pages="per run", runs="variants", sets=(BACKBONES,), under="21_backbones",
        reads=_SLICES, writes=(_PREDICTIONS,), leaves=("{run}/seed*/fold*/history.csv",),
        metrics=False, threads=0, shares=True, gpu=True, priority=1,
    ),
    Chapter(
        "22_latency", "what each network takes", sets=(BACKBONES,), reads=("slices.npy",),
        writes=("latency.parquet",), metrics=False, under="22_speed_and_accuracy",
        threads=0,  # all of them, as nothing may run beside it
    ),
    Chapter(
        "22_speed_and_accuracy", "what is as good, and faster", runs="variants",
        sets=(BACKBONES,), reads=("latency.parquet", "slices.parquet", _PREDICTIONS),
    ),
    Chapter(
        "31_regions", "squares around findings", sets=(TRANSFER,),
        reads=_TABLES, writes=(*_REGIONS, *_INTERMEDIATE, _HOW_CUT), metrics=False,
        threads=2,
    ),
    Chapter(
        "32_double_transfer", "all ways to train, side by side", sets=(TRANSFER,),
        reads=(*_REGIONS, *_INTERMEDIATE), writes=("arms.parquet",),
        leaves=("arms/double/patient/seed*/fold*/model.keras",), threads=0, gpu=True, priority=1,
    ),
    Chapter(
        "33_reader", "a network beside a reader", sets=(TRANSFER,),
        reads=("arms.parquet", "rois.parquet", _HOW_CUT, *_TABLES), sources=("book/claims.yml",),
    ),
    Chapter(
        "34_where", "maps on lesions off the centre", sets=(TRANSFER,),
        reads=("arms.parquet", "rois.parquet", _HOW_CUT, *_TABLES), threads=2,
    ),
    Chapter(
        "35_real_transfer", "CBIS-DDSM, then INbreast", sets=(REAL_TRANSFER,),
        reads=_TABLES, threads=0, gpu=True,
    ),
    Chapter(
        "41_local_views", "what a small window tells", sets=(RELEVANCE,),
        reads=(*_TABLES, *_IMAGES, _HOW), writes=("local_views.keras", "boxes.parquet", *_TESTED),
        threads=0, gpu=True,
    ),
    Chapter(
        "42_correlax", "from a window to a map", sets=(RELEVANCE,),
        reads=(*_PIXELS, "boxes.parquet", *_TESTED, "local_views.keras"), writes=_MAPS,
        metrics=False, threads=0, gpu=True,
    ),
    Chapter(
        "43_pointing_game", "who hits a lesion", sets=(RELEVANCE,),
        reads=(*_PIXELS, "boxes.parquet", *_TESTED, *_MAPS), sources=("book/claims.yml",),
    ),
    Chapter(
        "51_density", "readers and their labels", sets=_OF_DENSITY, reads=_PIXELS,
    ),
    Chapter(
        "52_image_and_text", "with and without a text", sets=_OF_DENSITY, reads=_PIXELS,
        writes=("image_text.parquet",), threads=0, shares=True, gpu=True, priority=1,
    ),
    Chapter(
        "53_modalities", "one kind of image or several", sets=(DENSITY,), reads=_PIXELS,
        writes=("modalities.parquet",), threads=0, shares=True, gpu=True,
    ),
    Chapter(
        "54_elsewhere", "other patients, machines, readers", sets=_OF_DENSITY,
        reads=(*_PIXELS, _HOW, "image_text.parquet"),
        writes=("elsewhere.parquet",), threads=0, shares=True, gpu=True,
    ),
    Chapter(
        "61_companion_claims", "a companion's ledger",
        sets=(TRANSFER, BACKBONES, RELEVANCE, DENSITY),
        reads=(_ALL_METRICS,), sources=("book/claims.yml",),
    ),
)  # fmt: skip


def chapter(notebook: str) -> Chapter:
    """Return the row of a notebook; KeyError where the table has none."""
    return {row.notebook: row for row in CHAPTERS}[notebook]


def of_study(study: Study) -> list[Chapter]:
    """Return the chapters whose pages a study's rules make, in the order of reading."""
    return [
        row
        for row in CHAPTERS
        if study.chapters in row.sets
        and row.fits(study.label_set)
        and (not row.synthetic or (study.reader.synthetic and study.show_pixels))
        and row.pages != "elsewhere"
        and (row.runs == "none" or row.runs_of(study))
    ]


def inputs(
    row: Chapter, study: Study, variant: str = "", protocol: str = "", **_: str
) -> list[str]:
    """Return the files of the study that one page of a chapter reads, from the study's folder."""
    runs = [(variant, protocol)] if row.pages == "per run" else row.runs_of(study)
    names = [name for name in row.reads if name != _ALL_METRICS]
    if len(names) < len(row.reads):
        names += [c.metrics_file for c in of_study(study) if c.metrics and c is not row]
    first = [name.replace("{first}", "{run}") for name in names if "{first}" in name]
    names = [name for name in names if "{first}" not in name]
    of_first = [run for run in study.runs() if run[0] == next(iter(study.variants))]
    return expanded(names, runs, study) + expanded(first, of_first, study)


def contents(study: Study) -> list[list[str]]:
    """Return the pages of each chapter as the contents list them: those after the first below it.

    What is made for ablations alone stands below the chapter that compares them.
    """
    below: dict[str, list[str]] = {row.notebook: [] for row in of_study(study)}
    comparing = next((row.notebook for row in of_study(study) if row.runs == "every"), "")
    for row in of_study(study):
        for wildcards in row.executions(study):
            variant = wildcards.get("variant", wildcards.get("suffix", "")[1:])
            home = comparing if variant in study.ablations else row.under or row.notebook
            below[home].append(row.page.format(**wildcards))
    for home, listed in below.items():
        if home in listed:  # a chapter's own page stands first
            listed.insert(0, listed.pop(listed.index(home)))
    return [listed for listed in below.values() if listed]


def written(study: Study) -> set[str]:
    """Return the names, without their folders, of all files that a study's chapters write."""
    return {Path(name).name for row in of_study(study) for name in row.files}


def makers(path: Path, reader: str) -> list[str]:
    """Return the notebooks that write a file of this name in the studies that have a notebook."""
    return [
        row.notebook
        for row in CHAPTERS
        if row.runs != "together"  # it makes what 03_training does
        if {*row.sets} & {*chapter(reader).sets}
        for name in (*row.files, *row.leaves)
        if fnmatch(path.name, Path(name).name.replace("{suffix}", "*"))
    ]


def sets() -> tuple[str, ...]:
    """Return the sets of chapters; a study has one of them."""
    return tuple(dict.fromkeys(name for row in CHAPTERS for name in row.sets))


def recording() -> tuple[str, ...]:
    """Return the notebooks whose metrics the ledger may name: all but that of the ledger."""
    return tuple(r.notebook for r in CHAPTERS if r.metrics and _ALL_METRICS not in r.reads)
