"""Checks of a study before anything is computed: its images, and everything that can stop it.

    python -m press.execution.preflight my.yaml [folder] [weights]

The reader reads headers alone; the folds of every run are dealt, and networks built that need
weights or layers which may not be there. That takes seconds, where a run takes hours.
"""

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from birads_lib import splits
from birads_lib.cases import Dataset, absent, label_numbers
from birads_lib.errors import UserError
from birads_lib.frozen.token_recipe import Recipe
from birads_lib.networks import backbones
from birads_lib.networks.backbones import LAST_STAGE
from birads_lib.networks.captions import DENSITY_TEXTS, Captions
from birads_lib.protocol import OVERSAMPLE_FIRST, PARTS, PATIENT, PROTOCOLS
from birads_lib.readers import READERS, by_name
from birads_lib.readers.image_files import existing
from birads_lib.task import BIRADS, Task
from birads_lib.texts import listing
from press.command import run
from press.execution import agreement, external
from press.pages import page as pages
from press.paths import BOOK, RESULTS, ROOT, predictions_file
from press.problems import noted, refuse
from press.rendering import staging
from press.studies import chapters
from press.studies.given import from_root
from press.studies.parameters import declared_parameters, images_folder
from press.studies.study import Study, load

EXAMPLES = 3  # images whose patients are shown
SPLIT = ("protocol", "folds", "seeds", "validation_share")  # on which it depends who is where
IMAGE_TEXT = "52_image_and_text"
LOCAL_VIEWS = "41_local_views"
# Notebooks that train a study's runs, or make what their networks see.
TRAINING = ("03_training", "21_training", "14_features")
NESTED, PATCHES, TOKENS = "14_best_honest", "14_patches", "14_tokens"


def check(study: Study) -> list[str]:
    """Return a description of the study's images, a line each; [] where it has no images.

    Raises UserError with all that would stop the study later, as far as headers, counts and
    weights tell.
    """
    check_there(study)
    agreement.check_agreement(study)
    external.check_external(study)
    staging.check(study)
    notebooks = [row.notebook for row in chapters.of_study(study)]
    if "01_data_exploration" not in notebooks:
        return []
    dataset, task = dataset_of(study), study.label_set
    understood = [f"The study '{study.name}':", *lines(dataset, task)]
    if any(PROTOCOLS[protocol].is_given for _, protocol in study.runs()):
        understood.append(f"  {_given_split(dataset.cases)}")
    training = [name for name in notebooks if name in TRAINING]
    problems = []
    if TRAINING[0] in training:  # elsewhere a notebook makes what is split
        problems += _split_problems(study, dataset.cases, task)
    problems += [problem for name in training for problem in _network_problems(study, name)]
    if IMAGE_TEXT in notebooks:
        problems += _image_text_problems(study, dataset.cases, task)
    if LOCAL_VIEWS in notebooks:
        problems += _local_views_problems(study, dataset.cases, task)
    if NESTED in notebooks:
        problems += _nested_problems(study, dataset.cases, task)
    if problems:
        raise UserError("\n".join([*understood, "", *dict.fromkeys(problems)]))
    return understood


def check_there(study: Study) -> None:
    """Raise UserError where what a study begins with isn't there: its images, or measurements."""
    for row in chapters.of_study(study):
        if row.needs and not any(next(ROOT.glob(name), None) for name in row.sources):
            raise UserError(f"nothing there of {', '.join(row.sources)}; run `{row.needs}` first")
    pages.seals(BOOK / study.name)  # a damaged list is told now, and not after hours
    folder = images_folder(study.dataset, study.folder)
    if not study.reader.makes_images:
        existing(folder)
    refuse(_missing_image_folders(study))


