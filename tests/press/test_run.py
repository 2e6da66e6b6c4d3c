"""Everything that a notebook publishes carries its passport, its marks and its numbers."""

import json

import matplotlib
import pandas as pd
import pytest
from matplotlib.figure import Figure

from birads_lib.errors import UserError
from birads_lib.files import sha256
from press import run as provenance
from press.pages import outputs
from press.paths import source_notebook
from press.rendering import exhibits
from press.studies.parameters import declared_parameters

matplotlib.use("Agg")


@pytest.fixture
def shown(monkeypatch):
    """All that is shown, as data."""
    data = []
    monkeypatch.setattr(outputs, "show", data.append)
    return data


@pytest.fixture
def executing(monkeypatch):
    """A function that says which source cell, from 1, a kernel executes."""

    def execute(notebook, number):
        cell = json.loads(source_notebook(notebook).read_text())["cells"][number - 1]
        monkeypatch.setattr(provenance, "executing_code", lambda: "".join(cell["source"]))
        return cell["id"]

    return execute


def html(shown):
    """Return the HTML, in the rendered book, of what was published last."""
    *_, last = (data for data in shown if outputs.PASSPORT in data)
    return exhibits.exhibit(last)


def run(tmp_path, notebook="04_evaluation", inputs=None, **changes):
    values = declared_parameters(notebook) | {"study_dir": str(tmp_path)} | changes
    return provenance.Run(notebook, values, inputs)


def figure():
    drawn = Figure(figsize=(2, 2))
    drawn.subplots().plot([1, 2])
    return drawn


def test_a_figure_is_written_with_its_passport_and_data(tmp_path, shown, executing):
    source = tmp_path / "in.txt"
    source.write_text("x")
    made = run(tmp_path, inputs={"source": source}, resamples=7)
    cell = executing("04_evaluation", 7)
    made.publish(
        figure(), id="headline", caption="A <b>", alt="rising", data=pd.DataFrame({"a": [1]})
    )
    folder = tmp_path / "figures" / "04_evaluation-proposed-patient"
    assert sorted(p.name for p in folder.iterdir()) == [
        "headline.csv", "headline.json", "headline.png",
    ]  # fmt: skip
    facts = json.loads((folder / "headline.json").read_text())
    assert facts["parameters_changed"]["resamples"] == 7
    assert facts["inputs"][0]["sha256"] == sha256(source)
    assert (facts["cell"], facts["cell_id"]) == (7, cell)
    assert len(facts["code"]["library_sha256"]) == 64
    assert 'alt="rising"' in html(shown)
    assert "A &lt;b&gt;" in html(shown)
    assert "Passport" in html(shown)


def test_equal_figures_give_equal_bytes():
    assert outputs.png(figure()) == outputs.png(figure())


def test_a_cell_is_named_only_where_it_is_the_sources(tmp_path, shown, executing, monkeypatch):
    """Not where the id is quoted: 08 quotes that of `sharpness` long before."""
    for number in (15, 31):
        cell = executing("08_interpretability", number)
        facts = run(tmp_path, "08_interpretability").passport("sharpness", "figure")
        assert (facts["cell"], facts["cell_id"]) == (number, cell)
    monkeypatch.setattr(provenance, "executing_code", lambda: "edited and not saved")
    facts = run(tmp_path, "08_interpretability").passport("sharpness", "figure")
    assert (facts["cell"], facts["cell_id"]) == (None, None)


def test_two_exhibits_of_one_name_are_refused(tmp_path, shown, executing):
    made = run(tmp_path)
    for number in (7, 7, 8):  # a cell may be executed again
        cell = executing("04_evaluation", number)
        if number == 8:
            with pytest.raises(ValueError, match=f"are called 't': cells .* and {cell}"):
                made.publish(pd.DataFrame({"a": [1]}), "t", "c")
        else:
            made.publish(pd.DataFrame({"a": [1]}), "t", "c")


def test_a_figure_without_alt_text_is_refused(tmp_path, shown):
    with pytest.raises(UserError, match="no alt text"):
        run(tmp_path).publish(figure(), id="x", caption="y")


