"""Charts of calibration."""

from collections.abc import Mapping
from math import ceil

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from birads_lib.figures import style
from birads_lib.figures.intervals import draw_intervals, name_rows
from birads_lib.figures.style import BLUE, INK, MUTED, ORANGE, new_axes, with_legend
from birads_lib.scores.calibration import HIGH, SCORES
from birads_lib.scores.comparisons import holm
from birads_lib.scores.metrics import checked
from birads_lib.scores.recalibration import CORRECTIONS
from birads_lib.task import BIRADS, Task

_REFERENCES = [{"color": ORANGE, "linestyle": "--"}, {"color": MUTED, "linestyle": ":"}]
_PRIORS = {  # kind -> label, marker, its size, colour
    "observed": ("Observed in the test part", "_", 110, INK),
    "training": ("In training", "s", 36, MUTED),
    "natural": ("Natural: distinct training images", "o", 36, BLUE),
    "saerens": ("Estimated by Saerens EM", "^", 36, ORANGE),
}


def reliability(
    table: pd.DataFrame, p: np.ndarray, errors: pd.DataFrame, task: Task = BIRADS
) -> Figure:
    """Draw the reliability diagram of each label, and under it how often each probability is given.

    Args:
        table: of ``calibration.reliability``.
        p: for the histograms.
        errors: of ``calibration.intervals``, for the titles.
    """
    panels = _panels(task)
    estimates, shades = errors.set_index("metric")["estimate"], style.colours(task)
    for number, (upper, lower) in panels.items():
        _diagram(upper, lower, table[table[task.name] == number], p[:, number - 1], shades[number])
        lower.set_ylim(0.6, None)  # a single image is seen
        upper.set_title(f"{task.named(number)}\nerror {estimates[f'ece_{number}']:.3f}")
    return upper.figure


def reliability_before_after(
    before: tuple[pd.DataFrame, np.ndarray],
    after: tuple[pd.DataFrame, np.ndarray],
    name: str,
    task: Task = BIRADS,
) -> Figure:
    """Draw the reliability diagrams before (grey) and after (coloured) a correction.

    Args:
        before, after: the table of ``calibration.reliability`` and the probabilities.
        name: of the correction.
    """
    panels = _panels(task)
    for number, (upper, lower) in panels.items():
        for (table, p), look in [
            (before, {"colour": style.GREY, "marker": "D", "histtype": "step", "zorder": 3}),
            (after, {"colour": style.colours(task)[number], "histtype": "stepfilled", "zorder": 2}),
        ]:
            _diagram(upper, lower, table[table[task.name] == number], p[:, number - 1], **look)
        lower.set_ylim(0.6, None)
        upper.set_title(task.named(number))
    handles = [upper.scatter([], [], color=style.GREY, marker="D", label="As predicted")]
    handles += [upper.scatter([], [], color=INK, label=f"{name} (in the category's colour)")]
    return with_legend(upper, columns=2, handles=handles)


def _panels(task: Task) -> dict[int, tuple[Axes, Axes]]:
    """Return, for each label, axes for a diagram and for a histogram under it."""
    columns = 2 if len(task.labels) in (2, 4) else 3
    bands = ceil(len(task.labels) / columns)
    heights = {"height_ratios": [4, 1.2] * bands}
    axes = new_axes(2 * bands, columns, height=4.2 * bands, sharex=True, gridspec_kw=heights)
    pairs = axes.reshape(bands, 2, columns).swapaxes(1, 2).reshape(-1, 2)  # upper, lower
    for ax in pairs[len(task.labels) :].ravel():
        ax.set_axis_off()
    panels = dict(zip(task.numbers, map(tuple, pairs), strict=False))
    for number, (upper, lower) in panels.items():
        upper.plot([0, 1], [0, 1], **style.DOTTED)
        upper.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), yticks=[0, 0.5, 1])
        lower.set(yscale="log", xticks=[0, 0.5, 1], xlabel="Predicted")
        lower.tick_params(labelbottom=True)
        if number % columns == 1:
            upper.set_ylabel("Observed frequency")
            lower.set_ylabel("Answers")
    return panels


def _diagram(
    upper: Axes, lower: Axes, rows: pd.DataFrame, p: np.ndarray, colour: str, marker="o", **look
) -> None:
    """Draw the points of one reliability diagram, and the histogram of its probabilities (n,)."""
    points = {"colour": colour, "marker": marker, "size": 24, "width": 1.5, "upright": True}
    draw_intervals(
        upper, rows.rename(columns={"observed": "estimate"}), rows["predicted"], **points
    )
    lower.hist(p, bins=np.linspace(0, 1, 21), color=colour, **look)


