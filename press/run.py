"""A notebook's run: what it read, and the one door for all that it shows and writes."""

import html
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from birads_lib.errors import UserError
from birads_lib.files import sha256, sha256_of, written_whole
from birads_lib.protocol import PROTOCOLS
from birads_lib.readers import READERS
from press import paths
from press.by_hand import beside, is_by_hand
from press.pages import environment, outputs, sources
from press.studies import chapters
from press.studies.given import without_paths
from press.studies.parameters import declared_parameters

LEAKY = "leaky protocol, not an estimate of performance"
SYNTHETIC = "synthetic images (phantoms), not patients"
# How far, absolutely and relatively, an exhibit's numbers may lie from those of its notebook,
# executed again.
TOLERANCE = 1e-6


class Run:
    """One execution of one notebook: what it read, and the door for all it shows.

    Everything that passes the door gets a passport: the facts behind it (notebook and cell, what
    was read, code, parameters, machine, time).

    Args:
        notebook: the source notebook's name, such as "04_evaluation".
        values: the notebook's ``globals()``; its parameters are looked up there.
        inputs: name -> path of every artefact the notebook reads. A missing one raises UserError.
    """

    def __init__(self, notebook: str, values: dict, inputs: dict[str, Path] | None = None):
        defaults = declared_parameters(notebook)
        self.notebook = notebook
        self.parameters = {name: values[name] for name in defaults}
        self.parameters = without_paths(self.parameters, values["study_dir"])
        self.changed = {k: v for k, v in self.parameters.items() if v != defaults[k]}
        folder = paths.ROOT / self.parameters["study_dir"]
        self.folder = beside(folder) if is_by_hand() else folder  # of what it writes
        self.started = datetime.now(UTC)
        self.cells: dict[str, str | None] = {}  # id of a published exhibit -> that of its cell
        files = {name: Path(path) for name, path in (inputs or {}).items()}
        _check_there(files, notebook)
        self.inputs = [_input_facts(name, path, self.folder.name) for name, path in files.items()]
        modules = sources.hashes(sources.modules_of(notebook))
        self.code = {
            "notebook_sha256": sha256(paths.source_notebook(notebook)),
            "library_sha256": sources.total(modules),
            **environment.commit(),
        }
        facts = self.passport(self.page, "page", parameters=self.parameters, marks=self.marks)
        facts["code"] = self.code | {"modules": modules}
        # At the top of the page: what holds for all of it.
        read = ", ".join(f"{read['file']} ({read['sha256'][:8]})" for read in self.inputs)
        line = f"<p>Read: {html.escape(read)}</p>" if read else ""
        top = outputs.marks_html(self.marks) + line
        outputs.show({"text/html": top, outputs.PASSPORT: facts})

    @property
    def page(self) -> str:
        """The executed notebook's name: the source's, with variant and protocol if it is of one.

        A comparison's ends with the other study.
        """
        parameters = self.parameters
        if "protocols" in parameters:
            return paths.page_name(self.notebook, parameters.get("other"))
        return paths.page_name(self.notebook, parameters.get("variant"), parameters.get("protocol"))

    @property
    def home(self) -> Path:
        """The folder for the files of this run: that of its variant and protocol, if it has one."""
        protocol = self.parameters.get("protocol")
        if not protocol:
            return self.folder
        return paths.run_folder(self.folder, self.parameters["variant"], protocol)

    @property
    def marks(self) -> dict[str, str]:
        """The marks that must stand on everything made by this run, {CSS class: text}."""
        protocol = self.parameters.get("protocol")
        return self._marks_of(self.parameters.get("protocols", [protocol] if protocol else []))

    def _marks_of(self, protocols: list[str]) -> dict[str, str]:
        marks = {}
        leaky = [name for name in protocols if PROTOCOLS[name].leaks]
        if leaky:
            marks["leaky-mark"] = f"{', '.join(leaky)}: {LEAKY}"
        if READERS[self.parameters["dataset"]["reader"]].synthetic:
            marks["synthetic-mark"] = SYNTHETIC
        if self.parameters.get("note"):
            marks["study-note"] = self.parameters["note"]
        return marks

    def passport(self, identity: str, kind: str, **more: object) -> dict:
        """Return the facts behind one page, figure, table or artefact of this run."""
        number, cell_id = executing_cell(self.notebook)
        return {
            "id": identity,
            "kind": kind,
            "study": self.folder.name,
            "protocol": self.parameters.get("protocol"),
            "notebook": self.notebook,
            "page": self.page,
            "cell": number,
            "cell_id": cell_id,
            "parameters_changed": self.changed,
            "inputs": list(self.inputs),
            "code": self.code,
            "environment": environment.versions(),
            "device": environment.device(),
            "seed": self.parameters.get("seeds", self.parameters.get("seed")),
            "started": self.started.isoformat(timespec="seconds"),
            "seconds": round((datetime.now(UTC) - self.started).total_seconds(), 1),
            **more,
        }

    def read_files(self, kind: str, hashes: Iterable[str], study: str = "") -> None:
        """Count many files of one kind, such as "image", among the inputs, by their hashes.

        ``study`` names another study that lists them.
        """
        hashes = list(hashes)
        if hashes:
            facts = {"name": f"{kind} files", "file": f"{len(hashes)} {kind} files"}
            facts |= {"study": study} if study else {}
            self.inputs.append(facts | {"sha256_of_hashes": outputs.hash_of_hashes(hashes)})

    def read_images(self, cases: pd.DataFrame, study: str = "") -> None:
        """Count a data set's images among the inputs, by the hashes in its table.

        ``study`` names the other study that lists them, if they are not of this one.
        """
        self.read_files("image", cases["sha256"], study)

    def output(self, path: Path) -> None:
        """Write the passport of an artefact beside it, and show it on the page."""
        name, file = path.relative_to(self.home).as_posix(), _shown(path)
        facts = self.passport(name, "artefact", file=file, sha256=sha256(path))
        facts = _settled(paths.passport_path(path), facts)
        line = f"<p>Written, with its passport: <code>{html.escape(file)}</code></p>"
        outputs.show({"text/html": line, outputs.PASSPORT: facts})

    def publish(
        self,
        what: Figure | pd.DataFrame,
        id: str,
        caption: str,
        alt: str | None = None,
        data: pd.DataFrame | None = None,
        protocols: list[str] | None = None,
        links: dict[str, str] | None = None,
    ) -> None:
        """Write a figure or table with its passport and show both in the notebook.

        Args:
            what: the figure or table.
            id: its name, the only such one of the notebook.
            caption: what stands below it.
            alt: text alternative; needed for a figure.
            data: the plotted numbers, offered for download; a table is its own.
            protocols: which of the run's it shows; the others' marks are left out.
            links: where rows of a table lead, {label: address}.
        """
        is_figure = isinstance(what, Figure)
        if is_figure and not alt:
            raise UserError(f"figure '{id}' of {self.notebook} has no alt text: pass alt=...")
        marks = self.marks if protocols is None else self._marks_of(protocols)
        data = what if data is None and not is_figure else data
        files = {f"{id}.png": outputs.png(what, marks.values())} if is_figure else {}
        files |= {f"{id}.csv": data.to_csv().encode()} if data is not None else {}
        properties = {"caption": caption, "marks": marks, "tolerance": TOLERANCE}
        properties |= {name: fact for name, fact in {"alt": alt, "links": links}.items() if fact}
        facts = self.passport(id, "figure" if is_figure else "table", **properties)
        facts = self._write_exhibit(files, facts)
        outputs.show(outputs.exhibit(facts, files, "" if is_figure else outputs.table_html(what)))
        legend = f"<p>{html.escape(caption)}</p>{outputs.marks_html(marks)}"
        outputs.show({"text/html": legend, outputs.LEGEND: {"id": id}})

    def _write_exhibit(self, files: dict[str, bytes], facts: dict) -> dict:
        """Write the files of an exhibit and its passport, which is returned, beside each other."""
        before = self.cells.setdefault(facts["id"], facts["cell_id"])
        if before != facts["cell_id"]:
            where = f"cells {before} and {facts['cell_id']}"
            raise ValueError(f"two exhibits of {self.notebook} are called '{facts['id']}': {where}")
        facts["files"] = {name: sha256_of(content) for name, content in files.items()}
        folder = paths.figures_folder(self.folder, self.page)
        for name, content in files.items():
            with written_whole(folder / name) as temporary:
                temporary.write_bytes(content)
        return _settled(folder / f"{facts['id']}.json", facts)

    def record(self, table: pd.DataFrame) -> None:
        """Write metrics for later notebooks, as ``<notebook>.metrics.json`` in the run's folder.

        ``table`` has the columns metric, estimate, low and high, as ``bootstrap.intervals``
        returns them; what has no interval has NaN (null in the file) for its bounds.
        """
        rows = table.set_index("metric")[["estimate", "low", "high"]].astype(float)
        if not rows.index.is_unique:
            duplicates = sorted(set(rows.index[rows.index.duplicated()]))
            raise ValueError(f"recorded twice: {', '.join(duplicates)}")
        values = rows.astype(object).where(rows.notna(), None).to_dict("index")
        path = paths.metrics_file(self.home, self.notebook)
        with written_whole(path) as temporary:
            temporary.write_text(json.dumps(values, indent=1, allow_nan=False))
        self.output(path)

    def facts(self, facts: dict[str, str]) -> None:
        """Record texts for cards and checklists, {name: text}; a page doesn't show them.

        ``press.pages.page.Page.facts`` has all that a page recorded; the last of a name counts.
        """
        wrong = [name for name, text in facts.items() if not isinstance(text, str)]
        if wrong:
            raise TypeError(f"a fact is a formatted text: {', '.join(wrong)}")
        outputs.show({outputs.FACTS: facts})

    def answer(self, text: str) -> None:
        """Show the page's answer; the book repeats it below the title, and prose may name it.

        Its name for prose is ``answer_<notebook>``, as ``value`` has it.
        """
        self.value(f"answer_{self.notebook}", text)
        shown = f'<p class="answer">{html.escape(text)}</p>'
        outputs.show({"text/html": shown, outputs.ANSWER: {"text": text}})

    def value(self, name: str, text: str) -> None:
        """Record a formatted number for prose, as ``<study>_<protocol>_<name>``, or without one."""
        # What myst_nb's `glue` leaves, whose import takes longer than the metrics.
        prefix = "application/papermill.record/"
        parts = [self.folder.name, self.parameters.get("protocol"), name]
        scrap = {"name": "_".join(part for part in parts if part), "mime_prefix": prefix}
        outputs.show({f"{prefix}text/plain": repr(text)}, {"scrapbook": scrap})


