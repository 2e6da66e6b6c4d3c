"""The study of double transfer on patients' images: what films teach."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml

from birads_lib import cases
from birads_lib.errors import UserError
from birads_lib.figures import transfer
from birads_lib.images import regions
from birads_lib.task import DENSITY, MALIGNANCY, Task
from helpers.figures import texts
from press.paths import CONFIG, source_notebook
from press.studies.study import load

WAYS = ["squares", "films", "films_density", "films_assessment"]


class Door:
    """In place of a run: keeps what is published."""

    def publish(self, what, id, **words):
        setattr(self, id.replace("-", "_"), what)


def code_with(text):
    notebook = json.loads(source_notebook("35_real_transfer").read_text())
    (code,) = [code for cell in notebook["cells"] if text in (code := "".join(cell["source"]))]
    return code


def taught(tmp_path, ways):
    """Run the cell that says what four made-up films teach; return its names."""
    films = tmp_path / "films.npy"
    np.save(films, np.arange(4, dtype=np.uint8).repeat(4).reshape(4, 2, 2))
    table = pd.DataFrame({
        "image_id": [*"abcd"], "patient_id": ["P1", "P1", "P2", "P3"],
        "birads": pd.array([4, 3, None, 5], "Int64"), "density": ["A", "D", "B", None],
        "malignancy": ["malignant", "benign", "benign", "malignant"],
    })  # fmt: skip
    rois = table.iloc[[0, 3]].assign(roi_id=["a-0", "d-0"])
    scope = {
        "run": Door(), "Task": Task, "DENSITY": DENSITY, "MALIGNANCY": MALIGNANCY, "ways": ways,
        "files": pd.DataFrame({"kind": ["image"], "sha256": ["0"]}), "regions": regions,
        "cases": cases, "np": np, "pd": pd, "rois": rois, "films": films,
        "crops": np.full((2, 2, 2), 9, np.uint8), "other": type("Other", (), {"cases": table}),
    }  # fmt: skip
    exec(code_with('id="intermediate",'), scope)
    return scope


def test_films_teach_histology_density_or_assessment_each_where_it_is_known(tmp_path):
    made = taught(tmp_path, WAYS)
    assert [*made["sets"]] == WAYS
    seen = {name: pixels[:, 0, 0].tolist() for name, (pixels, _) in made["sets"].items()}
    assert seen == {
        "squares": [9, 9], "films": [0, 1, 2, 3], "films_density": [0, 1, 2],
        "films_assessment": [0, 1, 3],
    }  # fmt: skip
    numbers = {
        name: cases.label_numbers(rows, made["taught"][name]).tolist()
        for name, (_, rows) in made["sets"].items()
    }
    assert numbers == {
        "squares": [2, 2], "films": [2, 1, 1, 2], "films_density": [1, 4, 2],
        "films_assessment": [2, 1, 2],
    }  # fmt: skip
    shown = made["run"].intermediate["images"]
    assert shown["films_assessment"].to_dict() == {"below 4": 1, "4 or more": 2}
    assert [*taught(tmp_path, WAYS[:1])["sets"]] == ["squares"]


def test_a_way_that_there_is_not_is_refused(tmp_path):
    keys = yaml.safe_load((CONFIG / "transfer_inbreast.yaml").read_text())
    keys["notebooks"]["35_real_transfer"]["ways"] = ["films_histology"]
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(keys))
    with pytest.raises(UserError, match="films_density"):
        load(path)


def test_names_keep_their_capitals_within_a_line():
    names = {"single": "ImageNet", "longer": "Single transfer", "double": "Double transfer"}
    rows = [("double", "single", 0.1, 0.0, 0.2), ("double", "longer", 0.1, 0.0, 0.2)]
    table = pd.DataFrame(rows, columns=["first", "second", "estimate", "low", "high"])
    shown = texts(transfer.differences(table, names))
    assert "Double transfer\nminus ImageNet" in shown
    assert "Double transfer\nminus single transfer" in shown
