"""Checks of the whole project: commands in CI and prose, dependencies, docstrings."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest
import yaml

from helpers.project import ROOT
from press.paths import rendered_book

WORKFLOWS = {
    path.name: yaml.safe_load(path.read_text()) for path in (ROOT / ".github/workflows").iterdir()
}
JOBS = [job for workflow in WORKFLOWS.values() for job in workflow["jobs"].values()]
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_each_target_that_ci_makes_is_in_the_makefile():
    commands = [step.get("run", "") for job in JOBS for step in job["steps"]]
    commands += (ROOT / ".ci/run").read_text().splitlines()
    made = {name for command in commands for name in re.findall(r"^make (\w+)", command)}
    assert {"lint", "test", "stress", "book"} <= made
    assert made <= TARGETS


PROSE = [ROOT / "README.md", *(ROOT / "book").glob("*.md"), *(ROOT / "config").glob("*.yaml")]


@pytest.mark.parametrize("path", PROSE, ids=lambda path: path.name)
def test_commands_in_prose_name_targets_and_studies_that_there_are(path):
    text = path.read_text()
    made = set(re.findall(r"\bmake ([a-z]+) [A-Z]+=", text))
    named = set(re.findall(r"\b(?:STUDY|OTHER)=([a-z]\w*)", text))
    for names in re.findall(r"\bSTUDIES=(\w+(?:,\w+)*)", text):
        named |= set(names.split(","))
    examples = {"a", "b", "name", "my"}
    assert made <= TARGETS
    assert named - examples <= {config.stem for config in (ROOT / "config").glob("*.yaml")}


def test_each_job_waits_for_jobs_that_there_are():
    for workflow in WORKFLOWS.values():
        for job in workflow["jobs"].values():
            waited = job.get("needs", [])
            names = [waited] if isinstance(waited, str) else waited
            assert set(names) <= set(workflow["jobs"])


@pytest.mark.parametrize(("package", "extras"), [("birads_lib", ()), ("press", ("book",))])
def test_what_a_package_imports_is_installed_with_it(package, extras):
    """The library alone takes neither Jupyter Book nor Snakemake."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = project["dependencies"][:]
    for extra in extras:
        listed += project["optional-dependencies"][extra]
    installed = {re.match(r"[\w-]+", entry).group() for entry in listed}
    trees = [ast.parse(path.read_text()) for path in (ROOT / package).rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    imported = {
        node.module for node in nodes if isinstance(node, ast.ImportFrom) and not node.level
    }
    imported |= {a.name for node in nodes if isinstance(node, ast.Import) for a in node.names}
    modules = {name.partition(".")[0] for name in imported} - sys.stdlib_module_names
    # By jupyterlab, by papermill, by jupyter-book's theme, and by pydantic.
    brought = {"IPython", "nbconvert", "traitlets", "nbclient", "bs4", "pydantic_core"}
    origins = packages_distributions()
    for module in modules - {"birads_lib", "press"} - brought:
        assert installed & {name.replace("_", "-").lower() for name in origins[module]}, module


def test_ci_runs_each_python_that_the_project_takes():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    least, below = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", project["requires-python"]).groups()
    tested = [job["strategy"]["matrix"]["python"] for job in JOBS if "strategy" in job]
    assert tested == [[f"3.{minor}" for minor in range(int(least), int(below))]]


def test_what_is_published_is_where_the_book_is_built():
    steps = [step for job in JOBS for step in job["steps"]]
    paths = [step["with"]["path"] for step in steps if "upload-pages" in step.get("uses", "")]
    assert paths == [rendered_book("phantoms").relative_to(ROOT).as_posix()]


DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
NO_SUBJECT = re.compile(r"(What|Which|Where|When|How|Whether|Let|Say|Tell|Have)\b")


@pytest.mark.parametrize("package", ["birads_lib", "press", "bench"])
def test_a_docstring_begins_with_its_subject_or_a_plain_verb(package):
    first_lines = {}
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
                name = getattr(node, "name", "the module")
                first_lines[f"{path.relative_to(ROOT)}, {name}"] = text.splitlines()[0]
    assert first_lines
    assert not {name: line for name, line in first_lines.items() if NO_SUBJECT.match(line)}
