"""Files below a folder, found as tables name them."""

import unicodedata
from collections import defaultdict
from pathlib import Path

from birads_lib.readers.image_files import IMAGE_SUFFIXES, Notes, Problems, files_below


def _normal(name: str) -> str:
    """Return a name in one Unicode form: macOS writes ü as u and a mark, others as one letter."""
    return unicodedata.normalize("NFC", name)


class NamedFiles:
    """The files below a folder, found as tables name them."""

    def __init__(self, root: Path) -> None:
        self.root, self.by_name = root, defaultdict(list)
        self.by_bare_name = self.by_end = 0
        for path in files_below(root, Problems(root)):  # problems of files that no row names
            if path.suffix.lower() in IMAGE_SUFFIXES or not path.suffix:
                for name in {path.name, path.stem}:
                    self.by_name[_normal(name)].append(path)

    def find(self, text: str) -> Path | str:
        """Return the file that a cell names, or why there is none, as the end of a sentence."""
        name = text.replace("\\", "/")
        path = Path(name)
        if ".." not in path.parts and not path.is_absolute() and (self.root / path).is_file():
            return self.root / path
        same_name = self.by_name.get(_normal(path.name), [])
        if len(path.parts) == 1 and len(same_name) == 1:
            self.by_bare_name += 1
            return same_name[0]
        if len(path.parts) == 1 and same_name:
            return f", but {len(same_name)} below its folders: say which by its path"
        at_end = [
            p for p in same_name if _normal(f"/{name}").endswith(_normal(f"/{self._below(p)}"))
        ]
        if len(at_end) == 1:
            self.by_end += 1
            return at_end[0]
        similar = same_name or self.by_name.get(_normal(path.stem), [])
        return f"; there is {self._below(similar[0])!r}" if similar else ""

    def _below(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def tell(self, notes: Notes) -> None:
        """Note the files that were found elsewhere than the table says."""
        if self.by_bare_name:
            notes.add(f"{self.by_bare_name} images were found below the folder by their bare names")
        if self.by_end:
            notes.add(f"{self.by_end} images were found by the ends of their paths")
