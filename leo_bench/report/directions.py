"""Picture of a run's top latent directions."""

from functools import partial

from leo_bench.figures.latent_directions import directions_size, latent_directions
from leo_bench.records.directions import LatentDirections
from leo_bench.report.panels import ROOM, Panel, render

WIDTH, TOP, BOTTOM = 6.2, 0.5, 0.08
"""Width of the picture, and room above and below the drawings, inches."""


def directions_png(directions: LatentDirections) -> bytes:
    """Return the figure of the directions as PNG."""
    width, height = directions_size(*directions.raised.shape[:2])
    panel = Panel(
        partial(latent_directions, directions),
        f"Top latent directions of run {directions.run_key}",
        "glyphs whose logit changes most by a step of a class code; share of the squared changes of codes",
        width=WIDTH,
        height=height * (WIDTH - 2 * ROOM) / width + TOP + BOTTOM,
        top=TOP,
        bottom=BOTTOM,
    )
    return render(panel).png
