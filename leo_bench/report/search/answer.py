"""Answer of a search's report as labelled rows, and its warnings."""

from collections import Counter

from leo_bench.figures.importance import importance_floor
from leo_bench.records import listed
from leo_bench.report.search.data import SearchData, value_words
from leo_bench.report.search.tables import choices_table
from leo_bench.report.study.documented import document_words
from leo_bench.report.study.sentences import GLYPHS
from leo_bench.report.table import NONE, percent
from leo_bench.statistics.studies.study import cell_name


def answer(data: SearchData) -> list[str]:
    """Return the rows of the answer as text: `Best on validation: trial 5, ...`."""
    return [f"{label}: {words}" for label, words in answer_rows(data)]


def answer_rows(data: SearchData) -> list[tuple[str, str]]:
    """Return (what, words): choice on validation, result on test, importance, trials."""
    counts = Counter(trial.state for trial in data.trials.trials)
    states = ", ".join(f"{count} {state}" for state, count in counts.items()) or "none started"
    again = sum(trial.retry_of is not None for trial in data.trials.trials)
    trials = f"{data.plan.n_trials} planned; {states}" + (f"; {again} repeat a trial that died" if again else "")
    return [*_choice_rows(data), *_test_rows(data), *_importance_rows(data), ("Trials", trials)]


def _choice_rows(data: SearchData) -> list[tuple[str, str]]:
    """Return the most accurate trial on validation, the first one in a tie, and any other choice."""
    if not data.complete:
        return [("Best on validation", "no trial is complete yet")]
    best = max(data.complete, key=lambda trial: (trial.values or [0.0])[0])
    rows = [("Best on validation", best.number, best.values or [], best.parameters)]
    others = [one for one in data.choices if one.number != best.number]
    rows += [(f"Chosen too, {one.variant}", one.number, one.values, one.parameters) for one in others]
    return [
        (
            name,
            f"trial {number}, {percent(values[0])}%"
            + (f" at {value_words(values[1] / 1e6)} million multiply-adds" if len(values) > 1 else "")
            + f": {data.settings_words(parameters)}",
        )
        for name, number, values, parameters in rows
    ]


def _test_rows(data: SearchData) -> list[tuple[str, str]]:
    """Return accuracy and difference of each choice on test, and what the document expects there."""
    table, study = choices_table(data), data.study
    if table is None or study is None:
        why = f"no run of the study {data.best.study} is done" if data.best else "best.json is missing"
        return [("On test", f"not measured: {why}; `{data.command}` continues")]
    rows = []
    for words, n_seeds in zip(table.words.to_dict("records"), table.numbers["n_seeds"], strict=True):
        gain = f"; gain over the defaults {words['difference, points']} points: {words['verdict']}"
        seeds = f"{n_seeds} seed{'' if n_seeds == 1 else 's'}"
        accuracy = words[f"{cell_name(study.headline)}, %"]
        rows.append((f"On test, {words['variant']}", f"{accuracy}% ({seeds}){gain if words['trial'] != NONE else ''}"))
    expected = document_words(study, study.headline, data.choices[0].variant)
    return [*rows, *([("The source document expects", expected)] if expected else [])]


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
