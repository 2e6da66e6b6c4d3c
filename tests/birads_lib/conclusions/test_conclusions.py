"""The words of an answer are those that its numbers allow: of either sign, and of neither."""

import numpy as np
import pandas as pd
import pytest

from birads_lib.conclusions import (
    backbones,
    density,
    frozen,
    images,
    relevance,
    results,
    side_by_side,
    transfer,
)
from birads_lib.conclusions.estimate import Estimate, of, times
from birads_lib.images.frame import Geometry

UP, DOWN, NONE = Estimate(0.2, 0.1, 0.3), Estimate(-0.2, -0.3, -0.1), Estimate(0.0, -0.1, 0.1)
SHARE, UNKNOWN = Estimate(0.5, 0.4, 0.6), Estimate(np.nan)
HONEST, LEAKY = "patient", "oversample_first"


@pytest.mark.parametrize(
    ("interval", "word"),
    [(UP, "above"), (DOWN, "below"), (NONE, "alike"), (Estimate(0.2), "alike"), (UNKNOWN, "alike")],
)
def test_only_an_interval_on_one_side_is_a_difference(interval, word):
    assert interval.side("below", "alike", "above") == word


def test_an_interval_that_ends_at_0_is_no_difference():
    assert Estimate(0.1, 0.0, 0.2).side("below", "alike", "above") == "alike"


def test_a_difference_shows_its_sign_and_0_has_none():
    assert UP.signed == "+0.200 (+0.100 to +0.300)"
    assert Estimate(0.0, -0.0004, 0.0004).signed == "0.000 (0.000 to 0.000)"
    assert UNKNOWN.signed == "not estimable"
    assert UP.aside == "(+0.200, from +0.100 to +0.300)"
    assert Estimate(0.2).aside == "(+0.200)"


def test_an_estimate_is_found_by_metric_and_by_other_columns():
    rows = {"metric": ["a", "a"], "arm": ["x", "y"], "estimate": [1, 2], "low": 0, "high": 3}
    assert of(pd.DataFrame(rows), "a", arm="y") == (2, 0, 3)
    assert of(pd.DataFrame(rows).set_index("metric"), "a") == (1, 0, 3)
    assert np.isnan(of(pd.DataFrame(rows), "b").estimate)


SUMMARY = {
    "images": "40", "patients": "10", "rarest": "BI-RADS 3, with 2 images of 1 patients",
    "most_frequent": "BI-RADS 2", "always_accuracy": "0.55",
}  # fmt: skip


def test_a_shortcut_is_named_and_none_is_said():
    shortcuts = pd.DataFrame({"tells": [True, False]}, ["File size", "Side"])
    assert "Beware of a shortcut: file size goes with" in images.data(SUMMARY, shortcuts)
    none = images.data(SUMMARY | {"patients": "unknown numbers"}, shortcuts.iloc[1:])
    assert "No single fact" in none
    assert "40 images, of unknown patients" in none
    assert "55% of the images" in none
    assert "No single fact" in images.data(SUMMARY, pd.DataFrame())


def test_findings_are_measured_in_the_pixels_that_the_network_sees():
    places = {"a": Geometry((100, 200), (0, 0, 200, 100), False, (0, 0, 50, 50), 50)}
    point = 40.0  # a place without a size
    boxes = {"image_id": "a", "x0": [0.0, np.nan, point], "y0": 0.0, "x1": 40.0, "y1": 30.0}
    shrunk, widths = images.seen_of_findings(pd.DataFrame(boxes), places)
    assert shrunk == pytest.approx(8)  # 4 across, 2 down
    assert widths.tolist() == [10]  # 40 / 4 across, 30 / 2 down


def test_what_is_left_of_findings_is_counted_or_not_known():
    said = images.preprocessing(4, np.array([3.0, 9]), 224)
    assert "the median of the 2 findings of known size is 6.0 pixels wide" in said
    assert "none of them is narrower" in said
    said = images.preprocessing(4, np.array([1.0, 1, 9]), 224)
    assert "2 of them are narrower" in said
    assert "one of them stands for 4.0 pixels" in images.preprocessing(4, np.array([3.0]), 224)
    without = images.preprocessing(0.5, np.array([]), 224)
    assert "the file has no more" in without
    assert "not known" in without


