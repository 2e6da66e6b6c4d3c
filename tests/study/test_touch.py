"""The things to touch, in a browser: their numbers are the library's, and hands and keys move them.

The numbers need no built book: the scripts are put into an empty page.
"""

import io
import re
import zipfile

import cv2
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from scipy.special import softmax
from sklearn.metrics import recall_score
from sklearn.neighbors import KNeighborsClassifier

from birads_lib.figures import style
from birads_lib.losses import ordinal
from birads_lib.phantoms import render
from birads_lib.scores import calibration, decision
from birads_lib.scores.bootstrap import Resampling
from birads_lib.task import MALIGNANCY
from helpers.browser import BOOK, built, show_on
from helpers.project import ROOT

SCRIPTS = ("common", "pixels", "clahe", "loss", "dials", "split", "lab", "reveal")
STATIC = ROOT / "book" / "_static" / "touch"
THINGS = ("loss", "dials", "split", "lab", "reveal")
PAGE = "book/smoke/16_touch.html"
LOSSES = {  # lambda -> the library's loss
    "cross_entropy": lambda dal_lambda: ordinal.DistanceAwareLoss(dal_lambda=0.0),
    "dal": lambda dal_lambda: ordinal.DistanceAwareLoss(dal_lambda=dal_lambda),
    "emd": lambda dal_lambda: ordinal.EarthMoversLoss(),
    "sord": lambda dal_lambda: ordinal.SoftLabelLoss(),
}


@pytest.fixture
def compute(browser):
    """A function that evaluates JavaScript beside the scripts, on given values."""
    browser.get("about:blank")
    code = "\n".join((STATIC / f"{name}.js").read_text() for name in SCRIPTS)
    browser.execute_script(
        "const tag = document.createElement('script'); tag.textContent = arguments[0];"
        "document.head.append(tag);",
        code,
    )

    def compute(expression, *given):
        return browser.execute_script(f"return ({expression})(...arguments)", *given)

    return compute


# The loss playground


def of_library(name, p, truth, dal_lambda):
    """Return the library's loss of each row (n,), in double precision."""
    import keras

    tensor = keras.ops.convert_to_tensor(p, "float64")
    return np.asarray(LOSSES[name](dal_lambda).per_image(truth, tensor))


@pytest.mark.parametrize("dal_lambda", [0.0, 1.0, 2.7])
def test_losses_and_pushes_are_those_of_the_library(compute, dal_lambda):
    rng = np.random.default_rng(0)
    z, truth = rng.normal(0, 2, (100, 5)), rng.integers(0, 5, 100)
    p = softmax(z, axis=1)
    told = compute(
        """(all, truth, lambda) => all.map((p, row) => Object.fromEntries(
          Object.entries(touch.loss.losses(p, truth[row], lambda)).map(([name, loss]) =>
            [name, [loss.value, touch.loss.push(p, loss.gradient)]])))""",
        p.tolist(), truth.tolist(), dal_lambda,
    )  # fmt: skip
    step = 1e-5 * np.eye(5)
    for name in LOSSES:
        value = of_library(name, p, truth, dal_lambda)
        np.testing.assert_allclose([row[name][0] for row in told], value, rtol=1e-9, atol=1e-12)
        up, down = (
            np.stack([of_library(name, softmax(z + s, axis=1), truth, dal_lambda) for s in side], 1)
            for side in (step, -step)
        )
        pushes = np.array([row[name][1] for row in told])  # (n, 5)
        np.testing.assert_allclose(pushes, -(up - down) / 2e-5, rtol=1e-4, atol=1e-6)


def test_certain_answers_have_the_losses_of_the_library(compute):
    p, truth = np.eye(5)[[0, 0, 4]], np.array([0, 4, 2])
    told = compute(
        "(all, truth) => all.map((p, row) => touch.loss.losses(p, truth[row], 1))",
        p.tolist(), truth.tolist(),
    )  # fmt: skip
    for name in LOSSES:
        value = of_library(name, p, truth, 1.0)
        np.testing.assert_allclose([row[name]["value"] for row in told], value, rtol=1e-6)


def test_a_probability_set_by_hand_leaves_the_others_their_proportions(compute):
    moved = compute("() => touch.loss.moved([0.1, 0.2, 0.3, 0.4, 0], 1, 0.5)")
    np.testing.assert_allclose(moved, [0.0625, 0.5, 0.1875, 0.25, 0])
    moved = compute("() => touch.loss.moved([0, 1, 0, 0, 0], 1, 0.2)")
    np.testing.assert_allclose(moved, [0.2] * 5)


# The dials