def _missing_image_folders(study: Study) -> list[str]:
    """Return the parameters that name other images by a reader, whose folder isn't there."""
    problems = []
    for row in chapters.of_study(study):
        parameters = declared_parameters(row.notebook) | study.values(row.notebook)
        for name, dataset in parameters.items():
            is_other = isinstance(dataset, Mapping) and "reader" in dataset and name != "dataset"
            if not is_other or READERS[dataset["reader"]].makes_images:
                continue
            parameter, folder = f"notebooks: {row.notebook}: {name}", dataset.get("folder")
            if not folder:
                problems.append(
                    f"{parameter}: the reader '{dataset['reader']}' needs the folder of its "
                    "images; write 'folder: <folder>' beside 'reader'"
                )
            elif not from_root(folder).is_dir():
                problems.append(
                    f"{parameter}: there is no folder '{folder}'; write that of its images"
                )
    return problems


def dataset_of(study: Study) -> Dataset:
    """Return a study's images as its reader has them by headers alone."""
    folder = images_folder(study.dataset, study.folder)
    options = {k: v for k, v in study.dataset.items() if k not in ("reader", "folder")}
    return by_name.read(
        study.dataset["reader"], folder, pixels=False, task=study.label_set, **options
    )


def lines(dataset: Dataset, task: Task) -> list[str]:
    """Return a description of a data set: images, patients, labels, and a few examples."""
    cases, numbers = dataset.cases, label_numbers(dataset.cases, task)
    counts = Counter(numbers.tolist())
    labels = ", ".join(f"{task.labels[n - 1]}: {counts[n]}" for n in task.numbers if counts[n])
    table = [_patients(cases), f"Images by label, each taken for a {task.category}: {labels}"]
    if missing := absent(cases, task):
        table.append(f"{missing[0].upper()}{missing[1:]}")
    if task is BIRADS and not counts[5] and set(cases["birads_original"]) <= set("1234"):
        table.append("Are these breast densities, 1 to 4? Then write 'task: density'")
    first = cases.assign(label=numbers).drop_duplicates("label").head(EXAMPLES)
    for row in first.itertuples():
        patient = "patient unknown" if pd.isna(row.patient_id) else f"patient {row.patient_id!r}"
        table.append(f"{row.path!r}: {patient}, {task.named(row.label)}")
    table += [note.shown(with_names=True) for note in dataset.notes]
    return [f"  {line}" for line in table]


def _patients(cases: pd.DataFrame) -> str:
    """Return a line with the numbers of images and patients, and of images per patient."""
    images = cases["patient_id"].value_counts()
    if images.empty:
        return f"{len(cases)} images; whose they are is not known"
    spread = Counter(images.tolist())
    each = ", ".join(f"{n} image{'' if n == 1 else 's'}: {spread[n]}" for n in sorted(spread))
    return f"{len(cases)} images of {len(images)} patients (patients with {each})"


def _given_split(cases: pd.DataFrame) -> str:
    """Return the number of images in the split that came with the data, and whether it leaks."""
    counts = splits.given_counts(cases)
    drawn = {"validation": "drawn from training"} if not counts["validation"] else {}
    parts = ", ".join(f"{part}: {drawn.get(part, counts[part])}" for part in PARTS)
    left_out = f"; {counts['none']} images have no part and are left out" if counts["none"] else ""
    shared = counts["shared"]
    leak = f"; {shared} patients are in several parts: it leaks" if shared else ""
    return f"Images by given part: {parts}{left_out}{leak}"


def _split_problems(study: Study, cases: pd.DataFrame, task: Task) -> list[str]:
    """Return problems with the splits of a study's runs, each different one dealt once."""
    problems, dealt = [], set()
    for variant, protocol in study.runs():
        values = study.values("03_training", variant, protocol)
        parameters = declared_parameters("03_training") | values
        split = {name: parameters[name] for name in SPLIT}
        if (key := repr(split)) in dealt:
            continue
        dealt.add(key)
        of_split = []
        with noted(of_split):
            splits.deal(cases, **split, task=task)
        problems += [f"protocol '{split['protocol']}': {line}" for line in of_split]
    return problems