def true_class(y: np.ndarray, p: np.ndarray, task: Task = BIRADS) -> Figure:
    """Draw the probability each image's true label got: a dot an image, a box a label.

    Boxes hold the middle half and the median; whiskers end within 1.5 of their height.
    """
    y, p = checked(y, p)
    p_true = p[np.arange(len(y)), y - 1]
    rng = np.random.default_rng(0)  # places of the dots only
    ax = new_axes(height=4.8)
    right = len(task.labels) + 0.55
    ax.axhline(HIGH, **style.DOTTED)
    ax.annotate(f"{HIGH}", (right - 0.03, HIGH), va="bottom", ha="right", fontsize=10, color=MUTED)
    line = {"color": INK, "linewidth": 1.5}
    parts = dict.fromkeys(["boxprops", "whiskerprops", "capprops"], line)
    parts["medianprops"] = line | {"linewidth": 3}
    for number, colour in style.colours(task).items():
        values = p_true[y == number]
        places = number + rng.uniform(-0.26, 0.26, len(values))
        ax.scatter(places, values, color=colour, s=9, alpha=0.45, linewidths=0)
        if len(values):
            ax.boxplot(values, positions=[number], widths=0.62, showfliers=False, **parts)
    counts = [f"{task.labels[k - 1]}\nn = {(y == k).sum()}" for k in task.numbers]
    style.label_axis(ax, task, counts)
    ax.set(xlabel=f"True {task.title}", ylabel="Probability of the true category")
    ax.set(title="Probability given to the true category", ylim=(-0.03, 1.03), xlim=(0.45, right))
    return ax.figure


def scores(
    tables: Mapping[str, pd.DataFrame],
    references: Mapping[str, Mapping[str, float]],
    names: Mapping[str, str] = CORRECTIONS,
) -> Figure:
    """Draw each score under each correction, with its interval where it has one.

    Args:
        tables: name of a correction -> table of ``calibration.intervals``.
        references: what to hold them against -> score -> value.
        names: name of a correction -> how it is called.
    """
    axes = new_axes(3, 2, height=2.4 + 1.35 * len(tables), sharey=True)
    rows = pd.concat({name: table.set_index("metric") for name, table in tables.items()})
    shades = [MUTED if name == "uncorrected" else INK for name in tables]
    looks = dict(zip(references, _REFERENCES, strict=False))
    titles = {score: title for score, title in SCORES.items() if score in rows.index.levels[1]}
    for ax, (score, title) in zip(axes.ravel(), titles.items(), strict=False):
        draw_intervals(ax, rows.xs(score, level=1), range(len(tables)), colour=shades)
        for name, look in looks.items():
            if score in references[name]:
                ax.axvline(references[name][score], **look)
        ax.set(title=title, xlabel="Less is better")
        name_rows(ax, [names[name] for name in tables])
        ax.set_xlim(0, 1.06 * ax.get_xlim()[1])
        ax.xaxis.set_major_locator(MaxNLocator(4))
    for empty in axes.ravel()[len(titles) :]:
        empty.set_axis_off()
    handles = [Line2D([], [], label=name, **look) for name, look in looks.items()]
    return with_legend(ax, handles=handles)


def changes_table(
    changes: Mapping[str, pd.DataFrame], names: Mapping[str, str] = CORRECTIONS
) -> pd.DataFrame:
    """Return the change of each score by each correction, with words for both, and its p-value.

    Adjusted p-values are so for all changes of the table.

    Args:
        changes: name of a correction -> table of ``calibration.differences``.
        names: name of a correction -> how it is called.
    """
    table = pd.concat(changes, names=["correction"]).query("metric in @SCORES").droplevel(1)
    table = table.assign(holm=holm(table["p_value"]))
    table = table.assign(metric=table["metric"].map(SCORES)).rename(index=dict(names))
    columns = {"estimate": "change", "low": "95 % from", "high": "to"}
    columns |= {"p_value": "p", "holm": "p, Holm-adjusted"}
    return table.set_index("metric", append=True).rename(columns=columns)


def fitted_by_fold(folds: pd.DataFrame, task: Task = BIRADS) -> Figure:
    """Draw the temperature of each fold, and the shares of each label that corrections lean on.

    ``folds`` is of ``recalibration.recalibrated``.
    """
    left, right = new_axes(1, 2, height=5.0, width_ratios=[1, 2])
    left.axhline(1, **style.DOTTED)
    left.scatter(folds["fold"], folds["temperature"], color=INK, s=50)
    left.set(title="Temperature", xlabel="Fold", ylabel="Temperature (1: no change)")
    left.set(xticks=sorted(set(folds["fold"])), xlim=(-0.5, folds["fold"].max() + 0.5))
    left.set_ylim(min(0.5, folds["temperature"].min() - 0.1), None)
    for order, (kind, (label, marker, size, colour)) in enumerate(_PRIORS.items()):
        shares = folds[[f"{kind}_{number}" for number in task.numbers]]  # (folds, K)
        rows = pd.DataFrame({"estimate": shares.mean(), "low": shares.min(), "high": shares.max()})
        places = np.array(task.numbers) + 0.2 * (order - 1.5)
        look = {"colour": colour, "marker": marker, "size": size, "label": label}
        draw_intervals(right, rows, places, width=2, upright=True, **look)
    style.label_axis(right, task)
    right.set(title="Shares, mean and range over folds", ylabel="Share of images")
    right.set_ylim(0, None)
    return with_legend(right, columns=2)
