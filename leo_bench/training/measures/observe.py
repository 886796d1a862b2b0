"""Trained models on the measured episodes: class codes, and the updates of weights by the inner loop.

Letters: E episodes, N classes, K shots, Q queries per class, V versions of a support image (1 without copies), D length
of a code, F length of the features. Everything after the features of a shared CNN is computed in float64, so that the
rounding of small updates is not measured.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from leo_bench.data.bank import ImageBank
from leo_bench.data.episodes import Episodes, gather
from leo_bench.data.support_copies import shifted
from leo_bench.learners.anil import Anil
from leo_bench.learners.leo import Leo
from leo_bench.learners.maml import Maml
from leo_bench.learners.weight_loop import Weights
from leo_bench.models.prototypes import class_means
from leo_bench.training.evaluate import EPISODES_PER_PASS, Shifts
from leo_bench.training.measures.episodes import MeasuredEpisodes, with_class_of
from leo_bench.training.measures.updates import chosen_weights

T = TypeVar("T")


@dataclass(frozen=True)
class Updates:
    """Changes of adapted weights from before the first step of an episode's inner loop to after its last.

    Biases of the head are left out: with head_bias=distance a bias is minus half the squared length of its weights, and
    its change would be larger than that of all weights together.
    """

    whole: Tensor
    """Adapted weights of an episode, [E, P], at most MOST_WEIGHTS of them."""
    head: Tensor
    """Weights of the head, [E, N, F]."""
    placed: Tensor
    """Weights of class 0, [E, F], when it stands in the place of class 0 of the partner episode."""
    cnn: Tensor | None
    """Weights of the CNN, [E, P], at most MOST_WEIGHTS of them; None for a method that does not adapt them."""


@dataclass(frozen=True)
class LeoObserved:
    """A LEO on the measured episodes, float64."""

    updates: Updates
    codes: Tensor
    """Class codes before the inner loop, [E, N, D]."""
    code_changes: Tensor
    """Class codes after the inner loop minus before, [E, N, D]."""
    heads: Tensor
    """Rows of the head after adapting, [E, N, F + 1]."""
    encoded: Tensor
    """Class codes before the relation network, of the support images without copies, [E, N, D]."""
    outlier: Tensor
    """The same of class 0, when a drawing of another character replaces its first support image, [E, D]."""
    redrawn: Tensor
    """The same of class 0, when another drawing of its character replaces its first support image, [E, D]."""
    prototypes: Tensor
    """Class means of the features of the support images without copies, [E, N, F]."""
    start_prototypes: Tensor | None
    """Input of the decoder besides the codes, [E, N, F]; None for a head that is decoded alone."""
    queries: Tensor
    """Features of the queries, [E, N * Q, F], classes in order."""


class _Batch(NamedTuple):
    """Images of some episodes."""

    support_x: Tensor
    """[e, V * N * K, 1, H, W], the images themselves first."""
    placed_x: Tensor
    """The support sets of their partners, with class 0 of these episodes in place of theirs."""
    support_y: Tensor
    """int64 [e, V * N * K]"""
    query_x: Tensor
    """[e, N * Q, 1, H, W]"""
    outlier_x: Tensor
    """First support image of class 0 of each partner, [e, 1, H, W]."""


def observe_leo(learner: Leo, bank: ImageBank, measured: MeasuredEpisodes, copies: Shifts) -> LeoObserved:
    """Run a LEO with a decoded head, in eval mode, on the measured episodes. copies: shifts of the support copies."""
    spec = measured.episodes.spec
    n_way, k_shot = spec.n_way, spec.k_shot
    exact = copy.deepcopy(learner).double()

    def encode(images: Tensor) -> tuple[Tensor, Tensor]:
        """Return features [M, F] and codes [M, D] of images."""
        features, codes = learner.image_features(images)[:2]
        return features.double(), codes.double()

    def adapted(images: Tensor, labels: Tensor) -> tuple[tuple[Tensor, ...], list[Tensor], Tensor, Tensor]:
        """Return the per-image features of support sets, the codes at each step, and the first and last heads."""
        parts = learner.image_features(images.flatten(0, 1))
        support = tuple(part.double().unflatten(0, images.shape[:2]) for part in parts)
        features = support[0]
        points = exact.solve(support, labels, (features[:, :1],), n_way).points
        prototypes = exact.prototypes(features, labels, n_way)
        heads = [exact.decoder.head(points[0], prototypes), exact.decoder.head(points[-1], prototypes)]
        heads += exact.finetune(heads[-1], features, labels)
        first, last = (torch.cat([weight, bias[..., None]], dim=-1) for weight, bias in (heads[0], heads[-1]))
        return support, points, first, last

    def observed(batch: _Batch) -> LeoObserved:
        support, points, first, last = adapted(batch.support_x, batch.support_y)
        _, _, placed_first, placed_last = adapted(batch.placed_x, batch.support_y)
        plain = slice(0, n_way * k_shot)
        features, codes, labels = support[0][:, plain], support[1][:, plain], batch.support_y[:, plain]
        encoded = class_means(codes, labels, n_way)
        _, outlier = encode(batch.outlier_x)
        _, redrawn = encode(batch.query_x[:, 0])
        queries, _ = encode(batch.query_x.flatten(0, 1))
        head_update = (last - first)[..., :-1]
        return LeoObserved(
            updates=Updates(
                _chosen(head_update.flatten(1)), head_update, (placed_last - placed_first)[:, 0, :-1], cnn=None
            ),
            codes=points[0],
            code_changes=points[-1] - points[0],
            heads=last,
            encoded=encoded,
            outlier=encoded[:, 0] + (outlier - codes[:, 0]) / k_shot,
            redrawn=encoded[:, 0] + (redrawn - codes[:, 0]) / k_shot,
            prototypes=class_means(features, labels, n_way),
            start_prototypes=exact.prototypes(support[0], batch.support_y, n_way),
            queries=queries.unflatten(0, batch.query_x.shape[:2]),
        )

    return _joined([observed(batch) for batch in _batches(bank, measured, copies)])


def observe_anil(learner: Anil, bank: ImageBank, measured: MeasuredEpisodes, copies: Shifts) -> Updates:
    """Run ANIL, in eval mode, on the measured episodes."""
    n_way = measured.episodes.spec.n_way
    exact = copy.deepcopy(learner).double()

    def update(images: Tensor, labels: Tensor) -> Tensor:
        """Return the change of the weights of the head, [e, N, F]."""
        (features,) = learner.image_features(images.flatten(0, 1))
        support = features.double().unflatten(0, images.shape[:2])
        changes = []
        for one, own in zip(support.split(1), labels.split(1), strict=True):
            first, last = rows_of_linear(partial(_logits, exact, one, own, n_way), features.shape[1])
            changes.append((last - first)[:, :-1])
        return torch.stack(changes)

    def observed(batch: _Batch) -> Updates:
        head = update(batch.support_x, batch.support_y)
        placed = update(batch.placed_x, batch.support_y)
        return Updates(_chosen(head.flatten(1)), head, placed[:, 0], cnn=None)

    return _joined([observed(batch) for batch in _batches(bank, measured, copies)])


def _logits(learner: Anil, support: Tensor, labels: Tensor, n_way: int, features: Tensor) -> list[Tensor]:
    """Return the logits of features [M, F] before and after adapting to one support set, [M, N] each."""
    steps = learner.logits_from_features((support,), labels, (features[None],), n_way)
    return [steps[0][0], steps[-1][0]]


def rows_of_linear(logits: Callable[[Tensor], list[Tensor]], n_features: int) -> list[Tensor]:
    """Return the rows of linear heads, [N, F + 1] each, from their logits of unit vectors and of zero.

    logits: features [M, F], float64 -> logits [M, N] of each head.
    """
    unit = torch.eye(n_features, dtype=torch.float64)
    at = torch.cat([unit, torch.zeros_like(unit[:1])])
    return [torch.cat([each[:-1] - each[-1:], each[-1:]]).T for each in logits(at)]


def observe_maml(learner: Maml, bank: ImageBank, measured: MeasuredEpisodes, copies: Shifts) -> Updates:
    """Run MAML, Meta-SGD or Reptile, in eval mode, on the measured episodes."""

    def change(images: Tensor, labels: Tensor) -> Weights:
        """Return name -> the change of the weights, [e, ...]."""
        points = learner.adapt(images, labels)
        first, last = points[0], points[-1]
        return {name: (last[name] - first[name]).detach().double() for name in last}

    def observed(batch: _Batch) -> Updates:
        changes = change(batch.support_x, batch.support_y)
        placed = change(batch.placed_x, batch.support_y)["weight"]
        head = changes["weight"]
        of_cnn = torch.cat([part.flatten(1) for name, part in changes.items() if name not in ("weight", "bias")], dim=1)
        whole = torch.cat([head.flatten(1), of_cnn], dim=1)
        return Updates(_chosen(whole), head, placed[:, 0], _chosen(of_cnn))

    return _joined([observed(batch) for batch in _batches(bank, measured, copies)])


def _batches(bank: ImageBank, measured: MeasuredEpisodes, copies: Shifts) -> Iterator[_Batch]:
    """Yield the images of the measured episodes, EPISODES_PER_PASS at a time."""
    episodes, partners = measured.episodes, measured.partners
    n_way, k_shot = episodes.spec.n_way, episodes.spec.k_shot
    for begin in range(0, len(episodes), EPISODES_PER_PASS):
        own = episodes[begin : begin + EPISODES_PER_PASS]
        support_x, support_y, query_x, _ = gather(bank.images, own)
        partner_x = gather(bank.images, _chosen_episodes(episodes, partners[begin : begin + EPISODES_PER_PASS]))[0]
        placed_x = with_class_of(support_x, partner_x, n_way, k_shot)
        yield _Batch(
            _with_copies(support_x, copies),
            _with_copies(placed_x, copies),
            support_y.repeat(1, 1 + len(copies)),
            query_x,
            partner_x[:, 0],
        )


def _chosen_episodes(episodes: Episodes, indices: Tensor) -> Episodes:
    rows = indices.numpy()
    return Episodes(episodes.characters[rows], episodes.rotations[rows], episodes.drawers[rows], episodes.spec)


def _with_copies(images: Tensor, copies: Shifts) -> Tensor:
    """Return images [e, B, 1, H, W] and then their shifted copies, [e, V * B, 1, H, W]."""
    flat = images.flatten(0, 1)
    return torch.cat([images, *(shifted(flat, *shift).unflatten(0, images.shape[:2]) for shift in copies)], dim=1)


def _chosen(updates: Tensor) -> Tensor:
    return updates[:, chosen_weights(updates.shape[1])]


def _joined(parts: list[T]) -> T:
    """Return records of tensors [e, ...] as one record, on the CPU, without gradients. None stays None."""

    def join(values: list[Any]) -> Any:
        if values[0] is None:
            return None
        if isinstance(values[0], Tensor):
            return torch.cat([value.detach().cpu() for value in values])
        return _joined(values)

    names = [field.name for field in fields(parts[0])]  # type: ignore[arg-type]
    return type(parts[0])(**{name: join([getattr(part, name) for part in parts]) for name in names})
