"""Executed pages are read back as they were published."""

import base64
import json
import re

import nbformat
import pandas as pd
import pytest
from matplotlib.figure import Figure

from birads_lib.errors import UserError
from birads_lib.files import sha256, sha256_of
from press import paths
from press import run as provenance
from press.pages import outputs
from press.pages import page as pages
from press.studies.study import declared_parameters


def test_a_page_and_its_rendering_each_have_one_place(tmp_path):
    assert pages.page_file("mine", "01_a") == paths.ROOT / "book/mine/01_a.ipynb"
    assert pages.page_file("mine", "01_a", tmp_path) == tmp_path / "mine/01_a.ipynb"
    assert (
        pages.rendered_page("mine", "01_a") == paths.rendered_book("mine") / "book/mine/01_a.html"
    )


def test_no_other_module_puts_the_places_of_pages_together():
    joined = re.compile(r'/ f"\{.+\}\.(ipynb|html)"|"book/\{.+\.ipynb"|"results/\{.+/figures')
    at_home = ("press/paths.py", "press/pages/page.py")
    modules = [path.relative_to(paths.ROOT) for path in (paths.ROOT / "press").rglob("*.py")]
    lines = {
        f"{module}: {line.strip()}"
        for module in modules
        if module.as_posix() not in at_home
        for line in (paths.ROOT / module).read_text().splitlines()
        if joined.search(line) and 'folder / f"{doc}.html' not in line  # of any document
    }
    assert not lines


@pytest.fixture
def execute(tmp_path, monkeypatch):
    """Return a function that runs a notebook's ``Run`` and writes what it shows as a page."""
    shown = []

    def show(data):
        shown.append(nbformat.v4.new_output("display_data", data))

    monkeypatch.setattr(outputs, "show", show)

    def run(act, notebook="04_evaluation", name="page", **changes):
        shown.clear()
        values = declared_parameters(notebook) | {"study_dir": str(tmp_path / "study")} | changes
        act(provenance.Run(notebook, values, {}))
        cell = nbformat.v4.new_code_cell("run", outputs=list(shown), id="c-1")
        whole = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Good?"), cell])
        path = tmp_path / "book" / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        nbformat.write(whole, path)
        return path

    return run


def publish(run):
    figure = Figure(figsize=(1, 1))
    figure.subplots().plot([1, 2])
    table = pd.DataFrame({"a": [1.5, 2.5]})
    run.publish(figure, id="roc", caption="C", alt="rising", data=table)
    run.publish(table, id="numbers", caption="T")
    run.home.mkdir(parents=True, exist_ok=True)
    (run.home / "made.txt").write_text("x")
    run.output(run.home / "made.txt")


def test_exhibits_files_and_passports_come_back(execute):
    page = pages.read(execute(publish))
    assert page.title == "Good?"
    assert [e.kind for e in page.exhibits.values()] == ["figure", "table"]
    roc = page.exhibits["roc"]
    assert sorted(roc.files) == ["roc.csv", "roc.json", "roc.png"]
    assert roc.files["roc.png"].startswith(b"\x89PNG")
    assert roc.files["roc.csv"].decode().splitlines() == [",a", "0,1.5", "1,2.5"]
    assert roc.passport["tolerance"] == provenance.TOLERANCE
    for name in ("roc.png", "roc.csv"):
        assert roc.passport["files"][name] == sha256_of(roc.files[name])
    assert page.artefacts["made.txt"]["sha256"] == sha256_of(b"x")
    assert page.passport["parameters"]["resamples"] == 2000
    assert page.passport["code"]["modules"]["birads_lib/scores/metrics.py"]
    assert len(page.passports()) == 4
    assert roc.cell_id == "c-1"


def test_no_bytes_stand_twice_in_a_page(execute):
    path = execute(publish)
    text = path.read_text()
    picture = pages.read(path).exhibits["roc"].files["roc.png"]
    assert text.count(base64.b64encode(picture).decode()) == 1
    (figure,) = (o.data for o in nbformat.read(path, 4).cells[1].outputs if "image/png" in o.data)
    assert "text/html" not in figure  # which Jupyter would show instead


def test_a_second_execution_with_the_same_result_leaves_the_passports(execute, tmp_path):
    execute(publish)
    beside = tmp_path / "study/runs/proposed/patient/made.txt.passport.json"
    before = {p: p.read_bytes() for p in (tmp_path / "study").rglob("*.json")}
    assert beside in before
    page = pages.read(execute(publish))
    assert {p: p.read_bytes() for p in (tmp_path / "study").rglob("*.json")} == before
    assert page.artefacts["made.txt"] == json.loads(before[beside])
    execute(publish, resamples=7)
    assert beside.read_bytes() != before[beside]


def test_facts_that_cells_recorded(execute):
    def record(run):
        run.facts({"images": "410", "readers": "1"})
        run.facts({"readers": "2"})

    assert pages.read(execute(record)).facts == {"images": "410", "readers": "2"}
    assert pages.read(execute(publish)).facts == {}
    with pytest.raises(TypeError, match="formatted text: images"):
        execute(lambda run: run.facts({"images": 410}))


def test_numbers_that_cells_glued(execute):
    path = execute(publish)
    data = {"application/papermill.record/text/plain": "'0.71'"}
    glued = nbformat.v4.new_output("display_data", data, metadata={"scrapbook": {"name": "qwk"}})
    whole = nbformat.read(path, 4)
    whole.cells.append(nbformat.v4.new_code_cell("x", outputs=[glued], id="c-9"))
    nbformat.write(whole, path)
    assert pages.read(path).numbers == {"qwk": pages.Number("0.71", "c-9")}


