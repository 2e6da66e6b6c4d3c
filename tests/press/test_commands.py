"""What CI runs: commands that the Makefile has, on each Python that the project says it takes."""

import re
import tomllib

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


def test_each_job_waits_for_jobs_that_there_are():
    for workflow in WORKFLOWS.values():
        for job in workflow["jobs"].values():
            waited = job.get("needs", [])
            names = [waited] if isinstance(waited, str) else waited
            assert set(names) <= set(workflow["jobs"])


def test_ci_runs_each_python_that_the_project_takes():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    least, below = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", project["requires-python"]).groups()
    tested = [job["strategy"]["matrix"]["python"] for job in JOBS if "strategy" in job]
    assert tested == [[f"3.{minor}" for minor in range(int(least), int(below))]]


def test_what_is_published_is_where_the_book_is_built():
    steps = [step for job in JOBS for step in job["steps"]]
    paths = [step["with"]["path"] for step in steps if "upload-pages" in step.get("uses", "")]
    assert paths == [rendered_book("phantoms").relative_to(ROOT).as_posix()]
