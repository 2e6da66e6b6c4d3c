"""Parameters of two notebooks that must agree, though each value is right alone."""

from birads_lib.texts import listing
from press.problems import refuse
from press.studies import chapters
from press.studies.limits import SET_BY_THE_STUDY
from press.studies.parameters import declared_parameters
from press.studies.study import Study

OWN_AFFAIRS = {"resamples", "seed"}  # of each notebook
REGIONS, TRANSFER, WHERE = "31_regions", "32_double_transfer", "34_where"
KEPT = "double"  # the arm whose networks TRANSFER keeps; of all others it keeps predictions


def check_agreement(study: Study) -> None:
    """Raise UserError where what a study gives one notebook contradicts what another does."""
    refuse([*_different_values(study), *_unkept_networks(study), *_untrained_split(study)])


def _different_values(study: Study) -> list[str]:
    """Return which parameters have different values in the notebooks that take them.

    It is the same where it is called the same and has the same default. How often each chapter
    resamples, and from which seed, is its own affair, and so is the arm that it looks at.
    """
    values_by_parameter: dict[tuple[str, str], dict[str, list[str]]] = {}
    for row in chapters.of_study(study):
        declared, values = declared_parameters(row.notebook), study.values(row.notebook)
        for name in declared.keys() - {*SET_BY_THE_STUDY, "arm"} - OWN_AFFAIRS:
            users = values_by_parameter.setdefault((name, repr(declared[name])), {})
            users.setdefault(repr(values.get(name, declared[name])), []).append(row.notebook)
    return [
        f"notebooks: {name} is {', but '.join(f'{v} for {listing(n)}' for v, n in users.items())}; "
        "give all of them the same"
        for (name, _), users in sorted(values_by_parameter.items())
        if len(users) > 1
    ]


def _unkept_networks(study: Study) -> list[str]:
    """Return, as a line, the arm that is to be explained though its networks aren't kept."""
    arm = _value(study, WHERE, "arm")
    if arm in (None, KEPT):
        return []
    return [
        f"notebooks: {WHERE}: arm is {arm!r}, but {TRANSFER} keeps the networks of {KEPT!r} alone; "
        f"write 'arm: {KEPT}' for {WHERE}, or leave it out"
    ]


def _untrained_split(study: Study) -> list[str]:
    """Return, as a line, the seed of the split whose leaks are counted, if no network has it."""
    seed, seeds = _value(study, REGIONS, "seed"), _value(study, TRANSFER, "seeds")
    if seed is None or seeds is None or seed in seeds:
        return []
    return [
        f"notebooks: {REGIONS}: seed is {seed}, but {TRANSFER} trains on the splits of 'seeds: "
        f"{seeds}' alone; give {REGIONS} one of these seeds, or add {seed} to 'seeds'"
    ]


def _value(study: Study, notebook: str, name: str) -> object:
    """Return the value of a notebook's parameter in a study; None if it has no such chapter."""
    if notebook not in {row.notebook for row in chapters.of_study(study)}:
        return None
    return (declared_parameters(notebook) | study.values(notebook))[name]
