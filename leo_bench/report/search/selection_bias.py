"""Sentences on selection bias: the accuracy that a trial was chosen for, against fresh seeds and against test."""

from leo_bench.figures import signed
from leo_bench.report.search.data import SearchData
from leo_bench.report.search.on_test import ChoiceOnTest, choices_on_test, differing_settings
from leo_bench.report.sentences import interval_words, listed
from leo_bench.report.table import percent


def selection_bias_sentence(data: SearchData) -> str:
    """Return the comparison of each choice's gain on test with its gain on validation, in words."""
    return " ".join(words for one in choices_on_test(data) if one.compared and (words := gain_words(data, one)))


def gain_words(data: SearchData, one: ChoiceOnTest) -> str:
    """Return the same for one choice. The highest of several noisy accuracies is too high on average."""
    n, chosen = len(data.complete), percent(one.choice.values[0])
    name = f"for trial {one.choice.number}" if len(data.choices) > 1 else "for it"
    different = differing_settings(data)
    if different:
        return (
            f"The gain on validation {name} ({chosen}%) and the gain on test cannot be compared: the runs on test have "
            f"{listed(different)}."
        )
    bias = f"the highest of {n} noisy accuracies is too high on average" if n > 1 else ""
    if one.gain_on_validation is None:
        return (
            f"Accuracy {name} is {chosen}% on validation and {percent(one.accuracy.mean)}% on test. The characters "
            f"differ, so not all of the gap is selection bias{'; ' + bias if bias else ''}."
        )
    gains = (f"{signed(100 * value)} points" for value in (one.gain_on_validation, one.effect["difference"]))
    said = "The gain over the defaults {} is {} on validation and {} on test".format(name, *gains)
    if one.gain_on_test == "less":
        why = f"{bias}, and the test characters differ" if bias else "the test characters differ"
        return f"{said}, whose whole interval lies below the gain on validation: {why}."
    if one.gain_on_test == "more":
        return f"{said}, whose whole interval lies above the gain on validation."
    if one.gain_on_test == "open":
        return f"{said}; one seed gives no interval, so selection bias cannot be judged."
    return f"{said}. The gain on validation lies within the interval on test, so there is no sign of selection bias" + (
        f", although {bias}." if bias else "."
    )


def fresh_seed_words(data: SearchData, one: ChoiceOnTest) -> str:
    """Return the accuracy of the chosen trial against fresh seeds of the same settings, both on validation
    characters.
    """
    if one.validation is None or differing_settings(data):
        return ""
    chosen, fresh = one.choice.values[0], one.validation
    gap = 100 * (chosen - fresh.mean)
    text = (
        f"Trial {one.choice.number} was chosen for {percent(chosen)}% on validation characters, from one seed. "
        f"Fresh seeds of its settings reach {interval_words(fresh)} on the same characters: "
        f"{abs(gap):.1f} points {'less' if gap >= 0 else 'more'}"
    )
    if fresh.low is None or fresh.high is None:
        text += ", from one seed"
    elif chosen > fresh.high:
        text += "; the trial's accuracy lies above the interval, a sign of selection bias"
    elif chosen >= fresh.low:
        text += "; the trial's accuracy lies within the interval, so there is no sign of selection bias"
    n_trial, n_fresh = data.n_episodes, data.plan.test.get("n_val_episodes")
    if n_trial != n_fresh:
        text += f". They use {n_fresh} validation episodes" + (f", the trial {n_trial:,}" if n_trial else "")
        text += ", which may explain part of the gap"
    return text + "."
