"""Batches of other libraries: one line each, with what came, what is expected and the shape."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from leo_bench import LatentEmbeddingOptimization, train_leo
from leo_bench.errors import LeoBenchError
from leo_bench.training.batch_check import Batch, check_images, checked_batch

N_WAY, SIDE = 3, 8


def batch() -> Batch:
    """Two tasks of 3 classes with 2 support and 4 query images of each."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(N_WAY)
    parts = []
    for count in (2, 4):
        parts.append(torch.rand(2, N_WAY * count, 1, SIDE, SIDE, generator=generator))
        parts.append(labels.repeat_interleave(count).expand(2, -1).contiguous())
    support_x, support_y, query_x, query_y = parts
    return support_x, support_y, query_x, query_y


def changed(position: int, change: Callable[[Tensor], Any]) -> Callable[[Batch], Any]:
    """Return a function that changes one part of a batch."""
    return lambda parts: tuple(change(part) if index == position else part for index, part in enumerate(parts))


def with_value(place: tuple[int, ...], value: float) -> Callable[[Tensor], Tensor]:
    def change(tensor: Tensor) -> Tensor:
        copy = tensor.clone()
        copy[place] = value
        return copy

    return change


def test_a_batch_that_fits_is_returned_as_it_is() -> None:
    parts = batch()
    assert all(a is b for a, b in zip(checked_batch(parts, N_WAY, SIDE), parts, strict=True))
    assert checked_batch(list(parts), N_WAY)[0] is parts[0]  # type: ignore[arg-type]


