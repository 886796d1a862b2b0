"""Model card: the page that goes with a published model, made from the records of the study that has its run."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from leo_bench.config import PRESETS, Settings, differing, names_of, preset_values, with_defaults
from leo_bench.config.explain import plain
from leo_bench.errors import LeoBenchError
from leo_bench.learners import LEARNERS
from leo_bench.records import RunState, TestResult
from leo_bench.statistics import seed_interval

FRONT = ("license", "dataset", "study", "variant")
"""Fields above the text of a card, between two lines `---`."""
LICENCE = "MIT"
LIMITS = (
    "It was trained on {dataset} alone: handwritten characters, one on each image, ink 1 on paper 0, {side}x{side} "
    "pixels. Pictures of other things are beyond it. The data set is not part of this repository.",
    "Its accuracy on your own drawings is not the one on this page: prepare them as the data set is "
    "(`leo-bench classify` does), and measure it on drawings that it did not adapt on.",
    "The numbers are those of one split of the characters. Bits agree on the same kind of processor with the same "
    "versions; elsewhere a few answers may differ.",
)
Test = tuple[Any, ...]
"""A test's data set, ways, shots, kind of episodes and number of wrong labels."""


def card_text(name: str, study: str, runs: Sequence[RunState], file: bytes) -> str:
    """Return the card of a model as Markdown.

    study: folder of the published study; runs: the done runs of the model's variant, first that of the model; file:
    content of the model's file.
    """
    own = runs[0]
    assert own.result is not None
    result, values = own.result, own.planned.settings
    learner = LEARNERS[values["learner"]]
    dataset = values["dataset"].capitalize()
    front = dict(zip(FRONT, (LICENCE.lower(), values["dataset"], study, own.planned.variant), strict=True))
    seeds = ", ".join(str(run.planned.seed) for run in runs)
    ways = "any number of classes" if Settings.model_construct(**values).any_way else f"{values['n_way']} classes"
    facts = {
        "method": f"{learner.description}; {ways}, any number of images a class",
        "preset": preset_words(name, values),
        "trained on": f"{dataset}, class split `{values['class_split']}`, classes `{values['train_classes']}`, "
        f"{result.n_train_images:,} images of {values['image_size']}x{values['image_size']} pixels in "
        f"{result.n_train_episodes:,} episodes; digest of the data {result.data_digest[:12]}",
        "run": f"`{result.run_key}`, variant `{own.planned.variant}` of "
        f"[{study}](../results/official/{study}/scores.csv)",
        "seed": f"{own.planned.seed}, the lowest of the variant's seeds {seeds}; chosen without a look at test",
        "source": f"numerics digest `{result.numerics}`, commit `{result.commit}`, torch {result.versions['torch']}, "
        f"{values['precision']}, on {result.host.get('processor', 'an unknown processor')}",
        "file": f"{len(file) / 1e6:.1f} MB, SHA-256 `{sha256(file).hexdigest()}`",
        "weights": f"{result.n_parameters:,} trained parameters{_fixed(values)}; digest of the weights in the record "
        f"`{result.weights_digest}`",
        "training": f"{result.train_seconds:,.0f} seconds on one core, with other work on the machine",
        "licence": f"{LICENCE}, as the project",
    }
    before = ", before adapting and after," if learner.inner_loop else ""
    limits = [text.format(dataset=dataset, side=values["image_size"]) for text in LIMITS]
    blocks = [
        "\n".join(["---", *(f"{key}: {value}" for key, value in front.items()), "---"]),
        f"# {name}",
        f'`leo_bench.load_pretrained("{name}")` and `leo-bench classify FOLDER --model {name}` use this model '
        "([how](../docs/use.md)). This page is made by `leo-bench publish-model`.",
        _table(["what", ""], [[what, words] for what, words in facts.items()]),
        "## Accuracy on test",
        f"In percent. Of this model: its accuracy{before} with the 95% interval over "
        f"{own.headline.n_test_episodes:,} test episodes. Of its variant: the mean over {len(runs)} seeds, with the "
        "95% interval over seeds. Other data sets than that of the training are tests under domain shift.",
        _table(*_accuracy(runs, learner.inner_loop)),
        "## Settings",
        f"Those that are not at their default ([all of them](../docs/leo.md#settings)): "
        f"{', '.join(f'`{key}` {plain(value)}' for key, value in differing(used_settings(own)).items())}."
        + ("" if learner.inner_loop else " Those of codes and of inner steps change nothing here: it has neither."),
        "## Limits",
        "\n".join(f"- {text}" for text in limits),
    ]
    return "\n\n".join(blocks) + "\n"


