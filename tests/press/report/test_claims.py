"""The claim ledger: the file is read strictly, and code gives the verdicts."""

import json

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from birads_lib.errors import UserError
from birads_lib.figures import claims as plots
from press.paths import NOTEBOOKS
from press.report import claims, ledger
from press.report.verdicts import (
    BY_ERRORS,
    LEAKY_ONLY,
    MEMORISED,
    NOT_REPRODUCED,
    NOT_TESTABLE,
    REPRODUCED,
)

PROTOCOLS = ["patient", "image", "oversample_first"]
ENTRY = {
    "id": "acc", "label": "Accuracy", "text": "It is 0.9.", "source": "table 3",
    "about": "INbreast", "protocol": "patient", "notebook": "04_evaluation", "metric": "accuracy",
    "exhibit": "headline", "value": 0.9, "tolerance": 0.02, "reading": "As it is.",
}  # fmt: skip


def claim(**changes):
    return claims.Claim(**ENTRY | changes)


def records(metric="accuracy", width=0.0, **estimates):
    """Return the records of one metric of 04_evaluation: protocol=estimate."""
    return {
        f"04_evaluation-proposed-{protocol}": {
            metric: {"estimate": e, "low": e - width, "high": e + width}
        }
        for protocol, e in estimates.items()
    }


def verdict(stated, recorded, protocols=PROTOCOLS):
    row = ledger.judge([stated], recorded, "proposed", protocols).iloc[0]
    return row["verdict"], row["why"]


def written(tmp_path, *entries, defaults=None):
    path = tmp_path / "claims.yml"
    path.write_text(yaml.safe_dump({"defaults": defaults or {}, "claims": list(entries)}))
    return path


