"""The pretraining of a backbone, described in the words that stand beside every result."""

import json
from pathlib import Path

STAGE = "stage.json"  # beside the weights that a stage of a chain of trainings left
PHANTOMS = 16_000  # that the small ResNet's weights were learnt from; see phantoms.pretraining
PHANTOMS_SEED = 90_210_000  # of these, and of no study's
_KNOWN = {
    "phantoms": f"The backbone was pretrained on {PHANTOMS:,} phantoms, drawn by the program that "
    "draws this project's synthetic images; it learned the category of the most suspicious finding "
    "in each cell of its last map. A result on phantoms therefore tests the instruments of this "
    "book, not the method.",
    "imagenet": "The backbone starts from ImageNet's weights, which were learned from photographs.",
    "none": "The backbone starts from random numbers.",
}


def about(weights: str) -> str:
    """Return a sentence or two on what the weights of a run's backbone have seen.

    ``weights`` is a name of ``networks.backbones.WEIGHTS`` or a file, of which only the name shows.
    A file that a stage of a chain of trainings left (``training.transfer``) has its record beside
    it, which tells what the stage learned.
    """
    if weights in _KNOWN:
        return _KNOWN[weights]
    record, file = Path(weights).with_name(STAGE), f"The backbone starts from {Path(weights).name}"
    if not record.exists():
        return (
            f"{file}. Only that name can say which images its weights were learned from, as no "
            "record lies beside the file."
        )
    stage = json.loads(record.read_text(encoding="utf-8"))
    return (
        f"{file}, which an earlier training left: its stage “{stage['stage']}” learned "
        f"{stage['task']}, and began with {stage['weights']}."
    )
