"""Crates of small studies: complete, valid, the same each time, telling nothing."""

import json
import shutil
import subprocess
import zipfile
from copy import deepcopy
from functools import cache

import pandas as pd
import pytest
from matplotlib.figure import Figure
from rocrate.rocrate import ROCrate

from birads_lib.errors import UserError
from birads_lib.files import sha256
from helpers.crate_validator import problems
from helpers.crates import unpacked
from press import paths
from press import run as runs
from press.pages import environment, outputs
from press.pages import page as pages
from press.paths import ROOT
from press.sharing import citation, crate, disclosure, packing, provenance
from press.studies import given
from press.studies.study import Study, declared_parameters

PAGES = [
    "01_data_exploration", "02_preprocessing", "03_training-proposed-patient",
    "04_evaluation-proposed-patient", "09_feature_space-proposed-patient",
]  # fmt: skip
RUN = "runs/proposed/patient"
WHOSE = "patient-of-the-images"  # stands in every table that tells whose an image is


class SmallStudy(Study):
    def pages(self):
        return PAGES


NOTEBOOKS = [f"notebooks/{page.partition('-')[0]}.ipynb" for page in (*PAGES, "31_regions")]
CODE = ("birads_lib/errors.py", "press/run.py", "press/sharing/crate.py")  # all of it takes longer


def new_project(root):
    """Make a project of its own: some of this one's sources, and no studies; return ``root``."""
    for name in (*NOTEBOOKS, *CODE, "Snakefile", *packing.SOURCES):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(ROOT / name)
    (root / "config").mkdir()
    (root / "config" / "small.yaml").write_text("name: small\n")
    return root


def work_in(root, monkeypatch):
    """Point all modules that pack a study to the project at ``root``."""
    for module in (environment, citation, crate, packing, provenance, disclosure, paths):
        monkeypatch.setattr(module, "ROOT", root)
    for module in (crate, paths):
        monkeypatch.setattr(module, "BOOK", root / "book")
    for name, folder in (("RESULTS", "results"), ("BUILD", "_build")):
        monkeypatch.setattr(paths, name, root / folder)


class Maker:
    """Executes notebooks of a study as papermill would, but for what their cells do."""

    def __init__(self, root, monkeypatch, reader):
        work_in(root, monkeypatch)
        may_be_shown = {"show_pixels": reader == "phantoms", "dataset": {"reader": reader}}
        self.study = SmallStudy(name="small", title="A small study", **may_be_shown)
        self.root, self.shown = root, []
        self.results = root / "results" / "small"
        monkeypatch.setattr(
            "press.pages.outputs.show", lambda data: self.shown.append({"data": data})
        )

    def run(self, page, inputs=(), outputs=(), **changes):
        notebook, self.shown[:] = page.split("-")[0], []
        study = self.study
        of_study = {
            "study_dir": f"results/{study.name}",
            "dataset": study.dataset,
            "show_pixels": study.show_pixels,
        }
        declared = declared_parameters(notebook)
        values = declared | {k: v for k, v in of_study.items() if k in declared} | changes
        run = runs.Run(notebook, values, {name: self.results / name for name in inputs})
        if notebook == "01_data_exploration":
            hashes = pd.DataFrame({"sha256": ["a" * 64, "b" * 64]})
            run.read_images(hashes)
            run.publish(hashes, id="image-files", caption="The images")
        if notebook == "31_regions":
            hashes = pd.DataFrame({"sha256": ["c" * 64], "kind": ["image"]})
            run.read_files("intermediate image", hashes["sha256"])
            run.publish(hashes, id="intermediate-files", caption="Further images")
        for name in outputs:
            path = self.results / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{name} {WHOSE}")
            run.output(path)
        drawn = Figure(figsize=(1, 1))
        drawn.subplots().plot([1, 2])
        run.publish(
            drawn, id="drawn", caption="A figure", alt="rising", data=pd.DataFrame({"a": [1]})
        )
        if notebook == "09_feature_space":
            run.publish(pd.DataFrame({"patient_id": [WHOSE]}), id="whose", caption="A table")
        self.write(page, given.without_paths(values, f"results/{study.name}"))

    def write(self, page, values):
        cells = [{"id": "a", "source": "# A question?"}, {"id": "b", "outputs": self.shown}]
        times = {"start_time": "2026-01-02T03:04:05.678901+00:00", "duration": 2.5}
        times["end_time"] = "2026-01-02T03:04:08.178901+00:00"
        path = self.root / "book" / self.study.name / f"{page}.ipynb"
        path.parent.mkdir(exist_ok=True)
        metadata = {"papermill": times | {"parameters": values}}
        path.write_text(json.dumps({"cells": cells, "metadata": metadata}))
        pages.seal(path)

    def run_all(self):
        self.run(PAGES[0], outputs=["cases.parquet", "findings.parquet"])
        self.run(PAGES[1], ["cases.parquet"], ["images.npy"])
        made = ["predictions.parquet", "embeddings.npy", "history.csv", "seed0/fold0/model.keras"]
        made = [f"{RUN}/{name}" for name in made]
        self.run(PAGES[2], ["cases.parquet", "images.npy"], made, folds=2)
        self.run(PAGES[3], made[:1], [f"{RUN}/04_evaluation.metrics.json"])
        self.run(PAGES[4], made[:2])


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """A function that returns the project of a reader's study, executed once: nobody changes it."""

    @cache
    def execute(reader):
        root = new_project(tmp_path_factory.mktemp(reader) / "project")
        with pytest.MonkeyPatch.context() as patch:
            Maker(root, patch, reader).run_all()
        return root

    return execute


