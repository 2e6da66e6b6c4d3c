"""The studies of local views and CorRELAX: what they set, what they are given, what stops them."""

import ast
import json

import pandas as pd
import pytest
import yaml

from birads_lib.errors import UserError
from press.execution import preflight
from press.execution.agreement import check_agreement
from press.paths import CONFIG, source_notebook
from press.rendering import staging
from press.report import claims
from press.studies import given
from press.studies.study import load

STUDIES = ("relevance", "relevance_gpu", "relevance_inbreast", "relevance_cbis", "smoke_relevance")
PAGES = {"41_local_views", "42_correlax", "43_pointing_game", "61_companion_claims"}


@pytest.mark.parametrize("name", STUDIES)
def test_each_study_has_its_chapters_and_its_notebooks_agree(name):
    study = load(CONFIG / f"{name}.yaml")
    assert set(study.pages()) >= PAGES
    check_agreement(study)
    assert claims.paper_of(study.chapters) == "mellado2025"


def study_of(tmp_path, **changes):
    keys = yaml.safe_load((CONFIG / "smoke_relevance.yaml").read_text())
    for notebook, values in changes.items():
        keys["notebooks"][notebook] = keys["notebooks"].get(notebook, {}) | values
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(keys | {"name": "mine"}))
    return load(path, root=str(tmp_path / "results"))


def test_windows_of_two_sizes_are_refused(tmp_path):
    study = study_of(tmp_path, **{"42_correlax": {"window": 48}})
    with pytest.raises(UserError, match="window is 32 for 41_local_views, but 48 for 42_correlax"):
        check_agreement(study)


@pytest.mark.parametrize(
    ("notebook", "values", "message"),
    [
        ("41_local_views", {"scales": [5.0, 0.05]}, "'scales' is .*, expected two positive"),
        ("41_local_views", {"visible": 2.0}, "'visible' is 2.0, expected 0 to 1"),
        ("42_correlax", {"masks": 1}, "'masks' is 1, expected at least 2"),
        ("42_correlax", {"shift": 1}, "'shift' is 1, expected true or false"),
        ("43_pointing_game", {"gate_answers": 1.2}, "'gate_answers' is 1.2, expected 0 to 1"),
        ("43_pointing_game", {"dilatation": 8.0}, "unknown 'dilatation'.* did you mean 'dilation'"),
    ],
)
def test_values_out_of_range_are_refused(tmp_path, notebook, values, message):
    with pytest.raises(UserError, match=message):
        study_of(tmp_path, **{notebook: values})


def test_the_images_that_a_network_learns_from_are_reached_by_a_link(tmp_path):
    other = tmp_path / "other_place"
    other.mkdir()
    learned = {"learned_from": {"reader": "cbis_ddsm", "folder": str(other)}}
    study = study_of(tmp_path, **{"41_local_views": learned})
    assert str(tmp_path) not in str(study.parameters("41_local_views")["learned_from"])
    given.link(study)
    assert given.images_link(f"{study.folder}/learned_from").resolve() == other.resolve()


def test_patients_are_dealt_out_by_the_labels_of_the_study_and_too_few_are_told_before_a_run(
    tmp_path,
):
    study = study_of(tmp_path, **{"41_local_views": {"folds": 29}})
    message = "BI-RADS [1-5] has [0-9]+ patients; 29 folds need at least 29"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(staging, "check", lambda study: None)  # once is enough, below
        with pytest.raises(UserError, match=message):
            preflight.check(study)
    learned = {"learned_from": {"reader": "phantoms"}}
    study.notebooks["41_local_views"] |= learned
    assert preflight.check(study)  # then no patient is dealt out
    cbis = load(CONFIG / "relevance_cbis.yaml")
    assert cbis.values("41_local_views")["task"] == "malignancy"


def test_where_every_image_has_a_finding_there_is_nothing_to_raise_a_false_alarm_in(capsys):
    cells = json.loads(source_notebook("43_pointing_game").read_text())["cells"]
    (code,) = [text for cell in cells if 'id="false-alarms"' in (text := "".join(cell["source"]))]
    rows = [(image, way, "mass", 0.9) for image in ("a", "b") for way in ("answers", "relax")]
    scope = {
        "pd": pd, "every_point": pd.DataFrame(rows, columns=["image_id", "way", "kind", "value"]),
        "gates": {"answers": 0.25}, "is_empty": {"a": False, "b": False},
        "whose": pd.Series({"a": "p1", "b": "p2"}),
    }  # fmt: skip
    exec(code, scope)
    assert scope["false"].empty
    assert "too few images without any finding" in capsys.readouterr().out


@pytest.mark.parametrize("empty", [set(), {"a"}])
def test_the_caption_of_maps_tells_of_an_image_without_a_finding_where_there_is_one(empty):
    cells = json.loads(source_notebook("42_correlax").read_text())["cells"]
    (code,) = [text for cell in cells if 'id="maps"' in (text := "".join(cell["source"]))]
    words = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.keyword)]
    (caption,) = [node.value for node in words if node.arg == "caption"]
    said = eval(compile(ast.Expression(caption), "caption", "eval"), {"empty": empty})
    assert ("one without a finding" in said) == bool(empty)
    assert ". Bright is high. " in said
