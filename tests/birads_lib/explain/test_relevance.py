"""CorRELAX and RELAX against independent references."""

from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest
from scipy import ndimage, stats

from birads_lib.errors import DatasetError, UserError
from birads_lib.explain import relevance, relevance_maps
from birads_lib.explain.relevance import Grid, Options

RNG = np.random.default_rng(3)
FEW = Options(window=16, stride=8, masks=12, cells=4)


class Network:
    """A network by hand: features are means of quarters, answers follow from the brightness."""

    def __init__(self):
        self.asked = []

    def __call__(self, images):
        self.asked.append(images.shape)
        x = images.astype(float)
        half = x.shape[1] // 2
        parts = [x[:, :half, :half], x[:, half:, :half], x[:, :half, half:], x[:, half:, half:]]
        features = np.stack([part.mean(axis=(1, 2)) for part in parts], axis=1)
        bright = features.mean(axis=1) / 255
        return features, np.stack([1 - bright, bright, np.full(len(x), 0.3)], axis=1)


def image(height=40, width=48):
    return RNG.integers(0, 256, (height, width)).astype(np.uint8)


@pytest.mark.parametrize(("cells", "size"), [(8, 64), (4, 18), (7, 7), (1, 5)])
def test_masks_are_grids_of_zeros_and_ones_enlarged_bilinearly(cells, size):
    masks = relevance.grid_masks(3, size, cells, False, np.random.default_rng(5))
    drawn = np.random.default_rng(5).integers(0, 2, (3, cells, cells)).astype(np.float32)
    expected = [cv2.resize(grid, (size, size), interpolation=cv2.INTER_LINEAR) for grid in drawn]
    np.testing.assert_allclose(masks, expected, atol=1e-6)


def test_half_of_each_pixel_is_hidden_and_shifted_masks_are_pieces_of_larger_ones():
    for shift in (False, True):
        masks = relevance.grid_masks(4000, 20, 4, shift, np.random.default_rng(0))
        assert masks.shape == (4000, 20, 20)
        assert (masks.min(), masks.max()) == (0, 1)
        np.testing.assert_allclose(masks.mean(axis=0), 0.5, atol=0.04)
    rng = np.random.default_rng(1)
    (mask,) = relevance.grid_masks(1, 20, 4, True, rng)
    rng = np.random.default_rng(1)
    grid = rng.integers(0, 2, (1, 5, 5)).astype(np.float32)[0]
    ((y, x),) = rng.integers(0, 5, (1, 2))
    np.testing.assert_allclose(mask, cv2.resize(grid, (25, 25))[y : y + 20, x : x + 20], atol=1e-6)


def test_a_hidden_pixel_shows_the_grey_that_was_asked_for():
    masks = np.array([[[0, 0.5, 1.0]]], np.float32)
    row = np.array([[100, 100, 100]], np.uint8)
    assert relevance.masked(row, masks).tolist() == [[[0, 50, 100]]]
    assert relevance.masked(row, masks, 200).tolist() == [[[200, 150, 100]]]


def test_correlations_are_those_of_scipy():
    s, q = RNG.random((5, 30)), RNG.random((5, 30))
    p = RNG.random((5, 30, 3))
    expected = [stats.pearsonr(a, b)[0] for a, b in zip(s, q, strict=True)]
    np.testing.assert_allclose(relevance.pearson(s, q, 1), expected, atol=1e-12)
    expected = [[stats.pearsonr(a, b)[0] for b in of.T] for a, of in zip(s, p, strict=True)]
    np.testing.assert_allclose(relevance.pearson(s[..., None], p, 1), expected, atol=1e-12)


def test_a_constant_has_no_correlation():
    flat = np.full((1, 9), 0.1)  # whose mean isn't exactly 0.1
    assert relevance.pearson(flat, RNG.random((1, 9)), 1).tolist() == [0]
    assert relevance.pearson(RNG.random((1, 9)), flat, 1).tolist() == [0]


def test_cosines_are_those_of_their_definition():
    rows, row = RNG.normal(size=(4, 6)), RNG.normal(size=6)
    expected = [r @ row / np.sqrt((r @ r) * (row @ row)) for r in rows]
    np.testing.assert_allclose(relevance.cosine(rows, row), expected)
    assert relevance.cosine(np.zeros((2, 6)), row).tolist() == [0, 0]


