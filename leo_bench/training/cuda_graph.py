"""Recording a training step as a CUDA graph and replaying it.

With small images a GPU waits longer for Python to launch its operations than it computes. A graph launches all of them
at once.
"""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

Function = Callable[..., tuple[Tensor, ...]]

WARM_UP = 3
"""Plain calls before the recording. They create what is created once, such as the state of the optimiser."""


class Recorder(Protocol):
    """Records the operations of a function, so that they can be replayed without its Python code."""

    def plain(self, function: Function, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Call the function without recording it."""

    def record(self, function: Function, inputs: tuple[Tensor, ...]) -> tuple[Callable[[], None], tuple[Tensor, ...]]:
        """Record the operations of the function on these input tensors without executing them.

        Returns a function that executes them, and the tensors that hold the results afterwards.
        """


class CudaGraph:
    """Records a CUDA graph (torch.cuda.graph)."""

    def plain(self, function: Function, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        here, side = torch.cuda.current_stream(), torch.cuda.Stream()  # required before a recording
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
    """A function of tensors that is called WARM_UP times, then recorded, and replayed from then on.

    Shapes must be the same in every call, and the function must not wait for a value on the device. Each call executes
    the function once on the inputs of this call and returns new tensors.
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
    """Return the function, on a GPU wrapped so that it is recorded and replayed as a CUDA graph."""
    return GraphReplay(function, CudaGraph()) if device.type == "cuda" else function
