"""Which part a switch picks, when a LEO is built."""

from leo_bench.config import Settings
from leo_bench.models.decoder import DECODERS, Decoder, GaussianHead, Mixture, TaskConditioned
from leo_bench.models.encoder import LEOEncoder, NoEncoder, SharedEncoder
from leo_bench.models.latent import Deterministic, Gaussian, Prior
from leo_bench.models.noise import Noise
from leo_bench.models.relation import AttentionRelation, LEORelationNetwork, NoRelation, Rounds


def build_encoder(settings: Settings, feature_dim: int) -> LEOEncoder | SharedEncoder | NoEncoder:
    """A CNN of its own, a linear map of the classifier's features, or none."""
    if settings.encoder == "none":
        return NoEncoder(settings.latent_dim)
    if settings.encoder == "shared":
        return SharedEncoder(feature_dim, settings.latent_dim)
    return LEOEncoder(settings.latent_dim, settings.image_size, settings.precision, settings.width)


def build_relation(settings: Settings) -> LEORelationNetwork | NoRelation | Rounds:
    """One relation network, several one after another, or none."""
    kinds = {"pairwise": LEORelationNetwork, "attention": AttentionRelation}
    if settings.relation == "none":
        return NoRelation()
    networks = [kinds[settings.relation](settings.latent_dim) for _ in range(settings.relation_rounds)]
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

    return GaussianHead(whole(), whole(), noise) if settings.decoded_weights == "gaussian" else whole()
