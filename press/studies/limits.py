"""The parameters of notebooks that a study's YAML may set, with their limits.

Those of preprocessing and of training are checked as the library does; what else notebooks take
stands in ``Others``.
"""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, create_model

from birads_lib.checked import Checked
from birads_lib.errors import did_you_mean
from birads_lib.frozen.token_recipe import Recipe
from birads_lib.networks.backbones import WEIGHTS
from birads_lib.scores.density import ARMS
from birads_lib.training import settings
from press.studies.parameters import declared_parameters

TRAINED = ("02_preprocessing", "03_training")  # whose parameters a variant may change
SET_BY_THE_STUDY = (
    "study_dir", "note", "dataset", "show_pixels", "variant", "protocol", "protocols",
    "image_file", "reference", "runs", "changes", "other", "task", "trainings", "seeds",
    "other_dataset", "chapter_set",
)  # fmt: skip


def _weights(value: str) -> str:
    if not Path(value).suffix and value not in WEIGHTS:  # a file's name has one
        raise ValueError(f"is {value!r}; {did_you_mean(value, WEIGHTS)}")
    return value


Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]  # as scikit-learn takes it
Share = Annotated[float, Field(ge=0, le=1)]
Side = Annotated[int, Field(ge=8, le=4096)]  # pixels
_RECTANGLE = "a height and a width of 8 to 4096 pixels, such as [768, 480]"


def _rectangle(sides: list[int]) -> list[int]:
    if len(sides) != 2:
        raise ValueError(f"has {sides}, expected {_RECTANGLE}")
    return sides


def _rectangles(values: list[list[int]]) -> list[list[int]]:
    return list(map(_rectangle, values))


Rectangle = Annotated[list[Side], AfterValidator(_rectangle), _RECTANGLE]
Rectangles = Annotated[
    list[list[Side]], Field(min_length=1), AfterValidator(_rectangles), f"pairs of {_RECTANGLE}"
]
Counts = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)]
Categories = Annotated[list[Annotated[int, Field(ge=1, le=6)]], Field(min_length=1)]  # of BI-RADS
Names = Annotated[
    list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")]],
    "a list of names of letters, digits and _",
]


class Others(Checked):
    """Parameters that aren't among training's settings, or are narrower than there."""

    equal: Side
    size: Rectangle
    sizes: Rectangles
    rectangle: Rectangle
    at_all_sizes: Names  # of variants
    low: Categories
    high: Categories
    kinds: list[str]  # of findings
    families: dict[str, str]  # variant -> its family
    learner: Literal["network", "regression"]
    trained: Names  # of variants
    resnets: dict[int | str, Side]  # which of them -> pixels on a side
    efficientnets: dict[str, Side]
    batches: Counts
    rounds: Counts
    arms: Annotated[list[Literal[*ARMS]], Field(min_length=1)]
    way: Literal[*ARMS]
    reads_as: int = Field(ge=2, le=5)
    screening: float = Field(ge=0, le=1)
    ways: Annotated[
        list[Literal["squares", "films", "films_density", "films_assessment"]], Field(min_length=1)
    ]
    arm: Literal["scratch", "single", "longer", "double"]
    epochs: int = Field(ge=1)
    explained: int = Field(ge=0)
    general_epochs: int = Field(ge=1)
    intermediate_epochs: int = Field(ge=1)
    head_epochs: int = Field(ge=1)
    target_epochs: int = Field(ge=0)
    scratch_epochs: int = Field(ge=1)
    rate: float = Field(ge=0)
    target_rate: float = Field(ge=0)
    shares: list[Annotated[float, Field(gt=0, lt=1)]]
    curve_seeds: int = Field(ge=1)
    deals: int = Field(ge=1, le=1000)
    dropout: settings.Dropped
    distance_power: float = Field(ge=0.1)  # at 0, the right category would count as the wrong ones
    equivalence: Share
    off_centre: float = Field(ge=0, le=0.5)
    biopsied_of_3: Share
    malignant_of_3: Share
    malignant_of_4: Share
    malignant_of_5: Share
    crops: int = Field(ge=1)
    last_rate: float = Field(ge=0)
    per_lesion: int = Field(ge=1)
    healthy: int = Field(ge=0)
    relax_masks: int = Field(ge=1)
    relax_cells: int = Field(ge=1)
    varied: int = Field(ge=1)
    dilation: float = Field(ge=0)
    gate_answers: Share
    gate_correlation: Share
    permutations: int = Field(ge=1)
    fold: int = Field(ge=0)
    folds: int = Field(ge=2)
    components: int = Field(ge=1)
    patients: int = Field(ge=0)  # 0: all
    aims: dict[str, Share]  # metric -> the least that is aimed at
    strengths: Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=1)]
    patch_weights: Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=1)]
    network: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]*$")]  # a study; "": none
    kinds_by: Literal["malignancy", "birads"]
    gpu_rate: int = Field(ge=1, le=1_000_000)
    k: int = Field(ge=1)
    taught: Names  # of variants
    per_fold: int = Field(ge=1)
    prevalence: float = Field(ge=0, le=0.99)
    randomised: int = Field(ge=1)
    resamples: int = Field(ge=1, le=1_000_000)
    seed: Seed
    tolerance: float = Field(ge=0)
    validation_share: float = Field(ge=0.01, le=0.49)
    weights: Annotated[str, AfterValidator(_weights)]


def types_of(*notebooks: str) -> dict[str, tuple]:
    """Return name -> (type with its limits, default) of what a study may give some notebooks."""
    from birads_lib.explain import relevance  # slow to import
    from birads_lib.images import local_views, prepare, regions

    fields = Recipe.model_fields | prepare.Options.model_fields | regions.Options.model_fields
    fields |= local_views.Options.model_fields | relevance.Options.model_fields
    fields |= settings.Settings.model_fields | Others.model_fields
    declared = {k: v for name in notebooks for k, v in declared_parameters(name).items()}
    return {
        name: (fields[name].rebuild_annotation() if name in fields else type(default), default)
        for name, default in declared.items()
        if name not in SET_BY_THE_STUDY
    }


@cache  # a book loads twenty studies, and pydantic takes a second for the models of each
def parameters(*notebooks: str) -> type[Checked]:
    """Return a model of what a study may give some notebooks; all is optional."""
    return create_model("Parameters", __base__=Checked, **types_of(*notebooks))
