"""Execute one notebook through papermill, with progress, whole or not at all.

    python -m birads_lib.execute notebooks/04_evaluation.ipynb out.ipynb '{"study_dir": "..."}'

The executed copy appears at its name only when every cell ran. A failure leaves it in
``<study_dir>/failed/`` for a look, and says what the user has to do, or gives the traceback where
the mistake is ours.
"""

import json
import logging
import os
import sys
import warnings
from pathlib import Path

from birads_lib import pages
from birads_lib.files import one_at_a_time, written_whole
from birads_lib.paths import RESULTS

USER_ERRORS = ("UserError", "DatasetError", "LeakageError", "PredictionError")
PROBLEM = RESULTS / "problem.txt"  # what stopped the last run, for make to say last


def main(notebook: str, page: str, parameters: str) -> int:
    """Execute ``notebook`` with ``parameters`` (JSON) into ``page``; return the exit status."""
    import papermill

    values = json.loads(parameters)
    log = Path(values["study_dir"]) / "logs" / f"{Path(page).stem}.log"
    failed = Path(values["study_dir"]) / "failed" / Path(page).name
    failed.parent.mkdir(parents=True, exist_ok=True)
    # A process that a kill left over may still execute this page.
    with one_at_a_time(log.with_suffix(".lock"), f"waiting for another process at {page}"):
        _send_chatter_to(log)
        _share_cores()
        bar = {"desc": Path(page).stem, "mininterval": 1, "ncols": 90}
        try:
            papermill.execute_notebook(
                notebook, str(failed), values, kernel_name="python3", progress_bar=bar,
                stdout_file=sys.stdout, start_timeout=300,
            )  # fmt: skip
        except papermill.PapermillExecutionError as error:
            message = f"{_explain(error)}\n\nThe notebook, up to there: {failed}\n"
            with written_whole(PROBLEM) as temporary:
                temporary.write_text(message)
            print(f"\n{message}", file=sys.stderr)
            return 1
        with written_whole(page) as temporary:
            failed.replace(temporary)
        pages.seal(Path(page))
    return 0


def _share_cores() -> None:
    """Give TensorFlow as many threads as Snakemake gave this job, and NumPy by itself."""
    if "OMP_NUM_THREADS" in os.environ:
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", os.environ["OMP_NUM_THREADS"])


def _send_chatter_to(log: Path) -> None:
    """Keep what native libraries write past Python to the terminal in a file instead.

    The kernel inherits file descriptor 2; progress and errors keep the terminal.
    """
    warnings.filterwarnings("ignore")
    logging.getLogger("papermill").setLevel(logging.ERROR)
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    sys.stderr.flush()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "w") as file:
        os.dup2(file.fileno(), 2)


def _explain(error) -> str:
    """Return the message alone for a user's mistake, all there is for ours."""
    if error.ename in USER_ERRORS:
        return error.evalue
    return "\n".join(error.traceback)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
