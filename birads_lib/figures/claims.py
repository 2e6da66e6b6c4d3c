"""Charts of the claim ledger: each takes judged claims and returns a ``Figure``, never shown."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from birads_lib.figures.style import (
    GRADE_COLOURS,
    MUTED,
    TRAINING,
    VALIDATION,
    legend_below,
    new_figure,
)
from press.claims import VERDICTS

_LEAKY = [(VALIDATION, "^"), (GRADE_COLOURS[3], "s"), (MUTED, "v")]
_VERDICT_COLOURS = [TRAINING, VALIDATION, GRADE_COLOURS[3], "#d0d0d6"]
_HATCHES = ["", "//", "..", ""]


def claimed_and_found(judged: pd.DataFrame, protocols: list[str], honest: str = "patient"):
    """Draw every claim of a number: the paper's value, the honest estimate, the leaky ones.

    Args:
        judged: of ``claims.judge``; claims without a value are left out.
        protocols: whose estimates are drawn; a claim that one lacks has no mark of it.
        honest: the protocol drawn with its intervals.
    """
    rows = judged[judged["value"].notna()].iloc[::-1]  # the first at the top
    places = np.arange(len(rows))
    figure, ax = new_figure(height=2.0 + 0.36 * len(rows))
    for number, protocol in enumerate(p for p in protocols if p != honest):
        colour, marker = _LEAKY[number % len(_LEAKY)]
        name = protocol.replace("_", " ").capitalize()
        below = places - 0.22  # or it would hide the honest dot where both are perfect
        _marks(ax, rows[protocol], below, marker, colour, f"{name} (leaky)")
    if honest in protocols:
        low, high = rows[f"{honest}_low"], rows[f"{honest}_high"]
        ax.hlines(places, low, high, color="#111111", linewidth=2.5)
        _marks(ax, rows[honest], places, "o", "#111111", f"By {honest}, 95 % interval")
    _marks(ax, rows["value"], places, "D", "#111111", "The paper", facecolor="white")
    ax.set_yticks(places, rows["claim"])
    ax.tick_params(axis="y", length=0)
    ax.set(title="Claimed and found", xlabel="Value (1 is perfect)", ylim=(-0.6, len(rows) - 0.4))
    ax.grid(axis="both")
    legend_below(ax, columns=2)
    return figure


def _marks(ax: Axes, values, places, marker: str, colour: str, label: str, facecolor=None) -> None:
    ax.scatter(
        values, places, marker=marker, s=45, zorder=3, label=label,
        facecolor=facecolor or colour, edgecolor=colour, linewidth=1.5,
    )  # fmt: skip


def verdict_counts(counts: pd.Series) -> Figure:
    """Draw how many claims have each verdict, a bar each, in the order of ``claims.VERDICTS``."""
    figure, ax = new_figure(height=2.6)
    places = np.arange(len(VERDICTS))[::-1]
    values = counts[list(VERDICTS)].to_numpy()
    bars = ax.barh(
        places, values, color=_VERDICT_COLOURS, hatch=_HATCHES, edgecolor="white", linewidth=0
    )
    ax.bar_label(bars, padding=4)
    names = [text.capitalize().replace(" under a", "\nunder a") for text in VERDICTS.values()]
    ax.set_yticks(places, names)
    ax.tick_params(axis="y", length=0)
    ax.set(title=f"Verdicts on {values.sum()} claims", xlabel="Claims")
    ax.set_xlim(0, max(1, values.max()) * 1.08)
    ax.xaxis.get_major_locator().set_params(integer=True)
    return figure
