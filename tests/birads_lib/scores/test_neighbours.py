"""Neighbours against plain loops, chance against permutations, and spaces too small or too flat."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import silhouette_score

from birads_lib.errors import UserError
from birads_lib.predictions import cluster_ids
from birads_lib.scores import neighbours
from birads_lib.scores.bootstrap import Resampling
from birads_lib.task import BIRADS, DENSITY

NAMES = list(neighbours.SCORES)
COMPILED = ("umap", "pynndescent")  # packages that Numba compiles


def run(n=40, folds=2, patients=10, seed=0, d=6):
    """Predictions (test rows only) and embeddings of a made-up run; distances don't tie."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "image_id": [f"i{i:02d}" for i in range(n)],
            "patient_id": [f"p{i}" for i in rng.integers(patients, size=n)],
            "fold": np.arange(n) % folds,
            "seed": 0,
            "part": "test",
            "copy": 0,
            "y_true": rng.integers(1, 6, size=n),
        }
    )
    table[BIRADS.probabilities] = 0.2
    return table, rng.normal(size=(n, d)).astype("float32")


def intervals(of_images, rows, *options, **named):
    return neighbours.intervals(of_images, rows, Resampling(cluster_ids(rows), *options, **named))


def by_loops(rows, e, k):
    """The three shares of each image, and their chance levels, as the words say them."""
    scores = []
    for i, asked in rows.iterrows():
        others = [
            (np.sqrt(((e[i] - e[j]) ** 2).sum()), other)
            for j, other in rows.iterrows()
            if j != i and other["fold"] == asked["fold"]
        ]
        everyone = [other for _, other in sorted(others, key=lambda pair: pair[0])]
        strange = [other for other in everyone if other["patient_id"] != asked["patient_id"]]

        def share(chosen, key, asked=asked):
            return np.mean([other[key] == asked[key] for other in chosen]) if chosen else np.nan

        triples = [(everyone, "y_true"), (strange, "y_true"), (everyone, "patient_id")]
        values = {name: share(c[:k], key) for name, (c, key) in zip(NAMES, triples, strict=True)}
        values |= {f"{n}_chance": share(c, key) for n, (c, key) in zip(NAMES, triples, strict=True)}
        scores.append(values)
    return pd.DataFrame(scores)


@pytest.mark.parametrize("k", [1, 5, 100])
def test_scores_equal_plain_loops(k):
    rows, e = neighbours.unique_test(*run())
    scores = neighbours.scores(rows, e, k)
    expected = by_loops(rows, e, k)
    pd.testing.assert_frame_equal(scores[expected.columns], expected, check_dtype=False)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 30), st.integers(1, 6))
def test_order_of_rows_does_not_matter(seed, n, k):
    rows, e = neighbours.unique_test(*run(n, seed=seed))
    order = np.random.default_rng(seed).permutation(n)
    scores = neighbours.scores(rows.iloc[order].reset_index(drop=True), e[order], k)
    expected = neighbours.scores(rows, e, k).iloc[order].reset_index(drop=True)
    pd.testing.assert_frame_equal(scores, expected)


def test_chance_is_the_mean_over_permutations():
    rows, e = neighbours.unique_test(*run(n=24, folds=1))
    expected = neighbours.scores(rows, e)
    rng = np.random.default_rng(1)
    drawn = [neighbours.scores(rows, e[rng.permutation(24)])[NAMES].mean() for _ in range(200)]
    for name in NAMES:
        values = [means[name] for means in drawn]
        error = np.std(values) / np.sqrt(len(values))
        assert np.mean(values) == pytest.approx(expected[f"{name}_chance"].mean(), abs=4 * error)


def test_silhouette_equals_scikit_learn_in_each_fold():
    rows, e = neighbours.unique_test(*run())
    scores = neighbours.scores(rows, e)["silhouette_grade"]
    for fold in (0, 1):
        of_fold = (rows["fold"] == fold).to_numpy()
        expected = silhouette_score(e[of_fold], rows.loc[of_fold, "y_true"])
        assert scores[of_fold].mean() == pytest.approx(expected)


