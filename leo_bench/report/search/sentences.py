"""Sentences of a search's report, made from its records."""

import numpy as np

from leo_bench.figures import importance_floor, signed
from leo_bench.report.search.data import SearchData, millions, settings_words
from leo_bench.report.search.on_test import ChoiceOnTest, choices_on_test
from leo_bench.report.search.selection_bias import selection_bias_sentence
from leo_bench.report.sentences import interval_words, listed
from leo_bench.report.study.documented import document_words
from leo_bench.report.table import percent

STATES = ("complete", "pruned", "failed", "running", "waiting")


def answer(data: SearchData) -> list[str]:
    """Return the report's opening, a paragraph each: best trial on validation, result on test, settings that matter,
    trials."""
    found = [best_sentence(data), on_test_sentence(data), selection_bias_sentence(data), importance_sentence(data)]
    return [sentence for sentence in [*found, f"{count_sentence(data)} {how_sentence(data)}"] if sentence]


def protocol_words(data: SearchData) -> str:
    """Return `omniglot 5f1c0ffe, 28x28 pixels, lake class split, 2,000 training episodes, 5-way 1-shot`."""
    base = data.plan.base
    return (
        f"{data.data_name}, {base['image_size']}x{base['image_size']} pixels, {base['class_split']} class split, "
        f"{base['n_train_episodes']:,} training episodes, {base['n_way']}-way {base['k_shot']}-shot"
    )


def best_sentence(data: SearchData) -> str:
    """Return the best trial on validation characters and its settings."""
    if not data.complete:
        return "No trial is complete yet."
    order = list(data.scales)
    if data.has_cost:
        front = data.front
        cheap, dear = front.iloc[0], front.iloc[-1]
        if len(front) == 1:
            return (
                f"One trial beats all others in both accuracy on validation characters and cost: trial "
                f"{cheap['number']}, {percent(cheap['accuracy'])}% at {millions(cheap['multiply_adds'])} multiply-adds "
                f"an episode ({protocol_words(data)})."
            )
        return (
            f"No one trial is best: {len(front)} of {len(data.complete)} complete trials are on the Pareto front, from "
            f"{percent(cheap['accuracy'])}% on validation characters at {millions(cheap['multiply_adds'])} "
            f"multiply-adds an episode (trial {cheap['number']}) to {percent(dear['accuracy'])}% at "
            f"{millions(dear['multiply_adds'])} (trial {dear['number']}); {protocol_words(data)}."
        )
    best = next(trial for trial in data.complete if trial.number == data.best_number)
    assert best.values is not None
    return (
        f"On validation characters trial {best.number} is best: {percent(best.values[0])}% with "
        f"{settings_words(best.parameters, order)} ({protocol_words(data)})."
    )


def on_test_sentence(data: SearchData) -> str:
    """Return the accuracy of the choices on test, or why there is none."""
    found, study = choices_on_test(data), data.study
    if not data.complete:
        return ""
    if not found or study is None:
        return unmeasured_words(data)
    band = document_words(study, study.headline, found[0].choice.variant)
    expected = f" The source document expects {band} there." if band else ""
    defaults = f" The defaults reach {interval_words(found[0].baseline)} there." if found[0].baseline else ""
    margin = f" The margin that matters is {100 * study.plan.margin:g} points."
    return (
        "On test characters, with fresh seeds, "
        + " ".join(_test_words(data, one, index == 0) for index, one in enumerate(found))
        + f"{defaults}{margin}{expected}"
    )


def unmeasured_words(data: SearchData) -> str:
    """Return why there are no numbers from test, and the command that makes them."""
    if data.best is None:
        return (
            f"Nothing is chosen yet (best.json is missing), so nothing is measured on test; `{data.command}` continues."
        )
    if data.study is None:
        return (
            f"Nothing is measured on test yet: the study {data.best.study} of the chosen settings is missing; "
            f"`{data.command}` does its runs."
        )
    return (
        f"Nothing is measured on test yet: none of the {len(data.study.plan.runs)} runs of the study {data.best.study} "
        f"of the chosen settings is done; `{data.command}` does them."
    )


def _test_words(data: SearchData, one: ChoiceOnTest, first: bool) -> str:
    """Return `trial 31's settings reach 84.1% (...): +3.5 points against the defaults (...), a verdict of better.`"""
    name = "trial" if first else "Trial"
    name += f" {one.choice.number}'s settings" + (f" ({one.label})" if len(data.choices) > 1 else "")
    text = f"{name} reach {interval_words(one.accuracy)}"
    if not one.compared:
        return f"{text}, which is not compared with the defaults: {one.effect['note']}."
    difference = f"{signed(100 * one.effect['difference'])} points against the defaults"
    if one.effect["kind"] == "seeds" and one.accuracy.n > 1:
        ends = f"{signed(100 * one.effect['low'])} to {signed(100 * one.effect['high'])}"
        difference += f" (paired, 95% interval {ends})"
    return f"{text}: {difference}, {verdict_words(str(one.effect['verdict']))}."


def verdict_words(verdict: str) -> str:
    """Return a verdict as part of a sentence."""
    return {
        "better": "a verdict of better",
        "worse": "a verdict of worse",
        "inconclusive": "inconclusive: these seeds do not show that the search found better settings",
        "one seed": "from one seed, so without a verdict",
    }.get(verdict, verdict)


