"""A run on another study's images: which, what of them, and the page; the mistakes one can make."""

import pytest

from birads_lib.errors import UserError
from press import compare, external, study
from press.run import SYNTHETIC

TEXT = "name: {0}\ntitle: {0}\ndataset: {{reader: phantoms, patients: 10, seed: {1}, size: 64}}\n"


@pytest.fixture
def studies(tmp_path, monkeypatch):
    """A folder of the YAMLs of two studies, a and b, that nobody ran."""
    (tmp_path / "config").mkdir()
    for seed, name in enumerate("ab"):
        (tmp_path / "config" / f"{name}.yaml").write_text(TEXT.format(name, seed))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(external, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(compare, "RESULTS", tmp_path / "results")
    return tmp_path / "config"


def changed(studies, name, before, after):
    path = studies / f"{name}.yaml"
    path.write_text(path.read_text().replace(before, after))


def values():
    return external.parameters(study.load("config/a.yaml"), study.load("config/b.yaml"))


def test_the_page_has_the_first_run_that_does_not_leak_and_the_other_images(studies):
    changed(studies, "a", "title", "protocols: [image, patient]\nvariants: {plain: {}}\ntitle")
    given = values()
    assert (given["study_dir"], given["variant"], given["protocols"]) == (
        "results/a", "plain", ["patient"],
    )  # fmt: skip
    assert given["other"] == "b"
    assert given["other_dataset"] == {"reader": "phantoms", "patients": 10, "seed": 1, "size": 64}


def test_a_page_never_names_the_folder_of_the_other_images(studies):
    changed(studies, "b", "phantoms, patients: 10, seed: 1, size: 64", "inbreast, folder: /x/lab")
    assert values()["other_dataset"] == {"reader": "inbreast"}


def test_a_run_of_one_protocol_is_graded_with_its_mark(studies):
    changed(studies, "a", "title", "protocols: [oversample_first]\ntitle")
    assert values()["protocols"] == ["oversample_first"]


def test_marks_of_both_stand_on_the_page(studies):
    changed(studies, "b", "title", "note: too few\ntitle")
    assert values()["note"] == "b: too few"
    changed(studies, "a", "phantoms, patients: 10, seed: 0, size: 64", "inbreast, folder: x")
    assert values()["note"] == f"b: too few; b: {SYNTHETIC}"


def test_other_labels_cannot_be_graded(studies):
    changed(studies, "b", "title", "task: density\ntitle")
    with pytest.raises(UserError) as error:
        values()
    assert "'a' tells apart 1, 2, 3, 4, 5" in str(error.value)
    assert "'b' have the labels A, B, C, D" in str(error.value)


def test_what_was_not_run_is_named_with_what_to_do(studies):
    changed(studies, "b", "phantoms, patients: 10, seed: 1, size: 64", "inbreast, folder: x")
    with pytest.raises(UserError) as error:
        external.external("a", "b")
    first, second = str(error.value).splitlines()
    assert first == (
        "'a' has no cases.parquet, predictions.parquet, run.json: run `make book "
        "CONFIG=config/a.yaml` first"
    )
    assert "images of 'b'" in second
    assert "make book CONFIG=config/b.yaml DATA=" in second


@pytest.mark.parametrize(
    ("names", "message"),
    [(("a", "a"), "both are the study 'a'"), (("a", ""), "got a"), (("a", "c"), "no study at")],
)
def test_mistakes(studies, names, message):
    with pytest.raises(UserError, match=message):
        external.external(*names)