def test_copies_count_once_a_fold():
    table, e = run(n=12, folds=1)
    copies = table.assign(copy=1)
    other_fold = table.iloc[:3].assign(fold=1)
    rows, kept = neighbours.unique_test(
        pd.concat([table, copies, other_fold, table.assign(part="train", fold=2)]),
        np.concatenate([e, e, e[:3], e]),
    )
    assert len(rows) == 15
    assert (rows["part"] == "test").all()
    np.testing.assert_array_equal(kept[:12], e)


def test_ties_fall_by_lot_not_by_table_order():
    n = 60  # rows sorted by patient, all in one place: order would find each patient's own images
    table, _ = run(n=n, folds=1)
    table["patient_id"] = [f"p{i // 4:02d}" for i in range(n)]
    rows, e = neighbours.unique_test(table, np.zeros((n, 3)))
    scores = neighbours.scores(rows, e, k=3)
    assert scores["neighbours_patient"].mean() < 0.3
    assert scores["neighbours_patient_chance"].mean() == pytest.approx(3 / 59)


def test_unknown_patients_make_their_scores_unknown():
    table, e = run()
    table.loc[table["fold"] == 0, "patient_id"] = None
    rows, e = neighbours.unique_test(table, e)
    scores = neighbours.scores(rows, e)
    unknown = (rows["fold"] == 0).to_numpy()
    columns = [name for name in scores if "patient" in name]
    assert len(columns) == 4
    assert scores.loc[unknown, columns].isna().all(axis=None)
    assert scores.loc[~unknown, columns].notna().all(axis=None)
    assert scores["neighbours_grade"].notna().all()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_tiny_parts(n):
    rows, e = neighbours.unique_test(*run(n=n, folds=1, patients=1))
    scores = neighbours.scores(rows, e)
    assert scores["neighbours_grade"].isna().all() == (n == 1)
    assert scores["neighbours_grade_other_patients"].isna().all()  # there are none
    assert scores["silhouette_grade"].isna().all()  # one grade, or each its own


def test_one_grade_only():
    table, e = run()
    rows, e = neighbours.unique_test(table.assign(y_true=2), e)
    means = intervals(neighbours.scores(rows, e), rows, 20).set_index("metric")
    assert means.loc["neighbours_grade", "estimate"] == 1
    assert 0 < means.loc["neighbours_grade", "low"] < means.loc["neighbours_grade", "high"] == 1
    assert means.loc["neighbours_grade_over_chance", "estimate"] == 0
    assert means.loc["neighbours_grade_over_chance", ["low", "high"]].isna().all()
    assert means.loc[["silhouette_grade", "silhouette_2", "silhouette_5"], "low"].isna().all()


def test_what_is_above_chance_is_adjusted_for_all_three():
    table, e = run(n=60, patients=20)
    table["y_true"] = 1 + (e[:, 0] > 0) * 4
    rows, e = neighbours.unique_test(table, e * np.array([9, 0, 0, 0, 0, 0]))
    of_images = neighbours.scores(rows, e)
    resampling = Resampling(rows["patient_id"], 300)
    p = neighbours.above_chance(of_images, resampling)
    assert list(p.index) == list(neighbours.SCORES)
    assert p["neighbours_grade"] == pytest.approx(3 * 2 / 301)  # the least p-value, times three
    nothing = of_images.assign(**{name: of_images[f"{name}_chance"] for name in neighbours.SCORES})
    assert (neighbours.above_chance(nothing, resampling) == 1).all()


