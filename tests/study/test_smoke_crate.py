"""Crates of a study that Snakemake ran, and of the frozen one (see also tests/stress)."""

import pytest

from birads_lib.files import sha256
from helpers.crate_validator import problems
from helpers.crates import written
from helpers.project import copy_project
from press.pages import page as pages
from press.sharing.disclosure import NAMING, OPEN
from press.studies.study import load


@pytest.fixture(scope="module")
def smoke(smoke_pages, tmp_path_factory):
    root = tmp_path_factory.mktemp("smoke") / "project"
    return written(copy_project(root, "book/smoke", "results/smoke"), "smoke")


@pytest.fixture(scope="module")
def inbreast(tmp_path_factory):
    root = tmp_path_factory.mktemp("inbreast") / "project"
    return written(copy_project(root, "book/inbreast"), "inbreast")


def ids(entity, name):
    values = entity.get(name, [])
    return {value["@id"] for value in (values if isinstance(values, list) else [values])}


def test_the_crate_of_the_smoke_study_conforms_to_the_profile(smoke):
    assert problems(smoke[0]) == []


def test_all_that_the_smoke_study_made_is_in_its_crate(smoke):
    folder, entities = smoke
    for page in pages.of_study("smoke"):
        made = ids(entities[f"#{page.name}"], "result")
        assert f"book/smoke/{page.path.name}" in made
        assert {facts["file"] for facts in page.artefacts.values()} <= made
        for exhibit in page.exhibits.values():
            for name, content in exhibit.files.items():
                copy = f"results/smoke/figures/{page.name}/{name}"
                assert copy in made
                assert (folder / copy).read_bytes() == content
    for name in (entity["@id"] for entity in entities.values() if "File" in entity["@type"]):
        assert sha256(folder / name) == entities[name]["sha256"]


def test_every_input_of_the_smoke_study_was_made_given_or_is_described(smoke):
    _, entities = smoke
    actions = [entity for entity in entities.values() if entity["@type"] == "CreateAction"]
    made = {identity for action in actions for identity in ids(action, "result")}
    given = {"book/claims.yml", "book/published.yml", "config/smoke.yaml"}
    for action in actions:
        for identity in ids(action, "object") - made - given:
            about = entities[identity]
            is_described = "images are not packed" in about.get("description", "")
            assert about["@type"] == "PropertyValue" or is_described or "weights" in identity, (
                identity
            )


def test_the_crate_of_the_frozen_study_shows_nobody(inbreast):
    folder, entities = inbreast
    files = [path for path in folder.rglob("*") if path.is_file()]
    of_study = [p.as_posix() for p in (folder / "results").rglob("*.*") if "figures" not in p.parts]
    assert not [name for name in of_study if not name.endswith(OPEN)]
    assert not [path for path in files if path.suffix in (".npy", ".npz", ".parquet", ".keras")]
    heads = [p.read_text().partition("\n")[0] for p in files if p.suffix == ".csv"]
    assert heads
    assert not [head for head in heads if NAMING & set(head.split(","))]
    for path in (path for path in files if path.suffix == ".ipynb" and "book" in path.parts):
        for exhibit in pages.read(path).exhibits.values():
            tables = [b for n, b in exhibit.files.items() if n.endswith(".csv")]
            assert not [b for b in tables if b"patient_id" in b.partition(b"\n")[0]]
    about = entities["./"]["description"]
    assert "not in the crate" in about
    missing = set(load("config/inbreast.yaml").pages()) - {
        p.name for p in pages.of_study("inbreast")
    }
    assert all(name in about for name in missing)
