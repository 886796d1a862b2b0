"""Writes the report of a search: report.html (self-contained), report.md, figures/ and tables/."""

from collections.abc import Iterable
from pathlib import Path

from leo_bench.report.pages import show, write_page, write_table
from leo_bench.report.search_data import SearchData, gather_search
from leo_bench.report.search_measured import measured
from leo_bench.report.search_plots import all_plots
from leo_bench.report.search_tables import front_table, importance_table, measured_table, ranges_table, trials_table
from leo_bench.report.search_words import answer, luck_words, method_words, notices, protocol_words, unmeasured_words


def write_search_report(folder: Path, out: Path) -> Path:
    """Write the report of the search in results/<search>-<profile>/ into out; returns report.html. A search that goes
    on is reported as it stands, and what is missing is named.

    Raises LeoBenchError where search.json, trials.json or another file that is there is broken.
    """
    data = gather_search(folder)
    figures = {name: show(plot, out / "figures") for name, plot in all_plots(data).items()}
    on_test, front = measured_table(data), front_table(data)
    importance, ranges, trials = importance_table(data), ranges_table(data), trials_table(data)
    for table in (on_test, front, importance, ranges, trials):
        if table is not None:
            write_table(table, out / "tables")
    opening = answer(data)
    content = {
        "data": data,
        "plan": data.plan,
        "title": f"Hyperparameter search: {data.plan.search}, profile {data.plan.profile}",
        "summary": " ".join(opening[:2]).replace("`", ""),
        "answer": opening,
        "notices": notices(data),
        "figures": figures,
        "measured": on_test,
        "luck": [words for one in measured(data) if (words := luck_words(data, one))],
        "unmeasured": unmeasured_words(data) if on_test is None else "",
        "front": front,
        "importance": importance,
        "ranges": ranges,
        "trials": trials,
        "method": method_words(data),
        "provenance": provenance(data),
    }
    write_page(out / "report.md", "search.md.j2", content)
    return write_page(out / "report.html", "search.html.j2", content)


def provenance(data: SearchData) -> list[tuple[str, str]]:
    """(what, value) pairs of the search and of its complete trials' runs; several values are all listed."""
    plan, found = data.plan, list(data.results.values())
    seconds = sum(result.train_seconds for result in found)
    seconds += sum(test.eval_seconds for run in data.runs.values() for test in run.tests)
    pairs = [
        ("search", f"{plan.search}, profile {plan.profile}"),
        ("protocol", protocol_words(data)),
        ("preset", plan.preset),
        ("objectives", ", ".join(plan.objectives)),
        ("space", "; ".join(_space_words(data))),
        ("sampler", f"{plan.sampler.name}, seed {plan.sampler.seed}, {plan.sampler.startup_trials} trials at random"),
        (
            "pruner",
            f"{plan.pruner.name}, from {plan.pruner.startup_trials} complete trials and "
            f"{plan.pruner.warmup_episodes:,} episodes on"
            if plan.pruner
            else "none",
        ),
        ("sequence", data.trials.how),
        ("seeds on test", ", ".join(str(seed) for seed in plan.test_seeds)),
        ("study on test", data.best.study if data.best else ""),
        ("records of trials", f"{len(found)} of {len(data.complete)} complete trials' runs are there"),
        ("data", _several(f"{result.settings['dataset']}, digest {result.data_digest}" for result in found)),
        ("precision", _several(f"{result.settings['precision']} on {result.settings['device']}" for result in found)),
        ("numerics digest", _several([plan.numerics, *(result.numerics for result in found)])),
        ("commit", _several(result.commit for result in found)),
        ("host", _several(", ".join(f"{k} {v}" for k, v in sorted(result.host.items())) for result in found)),
        ("versions", _several(", ".join(f"{k} {v}" for k, v in result.versions.items()) for result in found)),
        ("compute of complete trials", f"{seconds / 60:,.1f} minutes of one process each" if found else ""),
        ("settings of trials", ", ".join(f"{name} {value}" for name, value in plan.base.items())),
    ]
    return [(name, value) for name, value in pairs if value]


def _space_words(data: SearchData) -> Iterable[str]:
    for scale in data.scales.values():
        kind = " (log)" if scale.log else " (whole)" if scale.whole else ""
        yield f"{scale.name} " + (
            ", ".join(scale.choices) if scale.choices else f"{scale.low:g} to {scale.high:g}{kind}"
        )


def _several(values: Iterable[str]) -> str:
    """All different values, in order of first sight."""
    return "; ".join(dict.fromkeys(values))
