"""Execute one notebook through papermill, with progress, whole or not at all.

    python -m birads_lib.execute notebooks/04_evaluation.ipynb out.ipynb '{"seed": 1}'

The executed copy appears at its name only when every cell ran. A failure leaves it in
``results/<study>/failed/`` for a look, and prints what the user has to do, or the traceback
where the mistake is ours.
"""

import json
import logging
import os
import sys
import warnings
from pathlib import Path

os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")

USER_ERRORS = ("UserError", "DatasetError", "LeakageError")


def main(notebook: str, page: str, parameters: str) -> int:
    """Execute ``notebook`` with ``parameters`` (JSON) into ``page``; return the exit status."""
    import papermill

    from birads_lib.files import written_whole

    warnings.filterwarnings("ignore")
    logging.getLogger("papermill").setLevel(logging.ERROR)
    values = json.loads(parameters)
    failed = Path(values["study_dir"]) / "failed" / Path(page).name
    failed.parent.mkdir(parents=True, exist_ok=True)
    bar = {"desc": Path(page).stem, "mininterval": 1, "ncols": 90}
    try:
        with written_whole(page) as temporary:
            papermill.execute_notebook(
                notebook, str(failed), values, kernel_name="python3", progress_bar=bar,
                stdout_file=sys.stdout, stderr_file=sys.stderr,
            )  # fmt: skip
            Path(failed).replace(temporary)
    except papermill.PapermillExecutionError as error:
        print(f"\n{_explain(error)}\nThe notebook, up to there: {failed}", file=sys.stderr)
        return 1
    return 0


def _explain(error) -> str:
    """Return the message alone for a user's mistake, all there is for ours."""
    if error.ename in USER_ERRORS:
        return f"{error.ename}: {error.evalue}"
    return "\n".join(error.traceback)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
