"""Checks of a page against its records: numbers that prose names, parameters of its study."""

import json
import re
from contextlib import suppress

import numpy as np

from birads_lib import texts
from press import paths
from press.pages.page import Page
from press.report.claims import BOUNDS

FORMATTED = re.compile(r"-?[\d.]+( \(.*\))?")  # texts that are made of a record


def contradicted(page: Page) -> tuple[int, list[str]]:
    """Return the number of numbers held to the page's own records, and a line for each wrong.

    A number is held to the metric of its name, where that is at hand, else to all metrics; where
    none are at hand, to the rows of published tables that have its name.
    """
    metrics, rows = _metrics(page), _rows(page)
    all_texts = {
        text for by_metric in (metrics, rows) for shown in by_metric.values() for text in shown
    }
    numbers_held, lines = 0, []
    for name, number in page.numbers.items():
        metric = _plain(_metric_of(name, page))
        expected = metrics.get(metric) or (all_texts if metrics else rows.get(metric))
        if expected and FORMATTED.fullmatch(number.text):
            numbers_held += 1
            if number.text not in expected:
                lines.append(f"{name} is {number.text!r} on it, and was recorded as something else")
    return numbers_held, lines


def contradicted_parameters(page: Page) -> tuple[int, list[str]]:
    """Return the number of parameters in the study's record of a page, and a line for each wrong.

    Notebooks take their parameters from that record by hand. The page was executed with those in
    its passport.
    """
    path = paths.record_file(paths.RESULTS / page.study)
    if not path.exists():
        return 0, []
    record, executed = json.loads(path.read_text()), page.passport["parameters"]
    recorded = [
        (key, value)
        for part in (record["study"], record["pages"].get(page.name, {}))
        for key, value in part.items()
        if key in executed
    ]
    where = f"{path.relative_to(paths.ROOT)} gives"
    wrong = [(key, value) for key, value in recorded if value != executed[key]]
    lines = [
        f"{where} {key} = {value!r}, and it ran with {executed[key]!r}" for key, value in wrong
    ]
    return len(recorded), lines


def _metric_of(name: str, page: Page) -> str:
    """Return the name of a number without those of its study and protocol."""
    name = name.removeprefix(f"{page.study}_")
    return name.removeprefix(f"{page.passport['protocol']}_")


def _plain(name: str) -> str:
    return re.sub(r"\W", "", name)


def _metrics(page: Page) -> dict[str, set[str]]:
    """Return the texts that each metric may have, by its name; {} where none are at hand."""
    texts_by_metric: dict[str, set[str]] = {}
    for facts in page.artefacts.values():
        path = paths.ROOT / facts["file"]
        if path.name.endswith(paths.METRICS) and path.exists():
            for name, values in json.loads(path.read_text()).items():
                texts_by_metric[_plain(name)] = _formatted([values[key] for key in BOUNDS])
    return texts_by_metric


def _rows(page: Page) -> dict[str, set[str]]:
    """Return the texts of the rows with an interval of all published tables, by their metric."""
    texts_by_metric: dict[str, set[str]] = {}
    for exhibit in page.exhibits.values():
        table = None
        with suppress(ValueError):  # of a table that was tampered with, which is told elsewhere
            table = exhibit.table
        if table is not None and {"metric", *BOUNDS} <= set(table.columns):
            for row in table.to_dict("records"):
                values = _formatted([row[key] for key in BOUNDS])
                texts_by_metric.setdefault(_plain(_name_of(row)), set()).update(values)
    return texts_by_metric


def _name_of(row: dict) -> str:
    """Return the name of a row's metric, as chapters record it as a number."""
    if {"answer", "protocol"} <= row.keys():  # of the audit
        return f"audit_{row['answer']}_{row['metric']}_{row['protocol']}"
    return str(row["metric"])


def _formatted(values: list) -> set[str]:
    estimate, low, high = (np.nan if value is None else float(value) for value in values)
    rounded = {f"{estimate:.0f}"} if estimate == np.round(estimate) else set()
    return {texts.interval(estimate, low, high)} | rounded
