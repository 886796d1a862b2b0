"""Decoders: from class codes to the weights of a head. All have the method `head` and can be combined.

Letters: E episodes, N classes, D latent_dim, F length of the features.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from leo_bench.errors import LeoBenchError
from leo_bench.models.noise import Noise

HIDDEN = (256, 512)
"""Widths of the decoder's hidden layers (the document, LEODecoder)."""

Head = tuple[Tensor, Tensor]
"""Weight [E, N, F] and bias [E, N] of each episode's classifier."""


class Decoder(nn.Module, ABC):
    """Computes head weights from class codes."""

    @abstractmethod
    def head(self, codes: Tensor, prototypes: Tensor | None = None) -> Head:
        """Return the head of each episode.

        codes: [E, N, D]; prototypes: [E, N, F], the mean support features of each class, which only PrototypeStart
        needs.
        """

    def forward(self, codes: Tensor) -> dict[str, Tensor]:
        """Return the head of one episode, {"fc.weight": [N, F], "fc.bias": [N]}, from codes [N, D]."""
        weight, bias = self.head(codes[None])
        return {"fc.weight": weight[0], "fc.bias": bias[0]}


class FlatDecoder(Decoder):
    """Decoder whose output is one vector of weights, fc.weight before fc.bias.

    decode="task": the mean of the class codes decodes all rows, num_classes * (feature_dim + 1) numbers (the document).
    decode="class": each class code decodes its own row, feature_dim + 1 numbers, for any number of classes (Rusu et al.
    2019).
    """

    def __init__(self, num_classes: int, feature_dim: int, decode: str) -> None:
        super().__init__()
        self.feature_dim = feature_dim
        self.num_classes = num_classes
        self.per_class = decode == "class"
        rows = 1 if self.per_class else num_classes
        self.param_shapes = [("fc.weight", (rows, feature_dim)), ("fc.bias", (rows,))]
        self.total_param_count = sum(math.prod(shape) for _, shape in self.param_shapes)

    @abstractmethod
    def hidden(self, codes: Tensor) -> Tensor:
        """Return the input of the last layer, [..., H], of codes [..., D]."""

    @abstractmethod
    def last_layer(self) -> nn.Linear:
        """Return the layer whose output is the output vector."""

    def flat(self, codes: Tensor) -> Tensor:
        """Return the output vector, [..., total_param_count], of codes [..., D]."""
        return self.last_layer()(self.hidden(codes))

    def logits_on(self, features: Tensor) -> Callable[[Tensor], Tensor]:
        """Return the function from class codes [E, N, D] to logits [E, M, N] of features [E, M, F]; decode="class".

        Each logit is linear in the last layer's input: the features pass its weights once, not the weights of the head
        at each call.
        """
        layer = self.last_layer()
        extended = F.pad(features, (0, 1), value=1.0)  # for the head's bias
        onto = extended @ layer.weight  # [E, M, H]
        same = None if layer.bias is None else extended @ layer.bias  # [E, M]: alike for all classes

        def logits(codes: Tensor) -> Tensor:
            own = onto @ self.hidden(codes).transpose(1, 2)
            return own if same is None else own + same[..., None]

        return logits

    def start_at_zero(self) -> None:
        """Let every code decode to zero."""
        layer = self.last_layer()
        nn.init.zeros_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)

    def head(self, codes: Tensor, prototypes: Tensor | None = None) -> Head:
        if self.per_class:
            rows = self.flat(codes)
            return rows[..., :-1], rows[..., -1]
        if codes.shape[-2] != self.num_classes:
            raise LeoBenchError(
                f"decode=task was built for {self.num_classes} classes, "
                f"the episode has {codes.shape[-2]}; set decode to class"
            )
        flat = self.flat(codes.mean(-2))
        weight, bias = flat.split([self.num_classes * self.feature_dim, self.num_classes], dim=-1)
        return weight.unflatten(-1, (self.num_classes, self.feature_dim)), bias

    def forward(self, codes: Tensor) -> dict[str, Tensor]:
        """Return the head of one episode, {"fc.weight": [N, F], "fc.bias": [N]}.

        codes: [N, D]; with decode="task" also one pooled code, [D] or [1, D].
        """
        if codes.dim() == 1:
            codes = codes[None]
        if not self.per_class and codes.shape[0] == 1:
            codes = codes.expand(self.num_classes, -1)
        return super().forward(codes)


class LEODecoder(FlatDecoder):
    """Linear layers of 256 and 512 with ReLU, then one to the weights (the document, LEODecoder)."""

    def __init__(
        self, latent_dim: int = 64, num_classes: int = 5, feature_dim: int = 2304, decode: str = "task"
    ) -> None:
        super().__init__(num_classes, feature_dim, decode)
        self.fc1 = nn.Linear(latent_dim, HIDDEN[0])
        self.fc2 = nn.Linear(*HIDDEN)
        self.fc3 = nn.Linear(HIDDEN[1], self.total_param_count)

    def hidden(self, codes: Tensor) -> Tensor:
        return F.relu(self.fc2(F.relu(self.fc1(codes))))

    def last_layer(self) -> nn.Linear:
        return self.fc3