def test_a_loss_that_rose_is_not_said_to_have_fallen():
    names = ["loss_first", "loss_last", "val_loss_first", "val_loss_last"]
    losses = pd.DataFrame([[2, 1, 2, 3], [2, 1, 2, 1]], columns=names)
    assert "fell in 2 of 2 trainings" in images.training(losses, 0, 9)
    assert "validation images in 1." in images.training(losses, 0, 9)
    assert "had one epoch" in images.losses_fell(losses.assign(loss_last=2, val_loss_last=2))
    assert "Training met no test image" in images.training(losses, 0, 9)
    assert "Training met 3 of the 9 test images" in images.training(losses, 3, 9)


def epochs(stages, losses, val_losses):
    """Return the history of a training, a row an epoch."""
    rows = {"stage": stages, "loss": losses, "val_loss": val_losses}
    return pd.DataFrame({"seed": 0, "fold": 0} | rows)


def test_an_epoch_kept_far_above_the_best_one_is_told():
    history = epochs([1, 1, 2, 2], [4.0, 3, 2, 1], [2.0, 1, 1.2, 3])
    kept = images.kept_losses(history, restore_best=False)
    assert kept.loc[(0, 0)].tolist() == [3, 1, 1, 3]  # loss and val_loss, best and kept
    said = images.kept_epochs(kept)
    assert said.startswith("In 1 of 1 trainings, the validation loss of the kept epoch is more")
    assert "overfits" in said
    assert "overfits" not in images.kept_epochs(kept.assign(loss_kept=9))  # it diverged


def test_an_epoch_kept_near_the_best_one_is_no_overfitting():
    history = epochs([1, 1, 2, 2], [4.0, 3, 2, 1], [2.0, 1, 1.2, 3])
    kept = images.kept_losses(history, restore_best=True)
    assert kept.loc[(0, 0), "val_loss_kept"] == 1.2  # the last stage's best, not that of all
    said = images.kept_epochs(kept)
    assert said.startswith("In no training")
    assert "overfits" not in said


def test_grades_that_leak_are_no_performance():
    said = results.evaluation(SHARE, SHARE, "The network is below.", SHARE, LEAKY)
    assert said.startswith("This split leaks")
    honest = results.evaluation(SHARE, SHARE, "The network is below.", UNKNOWN, HONEST)
    assert "leaks" not in honest
    assert "The network is below." in honest
    assert "one category off" not in honest
    assert "one category off" in said


def changes(**of_variants) -> pd.DataFrame:
    """Return differences in accuracy; Holm's p says of each what its interval does."""
    rows = [
        {"variant": name, **e._asdict(), "holm": 1.0 if e.side("b", "", "a") == "" else 0.01}
        for name, e in of_variants.items()
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("change", "words"),
    [(UP, "did harm"), (DOWN, "helped"), (NONE, "made no measurable difference")],
)
def test_dal_is_judged_by_what_cross_entropy_does(change, words):
    said = results.ablations(changes(cross_entropy=change, deep=NONE), "cross_entropy", "frozen")
    assert f"by this interval alone, DAL {words} here" in said


def test_changes_that_matter_are_named_by_their_side():
    said = results.ablations(changes(deep=UP, no_clahe=DOWN, flat=NONE), "", "frozen")
    assert "lower with “no clahe” and higher with “deep”" in said
    assert "no other of the 3 changes makes a measurable difference after Holm's adj" in said
    none = results.ablations(changes(deep=NONE), "", "frozen")
    assert none == (
        "None of the 1 changes from the reference, “frozen”, makes a measurable difference after "
        "Holm's adjustment."
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [(UP, "higher than with one"), (DOWN, "lower than with one"),
     (NONE, "not measurably different from that with one")],
)  # fmt: skip
def test_several_scales_help_or_do_not(change, words):
    assert f"accuracy is {words} (" in results.several_scales(change, "frozen")


BASE = {"brier": (SHARE, 0.5), "log_loss": (SHARE, 0.5)}  # the model's, and that of base rates


@pytest.mark.parametrize(
    ("right", "words"),
    [
        (Estimate(0.3, 0.2, 0.4), "too sure"),
        (Estimate(0.95, 0.9, 1.0), "isn't sure enough"),
        (Estimate(0.8, 0.7, 0.9), "can't be distinguished from eight in ten"),
        (Estimate(1.0), "can't be distinguished from eight in ten"),
    ],
)
def test_answers_of_8_in_10_are_judged_by_how_many_are_right(right, words):
    assert words in results.calibration(right, 9, "Temperature scaling", NONE, BASE, HONEST)


