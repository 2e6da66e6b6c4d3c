"""A study as a Provenance Run Crate: what was run, by which notebook, from what, into what.

    python -m press.sharing.crate config/phantoms.yaml

What is in it is packed by ``packing``; what was run is told by ``provenance``.
"""

import zipfile
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from birads_lib.errors import UserError
from birads_lib.files import sha256, written_whole
from press.command import run
from press.pages import page as pages
from press.pages.page import Page
from press.paths import BOOK, ROOT, build_folder
from press.sharing.packing import Packing, place_of
from press.sharing.provenance import PROFILES, Provenance, milliseconds
from press.studies import study as studies
from press.studies.study import Study

LICENCES = {  # of code, and of text with its figures: see LICENSE and LICENSE-text
    "https://spdx.org/licenses/MIT": "MIT License, of the code",
    "https://spdx.org/licenses/CC-BY-4.0": "Creative Commons Attribution 4.0, of text and figures",
}


def write(study: Study, config: Path) -> Path:
    """Write ``_build/<study>/<study>-crate.zip``, and its hash beside it; return its path.

    Equal studies give equal bytes. Raises UserError for pages that are missing or were changed,
    for files that were changed, and for pages that show images where the study says not to.
    """
    path = build_folder(study.name) / f"{study.name}-crate.zip"
    crate = _packed(study, config).crate
    with TemporaryDirectory() as folder, written_whole(path) as temporary:
        crate.write(folder)
        with zipfile.ZipFile(temporary, "w") as packed:
            for file in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
                # ZipInfo's own time is 1980 and its rights are none; a file's own would differ.
                member = zipfile.ZipInfo(file.relative_to(folder).as_posix())
                member.external_attr = 0o644 << 16
                packed.writestr(member, file.read_bytes(), zipfile.ZIP_DEFLATED)
    path.with_suffix(".zip.sha256").write_text(f"{sha256(path)}  {path.name}\n")
    return path


def _packed(study: Study, config: Path) -> Packing:
    """Return the crate of a study, filled."""
    executed = _executed_pages(study, config)
    packing = Packing(study, config)
    made = [(page, packing.add_page(page)) for page in executed]
    packing.add_seals(executed)
    _describe(packing, executed, Provenance(packing, made))
    return packing


def _describe(packing: Packing, executed: list[Page], provenance: Provenance) -> None:
    """Set the crate's title, description, authors, licences and profiles."""
    cited, crate, root = packing.cited, packing.crate, packing.crate.root_dataset
    crate.name = f"{cited['title']}: {packing.study.title}"
    crate.description = f"{cited['abstract']} {_contents(packing, executed, provenance)}"
    crate.datePublished = max(milliseconds(page.papermill["end_time"]) for page in executed)
    crate.keywords, crate.publisher = ", ".join(cited["keywords"]), packing.authors()[0]
    crate.license = [
        packing.entity(url, "CreativeWork", name=name, url=url) for url, name in LICENCES.items()
    ]
    root["citation"] = [
        packing.entity(f"https://doi.org/{p['doi']}", "ScholarlyArticle", name=p["title"])
        for p in cited["references"]
    ]
    root["author"], root["mentions"] = packing.authors(), provenance.actions
    root["conformsTo"] = [
        packing.entity(url, "CreativeWork", name=name, version=version, url=url)
        for (name, version), url in PROFILES.items()
    ]


def _contents(packing: Packing, executed: list[Page], provenance: Provenance) -> str:
    """Return a text on the contents of the crate, and on what is left out."""
    study, exhibits = packing.study, sum(len(page.exhibits) for page in executed)
    text = f"Study '{study.name}': {len(executed)} executed notebooks with {exhibits} exhibits."
    text += f" Note: {study.note}." if study.note else ""
    names = [page.name for page in executed]
    if missing := [name for name in study.pages() if name not in names]:
        text += f" Not executed, as their chapters were added since: {', '.join(missing)}."
    if changed := sum(action["instrument"].id.startswith("#") for action in provenance.pages):
        text += f" {changed} pages were executed by other versions of the code than those here."
    for reason, count in sorted(Counter(packing.absent.values()).items()):
        text += f" Described and not in the crate, {count}: {reason}."
    return text


def _executed_pages(study: Study, config: Path) -> list[Page]:
    """Return all pages of the study, each as it ran, without images where it shows none."""
    is_named = config.resolve() == (ROOT / "config" / f"{study.name}.yaml").resolve()
    command = f"make book {f'STUDY={study.name}' if is_named else f'CONFIG={config}'}"
    executed = pages.executed(study.name, study.pages(), f"`{command}` makes them", BOOK)
    seals = pages.seals(BOOK / study.name)
    for page in executed:
        again, place = "remove it and run the study again", place_of(page)
        if seals.get(page.path.name) != sha256(page.path):
            raise UserError(f"{place} was changed after it ran, or has no seal; {again}")
        if not page.papermill.get("end_time"):
            raise UserError(f"{place} was not executed by the study; {again}")
        if page.passport["parameters"].get("show_pixels") and not study.show_pixels:
            raise UserError(
                f"{place} shows images, and the study says show_pixels: false; run it again"
            )
    return executed


def main(config: str) -> None:
    """Write the crate of a study, and say where it is."""
    study = studies.load(config)
    with studies.claim(study):  # a run would change files while they are packed
        print("The crate is ready:", write(study, Path(config)).relative_to(ROOT))


if __name__ == "__main__":
    run(main)