def test_windows_are_centred_on_their_cells_and_what_lies_outside_is_black():
    grid, pixels = Grid((40, 44), 16, 8), image(40, 44)
    assert grid.size == (5, 6)
    which = np.ones(grid.size, bool)
    cut = list(grid.cut(pixels, which))
    assert {window.shape for window in cut} == {(16, 16)}
    np.testing.assert_array_equal(cut[6 + 2], pixels[4:20, 12:28])  # row 1, column 2
    corner = np.zeros((16, 16), np.uint8)
    corner[4:, 4:] = pixels[:12, :12]
    np.testing.assert_array_equal(cut[0], corner)
    assert grid.centres[1, 2].tolist() == [20, 12]
    breast = np.zeros((40, 44), bool)
    breast[12, 20] = True
    assert np.argwhere(grid.inside(breast)).tolist() == [[1, 2]]


def test_the_kernel_is_the_overlap_of_windows():
    kernel = relevance.overlap_kernel(64, 16)
    assert kernel.shape == (7, 7)
    assert kernel.sum() == pytest.approx(1)
    np.testing.assert_array_equal(kernel, kernel[::-1, ::-1].T)
    beside = 64 * 48 / (64 * 80)  # of two windows one stride apart
    assert kernel[3, 4] / kernel[3, 3] == pytest.approx(beside)
    assert relevance.overlap_kernel(16, 16).tolist() == [[1.0]]


def test_windows_are_averaged_by_the_kernel_and_the_map_lies_as_the_image_does():
    grid = Grid((40, 44), 16, 8)
    maps = RNG.random((*grid.size, 2))
    fused, kernel = grid.fused(maps), relevance.overlap_kernel(16, 8)
    for number in range(2):
        expected = ndimage.convolve(maps[..., number], kernel, mode="constant")
        np.testing.assert_allclose(fused[..., number], expected)
    large = grid.enlarged(maps[..., 0])
    assert large.shape == (40, 44)
    x, y = grid.centres[2, 3]  # between the four pixels about it
    assert large[y - 1 : y + 1, x - 1 : x + 1].mean() == pytest.approx(maps[2, 3, 0], abs=0.1)
    ramp = np.tile(np.arange(6.0), (5, 1))
    slope = np.diff(grid.enlarged(ramp)[20])[4:-1]
    np.testing.assert_allclose(slope[:-4], 1 / 8, atol=1e-5)


