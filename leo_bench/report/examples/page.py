"""Writes the examples page: report.html, figures/ and tables/."""

from pathlib import Path
from typing import Any

from leo_bench.records import Result, write_atomic
from leo_bench.records.example import Example
from leo_bench.report.examples.panels import code_plot, grid_plot
from leo_bench.report.examples.sentences import (
    answer_words,
    chosen_words,
    local_words,
    movement_words,
    run_words,
    verified_words,
)
from leo_bench.report.examples.tables import class_table, step_table
from leo_bench.report.pages import show, write_page


def write_example_page(folder: Path, result: Result, examples: list[Example], n_first: int, numerics: str) -> Path:
    """Write the page of a run's examples into folder. Returns the path of report.html.

    A .gitignore in the folder keeps it out of git. n_first: number of episodes that the examples were chosen from.
    numerics: digest of the source that answered them.
    """
    write_atomic(folder / ".gitignore", b"*\n")
    sections: list[dict[str, Any]] = []
    for example in examples:
        plots = [grid_plot(example)]
        if example.codes is not None:
            plots.append(code_plot(example, example.codes))
        sections.append(
            {
                "id": example.which,
                "title": example.title,
                "words": [answer_words(example), movement_words(example)],
                "figures": [show(plot, folder / "figures") for plot in plots],
                "table": class_table(example),
            }
        )
    steps = step_table(examples)
    for table in [*(section["table"] for section in sections), *([steps] if len(steps.words) else [])]:
        write_atomic(folder / "tables" / f"{table.name}.csv", table.numbers.to_csv(index=False).encode())
    content = {
        "title": f"Example episodes of run {result.run_key}",
        "summary": " ".join(f"{example.title}: {answer_words(example)}" for example in examples),
        "run": run_words(result.settings),
        "local": local_words(result.settings),
        "chosen": chosen_words(examples, n_first),
        "verified": verified_words(result, numerics),
        "sections": sections,
        "steps": steps,
    }
    return write_page(folder / "report.html", "examples.html.j2", content)
