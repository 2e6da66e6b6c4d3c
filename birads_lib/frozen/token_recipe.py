"""The settings for training attention over tokens; this module doesn't import Keras."""

from typing import Annotated

from pydantic import Field

from birads_lib.checked import Checked
from birads_lib.training.settings import Settings

AtLeastOne = Annotated[int, Field(ge=1)]
Widths = Annotated[tuple[Annotated[int, Field(ge=2, multiple_of=2)], ...], Field(strict=False)]
Dropped = Annotated[float, Field(ge=0, le=0.99)]
Dropouts = Annotated[tuple[Dropped, ...], Field(strict=False, min_length=1)]
Lengths = Annotated[tuple[AtLeastOne, ...], Field(strict=False, min_length=1)]


class Recipe(Checked):
    """The settings for training attention over tokens; the inner folds try the values of a list."""

    widths: Widths = (32,)  # of a token in the encoder; (): nothing is trained
    dropouts: Dropouts = (0.2, 0.5)  # in the encoder and before the last layer
    lengths: Lengths = (4, 8, 12)  # epochs
    encoder_blocks: AtLeastOne = 1
    seen: AtLeastOne = 96  # tokens of an image that a step sees
    draws: AtLeastOne = 4  # of so many tokens, whose probabilities are averaged
    token_components: AtLeastOne = 64  # principal components of a token
    inner_folds: Annotated[int, Field(ge=2)] = 4
    batch_size: AtLeastOne = 16
    rate: Annotated[float, Field(gt=0)] = 1e-3  # Adam's
    weight_decay: Annotated[float, Field(ge=0)] = 0.01  # apart from Adam's moments (AdamW)
    loss: Settings.model_fields["loss"].annotation = "cross_entropy"
