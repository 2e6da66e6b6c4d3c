"""Passports: under each published figure, the data, code, parameters and machine behind it.

A notebook opens one ``Run`` and publishes every figure and table through it.
"""

import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from birads_lib.errors import UserError
from birads_lib.files import sha256, written_whole
from birads_lib.readers import READERS
from press import chapters, exhibits
from press.parameters import declared_parameters
from press.paths import (
    ROOT,
    SPEED,
    figures_folder,
    metrics_file,
    page_name,
    passport_path,
    run_folder,
    source_notebook,
)
from press.sources import digest, hashes, modules_of

VERSIONS = (
    "keras", "numpy", "scipy", "pandas", "scikit-learn", "opencv-python-headless", "matplotlib",
    "umap-learn", "papermill", "snakemake",
)  # fmt: skip
LEAKY = "leaky protocol, not an estimate of performance"
SYNTHETIC = "synthetic images (phantoms), not patients"
TOLERANCE = 1e-6  # between a figure's numbers and those of its notebook, executed again
# What differs between two executions that are the same in all that can change a result.
PASSING = ("started", "seconds", "commit", "uncommitted_changes")


class Run:
    """One execution of one notebook: what it read, and the door for all it shows.

    Args:
        notebook: the source notebook's name, such as "04_evaluation".
        values: the notebook's ``globals()``; its parameters are looked up there.
        inputs: name -> path of every artefact the notebook reads. A missing one raises UserError.
    """

    def __init__(self, notebook: str, values: dict, inputs: dict[str, Path] | None = None):
        defaults = declared_parameters(notebook)
        self.notebook = notebook
        self.parameters = {name: values[name] for name in defaults}
        self.changed = {k: v for k, v in self.parameters.items() if v != defaults[k]}
        self.folder = ROOT / self.parameters["study_dir"]
        self.started = time.time()
        given = {name: Path(path) for name, path in (inputs or {}).items()}
        _check_there(given)
        self.inputs = [self._input(name, path) for name, path in given.items()]
        modules = modules_of(notebook)
        self.code = {
            "notebook_sha256": sha256(source_notebook(notebook)),
            "library_sha256": digest(modules),
            **_commit(),
        }
        whole = self.passport(self.page, "page")
        whole["parameters"] = self.parameters
        whole["code"] = self.code | {"modules": hashes(modules)}
        # At the top of the page: what holds for all of it.
        folded = exhibits.passport("Passport of this page", {**whole, "parameters": None})
        exhibits.show(exhibits.marks_html(self.marks) + folded, whole)

    @property
    def page(self) -> str:
        """The executed notebook's name: the source's, with variant and protocol if it is of one.

        A comparison's ends with the other study.
        """
        variant, protocol = self.parameters.get("variant"), self.parameters.get("protocol")
        over_all, other = "protocols" in self.parameters, self.parameters.get("other")
        if over_all:
            return page_name(self.notebook, other)
        return page_name(self.notebook, variant, protocol)

    @property
    def home(self) -> Path:
        """Where this run leaves what it makes: the folder of its variant and protocol, if any."""
        protocol = self.parameters.get("protocol")
        if not protocol:
            return self.folder
        return run_folder(self.folder, self.parameters["variant"], protocol)

    @property
    def marks(self) -> list[tuple[str, str]]:
        """What must stand on everything made by this run, as (CSS class, text)."""
        protocol = self.parameters.get("protocol", "patient")
        return self._marks_of(self.parameters.get("protocols", [protocol]))

    def _marks_of(self, protocols: list[str]) -> list[tuple[str, str]]:
        marks = []
        leaky = [protocol for protocol in protocols if protocol != "patient"]
        if leaky:
            marks.append(("leaky-mark", f"{', '.join(leaky)}: {LEAKY}"))
        if READERS[self.parameters["dataset"]["reader"]].synthetic:
            marks.append(("synthetic-mark", SYNTHETIC))
        if self.parameters.get("note"):
            marks.append(("study-note", self.parameters["note"]))
        return marks

    def passport(self, identity: str, kind: str, extra: dict | None = None) -> dict:
        """Return the facts behind one page, figure, table or artefact of this run."""
        cell = _cell_of(self.notebook, identity)
        return {
            "id": identity,
            "kind": kind,
            "study": self.folder.name,
            "protocol": self.parameters.get("protocol"),
            "notebook": self.notebook,
            "page": self.page,
            "cell": cell[0] if cell else None,
            "cell_id": cell[1] if cell else None,
            "parameters_changed": self.changed,
            "inputs": list(self.inputs),
            "code": self.code,
            "environment": _environment(),
            "device": _device(),
            "seed": self.parameters.get("seed"),
            "started": datetime.fromtimestamp(self.started, UTC).isoformat(timespec="seconds"),
            "seconds": round(time.time() - self.started, 1),
            **(extra or {}),
        }

    def read_images(self, cases: pd.DataFrame) -> None:
        """Count a data set's images among the inputs, by the hashes in its table."""
        facts = {"name": "images", "file": f"{len(cases)} image files"}
        self.inputs.append(facts | {"sha256_of_hashes": hash_of_hashes(cases["sha256"])})

    def output(self, path: Path) -> None:
        """Write the passport of an artefact beside it, and show it on the page."""
        path = Path(path)
        name = path.relative_to(self.home).as_posix()
        facts = self.passport(name, "artefact", {"file": _shown(path), "sha256": sha256(path)})
        facts = _settled(passport_path(path), facts)
        exhibits.show(exhibits.artefact(facts), facts)

    def publish(self, what: Figure | pd.DataFrame, id: str, caption: str, **options):
        """Write a figure or table with its passport and show both in the notebook.

        Options: ``alt`` (text alternative; needed for a figure), ``data`` (the plotted numbers,
        offered for download; a table is its own data), ``protocols`` (which of the run's it shows,
        where these are not all; the others' marks are left out), ``links`` (of a table: where
        rows lead, {label: address}) and ``tolerance`` (how far its numbers may lie, absolutely
        and relatively, when it is made again from the same inputs).
        """
        is_figure = isinstance(what, Figure)
        if is_figure and not options.get("alt"):
            raise UserError(f"figure '{id}' of {self.notebook} has no alt text: pass alt=...")
        data = options.get("data", None if is_figure else what)
        marks = self._marks_of(options["protocols"]) if "protocols" in options else self.marks
        files = {}
        if is_figure:
            files[f"{id}.png"] = exhibits.png(what, marks)
        if data is not None:
            files[f"{id}.csv"] = data.to_csv().encode()
        extra = {
            "caption": caption,
            "marks": [text for _, text in marks],
            "tolerance": options.get("tolerance", TOLERANCE),
            "files": {name: sha256_of(content) for name, content in files.items()},
        }
        facts = self.passport(id, "figure" if is_figure else "table", extra)
        folder = figures_folder(self.folder, self.page)
        for name, content in files.items():
            with written_whole(folder / name) as temporary:
                temporary.write_bytes(content)
        facts = _settled(folder / f"{id}.json", facts)
        body = (
            exhibits.image(files.pop(f"{id}.png"), options["alt"])
            if is_figure
            else exhibits.table(what, options.get("links", {}))
        )
        files[f"{id}.json"] = as_json(facts)
        exhibits.show(exhibits.exhibit(id, body, marks, facts, files), facts)

    def record(self, table: pd.DataFrame) -> None:
        """Write metrics for later notebooks, as ``<notebook>.metrics.json`` in the run's folder.

        ``table`` has the columns metric, estimate, low and high, as ``bootstrap.intervals``
        returns them; what has no interval has NaN (null in the file) for its bounds.
        """
        columns = ["estimate", "low", "high"]
        rows = table.set_index("metric")[columns].astype(float)
        if not rows.index.is_unique:
            twice = sorted(set(rows.index[rows.index.duplicated()]))
            raise ValueError(f"recorded twice: {', '.join(twice)}")
        values = rows.astype(object).where(rows.notna(), None).to_dict("index")
        path = metrics_file(self.home, self.notebook)
        with written_whole(path) as temporary:
            temporary.write_text(json.dumps(values, indent=1, allow_nan=False))
        self.output(path)

    def _input(self, name: str, path: Path) -> dict:
        """Return the facts of one file that is read, and of the passport it came with."""
        facts = {"name": name, "file": _shown(path), "sha256": sha256(path)}
        passport = passport_path(path)
        if passport.exists():
            made = json.loads(passport.read_text())
            facts |= {"made_by": made["page"], "artefact": made["id"]}
            facts |= {"study": made["study"]} if made["study"] != self.folder.name else {}
            facts |= {"passport_sha256": sha256(passport)}
            facts["intact"] = made["sha256"] == facts["sha256"]
        return facts

    def facts(self, facts: dict[str, str]) -> None:
        """Record what cards and checklists name, {name: text}; a page shows nothing of it.

        ``press.page.Page.facts`` has all that a page recorded; the last of a name counts.
        """
        wrong = [name for name, text in facts.items() if not isinstance(text, str)]
        if wrong:
            raise TypeError(f"a fact is a formatted text: {', '.join(wrong)}")
        exhibits.show_data({exhibits.FACTS_TYPE: facts})

    def value(self, name: str, text: str) -> None:
        """Record a formatted number for prose, as ``<study>_<protocol>_<name>``, or without one."""
        from IPython.display import display

        # What myst_nb's `glue` leaves, whose import takes longer than the metrics.
        prefix = "application/papermill.record/"
        parts = [self.folder.name, self.parameters.get("protocol"), name]
        named = {"name": "_".join(part for part in parts if part), "mime_prefix": prefix}
        display({f"{prefix}text/plain": repr(text)}, raw=True, metadata={"scrapbook": named})


