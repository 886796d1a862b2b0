"""`leo-bench classify`: adapt a trained model to your own drawings, and classify others."""

import argparse
from pathlib import Path

from leo_bench.errors import LeoBenchError
from leo_bench.figures.drawings import AnswerGrid
from leo_bench.records import write_atomic
from leo_bench.running.classify_folder import answers_csv, classify_folder, summary


def command_classify(options: argparse.Namespace) -> None:
    """Print accuracy before and after adapting and the mistakes, or the answers where classes are unknown."""
    _refuse_among_pictures(options)
    result = classify_folder(options.folder, options.model, options.query, options.shots)
    print(summary(result))
    if options.csv:
        write_atomic(options.csv, answers_csv(result))
        print(options.csv)
    if options.picture:
        support, queries = result.support, result.queries
        grid = AnswerGrid(
            list(support.classes), support.images, support.labels, queries.images, queries.labels, result.after
        )
        write_atomic(options.picture, grid.png())
        print(options.picture)


def _refuse_among_pictures(options: argparse.Namespace) -> None:
    """Raise LeoBenchError if an output lies in a folder of pictures, where it could replace one of them."""
    outputs: dict[str, Path | None] = {"--csv": options.csv, "--picture": options.picture}
    for option, path in outputs.items():
        for folder in filter(None, (options.folder, options.query)):
            if path and path.resolve().is_relative_to(folder.resolve()):
                raise LeoBenchError(f"{option} {path} lies among the pictures of {folder}; name a file outside")
