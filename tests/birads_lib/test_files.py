"""Files appear whole or not at all; what killed processes leave is swept up."""

import errno
import os
import socket
import subprocess
import sys

import numpy as np
import pytest

from birads_lib.files import lock, new_array, one_at_a_time, written_whole


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), written_whole(path) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_the_leavings_of_a_killed_writer_go_with_the_next_writing(tmp_path):
    path = tmp_path / "a.txt"
    code = (
        "import os, signal; from birads_lib.files import written_whole\n"
        f"with written_whole({str(path)!r}) as half:\n"
        "    half.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == -9
    assert not path.exists()
    assert len(list(tmp_path.iterdir())) == 1
    living = tmp_path / f".{socket.gethostname()}.{os.getppid()}.a.txt"
    living.write_text("half, and its writer is at work")
    with written_whole(path) as temporary:
        temporary.write_text("whole")
    assert sorted(tmp_path.iterdir()) == [living, path]
    assert path.read_text() == "whole"


def test_a_new_array_is_writable_and_its_room_is_taken(tmp_path):
    array = new_array(tmp_path / "a.npy", (3, 100, 1000), "float16")
    assert (tmp_path / "a.npy").stat().st_blocks * 512 >= array.nbytes
    array[:] = 7
    array.flush()
    assert (np.load(tmp_path / "a.npy") == 7).all()


@pytest.fixture
def small_disk(tmp_path):
    """A disk of one MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk]).returncode:
        pytest.skip("only root may mount a small disk")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)  # lazily: a map may be open


def test_an_array_larger_than_the_disk_is_an_error_and_no_crash(small_disk):
    with pytest.raises(OSError, match="No space left") as caught:
        new_array(small_disk / "a.npy", (2**21,), "uint8")
    assert caught.value.errno == errno.ENOSPC


@pytest.fixture
def held(tmp_path):
    """A file that another process has locked, and that process."""
    path = tmp_path / "a.lock"
    code = (
        "import sys, time; from birads_lib.files import lock\n"
        f"file = open({str(path)!r}, 'a'); lock(file)\n"
        "print('locked', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"locked\n"
        yield path, holder


def test_a_lock_that_another_process_holds_is_refused_or_waited_for(held, capsys):
    path, holder = held
    with open(path, "a") as file, pytest.raises(BlockingIOError):
        lock(file)
    holder.kill()  # which gives it back, however the process ends
    with one_at_a_time(path, "waiting for the other"):
        pass
    assert capsys.readouterr().err in ("", "waiting for the other\n")
