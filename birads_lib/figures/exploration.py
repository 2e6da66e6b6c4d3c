"""Pictures of images and of what a data set holds."""

from collections.abc import Mapping, Sequence
from math import ceil

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from birads_lib.cases import contour_points, label_numbers
from birads_lib.figures import style
from birads_lib.figures.style import BLUE, INK, MUTED, ORANGE, new_axes, with_legend
from birads_lib.images.breast import breast_outline
from birads_lib.task import BIRADS, Task
from birads_lib.texts import without_math

_DENSITIES = {"A": "#e3e3e3", "B": "#b5b5b5", "C": "#7d7d7d", "D": "#3d3d3d", "unknown": "white"}


def counts_by_grade(cases: pd.DataFrame, task: Task = BIRADS) -> Figure:
    """Draw the number of images, and of patients, of each label."""
    by_label = cases.groupby(label_numbers(cases, task))["patient_id"]
    images = by_label.size().reindex(task.numbers, fill_value=0)
    patients = by_label.nunique().reindex(task.numbers, fill_value=0)
    ax = new_axes(height=3.8)
    bars = ax.bar(task.numbers, images, color=list(style.colours(task).values()))
    has_patients = cases["patient_id"].notna().any()
    labels = [
        f"{n}\n{k} patients" if has_patients else n for n, k in zip(images, patients, strict=True)
    ]
    ax.bar_label(bars, labels, padding=3, fontsize=10)
    ax.set(title=f"{len(cases)} images by category", ylabel="Images")
    ax.margins(y=0.22)
    style.label_axis(ax, task)
    return ax.figure


def density_by_grade(cases: pd.DataFrame, task: Task = BIRADS) -> Figure:
    """Draw the share of each breast density (ACR A to D, or unknown) among a label's images."""
    density = cases["density"].fillna("unknown")
    counts = pd.crosstab(label_numbers(cases, task), density).reindex(task.numbers, fill_value=0)
    shares = 100 * counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
    ax = new_axes(height=4.2)
    floor = 0
    for name in shares:
        look = {"color": _DENSITIES[name], "edgecolor": style.EDGE, "label": f"Density {name}"}
        bars = ax.bar(task.numbers, shares[name], bottom=floor, **look)
        texts = counts[name].where(shares[name] >= 6, "")
        ink = "white" if name in "CD" else "black"
        ax.bar_label(bars, texts, label_type="center", color=ink, fontsize=10)
        floor = floor + shares[name]
    ax.set(title="Breast density by category (numbers: images)", ylabel="Share of images (%)")
    style.label_axis(ax, task)
    return with_legend(ax, columns=3)


def images_per_patient(cases: pd.DataFrame) -> Figure:
    """Draw the number of images per patient; the title counts images of unknown patients."""
    unknown = int(cases["patient_id"].isna().sum())
    sizes = cases["patient_id"].value_counts().value_counts().sort_index()
    ax = new_axes(height=3.4)
    ax.bar_label(ax.bar(sizes.index, sizes, color=BLUE), padding=2, fontsize=10)
    title = f"Images of each of {sizes.sum()} patients"
    title += f" ({unknown} images: patient unknown)" if unknown else ""
    ax.set(title=title, xlabel="Images of the patient", ylabel="Patients")
    ax.set_xlim(0.3, max([8, *sizes.index]) + 0.7)  # one bar alone stays a bar
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.margins(y=0.12)
    return ax.figure


def views_table(cases: pd.DataFrame) -> pd.DataFrame:
    """Count images by laterality (rows) and view (columns), with totals; NA is "unknown"."""
    laterality, view = cases["laterality"].fillna("unknown"), cases["view"].fillna("unknown")
    return pd.crosstab(laterality, view, margins=True, margins_name="all")


def shortcuts(table: pd.DataFrame, titles: Sequence[str]) -> Figure:
    """Draw the accuracy with which each fact alone predicts the label, beside chance, a row each.

    Args:
        table: of ``scores.shortcuts.strengths``.
        titles: of its rows.
    """
    ax = new_axes(height=1.6 + 0.36 * len(table))
    places, tells = np.arange(len(table)), table["tells"].to_numpy(bool)
    chance = {"color": style.SHADE, "linewidth": 9, "label": "Chance: mean to 95th percentile"}
    ax.hlines(places, table["chance"], table["high"], **chance)
    looks = {
        "tells the label": (tells, ORANGE, "D"),
        "no better than chance": (~tells, INK, "o"),
    }
    for label, (are, colour, marker) in looks.items():
        values = table["accuracy"].to_numpy(float)[are]
        ax.scatter(values, places[are], color=colour, marker=marker, s=55, label=label, zorder=4)
    ax.set_yticks(places, titles)
    ax.set(
        xlim=(0, 1.02), ylim=(len(table) - 0.4, -0.6), xlabel="Balanced accuracy of the fact alone"
    )
    ax.grid(True, axis="x")
    ax.set_title("How well each fact about the files predicts the label")
    return with_legend(ax, columns=3)


def pick_per_grade(
    cases: pd.DataFrame, per_grade: int = 1, seed: int = 0, task: Task = BIRADS
) -> pd.DataFrame:
    """Return some cases of each label, at random, with their row numbers as index."""
    order = cases.reset_index(drop=True).sample(frac=1, random_state=seed)
    picked = order.groupby(task.name).head(per_grade)
    return picked.iloc[np.argsort(label_numbers(picked, task), kind="stable")]