@pytest.fixture
def copied(executed, tmp_path, monkeypatch):
    """A function that returns the maker of a reader's study, in a copy of its project."""

    def copy(reader):
        root = shutil.copytree(executed(reader), tmp_path / "project", symlinks=True)
        return Maker(root, monkeypatch, reader)

    return copy


@pytest.fixture
def open_study(copied):
    return copied("phantoms")


@pytest.fixture
def restricted(copied):
    return copied("inbreast")


@pytest.fixture(scope="module")
def packed(executed, tmp_path_factory):
    """The unpacked crate of the open study, and its entities by id: nobody changes them."""
    root = tmp_path_factory.mktemp("packed") / "project"
    shutil.copytree(executed("phantoms"), root, symlinks=True)
    with pytest.MonkeyPatch.context() as patch:
        return written(Maker(root, patch, "phantoms"))


def written(maker):
    """Write and unpack the crate of a study; return its folder and its entities by id."""
    path = crate.write(maker.study, maker.root / "config" / "small.yaml")
    folder = maker.root / "unpacked"
    shutil.rmtree(folder, ignore_errors=True)
    return unpacked(path, folder)


def test_no_file_of_a_crate_names_the_folder_of_the_images(restricted):
    telltale, config = "/mnt/st_elsewhere/images", restricted.root / "config/small.yaml"
    config.write_text(
        f"name: small # {telltale}\ndataset: {{reader: inbreast, folder: {telltale}}}\n"
    )
    dataset = {"reader": "inbreast", "folder": telltale}
    restricted.run(PAGES[0], outputs=["cases.parquet", "findings.parquet"], dataset=dataset)
    files = [path for path in written(restricted)[0].rglob("*") if path.is_file()]
    assert [path for path in files if telltale.encode() in path.read_bytes()] == []


def test_no_run_changes_a_study_while_its_crate_is_written(open_study, monkeypatch):
    packed = []

    def write(study, config):
        with pytest.raises(UserError, match="already running"):
            crate.studies.claim(study)
        packed.append(config)
        return config

    monkeypatch.setattr(crate.studies, "ROOT", open_study.root)
    monkeypatch.setattr(crate.studies, "load", lambda _: open_study.study)
    monkeypatch.setattr(crate, "write", write)
    config = open_study.root / "config/small.yaml"
    crate.main(str(config))
    assert packed == [config]
    crate.studies.claim(open_study.study).close()  # it was given back


