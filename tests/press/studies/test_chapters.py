"""The table of chapters: a row is all that rules, contents and makers need of a notebook."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from helpers.forking.start import RUN_MODULE
from helpers.project import copy_project, run_in
from press.paths import CONFIG, ROOT, passport_path
from press.studies import chapters, parameters, study

ROW = chapters.Chapter(
    "14_made_up", "nothing at all", runs="first", reads=("{run}/predictions.parquet",),
    writes=("made_up.csv",),
)  # fmt: skip


EVALUATED = "04_evaluation-proposed-patient"


@pytest.fixture
def smoke():
    return study.load(CONFIG / "smoke.yaml")


@pytest.fixture
def with_row(monkeypatch):
    monkeypatch.setattr(chapters, "CHAPTERS", (*chapters.CHAPTERS, ROW))


def test_every_notebook_has_a_row_and_they_stand_in_order():
    assert [row.notebook for row in chapters.CHAPTERS] == parameters.notebook_names()


def test_what_a_chapter_reads_another_one_writes():
    written = {name for row in chapters.CHAPTERS for name in row.files}
    for row in chapters.CHAPTERS:
        read = {name.replace("{first}", "{run}") for name in row.reads if "*" not in name}
        assert read <= written, row.notebook
        assert row.needs or all((ROOT / name).exists() for name in row.sources)


def test_a_row_gives_a_page_a_place_in_the_contents_and_a_maker(smoke, with_row):
    assert smoke.pages()[-1] == "14_made_up"
    assert ["14_made_up"] in chapters.contents(smoke)
    assert chapters.makers(Path("made_up.csv"), "04_evaluation") == ["14_made_up"]
    assert "14_made_up" in chapters.recording()
    assert chapters.inputs(chapters.chapter("11_claims"), smoke)[-1] == "14_made_up.metrics.json"


@pytest.mark.parametrize(
    ("reader", "maker"), [("04_evaluation", "03_training"), ("21_backbones", "21_training")]
)
def test_what_makes_a_file_is_looked_for_among_the_chapters_of_the_same_studies(reader, maker):
    assert chapters.makers(Path("runs/a/patient/predictions.parquet"), reader) == [maker]


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """Return Snakemake's plan in a copy with one more chapter, none of whose images are there.

    All that two pages read is: that of the new chapter, and one that is made again.
    """
    root = copy_project(tmp_path_factory.mktemp("one_more") / "project")
    table = root / "press/studies/chapters.py"
    row = 'Chapter("14_made_up", "nothing", runs="first", reads=(_PREDICTIONS,), writes=("x.csv",))'
    table.write_text(table.read_text().replace("\n)  # fmt: skip\n", f"\n    {row},\n)\n", 1))
    shutil.copy(root / "notebooks/13_speed.ipynb", root / "notebooks/14_made_up.ipynb")
    (root / "mine.yaml").write_text("name: mine\ndataset: {reader: inbreast}\n")
    mine = study.load(root / "mine.yaml")
    for name in chapters.inputs(chapters.chapter("04_evaluation"), mine, "proposed", "patient"):
        path = root / "results/.remade/mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        passport_path(path).touch()
    pages = [f"results/.remade/pages/mine/{name}.ipynb" for name in ("14_made_up", EVALUATED)]
    command = [*RUN_MODULE.split(), "snakemake", "-n"]
    command += ["--config", "study=mine.yaml", "root=results/.remade"]
    rules = ["--allowed-rules", "evaluation_04", "made_up_14"]
    done = run_in(root, *command, "--cores", "1", *rules, "--", *pages)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_row_gives_a_rule(planned):
    assert re.search(r"^made_up_14 +1$", planned, re.MULTILINE)
    assert "14 made up: nothing" in planned


def test_a_figure_is_made_again_from_intact_files_without_the_images(planned):
    """Only a page that is executed looks at their folder."""
    assert re.search(r"^evaluation_04 +1$", planned, re.MULTILINE)


def test_the_cluster_gives_gpus_and_threads_to_exactly_the_rules_that_need_them():
    rules = [row.rule for row in chapters.CHAPTERS]
    assert len({*rules}) == len(rules)
    profile = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())
    on_gpu = {row.rule for row in chapters.CHAPTERS if row.gpu}
    given = {rule: asked["gpu"] for rule, asked in profile["set-resources"].items()}
    assert given == dict.fromkeys(on_gpu, 1)
    greedy = {row.rule for row in chapters.CHAPTERS if row.threads_of(profile["cores"]) > 4}
    assert {*profile["set-threads"]} == on_gpu | greedy


def test_pages_for_several_runs_write_the_files_of_each(smoke):
    row = chapters.Chapter(
        "03_several", "several runs in one process", runs="together", under="05_ablations",
        reads=("images{suffix}.npy",), writes=("{run}/predictions.parquet",), metrics=False,
    )  # fmt: skip
    assert row.executions(smoke) == [{}]
    assert chapters.inputs(row, smoke) == ["images.npy", "images-no_clahe.npy"]
    assert row.outputs(smoke) == [
        f"runs/{name}/patient/predictions.parquet" for name in ("frozen", "emd", "no_clahe")
    ]


def test_a_chapter_of_every_run_reads_what_only_the_first_variant_has(smoke):
    read = chapters.inputs(chapters.chapter("05_ablations"), smoke)
    floors = [name for name in read if name.endswith("floors.parquet")]
    folders = [f"runs/proposed/{protocol}" for protocol in smoke.protocols]
    assert floors == [f"{folder}/floors.parquet" for folder in folders]
    assert "runs/emd/patient/predictions.parquet" in read
    assert set(floors) == set(chapters.chapter("03_training_floors").outputs(smoke))


def test_what_ablations_need_stands_below_the_chapter_that_compares_them(smoke):
    contents = {page: further for page, *further in chapters.contents(smoke)}
    assert contents["05_ablations"][0] == "02_preprocessing-no_clahe"
    assert contents["04_evaluation-proposed-patient"] == ["04_evaluation-proposed-oversample_first"]


def test_what_shows_images_is_of_synthetic_studies_alone(smoke):
    assert "16_touch" in smoke.pages()
    assert "16_touch" not in study.load(CONFIG / "inbreast.yaml").pages()
    assert "16_touch" not in smoke.model_copy(update={"show_pixels": False}).pages()


def test_a_chapter_of_the_first_variant_is_given_its_images(smoke):
    assert smoke.parameters("16_touch")["image_file"] == "images.npy"
    first = smoke.model_copy(update={"variants": {"plain": {"clahe": False}}})
    assert first.parameters("16_touch")["image_file"] == "images-plain.npy"


def test_a_chapter_of_the_honest_run_is_left_out_where_every_protocol_leaks(smoke):
    assert smoke.parameters("16_touch")["protocols"] == ["patient"]
    read = chapters.inputs(chapters.chapter("16_touch"), smoke)
    assert "runs/proposed/patient/predictions.parquet" in read
    assert not [name for name in read if "oversample_first" in name]
    leaky = smoke.model_copy(update={"protocols": ["image"]})
    assert "16_touch" not in leaky.pages()


def test_a_study_has_the_chapters_of_its_set(smoke, monkeypatch):
    other = chapters.Chapter("21_other", sets=("other",))
    monkeypatch.setattr(chapters, "CHAPTERS", (*chapters.CHAPTERS, other))
    assert "21_other" not in smoke.pages()
    mine = study.Study.model_construct(
        name="mine", dataset={"reader": "phantoms"}, chapters="other"
    )
    assert mine.pages() == ["21_other"]


@pytest.mark.parametrize(
    ("threads", "shares", "given"),
    [(1, False, [1, 1, 1]), (2, False, [1, 2, 2]), (2, True, [1, 1, 2]), (0, True, [1, 1, 4])],
)
def test_threads_on_one_two_and_eight_cores(threads, shares, given):
    row = chapters.Chapter("00_any", threads=threads, shares=shares)
    assert [row.threads_of(cores) for cores in (1, 2, 8)] == given
