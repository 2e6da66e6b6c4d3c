"""The protocols: how images are dealt out to training, validation and test, and which ones leak."""

from collections.abc import Mapping
from dataclasses import dataclass

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Protocol:
    """One way to split. What is made from a run of one that leaks carries a mark."""

    name: str  # as a study's YAML has it
    label: str  # for figures and tables
    unit: str | None  # column whose images stay together; None: each copy by itself
    leaks: bool  # whether training may meet the patient, or the image itself, of a test row
    of_regions: bool = False  # whether crops of images are dealt out so, and never whole images
    is_given: bool = False  # whether the data's makers say who is tested; it has one fold then

    @property
    def fixes(self) -> dict[str, object]:
        """The parameters of a split that it decides itself."""
        return {"folds": 1} if self.is_given else {}


PATIENT = Protocol("patient", "by patient", "patient_id", leaks=False)
IMAGE = Protocol("image", "by image (leaky)", "image_id", leaks=True)
OVERSAMPLE_FIRST = Protocol("oversample_first", "oversample first (leaky)", None, leaks=True)
# A region is then the image: crops of one lesion, or of both its views, may stand on both sides.
REGION = Protocol("region", "by region (leaky)", "image_id", leaks=True, of_regions=True)
GIVEN = Protocol("given", "as given", "patient_id", leaks=False, is_given=True)
GIVEN_LEAKY = Protocol("given_leaky", "as given (leaky)", "image_id", leaks=True, is_given=True)

_ALL = (PATIENT, IMAGE, OVERSAMPLE_FIRST, GIVEN, GIVEN_LEAKY, REGION)
PROTOCOLS = {protocol.name: protocol for protocol in _ALL}


def clashes(values: Mapping) -> list[tuple[tuple[str, ...], str]]:
    """Return the contradictions between the parameters of a split, as (names, problem).

    Args:
        values: ``protocol``, ``balance``, ``folds`` and, where there is one, ``fold``.
    """
    problems, folds, fold = [], values["folds"], values.get("fold", 0)
    if not 0 <= fold < folds:
        problem = f"fold is {fold}; expected 0..{folds - 1} for folds={folds}"
        problems.append((("fold", "folds"), problem))
    if folds != 1 and PROTOCOLS[values["protocol"]].is_given:
        problem = f"folds is {folds}; a given split has one: write folds: 1"
        problems.append((("folds",), problem))
    if values["protocol"] == OVERSAMPLE_FIRST.name and not values["balance"]:
        problem = "oversample_first balances before the split; with balance: false it is 'image'"
        problems.append((("balance",), problem))
    return problems
