"""Forks of a process that has the libraries execute the smoke studies' notebooks."""

import json
import os
import signal
import subprocess
import sys

import nbformat
import pytest

from helpers.forking.client import FOLDER
from helpers.forking.start import RUN_MODULE, start_server
from helpers.processes import wait_until_ended
from helpers.project import ROOT

CODE = "import os, sys; print('pandas' in sys.modules, os.environ['MINE'], os.getcwd())"


@pytest.fixture(scope="module")
def forking():
    """Return the environment of processes that fork, as the whole of the tests may do."""
    outer = os.environ if FOLDER in os.environ else start_server()
    return outer | {"MINE": "its own"}


def execute(folder, environment):
    """Execute a notebook with ``CODE`` as the Snakefile does; return what it prints."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CODE)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "p", "language": "python"}
    nbformat.write(notebook, folder / "source.ipynb")
    files = [str(folder / name) for name in ("source.ipynb", "page.ipynb")]
    values = json.dumps({"study_dir": str(folder)})
    command = [*RUN_MODULE.split(), "press.execution.execute", *files, values]
    pipes = {"capture_output": True, "text": True, "check": True}
    return subprocess.run(command, cwd=ROOT, env=environment, **pipes).stdout


def test_a_fork_has_the_libraries_and_its_own_environment(forking, tmp_path):
    assert execute(tmp_path, forking) == f"True its own {ROOT}\n"


def test_another_number_of_threads_starts_alone(forking, tmp_path):
    """A library takes its number of threads when it is imported."""
    assert execute(tmp_path, forking | {"OMP_NUM_THREADS": "3"}) == f"False its own {ROOT}\n"


def test_a_forks_status_is_that_of_the_module(forking):
    command = [*RUN_MODULE.split(), "press.execution.execute", "absent.ipynb", "out.ipynb", "{}"]
    done = subprocess.run(command, cwd=ROOT, env=forking, capture_output=True, text=True)
    assert done.returncode == 1
    assert "KeyError: 'study_dir'" in done.stderr


def test_a_fork_ends_with_its_client_and_the_server_with_who_started_it(tmp_path):
    (tmp_path / "waiting.py").write_text(
        "import os, time; print(os.getpid(), os.getppid(), flush=True); time.sleep(600)"
    )
    wait = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:]).pid, flush=True); input()"
    start = [sys.executable, "-m", "helpers.forking.start", sys.executable, "-c", wait]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT}/tests:{tmp_path}"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [*start, *RUN_MODULE.split(), "waiting"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, **pipes) as starter:
        client = int(starter.stdout.readline())
        fork, server = map(int, starter.stdout.readline().split())
        os.kill(client, signal.SIGKILL)
        wait_until_ended(fork)
        starter.kill()
        wait_until_ended(server)