def executing_cell(notebook: str) -> tuple[int, str] | tuple[None, None]:
    """Return number (from 1) and id of the source cell that is being executed.

    Nothing where no kernel executes one, or one that was edited since the notebook was saved.
    """
    code = executing_code()
    cells = json.loads(paths.source_notebook(notebook).read_text())["cells"]
    for number, cell in enumerate(cells, 1):
        if cell["cell_type"] == "code" and "".join(cell["source"]) == code:
            return number, cell["id"]
    return None, None


def executing_code() -> str | None:
    """Return the code that this kernel was asked to execute; None where this is no kernel."""
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    return kernel.get_parent()["content"]["code"] if kernel else None


def _check_there(inputs: dict[str, Path], notebook: str) -> None:
    """Raise UserError naming every input that isn't there, and the notebook that makes it."""
    missing = [path for path in inputs.values() if not path.exists()]
    if missing:
        makers = sorted({maker for path in missing for maker in chapters.makers(path, notebook)})
        earlier = ", then ".join(makers) or "the earlier notebooks"
        advice = f"Run {earlier} first, or `make book` for all."
        if command := chapters.chapter(notebook).needs:  # no notebook makes it
            advice = f"Run `{command}` first."
        raise UserError(f"not there yet: {', '.join(map(_shown, missing))}. {advice}")


