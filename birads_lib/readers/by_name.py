"""Use a reader by its name, as a study does."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

from birads_lib.cases import Dataset
from birads_lib.checked import Checked
from birads_lib.errors import UserError, did_you_mean
from birads_lib.readers import READERS


def read(reader: str, folder: str | Path, **options: object) -> Dataset:
    """Read ``folder`` with the named reader."""
    return _module(reader).read(folder, **options)


def options_of(reader: str) -> type[Checked]:
    """Return the model of what the named reader takes beside the folder."""
    return _module(reader).Options


def _module(reader: str) -> ModuleType:
    if reader not in READERS:
        raise UserError(f"unknown reader {reader!r}: {did_you_mean(reader, READERS)}")
    return import_module(f"birads_lib.readers.{reader}")
