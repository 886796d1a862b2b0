"""Checks of the batches that a user's data loader gives: one line each for what came and what is expected.

E tasks (episodes), N classes, K support and Q query images of each class, images with one channel and equal sides.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from leo_bench.errors import LeoBenchError

Batch = tuple[Tensor, Tensor, Tensor, Tensor]
NAMES = ("support_data", "support_labels", "query_data", "query_labels")
EXPECTED = f"({', '.join(NAMES)}), float32 [E, N * K, 1, H, H], int64 [E, N * K], and the same with N * Q"


def checked_batch(batch: Any, n_classes: int, side: int | None = None) -> Batch:
    """Return a batch of tasks, unchanged. side: side of the images if it is known, pixels.

    Raises LeoBenchError naming the part that does not fit: what came, what is expected, how to mend it.
    """
    support_x, support_y, query_x, query_y = parts = _four(batch)
    for name, images in (("support_data", support_x), ("query_data", query_x)):
        check_images(images, name, side)
        side = images.shape[-1]
    for name, labels, images in (("support_labels", support_y, support_x), ("query_labels", query_y, query_x)):
        _check_labels(labels, name, images)
    if len(support_x) != len(query_x):
        raise LeoBenchError(
            f"support_data has {len(support_x)} tasks, query_data {len(query_x)}; give both the same tasks"
        )
    check_classes(support_y, n_classes)
    if int(query_y.min()) < 0 or int(query_y.max()) >= n_classes:
        raise LeoBenchError(
            f"query_labels go from {int(query_y.min())} to {int(query_y.max())}: expected classes 0 to "
            f"{n_classes - 1}; give num_classes the n_way of the tasks"
        )
    return parts


def _four(batch: Any) -> Batch:
    """Return the four tensors of a batch. Raises LeoBenchError for the batches of other libraries."""
    if isinstance(batch, Mapping):
        names = ", ".join(map(repr, batch))
        hint = (
            "; for a batch of torchmeta: (*batch['train'], *batch['test'])" if {"train", "test"} <= set(batch) else ""
        )
        raise LeoBenchError(f"a batch is a dictionary with the keys {names}: expected {EXPECTED}{hint}")
    if not isinstance(batch, tuple | list):
        raise LeoBenchError(f"a batch is {_kind(batch)}: expected {EXPECTED}")
    if len(batch) != 4:
        kinds = ", ".join(map(_kind, batch))
        pairs = len(batch) == 2 and all(isinstance(part, tuple | list) and len(part) == 2 for part in batch)
        hint = "; for two pairs, of support and query: (*batch[0], *batch[1])" if pairs else ""
        raise LeoBenchError(f"a batch has {len(batch)} parts ({kinds}): expected {EXPECTED}{hint}")
    for name, part in zip(NAMES, batch, strict=True):
        if not isinstance(part, Tensor):
            raise LeoBenchError(f"{name} is {_kind(part)}: expected a tensor; a batch is {EXPECTED}")
    support_x, support_y, query_x, query_y = batch
    return support_x, support_y, query_x, query_y


def check_images(images: Tensor, name: str, side: int | None = None) -> None:
    """Raise LeoBenchError unless images are float32 [E, M, 1, H, H] without NaN or infinity, of this side if given."""
    shape = list(images.shape)
    if images.ndim != 5:
        hint = "; add the dimension of the tasks with x[None]" if images.ndim == 4 else ""
        raise LeoBenchError(
            f"{name} has {images.ndim} dimensions, {shape}: expected 5, [tasks, images of a task, 1, H, H]{hint}"
        )
    if not images.numel():
        raise LeoBenchError(f"{name} is empty, {shape}: expected [tasks, images of a task, 1, H, H]")
    if shape[2] != 1:
        hint = "; convert colours to grey: x.mean(2, keepdim=True)" if shape[2] == 3 else ""
        raise LeoBenchError(f"{name} has images of {shape[2]} channels, {shape}: expected 1{hint}")
    if shape[3] != shape[4]:
        raise LeoBenchError(
            f"{name} has images of {shape[3]}x{shape[4]} pixels, {shape}: expected equal sides; crop or resize them"
        )
    if side is not None and shape[3] != side:
        raise LeoBenchError(
            f"{name} has images of {shape[3]}x{shape[4]} pixels: expected {side}x{side}, as before; resize them"
        )
    if images.dtype != torch.float32:
        hint = "x.float() / 255" if images.dtype == torch.uint8 else "x.float()"
        raise LeoBenchError(f"{name} is {_dtype(images)}: expected float32 with ink 1 on paper 0; convert it: {hint}")
    if not bool(images.isfinite().all()):
        n_bad = int((~images.isfinite()).sum())
        raise LeoBenchError(
            f"{name} has {n_bad} pixels that are NaN or infinite: expected numbers; look at what reads it"
        )


def _check_labels(labels: Tensor, name: str, images: Tensor) -> None:
    """Raise LeoBenchError unless labels are int64 with one for each image."""
    expected = list(images.shape[:2])
    if list(labels.shape) != expected:
        raise LeoBenchError(f"{name} have the shape {list(labels.shape)}: expected {expected}, one for each image")
    if labels.dtype != torch.int64:
        raise LeoBenchError(f"{name} are {_dtype(labels)}: expected int64; convert them: y.long()")


def check_classes(labels: Tensor, n_classes: int) -> None:
    """Raise LeoBenchError unless every task has support images of each class. labels: [E, N * K]."""
    for task, own in enumerate(labels.tolist()):
        found = sorted(set(own))
        if found != list(range(n_classes)):
            raise LeoBenchError(
                f"support labels must hold each class 0 to {n_classes - 1} of every task, but those of task {task} are "
                f"{', '.join(map(str, found))}; number them from 0, and "
                "give num_classes the n_way of the tasks"
            )


def _kind(value: object) -> str:
    """Return what a value is, in words: `a tensor of shape [4, 5]`."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {list(value.shape)}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return f"of type {type(value).__name__}"


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
