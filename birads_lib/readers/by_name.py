"""Use a reader by its name, as a study does."""

from collections.abc import Mapping
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path
from types import ModuleType

from birads_lib.cases import Dataset
from birads_lib.errors import UserError, check_options, did_you_mean, kind_problem
from birads_lib.readers import READERS


def read(reader: str, folder: str | Path, **options: object) -> Dataset:
    """Read ``folder`` with the named reader.

    Raises:
        UserError: the reader or an option doesn't exist.
        DatasetError: lists everything wrong with the folder.
    """
    read_folder = _module(reader).read
    check_options(read_folder, options)
    return read_folder(folder, **options)


def options_of(reader: str) -> dict[str, object]:
    """Return {name: default} of what the named reader takes beside the folder."""
    parameters = signature(_module(reader).read).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is Parameter.KEYWORD_ONLY}


def problems(dataset: Mapping[str, object]) -> dict[str, str]:
    """Return {key: what is wrong with it} of a study's ``dataset``, which names its ``reader``.

    Unknown readers and options are problems, and values of the wrong kind or that the reader's own
    ``check`` refuses. No file of the data set is looked at.
    """
    options = dict(dataset)
    reader = options.pop("reader")
    try:
        known = options_of(reader) | {"folder": ""}
    except UserError as error:
        return {"reader": str(error)}
    checked = {name: _problem(reader, name, value, known) for name, value in options.items()}
    return {name: problem for name, problem in checked.items() if problem}


def _module(reader: str) -> ModuleType:
    if reader not in READERS:
        raise UserError(f"unknown reader {reader!r}: {did_you_mean(reader, READERS)}")
    return import_module(f"birads_lib.readers.{reader}")


def _problem(reader: str, name: str, value: object, known: Mapping[str, object]) -> str:
    """Return what is wrong with one option, "" if nothing."""
    if name not in known:
        return f"unknown option {name!r}: {did_you_mean(name, known)}"
    if wrong_kind := kind_problem(name, value, known[name]):
        return wrong_kind
    if name == "workers" and known[name] is not None and value < 1:
        return f"'workers' is {value!r}, expected at least 1"
    check = getattr(_module(reader), "check", None)
    try:
        if check and name != "folder":
            check(**{name: value})
    except UserError as error:
        return str(error)
    return ""
