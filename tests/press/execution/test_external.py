"""A run on another study's images: which, what of them, and the page; the mistakes one can make."""

import pytest

from birads_lib.errors import UserError
from press.execution import compare, external
from press.run import SYNTHETIC
from press.studies import study

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


def asked(studies, other="b"):
    """Return the problems of a study that asks for another's images, before it runs."""
    changed(studies, "a", "title", f"external: {{study: {other}}}\ntitle")
    return external.check_external(study.load("config/a.yaml"))


def test_a_study_may_ask_for_images_that_the_other_makes_itself(studies):
    assert asked(studies) is None
    assert external.check_external(study.load("config/b.yaml")) is None


@pytest.mark.parametrize(
    ("other", "before", "after", "says"),
    [
        ("c", "", "", "external: no study at config/c.yaml; studies there: a, b"),
        ("a", "", "", "external: both are the study 'a'; name another one"),
        ("b", "phantoms", "phantom", "external: config/b.yaml, line 3:"),
        ("b", "title", "task: density\ntitle", "external: 'a' tells apart 1, 2, 3, 4, 5"),
        (
            "b", "phantoms, patients: 10, seed: 1, size: 64", "inbreast, folder: x",
            "external: the images of 'b' are not listed yet: run `make book CONFIG=config/b.yaml",
        ),
    ],
)  # fmt: skip
def test_a_study_that_asks_for_images_that_cannot_be_graded_is_told(
    studies, other, before, after, says
):
    changed(studies, "b", before, after) if before else None
    with pytest.raises(UserError) as error:
        asked(studies, other)
    assert str(error.value).startswith(says)


@pytest.mark.parametrize(
    ("chapter_set", "never"),
    [("density", "predictions.parquet, run.json"), ("backbones", "run.json")],
)
def test_a_study_that_never_has_the_models_is_told_before_it_runs(studies, chapter_set, never):
    changed(studies, "a", "title", f"chapters: {chapter_set}\ntitle")
    says = (
        f"'a' has the chapters of '{chapter_set}', and none of these writes {never}: name another"
    )
    with pytest.raises(UserError, match=f"^external: {says}"):
        asked(studies)
    with pytest.raises(UserError, match=f"^{says}"):
        external.external("a", "b")


def test_a_path_with_a_comma_is_one_study(studies):
    studies.joinpath("b.yaml").rename(studies / "b, later.yaml")
    with pytest.raises(UserError) as error:
        external.external("a", "config/b, later.yaml")
    assert str(error.value).startswith("'a' has no cases.parquet")


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("b", "'external' is 'b', expected a mapping such as {study: inbreast}"),
        ("{stduy: b}", "unknown 'stduy'; did you mean 'study'?"),
        ("{}", "'study' is missing"),
    ],
)
def test_what_a_study_asks_for_is_checked(studies, key, says):
    changed(studies, "a", "title", f"external: {key}\ntitle")
    with pytest.raises(UserError) as error:
        study.load("config/a.yaml")
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("a", "a"), "both are the study 'a'"),
        (("a", ""), "expected another study, OTHER=name"),
        (("a", "c"), "no study at"),
    ],
)
def test_mistakes(studies, names, message):
    with pytest.raises(UserError, match=message):
        external.external(*names)