@pytest.mark.parametrize(
    ("change", "words"), [(DOWN, "lowers"), (UP, "raises"), (NONE, "does not measurably change")]
)
def test_a_correction_helps_where_the_loss_falls(change, words):
    said = results.calibration(UNKNOWN, 0, "Temperature scaling", change, BASE, HONEST)
    assert said.startswith("No answer was given")
    assert f"Temperature scaling {words} the log loss" in said


@pytest.mark.parametrize(
    ("brier", "log_loss", "words"),
    [
        (0.9, 0.1, "At its best, corrected or not, the model has a Brier score of 0.50 (0.40 to "
                   "0.60), better than the 0.90"),
        (0.5, 0.1, "Even at its best, corrected or not"),
        (0.5, 0.9, "not measurably different from the 0.50 of giving every image"),
        (0.1, 0.5, "worse than the 0.10"),
    ],
)  # fmt: skip
def test_probabilities_are_held_against_base_rates(brier, log_loss, words):
    least = {"brier": (SHARE, brier), "log_loss": (SHARE, log_loss)}
    assert words in results.calibration(SHARE, 9, "Saerens EM", NONE, least, HONEST)


@pytest.mark.parametrize(
    ("fitted", "words"),
    [([5, 6], "Every temperature is above 1: the model is over-confident"),
     ([0.5, 1], "not over-confident"), ([0.5, 2, 3], "Of 3 temperatures, 2 lie above 1")],
)  # fmt: skip
def test_over_confidence_is_read_off_the_temperatures(fitted, words):
    assert words in results.temperatures(pd.Series(fitted))


@pytest.mark.parametrize(
    ("gain", "words"),
    [(UP, "is better than"), (DOWN, "is worse than"), (NONE, "not measurably better or worse"),
     (UNKNOWN, "nothing to decide")],
)  # fmt: skip
def test_acting_on_the_model_is_held_against_both_defaults(gain, words):
    said = results.decision("BI-RADS 4 or more", gain, Estimate(0.51, 0.05, 1.0), HONEST)
    assert words in said
    assert ("beats both at 51% (5% to 100%) of the thresholds" in said) == (gain is not UNKNOWN)


@pytest.mark.parametrize(
    ("gain", "words"),
    [(UP, "more often than the brightest place"), (DOWN, "less often than the brightest place"),
     (NONE, "not measurably more or less often than the brightest place")],
)  # fmt: skip
def test_maps_are_held_against_pointing_without_a_model(gain, words):
    said = results.interpretability(50, SHARE, gain, "brightness", UNKNOWN, HONEST)
    assert f": {words}" in said
    assert "could be compared" in said


@pytest.mark.parametrize(
    ("random", "words"),
    [(Estimate(0.1, 0.0, 0.2), "depend on what was learned"),
     (Estimate(0.8, 0.7, 0.9), "do not depend on what was learned"),
     (SHARE, "may or may not depend")],
)  # fmt: skip
def test_maps_that_outlive_their_weights_were_not_learned(random, words):
    said = results.interpretability(2, SHARE, UP, "centre", random, HONEST)
    assert said.startswith("The place of a finding is known in 2 of the explained images, too few")
    assert f"they {words}" in said


@pytest.mark.parametrize(
    ("others", "words"), [(UP, "more than by"), (DOWN, "fewer than by"), (NONE, "not measurably")]
)
def test_neighbours_are_held_against_chance(others, words):
    said = results.feature_space(others, SHARE, others, HONEST)
    assert words in said
    assert "same patient" not in results.feature_space(others, SHARE, UNKNOWN, HONEST)


@pytest.mark.parametrize(
    ("others", "patient", "words"),
    [(UP, UP, "together by category and by patient."),
     (UP, NONE, "together by category, but not measurably by patient."),
     (DOWN, UP, "together by patient, but not measurably by category."),
     (NONE, NONE, "do not measurably lie together by category or by patient."),
     (UP, UNKNOWN, "together by category."),
     (NONE, UNKNOWN, "do not measurably lie together by category.")],
)  # fmt: skip
def test_what_lies_together_is_said_first(others, patient, words):
    said = results.feature_space(others, SHARE, patient, HONEST)
    assert said.startswith("Images ")
    assert f"{words} Among" in said


