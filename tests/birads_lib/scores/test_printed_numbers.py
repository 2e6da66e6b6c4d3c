"""Sizes that allow printed numbers: against all confusion matrices, and by hand."""

from itertools import product

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from birads_lib.scores import printed_numbers

PAPER = {"accuracy": 0.921, "macro_f1": 0.920, "mcc": 0.903, "f1_4": 0.923, "f1_5": 0.969}
INBREAST = [67, 220, 23, 44, 57]


def test_an_accuracy_by_hand():
    assert printed_numbers.right_counts(0.921, 63) == [58]
    assert printed_numbers.right_counts(0.921, 165) == [152]
    assert printed_numbers.right_counts(0.922, 166) == [153]
    assert printed_numbers.right_counts(0.879, 165) == [145]
    for n in (61, 62):
        for accuracy in (0.921, 0.922, 0.879, 0.886):
            assert not printed_numbers.right_counts(accuracy, n)


def test_half_way_may_be_rounded_either_way():
    assert printed_numbers.right_counts(0.062, 16) == [1]  # 1/16 is 0.0625
    assert printed_numbers.right_counts(0.063, 16) == [1]


@pytest.mark.parametrize("n", [1, 7, 62, 165, 200])
def test_an_accuracy_is_possible_where_rounding_gives_it(n):
    for k in range(n + 1):
        assert k in printed_numbers.right_counts(round(k / n, 3), n)
    total = sum(len(printed_numbers.right_counts(v / 1000, n)) for v in range(1001))
    halves = sum((2000 * k) % (2 * n) == n for k in range(n + 1))
    assert total == n + 1 + halves


def test_an_f1_by_hand():
    assert printed_numbers.f1_possible(0.969, 165, 33)  # 31 hits, 2 missed
    assert not any(printed_numbers.f1_possible(0.969, 62, images) for images in range(1, 31))
    assert printed_numbers.f1_possible(0.923, 62, 7)  # 6 hits, 1 missed
    assert not printed_numbers.f1_possible(0.923, 6, 5)


def matrices(truth):
    """All confusion matrices with these rows, for small numbers."""
    labels = range(len(truth))
    rows = [
        [row for row in product(range(n + 1), repeat=len(truth)) if sum(row) == n] for n in truth
    ]
    for matrix in product(*rows):
        y = np.repeat(labels, truth)
        yield y, np.concatenate([np.repeat(labels, row) for row in matrix])


def rounded(y, predicted, labels):
    f1 = f1_score(y, predicted, labels=labels, average=None)
    values = [accuracy_score(y, predicted), f1.mean(), matthews_corrcoef(y, predicted), *f1]
    return tuple(round(float(value), 3) for value in values)


@pytest.mark.parametrize("truth", [(2, 1, 3), (3, 1, 1), (2, 1, 1, 1)])
def test_a_matrix_is_possible_if_all_matrices_hold_such_a_one(truth):
    names = ["accuracy", "macro_f1", "mcc", *(f"f1_{k + 1}" for k in range(len(truth)))]
    there = {rounded(y, predicted, range(len(truth))) for y, predicted in matrices(truth)}
    rng = np.random.default_rng(0)
    every = sorted(there)
    some = [every[i] for i in rng.permutation(len(every))[:40]]
    for values in some:
        assert printed_numbers.matrix_possible(dict(zip(names, values, strict=True)), truth)
    columns = np.array(every)
    for kept in (["accuracy", "mcc"], ["accuracy", "f1_1", "f1_3"], ["accuracy", "macro_f1"]):
        places = [names.index(name) for name in kept]
        seen = {tuple(row) for row in columns[:, places]}
        mixed = set(product(*(np.unique(columns[:, place]) for place in places)))
        for values in [tuple(v) for v in rng.permutation(sorted(mixed))[:60]]:
            printed = dict(zip(kept, values, strict=True))
            assert printed_numbers.matrix_possible(printed, truth) == (values in seen), printed


def test_the_papers_five_numbers_of_the_test_part():
    assert printed_numbers.matrix_possible(PAPER, [33] * 5)
    wrong = PAPER | {"mcc": 0.910}
    assert not printed_numbers.matrix_possible(wrong, [33] * 5)
    table = printed_numbers.possible_sizes({"all": PAPER}, INBREAST, range(59, 65))
    assert table.empty


def test_mixes_round_each_share_up_or_down():
    assert printed_numbers.mixes([1] * 5, 165) == [(33,) * 5]
    assert sorted(printed_numbers.mixes([1, 1, 1], 4)) == [(1, 1, 2), (1, 2, 1), (2, 1, 1)]
    for mix in printed_numbers.mixes(INBREAST, 62):
        assert sum(mix) == 62
        assert all(abs(count - 62 * n / 411) < 1 for count, n in zip(mix, INBREAST, strict=True))
    assert (10, 33, 4, 6, 9) in printed_numbers.mixes(INBREAST, 62)


def test_sizes_of_parts():
    assert list(printed_numbers.part_sizes(0.15, 411)) == [61, 62]
    assert list(printed_numbers.part_sizes(0.15, printed_numbers.balanced(INBREAST))) == [165]
    assert list(printed_numbers.part_sizes(0.7, 1100, 2)) == [768, 769, 770, 771, 772]


def test_a_table_names_each_size_and_mix():
    parts = {"a": {"accuracy": 0.921}, "f": {"f1_5": 0.969}}
    table = printed_numbers.possible_sizes(parts, INBREAST, range(60, 170))
    assert table.loc[table["name"] == "a", "n"].tolist() == [
        63, 76, 89, 101, 114, 126, 127, 139, 140, 151, 152, 164, 165,
    ]  # fmt: skip
    assert set(table.loc[table["name"] == "a", "mix"]) == {"any"}
    of_f1 = table[table["name"] == "f"]
    assert set(of_f1["mix"]) == {"equal"}
    assert of_f1["n"].tolist() == list(range(151, 170))
    lacking = printed_numbers.impossible(table, parts, "collection", range(61, 63))
    assert lacking == ["a", "f"]
    assert printed_numbers.impossible(table, parts, "equal", range(165, 166)) == []
    assert printed_numbers.impossible(table, parts, "collection", range(165, 166)) == ["f"]


def test_near_sizes_in_texts():
    parts = {"a": {"accuracy": 0.921}, "t": {"accuracy": 0.995}}
    table = printed_numbers.near_sizes(parts, {"a": 0.15, "t": 0.7}, INBREAST)
    assert table.columns.tolist() == ["of 411 images", "of 1,100, copies among them"]
    assert table.loc["a"].tolist() == ["63 (of 59 to 64)", "164, 165 (of 163 to 167)"]
    assert table.loc["t", "of 411 images"] == "none (of 285 to 290)"
