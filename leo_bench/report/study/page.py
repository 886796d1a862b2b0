"""Writes the report of a study."""

from dataclasses import dataclass
from pathlib import Path

from leo_bench.report.pages import Shown, show, write_report_pages, write_tables
from leo_bench.report.study.adaptation_effect import effect_table
from leo_bench.report.study.cost import cost_table
from leo_bench.report.study.data import STEP, StudyData
from leo_bench.report.study.differences import all_effects
from leo_bench.report.study.errors_by_character import NOT_RECORDED, character_table
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
from leo_bench.report.study.waterfall import step_table
from leo_bench.report.table import VERDICTS, ReportTable
from leo_bench.statistics import MOST_SEEDS


@dataclass(frozen=True)
class Section:
    """One switch: its explanation and figure; the table of a chain of steps."""

    switch: str
    words: str
    figure: Shown | None
    table: ReportTable | None


def write_study_report(data: StudyData, out_folder: Path) -> Path:
    """Write the report of a study that compares variants into out_folder. Returns the path of report.html."""
    figures = {name: show(plot, out_folder / "figures") for name, plot in all_plots(data).items()}
    main = main_tables(data)
    switches = [
        Section(
            switch,
            switch_words(switch),
            figures.get(f"switch-{switch}"),
            step_table(data) if switch == STEP else None,
        )
        for switch in data.plan.switches
    ]
    paired = effects_table(data) if main else None
    cost, time = cost_table(data), time_table(data)
    hardest, undone, redo, effect = character_table(data), problem_table(data), redo_table(data), effect_table(data)
    elsewhere = other_tests_table(data)
    sections = [section.table for section in switches]
    write_tables(
        [*main, paired, *sections, time, cost, elsewhere, effect, hardest, undone, redo], out_folder / "tables"
    )
    opening = answer(data)
    content = {
        "title": data.plan.question,
        "subtitle": f"Study {data.plan.study}, profile {data.plan.profile}",
        "answer": opening,
        "summary": " ".join(opening),
        "verdicts": verdict_counts(data),
        "commands": {variant: repeat_command(data, variant) for variant in data.variants},
        "notices": notices(data),
        "main": main,
        "figures": figures,
        "switches": switches,
        "effects": paired,
        "time": time,
        "cost": cost,
        "other_tests": elsewhere,
        "adaptation": effect,
        "hardest": hardest,
        "hardest_missing": NOT_RECORDED,
        "undone": undone,
        "left_out": data.left_out,
        "names_pairs": data.names_pairs,
        "margin": f"{100 * data.plan.margin:g}",
        "most_seeds": MOST_SEEDS,
        "provenance": provenance(data),
        "redo": redo,
    }
    return write_report_pages(out_folder, "report", content)


def verdict_counts(data: StudyData) -> list[str]:
    """Return `3 better`, `1 inconclusive`, ...: the verdicts on the headline test, in the order of VERDICTS."""
    frame = all_effects(data, data.headline)
    found = list(frame[frame["compared"].astype(bool)]["verdict"])
    return [f"{found.count(verdict)} {verdict}" for verdict in VERDICTS if verdict in found]
