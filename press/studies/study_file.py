"""The keys of a study's YAML, and their checks.

The parameters that it gives notebooks stand in ``press.studies.limits``, sweeps in
``press.studies.sweep``.
"""

import math
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, create_model

from birads_lib.checked import Checked, Problems
from birads_lib.errors import UserError
from birads_lib.protocol import PATIENT, PROTOCOLS
from birads_lib.readers import READERS
from birads_lib.readers.links import FOLLOW_LINKS
from birads_lib.task import BIRADS, TASKS
from birads_lib.texts import unshowable
from press.studies import chapters, sweep, yaml_file
from press.studies.limits import TRAINED, Seed, parameters
from press.studies.parameters import notebook_names

LONGEST_NAME = 100  # of a study or variant: it becomes part of a file's
LONGEST = {("name",): LONGEST_NAME, ("title",): 300}  # characters of the text at these keys
LONGEST_TEXT = 2000  # of any other
MOST_VARIANTS = 100  # of one sweep
_GRID = "a mapping of parameters to lists, such as {dal_lambda: [0.5, 1, 2]}"
NAME = r"[A-Za-z0-9][A-Za-z0-9_]*"  # of what becomes part of a file's name


class _Target(Checked):
    """A label set of a study's own; ``birads_lib.task.label_set_of`` has what it means."""

    classes: Annotated[list[str], Field(min_length=2), AfterValidator(sweep.each_once)]
    ordinal: bool = True
    act_from: str = ""
    title: str = ""


def _target(target: dict) -> dict:
    """Return a label set with texts for classes; raise ValueError for all that is wrong with it."""
    if not target:
        return target
    texts = {key: _as_text(value) if key == "act_from" else value for key, value in target.items()}
    if isinstance(texts.get("classes"), list):
        texts["classes"] = list(map(_as_text, texts["classes"]))
    try:
        checked = _Target.of(texts)
    except UserError as error:
        raise ValueError(f"is wrong: {'; '.join(str(error).splitlines())}") from None
    if checked.act_from and checked.act_from not in checked.classes:
        raise ValueError(f"has act_from: {checked.act_from}, which is none of its classes")
    return checked.model_dump(exclude_defaults=True)


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int | float) and value is not True else value


class External(Checked):
    """Whose images the study's first run grades too, once it is trained."""

    study: str  # its name, or its YAML


def _not_reserved(name: str) -> str:
    if name == "images":  # a folder of book/ that holds no study
        raise ValueError("is the name of a folder in book/; expected another")
    return name


Name = Annotated[str, Field(pattern=rf"^{NAME}$")]


def _protocols(names: list[str]) -> type:
    """Return the type of a list of protocols out of those named."""
    return Annotated[
        list[Literal[*names]],
        Field(min_length=1),
        AfterValidator(sweep.each_once),
        f"a list of protocols out of {', '.join(names)}",
    ]


Protocols = _protocols([*PROTOCOLS])
_OfImages = _protocols([name for name, rules in PROTOCOLS.items() if not rules.of_regions])
Seeds = Annotated[
    list[Seed],
    Field(min_length=1),
    AfterValidator(sweep.each_once),
    "a list of different whole numbers from 0 to 4294967295, such as [0, 1, 2]",
]
_NO_SEEDS_HERE = (
    "'{name}' can't be set here, as all runs of a study share their seeds of training: write "
    "'seeds: [0]', or several, as a key of the study itself"
)
_SETS = chapters.sets()
_OF_NAMES = "a mapping of names (of letters, digits and _) to mappings of parameters"


class StudyFile(Checked):
    """The keys of a study's YAML; those that hold parameters hold what isn't default.

    A variant is trained under every protocol and has its own chapters. An ablation is trained
    under the first protocol, or those it lists under ``protocols``, and compared in chapter 05.
    Both may change parameters of training and of preprocessing.
    """

    name: Annotated[
        Name,
        AfterValidator(_not_reserved),
        "a name of letters, digits and _ that begins with a letter or digit",
    ]
    title: str = ""
    note: str = ""  # stands on every figure and table
    task: Literal[*TASKS] = BIRADS.name
    target: Annotated[
        dict, AfterValidator(_target), "a mapping such as {classes: [low, high], ordinal: true}"
    ] = Field({})  # a label set of one's own, in place of a task
    chapters: Literal[*_SETS] = chapters.PAPER  # the set of chapters that it has
    dataset: dict  # its reader, and what this takes
    show_pixels: bool = True
    protocols: Protocols = Field([PATIENT.name])
    seeds: Seeds = Field([0])  # of training: every run is trained once with each
    variants: Annotated[dict[Name, dict], Field(min_length=1), _OF_NAMES] = Field({"proposed": {}})
    ablations: Annotated[dict[Name, dict], _OF_NAMES] = Field({})
    ablations_together: bool = False  # trained in one process, on one page
    external: Annotated[External | None, "a mapping such as {study: inbreast}"] = None
    notebooks: dict[str, dict] = Field({})


class _AnyOptions(Checked):
    model_config = ConfigDict(extra="allow")


