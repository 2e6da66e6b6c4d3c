"""The contribution of each part of the method: runs of one protocol beside a reference.

All runs graded the same images in the same folds, so that they are compared image by image: what
makes an image hard for all of them cancels out. Tables of runs are of test rows, one run each, as
``predictions.out_of_fold`` gives them; the reference is the variant that the others are held
against. Runs that were trained from several seeds are compared seed by seed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from birads_lib.predictions import MODEL, RUN, cluster_ids, probabilities
from birads_lib.scores.bootstrap import Resampling, intervals
from birads_lib.scores.comparisons import aligned, delong, paired_differences
from birads_lib.scores.decision import probability_of_at_least
from birads_lib.scores.metrics import every_metric, headline, headline_names
from birads_lib.task import BIRADS, Task

FORMS = ("Clustered over patients", "Images taken as independent")  # of DeLong's test
OTHER = "Other"
PARTS_OF_METHOD = {  # which parameters belong to which part, the first that has one counts
    "Architecture": (
        *("backbone", "weights", "taps", "embed", "encoder_layers", "heads", "feed_forward"),
        *("encoder_dropout", "gelu_approximate", "dense_1", "dropout_1", "dense_2", "dropout_2"),
    ),
    "Loss": ("loss", "dal_lambda", "dal_stop_gradient", "dal_normalise", "distance_power"),
    "Training": (
        *("batch_size", "stage1_epochs", "stage1_rate", "stage2_epochs", "stage2_rate", "patience"),
        *("unfrozen_layers", "unfrozen_unit", "unfreeze_batchnorm"),
        *("plateau_patience", "plateau_factor", "restore_best", "trunk_cache", "cache_dtype"),
        "precision",
    ),
    "Data": (
        *("image_size", "letterbox", "crop", "flip_to_left"),
        *("clahe", "clahe_before_resize", "clip_limit", "tiles"),
        *("augment", "flip", "rotation", "rotation_fill", "views", "balance"),
        *("folds", "validation_share"),
    ),
}


def changed_from(changes: Mapping[str, Mapping], reference: str) -> dict[str, dict]:
    """Return each variant's changes from the reference: {variant: {parameter: value}}.

    ``changes`` are from the notebooks' defaults. What the reference changes and a variant doesn't
    is "default" there.
    """
    base = changes.get(reference, {})
    return {
        variant: {key: value for key, value in changed.items() if base.get(key) != value}
        | {key: "default" for key in base if key not in changed}
        for variant, changed in changes.items()
    }


def without_weights(changed: Mapping[str, Mapping]) -> dict[str, str]:
    """Return the variants that start from random numbers, each with one that differs in that alone.

    ``changed`` is that of ``changed_from``; a variant without such a twin is left out.
    """
    twins = {}
    for variant, values in changed.items():
        other_settings = {name: value for name, value in values.items() if name != "weights"}
        matches = [twin for twin, settings in changed.items() if settings == other_settings]
        if values.get("weights") == "none" and matches:
            twins[variant] = matches[0]
    return twins


def part_of_method(changed: Mapping[str, object]) -> str:
    """Return the part of the method that changed parameters belong to, ``OTHER`` for none."""
    parts = (part for part, names in PARTS_OF_METHOD.items() if changed.keys() & set(names))
    return next(parts, OTHER)


def excludes_zero(table: pd.DataFrame) -> pd.Series:
    """Return whether 0 lies outside each interval (low, high); False for an undefined one."""
    return (table["low"] > 0) | (table["high"] < 0)


def by_protocol(tables: Iterable[pd.DataFrame]) -> dict[str, dict[str, pd.DataFrame]]:
    """Return the tables of runs by protocol and variant."""
    runs: dict[str, dict[str, pd.DataFrame]] = {}
    for table in tables:
        variant, protocol = table[RUN].iloc[0]
        runs.setdefault(protocol, {})[variant] = table
    return runs


def headline_intervals(
    tables: Iterable[pd.DataFrame], resamples: int = 2000, seed: int = 0, task: Task = BIRADS
) -> pd.DataFrame:
    """Return ``bootstrap.intervals`` of each run's headline metrics, with variant and protocol."""
    measure = partial(every_metric, task=task)
    parts = []
    for table in tables:
        resampling = Resampling.of(table, resamples, seed)
        part = intervals(table["y_true"].to_numpy(), probabilities(table), resampling, measure)
        parts.append(part.assign(**table[RUN].iloc[0]))
    return _headline_only(pd.concat(parts), task)


