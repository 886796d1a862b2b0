"""The figures of a report: which panels are drawn from which rows, with captions and alternative text."""

from dataclasses import dataclass
from functools import partial

import pandas as pd

from leo_bench import figures
from leo_bench.report.compare import effects, mean_accuracy
from leo_bench.report.drawing import Panel
from leo_bench.report.gather import Cell, StudyData, cell_name, setting_names, switch_variants, why_not
from leo_bench.report.tables import documented_band, percent

MOST_CELLS = 4


@dataclass(frozen=True)
class Plot:
    """A figure of one or more panels."""

    name: str
    title: str
    caption: str
    panels: list[Panel]
    columns: int = 2


def subtitle(data: StudyData, *variants: str) -> str:
    """Data set with digest, image size and shots of what is drawn: `omniglot 5f1c0ffe, 28x28, 1-shot`."""
    chosen = [data.settings[name] for name in variants or data.variants if name in data.settings]
    sizes = "/".join(str(size) for size in sorted({int(settings["image_size"]) for settings in chosen}))
    shots = "/".join(str(shot) for shot in sorted({int(settings["k_shot"]) for settings in chosen}))
    return f"{data.data_name()}, {sizes} px, {shots}-shot"


def n_words(rows: pd.DataFrame) -> str:
    """`3 seeds`, `2 to 3 seeds`: how many runs stand behind each mean."""
    counts = rows.groupby("variant")["seed"].nunique()
    few, many = int(counts.min()), int(counts.max())
    return f"{few} seed{'s' if few > 1 else ''}" if few == many else f"{few} to {many} seeds"


def interval_caption(rows: pd.DataFrame) -> str:
    """n and the kind of interval."""
    single = rows.groupby("variant")["seed"].nunique().max() < 2
    interval = (
        "one seed each: dotted bars are 95% intervals over the test episodes of one model, not over seeds"
        if single
        else "bars: 95% t interval over seeds; dotted, where there is one seed: over its test episodes"
    )
    episodes = ", ".join(f"{n:,}" for n in sorted(rows["n_test_episodes"].unique()))
    return f"n = {n_words(rows)} per setting, {episodes} test episodes each; {interval}"


def switch_plot(data: StudyData, switch: str) -> Plot | None:
    """Accuracy against one switch's setting, a panel per test; None before two settings have a done run."""
    variants = switch_variants(data, switch)
    if data.rows(data.headline, *variants)["variant"].nunique() < 2:
        return None
    names = setting_names(data, switch, variants)
    order = list(dict.fromkeys(names.values()))
    first = {setting: next(name for name in variants if names[name] == setting) for setting in order}
    panels = []
    for cell in data.cells[:MOST_CELLS]:
        rows = data.rows(cell, *variants)
        if rows["variant"].nunique() < 2:
            continue
        rows = rows.assign(setting=rows["variant"].map(names))
        bands = [documented_band(data, cell, name) for name in first.values()]
        lines = reference_lines(data, cell, rows)
        draw = partial(
            figures.accuracy_by_setting,
            rows,
            order,
            data.styles,
            references=lines,
            bands=bands,
            chance=1 / cell[0],
            xlabel=switch,
        )
        alt = f"{cell_name(cell)} accuracy against {switch}: " + ", ".join(
            f"{names[name]} {percent(interval.mean)}%"
            for name in variants
            if (interval := mean_accuracy(data, cell, name))
        )
        right = 1.2 if lines else 0.3
        width = 2.45 + 0.55 + right
        panels.append(Panel(draw, cell_name(cell), subtitle(data, *variants), width=width, right=right, alt=alt))
    if not panels:
        return None
    rows = data.rows(data.headline, *variants)
    marks = "Large marks: means; small marks beside them: single seeds."
    caption = f"Accuracy against {switch}. {marks} {interval_caption(rows)}."
    if any(documented_band(data, data.headline, name) for name in variants):
        caption += " Shaded: what the source document expects on Omniglot after 2,000 episodes."
    return Plot(f"switch-{switch}", f"Accuracy against {switch}", caption, panels)


def reference_lines(data: StudyData, cell: Cell, rows: pd.DataFrame) -> dict[str, tuple[str, float]]:
    """Reference variant -> (label, mean accuracy) where its test is the one drawn; its training budget may differ,
    that is its point.
    """
    lines = {}
    for name in data.plan.references:
        own = data.rows(cell, name)
        free = ("n_train_images", "train_classes")
        if not own.empty and all(
            not why_not(own.iloc[0], row, skip=free) for _, row in rows.drop_duplicates("variant").iterrows()
        ):
            lines[name] = (data.label(name), float(own["accuracy"].mean()))
    return lines