def test_a_leak_that_raises_accuracy_and_one_that_does_not():
    low = Estimate(0.3)
    rising = results.leakage(SHARE, {"oversample_first": (SHARE, UP, low)}, low, True)
    assert "under “oversample first” 0.50 (0.40 to 0.60), higher (+0.200" in rising
    assert "only the split differs" in rising
    for more in (NONE, DOWN):
        flat = results.leakage(SHARE, {"image": (SHARE, more, low)}, low, True)
        assert "no leaky split raises the accuracy measurably" in flat
        assert "One reason may be" in flat
        assert "does not make leaks harmless" in flat
    assert "lower (" in flat
    assert "no leaky protocol" in results.leakage(SHARE, {}, low, False)


@pytest.mark.parametrize("more", [UP, NONE])
def test_a_lookup_table_that_beats_the_network_is_told_with_both_numbers(more):
    better = Estimate(0.9, 0.8, 0.95)
    of_both = {"image": (SHARE, more, DOWN), "oversample_first": (SHARE, more, better)}
    told = (
        "it reaches 0.90 (0.80 to 0.95) under “oversample first”, where the network reaches 0.50."
    )
    assert told in results.leakage(SHARE, of_both, SHARE, False)
    of_both["oversample_first"] = (SHARE, more, SHARE)
    assert "lookup" not in results.leakage(SHARE, of_both, SHARE, False)


def test_a_table_without_copies_gives_the_common_category_and_looks_nothing_up():
    of_image = {"image": (Estimate(0.38), UP, Estimate(0.54, 0.46, 0.61))}
    assert "lookup" not in results.leakage(SHARE, of_image, Estimate(0.54), False)
    assert "lookup" in results.leakage(SHARE, of_image, Estimate(0.5), False)


def test_a_pretrained_backbone_is_no_reason_where_the_network_is_no_better_than_the_majority():
    of_image = {"image": (SHARE, NONE, Estimate(0.3))}
    assert "One reason" not in results.leakage(SHARE, of_image, Estimate(0.3), False)
    assert "One reason" not in results.leakage(SHARE, of_image, Estimate(0.45), True)


def test_synthetic_images_judge_no_number_of_a_paper():
    counts = dict.fromkeys(["reproduced", "leaky_only", "memorised", "not_reproduced"], 2)
    counts |= {"not_testable": 5}
    assert "Of 13 claims, 8 can be tested" in results.claims(counts, "", "INbreast")
    synthetic = results.claims(counts, "synthetic", "INbreast")
    assert "no number that the paper prints is judged here, unless it is a limit" in synthetic
    assert "8 can be tested here" in synthetic


@pytest.mark.parametrize(
    ("moved", "words"),
    [(UP, "higher than that elsewhere"), (DOWN, "lower than that elsewhere"),
     (NONE, "not measurably different from that elsewhere")],
)  # fmt: skip
def test_home_is_held_against_elsewhere(moved, words):
    assert words in results.elsewhere(SHARE, SHARE, moved, SHARE)


@pytest.mark.parametrize(
    ("change", "side", "closeness"),
    [(UP, "better", "further apart than 0.03"), (DOWN, "worse", "further apart than 0.03"),
     (NONE, "not measurably different", "left open"),
     (Estimate(0.001, -0.01, 0.01), "not measurably different", "equivalent within 0.03")],
)  # fmt: skip
def test_families_and_speed_tell_a_difference_from_equivalence(change, side, closeness):
    said = backbones.families([("a", "b", change)], 0.03, 5, 0.0625)
    assert f", {side}; " in said
    assert closeness in said
    assert "could not have shown" in said
    assert closeness in backbones.speed([("a", "b", 2.0, change)], 0.03)
    assert "could have shown" in backbones.families([("a", "b", change)], 0.03, 8, 0.0078)


@pytest.mark.parametrize(
    ("ratio", "words"),
    [(1.04, "about as long"), (0.95, "about as long"), (1.3, "1.3 times as long")],
)
def test_a_time_within_a_tenth_is_about_the_same(ratio, words):
    assert f"a takes {words} as b for one slice" in backbones.speed([("a", "b", ratio, NONE)], 0.03)


