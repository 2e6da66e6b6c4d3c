"""A cohort of phantoms is a data set, made once."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from birads_lib.errors import UserError
from birads_lib.phantoms import anatomy, render
from birads_lib.readers import phantoms


def test_what_is_written_is_what_render_makes(tmp_path):
    dataset = phantoms.read(tmp_path, patients=3, seed=5, size=64, workers=2)
    assert len(dataset.cases) == 12
    for row, path in zip(dataset.cases.itertuples(), dataset.files(), strict=True):
        key = int(row.patient_id[1:]), row.laterality, row.view
        phantom = render(5, *key, size=64)
        assert np.array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), phantom.image)
        assert (row.birads, row.density, row.modality) == (
            phantom.birads, phantom.density, phantom.modality,
        )  # fmt: skip
        rows = dataset.findings[dataset.findings["image_id"] == row.image_id]
        for line, finding in zip(rows.itertuples(), phantom.findings, strict=True):
            mask = cv2.imread(str(tmp_path / line.mask_path), cv2.IMREAD_UNCHANGED)
            assert np.array_equal(mask, 255 * finding.mask.astype(np.uint8))
            box = finding.mask[int(line.y0) : int(line.y1), int(line.x0) : int(line.x1)]
            assert box.sum() == finding.mask.sum()
            assert (line.kind, line.descriptors) == (finding.kind, finding.descriptors)


def test_a_cohort_is_made_once_and_again_when_anything_differs(tmp_path):
    def make(**options):
        dataset = phantoms.read(tmp_path, **{"patients": 2, "size": 64, "workers": 1, **options})
        return dataset, dataset.files()[0].stat().st_mtime_ns

    first, made = make()
    again, same = make()
    assert made == same
    assert first.cases.equals(again.cases)
    assert len(first.findings) == len(again.findings)
    for changed in (first.files()[3], tmp_path / first.findings["mask_path"][0]):
        changed.write_bytes(b"changed")
        remade, later = make()
        assert later > made
        assert first.cases.equals(remade.cases)
        assert changed.read_bytes() != b"changed"
        made = later
    smaller, _ = make(patients=1, modality="DBT")
    assert set(smaller.cases["modality"]) == {"DBT"}
    assert len(list((tmp_path / "images").iterdir())) == 4
    assert len(list((tmp_path / "masks").iterdir())) == len(smaller.findings)
    assert json.loads((tmp_path / "phantoms.json").read_text())["patients"] == 1


def test_comments_make_no_other_generator_and_code_does(monkeypatch):
    written = Path.read_bytes
    before = phantoms._generator()
    monkeypatch.setattr(Path, "read_bytes", lambda path: written(path) + b"\n# a comment\n")
    assert phantoms._generator() == before
    monkeypatch.setattr(Path, "read_bytes", lambda path: written(path) + b"\nx = 1\n")
    assert phantoms._generator() != before
    drawing = {path.stem for path in Path(anatomy.__file__).parent.glob("*.py")}
    hashed = {Path(module.__file__).stem for module in phantoms.DRAWING}
    assert hashed == drawing - {"__init__", "pretraining", "histology"}  # which draw nothing


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("patients", 0), ("patients", 2.5), ("seed", -1), ("seed", True), ("size", 16),
        ("disagreement", 1.1), ("disagreement", "none"), ("disagreement", float("nan")),
        ("prevalence", (0.5, 0.5)), ("prevalence", (0.4, 0.4, 0.4, -0.1, -0.1)),
        ("prevalence", (1, 1, 1, 1, 1)), ("prevalence", None), ("modality", "CT"), ("workers", 0),
    ],
)  # fmt: skip
def test_a_bad_parameter_is_named(tmp_path, name, value):
    with pytest.raises(UserError, match=f"'{name}' (is|has) "):
        phantoms.read(tmp_path / "new", **{name: value})
    assert not (tmp_path / "new").exists()


def test_no_study_is_tested_on_the_phantoms_of_the_pretraining(tmp_path):
    source = (Path(anatomy.__file__).parent / "pretraining.py").read_text()
    assert "from birads_lib.pretrained import PHANTOMS_SEED as SEED" in source
    with pytest.raises(UserError, match="'seed' is 90210000, whose phantoms the small ResNet was"):
        phantoms.read(tmp_path / "new", seed=90_210_000)
    assert not (tmp_path / "new").exists()


def test_every_modality_of_a_view_shows_the_same_breast(tmp_path):
    dataset = phantoms.read(tmp_path, patients=2, size=64, workers=1, modality="every")
    cases = dataset.cases
    assert len(cases) == 2 * 4 * 3
    assert cases["modality"].value_counts().to_dict() == {"DM": 8, "s2D": 8, "DBT": 8}
    assert cases.loc[0, "image_id"] == "p0000_L_CC_DM"
    of_view = cases.groupby(["patient_id", "laterality", "view"])
    assert (of_view[["birads", "density"]].nunique() == 1).all(axis=None)
    assert (of_view["sha256"].nunique() == 3).all()
    found = dataset.findings.merge(cases, on="image_id")
    assert (found.groupby(["patient_id", "laterality", "view"])["x0"].nunique() <= 2).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("density_shares", (0.5, 0.5)), ("density_shares", (0.5, 0.6, 0.1, 0.1)),
        ("density_disagreement", 1.5), ("gamma", 0), ("noise", -1), ("modality", "MRI"),
    ],
)  # fmt: skip
def test_a_bad_parameter_of_densities_and_rendering_is_named(tmp_path, name, value):
    with pytest.raises(UserError, match=f"'{name}' is "):
        phantoms.read(tmp_path / "new", **{name: value})
