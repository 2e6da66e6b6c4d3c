"""Use a reader by its name, as a study does."""

from collections.abc import Mapping
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path
from types import ModuleType
from typing import Annotated

from pydantic import Field, ValidationError, create_model

from birads_lib.cases import Dataset
from birads_lib.checked import Checked, sentences
from birads_lib.errors import UserError, did_you_mean
from birads_lib.readers import READERS


def read(reader: str, folder: str | Path, **options: object) -> Dataset:
    """Read ``folder`` with the named reader.

    Raises:
        UserError: the reader or an option doesn't exist, or a value can't be right.
        DatasetError: lists everything wrong with the folder.
    """
    wrong = problems({"reader": reader, **options})
    if wrong:
        raise UserError("\n".join(wrong.values()))
    return _module(reader).read(folder, **options)


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
    reader, wrong = options.pop("reader"), {}
    try:
        check = getattr(_module(reader), "check", lambda **options: None)
    except UserError as error:
        return {"reader": str(error)}
    try:
        _model(reader)(**options)
    except ValidationError as error:
        wrong = {names[0]: text for names, text in sentences(error)}
    for name in options:
        try:
            if name not in wrong and name != "folder":
                check(**{name: options[name]})
        except UserError as error:
            wrong[name] = str(error)
    return wrong


def _module(reader: str) -> ModuleType:
    if reader not in READERS:
        raise UserError(f"unknown reader {reader!r}: {did_you_mean(reader, READERS)}")
    return import_module(f"birads_lib.readers.{reader}")


def _model(reader: str) -> type[Checked]:
    """Return a model of a reader's options, each of its default's type, and of the folder."""
    types: dict[str, object] = {"folder": (str, "")}
    for name, default in options_of(reader).items():
        kind: object = type(default)
        if isinstance(default, list | tuple):
            kind = Annotated[list[type(default[0])], Field(strict=False, min_length=1)]
        if name == "workers":
            kind = Annotated[int, Field(ge=1)] | None
        types[name] = (kind, default)
    return create_model("Options", __base__=Checked, **types)
