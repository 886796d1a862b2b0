"""Advice of the source document for runs that fail or learn nothing: which settings to change."""

from leo_bench.config import Settings

ABOVE_CHANCE = 0.02
"""Smallest accuracy above chance, a fraction, that counts as having learned something."""


def stalled(accuracy: float, settings: Settings) -> str:
    """Return advice if a training ended with query accuracy (a fraction) at chance, else an empty string."""
    chance = 1 / settings.n_way
    if settings.learner != "leo" or accuracy >= chance + ABOVE_CHANCE:
        return ""
    if settings.decode == "task":
        remedy = "one code for all classes cannot tell them apart: set decode to class"
    else:
        larger = [f"raise latent_dim (now {settings.latent_dim}; 128)"] if settings.latent_dim < 128 else []
        more = [f"raise inner_steps (now {settings.inner_steps}; 7 to 10)"] if settings.inner_steps < 7 else []
        remedy = " or ".join([*larger, *more, "train on more episodes"])
    return f"accuracy is at chance ({accuracy:.0%}, chance is {chance:.0%}) after training; {remedy}"


def diverged(what: str, settings: Settings) -> str:
    """Return a message about a loss or weights that are NaN or infinite, with advice. what: the event in words."""
    return (
        f"{what}; lower outer_lr (now {settings.outer_lr:g}) or inner_lr (now {settings.inner_lr:g}), "
        f"or clip_norm (now {settings.clip_norm:g})"
    )


def out_of_memory(settings: Settings) -> str:
    """Return a message about a lack of memory, with advice."""
    return (
        f"out of memory; run fewer at a time (--jobs, JOBS), lower meta_batch_size (now {settings.meta_batch_size}), "
        f"latent_dim (now {settings.latent_dim}) or inner_steps (now {settings.inner_steps}), or take smaller images "
        f"(image_size, now {settings.image_size})"
    )
