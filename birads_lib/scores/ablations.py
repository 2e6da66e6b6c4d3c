"""What each part of the method contributes: runs of one protocol beside a reference.

All runs graded the same images in the same folds, so that they are compared image by image: what
makes an image hard for all of them cancels out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from birads_lib.predictions import cluster_ids, probabilities
from birads_lib.scores.bootstrap import Resampling, intervals
from birads_lib.scores.comparisons import aligned, delong, paired_differences
from birads_lib.scores.metrics import HEADLINE, headline

FORMS = ("Clustered over patients", "Images taken as independent")  # of DeLong's test
OTHER = "Other"
PARTS_OF_METHOD = {  # which parameters belong to which part, the first that has one counts
    "Architecture": (
        *("backbone", "weights", "taps", "embed", "encoder_layers", "heads", "feed_forward"),
        *("encoder_dropout", "gelu_approximate", "dense_1", "dropout_1", "dense_2", "dropout_2"),
        *("stage2_epochs", "unfrozen_layers", "unfrozen_unit", "unfreeze_batchnorm"),
    ),
    "Loss": ("loss", "dal_lambda", "dal_stop_gradient", "dal_normalise", "distance_power"),
    "Data": (
        *("image_size", "letterbox", "crop", "clahe", "clahe_before_resize", "clip_limit", "tiles"),
        *("augment", "flip", "rotation", "rotation_fill", "views", "balance"),
        *("folds", "validation_share"),
    ),
    "Training": (
        *("batch_size", "stage1_epochs", "stage1_rate", "stage2_rate", "patience"),
        *("plateau_patience", "plateau_factor", "restore_best", "trunk_cache", "cache_dtype"),
        "seed",
    ),
}


def changed_from(changes: Mapping[str, Mapping], reference: str) -> dict[str, dict]:
    """Return what each variant changes from the reference: {variant: {parameter: value}}.

    Args:
        changes: what each variant changes from the notebooks' defaults. What the reference changes
            and a variant doesn't is "default" there.
        reference: the variant that the others are held against.
    """
    base = changes.get(reference, {})
    return {
        variant: {key: value for key, value in changed.items() if base.get(key) != value}
        | {key: "default" for key in base if key not in changed}
        for variant, changed in changes.items()
    }


def part_of_method(changed: Mapping[str, object]) -> str:
    """Return the part of the method that changed parameters belong to, ``OTHER`` for none."""
    for part, parameters in PARTS_OF_METHOD.items():
        if changed.keys() & set(parameters):
            return part
    return OTHER


def excludes_zero(table: pd.DataFrame) -> pd.Series:
    """Return whether 0 lies outside each interval (low, high); False for an undefined one."""
    return (table["low"] > 0) | (table["high"] < 0)


def by_protocol(tables: Iterable[pd.DataFrame]) -> dict[str, dict[str, pd.DataFrame]]:
    """Return the test rows of runs by protocol and variant.

    Args:
        tables: the test rows of one run each, as ``predictions.out_of_fold`` gives them.
    """
    sorted_runs: dict[str, dict[str, pd.DataFrame]] = {}
    for table in tables:
        variant, protocol = table[["variant", "protocol"]].iloc[0]
        sorted_runs.setdefault(protocol, {})[variant] = table
    return sorted_runs


def headline_intervals(
    tables: Iterable[pd.DataFrame], resamples: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Return the metrics of ``HEADLINE`` of each run with intervals over its patients.

    Args:
        tables: as those of ``by_protocol``.
        resamples, seed: as in ``Resampling``.

    Returns:
        The table of ``bootstrap.intervals`` with variant and protocol, a row per run and metric.
    """
    parts = []
    for table in tables:
        resampling = Resampling(cluster_ids(table), resamples, seed)
        part = intervals(table["y_true"].to_numpy(), probabilities(table), resampling)
        variant, protocol = table[["variant", "protocol"]].iloc[0]
        parts.append(part.assign(variant=variant, protocol=protocol))
    return _headline_only(pd.concat(parts))