def forest_plot(data: StudyData) -> Plot | None:
    """Paired effects of all variants on the headline test and on the hardest one."""
    panels = []
    hardest = [cell for cell in data.cells if cell[1] == "mixed"][-1:]
    for cell in dict.fromkeys([data.headline, *hardest]):
        frame = effects(data, cell)
        frame = frame[frame["compared"].astype(bool)]
        if frame.empty:
            continue
        draw = partial(figures.effects_forest, frame, data.styles, margin=data.plan.margin)
        alt = f"Paired differences with the baseline, {cell_name(cell)}: " + ", ".join(
            f"{row['label']} {figures.signed(100 * row['difference'])} points ({row['verdict']})"
            for row in frame.to_dict("records")
        )
        longest = max(len(str(label)) for label in frame["label"])
        height = 1.05 + (0.2 if longest <= figures.LABEL_WIDTH else 0.29) * len(frame)
        panels.append(
            Panel(
                draw,
                cell_name(cell),
                subtitle(data, data.plan.baseline),
                height=height,
                left=0.35 + 0.068 * min(longest, figures.LABEL_WIDTH),
                right=0.5,
                alt=alt,
            )
        )
    if not panels:
        return None
    kinds = set(effects(data, data.headline).query("compared == True")["kind"])
    over = (
        "over seeds"
        if kinds == {"seeds"}
        else "over test episodes of two trained models (dotted), which says nothing about other seeds"
    )
    over = over if len(kinds) < 2 else "over seeds (solid), or with one seed over test episodes (dotted)"
    caption = (
        f"Paired difference with {data.label(data.plan.baseline)}, in points of accuracy, same seeds and same test "
        f"episodes; bars: 95% interval "
        f"{over}; shaded: the {100 * data.plan.margin:g} points either way that do not matter. Arrowheads: beyond "
        f"the axis."
    )
    return Plot("effects", "What each change is worth", caption, panels)


def families(data: StudyData) -> list[tuple[str, list[str]]]:
    """Switches with their variants, for figures that have a panel per switch; those with something to compare already.

    Without such a switch everything is in one panel.
    """
    done = set(data.scores["variant"])
    found = [(switch, switch_variants(data, switch)) for switch in data.plan.switches]
    found = [(switch, variants) for switch, variants in found if len(done.intersection(variants)) > 1]
    return found or [("all variants", data.variants)]


def named(data: StudyData, frame: pd.DataFrame, switch: str, variants: list[str]) -> pd.DataFrame:
    """The frame with each variant labelled by its setting, as the axis of its switch has it."""
    if switch not in data.plan.switches:
        return frame
    return frame.assign(label=frame["variant"].map(setting_names(data, switch, variants)))


def steps_plot(data: StudyData) -> Plot | None:
    """Accuracy before adaptation and after each inner step, a panel per switch."""
    mixed = [cell for cell in data.cells if cell[1] == "mixed"] or [data.headline]
    frames = {cell: step_frame(data, cell) for cell in mixed}
    panels = []
    for switch, variants in families(data):
        most = max(frames[cell]["variant"].isin(variants).sum() for cell in mixed)
        cell = [cell for cell in mixed if frames[cell]["variant"].isin(variants).sum() == most][-1]
        frame = frames[cell]
        rows = named(data, frame[frame["variant"].isin(variants)], switch, variants)
        if rows.empty or rows["step"].max() == 0:
            continue
        means = rows.groupby(["variant", "step"], sort=False)["accuracy"].mean()
        alt = f"Accuracy by inner step for {switch}: " + ", ".join(
            f"{data.label(str(name))} from {percent(steps.iloc[0])} to {percent(steps.iloc[-1])}%"
            for name, steps in means.groupby(level="variant", sort=False)
        )
        panels.append(
            Panel(
                partial(figures.accuracy_by_step, rows, data.styles),
                f"{switch}, {cell_name(cell)}",
                subtitle(data, *variants),
                right=1.1,
                alt=alt,
            )
        )
    if not panels:
        return None
    caption = (
        "Accuracy before adaptation (step 0) and after each inner step, on the test with most ways that all settings "
        f"of the switch were scored on; means over {n_words(frames[mixed[0]])}; shaded: 95% t interval over seeds."
    )
    return Plot("inner-steps", "Before and after adaptation", caption, panels, columns=3)


