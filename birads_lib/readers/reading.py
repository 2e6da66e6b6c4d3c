"""Read a folder with the reader that is named, as a study does."""

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

    Unknown readers and options are found, and values of the wrong kind or that the reader's own
    ``check`` refuses. No file of the data set is looked at.
    """
    reader = dataset["reader"]
    if reader not in READERS:
        return {"reader": _unknown_reader(reader)}
    known = options_of(reader) | {"folder": ""}
    options = {name: value for name, value in dataset.items() if name != "reader"}
    wrong = {name: _unknown_option(name, known) for name in options if name not in known}
    for name, value in options.items():
        if name in known:
            wrong[name] = _problem(reader, name, value, known[name])
    return {name: problem for name, problem in wrong.items() if problem}


def _module(reader: str) -> ModuleType:
    if reader not in READERS:
        raise UserError(_unknown_reader(reader))
    return import_module(f"birads_lib.readers.{reader}")


def _unknown_reader(reader: str) -> str:
    return f"unknown reader {reader!r}: {did_you_mean(reader, READERS)}"


def _unknown_option(name: str, known: Mapping[str, object]) -> str:
    return f"unknown option {name!r}: {did_you_mean(name, known)}"


def _problem(reader: str, name: str, value: object, default: object) -> str:
    """Return what is wrong with the value of one option, "" if nothing."""
    wrong_kind = kind_problem(name, value, default)
    if wrong_kind:
        return wrong_kind
    if name == "workers" and default is not None and value < 1:
        return f"{name!r} is {value!r}, expected at least 1"
    check = getattr(_module(reader), "check", None)
    if check is None or name == "folder":
        return ""
    try:
        check(**{name: value})
    except UserError as error:
        return str(error)
    return ""