def test_a_page_without_a_passport_is_of_no_study(tmp_path):
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "mine.ipynb")
    with pytest.raises(UserError, match=r"mine\.ipynb has no passport"):
        pages.read(tmp_path / "mine.ipynb")


def test_the_page_that_wrote_an_input(execute):
    page, other = pages.read(execute(publish)), pages.read(execute(publish, name="maker"))
    assert pages.maker_of({"made_by": "maker"}, page) == other
    assert pages.maker_of({"made_by": "gone"}, page) is None
    assert pages.maker_of({"file": "images"}, page) is None
    assert pages.maker_of({"made_by": "maker", "study": "book"}, page) == other
    assert pages.maker_of({"made_by": "maker", "study": "another"}, page) is None


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "{}"])
def test_what_is_no_notebook_is_said_to_be_none(tmp_path, text):
    (tmp_path / "a.ipynb").write_text(text)
    with pytest.raises(UserError, match=r"a\.ipynb is no notebook .*; bring .* or remove it"):
        pages.read(tmp_path / "a.ipynb")


def test_seals_are_what_sha256sum_reads(tmp_path):
    for name in ("b.ipynb", "a.ipynb", "b.ipynb"):
        (tmp_path / name).write_text(name)
        pages.seal(tmp_path / name)
    assert pages.seals(tmp_path) == {n: sha256(tmp_path / n) for n in ("a.ipynb", "b.ipynb")}
    assert (tmp_path / pages.SEALS).read_text().splitlines()[0].endswith("  a.ipynb")


@pytest.mark.parametrize("line", ["0" * 64 + " a.ipynb", "a.ipynb", "0" * 63 + "  a.ipynb"])
def test_seals_that_are_damaged_are_never_half_read(tmp_path, line):
    (tmp_path / pages.SEALS).write_text(f"{'0' * 64}  b.ipynb\n{line}\n")
    with pytest.raises(UserError, match=f"{tmp_path.name}/SHA256SUMS is damaged: '{line[:64]}"):
        pages.seals(tmp_path)


@pytest.mark.parametrize("place", ["/etc/passwd", "../../etc/passwd", "results/a/../../../x"])
@pytest.mark.parametrize("key", ["file", "made_by", "study"])
def test_a_page_whose_passports_name_what_lies_outside_the_project_is_not_read(execute, place, key):
    path = execute(publish)
    notebook = json.loads(path.read_text())
    for output in notebook["cells"][1]["outputs"]:
        passport = output["data"].get(outputs.PASSPORT, {})
        if passport.get("kind") == "artefact" and key == "file":
            passport["file"] = place
        if passport.get("kind") == "figure":
            passport["inputs"] = [{"name": "x", "file": "a", "sha256": "0", key: place}]
    path.write_text(json.dumps(notebook))
    with pytest.raises(UserError, match=f"names files outside the project: '{place}'"):
        pages.read(path)


def test_no_link_leads_out_of_the_project(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "ROOT", tmp_path / "project")
    (tmp_path / "project/results").mkdir(parents=True)
    (tmp_path / "project/results/out").symlink_to(tmp_path)
    assert paths.is_inside("results/cases.parquet")
    assert paths.is_inside("410 image files")
    assert not paths.is_inside("results/out/secret")


def test_results_may_be_a_link_to_another_disk(tmp_path, monkeypatch):
    (tmp_path / "project").mkdir()
    (tmp_path / "disk").mkdir()
    monkeypatch.setattr(paths, "ROOT", tmp_path / "project")
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "project/results")
    paths.RESULTS.symlink_to(tmp_path / "disk")
    assert paths.is_inside("results/s/cases.parquet")
    (tmp_path / "disk/out").symlink_to(tmp_path)
    assert not paths.is_inside("results/out/secret")
    assert provenance._shown(paths.RESULTS / "s/cases.parquet") == "results/s/cases.parquet"
    assert provenance._shown(tmp_path / "secret") == "secret"


def test_nothing_that_is_read_can_run_code():
    """No pickle, no archive unpacked at its own will, no Keras model with code of its own."""
    unsafe = re.compile(
        r"\bpickle\b|\bdill\b|\bjoblib\b|allow_pickle=True|safe_mode=False|extractall|unpack_archive"
        r"|yaml\.(unsafe_|full_)?load\((?!text, _Loader)|read_pickle|torch\.load"
    )
    code = [*paths.ROOT.glob("birads_lib/**/*.py"), *paths.ROOT.glob("press/**/*.py")]
    code += [*paths.ROOT.glob("notebooks/*.ipynb"), *paths.ROOT.glob("bench/**/*.py")]
    found = [(path.name, unsafe.findall(path.read_text())) for path in code]
    assert [(name, words) for name, words in found if words] == []


def glued(shown):
    data = {} if shown is None else {"application/papermill.record/text/plain": shown}
    return [("c", {"data": data, "metadata": {"scrapbook": {"name": "x"}}})]


@pytest.mark.parametrize("text", ["0.71", "it's so", "'quoted'", 'it\'s "so"', "a\\b\n", ""])
def test_a_text_for_prose_is_read_as_it_was_recorded(text):
    assert pages._numbers(glued(repr(text)))["x"].text == text
    assert pages._numbers(glued([*repr(text)]))["x"].text == text  # as a list of its lines


def test_a_number_without_a_text_is_empty_and_what_is_no_text_is_refused():
    assert pages._numbers(glued(None))["x"].text == ""
    for shown in ("0.7 (", "run()", "'a' 'b", "(" * 9999):
        with pytest.raises(
            UserError, match=r"x is recorded as .*, no text in quotes; bring the page"
        ):
            pages._numbers(glued(shown))
