"""Spectra of a LEO: how the adaptation, and what the decoder makes of a code, are spread over latent directions."""

import copy
from typing import NamedTuple

import torch
from torch import Tensor

from leo_bench.data.bank import ImageBank
from leo_bench.learners.leo import Leo
from leo_bench.training.evaluate import Shifts
from leo_bench.training.measures.directions import HeadOf, decoder_jacobian, energies
from leo_bench.training.measures.episodes import MeasuredEpisodes
from leo_bench.training.measures.observe import LeoObserved, observe_leo


class Spectra(NamedTuple):
    """Shares of a sum of squares along each latent direction, largest first, float64 [D] each."""

    changes: Tensor
    """Shares of the changes of all class codes by the inner loop."""
    decoder: Tensor
    """Shares of the derivative of the head's weights by the code of class 0, mean over the episodes."""


def spectra(learner: Leo, bank: ImageBank, measured: MeasuredEpisodes, copies: Shifts) -> Spectra:
    """Return the spectra of a LEO with a decoded head. copies: shifts of the copies that enlarge each support set."""
    with torch.no_grad():
        observed = observe_leo(learner, bank, measured, copies)
        return spectra_of(copy.deepcopy(learner).double(), observed)


def spectra_of(exact: Leo, observed: LeoObserved) -> Spectra:
    """Return the spectra of what was observed. exact: the learner in float64."""
    decoder = torch.zeros(observed.codes.shape[-1], dtype=torch.float64)
    for index, codes in enumerate(observed.codes):
        start = observed.start_prototypes
        prototypes = None if start is None else start[index : index + 1]
        jacobian = decoder_jacobian(_weights_of(exact, prototypes), codes)
        decoder += _shares(energies(jacobian)) / len(observed.codes)
    return Spectra(_shares(energies(observed.code_changes.flatten(0, 1))), decoder)


def _weights_of(exact: Leo, prototypes: Tensor | None) -> HeadOf:
    """Return the function from class codes [E, N, D] to the weights of the heads, [E, N, F]."""
    return lambda codes: exact.decoder.head(codes, prototypes)[0]


def _shares(energy: Tensor) -> Tensor:
    """Return the parts of a sum, [D]; zeros if the sum is 0."""
    return energy / energy.sum().clamp_min(torch.finfo(energy.dtype).tiny)
