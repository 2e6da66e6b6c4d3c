# The DAG of a study: one rule per notebook. Only a comparison of two studies runs beside it.
#
#   snakemake --config study=config/phantoms.yaml
#
# A rule's inputs name its notebook and exactly the library modules this imports, so an edit
# re-executes what it can change and nothing else.
import shutil

from birads_lib.readers import READERS
from birads_lib.readers.folders import fingerprint
from press import paths, sources, study
from press.datasets import images_folder

STUDY = study.load(
    config["study"], config.get("data"), config.get("weights"), config.get("root", "results")
)
if workflow.is_main_process:
    try:
        study.claim(STUDY)
    except study.UserError as error:
        raise SystemExit(str(error))
RESULTS = STUDY.folder
# What is made again to verify a figure stays out of the book.
PAGES = f"{STUDY.root}/pages/{STUDY.name}" if "root" in config else f"book/{STUDY.name}"
RUN = str(paths.run_folder(RESULTS, "{variant}", "{protocol}"))
EXECUTE = "python -m press.execute {input.notebook} {output.page} {params.values:q}"


HEADLINE = [(next(iter(STUDY.variants)), protocol) for protocol in STUDY.protocols]
TRAINED = [variant for variant, _ in STUDY.runs()]

wildcard_constraints:
    variant="|".join(dict.fromkeys(TRAINED)),
    protocol="|".join(study.PROTOCOLS),
    # In brackets, as Snakemake takes an empty pattern for none at all.
    own=f"({'|'.join(f'-{v}' for v in dict.fromkeys(TRAINED) if STUDY.preprocesses(v))})?",


def source(notebook):
    """The notebook and the library modules it imports."""
    modules = [str(path.relative_to(workflow.basedir)) for path in sources.modules_of(notebook)]
    return {"notebook": f"notebooks/{notebook}.ipynb", "modules": modules}


def values(notebook):
    """The parameters of one execution, as JSON: a change of one re-executes the notebook."""
    return lambda wildcards: STUDY.arguments(notebook, **wildcards)


def of_runs(file, runs):
    """The same file of several runs."""
    return [str(paths.run_folder(RESULTS, *run) / file) for run in runs]


def images_given():
    """What the folder of images looks like; some readers make theirs in the study itself."""
    if READERS[STUDY.dataset["reader"]].makes_images:
        return ""
    return fingerprint(images_folder(STUDY.dataset, RESULTS))


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
    benchmark:
        f"{RESULTS}/benchmarks/01_data_exploration.tsv"
    params:
        values=values("01_data_exploration"),
        images=images_given(),
    threads: 2
    shell:
        EXECUTE


