"""`leo-bench examples`: draw example episodes of a run."""

import argparse

import numpy as np

from leo_bench.commands.given import refuse_unused_data
from leo_bench.commands.runs import find_run
from leo_bench.figures.code_paths import code_paths_png
from leo_bench.figures.drawings import AnswerGrid
from leo_bench.records import read_settings, write_atomic
from leo_bench.records.example import Example, movement
from leo_bench.running.example_episodes import example_episodes
from leo_bench.running.numerics import numerics_digest


def command_examples(options: argparse.Namespace) -> None:
    """Write pictures into reports/examples-<run_key>/, which git ignores, and print what they show."""
    run = find_run(options.results, options.key)
    refuse_unused_data(options.data, [read_settings(run).dataset])
    result, examples, n_first = example_episodes(run, options.data)
    folder = options.reports / f"examples-{result.run_key}"
    write_atomic(folder / ".gitignore", b"*\n")  # they show drawings of the data
    settings, pictures = result.settings, []
    print(
        f"run {result.run_key}: {settings['learner']}, {settings['n_way']}-way {settings['k_shot']}-shot, "
        f"{settings['dataset']}, {settings['image_size']}x{settings['image_size']} pixels"
    )
    now = numerics_digest(settings["learner"], settings["dataset"])
    if now != result.numerics:
        print(f"numerics digest {result.numerics} in training, {now} here; the recorded counts agree")
    print(f"of the first {n_first} test episodes, by the recorded number of right answers:")
    for example in examples:
        pictures.append((folder / f"{example.which}.png", grid_of(example).png()))
        if example.codes is not None:
            pictures.append((folder / f"{example.which}-codes.png", code_paths_png(example.names, example.codes)))
        print(f"  {in_words(example)}")
    for path, picture in pictures:
        write_atomic(path, picture)
        print(path)


def grid_of(example: Example) -> AnswerGrid:
    """Return the drawings of an episode with the answers after adaptation."""
    (n_way, k_shot), n_query = example.support.shape[:2], example.query.shape[1]
    classes, side = np.arange(n_way), example.support.shape[2:]
    return AnswerGrid(
        example.names,
        example.support.reshape(-1, *side),
        classes.repeat(k_shot),
        example.query.reshape(-1, *side),
        classes.repeat(n_query),
        example.predicted[-1].ravel(),
    )


def in_words(example: Example) -> str:
    """Return answers before and after adaptation, mistakes, and how far the class codes move, in a line."""
    changed = example.predicted[0] != example.predicted[-1]
    mended, spoilt = (changed & example.right[-1]).sum(), (changed & example.right[0]).sum()
    wrong = {name: example.mistakes(index) for index, name in enumerate(example.names)}
    taken = [f"{name} taken for {other} ({n})" for name, others in wrong.items() for other, n in others.items()]
    words = (
        f"{example.title}: {example.correct[0]} to {example.correct[-1]} of {changed.size} right; answers changed: "
        f"{changed.sum()} ({mended} to right, {spoilt} to wrong); mistakes: {', '.join(taken) or 'none'}"
    )
    if example.codes is None:
        return words
    moved = np.linalg.norm(example.codes[-1] - example.codes[0], axis=-1).mean()
    return f"{words}; codes move {moved:.3g} of {movement(example.codes).apart:.3g} between classes"
