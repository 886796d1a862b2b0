"""Name of each measure -> its unit and its meaning in one sentence."""

from typing import NamedTuple


class Description(NamedTuple):
    unit: str
    what: str


RATIO, COSINE, SHARE, COUNT = "ratio", "cosine", "share", "directions"

DESCRIPTIONS = {
    "class_similarity": Description(
        COSINE, "Cosine between the prototypes of two classes of an episode, centred, mean over the pairs."
    ),
    "episode_accuracy": Description("fraction", "Fraction of an episode's queries with a right answer after adapting."),
    "relation_same_class_shift": Description(
        RATIO,
        "Distance between the codes of one class in two episodes after the relation network, divided by that between "
        "two classes of an episode.",
    ),
    "relation_outlier_gain": Description(
        RATIO,
        "Displacement of an episode's codes after the relation network over before, each in units of the distance "
        "between classes, when a drawing of another character replaces a support image.",
    ),
    "relation_outlier_gain_own": Description(
        RATIO, "The part of relation_outlier_gain that is the displacement of the class with the replaced image."
    ),
    "relation_outlier_gain_others": Description(
        RATIO, "Mean displacement of another class's code in relation_outlier_gain; 0 without a relation network."
    ),
    "relation_redrawn_gain": Description(
        RATIO, "The same as relation_outlier_gain when another drawing of the same character replaces the image."
    ),
    **{
        name: Description(unit, what.format(weights))
        for part, weights in (
            ("", "all adapted weights"),
            ("_head", "the weights of the head"),
            ("_cnn", "the adapted weights of the CNN"),
        )
        for name, unit, what in (
            (
                f"update_variance_between_episodes{part}",
                SHARE,
                "Share of the mean squared change of {} by the inner loop that is variance between episodes.",
            ),
            (
                f"update_direction_similarity{part}",
                COSINE,
                "Cosine between the changes of {} by the inner loop in two episodes.",
            ),
        )
    },
    "update_direction_similarity_same_class": Description(
        COSINE, "Cosine between the changes of one class's weights in the head in two episodes with other neighbours."
    ),
    "update_directions_90": Description(
        COUNT, "Number of directions with 90% of the squared changes of a class's weights in the head."
    ),
    "update_spectrum_top": Description(
        SHARE, "Share of the squared changes of a class's weights in the head along their largest direction."
    ),
    "latent_directions_90": Description(
        COUNT, "Number of latent directions with 90% of the squared changes of the class codes by the inner loop."
    ),
    "spectrum_top": Description(
        SHARE, "Share of the squared changes of the class codes along their largest latent direction."
    ),
    "latent_directions_90_decoder": Description(
        COUNT, "Number of latent directions with 90% of the squared derivative of the head's weights by a class code."
    ),
    "spectrum_top_decoder": Description(
        SHARE, "Share of the squared derivative of the head's weights by a class code along its largest direction."
    ),
    "direction_stability": Description(
        SHARE,
        "Share of the four top latent directions of one half of the episodes that lies in the span of those of the "
        "other half.",
    ),
    "direction_effect_similarity": Description(
        COSINE,
        "Cosine between what a step along a top latent direction does to the logits of the same images in two "
        "episodes; 1 by construction for a linear decoder.",
    ),
    "direction_meaning": Description(
        SHARE,
        "Share of the variance between drawings, in their response to a step along a top latent direction, that lies "
        "between characters.",
    ),
    "direction_meaning_random": Description(
        SHARE, "The same as direction_meaning for random changes of a class's weights."
    ),
}
