"""Parts of a LEO, chosen by its settings when it is built."""

from torch import nn

from leo_bench.config import Settings
from leo_bench.models.decoder import (
    DECODERS,
    Decoder,
    DistanceBias,
    GaussianHead,
    LinearDecoder,
    Mixture,
    PrototypeStart,
    Scaled,
    TaskConditioned,
    start_as_transpose,
)
from leo_bench.models.encoder import LEOEncoder, NoEncoder, SharedEncoder
from leo_bench.models.latent import Deterministic, Gaussian, Prior
from leo_bench.models.noise import Noise
from leo_bench.models.relation import RELATIONS, LEORelationNetwork, NoRelation, Residual, Rounds
from leo_bench.models.stem import Stem


def build_stem(settings: Settings) -> Stem:
    """Return the pooling and padding in front of the first CNN block."""
    return Stem(settings.first_pool, settings.padding)


def build_encoder(settings: Settings, feature_dim: int) -> LEOEncoder | SharedEncoder | NoEncoder:
    """Return the encoder: a CNN of its own, a linear map of the classifier's features, or none.

    feature_dim: length of the classifier's features.
    """
    if settings.encoder == "none":
        return NoEncoder(settings.latent_dim)
    if settings.encoder == "shared":
        return SharedEncoder(feature_dim, settings.latent_dim)
    return LEOEncoder(
        settings.latent_dim, settings.image_size, settings.precision, settings.width, build_stem(settings)
    )


def build_relation(settings: Settings) -> LEORelationNetwork | Residual | NoRelation | Rounds:
    """Return one relation network, several in sequence, or none."""
    if settings.relation == "none":
        return NoRelation()
    networks: list[LEORelationNetwork | Residual] = [
        RELATIONS[settings.relation](settings.latent_dim) for _ in range(settings.relation_rounds)
    ]
    if settings.relation_residual:
        networks = [Residual(network) for network in networks if isinstance(network, LEORelationNetwork)]
    return networks[0] if len(networks) == 1 else Rounds(networks)


def build_latent(settings: Settings, noise: Noise) -> Deterministic | Gaussian | Prior:
    """Return the distribution of class codes: deterministic, normal around the encoder's code, or N(0, I)."""
    if settings.latent == "deterministic":
        return Deterministic()
    return Prior(noise) if settings.encoder == "none" else Gaussian(settings.latent_dim, noise)


def build_decoder(settings: Settings, feature_dim: int, noise: Noise) -> Decoder:
    """Return the decoder: one or a mixture, task-conditioned or not, of head weights or of their distribution."""

    def single() -> Decoder:
        kind = DECODERS[settings.decoder]
        size = settings.latent_dim * (2 if settings.task_conditioned else 1)
        decoder = kind(size, settings.n_way, feature_dim, settings.decode)
        return TaskConditioned(decoder) if settings.task_conditioned else decoder

    def whole() -> Decoder:
        if settings.n_decoders == 1:
            return single()
        return Mixture([single() for _ in range(settings.n_decoders)], settings.latent_dim)

    decoder = GaussianHead(whole(), whole(), noise) if settings.decoded_weights == "gaussian" else whole()
    if settings.head_start == "prototype":
        decoder = PrototypeStart(decoder)
    if settings.head_bias == "distance":
        decoder = DistanceBias(decoder)
    return Scaled(decoder) if settings.logit_scale == "learned" else decoder


def tie_starts(settings: Settings, encoder: nn.Module, decoder: Decoder) -> None:
    """Initialise the decoder of the mean weights as the transpose of the encoder, if decoder_start=encoder."""
    if settings.decoder_start == "encoder":
        mean = next(part for part in decoder.modules() if isinstance(part, LinearDecoder))
        assert isinstance(encoder, SharedEncoder)
        start_as_transpose(encoder.fc, mean)
        if settings.frozen_maps:
            encoder.requires_grad_(False)
            mean.requires_grad_(False)
