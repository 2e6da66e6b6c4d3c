"""Buttons to Binder and Colab: only where the repository is known, and to notebooks it holds."""

import importlib
import re
from types import SimpleNamespace

import pytest
import yaml
from sphinx.errors import ConfigError

from helpers.project import ROOT
from press.studies import parameters


@pytest.fixture
def launch(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "book" / "_ext"))
    return importlib.import_module("launch")


def buttons(launch, page, repository="owner/book", branch="main"):
    config = SimpleNamespace(launch_repository=repository, launch_branch=branch)
    launch.check(None, config)
    context = {"header_buttons": []}
    launch.add_buttons(SimpleNamespace(config=config), page, "page.html", context, None)
    return [button["url"] for group in context["header_buttons"] for button in group["buttons"]]


@pytest.mark.parametrize("notebook", parameters.notebook_names())
def test_the_links_of_a_page_lead_to_its_source_notebook(launch, notebook):
    links = buttons(launch, f"book/phantoms/{notebook}-proposed-patient", branch="v1.0")
    assert len(links) == 2
    for link in links:
        (path,) = re.findall(r"notebooks/\w+\.ipynb", link)
        assert (ROOT / path).is_file()
        assert "owner/book/" in link
        assert "/v1.0" in link


def test_no_dead_button_stands_on_prose_or_where_no_repository_is_known(launch):
    assert not buttons(launch, "book/intro")
    assert not buttons(launch, "genindex")
    assert not buttons(launch, "book/phantoms/04_evaluation-proposed-patient", repository="")


@pytest.mark.parametrize("wrong", ["name", "https://host/owner/name", "owner/name/x", "a/b?x=<y>"])
def test_what_is_no_repository_is_refused(launch, wrong):
    with pytest.raises(ConfigError, match="expected"):
        buttons(launch, "book/intro", repository=wrong)


def test_the_book_names_no_repository_of_its_own():
    config = yaml.safe_load((ROOT / "_config.yml").read_text())["sphinx"]
    assert config["config"]["launch_repository"] == ""
    assert "launch" in config["config"]["extensions"]