def _check_there(inputs: dict[str, Path]) -> None:
    """Raise UserError naming every input that isn't there, and the notebook that makes it."""
    missing = [path for path in inputs.values() if not path.exists()]
    if missing:
        listed = ", ".join(_shown(path) for path in missing)
        makers = sorted({maker for path in missing for maker in chapters.makers(path)})
        earlier = ", then ".join(makers) or "the earlier notebooks"
        do = f"Run {earlier} first, or `make book` for all."
        if missing[0].parent.name == SPEED:  # no notebook makes it
            do = "Run `make bench` first."
        raise UserError(f"not there yet: {listed}. {do}")


def hash_of_hashes(hashes: Iterable[str]) -> str:
    """Return one SHA-256 over those of many files, whatever their order and names.

    The same as ``sort hashes.txt | sha256sum``, with one hash a line.
    """
    return sha256_of("".join(f"{one}\n" for one in sorted(hashes)).encode())


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def steady(facts: object) -> object:
    """Return a passport without what differs between two equal executions (``PASSING``)."""
    if isinstance(facts, dict):
        return {name: steady(value) for name, value in facts.items() if name not in PASSING}
    return [steady(one) for one in facts] if isinstance(facts, list) else facts


def _settled(path: Path, facts: dict) -> dict:
    """Write a passport, unless the one that is there says the same; return what is there then.

    So a notebook that is executed again, to the same result, leaves its files as they were.
    """
    facts = json.loads(as_json(facts))
    if path.exists():
        before = json.loads(path.read_text())
        if steady(before) == steady(facts):
            return before
    with written_whole(path) as temporary:
        temporary.write_bytes(as_json(facts))
    return facts


