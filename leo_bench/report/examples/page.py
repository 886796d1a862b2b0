"""Writes the examples page: report.html, figures/ and tables/."""

from pathlib import Path

from leo_bench.records import Result, write_atomic
from leo_bench.records.example import Example
from leo_bench.report.examples.figures import code_plot, grid_plot
from leo_bench.report.examples.tables import episode_table
from leo_bench.report.pages import show, write_page, write_tables

SHOWN = ("learner", "generated", "decode", "relation", "latent_dim", "inner_steps", "inner_lr", "seed")
"""Settings named in the head of the page, as far as the run has them."""


def write_example_page(folder: Path, result: Result, examples: list[Example], n_first: int, numerics: str) -> Path:
    """Write the page of a run's examples into folder. Returns the path of report.html.

    A .gitignore in the folder keeps it out of git. n_first: number of episodes that the examples were chosen from.
    numerics: digest of the source that answered them.
    """
    write_atomic(folder / ".gitignore", b"*\n")
    table, sections = episode_table(examples), []
    for example in examples:
        plots = [grid_plot(example), *([] if example.codes is None else [code_plot(example, example.codes)])]
        figures = [show(plot, folder / "figures") for plot in plots]
        sections.append({"id": example.which, "title": example.title, "figures": figures})
    write_tables([table], folder / "tables")
    right = (f"{one.title}: {one.correct[0]} to {one.correct[-1]} of {one.predicted[0].size} right" for one in examples)
    content = {
        "title": f"Example episodes of run {result.run_key}",
        "summary": "; ".join(right),
        "facts": facts(result, examples, n_first, numerics),
        "sections": sections,
        "episodes": table,
    }
    return write_page(folder / "report.html", "examples.html.j2", content)


def facts(result: Result, examples: list[Example], n_first: int, numerics: str) -> list[tuple[str, str]]:
    """Return (what, words): the run, how the episodes were chosen, and what was checked."""
    settings = result.settings
    size, names = settings["image_size"], [name for name in SHOWN if name in settings]
    shape = f"{settings['n_way']}-way {settings['k_shot']}-shot, {settings['dataset']} {size}x{size}"
    return [
        ("run", f"{shape}, {settings['n_train_episodes']:,} training episodes"),
        ("settings", ", ".join(f"{name} {settings[name]}" for name in names)),
        ("episodes", f"{', '.join(one.which for one in examples)} of the first {n_first} test episodes"),
        ("numerics digest", f"{result.numerics} in training, {numerics} for this page"),
    ]