def test_regions_that_meet_themselves_are_no_test():
    assert "no test on new lesions" in transfer.regions(9, 5, 4, 0.4)
    assert "no lesion twice" in transfer.regions(9, 5, 4, 0.0)
    assert "split by region" not in transfer.regions(9, 5, 4, np.nan)


SIDES = [(UP, "better than"), (DOWN, "worse than"), (NONE, "not measurably different from")]


@pytest.mark.parametrize(("change", "words"), SIDES)
def test_double_transfer_is_held_against_both_of_its_controls(change, words):
    near = [0.52, 0.58], 0.8
    said = transfer.double_transfer(change, NONE, NONE, *near)
    assert f"{words} single transfer (" in said
    assert f"{words} single transfer that is" in transfer.double_transfer(NONE, change, NONE, *near)
    scratch = transfer.double_transfer(NONE, NONE, change, *near)
    assert f"It is {words} training from scratch {change.aside}." in scratch
    assert "from 0.52 to 0.58, all nearer to a guess" in said
    assert "from 0.52 to 0.70, where a guess has 0.50" in transfer.double_transfer(
        NONE, NONE, NONE, [0.7, 0.52], 0.8
    )


@pytest.mark.parametrize(
    ("gain", "words"),
    [(UP, "higher than"), (DOWN, "lower than"), (NONE, "not measurably different from")],
)
def test_a_reader_is_met_at_one_sensitivity(gain, words):
    assert f"specificity is {words} the reader's" in transfer.reader(gain, 0.3, 0.35)
    assert "who is biopsied" in transfer.reader(gain, 0.3, 0.9)
    assert "who is biopsied" not in transfer.reader(gain, 0.3, 0.35)


@pytest.mark.parametrize(
    ("gain", "words"),
    [(UP, "better than"), (DOWN, "worse than"), (NONE, "not measurably different from")],
)
def test_moved_lesions_are_found_or_not(gain, words):
    said = transfer.where(SHARE, NONE, gain, "brightest place", SHARE)
    assert f"of the moved lesions, and a random point {NONE.text}. The map is {words}" in said
    assert f"{words} pointing at the brightest place {gain.aside}." in said
    assert "incorrectly graded" not in transfer.where(SHARE, NONE, gain, "centre", UNKNOWN)


@pytest.mark.parametrize(
    ("gain", "words"),
    [(UP, "raises"), (DOWN, "lowers"), (NONE, "does not measurably change")],
)
def test_films_in_between_help_or_do_not(gain, words):
    said = transfer.real_transfer({"all images, films": gain})
    assert said.endswith(f"in between {words} the AUC for all images, films {gain.aside}.")


def test_many_comparisons_with_one_answer_are_counted():
    gains = {f"way {k}": Estimate(k / 100, -1.0, 1.0) for k in range(4)}
    said = transfer.real_transfer(gains)
    assert said.endswith(
        "does not measurably change the AUC in any of the four comparisons (estimates from +0.000 "
        "to +0.030)."
    )
    said = transfer.real_transfer(gains | {"way 5": UP})
    assert "in four of the five comparisons" in said
    assert f"it raises the AUC for way 5 {UP.aside}" in said


@pytest.mark.parametrize(
    ("kappa", "words", "there"),
    [(Estimate(0.9, 0.8, 1.0), "higher than that of", "above"),
     (Estimate(0.5, 0.4, 0.6), "lower than that of", "below"),
     (Estimate(0.7, 0.6, 0.8), "not measurably different from that of",
      "not measurably different from")],
)  # fmt: skip
def test_agreement_is_held_against_published_readers(kappa, words, there):
    assert f"{words} published readers" in density.density_readers(kappa, SHARE)
    said = density.density_elsewhere("CLIP", 9, SHARE, SHARE, kappa, 0.4, {"CLIP": DOWN})
    assert f"a kappa of {kappa.text}, {there} that of published readers" in said
    assert "would be right for 0.40 there. CLIP is measurably less accurate than that." in said
    more = dict.fromkeys(("CLIP", "softmax"), NONE)
    said = density.density_elsewhere("CLIP", 9, SHARE, SHARE, kappa, 0.4, more)
    assert "None of the two ways to train that were tested there is measurably more or less" in said


