"""CorRELAX of images of several sizes, as the chapter on speed has it measured."""

import pytest

pytest.importorskip("psutil")

from bench import __main__ as bench
from bench import sizes


def test_a_larger_image_has_more_windows_and_no_more_goes_through_the_network_at_once(monkeypatch):
    at_once = []

    def ask(images):
        at_once.append(len(images))
        return images[:, :2, 0].astype(float), images[:, :4, 1] / 255

    monkeypatch.setattr(sizes, "asker", lambda: ask)
    small, of_small = sizes.explain(sizes.SMALL), {*at_once}
    at_once.clear()
    large = sizes.explain(2 * sizes.SMALL)
    assert (small["windows"], large["windows"]) == (100, 400)
    # Windows by themselves, and four windows under all masks.
    assert {*at_once} == of_small == {sizes.MASKS, 4 * sizes.MASKS}
    assert small["seconds"] > 0


def test_it_is_part_of_the_bench():
    with pytest.raises(SystemExit, match="did you mean 'correlax_sizes'"):
        bench.main(["correlax_size"])
