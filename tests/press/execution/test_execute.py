"""Executing a notebook: whole or not at all, and what a user hears when it fails."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from press.by_hand import MARK
from press.execution.execute import FULL
from press.execution.forking.client import FOLDER
from press.execution.forking.start import HERE, start_server

EITHER_WAY = pytest.mark.parametrize("processes", ["alone", "forked"], indirect=True)


@pytest.fixture(scope="module")
def forking():
    """Return the environment of processes that fork."""
    return start_server()


@pytest.fixture
def processes(request):
    """Return the environment of processes that start alone, or that fork."""
    if getattr(request, "param", "alone") == "forked":
        return request.getfixturevalue("forking")
    return {name: value for name, value in os.environ.items() if name != FOLDER}


@pytest.fixture
def start(clean_copy, tmp_path, processes):
    """Return a function that starts the execution of some code in a notebook."""

    def begin(code, stderr=subprocess.PIPE, **options):
        environment = processes | {"PYTHONPATH": str(clean_copy)}
        options |= {"cwd": clean_copy, "env": environment, "stderr": stderr}
        return subprocess.Popen(command(code, tmp_path), **options)

    return begin


@pytest.fixture
def execute(start):
    """Return a function that executes some code in a notebook, to its end."""

    def to_its_end(code):
        process = start(code, stdout=subprocess.PIPE, text=True)
        out, err = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    return to_its_end


@pytest.fixture
def problem(clean_copy):
    """Return the file that says what stopped the last run."""
    return clean_copy / "results" / "problem.txt"


def command(code, folder):
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
    client = [sys.executable, "-I", "-S", str(HERE / "client.py")]  # as the Snakefile does
    return [*client, "press.execution.execute", *files, values]


@EITHER_WAY
def test_a_page_appears_and_prints_as_it_goes(execute, tmp_path):
    done = execute("print('x is', x)")
    assert done.returncode == 0
    assert "x is 2" in done.stdout
    assert "3/3" in done.stderr  # which cell of how many, papermill's own included
    assert "x is 2" in (tmp_path / "page.ipynb").read_text()


HAS_PANDAS = "import os, sys; print('pandas' in sys.modules, os.getppid())"


@pytest.mark.parametrize("processes", ["forked"], indirect=True)
def test_a_fork_has_the_libraries_and_another_number_of_threads_starts_alone(
    execute, processes, monkeypatch
):
    """A library takes its number of threads when it is imported."""
    assert "True" in execute(HAS_PANDAS).stdout
    monkeypatch.setitem(processes, "OMP_NUM_THREADS", "3")
    assert "False" in execute(HAS_PANDAS).stdout


def test_the_server_ends_with_who_started_it(tmp_path, processes):
    wait = "import subprocess, sys, time; subprocess.run(sys.argv[1:]); time.sleep(600)"
    serve = [sys.executable, "-m", "press.execution.forking.start", sys.executable, "-c", wait]
    executing = command(HAS_PANDAS, tmp_path)
    pipe = {"stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([*serve, *executing], env=processes, **pipe) as started:
        server = int(started.stdout.readline().split()[1])
        assert is_at_work(server)
        started.kill()
        wait_until(lambda: not is_at_work(server))


def test_a_warning_on_a_page_names_no_folder_of_the_machine(execute, tmp_path):
    assert execute("import warnings; warnings.warn('half empty')").returncode == 0
    (shown,) = nbformat.read(tmp_path / "page.ipynb", 4).cells[-1].outputs
    assert shown.text == "UserWarning: half empty\n"


def test_a_notebook_knows_that_it_is_executed_for_a_page(execute, monkeypatch):
    monkeypatch.delenv(MARK)
    code = "from press.by_hand import is_by_hand; print('by hand:', is_by_hand())"
    assert "by hand: False" in execute(code).stdout


def test_a_kernel_takes_no_port_that_another_process_could_take_first(execute):
    code = (
        "import json; from ipykernel.connect import get_connection_info\n"
        "print(json.loads(get_connection_info())['transport'])"
    )
    assert "ipc" in execute(code).stdout


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
        second = start("print('x is', x)")
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


@EITHER_WAY
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
    second = start("print('x is', x)")
    assert "waiting for another process" in second.stderr.readline().decode()
    os.kill(kernel, signal.SIGCONT)
    second.communicate()
    assert second.returncode == 0


@EITHER_WAY
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
    wait_until(lambda: not is_at_work(kernel) and not is_at_work(worker))


def wait_until(holds):
    """Wait until something holds, a minute at most."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def is_at_work(process):
    """Say whether a process runs; one that has ended may wait for its parent to ask."""
    status = Path(f"/proc/{process}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_full_disk_is_said_with_its_folder_and_what_to_do(execute, problem, tmp_path):
    done = execute("import errno, os\nraise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))")
    assert done.returncode == 1
    assert f"the disk is full: {tmp_path}; free some room" in done.stderr
    assert "the disk is full" in problem.read_text()
    assert "Traceback" not in done.stderr


@EITHER_WAY
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


def test_native_chatter_goes_to_a_log(execute, tmp_path):
    done = execute("import os; _ = os.system('echo chatter >&2')")
    assert "chatter" not in done.stderr
    assert (tmp_path / "logs" / "page.log").exists()