def made_up_answers(n=150):
    rng = np.random.default_rng(1)
    y = rng.integers(1, 6, n)
    p = rng.dirichlet(np.ones(5), n) + 0.5 * np.eye(5)[y - 1]
    p = (p / p.sum(1, keepdims=True)).round(2)  # ties, and scores at thresholds
    return y, p, [{"y": int(a), "p": b} for a, b in zip(y, p.tolist(), strict=True)]


@pytest.mark.parametrize("prevalence", [None, 0.02, 0.4])
@pytest.mark.parametrize("lowest", [3, 4, 5])
def test_net_benefit_is_that_of_the_library(compute, lowest, prevalence):
    y, p, rows = made_up_answers()
    told = compute(
        """(rows, lowest, ts, prevalence) => ts.map((t) =>
          touch.dials.netBenefit(touch.dials.decided(rows, lowest), t, prevalence))""",
        rows, lowest, decision.THRESHOLDS.tolist(), prevalence,
    )  # fmt: skip
    positive, score = y >= lowest, decision.probability_of_at_least(p, lowest)
    net = decision.net_benefit(positive, score, prevalence=prevalence)[:, 0]
    of_all = decision.treat_all(positive, prevalence=prevalence)[:, 0]
    np.testing.assert_allclose([at["model"] for at in told], net, rtol=0, atol=1e-12)
    np.testing.assert_allclose([at["all"] for at in told], of_all, rtol=0, atol=1e-12)


@pytest.mark.parametrize("lowest", [3, 4, 5])
def test_reliability_is_that_of_the_library(compute, lowest):
    y, p, rows = made_up_answers()
    score = decision.probability_of_at_least(p, lowest)
    told = compute(
        "(rows, lowest) => touch.dials.reliability(touch.dials.decided(rows, lowest), null)",
        rows, lowest,
    )  # fmt: skip
    people = pd.DataFrame(
        {"image_id": np.arange(len(y)).astype(str), "patient_id": None, "seed": 0}
    )
    table = calibration.reliability(
        1 + (y >= lowest), np.stack([1 - score, score], axis=1),
        Resampling.of(people, 2, 0), MALIGNANCY,
    ).query("malignancy == 2")  # fmt: skip
    for name in ("images", "predicted", "observed"):
        np.testing.assert_allclose([row[name] for row in told], table[name], rtol=1e-12)


def test_reliability_at_another_prevalence_weighs_who_needs_it(compute):
    y, p, rows = made_up_answers()
    told = compute("(rows) => touch.dials.reliability(touch.dials.decided(rows, 4), 0.05)", rows)
    positive = y >= 4
    weight = np.where(positive, 0.05 / positive.sum(), 0.95 / (~positive).sum())
    score = decision.probability_of_at_least(p, 4)
    edges = np.unique(np.quantile(score, np.arange(1, 10) / 10))
    place = np.searchsorted(edges, score, side="right")
    bins = [place == k for k in np.unique(place)]
    observed = [np.average(positive[held], weights=weight[held]) for held in bins]
    np.testing.assert_allclose([row["observed"] for row in told], observed)


def test_a_thousand_women_are_a_thousand(compute):
    _, _, rows = made_up_answers()
    told = compute(
        """(rows) => [0.005, 0.1, 0.333].flatMap((prevalence) => [0.01, 0.2, 0.99].map((t) => {
          const parts = touch.dials.shares(touch.dials.decided(rows, 4), t, prevalence);
          return [touch.dials.people(parts), parts];
        }))""",
        rows,
    )
    for counts, shares in told:
        assert sum(counts.values()) == 1000
        assert all(abs(counts[kind] - 1000 * shares[kind]) < 1 for kind in shares)


# The split simulator


def made_up_images():
    """Forty patients with four images each, that look alike; looks say nothing of the category."""
    rng = np.random.default_rng(2)
    patient = np.repeat(np.arange(40), 4)
    grade = np.repeat(rng.choice([1, 2, 3, 4, 5], 80, p=[0.2, 0.4, 0.2, 0.1, 0.1]), 2)
    x, y = rng.normal(0, 10, (2, 40))[:, patient] + rng.normal(0, 5, (2, 160))
    return pd.DataFrame({"patient": patient, "grade": grade, "x": x, "y": y})


def played(compute, images, order, unit, share=1.0, deals=30):
    rows = images.to_dict("records")
    rules = {"order": order, "unit": unit, "share": share}
    code = """(rows, rules, deals) => Array.from({ length: deals }, (_, seed) =>
      touch.split.play(rows, rules, seed))"""
    return pd.DataFrame(compute(code, rows, rules, deals)).mean()


def test_copies_before_the_split_lift_the_test_score_alone(compute):
    images = made_up_images()
    honest = played(compute, images, "after", "patient")
    leaky = played(compute, images, "before", "image")
    assert abs(honest["test"] - 0.2) < 0.08
    assert leaky["test"] > honest["test"] + 0.25
    assert abs(leaky["fresh"] - honest["fresh"]) < 0.05
    assert honest["again"] == 0
    assert leaky["again"] > 0.5


