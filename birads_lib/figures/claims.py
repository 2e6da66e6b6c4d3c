"""Charts of the claim ledger."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from birads_lib.figures.intervals import draw_intervals, name_rows
from birads_lib.figures.style import (
    AMBER,
    BLUE,
    INK,
    OF_PROTOCOL,
    ORANGE,
    PLUM,
    new_axes,
    with_legend,
)
from birads_lib.protocol import PROTOCOLS

_VERDICTS = [(BLUE, ""), (ORANGE, "//"), (AMBER, "\\\\"), (PLUM, ".."), ("#d0d0d6", "")]


def claimed_and_found(judged: pd.DataFrame, protocols: Sequence[str]) -> Figure:
    """Draw every claim of a number: the paper's value, the honest estimate, the leaky ones.

    Args:
        judged: a row per claim: claim, value (NaN: left out), the estimate under each protocol,
            and the interval of that which doesn't leak, such as ``patient_low``, ``patient_high``.
        protocols: whose estimates are drawn; a claim that one lacks has no mark of it.
    """
    rows = judged[judged["value"].notna()]
    honest = next((name for name in protocols if not PROTOCOLS[name].leaks), "")
    places = np.arange(len(rows))
    ax = new_axes(height=2.0 + 0.36 * len(rows))
    marks = {"s": 45, "linewidth": 1.5}
    for protocol in (name for name in protocols if PROTOCOLS[name].leaks):
        colour, marker = OF_PROTOCOL[protocol]
        label = f"{protocol.replace('_', ' ').capitalize()} (leaky)"
        below = places + 0.22  # or it would hide the honest dot where both are perfect
        ax.scatter(rows[protocol], below, color=colour, marker=marker, label=label, **marks)
    if honest:
        columns = {honest: "estimate", f"{honest}_low": "low", f"{honest}_high": "high"}
        label = f"{PROTOCOLS[honest].label.capitalize()}, 95 % interval"
        draw_intervals(ax, rows[[*columns]].rename(columns=columns), places, label=label, size=45)
    marks |= {"marker": "D", "facecolor": "white", "edgecolor": INK, "zorder": 5}
    ax.scatter(rows["value"], places, label="The paper", **marks)
    name_rows(ax, rows["claim"].tolist(), margin=0.6)
    ax.set(title="Claimed and found", xlabel="Value (1 is perfect)")
    ax.grid(axis="both")
    return with_legend(ax, columns=2)


def verdict_counts(counts: pd.Series, names: Mapping[str, str]) -> Figure:
    """Draw the number of claims by verdict, in the order of ``names``, verdict -> its words."""
    ax = new_axes(height=3.0)
    values = counts[list(names)].to_numpy()
    colours, hatches = zip(*_VERDICTS, strict=True)
    look = {"color": colours, "hatch": hatches, "edgecolor": "white", "linewidth": 0}
    ax.bar_label(ax.barh(range(len(names)), values, **look), padding=4)
    name_rows(ax, [text.capitalize().replace(" under a", "\nunder a") for text in names.values()])
    ax.grid(False)
    ax.set(title=f"Verdicts on {values.sum()} claims", xlabel="Claims")
    ax.set_xlim(0, max(1, values.max()) * 1.08)
    ax.xaxis.get_major_locator().set_params(integer=True)
    return ax.figure
