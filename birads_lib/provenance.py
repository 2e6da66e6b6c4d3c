"""Passports: under each published figure, the data, code, parameters and machine behind it.

A notebook opens one ``Run`` and publishes every figure and table through it.
"""

import base64
import hashlib
import html
import io
import json
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from birads_lib.errors import UserError
from birads_lib.files import sha256, written_whole
from birads_lib.paths import NOTEBOOKS, ROOT
from birads_lib.sources import digest, modules_of
from birads_lib.study import declared_parameters

VERSIONS = ("keras", "numpy", "pandas", "scikit-learn", "opencv-python-headless", "matplotlib")
LEAKY = "leaky protocol, not an estimate of performance"
SYNTHETIC = "synthetic images (phantoms), not patients"


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
        self.inputs = [_input_facts(name, path) for name, path in (inputs or {}).items()]
        self.code = {
            "notebook_sha256": sha256(NOTEBOOKS / f"{notebook}.ipynb"),
            "library_sha256": digest(modules_of(notebook)),
            **_commit(),
        }
        if self.marks:
            _show(_marks(self.marks))  # at the top of the page, too

    @property
    def page(self) -> str:
        """The executed notebook's name: the source's, with variant and protocol if it is of one.

        A comparison's ends with the other study.
        """
        variant, protocol = self.parameters.get("variant"), self.parameters.get("protocol")
        over_all, other = "protocols" in self.parameters, self.parameters.get("other")
        parts = [self.notebook, other] if over_all else [self.notebook, variant, protocol]
        return "-".join(part for part in parts if part)

    @property
    def home(self) -> Path:
        """Where this run leaves what it makes: the folder of its variant and protocol, if any."""
        protocol = self.parameters.get("protocol")
        return (
            self.folder / "runs" / self.parameters["variant"] / protocol
            if protocol
            else self.folder
        )

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
        if self.parameters["dataset"]["reader"] == "phantoms":
            marks.append(("synthetic-mark", SYNTHETIC))
        if self.parameters.get("note"):
            marks.append(("study-note", self.parameters["note"]))
        return marks

    def passport(self, identity: str, extra: dict | None = None) -> dict:
        """Return the facts behind one figure, table or artefact of this run."""
        return {
            "id": identity,
            "study": self.folder.name,
            "protocol": self.parameters.get("protocol"),
            "notebook": self.notebook,
            "page": self.page,
            "cell": _cell_of(self.notebook, identity),
            "parameters_changed": self.changed,
            "inputs": self.inputs,
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
        listed = cases[["path", "sha256"]].sort_values("path").to_csv(index=False)
        digest = hashlib.sha256(listed.encode()).hexdigest()
        facts = {"name": "images", "file": f"{len(cases)} files", "sha256_of_list": digest}
        self.inputs.append(facts)

    def output(self, path: Path) -> None:
        """Write the passport of an artefact beside it, as ``<file>.passport.json``."""
        facts = self.passport(path.name, {"sha256": sha256(path)})
        with written_whole(path.with_name(path.name + ".passport.json")) as temporary:
            temporary.write_text(json.dumps(facts, indent=1))

    def publish(self, what: Figure | pd.DataFrame, id: str, caption: str, **options):
        """Write a figure or table with its passport and show both in the notebook.

        Options: ``alt`` (text alternative; needed for a figure), ``data`` (the plotted numbers,
        offered for download; a table is its own data), ``protocols`` (which of the run's it shows,
        where these are not all; the others' marks are left out) and ``links`` (of a table: where
        rows lead, {label: address}).
        """
        is_figure = isinstance(what, Figure)
        if is_figure and not options.get("alt"):
            raise UserError(f"figure '{id}' of {self.notebook} has no alt text: pass alt=...")
        data = options.get("data", None if is_figure else what)
        marks = self._marks_of(options["protocols"]) if "protocols" in options else self.marks
        folder = self.folder / "figures" / self.page
        files = {}
        if is_figure:
            files[f"{id}.png"] = _png(what, marks)
        if data is not None:
            files[f"{id}.csv"] = data.to_csv().encode()
        facts = self.passport(id, {"caption": caption, "files": sorted(files)})
        files[f"{id}.json"] = json.dumps(facts, indent=1).encode()
        for name, content in files.items():
            with written_whole(folder / name) as temporary:
                temporary.write_bytes(content)
        links = options.get("links", {})
        body = _image(files[f"{id}.png"], options["alt"]) if is_figure else _table(what, links)
        _show(_exhibit(id, body, caption, marks, facts, files))

    def record(self, table: pd.DataFrame) -> None:
        """Write metrics for later notebooks, as ``<notebook>.metrics.json`` in the run's folder.

        ``table`` has the columns metric, estimate, low and high, as ``statistics.intervals``
        returns them; what has no interval has NaN (null in the file) for its bounds.
        """
        columns = ["estimate", "low", "high"]
        rows = table.set_index("metric")[columns].astype(float)
        if not rows.index.is_unique:
            twice = sorted(set(rows.index[rows.index.duplicated()]))
            raise ValueError(f"recorded twice: {', '.join(twice)}")
        values = rows.astype(object).where(rows.notna(), None).to_dict("index")
        path = self.home / f"{self.notebook}.metrics.json"
        with written_whole(path) as temporary:
            temporary.write_text(json.dumps(values, indent=1, allow_nan=False))
        self.output(path)

    def value(self, name: str, text: str) -> None:
        """Record a formatted number for prose, as ``<study>_<protocol>_<name>``, or without one."""
        from myst_nb import glue

        parts = [self.folder.name, self.parameters.get("protocol"), name]
        glue("_".join(part for part in parts if part), text, False)


def _input_facts(name: str, path: Path) -> dict:
    path = Path(path)
    if not path.exists():
        raise UserError(
            f"'{name}' is not there yet: {_shown(path)}. It is made by an earlier notebook; "
            "run them in the order of their numbers, or `make book`, which does."
        )
    facts = {"name": name, "file": _shown(path), "sha256": sha256(path)}
    passport = path.with_name(path.name + ".passport.json")
    if passport.exists():
        made = json.loads(passport.read_text())
        facts |= {"made_by": made["page"], "passport_sha256": sha256(passport)}
        facts["intact"] = made["sha256"] == facts["sha256"]
    return facts


def _shown(path: Path) -> str:
    """Name a file without telling whose machine it lies on."""
    path = path.resolve()
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


def _cell_of(notebook: str, identity: str) -> int | None:
    """Return the number (from 1) of the source cell that names ``identity``."""
    cells = json.loads((NOTEBOOKS / f"{notebook}.ipynb").read_text())["cells"]
    for number, cell in enumerate(cells, 1):
        if cell["cell_type"] == "code" and f'"{identity}"' in "".join(cell["source"]):
            return number
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
    lock = ROOT / "uv.lock"
    versions = {name: version(name) for name in VERSIONS}
    backend = {"keras_backend": os.environ.get("KERAS_BACKEND", "tensorflow")}
    locked = {"uv_lock_sha256": sha256(lock) if lock.exists() else None}
    return {"python": platform.python_version(), **versions, **backend, **locked}


def _device() -> str:
    """Name the processor, and the accelerators where this process has loaded Keras."""
    names = [f"{platform.machine()} CPU, {os.cpu_count()} cores"]
    if "keras" in sys.modules:
        devices = sys.modules["keras"].distribution.list_devices()
        names += [name for name in devices if not name.startswith("cpu")]
    return ", ".join(names)


def _png(figure: Figure, marks: list[tuple[str, str]] = ()) -> bytes:
    """Draw a figure, opaque, without a time stamp (equal figures give equal bytes), and marked.

    The marks are in the picture too: it may be copied without the page. A palette of 256 colours
    makes the file a third as large; no eye sees the difference.
    """
    if marks:
        figure.suptitle(
            "\n".join(text for _, text in marks), fontsize=9, color="#8a1c1c", wrap=True
        )
    buffer = io.BytesIO()
    options = {"dpi": 150, "bbox_inches": "tight", "facecolor": "white"}
    figure.savefig(buffer, format="png", metadata={"Software": None}, **options)
    drawn = Image.open(buffer).convert("RGB")
    small = io.BytesIO()
    few = drawn.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(small, "PNG", optimize=True)
    return small.getvalue()


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _image(png: bytes, alt: str) -> str:
    return f'<img src="{_data_uri("image/png", png)}" alt="{html.escape(alt)}">'


def _table(table: pd.DataFrame, links: dict[str, str]) -> str:
    rows = table.to_html(border=0, float_format="{:.3f}".format)
    for label, address in links.items():
        text = html.escape(label)
        anchor = f'<a href="{html.escape(address)}">{text}</a>'
        rows = rows.replace(f"<th>{text}</th>", f"<th>{anchor}</th>")
    return f'<div class="table-scroll">{rows}</div>'


def _marks(marks: list[tuple[str, str]]) -> str:
    return "".join(f'<p class="{kind}">{html.escape(text)}</p>' for kind, text in marks)


def _exhibit(id: str, body: str, caption: str, marks, facts: dict, files: dict) -> str:
    """Return the HTML of a figure or table: body, caption, marks, and its passport to unfold."""
    kinds = {"png": "image/png", "csv": "text/csv", "json": "application/json"}
    links = " · ".join(
        f'<a download="{name}" href="{_data_uri(kinds[name.split(".")[-1]], content)}">{name}</a>'
        for name, content in files.items()
        if not name.endswith(".png")
    )
    return (
        f'<figure class="exhibit" id="{id}">{body}'
        f"<figcaption>{html.escape(caption)}</figcaption>{_marks(marks)}</figure>"
        f'<details class="passport"><summary>Passport of “{id}”</summary>'
        f"{_facts_table(facts)}<p>Download: {links}</p></details>"
    )


def _facts_table(facts: dict) -> str:
    rows = []
    for name, value in facts.items():
        if name in ("caption", "files") or value in (None, {}, []):
            continue
        rows.append(f"<tr><th>{name.replace('_', ' ')}</th><td>{_fact(value)}</td></tr>")
    return f'<div class="table-scroll"><table>{"".join(rows)}</table></div>'


def _fact(value: object) -> str:
    if isinstance(value, list):
        return "<br><br>".join(_fact(item) for item in value)
    if isinstance(value, dict):
        items = (f"{html.escape(str(k))}: {_fact(v)}" for k, v in value.items())
        return "<br>".join(items)
    return f"<code>{html.escape(str(value))}</code>"


def _show(content: str) -> None:
    from IPython.display import HTML, display

    display(HTML(content))
