# The DAG of a study: one rule per notebook; nothing else runs notebooks.
#
#   snakemake --config study=config/phantoms.yaml
#
# A rule's inputs name its notebook and exactly the library modules this imports, so an edit
# re-executes what it can change and nothing else.
from birads_lib import datasets, sources, study

STUDY = study.load(config["study"], config.get("data"), config.get("weights"))
if workflow.is_main_process:
    try:
        study.claim(STUDY)
    except study.UserError as error:
        raise SystemExit(str(error))
RESULTS = f"results/{STUDY.name}"
PAGES = f"book/{STUDY.name}"
RUN = f"{RESULTS}/runs/{{variant}}/{{protocol}}"
EXECUTE = "python -m birads_lib.execute {input.notebook} {output.page} {params.values:q}"


wildcard_constraints:
    variant="|".join(STUDY.variants),
    protocol="|".join(STUDY.protocols),


def source(notebook):
    """The notebook and the library modules it imports."""
    modules = [str(path.relative_to(workflow.basedir)) for path in sources.modules_of(notebook)]
    return {"notebook": f"notebooks/{notebook}.ipynb", "modules": modules}


def values(notebook):
    """The parameters of one execution, as JSON: a change of one re-executes the notebook."""
    return lambda wildcards: STUDY.arguments(notebook, **wildcards)


def images_given():
    """What the folder of images looks like; phantoms are made by the study itself."""
    if STUDY.dataset["reader"] == "phantoms":
        return ""
    return datasets.fingerprint(datasets.folder_of(STUDY.dataset, RESULTS))


rule pages:
    input:
        [f"{PAGES}/{name}.ipynb" for name in STUDY.pages()],


rule data_exploration:
    message: "01 data exploration: the images and what is known of them"
    input:
        **source("01_data_exploration"),
    output:
        cases=f"{RESULTS}/cases.parquet",
        findings=f"{RESULTS}/findings.parquet",
        page=f"{PAGES}/01_data_exploration.ipynb",
    params:
        values=values("01_data_exploration"),
        images=images_given(),
    threads: 2
    shell:
        EXECUTE


rule preprocessing:
    message: "02 preprocessing: every image, once"
    input:
        **source("02_preprocessing"),
        cases=f"{RESULTS}/cases.parquet",
        findings=f"{RESULTS}/findings.parquet",
    output:
        images=f"{RESULTS}/images.npy",
        page=f"{PAGES}/02_preprocessing.ipynb",
    params:
        values=values("02_preprocessing"),
    threads: 2
    shell:
        EXECUTE


rule training:
    message: "03 training: {wildcards.variant}, protocol {wildcards.protocol}"
    input:
        **source("03_training"),
        cases=f"{RESULTS}/cases.parquet",
        images=f"{RESULTS}/images.npy",
    output:
        predictions=f"{RUN}/predictions.parquet",
        history=f"{RUN}/history.csv",
        page=f"{PAGES}/03_training-{{variant}}-{{protocol}}.ipynb",
    params:
        values=values("03_training"),
    threads: 2
    resources:
        gpu=1,
    shell:
        EXECUTE


rule evaluation:
    message: "04 evaluation: {wildcards.variant}, protocol {wildcards.protocol}"
    input:
        **source("04_evaluation"),
        predictions=f"{RUN}/predictions.parquet",
        history=f"{RUN}/history.csv",
    output:
        metrics=f"{RUN}/metrics.json",
        page=f"{PAGES}/04_evaluation-{{variant}}-{{protocol}}.ipynb",
    params:
        values=values("04_evaluation"),
    shell:
        EXECUTE

