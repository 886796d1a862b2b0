"""The named measures of a trained model, from what was observed of it."""

import copy
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from leo_bench.data.bank import ImageBank
from leo_bench.data.seeding import stream
from leo_bench.errors import LeoBenchError
from leo_bench.learners.anil import Anil
from leo_bench.learners.base import Learner
from leo_bench.learners.full_leo import FullLeo
from leo_bench.learners.leo import Leo
from leo_bench.learners.maml import Maml
from leo_bench.models.relation import NoRelation
from leo_bench.training.evaluate import Shifts
from leo_bench.training.measures.directions import (
    HeadOf,
    between_share,
    decoder_jacobian,
    directions_needed,
    effect_similarity,
    energies,
    largest_share,
    responses,
    step_effects,
    subspace_overlap,
    top_directions,
)
from leo_bench.training.measures.episodes import MeasuredEpisodes
from leo_bench.training.measures.observe import LeoObserved, Updates, observe_anil, observe_leo, observe_maml
from leo_bench.training.measures.relations import (
    Refine,
    class_distances,
    class_similarity,
    displacement_gain,
    same_class_shift,
)
from leo_bench.training.measures.updates import (
    MEASURE_ROOT,
    direction_similarity,
    paired_similarity,
    variance_between,
)

TOP = 4
"""Latent directions of which the effect is measured and drawn."""
RANDOM_DIRECTIONS = 20
"""Random changes of a class's weights, with which the effect of the latent directions is compared."""


class Value(NamedTuple):
    """A measured number."""

    value: float
    per_episode: Tensor
    """Its part in each episode, [E], with the value as mean; [0] for a measure of all episodes together."""


class Directions(NamedTuple):
    """The latent directions with the most energy of the changes of the codes, R of them."""

    unit: Tensor
    """Orthonormal rows [R, D]."""
    shares: Tensor
    """Share of the energy, [R]."""
    effects: Tensor
    """Change of the heads by a step of class 0 as long as the distance between two classes, [R, E, N, F + 1]."""


def measures_of(learner: Learner, bank: ImageBank, measured: MeasuredEpisodes, copies: Shifts) -> dict[str, Value]:
    """Return the measures of a trained learner in eval mode on the CPU, by name.

    copies: shifts of the copies that enlarge each support set. A measure of something that the model does not have,
    such as a relation network, is left out. Raises LeoBenchError for a learner that check_learner refuses.
    """
    check_learner(learner)
    with torch.no_grad():
        if isinstance(learner, Leo):
            return leo_measures(learner, observe_leo(learner, bank, measured, copies), measured)
        observed = (
            observe_anil(learner, bank, measured, copies)
            if isinstance(learner, Anil)
            else observe_maml(learner, bank, measured, copies)  # type: ignore[arg-type]  # checked above
        )
        return update_measures(observed, measured.partners)


def check_learner(learner: Learner) -> None:
    """Raise LeoBenchError for a learner that has no measure: one without an inner loop, or with generated=full."""
    if isinstance(learner, FullLeo):
        raise LeoBenchError("generated=full has no measures: they are of a decoded head on a shared CNN")
    if not isinstance(learner, Leo | Anil | Maml):
        raise LeoBenchError("the learner has no measures: there are measures of leo, maml, meta_sgd, reptile and anil")


def leo_measures(learner: Leo, observed: LeoObserved, measured: MeasuredEpisodes) -> dict[str, Value]:
    """Return the measures of a LEO with a decoded head."""
    exact = copy.deepcopy(learner).double()
    found = {
        "class_similarity": _each(class_similarity(observed.prototypes)),
        "episode_accuracy": _each(episode_accuracy(observed.heads, observed.queries)),
    }
    if not isinstance(learner.relation_net, NoRelation):
        found |= relation_measures(observed, exact.relation_net.refine, measured.partners)
    found |= update_measures(observed.updates, measured.partners)
    found |= decoder_measures(exact, observed)
    if observed.code_changes.any():
        found |= direction_measures(exact, observed, measured)
    return found


def relation_measures(observed: LeoObserved, refine: Refine, partners: Tensor) -> dict[str, Value]:
    """Return what the relation network does with the class codes."""
    outlier = displacement_gain(observed.encoded, observed.outlier, refine)
    redrawn = displacement_gain(observed.encoded, observed.redrawn, refine)
    return {
        "relation_same_class_shift": _each(same_class_shift(observed.encoded, partners, refine)),
        "relation_outlier_gain": _each(outlier.whole),
        "relation_outlier_gain_own": _each(outlier.own),
        "relation_outlier_gain_others": _each(outlier.others),
        "relation_redrawn_gain": _each(redrawn.whole),
    }


def update_measures(updates: Updates, partners: Tensor) -> dict[str, Value]:
    """Return how the changes of the adapted weights differ between episodes; nothing if none changes."""
    if not updates.head.any():
        return {}
    parts = {"": updates.whole}
    if updates.cnn is not None and updates.cnn.any():
        parts |= {"_head": updates.head.flatten(1), "_cnn": updates.cnn}
    found = {}
    for part, changes in parts.items():
        found[f"update_variance_between_episodes{part}"] = _each(variance_between(changes))
        found[f"update_direction_similarity{part}"] = _each(direction_similarity(changes))
    energy = energies(updates.head.flatten(0, 1))
    return found | {
        "update_direction_similarity_same_class": _each(paired_similarity(updates.head[:, 0], updates.placed)),
        "update_directions_90": _whole(directions_needed(energy)),
        "update_spectrum_top": _whole(largest_share(energy)),
    }


