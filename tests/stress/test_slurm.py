"""A study on a cluster: Snakemake's own plugin and a real Slurm of one node, started here."""

import os
import re
import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from helpers.project import ROOT
from helpers.small_study import EVALUATED, Project

PROGRAMS = ("munged", "slurmctld", "slurmd", "srun", "sbatch", "squeue", "sinfo", "scontrol")
# The node claims more than it may have: nothing here is bound to a core or held to a size.
CONFIGURATION = """
ClusterName=test
SlurmctldHost=localhost
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmctldPort={port1}
SlurmdPort={port2}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
GresTypes=gpu
MinJobAge=86400
NodeName=node NodeAddr=127.0.0.1 NodeHostname={host} CPUs=16 RealMemory=64000 Gres=gpu:1
PartitionName=all Nodes=node Default=YES State=UP
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cluster:
    """Slurm's daemons, on the loopback device, with all their files in one folder."""

    def __init__(self, folder: Path):
        self.folder, self.daemons = folder, []
        (folder / "state").mkdir()
        (folder / "munge.key").write_bytes(secrets.token_bytes(128))
        (folder / "munge.key").chmod(0o400)
        facts = {"port1": free_port(), "port2": free_port(), "host": socket.gethostname()}
        facts["host"] = facts["host"].split(".")[0]
        (folder / "slurm.conf").write_text(CONFIGURATION.format(folder=folder, **facts))
        (folder / "gres.conf").write_text("NodeName=node Name=gpu File=/dev/null\n")
        # The plugin hides SLURM_CONF from the srun in a job, as a cluster has its file in /etc.
        srun = folder / "bin/srun"
        srun.parent.mkdir()
        conf = folder / "slurm.conf"
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={conf} exec {shutil.which("srun")} "$@"\n')
        srun.chmod(0o755)
        self.environment = {"SLURM_CONF": str(conf), "PATH": f"{srun.parent}:{os.environ['PATH']}"}

    def start(self) -> None:
        files = {"key-file": "munge.key", "socket": "munge.socket", "pid-file": "munge.pid"}
        files |= {"log-file": "munge.log", "seed-file": "munge.seed"}
        munge = [f"--{option}={self.folder / file}" for option, file in files.items()]
        self._launch("munged", "--foreground", "--force", *munge)
        self._wait(lambda: (self.folder / "munge.socket").exists())
        self._launch("slurmctld", "-D")
        self._launch("slurmd", "-D", "-N", "node")
        self._wait(lambda: self.ask("sinfo", "-h", "-o", "%T").strip() == "idle")

    def _launch(self, *command: str) -> None:
        with open(self.folder / f"{command[0]}.txt", "w") as output:
            environment = os.environ | self.environment
            daemon = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        self.daemons.append(daemon)

    def _wait(self, is_ready) -> None:
        deadline = time.monotonic() + 60
        while not is_ready():
            ended = [daemon.args[0] for daemon in self.daemons if daemon.poll() is not None]
            if ended or time.monotonic() > deadline:
                outputs = [path.read_text()[-1000:] for path in self.folder.glob("*.txt")]
                raise RuntimeError("\n".join([f"Slurm doesn't start; ended: {ended}", *outputs]))
            time.sleep(0.2)

    def ask(self, *command: str) -> str:
        environment = os.environ | self.environment
        return subprocess.run(command, env=environment, capture_output=True, text=True).stdout

    def jobs(self) -> dict[str, dict[str, str]]:
        """Return what Slurm knows of its jobs, by their comment: rule and wildcards."""
        lines = self.ask("scontrol", "-o", "show", "job").splitlines()
        jobs = [dict(re.findall(r"([\w/:]+)=(\S*)", line)) for line in lines]
        return {job["Comment"]: job for job in jobs}

    def stop(self) -> None:
        if len(self.daemons) == 3:
            self.ask("scancel", "--user", "root")
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(timeout=20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


@pytest.fixture
def cluster(tmp_path):
    give_up = pytest.fail if os.environ.get("SLURM_REQUIRED") else pytest.skip
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        give_up(f"needs Slurm, such as Debian's slurm-wlm; missing: {', '.join(missing)}")
    if os.geteuid():
        give_up("only root may start Slurm's daemons")
    (tmp_path / "slurm").mkdir()
    cluster = Cluster(tmp_path / "slurm")
    try:
        cluster.start()
    except RuntimeError as error:
        cluster.stop()
        give_up(str(error))
    yield cluster
    cluster.stop()


def test_a_study_on_slurm_gives_the_same_and_only_training_gets_a_gpu(cluster, tmp_path, request):
    project = Project.new(tmp_path / "project")
    # Another number of threads adds in another order: as many as the undisturbed study has.
    options = {"set-threads": "training_03=1", "environment": cluster.environment}
    done = project.run(EVALUATED, profile="slurm", **options)
    logs = "\n".join(
        path.read_text() for path in project.root.glob(".snakemake/slurm_logs/**/*.log")
    )
    assert done.returncode == 0, done.stdout + logs
    jobs = cluster.jobs()
    trainings = {
        f"rule_training_03_wildcards_proposed_{protocol}" for protocol in ("patient", "image")
    }
    others = {"rule_data_exploration_01", "rule_preprocessing_02", "rule_training_floors_03"}
    evaluation = "rule_evaluation_04_wildcards_proposed_patient"
    assert {*jobs} == {*others, *trainings, evaluation}  # floors are of both trainings
    assert {job["JobState"] for job in jobs.values()} == {"COMPLETED"}
    assert {job["BatchHost"] for job in jobs.values()} == {"node"}
    asked = {name for name, job in jobs.items() if "gpu" in job.get("TresPerJob", "")}
    assert asked == trainings
    results, expected = project.results(), request.getfixturevalue("undisturbed").results()
    assert "results/tiny/runs/proposed/patient/predictions.parquet" in results
    assert {*results.items()} <= {*expected.items()}


@pytest.mark.parametrize(("profile", "is_installed"), [("slurm", True), ("local", False)])
def test_make_installs_the_plugin_where_it_is_used(profile, is_installed):
    command = ["make", "--dry-run", "--always-make", "book", f"PROFILE={profile}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ("--extra slurm" in done.stdout) == is_installed
    assert f"--profile profiles/{profile}" in done.stdout
