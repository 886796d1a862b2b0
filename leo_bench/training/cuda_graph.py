"""A step that is graphed_on_gpu as one piece: at small images a GPU waits for Python longer than it computes."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

Function = Callable[..., tuple[Tensor, ...]]

WARM_UP = 3
"""Plain calls before the recording: they make what is made once, such as the optimiser's state."""


class Recorder(Protocol):
    """What can run a function's operations again without its Python."""

    def plain(self, function: Function, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Call the function, without recording."""

    def record(self, function: Function, inputs: tuple[Tensor, ...]) -> tuple[Callable[[], None], tuple[Tensor, ...]]:
        """Note down the function's operations on these tensors without carrying them out.

        Returns what carries them out, and the tensors that then hold the results.
        """


class CudaGraph:
    """Records a CUDA graph (torch.cuda.graph)."""

    def plain(self, function: Function, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        here, side = torch.cuda.current_stream(), torch.cuda.Stream()  # as recording wants it
        side.wait_stream(here)
        with torch.cuda.stream(side):
            outputs = function(*inputs)
        here.wait_stream(side)
        return outputs

    def record(self, function: Function, inputs: tuple[Tensor, ...]) -> tuple[Callable[[], None], tuple[Tensor, ...]]:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            outputs = function(*inputs)
        return graph.replay, outputs


class GraphReplay:
    """A function of tensors of fixed shapes that waits for no value: called WARM_UP times, then recorded and replayed.

    Every call does the function's work once, on its own inputs, and returns tensors of its own.
    """

    def __init__(self, function: Function, recorder: Recorder) -> None:
        self.function, self.recorder = function, recorder
        self.n_plain = 0
        self.inputs: tuple[Tensor, ...] = ()
        self.outputs: tuple[Tensor, ...] = ()
        self.replay: Callable[[], None] | None = None

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        if self.n_plain < WARM_UP:
            self.n_plain += 1
            return self.recorder.plain(self.function, inputs)
        if self.replay is None:
            self.inputs = tuple(torch.empty_like(tensor) for tensor in inputs)
            self.replay, self.outputs = self.recorder.record(self.function, self.inputs)
        for place, tensor in zip(self.inputs, inputs, strict=True):
            place.copy_(tensor, non_blocking=True)
        self.replay()
        return tuple(tensor.clone() for tensor in self.outputs)


def graphed_on_gpu(function: Function, device: torch.device) -> Function:
    """The function as a device runs it best: replayed as a graph on a GPU, else as it is."""
    return GraphReplay(function, CudaGraph()) if device.type == "cuda" else function