def test_leaky_and_synthetic_marks_stand_on_everything(tmp_path, shown):
    run(tmp_path, protocol="oversample_first").publish(pd.DataFrame({"a": [1]}), "t", "c")
    for content in (html(shown), shown[-1]["text/html"]):  # in the book, and in Jupyter
        assert provenance.LEAKY in content
        assert provenance.SYNTHETIC in content
    real = run(tmp_path, dataset={"reader": "inbreast"}, note="cut at conv4")
    real.publish(pd.DataFrame({"a": [1]}), "t", "c")
    assert provenance.LEAKY not in html(shown)
    assert provenance.SYNTHETIC not in html(shown)
    assert "cut at conv4" in html(shown)


def test_records_are_written_beside_the_run_with_a_passport(tmp_path):
    table = pd.DataFrame(
        {"metric": ["qwk", "rps"], "estimate": [0.4, 0.1], "low": [0.3, None], "high": [0.5, None]}
    )
    run(tmp_path).record(table)
    path = tmp_path / "runs/proposed/patient/04_evaluation.metrics.json"
    assert json.loads(path.read_text()) == {
        "qwk": {"estimate": 0.4, "low": 0.3, "high": 0.5},
        "rps": {"estimate": 0.1, "low": None, "high": None},
    }
    passport = json.loads(path.with_name(path.name + ".passport.json").read_text())
    assert passport["sha256"] == sha256(path)
    with pytest.raises(ValueError, match="recorded twice: qwk"):
        run(tmp_path).record(pd.concat([table, table[:1]]))


def test_a_page_over_several_protocols_names_the_leaky_ones(tmp_path, shown):
    several = run(tmp_path, "11_claims", protocols=["patient", "image"])
    assert several.marks["leaky-mark"] == f"image: {provenance.LEAKY}"
    assert (several.home, several.page) == (tmp_path, "11_claims")
    several.publish(pd.DataFrame({"a": [1]}), id="t", caption="c", protocols=["patient"])
    assert "leaky" not in html(shown)
    alone = run(tmp_path, "11_claims", protocols=["patient"])
    assert "leaky-mark" not in alone.marks


def test_rows_of_a_table_may_lead_somewhere(tmp_path, shown):
    table = pd.DataFrame({"a": [1, 2]}, index=["A < B", "C"])
    run(tmp_path).publish(table, id="t", caption="c", links={"A < B": "page.html#x"})
    assert '<th><a href="page.html#x">A &lt; B</a></th>' in html(shown)
    assert "<th>C</th>" in html(shown)


def test_missing_inputs_are_all_named_with_what_to_run(tmp_path):
    names = (
        "cases.parquet",
        "images-no_clahe.npy",
        "fold0/model.keras",
        "05_ablations.metrics.json",
    )
    with pytest.raises(UserError) as error:
        run(tmp_path, inputs={name: tmp_path / name for name in names})
    message = str(error.value)
    assert "cases.parquet, images-no_clahe.npy, model.keras, 05_ablations.metrics.json" in message
    assert (
        "Run 01_data_exploration, then 02_preprocessing, then 03_training, then 05_ablations"
        in message
    )
    assert "make book" in message


def test_the_chain_of_passports_and_tampering(tmp_path, shown):
    artefact = tmp_path / "made.txt"
    artefact.write_text("x")
    run(tmp_path, "01_data_exploration").output(artefact)
    after = run(tmp_path, inputs={"made": artefact}).inputs[0]
    assert after["made_by"] == "01_data_exploration"
    assert after["intact"]
    artefact.write_text("y")
    assert not run(tmp_path, inputs={"made": artefact}).inputs[0]["intact"]


def test_no_absolute_path_is_shown(tmp_path, shown):
    source = tmp_path / "in.txt"
    source.write_text("x")
    assert run(tmp_path, inputs={"source": source}).inputs[0]["file"] == "in.txt"


def test_an_answer_is_shown_recorded_for_prose_and_no_markup(tmp_path, shown, monkeypatch):
    named = []
    monkeypatch.setattr(
        outputs, "show", lambda *given: (shown.append(given[0]), named.append(given))
    )
    run(tmp_path, protocol="image").answer("A < B")
    value, answer = shown[-2:]
    assert named[-2][1]["scrapbook"]["name"] == f"{tmp_path.name}_image_answer_04_evaluation"
    assert [*value.values()] == ["'A < B'"]
    assert answer[outputs.ANSWER] == {"text": "A < B"}
    assert answer["text/html"] == '<p class="answer">A &lt; B</p>'
