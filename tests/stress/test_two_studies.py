"""Pages of two studies, each from its command to the page: all but Sphinx."""

import json
import sys

from helpers.made_up import made_up_run
from helpers.project import run_in

TEXT = "name: {0}\ntitle: {0}\ndataset: {{reader: phantoms}}\n"
OF_TEN = "name: {0}\ntitle: {0}\ndataset: {{reader: phantoms, patients: 10, seed: {1}, size: 64}}\n"
MADE_UP = """
import json
from dataclasses import asdict
from pathlib import Path
import keras, numpy as np, pandas as pd
from birads_lib import predictions
from birads_lib.files import sha256
from birads_lib.readers import by_name
from birads_lib.task import BIRADS

home, run = Path("results/a"), Path("results/a/runs/proposed/image")
data = by_name.read("phantoms", "results/a/phantoms", patients=10, seed=0, size=64)
data.write(home)
left, parts, number = {}, np.array(["test", "validation", "train", "train"]), np.arange(40)
rows = data.cases[["image_id", "patient_id"]].assign(y_true=number % 5 + 1, seed=0, copy=0)
rows = [rows.assign(fold=k, part=parts[(number // 5 + k) % 4]) for k in range(4)]
for fold in range(4):
    layers = [keras.layers.Rescaling(1 / 255), keras.layers.Flatten()]
    model = keras.Sequential([keras.Input((32, 32, 1)), *layers, keras.layers.Dense(5, "softmax")])
    path = run / f"seed0/fold{fold}/model.keras"
    path.parent.mkdir(parents=True)
    model.save(path)
    left[path.relative_to(run).as_posix()] = sha256(path)
facts = {"balance": True, "preprocessing": {"image_size": 32}, "task": asdict(BIRADS)}
(run / "run.json").write_text(json.dumps(facts | {"left_by_folds": left}))
table = pd.concat(rows, ignore_index=True).assign(variant="proposed", protocol="image")
table[BIRADS.probabilities] = np.random.default_rng(0).dirichlet(np.ones(5), len(table))
predictions.write(table, run / "predictions.parquet")
"""
MAKE = """
from press import book
from press.execution import external
from press.rendering import sphinx
from press.paths import BOOK, ROOT
book.render = sphinx.render = lambda study: ROOT
book.build("config/a.yaml")
page = BOOK / "a/15_elsewhere-b.ipynb"
made = page.stat().st_mtime_ns
print("page", external.rendered("a", "b").relative_to(ROOT), page.stat().st_mtime_ns == made)
"""
VERIFY = """
from press.verification import verify
made_up = "names no page that wrote it"  # true of what MADE_UP wrote
print([line for line in verify.study("a").problems if not line.endswith(made_up)])
"""


def test_a_studys_models_grade_another_studys_images(clean_copy):
    """All but Sphinx, on models that nobody trained; and what verification says."""
    own = "protocols: [image]\nnotebooks: {15_elsewhere: {resamples: 20}}\n"
    own += "external: {study: b}\n"
    (clean_copy / "config/a.yaml").write_text(OF_TEN.format("a", 0) + own)
    (clean_copy / "config/b.yaml").write_text(OF_TEN.format("b", 1) + "chapters: images\n")
    done = run_in(clean_copy, sys.executable, "-c", MADE_UP)
    assert done.returncode == 0, done.stderr
    done = run_in(clean_copy, sys.executable, "-c", MAKE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "40 images of b are graded; 0 are also at home\n4 models" in done.stdout
    assert done.stdout.endswith("page _build/a/_build/html/book/a/15_elsewhere-b.html True\n")
    figures = clean_copy / "results/a/figures/15_elsewhere-b"
    passport = json.loads((figures / "home-and-elsewhere.json").read_text())
    read = {fact["name"]: fact for fact in passport["inputs"]}
    assert read["model seed0/fold2"]["file"].endswith("image/seed0/fold2/model.keras")
    assert read["image files"]["study"] == "b"
    assert "leaky-mark" in passport["marks"]
    assert verified(clean_copy) == "[]\n"
    listed = clean_copy / "book/b/01_data_exploration.ipynb"
    listed.rename(listed.with_name("away"))
    assert "not the image files that 01_data_exploration of b lists" in verified(clean_copy)


def verified(project):
    done = run_in(project, sys.executable, "-c", VERIFY)
    assert done.returncode == 0, done.stderr
    return done.stdout[done.stdout.rindex("[") :] if "[]" in done.stdout else done.stdout


def test_two_studies_are_compared_on_a_page(clean_copy):
    """All but Sphinx, on two made-up studies, in a copy of the project."""
    for number, name in enumerate("ab"):
        text = TEXT.format(name) + "notebooks: {12_comparison: {resamples: 50}}\n"
        (clean_copy / "config" / f"{name}.yaml").write_text(text)
        made_up_run(clean_copy / "results" / name, seed=number, images="ab"[number])
    code = (
        "from press.execution import compare\nfrom press.rendering import sphinx\n"
        "sphinx.render = lambda study: None\n"
        "print('page', compare.compare('a,b').relative_to(sphinx.ROOT))"
    )
    done = run_in(clean_copy, sys.executable, "-c", code)
    assert done.returncode == 0, done.stderr
    assert "other images, resampled separately" in done.stdout
    assert "Quadratic kappa" in done.stdout
    assert done.stdout.endswith("page _build/a/_build/html/book/a/12_comparison-b.html\n")
    page = (clean_copy / "book" / "a" / "12_comparison-b.ipynb").read_text()
    assert page.index('id=\\"comparison\\"') < page.index('id=\\"comparison-table\\"')
    passport = clean_copy / "results/a/figures/12_comparison-b/comparison.json"
    inputs = [fact["file"] for fact in json.loads(passport.read_text())["inputs"]]
    assert "results/b/runs/proposed/patient/predictions.parquet" in inputs