def test_without_copies_or_with_whole_patients_nothing_climbs(compute):
    images = made_up_images()
    assert played(compute, images, "before", "image", share=0)["again"] == 0
    by_patient = played(compute, images, "before", "patient")
    assert by_patient["again"] == 0
    assert abs(by_patient["test"] - by_patient["fresh"]) < 0.08


@pytest.mark.parametrize("unit", ["patient", "image"])
@pytest.mark.parametrize("order", ["before", "after"])
def test_a_deal_keeps_its_rules_and_its_scores_are_those_of_scikit_learn(compute, order, unit):
    images = made_up_images()
    code = """(rows, rules) => {
      const { train, test, fresh } = touch.split.deal(rows, rules, 5);
      const of = (part) => part.map((image) => rows.indexOf(image));
      return [of(train), of(test), of(fresh), touch.split.play(rows, rules, 5)];
    }"""
    rules = {"order": order, "unit": unit, "share": 1}
    *parts, scores = compute(code, images.to_dict("records"), rules)
    train, test, fresh = (images.iloc[part] for part in parts)
    assert fresh["patient"].nunique() == 13
    assert not set(fresh["patient"]) & {*train["patient"], *test["patient"]}
    assert len({*parts[0], *parts[1]}) == 160 - len(fresh)  # nobody is lost
    if unit == "patient":
        assert not set(train["patient"]) & set(test["patient"])
    if order == "after":
        assert not set(parts[0]) & set(parts[1])
        assert train["grade"].value_counts().nunique() == 1
    else:
        assert pd.concat([train, test])["grade"].value_counts().nunique() == 1
    nearest = KNeighborsClassifier(1, algorithm="brute").fit(train[["x", "y"]], train["grade"])
    for name, part in (("test", test), ("fresh", fresh)):
        y, answers = part["grade"], nearest.predict(part[["x", "y"]])
        recalls = recall_score(y, answers, labels=y.unique(), average=None)
        assert scores[name] == pytest.approx(recalls.mean())


# The image lab


def as_image(image):
    return {"width": image.shape[1], "height": image.shape[0], "grey": image.ravel().tolist()}


@pytest.mark.parametrize(("width", "height", "tiles"), [(64, 64, 8), (100, 75, 8), (37, 53, 3)])
@pytest.mark.parametrize("clip", [0.5, 2.0, 20.0])
def test_clahe_is_within_a_grey_level_of_opencv(compute, width, height, tiles, clip):
    phantom = cv2.resize(render(3, 1, "R", "MLO", size=128).image, (width, height))
    for image in (phantom, np.random.default_rng(0).integers(0, 256, (height, width), np.uint8)):
        told = compute(
            "(image, clip, tiles) => [...touch.clahe.apply(image, clip, tiles).grey]",
            as_image(image), clip, tiles,
        )  # fmt: skip
        expected = cv2.createCLAHE(clip, (tiles, tiles)).apply(image)
        difference = np.reshape(told, image.shape).astype(int) - expected
        assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("times", [1, 2, 4, 8])
def test_scaling_down_is_within_a_grey_level_of_opencv(compute, times):
    image = render(3, 1, "L", "CC", size=64).image
    told = compute("(image, times) => [...touch.pixels.smaller(image, times).grey]",
                   as_image(image), times)  # fmt: skip
    side = 64 // times
    expected = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    assert np.abs(np.reshape(told, (side, side)) - expected.astype(int)).max() <= 1


def test_a_smaller_calcification_stands_out_less_until_it_is_gone(compute):
    image = np.full((64, 64), 100, np.uint8)
    told = compute(
        """(image) => [8, 4, 2, 1, 0].map((diameter) => {
          const marked = touch.lab.withCalcification(image, 32, 32, diameter);
          const small = [marked, image].map((each) => touch.pixels.smaller(each, 4));
          return [touch.lab.contrast(...small, 0.5, 0.5).rise, marked.grey.reduce((a, b) => a + b)];
        })""",
        as_image(image),
    )
    rises, totals = np.transpose(told)
    assert (np.diff(rises) < 0).all()
    assert rises[-1] == 0
    area = (totals[0] - totals[-1]) / 90
    assert area == pytest.approx(np.pi * 16, rel=0.02)


def test_a_place_hits_where_the_mask_has_it(compute):
    mask = np.zeros((4, 4), np.uint8)
    mask[1, 2] = 255
    code = "(mask, places) => places.map(([x, y]) => touch.reveal.hits(x, y, mask))"
    places = [[0.6, 0.3], [0.3, 0.6], [0.99, 0.99], [None, None]]
    assert compute(code, as_image(mask), places) == [True, False, False, False]


