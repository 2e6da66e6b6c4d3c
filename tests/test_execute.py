"""Executing a notebook: whole or not at all, and what a user hears when it fails."""

import fcntl
import json
import subprocess
import sys
import threading

import nbformat
import pytest

from birads_lib.execute import PROBLEM
from birads_lib.paths import ROOT


@pytest.fixture
def execute(tmp_path):
    def run(code):
        notebook = nbformat.v4.new_notebook()
        notebook.metadata.kernelspec = {
            "name": "python3",
            "display_name": "p",
            "language": "python",
        }
        notebook.cells = [
            nbformat.v4.new_code_cell("x = 1", metadata={"tags": ["parameters"]}),
            nbformat.v4.new_code_cell(code),
        ]
        nbformat.write(notebook, tmp_path / "source.ipynb")
        values = json.dumps({"study_dir": str(tmp_path), "x": 2})
        command = [sys.executable, "-m", "birads_lib.execute", str(tmp_path / "source.ipynb")]
        command += [str(tmp_path / "page.ipynb"), values]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    return run


def test_a_page_appears_and_prints_as_it_goes(execute, tmp_path):
    done = execute("print('x is', x)")
    assert done.returncode == 0
    assert "x is 2" in done.stdout
    assert "3/3" in done.stderr  # which cell of how many, papermill's own included
    assert "x is 2" in (tmp_path / "page.ipynb").read_text()


def test_a_users_mistake_gives_the_message_and_no_traceback(execute, tmp_path):
    done = execute("from birads_lib.errors import UserError\nraise UserError('do this')")
    assert done.returncode == 1
    assert "do this" in done.stderr
    assert "Traceback" not in done.stderr
    assert "do this" in PROBLEM.read_text()
    assert not (tmp_path / "page.ipynb").exists()
    assert (tmp_path / "failed" / "page.ipynb").exists()


def test_a_second_execution_waits_for_the_first(execute, tmp_path):
    (tmp_path / "logs").mkdir()
    with open(tmp_path / "logs" / "page.lock", "a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        timer = threading.Timer(8, fcntl.flock, (held, fcntl.LOCK_UN))
        timer.start()
        done = execute("print('x is', x)")
        timer.join()
    assert "waiting for another process" in done.stderr
    assert done.returncode == 0


def test_our_mistake_gives_the_traceback(execute):
    assert "ZeroDivisionError" in execute("1 / 0").stderr


def test_native_chatter_goes_to_a_log(execute, tmp_path):
    done = execute("import os; _ = os.system('echo chatter >&2')")
    assert "chatter" not in done.stderr
    assert (tmp_path / "logs" / "page.log").exists()
