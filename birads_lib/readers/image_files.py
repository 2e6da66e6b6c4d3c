"""The image files below a folder, each decoded once, and all that is wrong with them."""

import os
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from birads_lib.cases import UNREAD, Note
from birads_lib.checked import Checked
from birads_lib.errors import DatasetError, did_you_mean
from birads_lib.files import sha256_of
from birads_lib.images import looks
from birads_lib.images.decode import decode, has_dicom_head, shape_by_header
from birads_lib.images.dicom_file import HEAD
from birads_lib.images.dicom_frames import FRAMES, frame_named
from birads_lib.images.dicom_header import Header, read_header
from birads_lib.parallel import in_parallel
from birads_lib.readers.links import files_in
from birads_lib.texts import unshowable

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".pgm", ".tif", ".tiff", ".dcm", ".dicom")
# What file managers and network storage leave, in lower case; names with a leading dot too.
LITTER = (
    "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "@tmp", "#recycle", "#snapshot",
    "$recycle.bin", "system volume information", "lost+found", "__macosx",
)  # fmt: skip
# Of a file with another suffix, an image is expected.
DOCUMENTS = (
    ".txt", ".md", ".rtf", ".pdf", ".doc", ".docx", ".odt", ".csv", ".tsv", ".xls", ".xlsx",
    ".xlsm", ".ods", ".parquet", ".json", ".xml", ".yaml", ".yml", ".html", ".htm", ".log", ".ini",
    ".md5", ".sha256",
)  # fmt: skip
NO_IMAGE = "left out, as they are no images"
_UNREADABLE = "cannot be read ({}); allow reading it"
NO_HEADER = Header()  # of a picture


@dataclass(frozen=True)
class Inspected:
    """The content of a file, or ``problem``, a text on why it can't be used.

    ``pixels`` is a digest of the decoded image, equal for equal pictures whatever the format; ""
    where only the header was read. ``header`` is empty for a picture. ``look`` is of
    ``images.looks``.
    """

    size_bytes: int = 0
    sha256: str = UNREAD
    height: int = 0
    width: int = 0
    pixels: str = ""
    header: Header = NO_HEADER
    problem: str = ""
    frame: str = ""
    look: dict[str, object] | None = None

    @property
    def of_file(self) -> dict[str, object]:
        """The columns of cases that describe the file: size, hash, and the frame that counts."""
        return {
            "size_bytes": self.size_bytes, "sha256": self.sha256,
            "frame": self.frame if self.header.frames > 1 else None,
        }  # fmt: skip


class FileOptions(Checked):
    """Options that all readers of image files share."""

    workers: int = Field(2, ge=1)  # images decoded side by side
    frame: Annotated[int | str, AfterValidator(frame_named), FRAMES] = ""  # of files of several


class Problems:
    """The problems of the data set in ``root``, collected so that one error lists them all."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lines: list[str] = []

    def add(self, path: Path, problem: str) -> None:
        """Add a file's problem, and what to do about it."""
        self.lines.append(f"{self.name(path)} {problem}")

    def name(self, path: Path) -> str:
        """Return the path below ``root`` in quotes, bytes that are no UTF-8 escaped."""
        below = path.relative_to(self.root) if path.is_relative_to(self.root) else path
        return repr(below.as_posix())

    def raise_any(self) -> None:
        """Raise ``DatasetError`` with all of them, if there are any."""
        if self.lines:
            raise DatasetError(self.lines, f"The data set {str(self.root)!r}")


class Notes:
    """A reader's notes on the data set in ``root``, collected by sentence."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._names: dict[str, list[str]] = defaultdict(list)

    def add(self, text: str, path: Path | None = None) -> None:
        """Note a sentence, and a file that it is about."""
        names = self._names[text]
        if path is not None:
            names.append(path.relative_to(self.root).as_posix())

    def all(self) -> tuple[Note, ...]:
        """Return them; where files are named, with how many they are."""
        return tuple(
            Note(f"{text} ({len(names)} files)" if names else text, tuple(names))
            for text, names in self._names.items()
        )


def existing(folder: str | Path) -> Path:
    """Return ``folder`` as a path, or raise ``DatasetError`` where there is none."""
    folder = Path(folder).expanduser()
    try:
        os.listdir(folder)
    except FileNotFoundError:
        reason = "does not exist"
    except NotADirectoryError:
        reason = "is a file, not a folder"
    except OSError as error:
        raise DatasetError(f"{str(folder)!r} {_UNREADABLE.format(error.strerror)}") from None
    else:
        if os.access(folder, os.R_OK | os.X_OK):
            return folder
        raise DatasetError(f"{str(folder)!r} {_UNREADABLE.format('its files may not be opened')}")
    raise DatasetError(f"{str(folder)!r} {reason}; give the folder of the data set")


def inside(root: Path, name: str) -> Path:
    """Return the path of a file below ``root``; ValueError where a name leads elsewhere."""
    if ".." in Path(name).parts or Path(name).is_absolute():
        raise ValueError(f"{name!r} has to lie in the folder, as all that is read does")
    if not (root / name).is_file():
        suggestion = did_you_mean(name, (path.name for path in root.iterdir() if path.is_file()))
        raise ValueError(f"there is no table {name!r}; {suggestion}")
    return root / name


def fingerprint(folder: Path, follow_links: bool = False) -> str:
    """Return a hash over name, size and time of each file, which is quick: none is read.

    Names count from the folder, so that it may be moved. Links count as ``links.files_in`` says.
    """
    files = sorted(p for p in files_in(folder, follow_links) if p.is_file())
    stats_by_name = {os.fsencode(path.relative_to(folder)): path.stat() for path in files}
    facts = [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats_by_name.items()]
    return sha256_of(repr(facts).encode())


def is_litter(name: str) -> bool:
    """Return whether a name is clutter: .DS_Store, Thumbs.db, @eaDir, an open spreadsheet's ~$."""
    return name.startswith((".", "~$")) or name.lower() in LITTER


