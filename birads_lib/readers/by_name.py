"""Use a reader by its name, as a study does."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

from birads_lib.cases import Dataset
from birads_lib.checked import Checked
from birads_lib.errors import DatasetError, UserError, did_you_mean
from birads_lib.readers import READERS
from birads_lib.readers.links import refuse_leading_out
from birads_lib.task import BIRADS, Task

ONE_IMAGE = "one_image_per_patient"  # the key by which a study says so
FEW = 10  # images: of no more, each may well be of another patient


def read(
    reader: str,
    folder: str | Path,
    *,
    pixels: bool = True,
    task: Task = BIRADS,
    one_image_per_patient: bool = False,
    follow_links: bool = False,
    **options: object,
) -> Dataset:
    """Read ``folder`` with the named reader.

    Args:
        reader: its name, as in ``READERS``.
        folder: that of the data set.
        pixels: False reads headers alone, for a look at what there is; hashes are ``UNREAD`` then.
        task: whose labels are needed; images that a published set has no such label of are left
            out, with a note.
        one_image_per_patient: that this is so. Without it a data set where every image is of
            another patient is refused, as that is what a wrong pattern for patients makes of any.
        follow_links: whether links in the folder may lead out of it; else they are refused.
        options: the reader's own.
    """
    if not follow_links:
        refuse_leading_out(Path(folder).expanduser())
    dataset = _module(reader).read(folder, pixels=pixels, task=task, **options)
    dataset = replace(dataset, code=tuple(READERS[reader].code()))
    if one_image_per_patient and dataset.cases["patient_id"].isna().all():
        cases = dataset.cases.assign(patient_id=dataset.cases["image_id"])
        dataset = replace(dataset, cases=cases)
    _check_patients(dataset, reader, one_image_per_patient)
    return dataset


def options_of(reader: str) -> type[Checked]:
    """Return the model of what the named reader takes beside the folder."""
    return _module(reader).Options


def _check_patients(dataset: Dataset, reader: str, one_image_per_patient: bool) -> None:
    """Raise DatasetError where images per patient aren't what a study may have, or says."""
    patients = dataset.cases.dropna(subset="patient_id").groupby("patient_id").size()
    if one_image_per_patient and patients.max() > 1:
        raise DatasetError(
            f"{ONE_IMAGE} is true, but patient {patients.idxmax()!r} has {patients.max()} images; "
            "remove the key",
            f"The data set {str(dataset.root)!r}",
        )
    if len(patients) > FEW and patients.max() == 1 and not one_image_per_patient:
        first = dataset.cases.dropna(subset="patient_id").iloc[0]
        source = READERS[reader].patients_from or "the names or the table"
        raise DatasetError(
            f"each of {len(patients)} images is of a patient of its own, such as "
            f"{first['path']!r} of {first['patient_id']!r}. Images of one patient would get into "
            f"training and test unseen: correct {source}, so that it finds the patient alone; or, "
            f"where no patient has a second image, write '{ONE_IMAGE}: true' under 'dataset'",
            f"The data set {str(dataset.root)!r}",
        )


def _module(reader: str) -> ModuleType:
    if reader not in READERS:
        raise UserError(f"unknown reader {reader!r}: {did_you_mean(reader, READERS)}")
    return import_module(READERS[reader].module or f"birads_lib.readers.{reader}")
