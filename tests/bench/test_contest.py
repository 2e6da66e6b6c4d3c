"""A contest takes turns, compares results and counts memory."""

import os
from functools import partial

import numpy as np
import pytest

pytest.importorskip("psutil")

from bench.contest import OURS, Contest, Peer, hold, largest_difference
from helpers.contenders import add, fill, keeps_memory


def test_contenders_take_turns_and_are_compared(tmp_path):
    peers = {
        "other": Peer(partial(add, value=1.5), 2, 0.1),
        "half": Peer(partial(add, value=2), None, None, share=0.5),
    }
    contest = Contest("c", "adding", partial(add, value=1), peers, rounds=2)
    measured = hold(contest, tmp_path, say=lambda line: None)
    _, other, half = measured["contenders"]
    assert (tmp_path / "turns.txt").read_text().split() == ["1", "1.5", "2"] * 3  # one untimed
    assert [one["name"] for one in measured["contenders"]] == [OURS, "other", "half"]
    assert all(len(one["seconds"]) == 2 for one in measured["contenders"])
    assert (other["difference"], other["at_least"]) == (0.5, 2)
    assert half["difference"] is None


def test_memory_is_that_of_each_contender(tmp_path):
    peers = {"more": Peer(partial(fill, megabytes=300), None, None)}
    contest = Contest("c", "filling", partial(fill, megabytes=1), peers, rounds=0)
    less, more = hold(contest, tmp_path)["contenders"]
    assert 290 < more["peak_mb"] - less["peak_mb"] < 320


def test_only_ours_has_the_environment_of_a_notebook(tmp_path):
    contest = Contest("c", "asking", keeps_memory, {"other": Peer(keeps_memory, None, 1)}, rounds=0)
    _, other = hold(contest, tmp_path)["contenders"]
    assert other["difference"] == 1
    assert "MALLOC_TRIM_THRESHOLD_" not in os.environ


def test_differences():
    assert largest_difference([1, np.nan], [1.5, np.nan]) == 0.5
    assert largest_difference([1, np.nan], [1, 1]) == np.inf
    with pytest.raises(ValueError, match="shapes"):
        largest_difference([1], [1, 2])
