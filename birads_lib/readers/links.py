"""Walk a data folder with links in it: no way out of it unless a study says so, and no endless way.

A link that leads out could bring in any file that this user may read, such as another hospital's.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from birads_lib.errors import DatasetError

FOLLOW_LINKS = "follow_links"  # the key by which a study says that links may lead out


def refuse_leading_out(folder: Path) -> None:
    """Raise ``DatasetError`` naming every link below a folder whose target lies outside it.

    The folder itself may be a link.
    """
    top, problems = Path(os.path.realpath(folder)), []
    for home, folders, names in os.walk(folder):
        for path in (Path(home, name) for name in sorted(folders + names)):
            if path.is_symlink() and not _target(path).is_relative_to(top):
                below = path.relative_to(folder).as_posix()
                problems.append(f"{below!r} is a link that leads out of the folder")
    if problems:
        advice = (
            f"remove such links, or write '{FOLLOW_LINKS}: true' under 'dataset:' to follow them"
        )
        problems[-1] += f"; {advice}"
        raise DatasetError(problems, f"The data set {str(folder)!r}")


def files_in(
    folder: Path,
    follow_links: bool,
    onerror: Callable[[OSError], object] | None = None,
    skip: Callable[[str], bool] = lambda name: False,
) -> Iterator[Path]:
    """Yield every file below a folder; each folder is walked once, so that loops end.

    What a link within the folder leads to is met at its own place.

    Args:
        folder: the one to walk; it may be a link itself.
        follow_links: whether to follow links that lead out of it.
        onerror: called with the error of a folder that can't be read.
        skip: whether to leave out a file or folder, by its name.
    """
    top = Path(os.path.realpath(folder))
    visited = {top}

    def is_new(path: Path) -> bool:
        target = _target(path)
        is_inside = target.is_relative_to(top)
        if target in visited or (path.is_symlink() and (is_inside or not follow_links)):
            return False
        visited.add(target)
        return True

    for home, folders, names in os.walk(folder, onerror=onerror, followlinks=True):
        folders[:] = [n for n in sorted(folders) if not skip(n) and is_new(Path(home, n))]
        for path in (Path(home, name) for name in names if not skip(name)):
            if follow_links or not path.is_symlink() or _target(path).is_relative_to(top):
                yield path


def _target(path: Path) -> Path:
    return Path(os.path.realpath(path))