rule preprocessing:
    priority: 2  # what much waits for goes first
    message: "02 preprocessing{wildcards.own}: every image, once"
    input:
        **source("02_preprocessing"),
        cases=f"{RESULTS}/cases.parquet",
        findings=f"{RESULTS}/findings.parquet",
    output:
        images=f"{RESULTS}/images{{own}}.npy",
        page=f"{PAGES}/02_preprocessing{{own}}.ipynb",
    benchmark:
        f"{RESULTS}/benchmarks/02_preprocessing{{own}}.tsv"
    params:
        values=lambda wildcards: STUDY.arguments(
            "02_preprocessing", variant=wildcards.own[1:] or None
        ),
    threads: max(1, min(2, workflow.cores // 2))  # it reads with two; others go beside it
    shell:
        EXECUTE


rule training:
    priority: 1
    message: "03 training: {wildcards.variant}, protocol {wildcards.protocol}"
    input:
        **source("03_training"),
        cases=f"{RESULTS}/cases.parquet",
        images=lambda wildcards: f"{RESULTS}/{STUDY.image_file(wildcards.variant)}",
    output:
        predictions=f"{RUN}/predictions.parquet",
        embeddings=f"{RUN}/embeddings.npy",
        history=f"{RUN}/history.csv",
        page=f"{PAGES}/03_training-{{variant}}-{{protocol}}.ipynb",
    benchmark:
        f"{RESULTS}/benchmarks/03_training-{{variant}}-{{protocol}}.tsv"
    params:
        values=values("03_training"),
    # The head's matrices are small: two runs side by side do more than one on all cores.
    threads: max(1, workflow.cores // 2)
    resources:
        gpu=int(shutil.which("nvidia-smi") is not None),
    shell:
        EXECUTE


rule evaluation:
    message: "04 evaluation: {wildcards.variant}, protocol {wildcards.protocol}"
    input:
        **source("04_evaluation"),
        predictions=f"{RUN}/predictions.parquet",
        history=f"{RUN}/history.csv",
    output:
        metrics=f"{RUN}/04_evaluation.metrics.json",
        page=f"{PAGES}/04_evaluation-{{variant}}-{{protocol}}.ipynb",
    benchmark:
        f"{RESULTS}/benchmarks/04_evaluation-{{variant}}-{{protocol}}.tsv"
    params:
        values=values("04_evaluation"),
    shell:
        EXECUTE


rule ablations:
    message: "05 ablations: what each part contributes"
    input:
        **source("05_ablations"),
        predictions=of_runs("predictions.parquet", STUDY.runs()),
    output:
        metrics=f"{RESULTS}/05_ablations.metrics.json",
        page=f"{PAGES}/05_ablations.ipynb",
    benchmark:
        f"{RESULTS}/benchmarks/05_ablations.tsv"
    params:
        values=values("05_ablations"),
    shell:
        EXECUTE


rule calibration:
    message: "06 calibration: {wildcards.variant}, protocol {wildcards.protocol}"
    input:
        **source("06_calibration"),
        predictions=f"{RUN}/predictions.parquet",
    output:
        metrics=f"{RUN}/06_calibration.metrics.json",
        page=f"{PAGES}/06_calibration-{{variant}}-{{protocol}}.ipynb",
    benchmark:
        f"{RESULTS}/benchmarks/06_calibration-{{variant}}-{{protocol}}.tsv"
    params:
        values=values("06_calibration"),
    shell:
        EXECUTE


rule decision_curves:
    message: "07 decision curves: {wildcards.variant}, protocol {wildcards.protocol}"
    input:
        **source("07_decision_curves"),
        predictions=f"{RUN}/predictions.parquet",
    output:
        metrics=f"{RUN}/07_decision_curves.metrics.json",
        page=f"{PAGES}/07_decision_curves-{{variant}}-{{protocol}}.ipynb",
    benchmark:
        f"{RESULTS}/benchmarks/07_decision_curves-{{variant}}-{{protocol}}.tsv"
    params:
        values=values("07_decision_curves"),
    shell:
        EXECUTE


rule interpretability:
    priority: 1  # the longest chapter: last, it would keep one core waiting
    message: "08 interpretability: {wildcards.variant}, protocol {wildcards.protocol}"
    input:
        **source("08_interpretability"),
        cases=f"{RESULTS}/cases.parquet",
        findings=f"{RESULTS}/findings.parquet",
        images=lambda wildcards: f"{RESULTS}/{STUDY.image_file(wildcards.variant)}",
        predictions=f"{RUN}/predictions.parquet",  # written after the models of all folds
    output:
        metrics=f"{RUN}/08_interpretability.metrics.json",
        page=f"{PAGES}/08_interpretability-{{variant}}-{{protocol}}.ipynb",
    benchmark:
        f"{RESULTS}/benchmarks/08_interpretability-{{variant}}-{{protocol}}.tsv"
    params:
        values=values("08_interpretability"),
    shell:
        EXECUTE


rule feature_space:
    message: "09 feature space: {wildcards.variant}, protocol {wildcards.protocol}"
    input:
        **source("09_feature_space"),
        predictions=f"{RUN}/predictions.parquet",
        embeddings=f"{RUN}/embeddings.npy",
    output:
        metrics=f"{RUN}/09_feature_space.metrics.json",
        page=f"{PAGES}/09_feature_space-{{variant}}-{{protocol}}.ipynb",
    benchmark:
        f"{RESULTS}/benchmarks/09_feature_space-{{variant}}-{{protocol}}.tsv"
    params:
        values=values("09_feature_space"),
    shell:
        EXECUTE


rule leakage_audit:
    message: "10 leakage audit: how the split makes the result"
    input:
        **source("10_leakage_audit"),
        cases=f"{RESULTS}/cases.parquet",
        predictions=of_runs("predictions.parquet", HEADLINE),
    output:
        metrics=f"{RESULTS}/10_leakage_audit.metrics.json",
        page=f"{PAGES}/10_leakage_audit.ipynb",
    benchmark:
        f"{RESULTS}/benchmarks/10_leakage_audit.tsv"
    params:
        values=values("10_leakage_audit"),
    shell:
        EXECUTE


rule claims:
    message: "11 claims: the ledger"
    input:
        **source("11_claims"),
        claims="book/claims.yml",
        published="book/published.yml",
        runs=[of_runs(f"{notebook}.metrics.json", HEADLINE) for notebook in study.EVALUATED],
        ablations=rules.ablations.output.metrics if STUDY.ablations else [],
        audit=rules.leakage_audit.output.metrics,
    output:
        metrics=f"{RESULTS}/11_claims.metrics.json",
        page=f"{PAGES}/11_claims.ipynb",
    benchmark:
        f"{RESULTS}/benchmarks/11_claims.tsv"
    params:
        values=values("11_claims"),
    shell:
        EXECUTE