def _dataset(dataset: object) -> type[Checked]:
    """Return a model of a data set: its reader, the folder, and what else this reader takes."""
    from birads_lib.readers import by_name  # slow to import

    reader = dataset.get("reader") if isinstance(dataset, dict) else None
    options = by_name.options_of(reader) if reader in list(READERS) else _AnyOptions
    keys = {"reader": Literal[*READERS], "folder": (str, "")}
    keys |= {by_name.ONE_IMAGE: (bool, False), FOLLOW_LINKS: (bool, False)}
    return create_model("Dataset", __base__=options, **keys)


def model(keys: dict) -> type[StudyFile]:
    """Return ``StudyFile`` with all that is known of the parameters that a study may give."""
    # Only one set of chapters trains on regions that a run's protocol deals out.
    protocols = Protocols if keys.get("chapters") == chapters.BACKBONES else _OfImages
    variant = parameters(*TRAINED)
    ablation = create_model("Parameters", __base__=variant, protocols=(protocols, []))
    reader = f"a mapping with at least 'reader' ({', '.join(READERS)})"
    return create_model(
        "StudyFile",
        __base__=StudyFile,
        dataset=Annotated[_dataset(keys.get("dataset")), reader],
        protocols=(protocols, [PATIENT.name]),
        variants=(Annotated[dict[Name, variant], Field(min_length=1), _OF_NAMES], {}),
        ablations=(Annotated[dict[Name, ablation], _OF_NAMES], {}),
        sweep=(Annotated[sweep.grid(*TRAINED), _GRID], {}),
        notebooks=(_notebooks(*notebook_names()), {}),
    )


@cache
def _notebooks(*names: str) -> type[Checked]:
    """Return a model of what a study may give each notebook."""
    fields = {name: (parameters(name), {}) for name in names}
    return create_model("Notebooks", __base__=Checked, **fields)


def problems(keys: dict) -> Problems:
    """Return all that is wrong with a study's YAML: with single keys, or else between them."""
    wrong = text_problems(keys) or yaml_file.problems(model(keys), keys)
    wrong = [(names, _seeds_problem(names) or problem) for names, problem in wrong]
    return wrong or _task_problems(keys) or _sweep_problems(keys) or _names_problems(keys)


def _seeds_problem(names: tuple) -> str:
    """Return the problem of a seed of training that a run sets for itself; "" if it is none."""
    of_runs = names[0] in ("variants", "ablations", "sweep") or "03_training" in names
    of_seeds = of_runs and names[-1] in ("seed", "seeds")
    return _NO_SEEDS_HERE.format(name=names[-1]) if of_seeds else ""


def text_problems(content: object) -> Problems:
    """Return the problems of texts in a YAML: those that can't be shown, or are too long.

    All else is shown as it is, whatever it looks like.
    """
    problems = []
    for keys, text in _texts(content):
        longest = LONGEST.get(keys, LONGEST_TEXT)
        if sign := unshowable(text):
            problems.append((keys, f"the character {sign} can't be shown; remove it"))
        if len(text) > longest:
            problems.append((keys, f"{len(text)} characters, expected at most {longest}"))
    return problems


def _texts(content: object, keys: tuple = ()) -> Iterator[tuple[tuple, str]]:
    """Yield every text below a key, with the keys that lead to it; keys are texts, too."""
    if isinstance(content, str):
        yield keys, content
    elif isinstance(content, dict | list):
        parts = content.items() if isinstance(content, dict) else enumerate(content)
        for key, part in parts:
            if isinstance(key, str):
                yield (*keys, key), key
            yield from _texts(part, (*keys, key))


# What no single value shows

_SINGLE = [name for name, task in TASKS.items() if not task.several]


def _task_problems(keys: dict) -> Problems:
    """Check that a study tells one thing apart."""
    if "task" in keys and keys.get("target"):
        return [(("target",), "'task' and 'target' both say what is told apart; remove one")]
    is_of_images = keys.get("chapters", chapters.PAPER) in (chapters.PAPER, chapters.IMAGES)
    if is_of_images and TASKS[keys.get("task", BIRADS.name)].several:
        problem = (
            f"'{keys['task']}' is told of regions around findings: an image may have several at "
            f"once, and this network names one. Choose {', '.join(_SINGLE)}, or say by 'target' "
            "what each image is"
        )
        return [(("task",), problem)]
    return []


def _sweep_problems(keys: dict) -> Problems:
    """Check that a grid has points, and not too many."""
    count = math.prod(map(len, keys["sweep"].values())) if keys.get("sweep") else 0
    if "sweep" in keys and not count:
        return [(("sweep",), f"'sweep' is empty, expected {_GRID}")]
    if count > MOST_VARIANTS:
        problem = f"{count} variants, each trained by itself, are over the {MOST_VARIANTS} allowed"
        return [(("sweep",), problem)]
    return []


def _names_problems(keys: dict) -> Problems:
    """Check that all that is trained has a name of its own, short enough for a file's."""
    names_by_kind = {
        "a variant": ("variants", keys.get("variants", ["proposed"])),
        "an ablation": ("ablations", keys.get("ablations", ())),
        "a point of the sweep": ("sweep", dict(sweep.points(keys.get("sweep", {})))),
    }
    problems, first = [], {}
    for kind, (section, names) in names_by_kind.items():
        for name in names:
            if name in first:
                problems.append(((section, name), f"'{name}' is {first[name]}, too"))
            if len(name) > LONGEST_NAME:
                problem = f"a name may have {LONGEST_NAME} characters; this makes '{name}'"
                problems.append(((section, name), problem))
            first.setdefault(name, kind)
    return problems
