"""Receipts: who made a study's exhibits again, where, and how each came out.

    python -m press.verification.receipt config/phantoms.yaml "" "" "Ada 0000-0002-1825-0097"

A receipt is a folder ``receipts/<study>-<name>/`` in the form of CODECHECK, configuration 2.0
(https://codecheck.org.uk/spec/config/2.0/): ``codecheck.yml``, whose ``manifest`` lists the other
files; ``exhibits.csv``, a row for each exhibit; ``report.md``; ``outputs/``, the numbers of each
exhibit as they came out. Everything in it is data, also where the book shows it.
"""

import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp

import pandas as pd
import yaml

from birads_lib.errors import UserError
from birads_lib.texts import unshowable
from press.command import run
from press.pages.page import Page
from press.paths import ROOT
from press.report.receipts import RECEIPTS, read, report
from press.sharing import citation
from press.sharing.disclosure import tables_that_name
from press.studies.study import Study, load
from press.verification.recheck import Check, check, print_table, summary

SPECIFICATION = "https://codecheck.org.uk/spec/config/2.0/"
LONGEST = 100  # characters of a name
LONGEST_FOLDER = 255  # bytes of a name, on most disks
_PERSON = re.compile(
    r"(?P<name>.*?)[\s,(<]*(?:(?:https://orcid\.org/)?(?P<ORCID>(?:\d{4}-){3}\d{3}[\dX])[)>]*)?"
)


def checker(text: str) -> dict[str, str]:
    """Return the name, and the ORCID iD if there is one, of "Ada Lovelace 0000-0002-1825-0097".

    Raises UserError where that is no name that can be shown, or the iD has a wrong check digit.
    """
    person = {k: v for k, v in _PERSON.fullmatch(" ".join(text.split())).groupdict().items() if v}
    name = person.get("name", "")
    if not _as_file_name(name):
        raise UserError(
            f"RECEIPT: expected the name of who checks, such as 'Ada Lovelace', got {text!r}"
        )
    if len(name) > LONGEST:
        raise UserError(
            f"RECEIPT: the name has {len(name)} characters; at most {LONGEST}; shorten it"
        )
    if sign := unshowable(name):
        raise UserError(f"RECEIPT: the name has a character that can't be shown, {sign}; remove it")
    if "ORCID" in person and person["ORCID"][-1] != _check_digit(person["ORCID"]):
        raise UserError(
            f"RECEIPT: {person['ORCID']} is no ORCID iD, as its check digit is wrong; "
            "copy it anew from orcid.org"
        )
    return person


def _check_digit(orcid: str) -> str:
    """Return the last digit that an ORCID iD must have (ISO 7064, MOD 11-2)."""
    total = 0
    for digit in orcid.replace("-", "")[:-1]:
        total = (total + int(digit)) * 2
    digit = (12 - total % 11) % 11
    return "X" if digit == 10 else str(digit)


def _as_file_name(name: str) -> str:
    """Return the letters and digits of a name, of any script, joined by "-"."""
    return "-".join(re.findall(r"[^\W_]+", name.lower()))


def folder_of(study: Study, checker: dict[str, str]) -> Path:
    """Return the folder of the receipt of a study that somebody checks.

    ``checker``: as the function of that name returns it. Raises UserError where no folder can have
    that name, or one holds the receipt of somebody else or what is no receipt.
    """
    folder = RECEIPTS / f"{study.name}-{_as_file_name(checker['name'])}"
    if (size := len(folder.name.encode())) > LONGEST_FOLDER:
        raise UserError(
            f"RECEIPT: the folder of the receipt would be called receipts/{folder.name}, which has "
            f"{size} bytes; at most {LONGEST_FOLDER}: shorten the name"
        )
    if folder.exists() and read(folder).codecheck["codechecker"][0]["name"] != checker["name"]:
        raise UserError(f"RECEIPT: receipts/{folder.name} is of somebody else; write the name out")
    return folder


def write(checked: Check, checker: dict[str, str]) -> Path:
    """Write the receipt of a check, whole or not at all, and return its folder.

    Raises UserError as ``folder_of`` does.
    """
    folder = folder_of(checked.study, checker)
    RECEIPTS.mkdir(exist_ok=True)
    new = Path(mkdtemp(prefix=".", dir=RECEIPTS))
    try:
        _fill(new, checked, checker)
        shutil.rmtree(folder, ignore_errors=True)
        new.chmod(0o755)
        new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return folder