def test_intervals_equal_a_loop_over_resamples():
    rows, e = neighbours.unique_test(*run())
    of_images = neighbours.scores(rows, e)
    table = intervals(of_images, rows, 50, seed=3).set_index("metric")
    patients = rows["patient_id"].to_numpy()
    names = np.unique(patients)
    draws = np.random.default_rng(3).integers(len(names), size=(50, len(names)))
    drawn = [np.concatenate([np.flatnonzero(patients == names[i]) for i in d]) for d in draws]
    gap = of_images["neighbours_grade"] - of_images["neighbours_grade_chance"]
    silhouettes = of_images["silhouette_grade"].where(rows["y_true"] == 3)
    for name, values in {"neighbours_grade_over_chance": gap, "silhouette_3": silhouettes}.items():
        means = [values.iloc[rows_drawn].mean() for rows_drawn in drawn]
        assert table.loc[name, "estimate"] == pytest.approx(values.mean())
        expected = np.nanpercentile(means, [2.5, 97.5])
        np.testing.assert_allclose(table.loc[name, ["low", "high"]].astype(float), expected)


def test_of_fold_takes_one_model():
    table, e = run(n=12)
    rows, _ = neighbours.unique_test(pd.concat([table, table.assign(seed=1)]), np.tile(e, (2, 1)))
    chosen = rows.iloc[neighbours.of_fold(rows, 1)]
    assert set(chosen["fold"]) == {1}
    assert set(chosen["seed"]) == {0}
    with pytest.raises(UserError, match="fold is 7; this run has the folds 0, 1"):
        neighbours.of_fold(rows, 7)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t, e: (t, e[1:]), "39.* for 40 rows"),
        (lambda t, e: (t, e[:, 0]), "40,.* for 40 rows"),
        (lambda t, e: (t, np.where(np.arange(40)[:, None] == 3, np.nan, e)), "1 test images"),
        (lambda t, e: (t.assign(part="train"), e), "no test rows"),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(UserError, match=message):
        neighbours.unique_test(*change(*run()))


def test_k_below_one():
    with pytest.raises(UserError, match="k is 0"):
        neighbours.scores(*neighbours.unique_test(*run()), k=0)


@pytest.mark.parametrize("n", [1, 4, 5, 9, 40])
def test_pictures_of_any_size(n):
    e = np.random.default_rng(0).normal(size=(n, 6))
    places = neighbours.tsne(e, seed=1)
    assert places.shape == (n, 2)
    assert np.isfinite(places).all() == (n >= neighbours.FEWEST)
    np.testing.assert_array_equal(places, neighbours.tsne(e, seed=1))


def test_pictures_of_a_space_without_extent():
    for e in (np.ones((12, 4)), np.eye(12)[:, :1]):
        assert np.isfinite(neighbours.tsne(e)).all()


@pytest.fixture
def interpreted(monkeypatch):
    """Run UMAP as plain Python: compiling it takes far longer than placing a few points."""
    import numba

    def imported() -> list[str]:
        return [name for name in sys.modules if name.split(".")[0] in COMPILED]

    for name in imported():
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(numba.config, "DISABLE_JIT", True)
    yield
    for name in imported():  # whoever imports it next gets it compiled
        del sys.modules[name]


def test_umap_is_seeded(interpreted):
    e = np.random.default_rng(0).normal(size=(8, 6))
    places = neighbours.umap(e, 1)
    assert places.shape == (8, 2)
    assert np.isfinite(places).all()
    np.testing.assert_array_equal(places, neighbours.umap(e, 1))
    assert np.isfinite(neighbours.umap(np.ones((8, 3)))).all()
    assert np.isnan(neighbours.umap(e[:4])).all()


def test_scores_and_tsne_load_no_network_library():
    code = (
        "import sys, numpy as np; from birads_lib.scores import neighbours as m;"
        "e = np.random.default_rng(0).normal(size=(8, 6));"
        "assert np.isfinite(m.tsne(e, 1)).all();"
        "assert not {'tensorflow', 'keras', 'torch', 'jax', 'umap'} & set(sys.modules), 'loaded'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_silhouettes_of_another_task():
    table, e = run()
    rows, e = neighbours.unique_test(table.assign(y_true=1 + table["y_true"] % 4), e)
    of_images = neighbours.scores(rows, e)
    means = neighbours.intervals(of_images, rows, Resampling(cluster_ids(rows), 20), DENSITY)
    names = [name for name in means["metric"] if name.startswith("silhouette_")]
    assert names == ["silhouette_grade", *(f"silhouette_{k}" for k in DENSITY.numbers)]
