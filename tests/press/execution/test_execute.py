"""Executing a notebook: whole or not at all, and what a user hears when it fails."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time

import nbformat
import pytest

from helpers.forking.client import FOLDER
from helpers.forking.start import RUN_MODULE
from helpers.processes import wait_until_ended
from helpers.project import copy_project, run_in
from press.by_hand import MARK
from press.execution.execute import FULL

ALONE = f"{sys.executable} -m"


@pytest.fixture(scope="module", autouse=True)
def alone():
    """Start kernels as users' are, and not as forks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("JUPYTER_PATH", raising=False)
        yield


@pytest.fixture
def start(clean_copy, tmp_path):
    """Return a function that starts the execution of some code in a notebook."""

    def begin(code, stderr=subprocess.PIPE, run_module=ALONE):
        environment = os.environ | {"PYTHONPATH": str(clean_copy)}
        options = {"cwd": clean_copy, "env": environment, "stderr": stderr}
        return subprocess.Popen(command(code, tmp_path, run_module), **options)

    return begin


@pytest.fixture
def execute(clean_copy, tmp_path):
    """Return a function that executes some code in a notebook, to its end.

    Its kernel starts by itself; what executes it is a fork, where there is a server of them.
    """
    return lambda code: run_in(clean_copy, *command(code, tmp_path, RUN_MODULE))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A notebook that was executed to its end: how that went, and the folder of its page."""
    folder = tmp_path_factory.mktemp("whole")
    project = copy_project(folder / "project")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(MARK)
        patch.delenv(FOLDER, raising=False)
        return run_in(project, *command(WHOLE, folder)), folder


@pytest.fixture
def problem(clean_copy):
    """Return the file that says what stopped the last run."""
    return clean_copy / "results" / "problem.txt"


WHOLE = """
import json, os, warnings
from ipykernel.connect import get_connection_info
from press.by_hand import is_by_hand

print("x is", x)
print("by hand:", is_by_hand())
print("transport:", json.loads(get_connection_info())["transport"])
_ = os.system("echo chatter >&2")
warnings.warn("half empty")
"""


def command(code, folder, run_module=ALONE):
    """Write a notebook around some code; return the command that executes it."""
    notebook = nbformat.v4.new_notebook()
    kernel = {"name": "python3", "display_name": "p", "language": "python"}
    notebook.metadata.kernelspec = kernel
    notebook.cells = [
        nbformat.v4.new_code_cell("x = 1", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(code),
    ]
    nbformat.write(notebook, folder / "source.ipynb")
    values = json.dumps({"study_dir": str(folder), "x": 2})
    files = [str(folder / "source.ipynb"), str(folder / "page.ipynb")]
    return [*run_module.split(), "press.execution.execute", *files, values]


def test_a_page_appears_and_prints_as_it_goes(whole):
    done, folder = whole
    assert done.returncode == 0
    assert "x is 2" in done.stdout
    assert "3/3" in done.stderr  # which cell of how many, papermill's own included
    assert "x is 2" in "".join(o.text for o in outputs(folder))


def outputs(folder):
    return nbformat.read(folder / "page.ipynb", 4).cells[-1].outputs


def test_a_warning_on_a_page_names_no_folder_of_the_machine(whole):
    (shown,) = [output for output in outputs(whole[1]) if output.name == "stderr"]
    assert shown.text == "UserWarning: half empty\n"


def test_a_notebook_knows_that_it_is_executed_for_a_page(whole):
    assert "by hand: False" in whole[0].stdout


def test_a_kernel_takes_no_port_that_another_process_could_take_first(whole):
    assert "transport: ipc" in whole[0].stdout


def test_native_chatter_goes_to_a_log(whole):
    done, folder = whole
    assert "chatter" not in done.stderr
    assert "chatter" in (folder / "logs" / "page.log").read_text()


def test_a_users_mistake_gives_the_message_and_no_traceback(execute, problem, tmp_path):
    done = execute("from birads_lib.errors import UserError\nraise UserError('do this')")
    assert done.returncode == 1
    assert "do this" in done.stderr
    assert "Traceback" not in done.stderr
    assert "do this" in problem.read_text()
    assert not (tmp_path / "page.ipynb").exists()
    assert (tmp_path / "failed" / "page.ipynb").exists()


def test_a_second_execution_waits_for_the_first(start, tmp_path):
    (tmp_path / "logs").mkdir()
    with open(tmp_path / "logs" / "page.log", "a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        second = start("print('x is', x)", run_module=RUN_MODULE)
        assert "waiting for another process" in second.stderr.readline().decode()
        fcntl.flock(held, fcntl.LOCK_UN)
        second.communicate()
    assert second.returncode == 0


def kill_when_there(killed, path):
    """Kill an execution alone once its notebook has written a file; return the file's text."""
    while not path.exists():
        assert killed.poll() is None
        time.sleep(0.05)
    killed.kill()
    killed.wait()
    return path.read_text()


