"""Two tables describe every data set: a row per image (cases) and a row per finding."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pyarrow

from birads_lib import tables, texts
from birads_lib.errors import DatasetError
from birads_lib.files import sha256
from birads_lib.protocol import PARTS
from birads_lib.task import BIRADS, DENSITY, MALIGNANCY, Task

UNREAD = 32 * "0f"  # in place of a file's hash, where only its header was read
_TEXT = {"dtype": "str", "coerce": True}
_SIDES = ("x0", "y0", "x1", "y1")
_SHA256 = pa.Check.str_matches(r"^[0-9a-f]{64}$")

CASES = pa.DataFrameSchema(
    {
        "image_id": pa.Column(**_TEXT, unique=True),
        "patient_id": pa.Column(**_TEXT, nullable=True),
        "laterality": pa.Column(**_TEXT, nullable=True, checks=pa.Check.isin(["L", "R"])),
        "view": pa.Column(**_TEXT, nullable=True),
        "birads": pa.Column(
            "Int64", coerce=True, nullable=True, checks=pa.Check.isin(BIRADS.numbers)
        ),
        "birads_original": pa.Column(**_TEXT, nullable=True),
        "density": pa.Column(**_TEXT, nullable=True, checks=pa.Check.isin(DENSITY.labels)),
        "malignancy": pa.Column(**_TEXT, nullable=True, checks=pa.Check.isin(MALIGNANCY.labels)),
        "label": pa.Column(**_TEXT, nullable=True),
        "split": pa.Column(**_TEXT, nullable=True, checks=pa.Check.isin(PARTS)),
        "machine": pa.Column(**_TEXT, nullable=True),
        "spacing_mm": pa.Column("float64", coerce=True, nullable=True, checks=pa.Check.gt(0)),
        "modality": pa.Column(**_TEXT, nullable=True, checks=pa.Check.isin(["DM", "s2D", "DBT"])),
        "path": pa.Column(**_TEXT, unique=True),
        "frame": pa.Column(**_TEXT, nullable=True),
        "size_bytes": pa.Column("int64", coerce=True, checks=pa.Check.gt(0)),
        "sha256": pa.Column(**_TEXT, checks=_SHA256),
    },
    strict=True,
)

FINDINGS = pa.DataFrameSchema(
    {
        "image_id": pa.Column(**_TEXT),
        "kind": pa.Column(**_TEXT),
        "descriptors": pa.Column(**_TEXT),
        **{side: pa.Column("float64", coerce=True, nullable=True) for side in _SIDES},
        "contour": pa.Column("object", coerce=True, nullable=True),
        "mask_path": pa.Column(**_TEXT, nullable=True),
        "mask_sha256": pa.Column(**_TEXT, nullable=True, checks=_SHA256),
    },
    checks=pa.Check(
        lambda table: table["mask_path"].isna() == table["mask_sha256"].isna(),
        error="a mask has a path and its hash",
    ),
    strict=True,
)


@dataclass(frozen=True)
class Note:
    """A reader's note on what it guessed or left out: no error, but worth telling the user."""

    text: str  # a sentence that names no file and no patient
    names: tuple[str, ...] = ()  # of the files or patients that it is about

    def shown(self, with_names: bool, most: int = 5) -> str:
        """Return the sentence, with at most so many of the names, where they may be shown."""
        if not with_names or not self.names:
            return self.text
        return f"{self.text}: {', '.join(self.names[:most])}{', ...' * (len(self.names) > most)}"