def test_a_text_helps_does_harm_or_neither():
    over = {"CLIP": UP, "softmax": NONE, "prompts": DOWN}
    both = density.image_and_text({"CLIP": UP, "Weighted CLIP": DOWN}, UP, 0.37, over)
    assert both.startswith(
        "Softmax without a text is measurably less accurate than CLIP, and more accurate than "
        "Weighted CLIP. Always "
    )
    assert "Weighted CLIP's recall of density D is higher than plain CLIP's (+0.2" in both
    assert (
        "Compared with that, of the three ways to train, one is measurably less accurate "
        "(prompts), one is not measurably different (softmax) and one is measurably more accurate "
        "(CLIP)." in both
    )
    none = density.image_and_text({"CLIP": NONE}, NONE, 0.37, {"CLIP": UP, "softmax": UP})
    assert "would be right for 0.37 of the patients" in none
    assert "Each of the two ways to train is measurably more accurate than that." in none
    assert "No way to train with a text differs measurably in accuracy from softmax" in none
    assert "is not measurably different from plain CLIP's" in none
    lower = density.image_and_text({"CLIP": NONE}, DOWN, 0.37, over)
    assert "is lower than plain CLIP's" in lower
    alike = density.image_and_text({"CLIP": DOWN}, NONE, 0.37, {"CLIP": NONE, "softmax": NONE})
    assert "than softmax without one, which is measurably more accurate than CLIP." in alike
    assert "None of the two ways to train is measurably more or less accurate than that." in alike
    two = density.image_and_text({"CLIP": UP}, NONE, 0.37, dict.fromkeys("ab", UP) | {"c": NONE})
    assert (
        "one is not measurably different (c) and two are measurably more accurate (a and b)" in two
    )


def test_several_kinds_of_image_help_harm_or_are_equivalent():
    gains = {"s2D": UP, "DM": DOWN, "DBT": NONE, "other": Estimate(0.0, -0.01, 0.01)}
    said = density.modalities("s2D", gains, 0.03)
    assert said.startswith(
        "Training on all kinds of image instead of s2D alone raises accuracy on s2D"
    )
    assert f"; it lowers accuracy on DM {DOWN.aside}; it" in said
    assert f"it makes no measurable difference to accuracy on DBT {NONE.aside};" in said
    assert "it keeps accuracy within 0.03 on other (0.000, " in said
    alike = density.modalities("s2D", {"s2D": NONE, "DM": NONE}, 0.03)
    assert alike.endswith(
        f"no measurable difference to accuracy on s2D {NONE.aside} and on DM {NONE.aside}."
    )


@pytest.mark.parametrize(
    ("zeros", "words"), [(0, "None of these is 0"), (1, "One of these is 0"), (9, "9 of")]
)
def test_features_that_say_nothing_are_counted(zeros, words):
    said = frozen.features({"32 x 20": (1500, zeros), "64 x 40": (20, 0)}, 7, "small")
    assert "1,500 numbers at 32 x 20 pixels and 20 numbers at 64 x 40 pixels" in said
    assert words in said


@pytest.mark.parametrize(
    ("chance", "words"), [(0.1, "more often than"), (0.9, "less often"), (0.5, "not measurably")]
)
def test_a_teacher_is_held_against_chance(chance, words):
    said = frozen.patches({"plain": (SHARE, chance), "centred": (SHARE, 0.5)}, 2, 30)
    assert f"“plain” touches a mass in 0.50 (0.40 to 0.60), {words}" in said
    assert "“centred” touches" in said
    assert "30 images" in said


def test_without_a_teacher_or_a_mass_nothing_is_said_of_pointing():
    assert "no teacher here" in frozen.patches({}, 0, 0)
    assert "can't be tested" in frozen.patches({}, 2, 0)


@pytest.mark.parametrize(
    ("kappa", "words"), [(UP, "above"), (DOWN, "below"), (NONE, "not measurably different from")]
)
def test_attention_over_tokens_is_held_against_chance(kappa, words):
    assert f"{kappa.text}, {words} the 0 of chance" in frozen.tokens(kappa, SHARE)
    assert "different from the 0.5 of chance" in frozen.tokens(kappa, SHARE)
    assert "no encoder was trained" in frozen.tokens(UNKNOWN, UNKNOWN)