def test_the_kernel_of_a_killed_execution_ends_before_the_next_begins(start, tmp_path):
    """It stops itself, so that it can't end at once."""
    code = (
        "import os, pathlib, signal\n"
        f"half = pathlib.Path({str(tmp_path / 'half')!r})\n"
        "half.write_text(str(os.getpid()))\n"
        "half.rename(half.with_name('pid'))\n"
        "os.kill(os.getpid(), signal.SIGSTOP)"
    )
    kernel = int(kill_when_there(start(code, subprocess.DEVNULL), tmp_path / "pid"))
    second = start("print('x is', x)", run_module=RUN_MODULE)
    assert "waiting for another process" in second.stderr.readline().decode()
    os.kill(kernel, signal.SIGCONT)
    second.communicate()
    assert second.returncode == 0


def test_no_process_outlives_a_killed_execution(start, tmp_path):
    code = (
        "import concurrent.futures, os, pathlib, time\n"
        "pool = concurrent.futures.ProcessPoolExecutor(1)\n"
        "pids = [os.getpid(), pool.submit(os.getpid).result()]\n"
        f"half = pathlib.Path({str(tmp_path / 'half')!r})\n"
        "half.write_text(' '.join(map(str, pids)))\n"
        "half.rename(half.with_name('pids'))\n"
        "time.sleep(600)"
    )
    killed = start(code, subprocess.DEVNULL)
    kernel, worker = map(int, kill_when_there(killed, tmp_path / "pids").split())
    wait_until_ended(kernel, worker)


def test_a_full_disk_is_said_with_its_folder_and_what_to_do(execute, problem, tmp_path):
    done = execute("import errno, os\nraise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))")
    assert done.returncode == 1
    assert f"the disk is full: {tmp_path}; free some room" in done.stderr
    assert "the disk is full" in problem.read_text()
    assert "Traceback" not in done.stderr


def test_a_kernel_that_was_killed_is_said_with_what_to_do(execute, problem):
    done = execute("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")  # as without memory
    assert done.returncode == 1
    assert "most often as the machine ran out of memory" in done.stderr
    assert "Traceback" not in done.stderr
    assert "fewer jobs at a time" in problem.read_text()


@pytest.mark.parametrize(
    ("message", "is_full"),
    [
        ("[Errno 28] No space left on device: 'a.csv'", True),
        ("[Errno 122] Disk quota exceeded", True),
        (
            "[Errno 28] Error writing bytes to file. Detail: [errno 28] No space left on device",
            True,
        ),
        ("Unable to close file (errno = 28, error message = 'No space left on device')", True),
        ("200000 requested and 32752 written", True),  # NumPy's words
        ("[Errno 13] Permission denied: 'a.csv'", False),
    ],
)
def test_libraries_words_for_a_full_disk_are_known(message, is_full):
    assert bool(FULL.search(message)) == is_full


def test_our_mistake_gives_the_traceback(execute):
    assert "ZeroDivisionError" in execute("1 / 0").stderr
