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
LARGEST_PIXEL = 10.0
"""Largest pixel of drawings with ink 1 that were scaled, such as to standard deviation 1. Those of 0 to 255 exceed it.
"""


def checked_batch(batch: Any, n_classes: int, side: int | None = None) -> Batch:
    """Return a batch of tasks, unchanged. side: side of the images if it is known, pixels.

    Raises LeoBenchError naming the part that does not fit: what came, what is expected, how to mend it.
    """
    support_x, support_y, query_x, query_y = parts = _four(batch)
    check_images(support_x, NAMES[0], side)
    check_images(query_x, NAMES[2], support_x.shape[-1])
    _check_labels(support_y, NAMES[1], support_x)
    _check_labels(query_y, NAMES[3], query_x)
    _check_tasks(support_x, support_y, query_x, n_classes, NAMES)
    if int(query_y.min()) < 0 or int(query_y.max()) >= n_classes:
        raise LeoBenchError(
            f"query_labels go from {int(query_y.min())} to {int(query_y.max())}: expected classes 0 to "
            f"{n_classes - 1}; give num_classes the n_way of the tasks"
        )
    return parts


def check_episodes(
    support_x: Tensor, support_y: Tensor, query_x: Tensor, n_classes: int, side: int | None = None
) -> None:
    """Raise LeoBenchError unless these are episodes of n_classes, as Learner.episode_logits takes them.

    side: side of the images if it is known, pixels.
    """
    check_images(support_x, "support_x", side)
    check_images(query_x, "query_x", support_x.shape[-1])
    _check_labels(support_y, "support_y", support_x)
    _check_tasks(support_x, support_y, query_x, n_classes, ("support_x", "support_y", "query_x"))


def _check_tasks(support_x: Tensor, support_y: Tensor, query_x: Tensor, n_classes: int, names: tuple[str, ...]) -> None:
    """Raise LeoBenchError unless support sets and queries are equally many and every class has support images."""
    if len(support_x) != len(query_x):
        raise LeoBenchError(
            f"{names[0]} has {len(support_x)} tasks, {names[2]} {len(query_x)}; give both the same tasks"
        )
    check_classes(support_y, n_classes)


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


def check_images(images: Any, name: str, side: int | None = None, tasks: bool = True) -> None:
    """Raise LeoBenchError unless images are drawings: float32, no NaN or infinity, no pixels of 0 to 255.

    Their shape is [E, M, 1, H, H] if tasks, the images of one task after the other, else [M, 1, H, H]. side: H if it is
    known, pixels.
    """
    expected = "[tasks, images of a task, 1, H, H]" if tasks else "[images, 1, H, H]"
    n_dimensions, channel = (5, 2) if tasks else (4, 1)
    if not isinstance(images, Tensor):
        raise LeoBenchError(f"{name} is {_kind(images)}: expected a tensor {expected}")
    shape = list(images.shape)
    if images.ndim != n_dimensions:
        raise LeoBenchError(
            f"{name} has {images.ndim} dimensions, {shape}: expected {n_dimensions}, {expected}"
            f"{_dimension_hint(shape, tasks)}"
        )
    if not images.numel():
        raise LeoBenchError(f"{name} is empty, {shape}: expected {expected}")
    if shape[channel] != 1:
        hint = _channel_hint(images, channel)
        raise LeoBenchError(f"{name} has images of {shape[channel]} channels, {shape}: expected 1{hint}")
    _check_side(shape, name, side)
    _check_pixels(images, name)


def _dimension_hint(shape: list[int], tasks: bool) -> str:
    """Return how images of a wrong number of dimensions get the expected one, or an empty string."""
    hints = {
        (True, 4): "add the dimension of the tasks with x[None]",
        (True, 3): "add the dimensions of tasks and channel with x[None, :, None]",
        (False, 5): "give one task alone, the first with x[0]",
        (False, 3): "add the dimension of the channel with x[:, None]",
        (False, 2): "add the dimensions of images and channel with x[None, None]",
    }
    if tasks and len(shape) == 4 and shape[1] not in (1, 3):  # [E, M, H, H]
        return "; add the dimension of the channel with x[:, :, None]"
    hint = hints.get((tasks, len(shape)))
    return f"; {hint}" if hint else ""


def _channel_hint(images: Tensor, channel: int) -> str:
    """Return how images [..., H, W] with more than one channel become grey, or an empty string."""
    if images.shape[channel] == 3:
        numbers = "x" if images.is_floating_point() else "x.float()"
        return f"; convert colours to grey: {numbers}.mean({channel}, keepdim=True)"
    if images.shape[-1] in (1, 3):
        return f"; put the channels before the pixels: x.movedim(-1, {channel})"
    return ""


def _check_side(shape: list[int], name: str, side: int | None) -> None:
    """Raise LeoBenchError unless images of this shape are square, and of this side if it is given."""
    pixels = f"{shape[-2]}x{shape[-1]} pixels"
    if shape[-2] != shape[-1]:
        raise LeoBenchError(f"{name} has images of {pixels}, {shape}: expected equal sides; crop or resize them")
    if side is not None and shape[-1] != side:
        raise LeoBenchError(f"{name} has images of {pixels}: expected {side}x{side}, as before; resize them")


def _check_pixels(images: Tensor, name: str) -> None:
    """Raise LeoBenchError unless pixels are float32, finite, and not of 0 to 255."""
    if images.dtype != torch.float32:
        hint = "x.float() / 255" if images.dtype == torch.uint8 else "x.float()"
        raise LeoBenchError(f"{name} is {_dtype(images)}: expected float32 with ink 1 on paper 0; convert it: {hint}")
    if not bool(images.isfinite().all()):
        n_bad = int((~images.isfinite()).sum())
        raise LeoBenchError(
            f"{name} has {n_bad} pixels that are NaN or infinite: expected numbers; look at what reads it"
        )
    if (largest := float(images.max())) > LARGEST_PIXEL:
        raise LeoBenchError(
            f"{name} has pixels up to {largest:g}: expected ink 1 on paper 0; for pixels of 0 to 255: x / 255"
        )


def _check_labels(labels: Any, name: str, images: Tensor) -> None:
    """Raise LeoBenchError unless labels are int64 with one for each image."""
    expected = list(images.shape[:2])
    if not isinstance(labels, Tensor):
        raise LeoBenchError(f"{name} are {_kind(labels)}: expected an int64 tensor of the shape {expected}")
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