def decoder_measures(exact: Leo, observed: LeoObserved) -> dict[str, Value]:
    """Return the spectrum of the decoder's derivative at each episode's codes; nothing if it decodes no code."""
    found = []
    for index in range(len(observed.codes)):
        one = slice(index, index + 1)
        prototypes = None if observed.start_prototypes is None else observed.start_prototypes[one]
        jacobian = decoder_jacobian(_weights_of(exact, prototypes), observed.codes[index])
        if not jacobian.any():
            return {}
        energy = energies(jacobian)
        found.append((float(directions_needed(energy)), largest_share(energy)))
    needed, largest = torch.tensor(found, dtype=torch.float64).T
    return {"latent_directions_90_decoder": _each(needed), "spectrum_top_decoder": _each(largest)}


def direction_measures(exact: Leo, observed: LeoObserved, measured: MeasuredEpisodes) -> dict[str, Value]:
    """Return the spectrum of the changes of the codes, and what a step along the top directions does."""
    energy = energies(observed.code_changes.flatten(0, 1))
    halves = [top_directions(observed.code_changes[half::2].flatten(0, 1), TOP) for half in (0, 1)]
    effects = find_directions(exact, observed).effects
    n_query = measured.episodes.spec.n_query
    same_images = observed.queries[:, 0]  # one of each episode
    groups = torch.from_numpy(np.unique(measured.episodes.characters, return_inverse=True)[1])
    groups = groups.reshape(-1).repeat_interleave(n_query)
    images = observed.queries.flatten(0, 1)
    own = effects.mean(1)[:, 0]
    random = torch.from_numpy(stream(MEASURE_ROOT, "directions").standard_normal((RANDOM_DIRECTIONS, own.shape[1])))
    return {
        "latent_directions_90": _whole(directions_needed(energy)),
        "spectrum_top": _whole(largest_share(energy)),
        "direction_stability": _whole(subspace_overlap(halves[0], halves[1])),
        "direction_effect_similarity": _each(effect_similarity(effects, same_images, measured.partners)),
        "direction_meaning": _whole(between_share(responses(own, images), groups).mean().item()),
        "direction_meaning_random": _whole(between_share(responses(random, images), groups).mean().item()),
    }


class TopResponses(NamedTuple):
    """Effect of the top latent directions on the logits of given images."""

    shares: Tensor
    """Share of the squared changes of the codes along each direction, [R]."""
    responses: Tensor
    """Change of the stepped class's logit for each image, mean over the episodes, [R, M]."""


def top_responses(
    learner: Learner, bank: ImageBank, measured: MeasuredEpisodes, copies: Shifts, images: Tensor
) -> TopResponses:
    """Return what steps along the top latent directions do to the logits of images, uint8 [M, H, W].

    Arguments as in measures_of. Raises LeoBenchError for a learner without codes, or whose inner loop changes none.
    """
    if not isinstance(learner, Leo) or isinstance(learner, FullLeo):
        raise LeoBenchError("only a LEO with a decoded head has latent directions to draw")
    with torch.no_grad():
        observed = observe_leo(learner, bank, measured, copies)
        if not observed.code_changes.any():
            raise LeoBenchError("the inner loop changes no class code, so there are no latent directions to draw")
        found = find_directions(copy.deepcopy(learner).double(), observed)
        (features,) = learner.query_features(images[:, None].float().div(255))
        return TopResponses(found.shares, responses(found.effects.mean(1)[:, 0], features.double()))


def find_directions(exact: Leo, observed: LeoObserved) -> Directions:
    """Return the TOP latent directions of the changes of the codes. exact: the learner in float64."""
    changes = observed.code_changes.flatten(0, 1)
    unit = top_directions(changes, TOP)
    shares = (changes @ unit.T).square().sum(0) / changes.square().sum()
    length = class_distances(observed.codes).mean().item()
    head = _head_of(exact, observed.start_prototypes)
    return Directions(unit, shares, step_effects(head, observed.codes, unit, length))


def episode_accuracy(heads: Tensor, queries: Tensor) -> Tensor:
    """Return the fraction of right answers of each episode, [E].

    heads: rows [E, N, F + 1]; queries: [E, N * Q, F], classes in order.
    """
    logits = queries @ heads[..., :-1].transpose(1, 2) + heads[:, None, :, -1]
    n_way = heads.shape[1]
    labels = torch.arange(n_way).repeat_interleave(queries.shape[1] // n_way)
    return (logits.argmax(-1) == labels).double().mean(1)


def _head_of(exact: Leo, prototypes: Tensor | None) -> HeadOf:
    """Return the function from class codes [E, N, D] to the rows of the heads, for episodes with these prototypes."""

    def head(codes: Tensor) -> Tensor:
        weight, bias = exact.decoder.head(codes, prototypes)
        return torch.cat([weight, bias[..., None]], dim=-1)

    return head


def _weights_of(exact: Leo, prototypes: Tensor | None) -> HeadOf:
    """Return the function from class codes [E, N, D] to the weights of the heads, [E, N, F], without their biases."""
    return lambda codes: exact.decoder.head(codes, prototypes)[0]


def _each(per_episode: Tensor) -> Value:
    return Value(per_episode.mean().item(), per_episode)


def _whole(value: float) -> Value:
    return Value(float(value), torch.empty(0))
