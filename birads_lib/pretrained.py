"""What a backbone has seen before a study trains it, in words that belong beside every result."""

from pathlib import Path

PHANTOMS = 16_000  # that the small ResNet's weights were learnt from; see phantoms.pretraining
_KNOWN = {
    "phantoms": f"The backbone was pretrained on {PHANTOMS:,} phantoms, drawn by the program that "
    "draws this project's synthetic images; it learned the true category of each place in them. A "
    "result on phantoms therefore tests the instruments of this book, not the method.",
    "imagenet": "The backbone starts from ImageNet's weights, which were learned from photographs.",
    "none": "The backbone starts from random numbers.",
}


def about(weights: str) -> str:
    """Return a sentence or two on what the weights of a run's backbone have seen.

    ``weights`` is a name of ``networks.backbones.WEIGHTS`` or a file, of which only the name shows.
    """
    unknown = f"The backbone starts from {Path(weights).name}; this book doesn't know "
    return _KNOWN.get(weights, unknown + "which images these weights were learned from.")
