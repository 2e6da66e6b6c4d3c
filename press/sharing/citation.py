"""CITATION.cff: what the book is called, who made it, and what it builds on."""

import yaml

from press.paths import ROOT


def read() -> dict:
    """Return the content of CITATION.cff."""
    return yaml.safe_load((ROOT / "CITATION.cff").read_text())


def authors() -> list[dict[str, str]]:
    """Return kind (Person or Organization), name, orcid and website of each author.

    ``orcid`` is an address; it and ``website`` are "" where they aren't known.
    """
    return [
        {
            "kind": "Organization" if "name" in author else "Person",
            "name": author.get("name") or f"{author['given-names']} {author['family-names']}",
            "orcid": author.get("orcid", ""),
            "website": author.get("website", ""),
        }
        for author in read()["authors"]
    ]


def address() -> str:
    """Return the address of the book, preferably its DOI; "" where none is given."""
    cited = read()
    doi = f"https://doi.org/{cited['doi']}" if "doi" in cited else ""
    return doi or cited.get("url") or cited.get("repository-code") or ""