def _accuracy(runs: Sequence[RunState], adapts: bool) -> tuple[list[str], list[list[str]]]:
    """Return head and rows of the table of accuracies, without the column before adapting if the method has no loop."""
    head, rows = ["test", "before adapting", "this model", "mean over seeds"], accuracy_rows(runs)
    return (head, rows) if adapts else ([head[0], *head[2:]], [[row[0], *row[2:]] for row in rows])


def _fixed(values: dict[str, Any]) -> str:
    """Return a remark on numbers of the file that are not trained, besides the statistics of batch norm."""
    fixed = values["learner"] == "leo" and values["frozen_maps"]
    return ", and fixed maps from features to codes and back" if fixed else ""


def accuracy_rows(runs: Sequence[RunState]) -> list[list[str]]:
    """Return one row per test: its name, accuracy of the first run before and after adapting, mean over all runs."""
    rows = []
    others = [{_test(test): test for test in run.tests} for run in runs]
    for test in runs[0].tests:
        interval = seed_interval([tests[_test(test)].accuracy for tests in others if _test(test) in tests])
        mean = f"{100 * interval.mean:.1f}"
        if interval.low is not None and interval.high is not None:
            mean += f" ({100 * interval.low:.1f} to {100 * interval.high:.1f})"
        accuracy = f"{100 * test.accuracy:.1f} ± {100 * test.accuracy_ci95:.1f}"
        name = f"{test.asked.episodes_name} on {test.dataset}"
        rows.append([name, f"{100 * test.accuracy_before:.1f}", accuracy, mean])
    return rows


def _test(test: TestResult) -> Test:
    return test.dataset, test.n_way, test.k_shot, test.episode_mode, test.mislabelled


def used_settings(run: RunState) -> dict[str, Any]:
    """Return the settings of a run that decide its weights and how they answer a test, as plain JSON values.

    Raises LeoBenchError if the run is tested with another classifier than its own, or with its queries alone.
    """
    assert run.result is not None
    method = run.headline.asked.method_settings()
    if method["test_head"] != "own":
        raise LeoBenchError(
            f"variant {run.planned.variant} is tested with test_head={method['test_head']}, which is no part of a "
            "model; name a variant that answers by itself"
        )
    if method["test_queries"] != "together":
        raise LeoBenchError(
            f"variant {run.planned.variant} is tested with test_queries={method['test_queries']}, which is no part of "
            "a model; name the variant that is tested without"
        )
    return {**run.result.settings, **method}


def preset_words(name: str, values: dict[str, Any]) -> str:
    """Return what a model's settings change in the preset of its name: `tuned`, or `leo with image_size 28`."""
    if name not in PRESETS:
        return "none; its settings are below"
    own = with_defaults(preset_values(name))
    asked = names_of("method", "training", "protocol", "machine")
    changed = {each: values[each] for each in asked if each in values and values[each] != own[each]}
    changed = {each: value for each, value in changed.items() if each not in ("train_classes", "seed")}
    return f"`{name}`" + (" with " if changed else "") + ", ".join(f"`{k}` {plain(v)}" for k, v in changed.items())


def front_of(card: str) -> dict[str, str]:
    """Return the fields above the text of a card. Raises LeoBenchError if they are missing."""
    lines = card.split("---\n", 2)[1].splitlines() if card.startswith("---\n") else []
    front = dict(line.split(": ", 1) for line in lines if ": " in line)
    if set(front) != set(FRONT):
        raise LeoBenchError(f"a model card starts with {', '.join(FRONT)} between two lines ---, but this one does not")
    return front


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(cells) + " |" for cells in [head, *rows]]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])