def ids(entity, name):
    values = entity.get(name, [])
    return {value["@id"] for value in (values if isinstance(values, list) else [values])}


def test_a_crate_conforms_to_its_profiles(packed, tmp_path):
    folder = shutil.copytree(packed[0], tmp_path / "crate")
    entities = deepcopy(packed[1])
    assert problems(folder) == []
    assert ids(entities["./"], "conformsTo") == set(provenance.PROFILES.values())
    del entities["#02_preprocessing"]["instrument"]
    del entities["#control-01_data_exploration"]["object"]
    del entities["#step-03_training"]["workExample"]
    del entities["Snakefile"]["programmingLanguage"]
    path = folder / "ro-crate-metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"@graph": list(entities.values())}))
    found = problems(folder)
    for entity, what in (
        ("02_preprocessing", "instrument"), ("control-01_data_exploration", "object"),
        ("step-03_training", "workExample"), ("Snakefile", "language"),
    ):  # fmt: skip
        assert any(entity in problem and what in problem for problem in found), (entity, found)


def test_the_workflow_its_steps_and_its_engine_are_told(packed):
    _, entities = packed
    workflow, run, engine = (entities[name] for name in ("Snakefile", "#run", "#engine"))
    assert ids(entities["./"], "mainEntity") == ids(run, "instrument") == {"Snakefile"}
    assert {"File", "ComputationalWorkflow", "HowTo"} <= set(workflow["@type"])
    language = entities[next(iter(ids(workflow, "programmingLanguage")))]
    assert language["name"] == "Snakemake"
    notebooks = {f"notebooks/{name.partition('-')[0]}.ipynb" for name in PAGES}
    assert ids(workflow, "hasPart") == notebooks
    steps = [entities[identity] for identity in ids(workflow, "step")]
    assert {next(iter(ids(step, "workExample"))) for step in steps} == notebooks
    assert sorted(int(step["position"]) for step in steps) == [1, 2, 3, 4, 5]
    controls = {name: entities[f"#control-{name}"] for name in PAGES}
    assert ids(engine, "object") == {control["@id"] for control in controls.values()}
    for name, control in controls.items():
        assert ids(control, "object") == {f"#{name}"}
        assert ids(control, "instrument") == {f"#step-{name.partition('-')[0]}"}
    assert ids(engine, "result") == {"#run"}
    assert {entities[name]["name"] for name in ids(engine, "instrument")} == {"snakemake"}
    assert {f"book/small/{name}.ipynb" for name in PAGES} == ids(run, "result")
    assert "config/small.yaml" in ids(run, "object")
    assert any(identity.startswith("#2 image files") for identity in ids(run, "object"))


def test_what_notebooks_take_and_give_are_formal_parameters_with_examples(packed):
    _, entities = packed
    folds = entities["#03_training.folds.PropertyValue"]
    assert [entities[name]["value"] for name in ids(folds, "workExample")] == ["2"]
    cases = entities["#03_training.cases.parquet.File"]
    assert ids(cases, "workExample") == {"results/small/cases.parquet"}
    assert cases["@id"] in ids(entities["results/small/cases.parquet"], "exampleOfWork")
    training = entities["notebooks/03_training.ipynb"]
    assert {folds["@id"], cases["@id"]} <= ids(training, "input")
    (page,) = ids(training, "output")
    assert ids(entities[page], "workExample") == {f"book/small/{PAGES[2]}.ipynb"}
    for side in ("input", "output"):
        for name in ids(entities["Snakefile"], side):
            assert entities[name]["@type"] == "FormalParameter"