def _input_facts(name: str, path: Path, study: str) -> dict:
    """Return the facts of one file that ``study`` reads, and of the passport it came with."""
    facts = {"name": name, "file": _shown(path), "sha256": sha256(path)}
    passport = paths.passport_path(path)
    if passport.exists():
        made = json.loads(passport.read_text())
        facts |= {"made_by": made["page"], "artefact": made["id"]}
        facts |= {"study": made["study"]} if made["study"] != study else {}
        facts |= {"passport_sha256": sha256(passport)}
        facts["intact"] = made["sha256"] == facts["sha256"]
    return facts


def _shown(path: Path) -> str:
    """Name a file without telling whose machine it lies on."""
    path, results = path.resolve(), paths.RESULTS.resolve()  # which may be a link to another disk
    if path.is_relative_to(results):
        path = paths.RESULTS / path.relative_to(results)
    return path.relative_to(paths.ROOT).as_posix() if path.is_relative_to(paths.ROOT) else path.name


def _settled(path: Path, facts: dict) -> dict:
    """Write a passport, unless the one that is there says the same; return what is there then.

    So a notebook that is executed again, to the same result, leaves its files as they were.
    """
    facts = json.loads(outputs.as_json(facts))
    if path.exists():
        before = json.loads(path.read_text())
        if outputs.lasting(before) == outputs.lasting(facts):
            return before
    with written_whole(path) as temporary:
        temporary.write_bytes(outputs.as_json(facts))
    return facts
