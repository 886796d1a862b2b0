"""`leo-bench classify`: adapt a trained model to your own drawings, and classify others."""

import argparse

from leo_bench.figures.drawings import AnswerGrid
from leo_bench.records import write_atomic
from leo_bench.running.classify_folder import answers_csv, classify_folder, summary


def command_classify(options: argparse.Namespace) -> None:
    """Print accuracy before and after adapting and the mistakes, or the answers where classes are unknown."""
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