def differences_by_protocol(
    tests: Mapping[str, Mapping[str, pd.DataFrame]], reference: str, resamples: int, seed: int
) -> pd.DataFrame:
    """Return ``AlignedRuns.differences`` of each protocol that has the reference and another run.

    Args:
        tests: of ``by_protocol``.
        reference: the variant that the others are held against.
        resamples, seed: as in ``Resampling``.
    """
    comparable = {q: runs for q, runs in tests.items() if reference in runs and len(runs) > 1}
    parts = {
        protocol: AlignedRuns.of(runs, reference).differences(resamples, seed)
        for protocol, runs in comparable.items()
    }
    return pd.concat(part.assign(protocol=protocol) for protocol, part in parts.items())


def records(metrics: pd.DataFrame, differences: pd.DataFrame) -> pd.DataFrame:
    """Return metrics and differences in one table, named by variant, protocol and metric."""
    named = [
        table.assign(metric=table["variant"] + "." + table["protocol"] + infix + table["metric"])
        for table, infix in ((metrics, "."), (differences, ".difference."))
    ]
    return pd.concat(named)


def _headline_only(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["metric"].isin(HEADLINE)]


@dataclass(frozen=True, eq=False)
class AlignedRuns:
    """Runs of one protocol that graded the same n test rows, in one order.

    Attributes:
        reference: the variant that the others are held against.
        y: (n,) true labels.
        p: variant -> (n, K) probabilities; the reference's are among them.
        clusters: (n,) whose image each row is.
        folds: (n,) in which fold each row was tested.
    """

    reference: str
    y: np.ndarray
    p: dict[str, np.ndarray]
    clusters: pd.Series
    folds: np.ndarray

    @classmethod
    def of(cls, tables: Mapping[str, pd.DataFrame], reference: str) -> "AlignedRuns":
        """Return the runs of one protocol, variant -> test rows, beside each other.

        Raises:
            UserError: as ``comparisons.aligned`` does, of runs that can't be compared.
        """
        tables = aligned(tables, reference)
        rows = tables[reference]
        p = {variant: probabilities(table) for variant, table in tables.items()}
        y, folds = rows["y_true"].to_numpy(), rows["fold"].to_numpy()
        return cls(reference, y, p, cluster_ids(rows), folds)

    @property
    def variants(self) -> list[str]:
        """The variants that are held against the reference."""
        return [variant for variant in self.p if variant != self.reference]

    def never_predicted(self) -> dict[str, list[int]]:
        """Return the labels that each variant predicts for no image, if there are any."""
        labels = set(range(1, self.p[self.reference].shape[1] + 1))
        never = {v: sorted(labels - set(p.argmax(axis=1) + 1)) for v, p in self.p.items()}
        return {variant: absent for variant, absent in never.items() if absent}

    def differences(self, resamples: int = 2000, seed: int = 0) -> pd.DataFrame:
        """Return ``paired_differences`` of each variant from the reference in ``HEADLINE``."""
        resampling, base = Resampling(self.clusters, resamples, seed), self.p[self.reference]
        parts = [
            paired_differences(self.y, self.p[v], base, resampling).assign(variant=v)
            for v in self.variants
        ]
        return _headline_only(pd.concat(parts))

    def patient_errors(self) -> pd.DataFrame:
        """Return the mean distance of predicted and true label, (patients, variants)."""
        errors = {v: abs(p.argmax(axis=1) + 1 - self.y) for v, p in self.p.items()}
        return pd.DataFrame(errors).groupby(self.clusters).mean()

    def fold_differences(self, metric: str) -> pd.DataFrame:
        """Return a metric's difference from the reference in each fold, (variants, folds)."""
        values = {}
        for fold in np.unique(self.folds):
            rows = self.folds == fold
            values[fold] = {v: headline(self.y[rows], p[rows])[metric] for v, p in self.p.items()}
        table = pd.DataFrame(values).rename_axis(columns="fold")
        return (table - table.loc[self.reference]).loc[self.variants]

    def auc_differences(self, lowest: int) -> pd.DataFrame:
        """Return ``delong`` of each variant and the reference, in both ``FORMS``.

        Args:
            lowest: AUCs are those of this label or a higher one against the lower ones.
        """
        # Sums that are equal on paper differ in their last bits; rounding keeps them tied.
        score = {v: p[:, lowest - 1 :].sum(axis=1).round(12) for v, p in self.p.items()}
        forms = dict(zip(FORMS, (self.clusters, None), strict=True))
        return pd.DataFrame(
            {"variant": v, "form": form}
            | delong(self.y >= lowest, score[v], score[self.reference], clusters)
            for v in self.variants
            for form, clusters in forms.items()
        )