def load(path, paper=claims.MAIN):
    """Read the claims of a file in place of the book's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims, "CLAIMS", path)
        return claims.load(paper)


# Papers


def test_claims_belong_to_a_paper_and_are_read_for_one(tmp_path, monkeypatch):
    path = tmp_path / "claims.yml"
    monkeypatch.setattr(claims, "CLAIMS", path)
    papers = {
        claims.MAIN: {"title": "The paper", "chapters": "paper"},
        "other": {"title": "A companion", "chapters": "transfer"},
    }
    entries = [ENTRY, ENTRY | {"id": "theirs", "paper": "other", "above": 0.5, "value": None}]
    path.write_text(yaml.safe_dump({"papers": papers, "defaults": {}, "claims": entries}))
    assert [c.id for c in claims.load()] == ["acc"]
    assert [c.id for c in claims.load("other")] == ["theirs"]
    assert claims.paper_of("transfer") == "other"
    counts = claims.counts_by_paper()
    assert counts["claims"].to_dict() == {"The paper": 1, "A companion": 1}
    assert counts["about a number"].to_dict() == {"The paper": 1, "A companion": 0}
    entries[1]["paper"] = "nobody"
    path.write_text(yaml.safe_dump({"papers": papers, "defaults": {}, "claims": entries}))
    with pytest.raises(UserError, match="theirs: 'paper' is 'nobody'; expected one of"):
        claims.load()


def test_images_that_the_claims_are_not_about_are_named():
    stated = claims.load()  # about INbreast
    assert ledger.other_images("inbreast", stated) == ""
    assert ledger.other_images("phantoms", stated) == "synthetic"
    assert ledger.other_images("cbis_ddsm", stated) == "those of CBIS-DDSM"
    assert ledger.other_images("table", stated) == "those of another place"


def test_synthetic_images_support_directions_and_no_numbers():
    directed = claim(value=None, above=0.5, id="up")
    judged = ledger.judge(
        ledger.of_directions([claim(), directed]), records(patient=0.95), "proposed", PROTOCOLS
    )
    assert judged["verdict"].to_dict() == {"acc": NOT_TESTABLE, "up": REPRODUCED}
    assert judged.loc["acc", "why"] == ledger.NO_VALUE
    assert list(ledger.DIRECTIONS) == list(ledger.VERDICTS)


# Judging


@pytest.mark.parametrize(
    ("patient", "leaky", "expected"),
    [
        (0.95, 0.95, REPRODUCED),
        (0.88, 0.50, REPRODUCED),  # exactly value - tolerance
        (0.87, 0.93, LEAKY_ONLY),
        (0.87, 0.87, NOT_REPRODUCED),
    ],
)
def test_the_verdict_on_a_number(patient, leaky, expected):
    recorded = records(patient=patient, oversample_first=leaky)
    assert verdict(claim(), recorded)[0] == expected


COHORT = claims.Cohort(images=[67, 220, 23, 44, 57], shares={"test": 0.15, "train": 0.7})


def row_of(stated, recorded, cohort=COHORT):
    return ledger.judge(stated, recorded, "proposed", PROTOCOLS, cohort).iloc[0]


@pytest.mark.parametrize(
    ("patient", "leaky", "expected", "could_turn"),
    [
        (0.91, 0.5, REPRODUCED, "no"),  # within the tolerance
        (0.84, 0.5, REPRODUCED, BY_ERRORS),  # 0.08 below; both errors are 0.10
        (0.81, 0.84, LEAKY_ONLY, "yes"),  # no flat failure under the leak, and near one without
        (0.75, 0.75, NOT_REPRODUCED, "no"),
    ],
)
def test_a_number_is_judged_with_both_sampling_errors(patient, leaky, expected, could_turn):
    stated = claim(value=0.921, part="test", widest=0.13)
    row = row_of([stated], records(patient=patient, oversample_first=leaky, width=0.04))
    assert row["errors"] == pytest.approx(np.hypot(0.0949, 0.04), abs=1e-3)
    assert (row["verdict"], row["could_turn"]) == (expected, could_turn)
    without = row_of([stated], records(patient=patient, oversample_first=leaky), cohort=None)
    assert without["errors"] == 0
    assert (without["verdict"] == REPRODUCED) == (patient == 0.91)


@pytest.mark.parametrize(
    ("estimate", "expected"), [(0.95, REPRODUCED), (0.7, NOT_TESTABLE), (0.4, NOT_REPRODUCED)]
)
def test_what_only_errors_that_are_too_wide_explain_is_not_testable(estimate, expected):
    """The F1 of BI-RADS 4 rests on seven images of the paper."""
    stated = claim(metric="f1_4", value=0.923, part="test", widest=0.13)
    row = row_of([stated], records("f1_4", patient=estimate, width=0.05))
    assert row["errors"] == pytest.approx(0.38, abs=0.01)
    assert row["verdict"] == expected
    assert ("so few images can't tell" in row["why"]) == (expected == NOT_TESTABLE)


def of_training(train, test):
    """Return the verdict on an accuracy of training that stands beside one of the test part."""
    stated = [
        claim(id="train", metric="train.accuracy", value=0.99, beside="test"),
        claim(id="test", label="The test part", metric="accuracy", value=0.9),
    ]
    recorded = records("train.accuracy", **train)
    for page, metrics in records("accuracy", **test).items():
        recorded[page] |= metrics
    row = row_of(stated, recorded)
    return row["verdict"], row["why"]


def test_a_number_of_training_is_not_reproduced_by_memory_alone():
    everywhere = {"patient": 1.0, "oversample_first": 1.0}
    assert of_training(everywhere, {"patient": 0.9, "oversample_first": 0.9})[0] == REPRODUCED
    leaky = of_training(everywhere, {"patient": 0.6, "oversample_first": 0.95})
    assert leaky == (LEAKY_ONLY, "oversample_first")
    by_heart = of_training(everywhere, {"patient": 0.6, "oversample_first": 0.6})
    assert by_heart == (MEMORISED, "without 'The test part'; patient, oversample_first")
    neither = of_training(dict.fromkeys(everywhere, 0.7), dict.fromkeys(everywhere, 0.9))
    assert neither[0] == NOT_REPRODUCED


def test_a_claim_stands_beside_one_that_there_is(tmp_path):
    with pytest.raises(UserError, match="acc: 'beside' is 'nowhere'; expected the id"):
        load(written(tmp_path, ENTRY | {"beside": "nowhere"}))


def test_claims_of_training_stand_beside_those_of_the_test_part():
    of_train = [c for c in claims.load() if str(c.metric).startswith("train.")]
    assert {c.beside for c in of_train} == {"acc-test", "f1-test", "auc-test", "mcc-all-test"}


def test_leaky_protocols_are_named():
    recorded = records(patient=0.5, image=0.9, oversample_first=0.95)
    assert verdict(claim(), recorded) == (LEAKY_ONLY, "image, oversample_first")
    assert verdict(claim(), recorded, ["patient", "image"]) == (LEAKY_ONLY, "image")


@pytest.mark.parametrize(
    ("given", "image", "expected"),
    [(0.95, 0.5, NOT_REPRODUCED), (0.95, 0.95, NOT_REPRODUCED), (0.5, 0.95, LEAKY_ONLY)],
)
def test_a_split_without_a_leak_is_never_called_leaky(given, image, expected):
    """A claim that holds under another honest split doesn't come from a leak."""
    recorded = records(patient=0.5, given=given, image=image)
    judged = ledger.judge([claim()], recorded, "proposed", ["patient", "given", "image"])
    assert judged.loc["acc", "verdict"] == expected
    is_said = "But it holds under given" in ledger.readings([claim()], judged)
    assert is_said == (expected == NOT_REPRODUCED)


