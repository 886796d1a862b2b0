"""Sentences on selection bias: the accuracy that a trial was chosen for, against fresh seeds and against test."""

from leo_bench.figures import signed
from leo_bench.report.search.data import SearchData
from leo_bench.report.search.on_test import TestedChoice, differing_settings, tested_choices
from leo_bench.report.sentences import interval_words, listed
from leo_bench.report.table import percent


def selection_bias_sentence(data: SearchData) -> str:
    """Return the comparison of each choice's gain on test with its gain on validation, in words."""
    return " ".join(words for one in tested_choices(data) if one.compared and (words := gain_words(data, one)))


def gain_words(data: SearchData, one: TestedChoice) -> str:
    """Return the same for one choice. The highest of several noisy accuracies is too high on average."""
    n, chosen = len(data.complete), percent(one.choice.values[0])
    name = f"for trial {one.choice.number}" if len(data.choices) > 1 else "for it"
    different = differing_settings(data)
    if different:
        return (
            f"What validation promised {name} ({chosen}%) and what test gave cannot be set against each other: the "
            f"runs on test have {listed(different)}."
        )
    optimism = f"a number picked for being high among {n} noisy ones is too high on average" if n > 1 else ""
    if one.promised is None:
        return (
            f"Validation had {chosen}% {name}, test has {percent(one.accuracy.mean)}%; those are other characters, so "
            f"the two numbers differ by more than luck{'; ' + optimism if optimism else ''}."
        )
    promised, gave = (f"{signed(100 * value)} points" for value in (one.promised, one.effect["difference"]))
    said = f"Validation promised {promised} over the defaults {name}, test gave {gave}"
    if one.kept == "less":
        why = f"{optimism}, and the test characters are other ones" if optimism else "test characters are other ones"
        return f"{said}, and its whole interval lies below the promise: validation promised too much; {why}."
    if one.kept == "more":
        return f"{said}, and its whole interval lies above the promise: test gave more than validation promised."
    if one.kept == "open":
        return f"{said}; with one seed there is no interval, so whether it promised too much cannot be said."
    return f"{said}. The promise lies within test's interval, so these seeds do not show that it was too much" + (
        f", though {optimism}." if optimism else "."
    )


def fresh_seed_words(data: SearchData, one: TestedChoice) -> str:
    """Return the accuracy of the chosen trial against fresh seeds of the same settings, both on validation
    characters.
    """
    if one.validation is None or differing_settings(data):
        return ""
    chosen, fresh = one.choice.values[0], one.validation
    gap = 100 * (chosen - fresh.mean)
    text = (
        f"Trial {one.choice.number} was chosen for {percent(chosen)}% on validation characters, reached with one seed. "
        f"Fresh seeds of the same settings have {interval_words(fresh)} on the same characters: "
        f"{abs(gap):.1f} points {'less' if gap >= 0 else 'more'}"
    )
    if fresh.low is None or fresh.high is None:
        text += ", from one seed"
    elif chosen > fresh.high:
        text += "; the number that it was chosen for lies above the interval, which is what luck in choosing looks like"
    elif chosen >= fresh.low:
        text += "; the number that it was chosen for lies within the interval, so luck in choosing does not show"
    n_trial, n_fresh = data.n_episodes, data.plan.test.get("n_val_episodes")
    if n_trial != n_fresh:
        text += f". Theirs are {n_fresh} validation episodes" + (f", the trial's {n_trial:,}" if n_trial else "")
        text += ", so a part of the gap may be the episodes"
    return text + "."
