# The DAG of a study: a rule for each of its chapters, made from the table press/studies/chapters.py.
#
#   snakemake --config study=config/phantoms.yaml
#
# A rule depends on its notebook and on the code of exactly the library modules this imports, without
# docstrings, comments, layout and local names, so an edit re-executes what it can change and nothing else.
import json
import os
import shutil
from pathlib import Path

from birads_lib.files import sha256
from birads_lib.readers.image_files import fingerprint
from press import paths
from press.pages import sources
from press.studies import chapters, given, study
from press.studies.parameters import images_folder

ASKED = {name: given.of_item(config, name) for name in config}
STUDY = study.load(
    ASKED["study"], ASKED.get("data"), ASKED.get("weights"), ASKED.get("root", "results")
)
if workflow.is_main_process:
    try:
        LOCK = study.claim(STUDY)  # held as long as this file is open
        if "other" not in ASKED:  # else the study was run before, and may have been given a folder
            given.link(STUDY)
            study.write_record(STUDY)
    except study.UserError as error:
        raise SystemExit(str(error))
# What is made again to verify a figure stays out of the book.
PAGES = f"{STUDY.root}/pages/{STUDY.name}" if "root" in ASKED else f"book/{STUDY.name}"

# The tests have modules run in forks of a process that has imported the libraries.
RUN_MODULE = os.environ.get("RUN_MODULE", "python -m")
EXECUTE = RUN_MODULE + " press.execution.execute {input.notebook} {output.page} {params.values:q}"


def in_results(names):
    """Files of the study, from the root of the project."""
    return [f"{STUDY.folder}/{name}" for name in names]


def with_passports(files):
    """Files and what says where each is from, as a page may be made anew and leave equal files."""
    return [*files, *(str(paths.passport_path(path)) for path in files)]


def code_of(chapter):
    """The hash of the code that a chapter's notebook imports."""
    return sources.digest(sources.modules_of(chapter.notebook))


def message_of(chapter):
    """What Snakemake says when it executes a page."""
    name = chapter.notebook.replace("_", " ")
    if chapter.pages == "per run":
        return f"{name}: {{wildcards.variant}}, protocol {{wildcards.protocol}}"
    suffix = "{wildcards.suffix}" if chapter.pages == "per images" else ""
    return f"{name}{suffix}: {chapter.title}"


def artefacts_of(chapter):
    """The files of other chapters that a page reads."""
    return lambda wildcards: with_passports(
        in_results(chapters.inputs(chapter, STUDY, **wildcards))
    )


def values_of(chapter):
    """The parameters of one execution, as JSON: a change of one re-executes the notebook."""

    def values(wildcards):
        parameters = STUDY.parameters(chapter.notebook, **study.run_of(wildcards))
        return json.dumps(parameters, sort_keys=True)

    return values


def images_given(chapter):
    """What the folder of images, and a reader from outside, look like, for a chapter that reads it.

    "" if the study has the images, and this project the reader. Only a page that is asked for looks
    at the folder: a figure is made again from intact files without it.
    """

    def looks(wildcards):
        if chapter.reads:
            return ""
        code = "".join(map(sha256, STUDY.reader.code()))
        if STUDY.reader.makes_images:
            return code
        return fingerprint(images_folder(STUDY.dataset, STUDY.folder), STUDY.follows_links) + code

    return looks


def constraints_of(chapter):
    """What the wildcards of a chapter's pages may be."""
    every = chapter.executions(STUDY)
    values = {name: dict.fromkeys(wildcards[name] for wildcards in every) for name in every[0]}
    # In brackets, as Snakemake takes an empty pattern for none at all.
    return {name: f"({'|'.join(allowed)})" for name, allowed in values.items()}


rule pages:
    input:
        [f"{PAGES}/{name}.ipynb" for name in STUDY.pages()],


for chapter in chapters.of_study(STUDY):

    rule:
        name:
            chapter.rule
        message:
            message_of(chapter)
        wildcard_constraints:
            **constraints_of(chapter),
        input:
            notebook=f"notebooks/{chapter.notebook}.ipynb",
            sources=[str(path) for name in chapter.sources for path in sorted(Path().glob(name))],
            artefacts=artefacts_of(chapter),
        output:
            with_passports(in_results(chapter.outputs(STUDY))),
            page=f"{PAGES}/{chapter.page}.ipynb",
        benchmark:
            f"{STUDY.folder}/benchmarks/{chapter.page}.tsv"
        params:
            values=values_of(chapter),
            code=code_of(chapter),
            images=images_given(chapter),
        priority: chapter.priority
        threads: chapter.threads_of(workflow.cores)
        resources:
            gpu=int(chapter.gpu and shutil.which("nvidia-smi") is not None),
        shell:
            EXECUTE


# A page of two studies: `make compare` and `make external` say which page, and which is the other.
if "other" in ASKED:
    from press.execution import compare, external

    OTHER = study.load(ASKED["other"])
    PAIR = external if ASKED.get("page") == external.NOTEBOOK else compare
    VALUES = PAIR.parameters(STUDY, OTHER)
    FILES = PAIR.files(STUDY, OTHER, VALUES)
    row = chapters.chapter(PAIR.NOTEBOOK)

    rule:
        name:
            row.rule
        message:
            f"{row.notebook.replace('_', ' ')}: {STUDY.name} and {OTHER.name}"
        input:
            notebook=f"notebooks/{row.notebook}.ipynb",
            artefacts=[str(path) for path in FILES],
            passports=[str(path) for path in map(paths.passport_path, FILES) if path.exists()],
        output:
            page=f"{PAGES}/{paths.page_name(row.notebook, OTHER.name)}.ipynb",
        params:
            # A function, as Snakemake would look for wildcards in a text.
            values=lambda wildcards: json.dumps(VALUES, sort_keys=True),
            code=code_of(row),
        shell:
            EXECUTE