def test_no_run_under_its_own_protocol_is_not_testable():
    judgement, why = verdict(claim(), records(oversample_first=0.95))
    assert judgement == NOT_TESTABLE
    assert "04_evaluation under patient" in why


def test_a_number_that_is_undefined_is_not_testable():
    assert verdict(claim(), records(patient=np.nan)) == (
        NOT_TESTABLE,
        "accuracy is not estimable here",
    )
    other = claim(value=None, above="chance")
    assert verdict(other, records(patient=0.9))[1].startswith("no chance was recorded")


def test_the_reason_of_an_untestable_claim_is_given():
    stated = claim(value=None, not_testable="other data")
    assert verdict(stated, records(patient=0.95)) == (NOT_TESTABLE, "other data")


@pytest.mark.parametrize(
    ("kind", "holds"),
    [
        ("at_least", {0.4: True, 0.5: True, 0.6: False}),
        ("at_most", {0.4: False, 0.5: True, 0.6: True}),
        ("above", {0.4: True, 0.5: False, 0.6: False}),
        ("below", {0.4: False, 0.5: False, 0.6: True}),
    ],
)
def test_limits_that_are_numbers_or_metrics(kind, holds):
    for limit, expected in holds.items():
        recorded = records(patient=0.5)
        by_number = claim(value=None, **{kind: limit})
        assert (verdict(by_number, recorded)[0] == REPRODUCED) is expected
        recorded["04_evaluation-proposed-patient"]["other"] = {
            "estimate": limit, "low": np.nan, "high": np.nan,
        }  # fmt: skip
        by_metric = claim(value=None, **{kind: "other"})
        assert (verdict(by_metric, recorded)[0] == REPRODUCED) is expected


def test_several_limits_have_to_hold_together():
    recorded = records(patient=0.5)
    assert verdict(claim(value=None, above=[0.3, 0.4]), recorded)[0] == REPRODUCED
    assert verdict(claim(value=None, above=[0.3, 0.6]), recorded)[0] == NOT_REPRODUCED


@pytest.mark.parametrize(("images", "expected"), [(20, REPRODUCED), (19, NOT_TESTABLE)])
def test_a_claim_may_need_a_least_value_of_another_metric(images, expected):
    stated = claim(needs={"n": 20})
    recorded = records(patient=0.95)
    recorded["04_evaluation-proposed-patient"]["n"] = {"estimate": images, "low": 0, "high": 0}
    judgement, why = verdict(stated, recorded)
    assert judgement == expected
    assert ("n is 19, and the claim needs 20 or more" in why) == (expected == NOT_TESTABLE)
    assert verdict(claim(needs={"other": 1}), recorded)[0] == NOT_TESTABLE


def test_a_page_over_all_protocols_names_them_in_its_metrics():
    stated = claim(notebook="05_ablations", metric="deep.{protocol}.accuracy")
    numbers = {"deep.patient.accuracy": 0.5, "deep.image.accuracy": 0.95}
    page = {name: {"estimate": e, "low": e, "high": e} for name, e in numbers.items()}
    assert verdict(stated, {"05_ablations": page}) == (LEAKY_ONLY, "image")


@pytest.mark.parametrize(
    ("width", "expected"), [(0.2, "yes"), (0.05, "no"), (np.nan, "no interval")]
)
def test_whether_part_of_the_interval_gives_the_other_verdict_is_said_apart(width, expected):
    recorded = records(patient=0.75, width=width)
    stated = claim(value=None, at_least=0.88)
    row = ledger.judge([stated], recorded, "proposed", PROTOCOLS).iloc[0]
    assert (row["verdict"], row["could_turn"]) == (NOT_REPRODUCED, expected)