# The page


@pytest.fixture
def page(browser, address):
    """The page, all things on it ready."""
    if not (BOOK / PAGE).is_file():
        pytest.skip("the built book has no such page")
    show_on(browser, 1280, 900)
    browser.get_log("browser")
    browser.get(f"{address}/{PAGE}")
    return browser


def said(page, name):
    return page.execute_script(f"return document.querySelector('#{name} .touch-says').textContent")


def data_of(name):
    """Return the data of a figure of the page."""
    soup = BeautifulSoup((BOOK / PAGE).read_text(), "html.parser")
    return pd.read_csv(io.StringIO(soup.find("script", {"data-figure": name}).string))


@built
def test_the_data_in_the_page_are_the_files_that_its_figures_offer():
    if not (BOOK / PAGE).is_file():
        pytest.skip("the built book has no such page")
    soup = BeautifulSoup((BOOK / PAGE).read_text(), "html.parser")
    for name in THINGS:
        link = soup.find("a", download=re.compile(rf"{name}\.csv(\.zip)?"))
        offered = ((BOOK / PAGE).parent / link["href"]).read_bytes()
        if link["download"].endswith(".zip"):
            offered = zipfile.ZipFile(io.BytesIO(offered)).read(f"{name}.csv")
        assert soup.find("script", {"data-figure": name}).string == offered.decode()


@built
def test_each_thing_stands_in_place_of_its_picture(page):
    for name in THINGS:
        seen = page.execute_script(
            "return [...document.querySelectorAll(arguments[0])].map((e) => e.checkVisibility())",
            f"#{name} > .touch, #{name} img",
        )
        assert seen == [True, False], name
        assert said(page, name) or name == "lab"  # its picture is still being read
    assert not [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"]


@built
def test_without_scripts_the_pictures_stay(browser, address):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(f"{address}/{PAGE}")
        figures = browser.find_elements("css selector", "figure.exhibit img")
        assert [figure.is_displayed() for figure in figures] == [True] * len(THINGS)
        assert not browser.find_elements("css selector", ".touch")
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@built
def test_every_slider_and_choice_answers_to_the_keyboard(page):
    for name in THINGS[:-1]:
        for control in page.find_elements("css selector", f"#{name} input"):
            value = control.get_property("value")
            if control.get_attribute("type") == "range":
                at_end = value == control.get_attribute("max")
                control.send_keys("\ue012" if at_end else "\ue014")  # arrows left and right
                assert control.get_property("value") != value
            else:
                control.send_keys(" ")
                assert control.is_selected()
    assert not [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"]


@built
def test_the_losses_of_the_examples_are_those_under_the_figure(page):
    table = data_of("loss")
    for row, button in zip(
        table.itertuples(), page.find_elements("css selector", "#loss button"), strict=True
    ):
        button.click()
        cells = page.find_elements("css selector", "#loss tbody tr td:nth-child(2)")
        assert [cell.text for cell in cells] == [f"{getattr(row, name):.4f}" for name in LOSSES]


@built
def test_the_dials_tell_the_net_benefit_of_the_study(page):
    table = data_of("dials")
    score = decision.probability_of_at_least(table[[f"p{k}" for k in range(1, 6)]].to_numpy(), 4)
    net = decision.net_benefit((table["y_true"] >= 4).to_numpy(), score, [0.2])[0, 0]
    assert f"model {net:.3f}" in said(page, "dials")


@built
def test_the_game_is_played_by_keyboard_to_its_end(page):
    rounds = len(data_of("reveal"))
    frame = page.find_element("css selector", "#reveal .touch-frame")
    for number in range(1, rounds + 1):
        page.execute_async_script(
            "const wait = () => document.querySelector('#reveal .touch-says').textContent"
            ".startsWith(arguments[0]) ? arguments[1]() : setTimeout(wait, 20); wait();",
            f"Image {number} of {rounds}",
        )
        frame.send_keys("\ue014\ue015\ue007")  # right, down, Enter
        assert said(page, "reveal").startswith("In the finding")
        maps = page.find_elements("css selector", "#reveal .touch-maps button")
        assert len(maps) == 4
        maps[0].send_keys("\ue007")
        assert len(page.find_elements("css selector", "#reveal .trained")) == 1
        page.find_element("css selector", "#reveal .touch-row button").send_keys("\ue007")
    points = page.find_elements("css selector", "#reveal tbody td")
    assert points[0].text == "0 of 0"  # it starts anew


def test_grades_have_the_same_colours_as_in_figures():
    sheet = (STATIC / "touch.css").read_text()
    assert all(f"--grade-{k}: {colour};" in sheet for k, colour in style.colours().items())