@dataclass(frozen=True)
class Dataset:
    """Images in a folder, what is known of each, and where their findings are.

    Columns of the two tables that may be empty may also be left out.

    Attributes:
        root: the folder that ``cases.path`` and ``findings.mask_path`` are relative to.
        cases: one row per image, see ``CASES``; ``birads`` 1..5, ``birads_original`` as given;
            ``label`` of a study's own label set; ``split`` the part that the data's makers gave it;
            ``frame`` which of its file's several frames it is (``images.dicom_frames``).
        findings: one row per finding, see ``FINDINGS``; coordinates in pixels of the image file.
        notes: what the reader wants known.
        annotations: the files other than images and masks that a reader made the tables from.
        code: the source files of a reader that is no part of this library.
    """

    root: Path
    cases: pd.DataFrame
    findings: pd.DataFrame
    notes: tuple[Note, ...] = ()
    annotations: tuple[Path, ...] = ()
    code: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root))
        cases = _checked(CASES, self.cases, "The table of images")
        findings = _checked(FINDINGS, self.findings, "The findings")
        object.__setattr__(self, "cases", cases)
        object.__setattr__(self, "findings", findings)
        orphans = sorted(set(findings["image_id"]) - set(cases["image_id"]))
        if orphans:
            raise DatasetError(f"no image has the image_id {orphans[0]!r}", "The findings")

    @classmethod
    def read(cls, root: str | Path, folder: Path) -> "Dataset":
        """Return the data set whose images lie in ``root`` and whose tables in ``folder``."""
        findings = _read(FINDINGS, folder / "findings.parquet")
        return cls(root, read_cases(folder / "cases.parquet"), findings)

    def write(self, folder: Path) -> None:
        """Write both tables into a folder: ``cases.parquet`` and ``findings.parquet``."""
        if (self.cases["sha256"] == UNREAD).any():
            raise ValueError("these images were not read: read them with their pixels")
        text, number = pyarrow.string(), pyarrow.float64()
        kinds = dict.fromkeys(FINDINGS.columns, text) | dict.fromkeys(_SIDES, number)
        kinds["contour"] = pyarrow.list_(number)
        contours = map(contour_points, self.findings["contour"])
        values = [points.ravel().tolist() or None for points in contours]
        findings = self.findings.assign(contour=pd.Series(values, dtype=object))
        tables.write(self.cases, folder / "cases.parquet")
        tables.write(findings, folder / "findings.parquet", pyarrow.schema(list(kinds.items())))

    def files(self) -> list[Path]:
        """Return the path of each image, in the order of ``cases``."""
        return [self.root / path for path in self.cases["path"]]

    def listed(self) -> dict[Path, tuple[str, str]]:
        """Return the SHA-256 of each image's file and its ``frame``, "" of none, by the path."""
        facts = zip(self.cases["sha256"], self.cases["frame"].fillna(""), strict=True)
        return dict(zip(self.files(), facts, strict=True))

    def hashes(self) -> pd.DataFrame:
        """Return kind, sha256 and image_id of all files that the data set follows from.

        The kind is image, mask, annotation or code; rows are in the order of kinds and hashes.
        """
        masks = self.findings.dropna(subset="mask_sha256").rename(columns={"mask_sha256": "sha256"})
        parts = {
            "image": self.cases[["sha256", "image_id"]],
            "mask": masks[["sha256", "image_id"]],
            "annotation": pd.DataFrame({"sha256": map(sha256, self.annotations)}),
            "code": pd.DataFrame({"sha256": map(sha256, self.code)}),
        }
        table = pd.concat([part.assign(kind=kind) for kind, part in parts.items()])
        order = ["kind", "sha256", "image_id"]
        return table[order].sort_values(order, ignore_index=True)


def read_cases(path: str | Path) -> pd.DataFrame:
    """Read a table of images and hold it to the schema."""
    return _read(CASES, path)


def _read(schema: pa.DataFrameSchema, path: str | Path) -> pd.DataFrame:
    return _checked(schema, tables.read(path, "01_data_exploration"), str(path))


def _checked(schema: pa.DataFrameSchema, table: pd.DataFrame, what: str) -> pd.DataFrame:
    optional = [name for name, column in schema.columns.items() if column.nullable]
    empty = {name: None for name in optional if name not in table}
    return tables.checked(schema, table.assign(**empty), what)


def same_images(a: pd.DataFrame, b: pd.DataFrame, task: Task = BIRADS) -> bool:
    """Return whether two tables of cases list the same files, patients and labels, in any order.

    The files' hashes decide, as two cohorts may use one name for different images.
    """
    facts = ["image_id", "patient_id", task.name, "sha256"]
    sorted_facts = [table[facts].sort_values("image_id", ignore_index=True) for table in (a, b)]
    return sorted_facts[0].equals(sorted_facts[1])


def label_numbers(cases: pd.DataFrame, task: Task = BIRADS) -> np.ndarray:
    """Return the number (n,), 1..K, of each image's label in the task's column.

    Raises:
        DatasetError: there is no such column, or an image has no label of the task.
    """
    if task.name not in cases:
        raise DatasetError(f"has no column {task.name!r}, the labels of the task", "cases.parquet")
    number_of = {label: number for number, label in enumerate(task.labels, start=1)}
    numbers = cases[task.name].astype(str).map(number_of)
    if numbers.isna().any():
        unlabelled = cases.loc[numbers.isna(), "image_id"]
        raise DatasetError(
            f"{len(unlabelled)} images have no {task.name} out of {', '.join(task.labels)}, such "
            f"as {unlabelled.iloc[0]}",
            "cases.parquet",
        )
    return numbers.to_numpy(int)