def samples(
    images: Sequence[np.ndarray],
    picked: pd.DataFrame,
    findings: pd.DataFrame | None = None,
    *,
    show_pixels: bool = True,
    task: Task = BIRADS,
) -> Figure:
    """Draw images in a grid: a column per label, or a row per label if there are fewer labels.

    Args:
        images: grey images (H, W), one for each row of ``picked``; sizes may differ.
        picked: their cases, as ``pick_per_grade`` returns them.
        findings: drawn where known; their coordinates must be in pixels of ``images``.
    """
    labels = label_numbers(picked, task)
    present, columns = np.unique(labels, return_inverse=True)
    rows = picked.groupby(labels).cumcount()
    shape = (int(rows.max()) + 1, len(present))
    if shape[1] < shape[0]:
        shape, rows, columns = shape[::-1], columns, rows
    axes = new_axes(*shape, height=0.6 + 2.3 * shape[0], squeeze=False)
    for ax in axes.ravel():
        ax.set_axis_off()
    for ax, image, label, (_, case) in zip(
        axes[rows, columns], images, labels, picked.iterrows(), strict=True
    ):
        _draw_image(ax, image, show_pixels)
        if findings is not None:
            _draw_findings(ax, findings[findings["image_id"] == case["image_id"]])
        side = " ".join(str(value) for value in case[["laterality", "view"]].dropna())
        ax.set_title(f"{task.named(label)}\n{without_math(side)}".rstrip(), fontsize=11)
    return ax.figure


def preprocessing_steps(steps: Mapping[str, np.ndarray], *, show_pixels: bool = True) -> Figure:
    """Draw a grey image (H, W) after each step of its preparation, with its grey levels below."""
    columns = min(len(steps), 4)
    bands = ceil(len(steps) / columns)
    look = {"height": 3.5 * bands, "height_ratios": [2.0, 1.0] * bands, "squeeze": False}
    axes = new_axes(2 * bands, columns, **look)
    for ax in axes.ravel():
        ax.set_axis_off()
    for number, (name, image) in enumerate(steps.items()):
        band, column = divmod(number, columns)
        picture, histogram = axes[2 * band : 2 * band + 2, column]
        _draw_image(picture, image, show_pixels)
        picture.set_title(name, fontsize=11)
        _draw_levels(histogram, image)
    return ax.figure


def grey_levels(steps: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return the histograms that ``preprocessing_steps`` draws below the images.

    One row for each step and each of 64 bins of grey levels: step, from, to, percent of pixels.
    """
    tables = {name: _levels(image) for name, image in steps.items()}
    return pd.concat(tables, names=["step"]).reset_index("step").reset_index(drop=True)


def _levels(image: np.ndarray) -> pd.DataFrame:
    top = np.iinfo(image.dtype).max if np.issubdtype(image.dtype, np.integer) else image.max()
    counts, edges = np.histogram(image, bins=64, range=(0, top))
    percent = 100 * counts / image.size
    return pd.DataFrame({"from": edges[:-1], "to": edges[1:], "percent": percent})


def _draw_levels(ax: Axes, image: np.ndarray) -> None:
    """Draw the share of pixels by grey level; a log scale, as the background outweighs all."""
    levels = _levels(image)
    top = levels["to"].iloc[-1]
    ax.set_axis_on()
    ax.stairs(levels["percent"], [*levels["from"], top], fill=True, color=MUTED)
    ax.set(yscale="log", ylim=(0.01, 100), xlim=(0, top), xticks=[0, top], xlabel="Grey level")
    ax.set_yticks([0.01, 1, 100], ["0.01", "1", "100"])
    ax.minorticks_off()
    ax.tick_params(labelsize=9)
    ax.xaxis.label.set_size(10)
    if ax.get_subplotspec().is_first_col():
        ax.set_ylabel("Pixels (%)", fontsize=10)


def _draw_image(ax: Axes, image: np.ndarray, show_pixels: bool) -> None:
    """Draw an image, or the outline of its breast in an empty frame."""
    fit_to(ax, image)
    if show_pixels:
        ax.imshow(image)
        return
    draw_outline(ax, image, style.PALE)
    height, width = image.shape
    ax.add_patch(Rectangle((-0.5, -0.5), width, height, fill=False, edgecolor=style.RULE))


def fit_to(ax: Axes, image: np.ndarray) -> None:
    """Fit axes to an image."""
    height, width = image.shape
    ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), xticks=[], yticks=[])
    ax.set_aspect("equal")


def draw_outline(
    ax: Axes, image: np.ndarray, facecolor: str = "none", edgecolor: str = style.EDGE
) -> None:
    """Draw the outline of the breast in an image."""
    outline = breast_outline(image)
    ax.fill(*outline.T, facecolor=facecolor, edgecolor=edgecolor, linewidth=1)


def _draw_findings(ax: Axes, findings: pd.DataFrame) -> None:
    """Draw the contour of each finding, or its box where only that is known."""
    for finding in findings.itertuples():
        points = contour_points(finding.contour)
        if len(points) > 1:
            ax.plot(*np.vstack([points, points[:1]]).T, color=ORANGE, linewidth=1.5)
        elif len(points) == 1:
            ax.plot(*points.T, color=ORANGE, marker="o", markersize=4, fillstyle="none")
        elif not np.isnan(finding.x0):
            sides = finding.x1 - finding.x0, finding.y1 - finding.y0
            look = {"fill": False, "edgecolor": ORANGE, "linewidth": 1.5}
            ax.add_patch(Rectangle((finding.x0, finding.y0), *sides, **look))
