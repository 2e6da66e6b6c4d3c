"""Phantoms: what they show is what their truth says, and nothing else tells the category."""

import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from birads_lib import phantoms
from birads_lib.errors import UserError
from birads_lib.phantoms import anatomy, lesions, lexicon

ONLY = {grade: tuple(float(grade == other) for other in range(1, 6)) for grade in range(1, 6)}
CATEGORIES = {(sign.kind, sign.descriptors): sign.category for sign in lexicon.CATALOGUE}
BREASTS = list(itertools.product("LR", ("CC", "MLO")))


@pytest.fixture(scope="module")
def cohort() -> tuple[list[phantoms.Phantom], np.ndarray]:
    """Return 800 small phantoms of 200 patients, and the patient of each."""
    keys = [(patient, *view) for patient in range(200) for view in BREASTS]
    made = [phantoms.render(2026, *key, size=128) for key in keys]
    return made, np.array([key[0] for key in keys])


@pytest.fixture
def without_findings(monkeypatch):
    """Return a ``render`` whose breasts have no findings."""

    def render(*args, **options):
        with monkeypatch.context() as patch:
            patch.setattr(lexicon, "choose_signs", lambda grade, rng: [])
            return phantoms.render(*args, **options)

    return render


# The lexicon


@pytest.mark.parametrize(
    ("kind", "descriptors", "category"),
    [
        ("mass", "oval, circumscribed, fat-containing", 2),
        ("mass", "oval, circumscribed, intramammary lymph node", 2),
        ("mass", "oval, circumscribed, equal density", 3),
        ("mass", "round, circumscribed, equal density", 3),
        ("mass", "irregular, indistinct, equal density", 4),
        ("mass", "oval, microlobulated, equal density", 4),
        ("mass", "irregular, spiculated, high density", 5),
        ("calcification", "coarse popcorn-like", 2),
        ("calcification", "rim", 2),
        ("calcification", "vascular", 2),
        ("calcification", "large rod-like, diffuse", 2),
        ("calcification", "round, grouped", 3),
        ("calcification", "amorphous, grouped", 4),
        ("calcification", "coarse heterogeneous, grouped", 4),
        ("calcification", "fine pleomorphic, grouped", 4),
        ("calcification", "fine linear branching, segmental", 5),
        ("architectural_distortion", "", 4),
        ("asymmetry", "focal", 3),
    ],
)
def test_descriptors_imply_the_category(kind, descriptors, category):
    assert CATEGORIES[kind, descriptors] == category


def test_the_worst_finding_decides_the_grade(cohort):
    for phantom in cohort[0]:
        assert phantom.birads_true == max((f.category for f in phantom.findings), default=1)
        for finding in phantom.findings:
            assert finding.category == CATEGORIES[finding.kind, finding.descriptors]


def test_every_sign_is_drawn(cohort):
    drawn = {(f.kind, f.descriptors) for phantom in cohort[0] for f in phantom.findings}
    assert drawn == CATEGORIES.keys()


@given(st.integers(1, 5), st.floats(0, 1), st.integers(0, 2**32))
def test_a_reader_is_at_most_one_step_off(true, disagreement, seed):
    read = lexicon.read_grade(true, disagreement, np.random.default_rng(seed))
    assert 1 <= read <= 5
    assert abs(read - true) <= 1


@pytest.mark.parametrize("rate", [0.0, 0.08, 0.5, 1.0])
def test_readers_disagree_at_the_rate_asked_for(rate):
    rng = np.random.default_rng(0)
    off = [lexicon.read_grade(1 + i % 5, rate, rng) != 1 + i % 5 for i in range(5000)]
    assert np.mean(off) == pytest.approx(rate, abs=0.02)


def test_a_breast_is_read_once(cohort):
    for cc, mlo in zip(cohort[0][::2], cohort[0][1::2], strict=True):
        assert (cc.birads, cc.birads_true) == (mlo.birads, mlo.birads_true)


# The cohort


@pytest.mark.parametrize("prevalence", [phantoms.PREVALENCE, (0.1, 0.2, 0.3, 0.4, 0.0)])
def test_grades_come_at_the_prevalence_asked_for(prevalence):
    grades = [[phantoms.true_grade(1, p, side, prevalence) for side in "LR"] for p in range(3000)]
    for side in np.transpose(grades):
        shares = np.bincount(side, minlength=6)[1:] / len(side)
        assert shares == pytest.approx(prevalence, abs=0.02)


def test_both_breasts_may_be_suspicious_but_rarely_are():
    grades = [
        [phantoms.true_grade(1, p, s, phantoms.PREVALENCE) for s in "LR"] for p in range(3000)
    ]
    assert 0.005 < np.mean(np.min(grades, axis=1) >= 4) < 0.08


def test_density_and_modality_say_nothing_of_the_grade(cohort):
    grades = [phantom.birads_true for phantom in cohort[0][::4]]
    for name in ("density", "modality"):
        values = [getattr(phantom, name) for phantom in cohort[0][::4]]
        pairs = zip(values, grades, strict=True)
        table = np.zeros((len(set(values)), 5))
        for value, grade in pairs:
            table[sorted(set(values)).index(value), grade - 1] += 1
        assert stats.chi2_contingency(table).pvalue > 0.01


@pytest.mark.parametrize(("laterality", "view"), BREASTS)
def test_but_for_findings_images_dont_depend_on_the_grade(without_findings, laterality, view):
    breasts = [without_findings(3, 5, laterality, view, prevalence=ONLY[g]) for g in ONLY]
    assert [breast.birads_true for breast in breasts] == [1, 2, 3, 4, 5]
    assert len({breast.image.tobytes() for breast in breasts}) == 1
    assert len({(breast.density, breast.modality) for breast in breasts}) == 1


