"""Many files side by side: in order, and in no more memory than few."""

import pickle
import time
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest

from birads_lib import images, parallel
from birads_lib.cases import Dataset, no_findings
from birads_lib.files import sha256
from birads_lib.images import looks, prepare
from birads_lib.predict import by_every_model, cohort

FILES = [Path(f"{number}.dcm") for number in range(400)]
POOLS = pytest.mark.parametrize("many_bytes", [1, 0], ids=["threads", "processes"])


class Counted:
    """A number that counts how often it is sent to another process."""

    def __init__(self, number: int):
        self.number, self.sent = number, 0

    def __reduce__(self):
        self.sent += 1
        return int, (self.number,)

    def __str__(self):
        return str(self.number)


@POOLS
def test_results_are_in_order_and_each_fact_goes_once_to_a_process(monkeypatch, many_bytes):
    monkeypatch.setattr(parallel, "MANY_BYTES", many_bytes)
    facts = [Counted(number) for number in range(150)]
    made = parallel.in_parallel("{0.name} {1!s}".format, FILES[:150], 2, "reading", facts)
    assert list(made) == [f"{number}.dcm {number}" for number in range(150)]
    assert {fact.sent for fact in facts} == {int(many_bytes == 0)}


def test_no_more_files_are_worked_on_than_are_soon_asked_for():
    started = []
    made = parallel.in_parallel(lambda file: started.append(file) or file, FILES, 4, "reading")
    assert next(made) == FILES[0]
    time.sleep(0.2)  # for the threads to do all that they were given
    assert len(started) <= parallel.AHEAD + 1
    assert list(made) == FILES[1:]


def folder_of(root: Path, count: int) -> Dataset:
    cv2.imwrite(str(root / "0.png"), np.arange(200, dtype=np.uint8).reshape(20, 10))
    for number in range(1, count):
        (root / f"{number}.png").write_bytes((root / "0.png").read_bytes())
    table = pd.DataFrame({"path": [f"{number}.png" for number in range(count)]})
    table = table.assign(image_id=table["path"], size_bytes=1, sha256=sha256(root / "0.png"))
    return Dataset(root, table, no_findings())


RUN = SimpleNamespace(
    preprocessing={"image_size": 8}, members=[SimpleNamespace(raw=lambda batch: batch[:, 0, 0])]
)


@pytest.mark.parametrize(
    ("module", "function"),
    [
        (cohort, lambda data: by_every_model(RUN, data)),
        (looks, looks.looks),
        (prepare, lambda data: images.preprocess_all(
            data, data.root / "x.npy", data.root / "x.parquet", image_size=8
        )),
    ],
    ids=["by_every_model", "looks", "preprocess_all"],
)  # fmt: skip
def test_what_goes_to_a_process_with_each_file_does_not_grow_with_their_number(
    tmp_path, monkeypatch, module, function
):
    def spy(called, *given):
        sizes.append(len(pickle.dumps(called)))
        return parallel.in_parallel(called, *given)

    sizes = []
    monkeypatch.setattr(module, "in_parallel", spy)
    for count in (2, 40):
        (tmp_path / str(count)).mkdir()
        function(folder_of(tmp_path / str(count), count))
    assert sizes[0] == sizes[1]
