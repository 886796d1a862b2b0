"""Adapt a trained LEO to ten pictures of your own alphabet, and classify others.

    .venv/bin/python examples/adapt_your_own.py                                   # the drawings in examples/drawings
    .venv/bin/python examples/adapt_your_own.py my/support my/query out.png       # yours: a folder for each class

docs/use.md explains it. `leo-bench classify` does the same from a shell.
"""

import sys
from pathlib import Path

from leo_bench import load_pretrained, read_drawings
from leo_bench.errors import LeoBenchError
from leo_bench.figures.drawings import AnswerGrid
from leo_bench.records import write_atomic

DRAWINGS = Path(__file__).parent / "drawings"


def adapt(support_folder: Path, query_folder: Path, picture: Path) -> None:
    """Print the accuracy on the queries before and after adapting, and draw support set, queries and answers."""
    for folder in (support_folder, query_folder):
        if picture.resolve().is_relative_to(folder.resolve()):
            raise LeoBenchError(f"{picture} lies among the pictures of {folder}; name a file outside")
    leo = load_pretrained("tuned")
    support, labels, classes = read_drawings(support_folder)
    queries, truth, _ = read_drawings(query_folder, classes=classes)
    codes = leo.encode_task(support, labels)
    before = leo.classifier(queries, leo.decode_to_params(codes)).argmax(1)
    adapted = leo.inner_update(support, labels, codes)
    after = leo.classifier(queries, leo.decode_to_params(adapted)).argmax(1)
    print(f"{len(support)} pictures of {len(classes)} classes, {len(queries)} others to classify")
    print(f"before adapting {(before == truth).float().mean():.1%}, after {(after == truth).float().mean():.1%}")
    drawn = [(255 * images[:, 0]).byte().numpy() for images in (support, queries)]
    grid = AnswerGrid(classes, drawn[0], labels.numpy(), drawn[1], truth.numpy(), after.numpy())
    write_atomic(picture, grid.png())
    print(f"picture in {picture}")


if __name__ == "__main__":
    given = [Path(argument) for argument in sys.argv[1:]]
    if len(given) not in (0, 2, 3):
        raise SystemExit("error: expected a folder of support pictures, one of queries, and the picture to write")
    folders = given[:2] or [DRAWINGS / "support", DRAWINGS / "query"]
    try:
        adapt(*folders, *(given[2:] or [Path("adapt_your_own.png")]))
    except LeoBenchError as error:
        raise SystemExit(f"error: {error}") from None