def by_loops(network, pixels, which, options, seed):
    """Return what CorRELAX knows, window by window and mask by mask."""
    rng = np.random.default_rng(seed)
    masks = relevance.grid_masks(options.masks, options.window, options.cells, options.shift, rng)
    half, found = options.window // 2, []
    padded = np.pad(pixels, half)
    for row, column in np.argwhere(which):
        y, x = (options.stride * n + options.stride // 2 for n in (row, column))
        window = padded[y : y + options.window, x : x + options.window]
        feature, answer = (part[0] for part in network(window[None]))
        s, q, p = [], [], []
        for mask in masks:
            f, a = (part[0] for part in network(np.rint(window * mask).astype(np.uint8)[None]))
            s.append(f @ feature / np.linalg.norm(f) / np.linalg.norm(feature))
            q.append(a @ answer / np.linalg.norm(a) / np.linalg.norm(answer))
            p.append(a)
        of_label = [stats.pearsonr(s, of)[0] if np.ptp(of) else 0 for of in np.array(p).T]
        found.append((answer, stats.pearsonr(s, q)[0], of_label))
    return found


@pytest.mark.filterwarnings("ignore:An input array is constant")
def test_correlax_is_what_its_definition_says():
    network, pixels = Network(), image()
    breast = np.zeros(pixels.shape, bool)
    breast[10:30, 10:30] = True
    found = relevance.correlax(network, pixels, breast, FEW, seed=7)
    assert 0 < found.which.sum() < found.which.size
    expected = by_loops(Network(), pixels, found.which, FEW, 7)
    answers, by_answers, by_label = map(np.array, zip(*expected, strict=True))
    np.testing.assert_allclose(found.answers, answers)
    np.testing.assert_allclose(found.by_answers, by_answers, atol=1e-9)
    np.testing.assert_allclose(found.by_label, by_label, atol=1e-9)
    assert not found.by_label[:, 2].any()  # of an answer that never changes


@pytest.mark.parametrize("at_once", [1, 3])
@pytest.mark.parametrize("shape", [(40, 48), (160, 128)])
def test_windows_are_asked_in_sizes_that_no_image_changes(monkeypatch, shape, at_once):
    monkeypatch.setattr(relevance, "PIXELS", at_once * FEW.masks * FEW.window**2)
    network = Network()
    found = relevance.correlax(network, image(*shape), np.ones(shape, bool), FEW)
    sizes = {1, at_once}
    assert set(network.asked) == {(n * FEW.masks, FEW.window, FEW.window) for n in sizes}
    windows = found.which.sum()
    asked = windows // at_once + windows % at_once * (at_once > 1)
    assert len(network.asked) == asked + -(-windows // FEW.masks)


def test_windows_are_told_apart_however_many_are_asked_at_once(monkeypatch):
    pixels, whole, found = image(), np.ones((40, 48), bool), []
    for at_once in (1, 4):
        monkeypatch.setattr(relevance, "PIXELS", at_once * FEW.masks * FEW.window**2)
        found.append(relevance.correlax(Network(), pixels, whole, FEW))
    for name in ("answers", "similarity", "agreement", "masked_answers"):
        np.testing.assert_array_equal(*(getattr(one, name) for one in found))


def test_masks_follow_from_the_seed_alone():
    pixels, whole = image(), np.ones((40, 48), bool)
    first, same, other = (
        relevance.correlax(Network(), pixels, whole, FEW, seed).by_answers for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 1e-3


def test_the_running_estimate_of_relax_is_the_weighted_mean():
    network, pixels = Network(), image(24, 24)
    masks = relevance.grid_masks(20, 24, 3, True, np.random.default_rng(0))
    masks[:, 0, 0] = 0  # a pixel that is never seen
    feature = network(pixels[None])[0][0]
    found = relevance.relax(network, pixels, iter([masks[:8], masks[8:16], masks[16:]]), feature)
    s = np.array([relevance.cosine(network(relevance.masked(pixels, m[None]))[0], feature)[0]
                  for m in masks])  # fmt: skip
    weight = masks.sum(axis=0)
    closed = np.divide((s[:, None, None] * masks).sum(axis=0), weight, where=weight > 0,
                       out=np.zeros_like(weight))  # fmt: skip
    np.testing.assert_allclose(found, closed, atol=1e-6)
    one_by_one, seen = np.zeros((24, 24)), np.zeros((24, 24))
    for value, mask in zip(s, masks, strict=True):  # as the authors have it
        seen += mask
        one_by_one += np.where(seen > 0, mask * (value - one_by_one) / np.maximum(seen, 1e-9), 0)
    np.testing.assert_allclose(found, one_by_one, atol=1e-6)


def test_the_peak_is_the_largest_pixel_of_the_breast():
    values = np.arange(20.0).reshape(4, 5)
    breast = np.zeros((4, 5), bool)
    breast[1, 1:4] = True
    assert relevance.peak(values, breast) == (3, 1, 8)
    assert np.isnan(relevance.peak(np.ones((4, 5)), breast)[:2]).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"window": 4}, "'window' is 4, expected at least 8"),
        ({"stride": 0}, "'stride' is 0, expected at least 1"),
        ({"masks": 1}, "'masks' is 1, expected at least 2"),
        ({"grey": 256}, "'grey' is 256, expected 0 to 255"),
        ({"strid": 8}, "unknown 'strid'; did you mean 'stride'"),
    ],
)
def test_what_no_options_can_be_is_refused(wrong, message):
    with pytest.raises(UserError, match=message):
        Options.of(wrong)


LABELS = ("none", "mass", "calcification")


def two_images():
    network, whole = Network(), np.ones((40, 48), bool)
    half = whole.copy()
    half[:, 24:] = False
    return {
        "a": relevance.correlax(network, image(), whole, FEW),
        "b": relevance.correlax(network, image(), half, FEW, seed=1),
    }


