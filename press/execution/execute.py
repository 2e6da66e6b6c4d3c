"""Execute one notebook through papermill, with progress, whole or not at all.

    python -m press.execution.execute notebooks/04_evaluation.ipynb out.ipynb '{"study_dir": "..."}'

The executed copy appears at its name only when every cell ran. A failure leaves it in
``<study_dir>/failed/`` for a look, and says what the user has to do, or gives the traceback where
the mistake is ours. Without arguments, it says what stopped the last run.
"""

import errno
import gc
import json
import logging
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
import warnings
from contextlib import suppress
from pathlib import Path

from birads_lib.errors import UserError
from birads_lib.files import lock, written_whole
from press.by_hand import MARK
from press.paths import BOOK, RESULTS, ROOT

USER_ERRORS = ("UserError", "DatasetError", "LeakageError", "PredictionError")
PROBLEM = RESULTS / "problem.txt"  # what stopped the last run
# How Python and the libraries below it say so; the last is NumPy's way.
FULL = re.compile(
    f"{os.strerror(errno.ENOSPC)}|{os.strerror(errno.EDQUOT)}|\\d+ requested and \\d+ written"
)
LITTLE_ROOM = 2**20  # bytes
KERNEL_DIED = (
    "the notebook's process was ended from outside, most often as the machine ran out of memory. "
    "End other programs, run fewer jobs at a time (cores: in profiles/local/config.yaml) or make "
    "the study smaller (batch_size, image_size), and run the same command again: it goes on"
)
# A kernel listens at sockets of its own, in a folder. Ports were picked first and opened later:
# now and then another process had taken one by then, and the kernel died. The path of a socket has
# room for about 100 characters, and TMPDIR may be longer.
SOCKETS = "/tmp"
# For the kernel's glibc: else it gives large arrays back after each step of a training and asks
# the system for new ones.
KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(2**25),
    "MALLOC_TRIM_THRESHOLD_": str(2**32),
    "MALLOC_TOP_PAD_": str(2**28),
}


def main(notebook: str, page: str, parameters: str) -> int:
    """Execute ``notebook`` with ``parameters`` (JSON) into ``page``; return the exit status."""
    values, path = json.loads(parameters), Path(page)
    study_dir = Path(values["study_dir"])
    try:
        problem = _execute(notebook, path, values, study_dir)
    except OSError as error:  # here, not in the notebook: the page or the log, say
        if not FULL.search(str(error)):
            raise
        problem = _full_disk(study_dir, path.parent)
    if problem:
        print(f"\n{problem}\n", file=sys.stderr)
        with suppress(OSError), written_whole(PROBLEM) as temporary:  # its disk may be full, too
            temporary.write_text(problem + "\n")
    return int(bool(problem))


def _execute(notebook: str, page: Path, values: dict, study_dir: Path) -> str:
    """Execute one page and return what went wrong, if anything."""
    import papermill
    from nbclient.exceptions import DeadKernelError

    from press.pages.page import seal  # here, as kernels import this module for `end_with`

    failed = study_dir / "failed" / page.name
    failed.parent.mkdir(parents=True, exist_ok=True)
    _send_chatter_to(study_dir / "logs" / f"{page.stem}.log", page)
    os.environ.update(KEEP_MEMORY | os.environ)
    os.environ[MARK] = str(page)
    if "OMP_NUM_THREADS" in os.environ:  # as many as Snakemake gave this job, for TensorFlow, too
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", os.environ["OMP_NUM_THREADS"])
    try:
        _run_in_kernel(notebook, failed, values, page.stem)
    except DeadKernelError:
        return f"{KERNEL_DIED}\n\nThe notebook, up to there: {failed}"
    except papermill.PapermillExecutionError as error:
        if FULL.search(error.evalue):
            return _full_disk(study_dir, page.parent)
        message = error.evalue if error.ename in USER_ERRORS else "\n".join(error.traceback)
        return f"{message}\n\nThe notebook, up to there: {failed}"
    with written_whole(page) as temporary:
        shutil.copyfile(failed, temporary)  # pages may lie on another disk
    failed.unlink()
    try:
        seal(page)
    except UserError as error:  # a list of seals that is damaged
        return str(error)
    return ""


def _run_in_kernel(notebook: str, executed: Path, values: dict, name: str) -> None:
    """Execute a notebook with papermill, in a kernel that ends with this process."""
    import papermill
    from traitlets.config import Config

    # The kernel watches this process by `end_with`, not in its own way.
    begin = (
        "import press.execution.execute as _; _.collect_seldom(); _.warn_without_places(); "
        f"_.end_with({os.getpid()}); del _"
    )
    options = ["--IPKernelApp.parent_handle=1", f"--IPKernelApp.exec_lines={begin}"]
    bar = {"desc": name, "mininterval": 1, "ncols": 90}
    with tempfile.TemporaryDirectory(prefix="kernel-", dir=SOCKETS) as folder:
        papermill.execute_notebook(
            notebook, str(executed), values, kernel_name="python3", progress_bar=bar,
            stdout_file=sys.stdout, start_timeout=300, extra_arguments=options,
            config=Config(KernelManager={"transport": "ipc", "ip": f"{folder}/socket"}),
        )  # fmt: skip


def _full_disk(*folders: Path) -> str:
    """Return the message for a full disk: it names the first full folder, or else the first one."""
    folder = next(filter(_is_full, folders), folders[0])
    return f"the disk is full: {folder}; free some room and run the same command again: it goes on"


def _is_full(folder: Path) -> bool:
    return folder.exists() and shutil.disk_usage(folder).free < LITTLE_ROOM


def what_stopped() -> str:
    """Return why the last run stopped, for make to say last."""
    folders = (RESULTS, BOOK, ROOT / ".snakemake")
    if PROBLEM.exists():
        return PROBLEM.read_text().rstrip()
    if any(map(_is_full, folders)):  # Snakemake itself could not write
        return _full_disk(*folders)
    return "Stopped. Run the same command again: it goes on from where it was."


def collect_seldom() -> None:
    """Raise the threshold of Python's garbage collector from 700 new objects to 200,000.

    At 700, it searches the million objects of TensorFlow's modules again and again, which takes a
    fifth of a training.
    """
    gc.set_threshold(200_000, 20, 20)


def warn_without_places() -> None:
    """Format warnings without their file: a page must not show folders of a machine."""
    warnings.formatwarning = lambda message, category, *_: f"{category.__name__}: {message}\n"


def end_with(process: int) -> None:
    """End this kernel and all it started when ``process`` has ended, however it did.

    A kernel that ends alone, as IPython's own watch has it, leaves a pool's workers waiting. Its
    parent may be another process: the tests have kernels forked.
    """

    def watch() -> None:
        with suppress(ProcessLookupError):
            while True:
                os.kill(process, 0)  # does nothing but ask
                time.sleep(0.2)
        os.killpg(0, signal.SIGKILL)  # a kernel leads a process group

    threading.Thread(target=watch, daemon=True).start()


def _send_chatter_to(log: Path, page: Path) -> None:
    """Redirect output that native libraries write past Python from the terminal to a file.

    The kernel inherits file descriptor 2; progress and errors keep the terminal. It inherits the
    file's lock, too: no other execution of the page begins before both have ended.
    """
    warnings.filterwarnings("ignore")
    logging.getLogger("papermill").setLevel(logging.ERROR)
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    sys.stderr.flush()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "a") as file:
        # Held by a process that a kill left over, say.
        lock(file, f"waiting for another process at {page}")
        file.truncate(0)
        os.dup2(file.fileno(), 2)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if sys.argv[1:] else print(what_stopped()))
