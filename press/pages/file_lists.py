"""The files that a study was made from, as its pages list them: the ends of passport chains."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pandas as pd

from birads_lib.errors import UserError
from press import paths
from press.pages import page as pages
from press.pages.page import Page

FILE_LIST = ("01_data_exploration", "image-files")  # page and table
# Of further data: how the kinds of their files begin, page and table.
FURTHER = (
    ("intermediate ", "31_regions", "intermediate-files"),
    ("learned ", "41_local_views", "learned-files"),
    ("elsewhere ", "54_elsewhere", "elsewhere-files"),
    ("intermediate ", "35_real_transfer", "intermediate-files"),
    ("intermediate ", "14_patches", "intermediate-files"),
)
# Errors that reading a damaged or forged page raises.
UNREADABLE = (UserError, OSError, ValueError, LookupError, TypeError, AttributeError)
Lists = dict[str, list[str]]  # kind of file -> hashes


def hashes(by_name: Mapping[str, Page]) -> Lists:
    """Return the SHA-256 of every file of a study's data, by kind, as page 01 lists them.

    Kinds are image, mask, annotation and code; {} where the page doesn't list them.
    """
    return _listed_at(by_name, *FILE_LIST)


def further(by_name: Mapping[str, Page]) -> Lists:
    """Return the SHA-256 of files of a study's further data sets, by kind."""
    lists = [_listed_at(by_name, *place, begin) for begin, *place in FURTHER]
    return {kind: files for of_data in lists for kind, files in of_data.items()}


def of_study(study: str) -> Lists:
    """Return ``hashes`` of another study, {} where its page isn't here."""
    with suppress(*UNREADABLE):
        name = FILE_LIST[0]
        return hashes({name: pages.read(pages.page_file(study, name, paths.BOOK))})
    return {}


def kind_of(read: Mapping[str, str]) -> str:
    """Return the kind of many files that a passport names among its inputs."""
    return read["name"].removesuffix(" files").removesuffix("s")  # once "images"


def place_of(kind: str, folder: Path) -> tuple[str, str]:
    """Return page and table that list the files of a kind, in a folder of executed pages."""
    places = [(page, table) for begin, page, table in FURTHER if kind.startswith(begin)]
    files = [pages.page_file(folder.name, page, folder.parent) for page, _ in places]
    existing = [place for place, file in zip(places, files, strict=True) if file.exists()]
    return [*existing, *places, FILE_LIST][0]


def _listed_at(by_name: Mapping[str, Page], page: str, identity: str, begin: str = "") -> Lists:
    """Return the hashes that one table of one page lists; ``begin`` stands before each kind."""
    exhibit = by_name[page].exhibits.get(identity) if page in by_name else None
    with suppress(*UNREADABLE):  # of a table that was tampered with
        if exhibit is not None:
            table = exhibit.table
            kinds = begin + table.get("kind", pd.Series("image", table.index))  # of older pages
            return table.assign(kind=kinds).groupby("kind")["sha256"].agg(list).to_dict()
    return {}