def test_what_was_asked_is_read_as_it_was_written(tmp_path):
    found = two_images()
    relevance_maps.write(found, tmp_path / "relevance.npz")
    again = relevance_maps.read(tmp_path / "relevance.npz")
    assert [*again] == ["a", "b"]
    for name, one in found.items():
        assert again[name].grid == one.grid
        np.testing.assert_array_equal(again[name].which, one.which)
        np.testing.assert_allclose(again[name].by_label, one.by_label, atol=1e-5)
        np.testing.assert_allclose(again[name].answers, one.answers, atol=1e-6)


@pytest.mark.parametrize("content", [None, b"nothing"])
def test_a_file_that_cannot_be_read_names_its_notebook(tmp_path, content):
    if content:
        (tmp_path / "r.npz").write_bytes(content)
    with pytest.raises(DatasetError, match="run 42_correlax again"):
        relevance_maps.read(tmp_path / "r.npz")


def test_each_way_points_at_the_largest_value_of_its_own_map():
    found = two_images()["a"]
    breast = np.ones((40, 48), bool)
    rows = relevance_maps.points(found, breast, LABELS).set_index(["way", "kind"])
    fused = found.grid.fused(found.grid.spread(found.answers, found.which))
    large = found.grid.enlarged(fused[..., 1])
    y, x = np.unravel_index(large.argmax(), large.shape)
    assert rows.loc[("answers", "mass"), ["x", "y"]].tolist() == [x, y]
    assert rows.loc[("answers", "mass"), "value"] == pytest.approx(large.max())
    best = found.answers[:, 1].argmax()
    centre = found.grid.centres[found.which][best].tolist()
    assert rows.loc[("windows", "mass"), ["x", "y"]].tolist() == centre
    same = [rows.loc[("by_answers", kind)].tolist() for kind in LABELS[1:]]
    assert same[0] == same[1]  # it knows no label
    assert np.isnan(rows.loc[("by_label", "calcification"), "x"])  # an answer that never changes


def test_shuffled_answers_correlate_by_chance_alone():
    options = Options(window=16, stride=8, masks=400, cells=4)
    whole = np.ones((40, 48), bool)
    found = relevance.correlax(Network(), image(), whole, options)
    rng = np.random.default_rng(0)
    by_chance = np.stack([relevance_maps.shuffled(found, rng).by_label[:, 1] for _ in range(40)])
    assert by_chance.std() == pytest.approx(1 / np.sqrt(399), rel=0.2)
    assert abs(by_chance.mean()) < 0.02
    few = relevance_maps.fewer_masks(found, 30)
    expected = relevance.pearson(found.similarity[:, :30], found.masked_answers[:, :30, 1], 1)
    np.testing.assert_allclose(few.by_label[:, 1], expected)
    highest = relevance_maps.points(found, whole, LABELS).query("way == 'by_label'")["value"].max()
    assert relevance_maps.largest(found, whole, LABELS) == highest


def test_patients_take_turns():
    rows = pd.DataFrame({
        "image_id": [*"abcdefg"], "patient_id": ["p", "p", "p", "p", "q", None, None],
    })  # fmt: skip
    chosen = relevance_maps.spread_over_patients(rows, 5, seed=1)
    assert set(chosen["image_id"][:4]) >= {"e", "f", "g"}
    assert chosen["patient_id"].value_counts().to_dict() == {"p": 2, "q": 1}
    assert len(relevance_maps.spread_over_patients(rows, 99)) == 7


def test_agreement_is_the_rank_correlation_over_windows():
    found = {f"trained/{name}": one for name, one in two_images().items()}
    other = relevance.correlax(Network(), image(), np.ones((40, 48), bool), FEW, seed=3)
    found["other/a"] = replace(other, answers=found["trained/a"].answers)
    rows = relevance_maps.agreement(found, "trained", ["other"], LABELS, LABELS[1:])
    assert set(rows["way"]) == {"by_answers", "by_label"}  # the answers are the same
    of_mass = rows[(rows["way"] == "by_label") & (rows["kind"] == "mass")]["correlation"].item()
    expected = stats.spearmanr(found["trained/a"].by_label[:, 1], other.by_label[:, 1]).statistic
    assert of_mass == pytest.approx(expected)