def differences_by_protocol(
    tests: Mapping[str, Mapping[str, pd.DataFrame]],
    reference: str,
    resamples: int,
    seed: int,
    task: Task = BIRADS,
) -> pd.DataFrame:
    """Return ``AlignedRuns.differences`` of each protocol with the reference and another run."""
    parts = []
    for protocol, runs in tests.items():
        if reference in runs and len(runs) > 1:
            part = AlignedRuns.of(runs, reference, task).differences(resamples, seed)
            parts.append(part.assign(protocol=protocol))
    return pd.concat(parts)


def records(metrics: pd.DataFrame, differences: pd.DataFrame) -> pd.DataFrame:
    """Return metrics and differences in one table, named by variant, protocol and metric."""
    tables = [
        table.assign(metric=table["variant"] + "." + table["protocol"] + infix + table["metric"])
        for table, infix in ((metrics, "."), (differences, ".difference."))
    ]
    return pd.concat(tables)


def _headline_only(table: pd.DataFrame, task: Task) -> pd.DataFrame:
    return table[table["metric"].isin(headline_names(task))]


@dataclass(frozen=True, eq=False)
class AlignedRuns:
    """Runs of one protocol that graded the same n test rows, in one order.

    Attributes:
        reference: one of the variants.
        y: (n,) true labels.
        p: variant -> (n, K) probabilities.
        rows: (n) their images, patients, folds and seeds, as in tables of predictions.
        task: whose labels these are.
    """

    reference: str
    y: np.ndarray
    p: dict[str, np.ndarray]
    rows: pd.DataFrame
    task: Task

    @classmethod
    def of(
        cls, tables: Mapping[str, pd.DataFrame], reference: str, task: Task = BIRADS
    ) -> "AlignedRuns":
        """Return ``comparisons.aligned`` runs, variant -> table; errors are as there."""
        tables = aligned(tables, reference)
        rows = tables[reference]
        p = {variant: probabilities(table) for variant, table in tables.items()}
        return cls(reference, rows["y_true"].to_numpy(), p, rows, task)

    @property
    def clusters(self) -> pd.Series:
        """(n,) whose image each row is."""
        return cluster_ids(self.rows)

    @property
    def variants(self) -> list[str]:
        """The variants that are held against the reference."""
        return [variant for variant in self.p if variant != self.reference]

    def never_predicted(self) -> dict[str, list[int]]:
        """Return the labels that each variant predicts for no image, if there are any."""
        labels = set(self.task.numbers)
        never = {v: sorted(labels - set(p.argmax(axis=1) + 1)) for v, p in self.p.items()}
        return {variant: absent for variant, absent in never.items() if absent}

    def differences(self, resamples: int = 2000, seed: int = 0) -> pd.DataFrame:
        """Return ``paired_differences`` of each variant from the reference in headline metrics."""
        resampling, base = Resampling.of(self.rows, resamples, seed), self.p[self.reference]
        measure = partial(every_metric, task=self.task)
        parts = [
            paired_differences(self.y, self.p[v], base, resampling, measure).assign(variant=v)
            for v in self.variants
        ]
        return _headline_only(pd.concat(parts), self.task)

    def patient_errors(self) -> pd.DataFrame:
        """Return the mean distance of predicted and true label, (patients, variants), of all seeds.

        Where labels have no order, it is the share of wrong ones.
        """
        cap = None if self.task.ordinal else 1
        errors = {v: abs(p.argmax(axis=1) + 1 - self.y).clip(max=cap) for v, p in self.p.items()}
        return pd.DataFrame(errors).groupby(self.clusters).mean()

    def fold_differences(self, metric: str) -> pd.DataFrame:
        """Return a metric's difference from the reference in each fold and seed, a column each."""
        values, several = {}, self.rows["seed"].nunique() > 1
        for (fold, seed), rows in self.rows.groupby(MODEL).indices.items():
            values[f"{fold}, seed {seed}" if several else fold] = {
                v: headline(self.y[rows], p[rows], self.task)[metric] for v, p in self.p.items()
            }
        table = pd.DataFrame(values).rename_axis(columns="fold")
        return (table - table.loc[self.reference]).loc[self.variants]

    def auc_differences(self, lowest: int) -> pd.DataFrame:
        """Return ``delong`` of each variant and the reference, in both ``FORMS``.

        Positive is the label ``lowest`` or a higher one. Neither form knows of seeds as such: what
        an image got with each is in one cluster.
        """
        score = {v: probability_of_at_least(p, lowest) for v, p in self.p.items()}
        images = None  # each row is one
        if self.rows["seed"].nunique() > 1:
            images = self.rows.groupby(["image_id", "copy"]).ngroup()
        forms = dict(zip(FORMS, (self.clusters, images), strict=True))
        return pd.DataFrame(
            {"variant": v, "form": form}
            | delong(self.y >= lowest, score[v], score[self.reference], clusters)
            for v in self.variants
            for form, clusters in forms.items()
        )