@pytest.mark.parametrize("features", ["pixels", "histogram"])
def test_no_shortcut_to_the_grade(cohort, features):
    images = [phantom.image for phantom in cohort[0]]
    if features == "pixels":
        x = [cv2.resize(i, (32, 32), interpolation=cv2.INTER_AREA).ravel() for i in images]
    else:
        x = [np.bincount(i.ravel() // 4, minlength=64) / i.size for i in images]
    y = np.array([phantom.birads for phantom in cohort[0]])
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    majority = np.bincount(y).max() / len(y)
    for strength in (1e-3, 1e-1):  # of the penalty's inverse
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=300))
        with threadpool_limits(1):  # many threads are slower at this size
            guess = cross_val_predict(model, np.array(x, float), y, groups=cohort[1], cv=folds)
        assert np.mean(guess == y) <= majority + 0.05


# The image


def test_the_same_arguments_give_the_same_image():
    first, again = (phantoms.render(7, 3, "R", "MLO") for _ in range(2))
    assert np.array_equal(first.image, again.image)
    assert first.image.dtype == np.uint8
    others = [(8, 3, "R", "MLO"), (7, 4, "R", "MLO"), (7, 3, "L", "MLO"), (7, 3, "R", "CC")]
    assert not any(np.array_equal(first.image, phantoms.render(*key).image) for key in others)


def test_the_chest_wall_is_left_in_a_left_breast_and_right_in_a_right_one():
    for side, view in BREASTS:
        image = phantoms.render(1, 1, side, view).image
        left, right = image[:, :20].mean(), image[:, -20:].mean()
        assert (left > 10 * right) if side == "L" else (right > 10 * left)


@pytest.mark.parametrize("size", [128, 384])
@pytest.mark.parametrize("grade", [2, 3, 4, 5])
def test_masks_cover_what_findings_change(without_findings, grade, size):
    share, contrast = [], []
    for patient, (side, view) in itertools.product(range(3), BREASTS):
        options = {"size": size, "prevalence": ONLY[grade]}
        phantom = phantoms.render(11, patient, side, view, **options)
        plain = without_findings(11, patient, side, view, **options)
        change = np.abs(phantom.image.astype(float) - plain.image)
        mask = np.any([finding.mask for finding in phantom.findings], axis=0)
        assert phantom.findings[0].mask.shape == (size, size)
        share.append(change[mask].sum() / change.sum())
        contrast.append(change[mask].mean() / 255)
    assert np.mean(share) > 0.8
    assert np.mean(contrast) > 0.05


def test_findings_lie_in_the_breast_and_in_the_same_place_in_both_views(cohort):
    pairs = zip(cohort[0][::2], cohort[0][1::2], strict=True)  # CC and MLO of each breast
    for number, (cc, mlo) in enumerate(pairs):
        patient, side = divmod(number, 2)
        who = anatomy.describe_patient(np.random.default_rng([2026, patient, 2]), modality="mixed")
        assert [f.descriptors for f in cc.findings] == [f.descriptors for f in mlo.findings]
        for a, b in zip(cc.findings, mlo.findings, strict=True):
            if a.kind == "mass":
                near, far = _depth(a.mask, side, who, "CC"), _depth(b.mask, side, who, "MLO")
                assert near == pytest.approx(far, abs=0.08)
                assert 0.25 < near < 0.85


def _depth(mask: np.ndarray, side: int, who: anatomy.Patient, view: str) -> float:
    """Return how far a mask's centre lies on the way from the chest wall to the skin, 0..1."""
    y, x = (np.nonzero(mask[:, ::-1] if side else mask)[i].mean() / len(mask) for i in (0, 1))
    return x / anatomy.outline(who, view, np.array([y]))[0]


@pytest.mark.parametrize("sign", lexicon.CATALOGUE, ids=lambda sign: sign.descriptors or sign.kind)
def test_benign_findings_are_as_bright_as_suspicious_ones(sign):
    peaks = []
    for seed in range(8):
        field, extent = lesions.draw(
            sign.kind, sign.descriptors, np.random.default_rng(seed), 0.3, 1.0
        )
        assert field.shape == extent.shape
        assert extent.any()
        peaks.append(field.max())
    assert 0.18 < np.mean(peaks) < 0.7


@pytest.mark.parametrize("beta", [2.0, 3.0])
def test_texture_has_a_power_law_spectrum(beta):
    rng = np.random.default_rng(0)
    white = rng.standard_normal((256, 256)) + 1j * rng.standard_normal((256, 256))
    for field in anatomy.power_law_pair(white, beta):
        power = np.abs(np.fft.rfft2(field)) ** 2
        radius = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.rfftfreq(256)[None, :])
        band = (radius > 0.02) & (radius < 0.4)
        slope = np.polyfit(np.log(radius[band]), np.log(power[band]), 1)[0]
        assert slope == pytest.approx(-beta, abs=0.05)


def test_all_bad_parameters_are_named_at_once():
    with pytest.raises(UserError) as error:
        phantoms.render(1, 1, "X", "AP", size=1, sides=2)
    assert str(error.value).splitlines() == [
        "'size' is 1, expected 64 to 4096",
        "'laterality' is 'X'; there is 'L', 'R'",
        "'view' is 'AP'; there is 'CC', 'MLO'",
        "unknown 'sides'; did you mean 'size'?",
    ]