def as_json(facts: dict) -> bytes:
    """Return a passport as its file holds it."""
    # Sorted, as nbformat sorts what it writes: file and page hold the same bytes.
    return json.dumps(facts, indent=1, sort_keys=True).encode()


def _shown(path: Path) -> str:
    """Name a file without telling whose machine it lies on."""
    path = path.resolve()
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


def _cell_of(notebook: str, identity: str) -> tuple[int, str] | None:
    """Return number (from 1) and id of the source cell that names ``identity``."""
    cells = json.loads(source_notebook(notebook).read_text())["cells"]
    for number, cell in enumerate(cells, 1):
        if cell["cell_type"] == "code" and f'"{identity}"' in "".join(cell["source"]):
            return number, cell["id"]
    return None


@cache
def _commit() -> dict:
    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else "unknown"

    changed = git("status", "--porcelain", "--", "birads_lib", "notebooks", "config")
    return {"commit": git("rev-parse", "HEAD"), "uncommitted_changes": bool(changed)}


@cache
def _environment() -> dict:
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    lock = ROOT / "uv.lock"
    return {
        "uv_lock_sha256": sha256(lock) if lock.exists() else None,
        "python": platform.python_version(),
        "keras_backend": backend,
        **{name: version(name) for name in (*VERSIONS, backend)},
    }


def _device() -> str:
    """Name the processor, and the accelerators where this process has loaded Keras."""
    names = [f"{_processor()}, {os.cpu_count()} cores"]
    if "keras" in sys.modules:
        devices = sys.modules["keras"].distribution.list_devices()
        names += [name for name in devices if not name.startswith("cpu")]
    return ", ".join(names)


@cache
def _processor() -> str:
    """Return the processor's own name where the system tells it, else its kind."""
    told = Path("/proc/cpuinfo")  # Linux
    lines = told.read_text().splitlines() if told.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{platform.machine()} CPU" + (f" ({names[0]})" if names else "")
