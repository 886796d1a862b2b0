"""Answer of a search's report as labelled rows, and its warnings."""

from collections import Counter

from leo_bench.figures import importance_floor
from leo_bench.report.search.data import SearchData, millions
from leo_bench.report.search.on_test import differing
from leo_bench.report.search.tables import GAIN_PLACE, TRIAL_PLACE, choices_table
from leo_bench.report.sentences import listed
from leo_bench.report.study.documented import document_words
from leo_bench.report.study.sentences import GLYPHS
from leo_bench.report.table import NONE, percent


def answer(data: SearchData) -> list[str]:
    """Return the rows of the answer as text: `Best on validation: trial 5, ...`."""
    return [f"{label}: {words}" for label, words in answer_rows(data)]


def answer_rows(data: SearchData) -> list[tuple[str, str]]:
    """Return (what, words): choice on validation, result on test, selection bias, importance, trials."""
    counts = Counter(trial.state for trial in data.trials.trials)
    states = ", ".join(f"{count} {state}" for state, count in counts.items()) or "none started"
    again = sum(trial.retry_of is not None for trial in data.trials.trials)
    trials = f"{data.plan.n_trials} planned; {states}" + (f"; {again} repeat a trial that died" if again else "")
    return [_best_row(data), *_test_rows(data), *_importance_rows(data), ("Trials", trials)]


def _best_row(data: SearchData) -> tuple[str, str]:
    """Return the most accurate trial, or the ends of the Pareto front."""
    if data.complete.empty:
        return "Best on validation", "no trial is complete yet"
    if data.has_cost:
        ends = [
            f"trial {row['number']}, {percent(row['accuracy'])}% at {millions(row['multiply_adds'])} multiply-adds"
            for row in data.front.iloc[[0, -1]].drop_duplicates("number").to_dict("records")
        ]
        return f"Pareto front on validation, {len(data.front)} trials", " to ".join(ends)
    best = next(trial for trial in data.trials.trials if trial.number == data.best_number)
    accuracy = percent(float(data.complete["accuracy"].max()))
    return "Best on validation", f"trial {best.number}, {accuracy}%: {data.settings_words(best.parameters)}"


def _test_rows(data: SearchData) -> list[tuple[str, str]]:
    """Return accuracy and gain of each choice on test, selection bias, and what the document expects there."""
    table, study, found = choices_table(data), data.study, []
    if table is None or study is None:
        why = f"no run of the study {data.best.study} is done" if data.best else "best.json is missing"
        return [("On test", f"not measured: {why}; `{data.command}` continues")]
    for row in table.words.to_dict("records"):
        gain = f"; gain over the defaults {row['gain on test, points']} points: {row['verdict']}"
        seeds = f"{row['seeds']} seed{'' if row['seeds'] == '1' else 's'}"
        found.append((f"On test, {row['variant']}", f"{row['test, %']}% ({seeds})" + gain * (row["trial"] != NONE)))
        if row["gain on validation, points"] != NONE and row["gain on test, points"] != NONE:
            sign = "a sign of it" if "above" in (row[GAIN_PLACE], row[TRIAL_PLACE]) else "no sign of it"
            places = f"{row[GAIN_PLACE]} the interval on test; trial {row[TRIAL_PLACE]} the interval of its fresh seeds"
            words = f"{sign}: gain on validation {row['gain on validation, points']} points, {places}"
            words = words if row[GAIN_PLACE] != NONE else "not judged: no interval over seeds"
            found.append((f"Selection bias, {row['variant']}", words))
    if differing(data):
        found.append(("Selection bias", f"not judged: the runs on test have {listed(differing(data))}"))
    expected = document_words(study, study.headline, data.choices[0].variant)
    found += [("The source document expects", expected)] if expected else []
    return [*found, ("Margin that matters", f"{100 * study.plan.margin:g} points, at most a tenth of the error")]


def _importance_rows(data: SearchData) -> list[tuple[str, str]]:
    """Return the settings above and below the planted noise; empty if the table has none."""
    own = data.importance[~data.importance["planted"].astype(bool)]
    is_above = own["low"] > importance_floor(data.importance)
    above, below = (
        ", ".join(f"{row['parameter']} {row['importance']:.2f}" for row in rows.to_dict("records")) or "none"
        for rows in (own[is_above], own[~is_above])
    )
    return [("Importance", f"above the planted noise: {above}; not above it: {below}")] if len(own) else []


def notices(data: SearchData) -> list[str]:
    """Return the warnings shown above the results."""
    found = [GLYPHS] if data.plan.base["dataset"] == "glyphs" else []
    if data.missing:
        found.append(f"Missing: {listed(data.missing)}. `{data.command}` makes what is missing.")
    seen = {int(n) for n in data.importance["n_trials"]}
    if seen and max(seen) != len(data.complete):
        now = f"{max(seen)} complete trials; there are {len(data.complete)} now"
        found.append(f"Importance was computed from {now}. `{data.command}` updates it.")
    return found
