"""Crates of a study that Snakemake ran, and of the frozen one."""

import json
import zipfile

import pytest
from crate_validator import problems

from birads_lib.files import sha256
from press import crate, study
from press import page as pages
from press.packing import NAMING, OPEN
from press.paths import BOOK, CONFIG

executed = pytest.mark.skipif(
    not (BOOK / "smoke" / "11_claims.ipynb").exists(),
    reason="the smoke study is not executed: run `make book STUDY=smoke`",
)


def unpacked(name, folder):
    """Write and unpack the crate of a study; return its folder and its entities by id."""
    config = CONFIG / f"{name}.yaml"
    zipfile.ZipFile(crate.write(study.load(config), config)).extractall(folder)
    graph = json.loads((folder / "ro-crate-metadata.json").read_text())["@graph"]
    return folder, {entity["@id"]: entity for entity in graph}


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return unpacked("smoke", tmp_path_factory.mktemp("smoke"))


@pytest.fixture(scope="module")
def inbreast(tmp_path_factory):
    return unpacked("inbreast", tmp_path_factory.mktemp("inbreast"))


def ids(entity, name):
    values = entity.get(name, [])
    return {one["@id"] for one in (values if isinstance(values, list) else [values])}


@executed
def test_the_crate_of_the_smoke_study_conforms_to_the_profile(smoke):
    assert problems(smoke[0]) == []


@executed
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
    for name in (one["@id"] for one in entities.values() if "File" in one["@type"]):
        assert sha256(folder / name) == entities[name]["sha256"]


@executed
def test_every_input_of_the_smoke_study_was_made_given_or_is_described(smoke):
    _, entities = smoke
    actions = [one for one in entities.values() if one["@type"] == "CreateAction"]
    made = {one for action in actions for one in ids(action, "result")}
    given = {"book/claims.yml", "book/published.yml"}
    for action in actions:
        for one in ids(action, "object") - made - given:
            about = entities[one]
            is_described = "images are not packed" in about.get("description", "")
            assert about["@type"] == "PropertyValue" or is_described or "weights" in one, one


def test_the_crate_of_the_frozen_study_conforms_to_the_profile(inbreast):
    assert problems(inbreast[0]) == []


def test_the_crate_of_the_frozen_study_shows_nobody(inbreast):
    folder, entities = inbreast
    files = [path for path in folder.rglob("*") if path.is_file()]
    own = [p.as_posix() for p in (folder / "results").rglob("*.*") if "figures" not in p.parts]
    assert not [name for name in own if not name.endswith(OPEN)]
    assert not [path for path in files if path.suffix in (".npy", ".npz", ".parquet", ".keras")]
    heads = [p.read_text().partition("\n")[0] for p in files if p.suffix == ".csv"]
    assert heads
    assert not [head for head in heads if NAMING & set(head.split(","))]
    for path in (path for path in files if path.suffix == ".ipynb" and "book" in path.parts):
        for exhibit in pages.read(path).exhibits.values():
            tables = [b for n, b in exhibit.files.items() if n.endswith(".csv")]
            assert not [b for b in tables if b"patient_id" in b.partition(b"\n")[0]]
    assert "not in the crate" in entities["./"]["description"]