def test_a_crate_is_read_back_with_all_its_files(packed):
    folder, entities = packed
    back = ROCrate(folder)
    files = {entity.id for entity in back.data_entities}
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert files == there - {"ro-crate-metadata.json"}
    for identity in files:
        assert entities[identity]["sha256"] == sha256(folder / identity)
        assert entities[identity]["contentSize"] == str((folder / identity).stat().st_size)
    root = folder.parent  # of the project
    results = {p.relative_to(root).as_posix() for p in (root / "results").rglob("*.*")}
    assert {name for name in results if not name.endswith(".passport.json")} <= files
    assert {f"book/small/{name}.ipynb" for name in PAGES} <= files
    assert {"uv.lock", "config/small.yaml", *NOTEBOOKS, *CODE} <= files
    sums = ["sha256sum", "--quiet", "-c", "SHA256SUMS"]
    subprocess.run(sums, cwd=folder / "book" / "small", check=True)


def test_the_chain_leads_from_a_figure_to_the_images(packed):
    _, entities = packed
    actions = [entity for entity in entities.values() if entity["@type"] == "CreateAction"]
    assert ids(entities["./"], "mentions") == {"#run", "#engine", *(f"#{name}" for name in PAGES)}
    waiting, seen = ["results/small/figures/04_evaluation-proposed-patient/drawn.png"], set()
    while waiting:
        identity = waiting.pop()
        seen.add(identity)
        for action in actions:
            if identity in ids(action, "result"):
                waiting += ids(action, "object") - seen
    assert f"results/small/{RUN}/predictions.parquet" in seen
    images = [identity for identity in seen if identity.startswith("#2 image files-")]
    assert len(images) == 1
    hashes = outputs.hash_of_hashes(["a" * 64, "b" * 64])
    assert entities[images[0]]["sha256"] == hashes
    about = "results/small/figures/01_data_exploration/image-files.csv"
    assert ids(entities[images[0]], "subjectOf") == {about}


def test_further_images_lead_to_the_table_that_lists_them(open_study, monkeypatch):
    monkeypatch.setattr(SmallStudy, "pages", lambda _: [*PAGES, "31_regions"])
    open_study.run("31_regions")
    _, entities = written(open_study)
    (images,) = [name for name in entities if name.startswith("#1 intermediate image files-")]
    about = "results/small/figures/31_regions/intermediate-files.csv"
    assert ids(entities[images], "subjectOf") == {about}


def test_an_action_tells_parameters_times_and_software(packed):
    _, entities = packed
    action = entities["#03_training-proposed-patient"]
    assert action["startTime"] == "2026-01-02T03:04:05.678+00:00"
    given = [entities[identity] for identity in ids(action, "object")]
    values = {entity["name"]: entity for entity in given if entity["@type"] == "PropertyValue"}
    assert set(values) == set(declared_parameters("03_training"))
    assert values["folds"]["value"] == "2"
    assert values["folds"]["description"] == "changed by the study"
    assert values["loss"]["description"] == "as the notebook has it"
    assert ids(action, "instrument") == {"notebooks/03_training.ipynb"}
    software = ids(entities["notebooks/03_training.ipynb"], "softwareRequirements")
    used = {entities[identity]["name"] for identity in software}
    assert {"python", "numpy", "keras", "birads_lib"} <= used
    assert [entities[identity]["name"] for identity in ids(action, "agent")] == [
        "BI-RADS by the Book authors"
    ]


def test_equal_studies_give_equal_crates(open_study):
    archive = open_study.root / "_build" / "small" / "small-crate.zip"
    written(open_study)
    before = archive.read_bytes()
    written(open_study)
    assert archive.read_bytes() == before
    names = zipfile.ZipFile(archive).namelist()
    assert names == sorted(names)
    assert "ro-crate-metadata.json" in names
    assert sorted(path.name for path in archive.parent.iterdir()) == [
        "small-crate.zip", "small-crate.zip.sha256",
    ]  # fmt: skip
    check = ["sha256sum", "-c", "small-crate.zip.sha256"]
    subprocess.run(check, cwd=archive.parent, check=True)
    archive.write_bytes(archive.read_bytes() + b" ")
    assert subprocess.run(check, cwd=archive.parent, capture_output=True).returncode == 1


