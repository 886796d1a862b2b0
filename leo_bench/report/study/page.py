"""Writes the report of a study."""

from pathlib import Path

from leo_bench.report.pages import show, write_report_pages
from leo_bench.report.sentences import counts
from leo_bench.report.study.adaptation_effect import effect_table
from leo_bench.report.study.cost import cost_table
from leo_bench.report.study.diverged import diverged_table
from leo_bench.report.study.errors_by_character import character_table
from leo_bench.report.study.figures import all_plots
from leo_bench.report.study.forest import effects_table
from leo_bench.report.study.main_table import main_tables
from leo_bench.report.study.not_done import problem_table
from leo_bench.report.study.other_tests import other_tests_table
from leo_bench.report.study.provenance import provenance
from leo_bench.report.study.redo import redo_table, repeat_command
from leo_bench.report.study.sentences import answer, notices
from leo_bench.report.study.switches import switch_words
from leo_bench.report.study.time_to_accuracy import time_table
from leo_bench.statistics import MOST_SEEDS, VERDICTS
from leo_bench.statistics.studies.differences import all_effects
from leo_bench.statistics.studies.study import StudyData

GAINS = ("gain-by-shots", "gain-by-distance", "gain-by-step")
"""Figures of what adaptation does."""


def write_study_report(data: StudyData, out_folder: Path) -> Path:
    """Write the report of a study that compares variants into out_folder. Returns the path of report.html."""
    figures = {name: show(plot, out_folder / "figures") for name, plot in all_plots(data).items()}
    main, opening = main_tables(data), answer(data)
    effects = all_effects(data, data.headline)
    verdicts = list(effects.loc[effects["compared"].astype(bool), "verdict"])
    tables = {
        "effects": effects_table(data) if main else None,
        "time": time_table(data),
        "cost": cost_table(data),
        "other_tests": other_tests_table(data),
        "adaptation": effect_table(data),
        "hardest": character_table(data),
        "diverged": diverged_table(data),
        "undone": problem_table(data),
        "redo": redo_table(data),
    }
    content = {
        **tables,
        "title": data.plan.question,
        "subtitle": f"Study {data.plan.study}, profile {data.plan.profile}",
        "answer": opening,
        "summary": " ".join(opening),
        "verdicts": counts(verdicts, VERDICTS),
        "commands": {variant: repeat_command(data, variant) for variant in data.variants},
        "notices": notices(data),
        "main": main,
        "figures": figures,
        "gains": [name for name in GAINS if name in figures],
        "switches": {switch: switch_words(switch) for switch in data.plan.switches},
        "left_out": data.left_out,
        "names_pairs": data.names_pairs,
        "margin": f"{100 * data.plan.margin:g}",
        "most_seeds": MOST_SEEDS,
        "provenance": provenance(data),
    }
    return write_report_pages(out_folder, "report", content, [*main, *tables.values()])
