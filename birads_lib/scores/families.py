"""Networks of several families that graded the same slices: their metrics and differences.

Tables of answers are test rows by network, as ``comparisons.aligned`` returns them; metrics are
those of ``two_classes``. A pair is the later network minus the earlier one.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations

import pandas as pd

from birads_lib.predictions import MODEL, out_of_fold, probabilities
from birads_lib.scores.bootstrap import Resampling, intervals
from birads_lib.scores.comparisons import paired_differences
from birads_lib.scores.repeated_folds import corrected_t, of_folds, tested_per_trained
from birads_lib.scores.two_classes import NAMES, measure

RESNET, EFFICIENTNET = "ResNet", "EfficientNet"


def called(network: str, families: Mapping[str, str]) -> str:
    """Return a network's family and name, as "ResNet (small_resnet)"; the name if it has none."""
    return f"{families[network]} ({network})" if network in families else network


def by_network(tests: Mapping[str, pd.DataFrame], resampling: Resampling) -> pd.DataFrame:
    """Return [network, metric, estimate, low, high, resamples_used], patients drawn."""
    parts = [
        intervals(rows["y_true"].to_numpy(), probabilities(rows), resampling, measure).assign(
            network=network
        )
        for network, rows in tests.items()
    ]
    table = pd.concat(parts, ignore_index=True)
    return table[["network", *table.columns.drop("network")]]


def over_patients(tests: Mapping[str, pd.DataFrame], resampling: Resampling) -> pd.DataFrame:
    """Return [a, b, pair, metric, estimate, low, high, p_value, ..] of pairs, patients drawn."""
    p = {network: probabilities(rows) for network, rows in tests.items()}
    y = next(iter(tests.values()))["y_true"].to_numpy()
    parts = [
        paired_differences(y, p[a], p[b], resampling, measure).assign(**pair)
        for a, b, pair in _pairs(tests)
    ]
    table = pd.concat(parts, ignore_index=True)
    return table[table["metric"].isin(NAMES)].reset_index(drop=True)


def over_folds(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return [a, b, pair, metric, estimate, low, high, p_value] of each pair by ``corrected_t``.

    Tables are all predictions by network, of the same folds and seeds; folds of several seeds are
    repeated ones. Raises UserError as ``tested_per_trained`` and ``of_folds`` do.
    """
    ratio = tested_per_trained(next(iter(tables.values())))
    tests = {network: out_of_fold(table) for network, table in tables.items()}
    rows = []
    for metric in NAMES:
        values = of_folds(tests, measure, metric)
        for a, b, pair in _pairs(tests):
            result = corrected_t(values[a] - values[b], ratio)
            rows.append({**pair, "metric": metric, **result})
    return pd.DataFrame(rows)


def _pairs(tests: Mapping[str, pd.DataFrame]) -> Iterator[tuple[str, str, dict[str, str]]]:
    for b, a in combinations(tests, 2):
        yield a, b, {"a": a, "b": b, "pair": f"{a} - {b}"}


def across(differences: pd.DataFrame, families: Mapping[str, str]) -> pd.DataFrame:
    """Return the pairs of an EfficientNet and a ResNet, as EfficientNet minus ResNet.

    Args:
        differences: of ``over_patients``.
        families: of each network, ``RESNET``, ``EFFICIENTNET`` or another.
    """
    kinds = [(families.get(row.a), families.get(row.b)) for row in differences.itertuples()]
    forward = differences[[kind == (EFFICIENTNET, RESNET) for kind in kinds]]
    backward = differences[[kind == (RESNET, EFFICIENTNET) for kind in kinds]]
    bounds = {"low": -backward["high"], "high": -backward["low"]}
    reversed_pairs = backward.assign(
        a=backward["b"], b=backward["a"], estimate=-backward["estimate"], **bounds
    )
    reversed_pairs = reversed_pairs.assign(pair=reversed_pairs["a"] + " - " + reversed_pairs["b"])
    return pd.concat([forward, reversed_pairs]).sort_index()


def records(
    metrics: Mapping[str, pd.DataFrame],
    paired: Mapping[str, pd.DataFrame],
    families: Mapping[str, str],
) -> pd.DataFrame:
    """Return [metric, estimate, low, high] under the names of the claim ledger.

    ``<network>.<protocol>.<metric>`` is a network's.
    ``efficientnet_minus_resnet.<protocol>.<metric>`` is that pair of an EfficientNet and a ResNet
    whose interval begins lowest, or has no bounds: if it is above 0, all are.
    ``within_efficientnet.<protocol>.least_p`` is the least adjusted p-value of weighted F1 among
    pairs of EfficientNets, where there are any.

    Args:
        metrics: protocol -> table of ``by_network``.
        paired: protocol -> table of ``over_patients`` with the column ``holm``.
        families: of each network.
    """
    parts = [
        table.assign(metric=table["network"] + f".{protocol}." + table["metric"])
        for protocol, table in metrics.items()
    ]
    for protocol, table in paired.items():
        ordered = across(table, families).sort_values("low", na_position="first")
        crossing = ordered.groupby("metric").head(1)
        name = f"efficientnet_minus_resnet.{protocol}."
        parts.append(crossing.assign(metric=name + crossing["metric"]))
        is_within = table[["a", "b"]].map(families.get).eq(EFFICIENTNET).all(axis=1)
        within = table[is_within & (table["metric"] == "weighted_f1")]
        if len(within):
            least_p = {"metric": f"within_efficientnet.{protocol}.least_p"}
            parts.append(pd.DataFrame([least_p | {"estimate": within["holm"].min()}]))
    columns = ["metric", "estimate", "low", "high"]
    return pd.concat(parts, ignore_index=True)[columns]


def fold_count(rows: pd.DataFrame) -> int:
    """Return the number of folds of test rows, those of each seed counted."""
    return len(rows[MODEL].drop_duplicates())