def test_a_restricted_study_gives_no_image_and_no_name_away(restricted):
    folder, entities = written(restricted)
    files = [path for path in folder.rglob("*") if path.is_file()]
    names = {path.relative_to(folder).as_posix() for path in files}
    assert not [name for name in names if name.endswith((".npy", ".npz", ".parquet", ".keras"))]
    written_files = {
        name for name in names if name.startswith("results/") and "/figures/" not in name
    }
    assert written_files == {
        f"results/small/{RUN}/{n}" for n in ("history.csv", "04_evaluation.metrics.json")
    }
    tables = [
        pd.read_csv(path) for path in files if path.suffix == ".csv" and "figures" in path.parts
    ]
    assert tables
    assert not [table for table in tables if {"image_id", "patient_id"} & set(table.columns)]
    # The page holds the table, encoded, so it isn't there either; its other exhibits are.
    page = "book/small/09_feature_space-proposed-patient.ipynb"
    assert page not in names
    assert "results/small/figures/09_feature_space-proposed-patient/drawn.png" in names
    left_out = {
        entity["name"]: entity
        for entity in entities.values()
        if "Not in" in entity.get("description", "")
    }
    for name in (
        "images.npy",
        "cases.parquet",
        f"{RUN}/embeddings.npy",
        f"{RUN}/seed0/fold0/model.keras",
    ):
        described = left_out[f"results/small/{name}"]
        assert described["sha256"] == sha256(restricted.results / name)
        assert "may not be shown" in described["description"]
    assert page in left_out
    assert problems(folder) == []


def test_a_page_that_shows_images_stops_a_restricted_crate(restricted):
    restricted.run(PAGES[1], ["cases.parquet"], show_pixels=True)
    with pytest.raises(UserError, match=r"02_preprocessing.ipynb shows images"):
        written(restricted)
    assert not (restricted.root / "_build").exists()


def test_a_changed_file_stops_the_packing(open_study):
    path = open_study.results / RUN / "history.csv"
    path.write_text("better")
    with pytest.raises(UserError, match=r"history.csv is not what 03_training-proposed-patient"):
        written(open_study)


def test_a_changed_page_stops_the_packing(open_study):
    path = open_study.root / "book" / "small" / f"{PAGES[3]}.ipynb"
    path.write_text(path.read_text().replace("rising", "falling"))
    with pytest.raises(UserError, match="was changed after it ran"):
        written(open_study)


def test_a_page_executed_by_hand_stops_the_packing(open_study):
    path = open_study.root / "book" / "small" / f"{PAGES[3]}.ipynb"
    path.write_text(path.read_text().replace("end_time", "end"))
    pages.seal(path)
    with pytest.raises(UserError, match="was not executed by the study"):
        written(open_study)


def test_a_study_that_did_not_run_says_how_to_run_it(open_study):
    (open_study.root / "book" / "small" / f"{PAGES[0]}.ipynb").unlink()
    with pytest.raises(UserError, match=r"1 of 5 pages.*01_data.*`make book STUDY=small`"):
        written(open_study)


def test_large_and_absent_files_are_described(open_study, monkeypatch):
    (open_study.results / "findings.parquet").unlink()
    monkeypatch.setattr(disclosure, "LARGEST", 0)
    folder, entities = written(open_study)
    assert not (folder / "results" / "small" / "cases.parquet").exists()
    descriptions = {
        entity["name"]: entity.get("description")
        for entity in entities.values()
        if "sha256" in entity
    }
    assert "not at hand" in descriptions["results/small/findings.parquet"]
    assert "larger than" in descriptions["results/small/cases.parquet"]


def test_sources_changed_since_are_told(open_study, monkeypatch):
    changed = lambda page: ["losses.py changed"] if page.notebook == "03_training" else []  # noqa: E731
    monkeypatch.setattr(provenance, "changed_sources", changed)
    _, entities = written(open_study)
    ran = entities[next(iter(ids(entities["#03_training-proposed-patient"], "instrument")))]
    assert ran["@id"].startswith("#")
    assert "losses.py changed" in ran["description"]
    assert ran["sha256"] == sha256(ROOT / "notebooks" / "03_training.ipynb")
    assert "1 pages were executed by other versions" in entities["./"]["description"]