@pytest.mark.parametrize(
    ("low", "high", "rule", "holds"),
    [
        (0.01, 0.05, {"above": 0, "bound": "low"}, True),
        (-0.01, 0.05, {"above": 0, "bound": "low"}, False),
        (-0.01, 0.05, {"at_most": 0, "bound": "low"}, True),
        (-0.05, -0.01, {"below": 0, "bound": "high"}, True),
        (-0.05, 0.01, {"below": 0, "bound": "high"}, False),
    ],
)
def test_a_rule_may_read_an_end_of_the_interval(low, high, rule, holds):
    stated = claim(value=None, reading="A difference.", **rule)
    page = {"accuracy": {"estimate": (low + high) / 2, "low": low, "high": high}}
    recorded = {f"04_evaluation-proposed-{PROTOCOLS[0]}": page}
    row = ledger.judge([stated], recorded, "proposed", PROTOCOLS[:1]).iloc[0]
    assert (row["verdict"] == REPRODUCED) == holds
    assert row["could_turn"] == "in the rule"
    page["accuracy"]["low"] = page["accuracy"]["high"] = np.nan
    row = ledger.judge([stated], recorded, "proposed", PROTOCOLS[:1]).iloc[0]
    assert row["verdict"] == NOT_TESTABLE


@pytest.mark.parametrize(
    ("low", "high", "leaky", "verdict", "undecided"),
    [
        (-0.01, 0.05, 0.01, LEAKY_ONLY, "by patient"),  # the interval alone makes the difference
        (-0.05, -0.01, 0.01, LEAKY_ONLY, ""),
        (-0.01, 0.05, -0.01, NOT_REPRODUCED, "by patient"),
        (0.01, 0.05, 0.01, REPRODUCED, ""),
    ],
)
def test_a_claim_that_an_interval_leaves_open_is_called_undecided(
    low, high, leaky, verdict, undecided
):
    stated = claim(value=None, above=0, bound="low", reading="A difference.")
    ends = {"patient": (low, high), "image": (leaky, 0.05)}
    recorded = {
        f"04_evaluation-proposed-{name}": {"accuracy": {"estimate": 0.0, "low": a, "high": b}}
        for name, (a, b) in ends.items()
    }
    table = ledger.judge([stated], recorded, "proposed", [*ends])
    assert (table.loc["acc", "verdict"], table.loc["acc", "undecided"]) == (verdict, undecided)
    for text in (ledger.table(table, [*ends]).to_string(), ledger.readings([stated], table)):
        assert ("; undecided by patient" in text) == bool(undecided)


def test_a_comparison_shows_the_numbers_that_it_is_held_against():
    recorded = records(patient=0.5)
    stated = claim(value=None, above=["a", 0.3], measured="recall")
    page = recorded["04_evaluation-proposed-patient"]
    assert row_of([stated], recorded)["claimed"] == "a comparison (recall)"
    page["a"] = {"estimate": 0.4, "low": 0.4, "high": 0.4}
    assert row_of([stated], recorded)["claimed"] == "above 0.4, 0.3 (recall)"


@given(
    estimates=some.fixed_dictionaries({p: some.floats(0, 1) | some.none() for p in PROTOCOLS}),
    value=some.floats(0, 1),
)
def test_every_claim_gets_the_verdict_of_the_plain_rule(estimates, value):
    there = {p: e for p, e in estimates.items() if e is not None}
    limit = round(value - 0.02, 12)
    if "patient" not in there:
        expected = NOT_TESTABLE
    elif there["patient"] >= limit:
        expected = REPRODUCED
    else:
        expected = LEAKY_ONLY if any(e >= limit for e in there.values()) else NOT_REPRODUCED
    assert verdict(claim(value=value), records(**there))[0] == expected


def test_counts_cover_every_verdict():
    stated = [claim(id="a"), claim(id="b", value=None, not_testable="x")]
    counts = ledger.counts(ledger.judge(stated, records(patient=0.95), "proposed", PROTOCOLS))
    assert counts.to_dict() == {
        "reproduced": 1, "leaky_only": 0, "memorised": 0, "not_reproduced": 0, "not_testable": 1,
    }  # fmt: skip


# Reading records


def test_records_are_found_where_runs_leave_them(tmp_path):
    row = {"accuracy": {"estimate": 0.5, "low": None, "high": None}}
    for path in ("runs/proposed/patient/04_evaluation", "05_ablations"):
        file = tmp_path / f"{path}.metrics.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(row))
    files = ledger.record_files(tmp_path, "proposed", ["patient", "image"])
    assert sorted(files) == ["04_evaluation-proposed-patient", "05_ablations"]
    read = ledger.read_records(files)["05_ablations"]["accuracy"]
    assert read["estimate"] == 0.5
    assert np.isnan(read["low"])
    assert ledger.record_files(tmp_path / "nowhere", "proposed", PROTOCOLS) == {}