def by_label(cases: pd.DataFrame, task: Task = BIRADS) -> pd.DataFrame:
    """Return the number of images and of patients of each label, 1..K; 0 for one that none has."""
    numbers = label_numbers(cases, task)
    counts = cases.groupby(numbers).agg(
        images=("image_id", "size"), patients=("patient_id", "nunique")
    )
    return counts.reindex(task.numbers, fill_value=0)


def absent(cases: pd.DataFrame, task: Task = BIRADS) -> str:
    """Return "no image of BI-RADS 2 and BI-RADS 4" of labels that none has; "" if all are there."""
    counts = by_label(cases, task)["images"]
    names = [task.named(number) for number in task.numbers if not counts[number]]
    return f"no image of {texts.listing(names)}" if names else ""


def summary(cases: pd.DataFrame, task: Task = BIRADS) -> dict[str, str]:
    """Return a summary of a table of images, short texts by name: counts, rarest label ..."""
    counts, missing = by_label(cases, task), absent(cases, task)
    images, patients = counts["images"], counts["patients"]
    rarest = images[images > 0].idxmin()
    with_density = int(cases["density"].notna().sum())
    of_rarest = f"{images[rarest]} images"
    if patients.any():  # known
        of_rarest += f" of {patients[rarest]} patients"
    return {
        "images": str(len(cases)),
        "patients": str(cases["patient_id"].nunique() or "unknown numbers"),
        "images_by_grade": texts.listing(images) + (f" ({missing})" if missing else ""),
        "patients_by_grade": texts.listing(patients),
        "images_per_patient": texts.span(cases["patient_id"].value_counts()),
        "rarest": f"{task.named(rarest)}, with {of_rarest}",
        "most_frequent": task.named(images.idxmax()),
        "always_accuracy": f"{images.max() / len(cases):.2f}",
        "density_known": f"{with_density} images" if with_density else "none of the images",
    }


_PREFIX = r"(?:bi-?rads|rads|br|b)?(?:category|cat|class|grade|score)?"
_MEANING = (
    r"(?:normal|negative|benign|probablybenign|suspicious|suspiciousabnormality|malignant"
    r"|highlysuggestive(?:ofmalignancy)?|known(?:biopsyproven)?malignancy|provenmalignancy)?"
)
_BIRADS = re.compile(rf"{_PREFIX}0*(?:([1-356])|(4[abc]?)|(vi|iv|v|i{{1,3}})){_MEANING}")
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6"}


def parse_birads(text: object) -> tuple[int, str]:
    """Return (grade, category) of a BI-RADS category in any usual spelling.

    The grade is 1..5: 4a, 4b and 4c merge into 4, and 6 (known malignancy) maps to 5, as in
    the paper. The category keeps what was given: ``parse_birads("BI-RADS 4A") == (4, "4a")``.

    Raises:
        ValueError: with what is wrong and what would do.
    """
    normalised = re.sub(r"\.0+$", "", str(text).strip().lower())
    normalised = re.sub(r"[\s_\-.:()]+", "", normalised)
    match = _BIRADS.fullmatch(normalised)
    if match:
        category = match[1] or match[2] or _ROMAN[match[3]]
        return min(int(category[0]), 5), category
    reason = "is unknown"
    if re.fullmatch(_PREFIX + "0", normalised):
        reason = "is an incomplete assessment, not a grade"
    if normalised.startswith("acr"):
        reason = "may be a breast density by ACR (a study of these has 'task: density')"
    raise ValueError(f"the BI-RADS category {text!r} {reason}; use 1, 2, 3, 4, 4a, 4b, 4c, 5 or 6")


def no_findings() -> pd.DataFrame:
    """Return an empty table of findings."""
    return pd.DataFrame({name: [] for name in FINDINGS.columns})


def contour_points(contour: object) -> np.ndarray:
    """Return the (n, 2) points x, y of a stored contour; (0, 2) where there is none."""
    values = [] if contour is None or isinstance(contour, float) else contour
    return np.asarray(values, dtype=float).reshape(-1, 2)
