"""The hybrid's encoder over the tokens of one image, pooled by attention.

The encoder is that of ``networks.hybrid``. The pooling is that of Ilse et al. 2018
(arXiv:1802.04712, eqs. 7 and 8): the weight of token k is the softmax over all tokens of
w . tanh(V h_k), so that few tokens may decide.
"""

import keras
from keras import layers, ops

from birads_lib.networks import hybrid
from birads_lib.training.settings import Settings

HEADS = 2


def build(
    tokens: int, channels: int, labels: int, *, width: int, dropout: float, blocks: int = 1
) -> keras.Model:
    """Return the model from tokens (n, tokens, channels) to probabilities (n, labels).

    The tokens' order says nothing: where one lies stands in its channels.

    Args:
        tokens: of an image.
        channels: of a token.
        labels: that are told apart.
        width: of a token in the encoder, an even number.
        dropout: in the encoder, and before the last layer.
        blocks: of the encoder.
    """
    settings = Settings(
        embed=width, heads=HEADS, feed_forward=2 * width, encoder_dropout=dropout
    )  # fmt: skip
    inputs = keras.Input((tokens, channels), name="tokens")
    x = layers.Dense(width, name="project")(inputs)  # (n, tokens, width)
    for number in range(1, blocks + 1):
        x = hybrid.encoder_layer(x, settings, f"encoder{number}")  # the same, not a second one
    scores = layers.Dense(1, use_bias=False, name="scores")(
        layers.Dense(width, "tanh", name="hidden")(x)
    )
    weights = layers.Softmax(axis=1, name="weights")(scores)  # (n, tokens, 1)
    x = ops.sum(weights * x, axis=1)  # (n, width)
    x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Dense(labels, "softmax", name="probabilities")(x)
    return keras.Model(inputs, x, name="token_attention")