FAULTS: dict[str, tuple[Callable[[Batch], Any], str]] = {
    "torchmeta": (
        lambda b: {"train": b[:2], "test": b[2:]},
        r"a batch is a dictionary with the keys 'train', 'test': expected \(support_data, .*batch\['train'\]",
    ),
    "pairs": (lambda b: (b[:2], b[2:]), r"a batch has 2 parts \(a tuple of 2, a tuple of 2\): expected .*\*batch\[0\]"),
    "three": (lambda b: b[:3], r"a batch has 3 parts \(a tensor of shape \[2, 6, 1, 8, 8\], "),
    "tensor": (lambda b: b[0], r"a batch is a tensor of shape \[2, 6, 1, 8, 8\]: expected"),
    "numpy": (changed(0, np.asarray), "support_data is of type ndarray: expected a tensor"),
    "no batch dimension": (
        lambda b: tuple(part[0] for part in b),
        r"support_data has 4 dimensions, \[6, 1, 8, 8\]: expected 5, .*add the dimension of the tasks",
    ),
    "colours": (
        changed(0, lambda x: x.expand(-1, -1, 3, -1, -1)),
        r"support_data has images of 3 channels, \[2, 6, 3, 8, 8\]: expected 1; convert colours",
    ),
    "channels last": (
        changed(2, lambda x: x.movedim(2, 4)),
        r"query_data has images of 8 channels, \[2, 12, 8, 8, 1\]",
    ),
    "not square": (changed(2, lambda x: x[..., :7]), r"query_data has images of 8x7 pixels, .*: expected equal sides"),
    "two sizes": (changed(2, lambda x: x[..., :7, :7]), "query_data has images of 7x7 pixels: expected 8x8, as before"),
    "bytes": (changed(0, lambda x: (255 * x).byte()), r"support_data is uint8: expected float32 .*x.float\(\) / 255"),
    "0 to 255": (
        changed(2, lambda x: (255 * x).round()),
        r"query_data has pixels up to 255: expected ink 1 on paper 0; for pixels of 0 to 255: x / 255",
    ),
    "double": (changed(0, lambda x: x.double()), r"support_data is float64: expected float32 .*x.float\(\)"),
    "NaN": (changed(0, with_value((1, 2, 0, 3, 3), np.nan)), "support_data has 1 pixels that are NaN or infinite"),
    "infinite": (changed(2, with_value((0, 0, 0), np.inf)), "query_data has 64 pixels that are NaN or infinite"),
    "empty": (changed(0, lambda x: x[:, :0]), r"support_data is empty, \[2, 0, 1, 8, 8\]"),
    "int32": (changed(1, lambda y: y.int()), r"support_labels are int32: expected int64; convert them: y.long\(\)"),
    "one-hot": (
        changed(3, lambda y: torch.nn.functional.one_hot(y)),
        r"query_labels have the shape \[2, 12, 3\]: expected \[2, 12\], one for each image",
    ),
    "too few labels": (changed(1, lambda y: y[:, :5]), r"support_labels have the shape \[2, 5\]: expected \[2, 6\]"),
    "skipped": (
        changed(1, lambda y: 2 * y),
        "support labels must hold each class 0 to 2 of every task, but those of task 0 are 0, 2, 4; .* num_classes",
    ),
    "one class missing": (changed(1, with_value((1, slice(4, None)), 1)), "of task 1 are 0, 1;"),
    "query labels": (changed(3, lambda y: y + 1), "query_labels go from 1 to 3: expected classes 0 to 2"),
    "other tasks": (lambda b: (*b[:2], b[2][:1], b[3][:1]), "support_data has 2 tasks, query_data 1"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_does_not_fit_is_one_line(name: str) -> None:
    fault, words = FAULTS[name]
    for refuses in (
        lambda given: checked_batch(given, N_WAY),
        lambda given: train_leo(num_classes=N_WAY, task_dataloader=[given], inner_steps=1),
    ):
        with pytest.raises(LeoBenchError) as raised:
            refuses(fault(batch()))
        assert re.search(words, str(raised.value)), str(raised.value)
        assert "\n" not in str(raised.value)


DRAWINGS = torch.rand(6, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
GIVEN: dict[str, tuple[bool, Tensor]] = {
    "no channel": (False, DRAWINGS[:, 0]),
    "one drawing without channel": (False, DRAWINGS[0]),
    "one drawing": (False, DRAWINGS[0, 0]),
    "a batch of tasks": (False, DRAWINGS[None]),
    "colours": (False, DRAWINGS.expand(-1, 3, -1, -1)),
    "colours last": (False, DRAWINGS.expand(-1, 3, -1, -1).movedim(1, -1)),
    "channel last": (False, DRAWINGS.movedim(1, -1)),
    "colours of bytes": (False, (255 * DRAWINGS.expand(-1, 3, -1, -1)).byte()),
    "bytes": (False, (255 * DRAWINGS).byte()),
    "whole numbers": (False, (255 * DRAWINGS).long()),
    "0 to 255": (False, 255 * DRAWINGS),
    "one task": (True, DRAWINGS),
    "one task of colours": (True, DRAWINGS.expand(-1, 3, -1, -1)),
    "tasks without channel": (True, DRAWINGS[None, :, 0]),
    "one task without channel": (True, DRAWINGS[:, 0]),
    "tasks of colours": (True, DRAWINGS[None].expand(-1, -1, 3, -1, -1)),
    "tasks of colours last": (True, DRAWINGS[None].expand(-1, -1, 3, -1, -1).movedim(2, -1)),
    "tasks of bytes": (True, (255 * DRAWINGS[None]).byte()),
}


@pytest.mark.parametrize("name", GIVEN)
def test_following_the_advice_mends_the_images(name: str) -> None:
    """The expressions of the messages, applied one after the other, end in the drawings as they should be."""
    tasks, x = GIVEN[name]
    for _ in range(5):
        try:
            check_images(x, "x", SIDE, tasks)
            break
        except LeoBenchError as error:
            assert f"expected {5 if tasks else 4}, [" in str(error) or " dimensions, " not in str(error)
            advice = re.findall(r"\bx(?:\[[^\]]*\]|\.\w+\(.*?\)| / 255)+", str(error))
            assert advice, str(error)
            x = eval(advice[-1], {"x": x})
    expected = DRAWINGS[: x.shape[1 if tasks else 0]]
    torch.testing.assert_close(x, expected[None] if tasks else expected, rtol=0, atol=1 / 255)


@pytest.mark.parametrize("name", [name for name, (tasks, _) in GIVEN.items() if not tasks])
def test_each_method_of_one_task_names_what_does_not_fit(name: str) -> None:
    leo = LatentEmbeddingOptimization(num_classes=N_WAY, preset="leo", width=4, image_size=16)
    labels, codes = torch.arange(N_WAY).repeat(2), torch.zeros(N_WAY, leo.settings.latent_dim)
    images = GIVEN[name][1]
    for argument, call in (
        ("support_data", lambda x: leo.encode_task(x, labels)),
        ("support_data", lambda x: leo.inner_update(x, labels, codes)),
        ("x", leo.classifier),
        ("x", lambda x: leo.classifier(x, leo.decode_to_params(codes))),
        ("x", leo.classifier.extract_features),
    ):
        for wrong in (images, images[:0], np.asarray(images)):
            with pytest.raises(LeoBenchError, match=f"^{argument} (has|is) .*expected") as raised:
                call(wrong)
            assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "params", [torch.zeros(3, 64), {}, {"fc.weight": torch.zeros(3, 4)}, {"fc.weight": torch.zeros(3, 9)}, [1, 2]]
)
def test_weights_that_are_no_head_are_named(params: Any) -> None:
    leo = LatentEmbeddingOptimization(num_classes=N_WAY, preset="leo", width=4, image_size=16).eval()
    if isinstance(params, dict) and params:
        params = {**params, "fc.bias": torch.zeros(3 if params["fc.weight"].shape[1] == 9 else 2)}
    with pytest.raises(LeoBenchError, match=r"^params (are|have) .*: expected .*decode_to_params\(codes\)"):
        leo.classifier(torch.rand(2, 1, 16, 16), params)
    assert leo.classifier(torch.rand(2, 1, 16, 16), leo.decode_to_params(torch.zeros(4, 64))).shape == (2, 4)


def test_drawings_that_were_scaled_are_taken() -> None:
    """Own training may have pixels of mean 0 and standard deviation 1, which are as good as ink 1 on paper 0."""
    check_images((DRAWINGS - 0.08) / 0.27, "x", SIDE, tasks=False)
    check_images(torch.randn(20, 1, 105, 105, generator=torch.Generator().manual_seed(0)), "x", 105, tasks=False)


def test_episodes_that_do_not_fit_are_one_line() -> None:
    leo = LatentEmbeddingOptimization(num_classes=N_WAY, preset="leo", width=4, image_size=16).eval()
    support, labels = torch.rand(2, 6, 1, 16, 16), torch.arange(N_WAY).repeat(2, 2)
    assert leo.episode_logits(support, labels, support, N_WAY)[-1].shape == (2, 6, N_WAY)
    for given, words in (
        ((support[0], labels, support, N_WAY), r"support_x has 4 dimensions, .*x\[None\]"),
        ((support, labels[0], support, N_WAY), r"support_y have the shape \[6\]: expected \[2, 6\]"),
        ((support, labels.tolist(), support, N_WAY), "support_y are a list of 2: expected an int64 tensor"),
        ((support, labels, support[:1], N_WAY), "support_x has 2 tasks, query_x 1"),
        ((support, labels, support[..., :15, :15], N_WAY), "query_x has images of 15x15 pixels: expected 16x16"),
        ((support, labels, 255 * support, N_WAY), "query_x has pixels up to 2"),
        ((support, labels, support, N_WAY + 1), "each class 0 to 3 of every task"),
    ):
        with pytest.raises(LeoBenchError, match=words):
            leo.episode_logits(*given)


def test_labels_that_are_no_tensor_are_named() -> None:
    leo = LatentEmbeddingOptimization(num_classes=N_WAY, preset="leo", width=4, image_size=16).eval()
    images, codes = torch.rand(N_WAY, 1, 16, 16), torch.zeros(N_WAY, 64)
    for call in (lambda y: leo.encode_task(images, y), lambda y: leo.inner_update(images, y, codes)):
        with pytest.raises(LeoBenchError, match=r"support_labels are of type list: expected an int64 tensor .*\[3\]"):
            call([0, 1, 2])


def test_images_of_another_size_than_the_models_are_refused_by_every_method() -> None:
    leo = LatentEmbeddingOptimization(num_classes=N_WAY, image_size=28)
    support_x, support_y, *_ = parts = batch()
    for call in (
        lambda: leo.meta_train_step(*parts),
        lambda: leo.encode_task(support_x[0], support_y[0]),
        lambda: leo.inner_update(support_x[0], support_y[0], torch.zeros(N_WAY, 64)),
    ):
        with pytest.raises(LeoBenchError, match="support_data has images of 8x8 pixels: expected 28x28"):
            call()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"task_dataloader": 5}, "task_dataloader is of type int: expected an iterable of batches"),
        ({"num_classes": "5"}, "num_classes is '5': expected a whole number"),
        ({"num_classes": 2.0}, "num_classes is 2.0: expected a whole number"),
    ],
)
def test_wrong_arguments_of_train_leo_are_one_line(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(LeoBenchError, match=words):
        train_leo(**{"num_classes": N_WAY, "task_dataloader": [batch()], **arguments})