@pytest.mark.parametrize(
    ("reached", "ahead", "words"),
    [
        (0.9, UP, ["above the target of 0.5", "kappa is higher than that of the paper's network"]),
        (0.1, DOWN, ["below the target of 0.5", "kappa is lower than that"]),
        (0.5, NONE, ["different from the target", "not measurably different from that"]),
    ],
)
def test_the_best_grade_is_held_against_its_aim_and_the_network(reached, ahead, words):
    value = Estimate(reached, reached - 0.05, reached + 0.05)
    said = frozen.best_grade({"a mean AUC": (value, 0.5)}, ahead, UNKNOWN)
    assert all(word in said for word in words)
    assert f"a mean AUC of {reached:.2f}" in said


def test_the_best_grade_stands_alone_where_no_network_is_named():
    said = frozen.best_grade({"a mean AUC": (UP, 0.5)}, UNKNOWN, UNKNOWN)
    assert "network" not in said
    assert "attention" not in said


@pytest.mark.parametrize(
    ("attention", "words"),
    [(UP, "is higher than"), (DOWN, "is lower than"), (NONE, "is not measurably different")],
)
def test_the_best_grade_says_what_attention_over_tokens_brings(attention, words):
    said = frozen.best_grade({"a mean AUC": (UP, 0.5)}, UNKNOWN, attention)
    assert f"of attention over tokens alone {words}" in said


@pytest.mark.parametrize(
    ("change", "words"), [(UP, "higher than"), (DOWN, "lower than"), (NONE, "not measurably")]
)
def test_two_studies_differ_only_where_an_interval_says_so(change, words):
    said = side_by_side.comparison("one", "two", {HONEST: change, LEAKY: NONE})
    assert f"Under “patient”, the accuracy of “one” is {words}" in said
    assert "under “oversample first” (leaky), the accuracy of “one” is not measurably" in said


def test_variants_are_apart_only_where_their_intervals_are():
    said = side_by_side.sweep({"low": DOWN, "middle": NONE, "high": UP}, HONEST)
    assert "most accurate of the 3 variants is “high”" in said
    assert "the least accurate “low”" in said
    assert "do not overlap" in said
    assert "intervals overlap" in side_by_side.sweep({"a": SHARE, "b": SHARE}, HONEST)
    assert side_by_side.sweep({"a": SHARE, "b": SHARE}, LEAKY).startswith("This split leaks")


def test_floors_are_held_against_the_most_common_category():
    common = {"common": Estimate(0.3, 0.2, 0.4)}
    more = side_by_side.floors(common | {"frozen": SHARE}, "common", HONEST)
    assert "“frozen”, is right for 0.50 (0.40 to 0.60), not clearly more." in more
    assert ", clearly more." in side_by_side.floors(
        common | {"frozen": Estimate(0.6, 0.5, 0.7)}, "common", HONEST
    )
    less = side_by_side.floors(common | {"frozen": Estimate(0.1, 0, 0.2)}, "common", LEAKY)
    assert "no other floor is more accurate" in less
    assert less.startswith("This split leaks")


@pytest.mark.parametrize(
    ("change", "words"), [(UP, "raises"), (DOWN, "lowers"), (NONE, "does not clearly change")]
)
def test_copies_move_the_score_that_they_move(change, words):
    said = side_by_side.copies_first(change, NONE, 30)
    assert f"split {words} the nearest neighbour's score on the test part" in said
    assert "does not clearly change its score on new patients" in said
    assert f"{words} its score on new patients" in side_by_side.copies_first(NONE, change, 30)


@pytest.mark.parametrize(
    ("gap", "words"),
    [(UP, "Calcifications are named"), (DOWN, "Masses are named"), (NONE, "Neither kind")],
)
def test_naming_a_crop_is_held_against_finding_a_lesion(gap, words):
    crops = {"calcifications": Estimate(0.8, 0.7, 0.9), "masses": SHARE}
    fell = relevance.local_views(crops, {"calcifications": SHARE, "masses": SHARE}, gap)
    assert "clearly lower for calcifications, so naming a crop is not finding a lesion" in fell
    assert words in fell
    assert "not clearly lower" in relevance.local_views(crops, crops, gap)


def test_a_kind_that_was_not_taught_is_not_compared():
    said = relevance.local_views({"masses": SHARE}, {"masses": SHARE}, UNKNOWN)
    assert said.endswith("not clearly lower.")
    assert "alcifications" not in said


