"""Functions that the commands of ``press`` share: ending with a status, and running Snakemake."""

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence

from birads_lib.errors import UserError
from press.paths import ROOT
from press.studies import given


def run(function: Callable[..., int | None]) -> None:
    """Call ``function`` with the command's words, and end with its status.

    A UserError is what the command then says, without a traceback, and its status 1.
    """
    try:
        sys.exit(function(*sys.argv[1:]))
    except UserError as error:
        sys.exit(str(error))


def snakemake(options: Mapping[str, str], arguments: Sequence[str], failure_message: str) -> None:
    """Run Snakemake on this machine to make files; raise UserError where it stops.

    Args:
        options: its ``--config``, which says which study; empty ones are left out.
        arguments: further ones, after ``--`` the targets; without any, all pages of the study.
        failure_message: the error's message; what stopped Snakemake, it has said itself.
    """
    items = [given.as_item(name, value) for name, value in options.items() if value]
    command = ["snakemake", "--profile", "profiles/local", "--config", *items, *arguments]
    if subprocess.run(command, cwd=ROOT).returncode:
        raise UserError(failure_message)
