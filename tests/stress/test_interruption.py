"""A study that is killed, runs out of disk or runs otherwise ends as if undisturbed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from birads_lib.files import sha256
from helpers.small_study import EVALUATED, SECONDS, TRAINED, Project
from press.paths import passport_path


def test_side_by_side_or_one_after_the_other_gives_the_same_bytes(undisturbed, tmp_path):
    """Two trainings on a core each, and alone on one: also the same study twice in a row."""
    project = Project.new(tmp_path / "project")
    done = project.run(*TRAINED, EVALUATED, cores=1)
    assert done.returncode == 0, done.stdout
    names = {Path(name).name for name in project.results()}
    assert {"04_evaluation.metrics.json", "predictions.parquet", "images.npy"} <= names
    assert project.results() == undisturbed.results()


def after(seconds: float):
    """Return a moment so long after the start of a run."""
    begun = []

    def moment(project: Project) -> bool:
        begun.append(time.monotonic())
        return begun[-1] - begun[0] > seconds

    return moment


def made(pattern: str):
    """Return the moment at which a file of the project appears."""
    return lambda project: any(path.is_file() for path in project.root.glob(pattern))


DICE = random.Random(9)
MOMENTS = {
    "a pool makes phantoms": made("results/tiny/phantoms/images/p*.png"),
    "Snakemake writes its records": made(".snakemake/metadata/**/*"),
    "training begins": made("results/tiny/runs/proposed/patient/seed0/fold0/run.json"),
    "an epoch has ended": made("results/tiny/runs/proposed/patient/seed0/fold0/state.npz"),
    "at random": after(DICE.uniform(5, 30)),
}


def kill(project: Project, moment) -> None:
    """Start the study and kill all its processes but the kernels, which see to themselves."""
    with open(project.root / "output.txt", "a") as output:
        run = subprocess.Popen(
            **project.options(EVALUATED, cores=2),
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    deadline = time.monotonic() + SECONDS
    while run.poll() is None and not moment(project):
        assert time.monotonic() < deadline, (project.root / "output.txt").read_text()
        time.sleep(0.005)
    if run.poll() is None:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()


def living(folder: Path) -> list[str]:
    """Return the commands of processes at work in a folder."""
    commands = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if folder in [(process / "cwd").resolve(), *(process / "cwd").resolve().parents]:
                commands.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:  # it has ended by now
            continue
    return commands


def test_killed_again_and_again_it_ends_as_if_undisturbed(undisturbed, tmp_path):
    project, expected = Project.new(tmp_path / "project"), undisturbed.results()
    for when, moment in MOMENTS.items():
        kill(project, moment)
        results = project.results()
        wrong = [name for name, digest in results.items() if expected.get(name) != digest]
        assert (when, wrong, project.half_pages()) == (when, [], [])
    done = project.run(EVALUATED, cores=2)
    assert done.returncode == 0, done.stdout
    alike = {name: digest for name, digest in expected.items() if "image/" not in name}
    alike = {name: digest for name, digest in alike.items() if "-image" not in name}
    results = project.results()  # those of floors too, which wait for every run
    assert {name: expected[name] for name in results} == results
    assert alike.keys() <= results.keys()
    assert project.leavings() == []
    assert not any(path.is_file() for path in project.root.glob(".snakemake/incomplete/**/*"))
    assert living(project.root) == []


def test_half_a_record_of_snakemake_is_not_believed(undisturbed, tmp_path):
    """As a kill leaves it: the record cut off, the mark that the file is incomplete still there."""
    project = undisturbed.copy(tmp_path / "project")
    metrics = project.run_folder / "04_evaluation.metrics.json"
    written = [path for path in project.root.glob(".snakemake/metadata/**/*") if path.is_file()]
    record = max(written, key=lambda path: path.stat().st_mtime)  # 04 came last
    record.write_text(record.read_text()[:20])
    mark = project.root / ".snakemake/incomplete" / record.name
    mark.write_text("")
    metrics.write_text("half")
    done = project.run(EVALUATED, cores=2)
    assert done.returncode == 0, done.stdout
    assert "1 of 1 steps" in done.stdout
    assert project.results() == undisturbed.results()


def outdated(project: Project) -> list[str]:
    """Return the inputs whose passport has changed since an artefact's own passport noted it."""
    passports = [json.loads(path.read_text()) for path in project.study.rglob("*.passport.json")]
    return [
        f"{facts['id']}: {read['file']}"
        for facts in passports
        for read in facts["inputs"]
        if "passport_sha256" in read
        and read["passport_sha256"] != sha256(passport_path(project.root / read["file"]))
    ]


