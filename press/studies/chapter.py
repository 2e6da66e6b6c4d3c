"""A row of the table of chapters: a notebook, and the pages and files that a study has of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from birads_lib.task import Task
from press.paths import METRICS, page_name, run_folder

if TYPE_CHECKING:
    from press.studies.study import Study

PAPER = "paper"  # the set of chapters of a study that names no other
_RUN = str(run_folder("", "{variant}", "{protocol}"))


@dataclass(frozen=True)
class Chapter:
    """One row: a notebook, and the pages that a study has of it.

    Names of files count from the study's folder. ``{run}`` stands for the folder of a run,
    ``{first}`` for that of the first variant under each protocol; ``{suffix}`` marks the images of
    a variant that has its own, such as "-no_clahe".
    """

    notebook: str  # its name without .ipynb
    title: str = ""  # what its rule says while it runs, where it doesn't name a run
    # How many pages a study has of it; "elsewhere": no rule of a study alone makes it.
    pages: Literal["one", "per images", "per run", "elsewhere"] = "one"
    # Which runs it is about or reads: those of the first variant, its honest one, those of all
    # variants, of these where there are several, or of a study with ablations every one. "together"
    # are the ablations of a study that trains them so, "apart" all others.
    runs: Literal[
        "none", "first", "honest", "variants", "several", "every", "apart", "together"
    ] = "none"  # fmt: skip
    reads: tuple[str, ...] = ()  # files that other chapters write; "*.metrics.json": all of those
    sources: tuple[str, ...] = ()  # patterns of files that no chapter writes, from the root
    needs: str = ""  # the command that makes its sources, where they are not in the repository
    writes: tuple[str, ...] = ()  # its files, but for its metrics
    # Files that its rule doesn't name, as Snakemake would remove them before it executes the
    # notebook again, which goes on from them.
    leaves: tuple[str, ...] = ()
    metrics: bool = True  # whether it records metrics
    under: str = ""  # the notebook below whose page the contents list its pages
    sets: tuple[str, ...] = (PAPER,)  # that it belongs to; a study's YAML names one
    tasks: tuple[str, ...] = ()  # label sets that it is about; none named: any
    decides: bool = False  # whether it makes sense only where a label calls for action
    synthetic: bool = False  # whether it shows images: of a synthetic data set, where they may be
    threads: int = 1  # the most that it makes use of; 0: all
    shares: bool = False  # whether it leaves half of the cores to what runs beside it
    gpu: bool = False  # whether it makes use of one
    priority: int = 0  # those that much waits for go first

    def fits(self, task: Task) -> bool:
        """Return whether it makes sense for a label set."""
        is_named = not self.tasks or task.name in self.tasks
        return is_named and bool(task.decisions or not self.decides)

    @property
    def rule(self) -> str:
        """Name of its rule: the notebook's, its number last, as Snakemake takes none in front."""
        number, _, name = self.notebook.partition("_")
        return f"{name}_{number}"

    @property
    def page(self) -> str:
        """The name of its pages, with Snakemake's wildcards."""
        if self.pages == "per run":
            return page_name(self.notebook, "{variant}", "{protocol}")
        return self.notebook + ("{suffix}" if self.pages == "per images" else "")

    def page_of(self, variant: str = "", protocol: str = "") -> str:
        """Return the name of its page, that of a run where it has one for each."""
        return self.page.format(variant=variant, protocol=protocol, suffix="")

    @property
    def metrics_file(self) -> str:
        """The file of its metrics."""
        return ("{run}/" if self.pages == "per run" else "") + self.notebook + METRICS

    @property
    def files(self) -> list[str]:
        """All files that its rule names as its outputs, its metrics last."""
        return [*self.writes, *([self.metrics_file] if self.metrics else [])]

    def threads_of(self, cores: int) -> int:
        """Return the number of threads it gets on a machine or job of so many cores."""
        available = cores // 2 if self.shares else cores
        return max(1, min(self.threads or available, available))

    def runs_of(self, study: Study) -> list[tuple[str, str]]:
        """Return the (variant or ablation, protocol) of the runs that it is about."""
        together = study.ablations if study.ablations_together else {}
        all_variants = study.variants | study.ablations
        chosen = {
            "none": (),
            "first": list(study.variants)[:1],
            "honest": list(study.variants)[:1],
            "variants": study.variants,
            "several": study.variants if len(study.variants) > 1 else (),
            "every": all_variants if study.ablations else (),
            "apart": all_variants.keys() - together,
            "together": together,
        }[self.runs]
        of_honest = self.runs == "honest"
        runs = [run for run in study.runs() if run[0] in chosen]
        return [run for run in runs if run[1] == study.honest or not of_honest]

    def executions(self, study: Study) -> list[dict[str, str]]:
        """Return the wildcards of each of its pages in a study."""
        if self.pages == "per run":
            return [{"variant": v, "protocol": p} for v, p in self.runs_of(study)]
        if self.pages == "per images":
            suffixes = dict.fromkeys(["", *map(study.suffix, study.trained)])
            return [{"suffix": suffix} for suffix in suffixes]
        return [{}]

    def outputs(self, study: Study) -> list[str]:
        """Return its files in a study, with Snakemake's wildcards, from the study's folder."""
        if self.pages != "one":
            return [name.format(run=_RUN, suffix="{suffix}") for name in self.files]
        return expanded(self.files, self.runs_of(study), study)


def expanded(names: list[str], runs: list[tuple[str, str]], study: Study) -> list[str]:
    """Return names of files, those of runs once for each run, in their order and each once."""
    places = [(str(run_folder("", *run)), study.suffix(run[0])) for run in runs] or [("", "")]
    file_names = (name.format(run=run, suffix=suffix) for name in names for run, suffix in places)
    return list(dict.fromkeys(file_names))