def files_below(folder: Path, problems: Problems) -> list[Path]:
    """Return every file below ``folder``, sorted, but for litter and names that can't be used."""

    def refuse(error: OSError) -> None:
        problems.add(Path(error.filename), _UNREADABLE.format(error.strerror))

    files, unusable = [], []
    # What may not be followed, ``by_name.read`` has refused.
    for path in files_in(folder, follow_links=True, onerror=refuse, skip=is_litter):
        name = path.relative_to(folder).as_posix()
        is_utf8 = name == name.encode(errors="replace").decode()  # a table holds nothing else
        if sign := unshowable(name) if is_utf8 else "":
            problems.add(path, f"has {sign} in its name, which can't be shown; rename it")
        else:
            (files if is_utf8 else unusable).append(path)
    for path in sorted(unusable):
        problems.add(path, "has a name that isn't UTF-8; rename it")
    return sorted(files)


def images_below(
    folder: Path, problems: Problems, notes: Notes, used: Collection[Path] = ()
) -> list[Path]:
    """Return ``files_below``, but for texts, tables and documents, which are noted as left out.

    Those ``used`` are no images, either, and not left out.
    """
    images = []
    for path in (path for path in files_below(folder, problems) if path not in used):
        if path.suffix.lower() in DOCUMENTS and not _is_image(path):
            notes.add(NO_IMAGE, path)
        else:
            images.append(path)
    return images


def _is_image(path: Path) -> bool:
    """Return whether a file begins as an image does, whatever its name."""
    try:
        shape_by_header(path, "middle")
    except (OSError, ValueError):
        return False
    return True


def inspect(path: Path, frame: str = "") -> Inspected:
    """Read a file once: hash its bytes and decode its image."""
    try:
        data = path.read_bytes()
        image = decode(data, frame)
        header = read_header(data) if has_dicom_head(data) else Header()
    except OSError as error:
        return Inspected(problem=f"cannot be read ({error.strerror})")
    except ValueError as error:
        return Inspected(problem=str(error))
    pixels = sha256_of(f"{image.shape}{image.dtype}".encode() + image.tobytes())
    look = looks.look_at(path, data, image)
    return Inspected(len(data), sha256_of(data), *image.shape, pixels, header, "", frame, look)


def inspect_header(path: Path, frame: str = "") -> Inspected:
    """Read no more of a file than its header."""
    try:
        height, width = shape_by_header(path, frame)
        with open(path, "rb") as file:
            header = read_header(path) if has_dicom_head(file.read(HEAD)) else Header()
        size = path.stat().st_size
        return Inspected(size, height=height, width=width, header=header, frame=frame)
    except OSError as error:
        return Inspected(problem=f"cannot be read ({error.strerror})")
    except ValueError as error:
        return Inspected(problem=str(error))


def survey(
    files: list[Path], problems: Problems, notes: Notes, chosen: FileOptions, *, pixels: bool = True
) -> dict[Path, Inspected]:
    """Decode and hash every file; return the good ones, note what is wrong with the others, or odd.

    Without ``pixels`` only headers are read, which takes a hundredth of the time.
    """
    good: dict[Path, Inspected] = {}
    names_by_pixels: dict[str, list[str]] = defaultdict(list)
    function, action = (inspect, "reading") if pixels else (inspect_header, "reading headers")
    read = in_parallel(partial(function, frame=chosen.frame), files, chosen.workers, action)
    for path, facts in zip(files, read, strict=True):
        if facts.problem:
            problems.add(path, facts.problem)
        else:
            good[path] = facts
            if facts.look:
                looks.keep(path, facts.sha256, facts.of_file["frame"] or "", facts.look)
            names_by_pixels[facts.pixels or str(path)].append(problems.name(path))
            for text in facts.header.oddities:
                notes.add(text, path)
    for names in names_by_pixels.values():
        if len(names) > 1:
            problems.lines.append(f"{' and '.join(names)} are the same image; keep one of them")
    return good