@pytest.mark.parametrize("text", ["{", "[1]", '{"a": 1}', '{"a": {"estimate": 1}}', '{"a": null}'])
def test_a_file_of_no_records_is_named(tmp_path, text):
    path = tmp_path / "04_evaluation.metrics.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"04_evaluation\.metrics\.json"):
        ledger.read_records({"page": path})


# Reading claims


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metrik": "x"}, "line .*: unknown 'metrik'; did you mean 'metric'"),
        ({"above": 0.5}, "needs exactly one of .* has value and above"),
        ({"value": None}, "needs exactly one of .* has none"),
        ({"value": "0.9"}, "'value' is '0.9', expected a finite number"),
        ({"value": True}, "'value' is True"),
        ({"value": [0.9]}, "'value' is"),
        ({"tolerance": None}, "'tolerance' is None, expected a finite number"),
        ({"protocol": "patients"}, "'protocol' is 'patients'; did you mean 'patient'"),
        ({"notebook": "4_evaluation"}, "did you mean '04_evaluation'"),
        ({"notebook": "05_ablations"}, "the metric 'accuracy' needs a {protocol}"),
        ({"metric": "a.{protocol}"}, "can't have a {protocol}"),
        ({"text": ""}, "'text' is missing, or no text"),
        ({"label": 3}, "'label' is missing, or no text"),
        ({"value": None, "above": []}, "'above' is"),
        ({"value": None, "above": "other", "reading": ""}, "'reading' is missing"),
        ({"value": None, "not_testable": True}, "'not_testable' is missing, or no text"),
    ],
)
def test_a_wrong_claim_is_named_with_its_key(tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        load(written(tmp_path, ENTRY | changes))


def test_all_problems_come_at_once(tmp_path):
    wrong = written(tmp_path, ENTRY | {"metrik": 1, "protocol": "x"}, ENTRY, "text")
    with pytest.raises(UserError) as caught:
        load(wrong)
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert "another entry has the id 'acc', too" in lines[2]
    assert "'claims' has 'text', expected a mapping" in lines[3]


@pytest.mark.parametrize("text", ["a: [", "[]", "claims: []", "defaults: []\nclaims: {}"])
def test_a_file_of_another_shape_is_refused(tmp_path, text):
    path = tmp_path / "claims.yml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"claims\.yml"):
        load(path)
    with pytest.raises(UserError, match=r"there is no x\.yml"):
        load(tmp_path / "x.yml")


def test_defaults_hold_where_a_claim_says_nothing_else(tmp_path):
    entry = {key: value for key, value in ENTRY.items() if key != "tolerance"}
    first, second = load(
        written(tmp_path, entry, entry | {"id": "b", "tolerance": 0}, defaults={"tolerance": 0.1})
    )
    assert (first.tolerance, second.tolerance) == (0.1, 0)


# The book's own files


def test_the_ledger_holds_the_claims_of_the_paper():
    by_id = {stated.id: stated for stated in claims.load()}
    values = {
        "acc-test": 0.921, "f1-test": 0.920, "auc-test": 0.987, "mcc-test": 0.903,
        "acc-validation": 0.922, "f1-validation": 0.921, "auc-validation": 0.991,
        "acc-training": 0.995, "f1-training": 0.995, "auc-training": 1.0,
        "f1-4": 0.923, "f1-5": 0.969, "auc-3": 1.0, "auc-5": 0.996,
        "abl-base-acc": 0.879, "abl-base-auc": 0.988, "abl-2h-acc": 0.886,
        "abl-ft-acc": 0.921, "abl-ft-auc": 0.987,
    }  # fmt: skip
    assert {
        name: stated.value for name, stated in by_id.items() if stated.value is not None
    } == values
    words = (
        "mcc-all",
        "adjacent",
        "abl-deep",
        "abl-drop",
        "dca",
        "calib",
        "conf",
        "tsne",
        "gradcam",
    )
    assert all(any(name.startswith(word) for name in by_id) for word in (*words, "vs-patchcascade"))
    assert {stated.about for stated in by_id.values()} == {"INbreast"}
    assert len({stated.label for stated in by_id.values()}) == len(by_id)


def test_the_papers_counts_of_images_and_parts(tmp_path, monkeypatch):
    cohort = claims.cohort()
    assert sum(cohort.images) == 411
    assert sum(cohort.shares.values()) == pytest.approx(1)
    path = tmp_path / "claims.yml"
    path.write_text("defaults: {}\nclaims: []\ncohort: {images: [1], shares: {x: 1}}")
    monkeypatch.setattr(claims, "CLAIMS", path)
    with pytest.raises(UserError, match=r"claims\.yml"):
        claims.cohort()


def test_every_figure_that_a_claim_points_at_is_published():
    for stated in claims.load():
        source = NOTEBOOKS / f"{stated.notebook}.ipynb"
        if stated.notebook and source.exists():
            cells = json.loads(source.read_text())["cells"]
            code = "".join("".join(cell["source"]) for cell in cells)
            assert f'id="{stated.exhibit}"' in code, (
                f"{stated.id}: {stated.notebook} has no {stated.exhibit}"
            )


def test_published_systems_are_whole_and_read_strictly(tmp_path, monkeypatch):
    table = claims.published()
    assert [table.columns.name, *table.columns] == list(claims.System.model_fields)
    path = tmp_path / "published.yml"
    path.write_text(yaml.safe_dump({"systems": [{"system": "A", "taks": "x"}]}))
    monkeypatch.setattr(claims, "PUBLISHED", path)
    with pytest.raises(UserError, match=r"line 3: unknown 'taks'; did you mean 'task'") as caught:
        claims.published()
    assert "'data' is missing" in str(caught.value)


# Showing


def judged():
    stated = [
        claim(),
        claim(id="auc", label="AUC <5>", metric="mean_auc"),
        claim(id="most", label="Most", value=None, above=0.5, reading="Half."),
        claim(id="vs", label="Other", value=None, not_testable="other data", text="A & B"),
    ]
    return stated, ledger.judge(
        stated, records(width=0.05, patient=0.5, image=0.9), "proposed", PROTOCOLS
    )


def test_the_ledger_in_texts():
    table = ledger.table(judged()[1], PROTOCOLS)
    assert table.loc["Accuracy"].tolist() == [
        "only leaky: image", "0.900", "0.50 (0.45 to 0.55)", "0.90", "-", "no",
    ]  # fmt: skip
    assert table.loc["Other"].tolist() == ["not testable here", "", "-", "-", "-", ""]
    assert table.loc["Most", "the paper"] == "above 0.5"
    assert claim(value=None, above="chance").claimed() == "a comparison"
    share = claim(value=None, at_least=1, measured="share of thresholds")
    assert share.claimed() == "at least 1 (share of thresholds)"


def test_each_claim_is_listed_with_its_reading_and_a_link_that_leads_somewhere():
    text = ledger.readings(*judged())
    assert 'href="04_evaluation-proposed-patient.html#headline"' in text
    assert "Holds from 0.880 up, 0.02 below the paper, or within both sampling errors" in text
    assert "AUC &lt;5&gt;" in text
    assert "A &amp; B" in text
    assert text.count("<dt ") == 4
    assert "Accuracy: reproduced only under a leaky protocol</dt>" in text
    nothing = ledger.judge([claim()], {}, "proposed", PROTOCOLS)
    assert "href" not in ledger.readings([claim()], nothing)


def test_a_page_says_what_its_images_are():
    stated = claims.load()
    assert "these are its images" in ledger.about("inbreast", "inbreast", stated)
    assert "These images are synthetic" in ledger.about("phantoms", "phantoms", stated)
    assert "the images of 'mine'" in ledger.about("mine", "class_folders", stated)


@pytest.mark.parametrize("protocols", [PROTOCOLS, ["patient"], ["image"]])
def test_charts_of_what_there_is(protocols):
    stated = [claim(), claim(id="b", label="B", metric="nowhere")]
    table = ledger.judge(stated, records(patient=0.5, image=0.9), "proposed", protocols)
    figure = plots.claimed_and_found(table, protocols)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["Accuracy", "B"]
    assert figure.axes[0].yaxis_inverted()  # the first at the top
    assert len(figure.legends[0].get_texts()) == len(protocols) + 1
    bars = plots.verdict_counts(ledger.counts(table), ledger.VERDICTS).axes[0].patches
    assert sum(bar.get_width() for bar in bars) == 2


@pytest.mark.parametrize("limit", ["{protocol}.f1", "f1.{protocol}", "f1"])
def test_a_limit_is_shown_without_its_protocol(limit):
    assert claims.short(limit) == "f1"