@pytest.mark.parametrize(
    ("ratio", "words"), [(1.82, "1.8 times"), (1234, "1,200 times"), (3, "3 times")]
)
def test_a_ratio_has_two_digits_that_count(ratio, words):
    assert times(ratio) == words


@pytest.mark.parametrize(
    ("held", "failed", "words"),
    [
        (0, 2, "directions that it states, 2 can be tested here, and none holds on"),
        (1, 1, "1 also holds on"),
        (2, 0, "2 also hold on"),
        (0, 0, "None of the directions that it states in words can be tested on"),
    ],
)
def test_directions_that_hold_are_counted(held, failed, words):
    counts = {"reproduced": held, "leaky_only": 0, "memorised": 0, "not_reproduced": failed}
    assert words in results.claims(counts | {"not_testable": 1}, "synthetic", "INbreast")


@pytest.mark.parametrize(
    ("chance", "words"),
    [(0.95, "keep almost the whole order"), (0.7, "keep part of"), (0.1, "keep little of"),
     (np.nan, "there is no order")],
)  # fmt: skip
def test_a_map_keeps_the_order_that_masks_drawn_anew_leave(chance, words):
    said = relevance.correlax({"masks drawn anew": chance, "grey": 0.8, "half": -0.2}, 3)
    assert words in said
    if chance == chance:
        assert "over three images. It is 0.80 with grey and -0.20 with half." in said


@pytest.mark.parametrize(
    ("gain", "words"),
    [(UP, "better than"), (DOWN, "worse than"), (NONE, "not measurably different from")],
)
def test_each_way_of_pointing_has_its_own_word(gain, words):
    places = (
        "It is {} the map of correlations (", "{} the best window", "the map of answers is {} it",
        "the map of correlations is {} it", "Grad-CAM is {} a random point",
    )  # fmt: skip
    for number, place in enumerate(places):
        gains = [NONE] * len(places)
        gains[number] = gain
        best = "the brightest place", SHARE
        said = relevance.pointing_game(SHARE, *gains[:2], best, tuple(gains[2:4]), gains[4])
        assert place.format(words) in said
        assert said.count("not measurably") == (5 if gain == NONE else 4)
        assert f"without a network is the brightest place, which hits {SHARE.text}:" in said


@pytest.mark.parametrize(
    ("gain", "words"), [(UP, "higher"), (DOWN, "lower"), (NONE, "not measurably different")]
)
def test_more_masks_help_or_do_not(gain, words):
    said = relevance.more_masks(gain, 8, 1280)
    assert said == (
        f"With 1,280 masks of a window instead of 8, the share is {words} {gain.aside}."
    )
    assert "only one number" in relevance.more_masks(gain, 8, 8)


def test_an_order_that_outlives_its_weights_is_told():
    said = relevance.after_random({"random head": 0.8, "random network": 0.2})
    assert "0.80 from 0 with a random head, so the order is largely kept or reversed" in said
    assert "0.20 from 0 with a random network, so the order is largely lost." in said
    assert "no two orders" in relevance.after_random({})


def test_patients_in_both_groups_are_told():
    groups = {"“low”": (6, 3), "“high”": (4, 2)}
    said = "There are 6 slices of 3 patients in “low” and 4 slices of 2 patients in “high”."
    assert backbones.slices(groups, 0) == f"{said} No patient is in both."
    assert backbones.slices(groups, 1) == f"{said} 1 patient is in both."
    assert "2 patients are in both." in backbones.slices(groups, 2)


def test_the_cheapest_network_is_named_where_there_is_one():
    assert "b needs the fewest" in backbones.cost({"a": 6.0, "b": 2.0})
    assert "a the most, 3 times as many" in backbones.cost({"a": 6.0, "b": 2.0})
    assert "equally many" in backbones.cost({"a": 1.0, "b": 1.0})


def test_slices_that_training_met_are_called_slices():
    assert "no test slice, and no other slice" in images.met_in_training(0, 5, "slice")
    assert "met 2 of the 5 test slices" in images.met_in_training(2, 5, "slice")


def test_targets_that_are_missed_are_counted():
    assert side_by_side.contests(2, 3, 4, 4).startswith(
        "2 of 3 targets of speed are met, and all 4"
    )
    assert side_by_side.contests(3, 3, 3, 4).startswith(
        "All 3 targets of speed are met, and 3 of 4"
    )