def _image_text_problems(study: Study, cases: pd.DataFrame, task: Task) -> list[str]:
    """Return problems with encoders of images and texts: the texts, and the split."""
    parameters, problems = declared_parameters(IMAGE_TEXT) | study.values(IMAGE_TEXT), []
    with noted(problems):
        Captions.of(parameters["captions"] or DENSITY_TEXTS, task)
    with noted(problems):
        splits.deal(cases, PATIENT.name, parameters["folds"], study.seeds, balance=False, task=task)
    return problems


def _local_views_problems(study: Study, cases: pd.DataFrame, task: Task) -> list[str]:
    """Return problems with the one split of a study whose network learns from a part of it."""
    parameters, problems = declared_parameters(LOCAL_VIEWS) | study.values(LOCAL_VIEWS), []
    if not parameters["learned_from"]:
        split = (PATIENT.name, parameters["folds"], 0, parameters["seed"])
        with noted(problems):
            splits.assign_parts(cases, *split, balance=False, task=task)
    return problems


def _nested_problems(study: Study, cases: pd.DataFrame, task: Task) -> list[str]:
    """Return problems with the steps of the best honest grade: split, trunks, recipe."""
    steps = declared_parameters(NESTED) | study.values(NESTED)
    problems = [*_network_before(steps["network"]), *_unknown_teachers(study, steps["taught"])]
    with noted(problems):
        split = (study.protocols[0], steps["folds"], study.seeds)
        splits.deal(cases, *split, balance=False, task=task)
    teacher = declared_parameters(PATCHES) | study.values(PATCHES)
    if teacher["intermediate"] or teacher["calcifications"]:
        with noted(problems):
            _check_network(teacher, teacher["taps"])
    attending = declared_parameters(TOKENS) | study.values(TOKENS)
    with noted(problems):
        if Recipe.of({name: attending[name] for name in Recipe.model_fields}).widths:
            _check_network(attending, [LAST_STAGE])
    return problems


def _network_before(network: str) -> list[str]:
    """Return the runs that the study of the paper's network lacks; none where it is ""."""
    protocols = (OVERSAMPLE_FIRST.name, PATIENT.name) if network else ()
    return [
        f"network: the study {network!r} has no run 'proposed' under {protocol}; run "
        f"`make book STUDY={network}` first, or leave 'network' out"
        for protocol in protocols
        if not predictions_file(RESULTS / network, "proposed", protocol).exists()
    ]


def _unknown_teachers(study: Study, taught: Sequence[str]) -> list[str]:
    """Return, as a line, which of the names are no variants after the first; [] if all are."""
    teachers = [*study.variants][1:]
    unknown = [name for name in taught if name not in teachers]
    expected = (
        "expected variants of this study after the first, which the others are compared with: "
        f"{', '.join(teachers) or 'it has no other'}"
    )
    return [f"taught: {listing(unknown)}; {expected}"] if unknown else []


def _network_problems(study: Study, notebook: str) -> list[str]:
    """Return problems with the networks of runs that are not trained yet, each built once."""
    problems, built = [], set()
    for variant, protocol in study.runs():
        parameters = declared_parameters(notebook) | study.values(notebook, variant, protocol)
        taps = parameters.get("taps", [LAST_STAGE])
        network = (parameters["backbone"], parameters["weights"], *taps)
        is_trained = predictions_file(ROOT / study.folder, variant, protocol).exists()
        if not is_trained and network not in built:
            built.add(network)
            with noted(problems):
                _check_network(parameters, taps)
    return problems


def _check_network(parameters: Mapping, taps: Sequence[str]) -> None:
    """Raise UserError where a notebook's trunk, its weights or its layers are not there."""
    backbones.check(parameters["backbone"], str(Path(parameters["weights"]).expanduser()), taps)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")  # scikit-learn's, of what is said here in our words
    run(lambda *words: print("\n".join(check(load(*words)))))
