"""Sentences on a backbone's weights agree with the way they were made."""

import ast
import json
from pathlib import Path

import pytest

from birads_lib import pretrained
from birads_lib.training import transfer


def test_the_number_of_phantoms_is_that_of_the_pretraining():
    source = Path(pretrained.__file__).parent / "phantoms" / "pretraining.py"
    tree = ast.parse(source.read_text())
    values = {
        node.targets[0].id: ast.unparse(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
    }
    assert values["PATIENTS"] == "PHANTOMS // 4"
    assert f"{pretrained.PHANTOMS:,} phantoms" in pretrained.about("phantoms")


def test_a_result_on_phantoms_is_no_test_of_the_method():
    assert "not the method" in pretrained.about("phantoms")


@pytest.mark.parametrize("weights", ["imagenet", "none", "/home/me/secret/r50.weights.h5"])
def test_other_weights_are_said_to_be_others(weights):
    said = pretrained.about(weights)
    assert "phantoms" not in said
    assert "secret" not in said


def test_weights_that_a_stage_left_are_said_to_have_learned_its_task(tmp_path):
    record = {"stage": "squares", "task": "malignancy", "weights": "r50.weights.h5"}
    (tmp_path / transfer.PASSPORT).write_text(json.dumps(record))
    said = pretrained.about(str(tmp_path / transfer.TRUNK))
    assert "stage “squares” learned malignancy" in said
    assert "r50.weights.h5" in said
    assert str(tmp_path) not in said
