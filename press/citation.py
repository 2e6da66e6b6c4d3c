"""Who made this book, under which licences, and what it re-implements: entities of an RO-Crate."""

from urllib.parse import quote

import yaml
from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

from press.packing import few, thing
from press.paths import ROOT

LICENCES = {  # of code, and of text with its figures: see LICENSE and LICENSE-text
    "https://spdx.org/licenses/MIT": "MIT License, of the code",
    "https://spdx.org/licenses/CC-BY-4.0": "Creative Commons Attribution 4.0, of text and figures",
}


def read() -> dict:
    """Return what CITATION.cff says."""
    return yaml.safe_load((ROOT / "CITATION.cff").read_text())


def authors(crate: ROCrate, people: list[dict]) -> list[ContextEntity]:
    """Return the persons and organisations of a list in CITATION.cff."""
    return [_author(crate, one) for one in people]


def _author(crate: ROCrate, one: dict) -> ContextEntity:
    if "name" in one:
        identity = one.get("website") or "#" + quote(one["name"])
        return thing(crate, identity, "Organization", name=one["name"], url=one.get("website"))
    name = f"{one['given-names']} {one['family-names']}"
    where = one.get("affiliation")
    place = thing(crate, "#" + quote(where), "Organization", name=where) if where else None
    identity = one.get("orcid") or "#" + quote(name)
    return thing(crate, identity, "Person", name=name, affiliation=place)


def licences(crate: ROCrate) -> list[ContextEntity]:
    """Return the licences of this book."""
    return [
        thing(crate, address, "CreativeWork", name=name, url=address)
        for address, name in LICENCES.items()
    ]


def papers(crate: ROCrate) -> list[ContextEntity]:
    """Return what CITATION.cff refers to: the paper that this book re-implements."""
    return [
        thing(
            crate, f"https://doi.org/{one['doi']}", "ScholarlyArticle", name=one["title"],
            author=few(authors(crate, one["authors"])), datePublished=str(one["year"]),
            isPartOf=one.get("journal"), identifier=f"https://doi.org/{one['doi']}",
        )
        for one in read().get("references", [])
    ]  # fmt: skip


def book(crate: ROCrate) -> ContextEntity:
    """Return the book that the crate's study is a part of."""
    said = read()
    whose = few(authors(crate, said["authors"]))
    return thing(
        crate, "#book", "Book", name=said["title"], abstract=said["abstract"],
        version=said["version"], author=whose, license=licences(crate),
        url=said.get("repository-code") or said.get("url"), keywords=", ".join(said["keywords"]),
        citation=few(papers(crate)),
    )  # fmt: skip
