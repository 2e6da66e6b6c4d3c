"""Stale executed pages: those whose notebook or modules have changed since they were made."""

from functools import cache

from birads_lib.files import sha256
from press import paths
from press.pages.page import Page
from press.pages.sources import hashes, modules_of, total


def changed_sources(page: Page) -> list[str]:
    """Return the changes of notebook and library since a page was executed, a line each."""
    source = paths.source_notebook(page.notebook)
    if not source.is_file():
        return [f"notebooks/{source.name} is gone"]
    code, modules = page.passport["code"], _module_hashes(page.notebook)
    lines = []
    if sha256(source) != code["notebook_sha256"]:
        lines.append(f"notebooks/{source.name} has changed")
    if total(modules) != code["library_sha256"]:
        before = code["modules"]
        names = sorted(before | modules)
        changed = [name for name in names if modules.get(name) != before.get(name)]
        lines.append(f"{first_of(changed)} changed")
    return lines


@cache
def _module_hashes(notebook: str) -> dict[str, str]:
    """Return the hashes of the modules that a notebook uses, as they are now."""
    return hashes(modules_of(notebook))


def first_of(names: list[str]) -> str:
    """Return the first three names, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