def test_pages_made_anew_alone_have_those_that_read_them_made_anew_later(undisturbed, tmp_path):
    """Though they leave equal files, by which alone Snakemake would see nothing to do."""
    project = undisturbed.copy(tmp_path / "project")
    assert outdated(project) == []
    notebook = project.root / "notebooks/02_preprocessing.ipynb"
    content = json.loads(notebook.read_text())
    content["cells"][0]["source"] += ["\n\nA further sentence."]
    notebook.write_text(json.dumps(content))
    done = project.run("book/tiny/02_preprocessing.ipynb", cores=2)
    assert done.returncode == 0, done.stdout
    assert outdated(project)
    done = project.run(EVALUATED, cores=2)
    assert done.returncode == 0, done.stdout
    assert outdated(project) == []
    assert project.results() == undisturbed.results()


@pytest.fixture
def disk():
    """A function that puts a small disk under a folder, with what the folder holds."""
    mounted = []

    def mount(folder: Path, size: str) -> None:
        aside = folder.rename(folder.with_name(f"{folder.name}_aside"))
        folder.mkdir()
        options = ["-t", "tmpfs", "-o", f"size={size}", "none", folder]
        if subprocess.run(["mount", *options]).returncode:
            pytest.skip("only root may mount a small disk")
        mounted.append(folder)
        subprocess.run(["cp", "-a", f"{aside}/.", folder], check=True)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", folder], check=True)


def leave_room(folder: Path, size: int) -> None:
    """Fill the disk of a folder, but for ``size`` bytes."""
    filling = folder / ".filling"
    filling.unlink(missing_ok=True)
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    with open(filling, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, free - size)


def test_a_full_disk_is_said_and_the_study_goes_on_with_room(undisturbed, disk, tmp_path):
    project = undisturbed.copy(tmp_path / "project")
    message = "the disk is full: results/tiny; free"
    project.forget("results/tiny/runs/proposed/patient", "results/tiny/trunk_cache")
    project.forget("results/tiny/figures/0[34]*-patient", "book/tiny/0[34]*-patient.ipynb")
    project.forget("results/tiny/failed", "results/tiny/logs")
    disk(project.study, "100m")
    for room in (0, 6 * 2**20):  # nothing can be written; training begins, and finds no room
        leave_room(project.study, room)
        done = project.run(EVALUATED, cores=2)
        assert done.returncode != 0
        assert message in done.stdout
        assert message in (project.root / "results/problem.txt").read_text()
        assert not (project.run_folder / "predictions.parquet").exists()
        assert {*project.results().items()} <= {*undisturbed.results().items()}
        assert project.half_pages() == []
    assert (project.run_folder / "seed0/fold0/run.json").exists()
    (project.study / ".filling").unlink()
    done = project.run(EVALUATED, cores=2)
    assert done.returncode == 0, done.stdout
    assert project.results() == undisturbed.results()


@pytest.mark.parametrize("folder", ["book/tiny", ".snakemake"])
def test_pages_and_snakemake_may_have_a_full_disk_of_their_own(undisturbed, disk, tmp_path, folder):
    project = undisturbed.copy(tmp_path / "project")
    full = project.root / folder
    project.forget(EVALUATED, ".snakemake")  # which would find room in what it has written before
    full.mkdir(exist_ok=True)
    disk(full, "10m")
    leave_room(full, 0)
    done = project.run(EVALUATED, cores=2)
    assert done.returncode != 0
    assert project.half_pages() == []
    last = subprocess.run(  # as make has it
        [sys.executable, "-m", "press.execution.execute"],
        cwd=project.root, env=project.options()["env"], capture_output=True, text=True,
    )  # fmt: skip
    assert "the disk is full: " in last.stdout
    assert f"{folder}; free some room" in last.stdout
    (full / ".filling").unlink()
    done = project.run(EVALUATED, cores=2)
    assert done.returncode == 0, done.stdout
    assert project.half_pages() == []
    assert project.results() == undisturbed.results()
