"""Classifying your own drawings: adapt a published model to some pictures of each class, and answer others."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leo_bench.api import model_from
from leo_bench.config import Settings
from leo_bench.data.own_drawings import OwnDrawings, class_folders, query_folder
from leo_bench.data.support_copies import SUPPORT_COPIES
from leo_bench.errors import LeoBenchError
from leo_bench.records import listed
from leo_bench.training.answer_queries import answer_queries
from leo_bench.training.model_files import find_model, read_model


@dataclass(frozen=True)
class ClassifiedDrawings:
    """Answers of a model to Q queries, before and after it adapted to a support set."""

    model: str
    support: OwnDrawings
    queries: OwnDrawings
    before: np.ndarray
    """Answer to each query before adapting, int64 [Q], an index into support.classes."""
    after: np.ndarray
    """Answer to each query after adapting, int64 [Q]."""
    adapts: bool
    """False if the model takes no steps."""

    @property
    def known(self) -> np.ndarray:
        """True for each query whose class is known, bool [Q]."""
        return self.queries.labels >= 0


def classify_folder(folder: Path, model: str, query: Path | None, shots: int | None) -> ClassifiedDrawings:
    """Adapt a model to pictures of folder, and classify the others or those of the folder query.

    model: as load_pretrained takes it. shots: number of support images, the first of each class by name; None: 1, or
    all if query is given. Raises LeoBenchError if a picture, a folder or the number of classes does not fit, or if
    there is nothing to classify.
    """
    if shots is not None and shots < 1:
        raise LeoBenchError(f"--shots is {shots}: expected at least 1 support image of each class")
    info, weights = read_model(find_model(model))
    settings, learner = info.at_test(), model_from(info, weights)
    found = class_folders(folder)
    n_way = len(found.classes)
    _check_ways(info.name, settings, n_way)
    support, rest = _split(found, shots if shots is not None else (None if query else 1))
    queries = rest if query is None else query_folder(query, found.classes)
    if not len(queries):
        lower = "lower --shots, " if (shots or 1) > 1 else ""
        raise LeoBenchError(
            f"{folder} has no picture left to classify beside the support images; add pictures, {lower}or name others "
            "with --query"
        )
    drawings, copies = support.tensor(settings.image_size), SUPPORT_COPIES[settings.test_support_copies]
    logits = answer_queries(
        learner, drawings, support.label_tensor(), queries.tensor(settings.image_size), n_way, copies
    )
    before, after = (step.argmax(-1).numpy() for step in (logits[0], logits[-1]))
    return ClassifiedDrawings(info.name, support, queries, before, after, adapts=len(logits) > 1)


def _check_ways(model: str, settings: Settings, n_way: int) -> None:
    """Raise LeoBenchError if a model does not take this number of classes."""
    if n_way != settings.n_way and not settings.any_way:
        raise LeoBenchError(
            f"model {model} tells {settings.n_way} classes apart, but there are {n_way} folders; give it "
            f"{settings.n_way}, or take a model for any number of classes, such as tuned"
        )


def _split(found: OwnDrawings, shots: int | None) -> tuple[OwnDrawings, OwnDrawings]:
    """Return the first drawings of each class, shots of them or all for None, and the other drawings."""
    place = np.concatenate([np.arange(np.sum(found.labels == label)) for label in range(len(found.classes))])
    first = np.full(len(found), True) if shots is None else place < shots
    return found.part(first), found.part(~first)


def summary(result: ClassifiedDrawings) -> str:
    """Return what was adapted to and classified, and accuracy before and after where classes are known, as lines."""
    counts = np.bincount(result.support.labels, minlength=len(result.support.classes))
    shots = f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"
    images = "image" if counts.max() == 1 else "images"
    lines = [
        f"model {result.model}: {len(counts)} classes with {shots} support {images} each, {len(result.queries)} to "
        "classify"
    ]
    known, truth = result.known, result.queries.labels
    stages = {"before adapting": result.before, "after adapting": result.after}
    if not result.adapts:
        stages = {"the model takes no steps": result.after}
    n_again = _n_support_again(result)
    if n_again:
        lines.append(
            f"{n_again} of the {len(result.queries)} are support images too, or copies of them: the model has seen them"
        )
    lacking = [name for label, name in enumerate(result.support.classes) if label not in truth]
    if known.any() and lacking:
        n = f"{len(lacking)} classes have" if len(lacking) > 1 else "1 class has"
        lines.append(f"{n} no picture to classify ({listed(lacking, most=3)}): accuracy is that of the others")
    for name, answers in stages.items():
        if known.any():
            right = int(np.sum(answers[known] == truth[known]))
            lines.append(f"{name:15}  {right} of {int(known.sum())} right ({right / known.sum():.1%})")
    if result.adapts:
        n_changed = int(np.sum(result.before != result.after))
        lines.append(f"adapting changed {n_changed} answer{'s' * (n_changed != 1)}")
    classes = result.support.classes
    for file, label, answer in zip(result.queries.files, truth, result.after, strict=True):
        if label < 0:
            lines.append(f"{file}: {classes[answer]}")
        elif label != answer:
            lines.append(f"{file}: taken for {classes[answer]}")
    left_out = list(dict.fromkeys((*result.support.left_out, *result.queries.left_out)))
    if left_out:
        more = f" and {len(left_out) - 1} more" if len(left_out) > 1 else ""
        lines.append(f"left out, since they hold no picture: {left_out[0]}{more}")
    return "\n".join(lines)


def _n_support_again(result: ClassifiedDrawings) -> int:
    """Return how many queries have the same file content as a support image."""
    support = {file.read_bytes() for file in result.support.files}
    return sum(file.read_bytes() in support for file in result.queries.files)


def answers_csv(result: ClassifiedDrawings) -> bytes:
    """Return one line per query: its file, its class (empty if unknown), the answers before and after adapting."""
    text, classes = io.StringIO(), result.support.classes
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "class", "answer_before", "answer"])
    rows = zip(result.queries.files, result.queries.labels, result.before, result.after, strict=True)
    for file, label, before, after in rows:
        writer.writerow([file, classes[label] if label >= 0 else "", classes[before], classes[after]])
    return text.getvalue().encode(errors="backslashreplace")  # a name on disk need not be UTF-8
