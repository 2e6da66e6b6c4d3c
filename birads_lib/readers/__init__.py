"""Readers: each turns a folder into a ``Dataset``, or lists all that is wrong with it.

``READERS`` declares what is known of each before it reads. The module of the same name has
``Options`` and ``read(folder, *, pixels, **options)``, which raises UserError for every option
that doesn't exist or is out of range, and DatasetError for everything that is wrong with the
folder; without ``pixels`` it reads no more than headers, within seconds. This module imports none
of them, so that asking what a reader is costs nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Reader:
    """What a reader is, whatever folder it reads.

    Attributes:
        name: as a study's YAML has it, and of the reader's module.
        collection: the published collection that it reads, as papers call it; "" for any images.
        synthetic: whether its images are made up: what shows them carries a mark, and may show
            them unless a study says otherwise.
        makes_images: whether it makes the images itself, and needs no folder of them.
        may_show_pixels: whether a study may show them, where its YAML says so.
        patients_from: the option without which nobody knows the images' patients; "" where they
            are always known.
    """

    name: str
    collection: str = ""
    synthetic: bool = False
    makes_images: bool = False
    may_show_pixels: bool = True
    patients_from: str = ""

    def knows_patients(self, options: Mapping[str, object]) -> bool:
        """Return whether each image's patient is known with these options."""
        names = (self.patients_from, "one_image_per_patient")
        return not self.patients_from or any(options.get(name) for name in names)


_ALL = (
    Reader("phantoms", synthetic=True, makes_images=True),
    Reader("inbreast", collection="INbreast", may_show_pixels=False),
    Reader("class_folders", patients_from="patient_pattern"),
)
READERS = {reader.name: reader for reader in _ALL}
