"""The two small families of matched weights."""

import keras
import numpy as np
import pytest

from birads_lib.errors import UserError
from birads_lib.networks import backbones

SIDE = 64


def numpy(tensor) -> np.ndarray:
    return keras.ops.convert_to_numpy(tensor)


@pytest.fixture(scope="module")
def mbconv():
    keras.utils.set_random_seed(0)
    return backbones.build("small_mbconv", SIDE, "none")


@pytest.mark.one_backend  # numbers of weights, and sizes of maps
def test_the_two_small_families_have_as_many_weights_and_the_same_strides(mbconv):
    resnet = backbones.build("small_resnet", SIDE, "none")
    assert mbconv.count_params() == pytest.approx(resnet.count_params(), rel=0.01)
    grids = [
        [trunk.get_layer(stage).output.shape[1] for stage in backbones.BACKBONES[name].stages]
        for name, trunk in (("small_resnet", resnet), ("small_mbconv", mbconv))
    ]
    assert grids[0] == grids[1] == [SIDE // 4, SIDE // 8, SIDE // 16, SIDE // 32]


def test_a_block_is_the_papers(mbconv):
    """The second block of a stage in NumPy, from the layers' own weights."""
    layer, rng = mbconv.get_layer, np.random.default_rng(0)
    names = ("expand", "dwconv", "se_reduce", "se_expand", "project")
    expand, deep, reduce, widen, project = (
        layer(f"block3b_{name}{'_conv' if name in ('expand', 'project') else ''}") for name in names
    )
    norms = [layer(f"block3b_{name}") for name in ("expand_bn", "bn", "project_bn")]
    for norm in norms:
        norm.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in norm.get_weights()])
    block = keras.Model(expand.input, layer("block3b_add").output)
    x = rng.normal(size=(2, 4, 4, 80)).astype("float32")

    def normed(values, norm):
        gamma, beta, mean, variance = norm.get_weights()
        return gamma * (values - mean) / np.sqrt(variance + norm.epsilon) + beta

    def silu(values):
        return values / (1 + np.exp(-values))

    inside = silu(normed(x @ numpy(expand.kernel)[0, 0], norms[0]))  # (2, 4, 4, 320)
    padded = np.pad(inside, ((0, 0), (2, 2), (2, 2), (0, 0)))
    kernel = numpy(deep.kernel)[..., 0]  # (5, 5, 320)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), axis=(1, 2))
    inside = silu(normed(np.einsum("nhwcij,ijc->nhwc", windows, kernel), norms[1]))
    squeezed = inside.mean(axis=(1, 2))
    weights = silu(squeezed @ numpy(reduce.kernel)[0, 0] + numpy(reduce.bias))
    weights = 1 / (1 + np.exp(-(weights @ numpy(widen.kernel)[0, 0] + numpy(widen.bias))))
    excited = inside * weights[:, None, None]
    expected = x + normed(excited @ numpy(project.kernel)[0, 0], norms[2])
    np.testing.assert_allclose(numpy(block(x)), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.one_backend
def test_weights_of_another_family_stop(tmp_path, mbconv):
    path = tmp_path / "other.weights.h5"
    mbconv.save_weights(path)
    with pytest.raises(UserError, match="doesn't fit the backbone small_resnet; choose"):
        backbones.build("small_resnet", SIDE, path)
    with pytest.raises(UserError, match=r'"phantoms" is not for the backbone small_mbconv; choose'):
        backbones.build("small_mbconv", SIDE, "phantoms")