class LinearDecoder(FlatDecoder):
    """One linear map without bias (Rusu et al. 2019)."""

    def __init__(self, latent_dim: int, num_classes: int, feature_dim: int, decode: str) -> None:
        super().__init__(num_classes, feature_dim, decode)
        self.fc = nn.Linear(latent_dim, self.total_param_count, bias=False)

    def hidden(self, codes: Tensor) -> Tensor:
        return codes

    def last_layer(self) -> nn.Linear:
        return self.fc

    def orthogonality(self) -> Tensor:
        """Return the orthogonality penalty of the decoded directions of the code's coordinates, a scalar.

        It is the mean square of their matrix of cosines minus the identity (Rusu et al. 2019, equation 7). As in the
        authors' release, squares replace absolute values, and nothing is centred.
        """
        directions = self.fc.weight.T  # [D, numbers]: what each coordinate adds to the weights
        normalised = F.normalize(directions, dim=1)
        cosines = normalised @ normalised.T
        return (cosines - torch.eye(len(cosines), device=cosines.device)).square().mean()


DECODERS = {"mlp": LEODecoder, "linear": LinearDecoder}


class TaskConditioned(Decoder):
    """Gives a decoder the mean code of the episode beside each class code (an improvement that the document names).

    decoder: one that takes codes of length 2 * D.
    """

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def head(self, codes: Tensor, prototypes: Tensor | None = None) -> Head:
        task = codes.mean(-2, keepdim=True).expand_as(codes)
        return self.decoder.head(torch.cat([codes, task], dim=-1), prototypes)


class Mixture(Decoder):
    """Weighted mean of several decoders, with softmax weights computed from the mean code of the episode.

    The document proposes it for different types of task.
    """

    def __init__(self, decoders: Iterable[Decoder], latent_dim: int) -> None:
        super().__init__()
        self.decoders = nn.ModuleList(decoders)
        self.gate = nn.Linear(latent_dim, len(self.decoders))

    def head(self, codes: Tensor, prototypes: Tensor | None = None) -> Head:
        shares = self.gate(codes.mean(-2)).softmax(-1)  # [E, decoders]
        weights, biases = zip(*(decoder.head(codes, prototypes) for decoder in self.decoders), strict=True)  # type: ignore[operator]
        return (
            torch.einsum("em,menf->enf", shares, torch.stack(weights)),
            torch.einsum("em,men->en", shares, torch.stack(biases)),
        )


class PrototypeStart(Decoder):
    """Adds a decoder's weights, which are zero before training, to the class prototypes.

    Under DistanceBias the untrained head is that of a prototypical network (Snell et al. 2017, section 2.4). Training
    and the inner loop move it away from there (ours).
    """

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder
        for part in decoder.modules():
            if isinstance(part, FlatDecoder):
                part.start_at_zero()

    def head(self, codes: Tensor, prototypes: Tensor | None = None) -> Head:
        assert prototypes is not None  # constraints.py allows this part only where there are prototypes
        weight, bias = self.decoder.head(codes, prototypes)
        return prototypes + weight, bias


class DistanceBias(Decoder):
    """Replaces a decoder's bias by -|w|^2 / 2.

    The logit w.x - |w|^2 / 2 is then minus half the squared distance between features x and weights w, up to a term
    that is the same for all classes (Snell et al. 2017, Prototypical Networks, section 2.4).
    """

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def head(self, codes: Tensor, prototypes: Tensor | None = None) -> Head:
        weight, _ = self.decoder.head(codes, prototypes)
        return weight, -weight.square().sum(-1) / 2


class Scaled(Decoder):
    """Multiplies a decoder's weights and biases by a learned number that starts at 1."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder
        self.log_scale = nn.Parameter(torch.zeros(()))

    def head(self, codes: Tensor, prototypes: Tensor | None = None) -> Head:
        weight, bias = self.decoder.head(codes, prototypes)
        scale = self.log_scale.exp()
        return scale * weight, scale * bias


def start_as_transpose(encoder: nn.Linear, decoder: LinearDecoder) -> None:
    """Initialise an encoder [D, F] with orthogonal rows or columns, and a decoder [F + 1, D] with its transpose.

    The code of features x then decodes to x with bias 0, or, if D < F, to the projection of x on the encoder's rows.
    """
    with torch.no_grad():
        nn.init.orthogonal_(encoder.weight)
        decoder.fc.weight[:-1] = encoder.weight.T
        decoder.fc.weight[-1] = 0


class GaussianHead(Decoder):
    """Draws the head from a normal distribution at each decoding in training; returns its mean at test.

    Rusu et al. (2019), equation 4. mean, spread: decoders of the mean and of the log of the standard deviation. The
    deviation is relative to sqrt(2 / (N + F)), the initial value in the authors' release.
    """

    def __init__(self, mean: Decoder, spread: Decoder, noise: Noise) -> None:
        super().__init__()
        self.mean, self.spread, self.noise = mean, spread, noise

    def head(self, codes: Tensor, prototypes: Tensor | None = None) -> Head:
        weight, bias = self.mean.head(codes, prototypes)
        if not self.training:
            return weight, bias
        start = (2 / (weight.shape[-2] + weight.shape[-1])) ** 0.5
        drawn = (
            mean + start * log_deviation.exp() * self.noise.normal(mean)
            for mean, log_deviation in zip((weight, bias), self.spread.head(codes, prototypes), strict=True)
        )
        weight, bias = drawn
        return weight, bias
