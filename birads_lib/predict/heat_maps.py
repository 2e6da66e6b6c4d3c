"""Heat maps of new images by a trained run's models, with the study's scores of its maps."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from birads_lib.predict.trained_run import TrainedRun

MEASURE = "pointing_game"  # the metric of a study that says how often its maps hit a finding
CHUNK = 32  # images explained at once


def overlays(run: TrainedRun, table: pd.DataFrame) -> Iterator[Figure]:
    """Yield a figure for each row of a table of ``graded``: its heat map over the image.

    The map is the mean over models of Grad-CAM of the grade in the table. Rows have no problem.
    """
    from birads_lib.explain.grad_cam import Explainer  # which starts Keras
    from birads_lib.figures.explain import overlay

    explainers = [Explainer(member.model) for member in run.members]
    numbers = {label: number for number, label in run.task.label_of.items()}
    for start in range(0, len(table), CHUNK):
        rows = table.iloc[start : start + CHUNK]
        images = np.stack([run.prepare(Path(file)) for file in rows["file"]])  # (n, size, size)
        labels = rows["grade"].map(numbers).to_numpy()
        maps = np.mean([e.explain(images, labels).values for e in explainers], axis=0)  # (n, h, w)
        top_p = rows[run.task.probabilities].to_numpy().max(axis=1)
        for image, heat, label, p in zip(images, maps, labels, top_p, strict=True):
            title = f"Grad-CAM of {run.task.named(label)}, given a probability of {p:.0%}"
            yield overlay(image, heat, title, warning(run.folder))


def warning(folder: Path) -> str:
    """Return the warning for readers of a run's heat maps, with the study's scores of its maps."""
    text = "Research, not a medical device. A heat map doesn't show that the grade is right."
    scores = _scores(folder)
    if not scores:
        return f"{text} Nobody has scored the maps of this run."
    names = {MEASURE: "the map", f"{MEASURE}_brightness": "the brightest place"}
    shares = [
        f"{label} in {scores[name]['estimate']:.0%}"
        for name, label in names.items()
        if scores.get(name, {}).get("estimate") is not None
    ]
    if not shares:
        return f"{text} The study knew no findings to score its maps by."
    return f"{text} A finding was hit by {' and by '.join(shares)} of the study's images."


def _scores(folder: Path) -> dict[str, dict]:
    """Return the metrics of the page that scored a run's maps; {} where none did."""
    of_pages = (json.loads(path.read_text()) for path in sorted(folder.glob("*.metrics.json")))
    return next((metrics for metrics in of_pages if MEASURE in metrics), {})


def pixels(figure: Figure) -> np.ndarray:
    """Return a figure as a picture, uint8 (h, w, 3)."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])