def step_frame(data: StudyData, cell: Cell) -> pd.DataFrame:
    """Accuracy by inner step: columns variant, label, seed, step, accuracy; variants that adapt at all."""
    rows = []
    for row in data.rows(cell).itertuples():
        _, test = data.test(str(row.variant), int(row.seed), cell)  # type: ignore[arg-type]
        if len(test.steps) > 1:
            for step, accuracy in zip(test.steps, test.accuracy_by_step, strict=True):
                rows.append(
                    {"variant": row.variant, "label": row.label, "seed": row.seed, "step": step, "accuracy": accuracy}
                )
    return pd.DataFrame(rows, columns=["variant", "label", "seed", "step", "accuracy"])


def curve_frame(data: StudyData) -> pd.DataFrame:
    """Training and validation curves: columns variant, label, seed, episode, accuracy, part."""
    rows = []
    kept = set(data.scores["run_key"])
    for run in data.view.done:
        if run.result is None or run.planned.run_key not in kept:
            continue
        one = {"variant": run.planned.variant, "label": data.label(run.planned.variant), "seed": run.planned.seed}
        rows += [
            {**one, "episode": p.episode, "accuracy": p.train_accuracy, "part": "training"} for p in run.result.curve
        ]
        rows += [
            {**one, "episode": p.episode, "accuracy": p.accuracy, "part": "validation"} for p in run.result.validation
        ]
    return pd.DataFrame(rows, columns=["variant", "label", "seed", "episode", "accuracy", "part"])


def curves_plot(data: StudyData) -> Plot | None:
    """Training and validation accuracy, a panel per switch."""
    frame = curve_frame(data)
    panels = []
    for switch, variants in families(data):
        rows = named(data, frame[frame["variant"].isin(variants)], switch, variants)
        if rows["episode"].nunique() < 2:
            continue
        validation = rows[rows["part"] == "validation"]
        last = validation[validation["episode"] == validation.groupby("variant")["episode"].transform("max")]
        ends = last.groupby("variant", sort=False)["accuracy"].mean()
        alt = f"Training and validation accuracy for {switch}; last validation: " + ", ".join(
            f"{data.label(str(name))} {percent(value)}%" for name, value in ends.items()
        )
        panels.append(
            Panel(
                partial(figures.learning_curves, rows, data.styles),
                switch,
                subtitle(data, *variants),
                right=1.1,
                alt=alt,
            )
        )
    if not panels:
        return None
    caption = (
        f"Accuracy on validation episodes (solid, shaded: 95% t interval over seeds) and on training episodes "
        f"(dashed) while training, means over "
        f"{n_words(frame)}."
    )
    return Plot("curves", "Training and validation curves", caption, panels, columns=3)


def cost_plot(data: StudyData) -> Plot | None:
    """Accuracy against training time on the headline test and the hardest mixed one."""
    panels = []
    hardest = [cell for cell in data.cells if cell[1] == "mixed"][-1:]
    for cell in dict.fromkeys([data.headline, *hardest]):
        rows = data.rows(cell)
        if rows.empty:
            continue
        means = rows.groupby("label", sort=False)[["train_seconds", "accuracy"]].mean()
        alt = f"{cell_name(cell)} accuracy against training minutes: " + ", ".join(
            f"{label} {percent(accuracy)}% in {seconds / 60:.1f}" for label, seconds, accuracy in means.itertuples()
        )
        draw = partial(figures.accuracy_by_cost, rows, data.styles)
        longest = max(len(str(label)) for label in means.index)
        panels.append(
            Panel(
                draw,
                cell_name(cell),
                subtitle(data),
                width=5.0,
                height=max(2.75, 1.1 + (0.125 if longest < figures.LABEL_WIDTH - 4 else 0.21) * len(means)),
                right=min(0.45 + 0.06 * (longest + 5), 1.95),
                alt=alt,
            )
        )
    if not panels:
        return None
    caption = (
        f"Accuracy against training time of one run (test time left out), large marks: means over "
        f"{n_words(data.rows(data.headline))}, small "
        "marks: single runs. Times are of the machines under Provenance."
    )
    return Plot("cost", "Accuracy against training time", caption, panels)


def all_plots(data: StudyData) -> dict[str, Plot]:
    """Every figure that the study's runs allow, by name, in the report's order."""
    if data.scores.empty:
        return {}
    plots = [forest_plot(data), *(switch_plot(data, switch) for switch in data.plan.switches)]
    plots += [steps_plot(data), curves_plot(data), cost_plot(data)]
    return {plot.name: plot for plot in plots if plot is not None}
