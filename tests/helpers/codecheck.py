"""The rules of CODECHECK's configuration 2.0 whose breach is an error, as its register lists them.

https://github.com/codecheckers/register/blob/master/rules-2.0.yml, those of the areas config,
metadata and bundle that need no network.
"""

import re
from pathlib import Path

import yaml

PLACEHOLDER = re.compile(r"FIXME|TODO|XXXXX")
ORCID = re.compile(r"(\d{4}-){3}\d{3}[\dX]")


def broken(folder: Path) -> set[str]:
    """Return the identifiers of the rules that the bundle in a folder breaks."""
    path = folder / "codecheck.yml"
    if not path.is_file():
        return {"CC-CFG-003"}
    text = path.read_bytes().decode()  # UTF-8
    content = yaml.safe_load(text)
    rules = _of_the_manifest(content, folder) | _of_the_paper(content.get("paper") or {})
    checkers = content.get("codechecker")
    rules |= {
        "CC-CFG-002": text.startswith("---\n"),
        "CC-CFG-008": isinstance(checkers, list) and len(checkers) > 0,
        "CC-CFG-009": all(_is_text(person, "name") for person in checkers or []),
        "CC-CFG-011": _is_text(content, "report"),
        "CC-CFG-013": not PLACEHOLDER.search(content.get("report", "")),
        "CC-CFG-016": "paper" in content,
        "CC-CFG-023": not PLACEHOLDER.search(text),
        "CC-CFG-024": _is_text(content, "summary"),
        "CC-CFG-025": "certificate" in content,
        "CC-CFG-026": re.fullmatch(r"\d{4}-\d{3,}", content.get("certificate", "2026-001")),
    }
    people = [*(checkers or []), *(content.get("paper", {}).get("authors") or [])]
    rules["CC-MET-001"] = all(_is_orcid(person.get("ORCID")) for person in people)
    return {name for name, holds in rules.items() if not holds}


def _of_the_manifest(content: dict, folder: Path) -> dict[str, bool]:
    manifest = content.get("manifest")
    files = [item.get("file") for item in manifest or []]
    paths = [Path(name) for name in files if isinstance(name, str)]
    return {
        "CC-CFG-004": isinstance(manifest, list),
        "CC-CFG-005": len(paths) == len(files),
        "CC-CFG-006": not any(path.is_absolute() or ".." in path.parts for path in paths),
        "CC-BUN-001": all((folder / path).is_file() for path in paths),
    }


def _of_the_paper(paper: dict) -> dict[str, bool]:
    authors = paper.get("authors")
    return {
        "CC-CFG-017": _is_text(paper, "title"),
        "CC-CFG-018": isinstance(authors, list) and len(authors) > 0,
        "CC-CFG-019": all(_is_text(person, "name") for person in authors or []),
        "CC-CFG-020": all(ORCID.fullmatch(person.get("ORCID", "")) for person in authors or []),
        "CC-CFG-021": _is_text(paper, "reference"),
        "CC-CFG-029": isinstance(paper.get("reference-other", []), list),
    }


def _is_text(node: dict, name: str) -> bool:
    return isinstance(node.get(name), str) and bool(node[name].strip())


def _is_orcid(text: str | None) -> bool:
    """Return whether an iD's check digit is right: all digits, weighted, are 1 modulo 11."""
    if text is None:
        return True
    digits = text.replace("-", "")
    values = [10 if digit == "X" else int(digit) for digit in digits]
    total = sum(value << place for place, value in enumerate(reversed(values)))
    return len(digits) == 16 and total % 11 == 1
