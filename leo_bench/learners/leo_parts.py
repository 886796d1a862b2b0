"""Which part a switch picks, when a LEO is built."""

from torch import nn

from leo_bench.config import Settings
from leo_bench.models.decoder import (
    DECODERS,
    Decoder,
    DistanceBias,
    GaussianHead,
    LinearDecoder,
    Mixture,
    Scaled,
    TaskConditioned,
    start_as_transpose,
)
from leo_bench.models.encoder import LEOEncoder, NoEncoder, SharedEncoder
from leo_bench.models.latent import Deterministic, Gaussian, Prior
from leo_bench.models.noise import Noise
from leo_bench.models.relation import AttentionRelation, LEORelationNetwork, NoRelation, Residual, Rounds
from leo_bench.models.stem import Stem


def build_stem(settings: Settings) -> Stem:
    """What images go through before a CNN."""
    return Stem(settings.first_pool, settings.padding)


def build_encoder(settings: Settings, feature_dim: int) -> LEOEncoder | SharedEncoder | NoEncoder:
    """A CNN of its own, a linear map of the classifier's features, or none."""
    if settings.encoder == "none":
        return NoEncoder(settings.latent_dim)
    if settings.encoder == "shared":
        return SharedEncoder(feature_dim, settings.latent_dim)
    return LEOEncoder(
        settings.latent_dim, settings.image_size, settings.precision, settings.width, build_stem(settings)
    )


def build_relation(settings: Settings) -> LEORelationNetwork | Residual | NoRelation | Rounds:
    """One relation network, several one after another, or none."""
    kinds = {"pairwise": LEORelationNetwork, "attention": AttentionRelation}
    if settings.relation == "none":
        return NoRelation()
    networks: list[LEORelationNetwork | Residual] = [
        kinds[settings.relation](settings.latent_dim) for _ in range(settings.relation_rounds)
    ]
    if settings.relation_residual:
        networks = [Residual(network) for network in networks if isinstance(network, LEORelationNetwork)]
    return networks[0] if len(networks) == 1 else Rounds(networks)


def build_latent(settings: Settings, noise: Noise) -> Deterministic | Gaussian | Prior:
    """Computed codes, or drawn ones: from what the encoder says, or from N(0, I) where there is none."""
    if settings.latent == "deterministic":
        return Deterministic()
    return Prior(noise) if settings.encoder == "none" else Gaussian(settings.latent_dim, noise)


def build_decoder(settings: Settings, feature_dim: int, noise: Noise) -> Decoder:
    """One decoder or a mixture, with or without sight of the task, of weights or of their distribution."""

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
    if settings.head_bias == "distance":
        decoder = DistanceBias(decoder)
    return Scaled(decoder) if settings.logit_scale == "learned" else decoder


def tie_starts(settings: Settings, encoder: nn.Module, decoder: Decoder) -> None:
    """Start the decoder of the weights' mean as the transpose of the encoder, where the settings say so."""
    if settings.decoder_start == "encoder":
        mean = next(part for part in decoder.modules() if isinstance(part, LinearDecoder))
        assert isinstance(encoder, SharedEncoder)
        start_as_transpose(encoder.fc, mean)
