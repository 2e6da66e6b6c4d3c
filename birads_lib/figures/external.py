"""Charts of a run on images of another place."""

import itertools
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from birads_lib.figures import style
from birads_lib.figures.intervals import draw_beside, draw_intervals, name_rows
from birads_lib.figures.style import BLUE, MUTED, ORANGE, new_axes, with_legend
from birads_lib.scores.external import GROUPS
from birads_lib.scores.metrics import headline_names
from birads_lib.task import BIRADS, Task

_LOOKS = [(BLUE, "o"), (ORANGE, "s")]
_BY_GROUP = ("accuracy", "qwk", "mean_auc")


def prevalence(
    tables: Mapping[str, pd.DataFrame],
    trained: np.ndarray,
    estimated: np.ndarray,
    task: Task = BIRADS,
) -> Figure:
    """Draw the share of each label at two places, in training, and as models estimate it.

    Args:
        tables: name of the place -> table of ``external.prevalence``; home first.
        trained, estimated: (M, K), shares that training saw and that each model estimates.
    """
    ax, looks = new_axes(height=4.6), [*_LOOKS, (MUTED, "D"), (ORANGE, "^")]
    spans = {"In training": trained, "Estimated there, without labels": estimated}
    rows = {name: table.reset_index(drop=True) for name, table in tables.items()}
    for name, shares in spans.items():
        spread = {"estimate": shares.mean(0), "low": shares.min(0), "high": shares.max(0)}
        rows[name] = pd.DataFrame(spread)
    for place, ((name, table), (colour, marker)) in enumerate(
        zip(rows.items(), looks, strict=True)
    ):
        places = np.array(task.numbers) + 0.19 * (place - 1.5)
        look = {"colour": colour, "marker": marker, "label": name, "size": 36}
        draw_intervals(ax, table, places, width=2, upright=True, **look)
    style.label_axis(ax, task)
    ax.set(ylabel="Share of images", ylim=(0, None))
    return with_legend(ax, columns=2)


def groups(tables: Mapping[str, pd.DataFrame], task: Task = BIRADS) -> Figure:
    """Draw metrics of groups of images at two places, with their intervals.

    ``tables`` has the name of the place -> table of ``external.by_group``, home first.
    """
    renamed = {name: _named(table) for name, table in tables.items() if len(table)}
    order = {kind: place for place, kind in enumerate(GROUPS.values())}
    rows = dict.fromkeys(row for table in renamed.values() for row in table.index)
    rows = sorted(rows, key=lambda row: order[row.partition(": ")[0]])
    titles = {name: t for name, t in headline_names(task).items() if name in _BY_GROUP}
    axes = new_axes(1, len(titles), height=1.6 + 0.5 * len(rows), sharey=True)
    for ax, (metric, title) in zip(axes, titles.items(), strict=True):
        of_metric = {name: table[table["metric"] == metric] for name, table in renamed.items()}
        draw_beside(ax, of_metric, rows, _LOOKS, 0.3, size=30, width=2)
        name_rows(ax, rows)
        ax.set_title(title)
        ax.xaxis.set_major_locator(MaxNLocator(4))
    return with_legend(axes[0], columns=2)


def _named(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of groups by a name such as "Density: A"."""
    return table.set_index(table["what"].map(GROUPS) + ": " + table["group"])


def groups_table(tables: Mapping[str, pd.DataFrame], task: Task = BIRADS) -> pd.DataFrame:
    """Return the numbers of ``groups`` as texts: where, group, images, patients, metrics."""
    parts = []
    titles = {name: t for name, t in headline_names(task).items() if name in _BY_GROUP}
    for where, table in tables.items():
        for name, rows in _named(table).groupby(level=0, sort=False) if len(table) else ():
            values = rows.set_index("metric")
            facts = {"where": where, "group": name}
            facts |= {count: values[count].iloc[0] for count in ("images", "patients")}
            numbers = values.loc[list(titles), ["estimate", "low", "high"]].to_numpy(float)
            shown = dict(zip(titles.values(), itertools.starmap(_text, numbers), strict=True))
            parts.append(facts | shown)
    return pd.DataFrame(parts).set_index(["where", "group"])


def _text(estimate: float, low: float, high: float) -> str:
    if np.isnan(estimate):
        return "too few"
    bounds = "no interval" if np.isnan(low) else f"{low:.2f} to {high:.2f}"
    return f"{estimate:.2f} ({bounds})"