def _fill(folder: Path, checked: Check, checker: dict[str, str]) -> None:
    """Write the files of a receipt into a folder."""
    verdicts = {(each.page, each.exhibit): each.verdict for each in checked.outcomes}
    manifest = [
        {"file": "exhibits.csv", "comment": "How each exhibit came out"},
        {"file": "report.md", "comment": "The same in words, with who checked it, and where"},
    ]
    for page in checked.made:
        for name, content, caption in _tables(page, checked.study):
            path = folder / "outputs" / page.name / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            verdict = verdicts.get((page.name, path.stem), "not published before")
            file = path.relative_to(folder).as_posix()
            manifest.append({"file": file, "comment": f"{verdict}: {caption}"})
    table = pd.DataFrame([asdict(outcome) for outcome in checked.outcomes])
    table.to_csv(folder / "exhibits.csv", index=False)
    facts = _codecheck(checked) | {"codechecker": [checker], "manifest": manifest}
    facts |= {"execution": _execution(checked)}
    text = yaml.safe_dump(facts, sort_keys=False, allow_unicode=True, explicit_start=True)
    (folder / "codecheck.yml").write_text(text)
    (folder / "report.md").write_text(report(read(folder)))


def _tables(page: Page, study: Study) -> Iterator[tuple[str, bytes, str]]:
    """Yield file name, content and caption of the numbers of each exhibit that may be shown."""
    naming = tables_that_name(page, study)
    for exhibit in page.exhibits.values():
        name = f"{exhibit.id}.csv"
        if name in exhibit.files and name not in naming:
            yield name, exhibit.files[name], exhibit.passport["caption"]


def _codecheck(checked: Check) -> dict:
    """Return CODECHECK's facts on a check, but for the person and the files.

    Left out is what only its register gives, the certificate's number.
    """
    cited = citation.read()
    authors = [
        {"name": author["name"]} | ({"ORCID": author["orcid"][-19:]} if author["orcid"] else {})
        for author in citation.authors()
    ]
    commits = _joined(page.commit for page in checked.made)
    return {
        "version": SPECIFICATION,
        "paper": {
            "title": f"{cited['title']}: {checked.study.title}",
            "authors": authors,
            "reference": citation.address() or f"version {cited['version']}, commit {commits}",
            "reference-other": [f"https://doi.org/{work['doi']}" for work in cited["references"]],
        },
        "report": "report.md",
        "check_time": _time(max(page.papermill["end_time"] for page in checked.made)),
        "summary": summary(checked.outcomes),
    }


def _execution(checked: Check) -> dict:
    """Return the facts of a second execution, from its pages: commit, device, time, environment."""
    made, passports = checked.made, [page.passport for page in checked.made]
    of_images = [read["sha256_of_hashes"] for page in made for facts in page.passports()
                 for read in facts["inputs"] if "sha256_of_hashes" in read]  # fmt: skip
    environment: dict[str, set[str]] = {}
    for name, version in (item for facts in passports for item in facts["environment"].items()):
        environment.setdefault(name, set()).add(str(version))
    return {
        "study": checked.study.name,
        "title": checked.study.title,
        "commit": _joined(page.commit for page in made),
        "device": _joined(facts["device"] for facts in passports),
        "started": _time(min(page.papermill["start_time"] for page in made)),
        "images_sha256": _joined(of_images),
        "root_hash": checked.root_hash,
        "stale": checked.stale,
        "left_out": checked.left_out,
        "unasked": checked.unasked,
        "environment": {name: _joined(versions) for name, versions in environment.items()},
    }


def _time(text: str) -> str:
    return datetime.fromisoformat(text).isoformat(timespec="seconds")


def _joined(texts: Iterable[str]) -> str:
    """Return different texts, sorted, as one."""
    return ", ".join(sorted(set(texts)))


def main(config: str, data: str = "", weights: str = "", person: str = "") -> int:
    """Make a study again, print how it comes out, write a receipt for a person; return the status.

    ``person``: the name of who checks, with an ORCID iD after it or without.
    """
    checked_by = checker(person) if person else None
    if checked_by:
        folder_of(load(config, data, weights), checked_by)  # or raise, before hours of work
    checked = check(config, data, weights)
    print_table(checked)
    if checked_by:
        print(f"the receipt: {write(checked, checked_by).relative_to(ROOT)}")
    return int(not all(outcome.holds for outcome in checked.outcomes))


if __name__ == "__main__":
    run(main)