def importance_sentence(data: SearchData) -> str:
    """Return the settings that matter, by importance above the planted noise; empty if the table is missing."""
    table = data.importance
    own = table[~table["planted"].astype(bool)]
    if own.empty:
        return ""
    floor = importance_floor(table)
    above = [f"{row['parameter']} ({row['importance']:.2f})" for row in own.to_dict("records") if row["low"] > floor]
    below = [str(row["parameter"]) for row in own.to_dict("records") if row["low"] <= floor]
    if not above:
        return "With these trials no setting's importance can be told from that of a planted random number."
    rest = f"; {listed(below)} cannot be told from a planted random number" if below else ""
    return f"By importance for accuracy {listed(above)} {'matters' if len(above) == 1 else 'matter'}{rest}."


def count_sentence(data: SearchData) -> str:
    """Return how many trials are complete, pruned, failed."""
    counted = listed([f"{data.counts[state]} {state}" for state in STATES if data.counts[state]] or ["none started"])
    total, planned = len(data.trials.trials), data.plan.n_trials
    again = sum(trial.retry_of is not None for trial in data.trials.trials)
    repeats = f" ({again} of them {'repeats a trial' if again == 1 else 'repeat trials'} that died)" if again else ""
    ended = sum(data.counts[state] for state in ("complete", "pruned"))
    begun = f"Of {planned} trials planned, {total} have started" if ended < planned else f"There are {total} trials"
    return f"{begun}{repeats}: {counted}."


def how_sentence(data: SearchData) -> str:
    """Return sampler and pruner, and whether the seed alone reproduces the sequence of trials."""
    sampler, pruner = data.plan.sampler, data.plan.pruner
    names = {"tpe": f"TPE (seed {sampler.seed}, the first {sampler.startup_trials} at random)"}
    proposed = names.get(sampler.name, f"random sampling (seed {sampler.seed})")
    how = data.trials.how
    again = (
        "so the seed alone reproduces the sequence on the same versions"
        if data.trials.repeatable
        else "so the sampler sees trials in the order they finish, and the seed does not reproduce the sequence; each "
        "single trial can be repeated"
    )
    pruning = (
        f"trials below the median of earlier ones were pruned from {pruner.warmup_episodes:,} episodes on, once "
        f"{pruner.startup_trials} were complete"
        if pruner
        else "none was pruned"
    )
    return f"Settings were proposed by {proposed}; {pruning}. Made by {how}, {again}."


def notices(data: SearchData) -> list[str]:
    """Return the warnings shown above the results."""
    found = []
    if data.plan.base["dataset"] == "glyphs":
        found.append(
            "These numbers are measured on glyphs, characters drawn by this program, because Omniglot was not used. "
            "They cannot be compared with Omniglot results or the document's targets."
        )
    if data.missing:
        found.append(
            f"{listed(data.missing)} {'is' if len(data.missing) == 1 else 'are'} missing, so the report lacks the "
            f"figures and tables made from {'it' if len(data.missing) == 1 else 'them'}; `{data.command}` writes "
            f"{'it' if len(data.missing) == 1 else 'them'}."
        )
    if stale := stale_words(data):
        found.append(stale)
    digests = sorted({result.numerics for result in data.results.values()})
    if len(digests) > 1:
        found.append(f"Trials come from {len(digests)} versions of the source (numerics {', '.join(digests)}).")
    return found


def stale_words(data: SearchData) -> str:
    """Return a warning if trials completed after the analysis was made; else empty."""
    seen = {int(n) for n in data.importance["n_trials"]}
    if not seen or max(seen) == len(data.complete):
        return ""
    return (
        f"Importance was computed from {max(seen)} complete trials; there are {len(data.complete)} now. "
        f"`{data.command}` updates it."
    )


def method_words(data: SearchData) -> list[str]:
    """Return how to read the numbers, a sentence or two per question."""
    words = [
        "Trials are scored on validation characters alone; test characters play no part in the choice. The chosen "
        "settings are trained again with fresh seeds and measured on test, beside the defaults with the same seeds.",
        "A trial is one training with one seed, so differences between trials that are smaller than those between "
        "seeds of one setting mean nothing" + spread_words(data) + ".",
        "Selection bias: the highest of many noisy accuracies is too high on average, the more so the more trials "
        "there are and the noisier they are. The gain on validation is the accuracy of the chosen trial minus that of "
        "the defaults' fresh seeds, on validation characters; the gain on test is the paired difference on test "
        "characters.",
        f"Verdicts on test: better or worse when the whole 95% interval over seeds lies beyond "
        f"{100 * data.plan.margin:g} points and Holm's p is below 0.05; no difference that matters when it lies "
        "within; otherwise inconclusive, which is not the same as no effect.",
        "Importance is the share of the variance of accuracy that a setting explains, over these trials, not over the "
        "whole space: the sampler tries few settings in poor regions. Its interval is the 5th to 95th percentile over "
        "bootstrap resamples of the complete trials. Planted noise is a random number that was never used: an "
        "importance that is not above it means nothing.",
        "The other settings are not held fixed when parts of a range are compared, so a part can look good because of "
        "the settings it was tried with.",
    ]
    if data.counts["pruned"]:
        words.append(
            "Pruned trials have no final accuracy. Means and importance leave them out, so they describe the better "
            "trials."
        )
    return words


def spread_words(data: SearchData) -> str:
    """Return the standard deviation over fresh seeds of the first choice on validation; empty with fewer than two
    seeds."""
    for one in choices_on_test(data)[:1]:
        if len(one.validations) > 1:
            deviation = 100 * float(np.std(one.validations, ddof=1))
            return (
                f": the {len(one.validations)} fresh seeds of trial {one.choice.number}'s settings have a standard "
                f"deviation of {deviation:.1f} points there"
            )
    return ""
