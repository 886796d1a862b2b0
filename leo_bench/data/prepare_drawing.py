"""Preparing a picture of one character as the drawings of Omniglot are: 105x105, strokes of 5 pixels, centred.

Ink is whatever differs from the paper in colour, so dark ink on light paper and light ink on dark paper are the same.
"""

import numpy as np
from PIL import Image, ImageOps
from scipy import ndimage

from leo_bench.errors import LeoBenchError

SIDE = 105
"""Side of a prepared drawing, pixels, as of Omniglot's."""
LETTER = 65
"""Longer side of a character without the width of its strokes, pixels. The median over Omniglot's background set."""
PEN = np.add.outer(np.arange(-2, 3) ** 2, np.arange(-2, 3) ** 2) <= 5
"""Tip of the pen, bool [5, 5], a disc: Omniglot's strokes are 5 pixels wide."""

WORKING_SIDE = 320
"""Longer side at which ink is found, pixels."""
SAMPLED = 8
"""Step between the rows and columns that are read to find the colour of the paper."""
LEAST_CONTRAST = 25.0
"""Least distance of ink from paper in colour, of 441 between black and white. Paper grain and JPEG noise have less."""
QUIET, GRAIN = 0.3, 6.0
"""Quantile of the distances from the paper that is surely grain, and how many times as far ink is at least."""
SHADING = 0.08
"""Standard deviation of the Gaussian that follows shading, as a share of the longer side."""
MOST_INK = 0.6
"""Largest share of a picture that ink may cover."""
LEAST_PART = 0.008
"""Least area of a part of a character, such as a dot, as a share of its largest part. Smaller specks are left out."""
LINES, RULED = 2, 4
"""Lines from edge to edge from which on they may be those of the paper, and from which on they surely are."""
EDGE = 5
"""Width of the edge of a picture where lines are counted, pixels of WORKING_SIDE."""
DARKER = 1.5
"""How many times as far from the paper as its lines ink is at least."""
MOST_DRAWN = 0.23
"""Largest share of ink in a prepared drawing. In Omniglot it is 0.221, and 0.183 once its drawings are prepared."""
EXPECTED = "expected one character, in ink that stands out from plain paper"
"""End of the messages about a picture that shows none."""


def prepare_drawing(picture: Image.Image) -> np.ndarray:
    """Return the character on a picture as a drawing, uint8 [SIDE, SIDE], ink 255 on paper 0.

    The picture may have any size and colours, shading, transparency, and dark or light paper. Lines of the paper that
    are paler than the ink are left out. Raises LeoBenchError if it shows no drawing, if its paper is ruled with lines
    as dark as the ink, or if its numbers are not finite; the message starts with what the picture shows.
    """
    ink = find_ink(flattened(picture))
    lines = _cropped(thinned(_smoothed(ink)))  # so that a thick pen makes no character larger
    skeleton = thinned(_smoothed(_scaled(lines, LETTER)))
    height, width = skeleton.shape
    drawing = np.zeros((SIDE, SIDE), bool)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    drawing[top : top + height, left : left + width] = skeleton
    drawing = ndimage.binary_dilation(drawing, PEN)
    if drawing.mean() > MOST_DRAWN:
        raise LeoBenchError(
            f"shows more than a character: ink would cover {drawing.mean():.0%} of the drawing, and at most "
            f"{MOST_DRAWN:.0%} are possible; {EXPECTED}, not ruled or squared"
        )
    return drawing.astype(np.uint8) * 255


def flattened(picture: Image.Image) -> np.ndarray:
    """Return a picture as colours, float64 [H, W, 3] from 0 to 255, upright, its longer side WORKING_SIDE.

    Transparent pixels become black if the opaque ones are light, else white. Raises LeoBenchError for numbers that are
    not finite.
    """
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith(("I", "F")):  # 16 or 32 bits a pixel
        values = np.asarray(picture, dtype=np.float64)
        if not np.isfinite(values).all():
            raise LeoBenchError(
                "holds numbers that are not finite (NaN or infinite); save it with 8 or 16 bits a pixel"
            )
        picture = Image.fromarray((255 * (values - values.min()) / (np.ptp(values) or 1)).astype(np.uint8))
    layers = picture.convert("RGBA")
    opacity = np.asarray(layers.getchannel("A"), dtype=np.float64)
    if opacity.min() < 255:
        light = np.average(np.asarray(layers.convert("L")), weights=opacity) > 127 if opacity.any() else False
        layers = Image.alpha_composite(Image.new("RGBA", layers.size, "black" if light else "white"), layers)
    scale = WORKING_SIDE / max(layers.size)
    width, height = (max(1, round(scale * side)) for side in layers.size)
    return np.asarray(layers.convert("RGB").resize((width, height), Image.Resampling.BICUBIC), dtype=np.float64)


def find_ink(colours: np.ndarray) -> np.ndarray:
    """Return the pixels with ink, bool [H, W], of colours, float64 [H, W, 3].

    Ink is farther from the paper in colour than the paper's grain, and than half of what is typical of ink. Specks are
    left out, and so are lines of the paper if they are paler. Raises LeoBenchError if there is no ink, or too much, if
    there are lines as dark as the ink, or if there is only the edge of a block.
    """
    smooth = ndimage.gaussian_filter(colours, (1, 1, 0))
    distance = np.linalg.norm(smooth - paper_of(smooth), axis=-1)
    strong = distance > max(LEAST_CONTRAST / 2, GRAIN * np.quantile(distance, QUIET))
    contrast = float(np.median(distance[strong])) if strong.any() else 0.0
    if contrast < LEAST_CONTRAST:
        raise LeoBenchError(f"shows no ink: its colours hardly differ; {EXPECTED}")
    ink = _without_lines(distance, strong & (distance > contrast / 2))
    if ink.mean() > MOST_INK:
        raise LeoBenchError(f"shows no drawing on plain paper: {ink.mean():.0%} of it differ from its edge; {EXPECTED}")
    if _lines_across(ink) >= RULED:
        raise LeoBenchError(
            f"shows {_lines_across(ink)} lines from edge to edge, as ruled or squared paper does, about as dark as the "
            f"ink; {EXPECTED}"
        )
    parts, _ = ndimage.label(ink, np.ones((3, 3)))
    areas = np.bincount(parts.ravel())[1:]
    ink = np.isin(parts, 1 + np.flatnonzero(areas >= LEAST_PART * areas.max()))
    if _is_empty_frame(ink):
        raise LeoBenchError(f"shows a block that fills it, or an empty frame, and no drawing; {EXPECTED}")
    return ink


def _without_lines(distance: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Return ink without the lines of ruled or squared paper, bool [H, W]; as it is if no ink is darker than they are.

    They run from edge to edge, so the ink at the edges of the picture is theirs. distance: float64 [H, W], from paper.
    """
    if _lines_across(ink) < LINES:
        return ink
    edge = ink.copy()
    edge[1:-1, 1:-1] = False
    lines = float(np.quantile(distance[edge], 0.98))
    darker = distance[ink & (distance > DARKER * lines)]
    if len(darker) < LEAST_PART * ink.sum():
        return ink
    found = ink & (distance > (lines + np.median(darker)) / 2)
    return found if _lines_across(found) < LINES else ink


def _lines_across(ink: np.ndarray) -> int:
    """Return how many lines may run from one edge of ink, bool [H, W], to the opposite one, straight or slanted."""
    left, right, top, bottom = (_n_runs(edge[:EDGE]) for edge in (ink.T, ink.T[::-1], ink, ink[::-1]))
    return max(min(left, right), min(top, bottom))


def _n_runs(rows: np.ndarray) -> int:
    """Return the largest number of runs of True in a row, bool [R, N]. One row may lie along a line."""
    return int((rows[:, 0] + np.sum(rows[:, 1:] & ~rows[:, :-1], axis=1)).max())


def _is_empty_frame(ink: np.ndarray) -> bool:
    """Return True if ink, bool [H, W], is nothing but the edge of the picture around one rectangle."""
    edge = np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]])
    in_one_part = ndimage.label(ink, np.ones((3, 3)))[1] == 1
    return bool(edge.mean() > 0.9 and in_one_part and not ink.all() and _cropped(~ink).mean() > 0.95)


def paper_of(colours: np.ndarray) -> np.ndarray:
    """Return the colour of the paper at each pixel, float64 [H, W, 3], without the ink on it.

    It starts as a plane through the edge of the picture, becomes a quadratic surface through all pixels near it, and
    at last follows the shading around each place. colours: float64 [H, W, 3].
    """
    height, width = colours.shape[:2]
    sample = colours[::SAMPLED, ::SAMPLED]
    places = _places(height, width)[::SAMPLED, ::SAMPLED]
    near = abs(places).max(-1) > 0.95
    paper = sample
    for n_terms in (3, 6, 6, 6):
        terms = _terms(places)[..., :n_terms]
        paper = terms @ np.linalg.lstsq(terms[near], sample[near], rcond=None)[0]
        near = _near(sample, paper)
    for _ in range(3):
        paper = paper + _smooth_where(sample - paper, near, SHADING * max(sample.shape[:2]))
        near = _near(sample, paper)
    back = (height / len(sample), width / sample.shape[1], 1)
    return ndimage.zoom(paper, back, order=1, mode="nearest", grid_mode=True)


def _near(colours: np.ndarray, paper: np.ndarray) -> np.ndarray:
    """Return True where colours are about those of the paper, bool [H, W]; both float64 [H, W, 3]."""
    distance = np.linalg.norm(colours - paper, axis=-1)
    return np.asarray(distance <= max(2 * np.median(distance), LEAST_CONTRAST / 2))


def _smooth_where(values: np.ndarray, used: np.ndarray, width: float) -> np.ndarray:
    """Return the mean of the values that are used, weighted by a Gaussian of this standard deviation around each pixel.

    values: float64 [H, W, 3]; used: bool [H, W].
    """
    share = ndimage.gaussian_filter(used.astype(np.float64), width)[..., None]
    total = ndimage.gaussian_filter(values * used[..., None], (width, width, 0))
    return np.where(share > 1e-3, total / np.maximum(share, 1e-3), 0.0)


def _places(height: int, width: int) -> np.ndarray:
    """Return x and y of each pixel, from -1 to 1, float64 [H, W, 2]."""
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    return np.stack([x, y], axis=-1)


def _terms(places: np.ndarray) -> np.ndarray:
    """Return the terms of a quadratic surface, those of a plane first, float64 [H, W, 6]. places: [H, W, 2]."""
    x, y = places[..., 0], places[..., 1]
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)


def thinned(ink: np.ndarray) -> np.ndarray:
    """Return the skeleton of ink, bool [H, W]: lines about one pixel wide, as connected as the ink.

    Guo and Hall (1989), "Parallel thinning with two-subiteration algorithms". The older one of Zhang and Suen deletes
    diagonal lines that are two pixels wide.
    """
    skeleton, before = np.pad(ink, 1), None
    while before is None or (skeleton != before).any():
        before = skeleton
        for first in (True, False):
            skeleton = skeleton & ~_removable(skeleton, first)
    return skeleton[1:-1, 1:-1]


def _removable(ink: np.ndarray, first: bool) -> np.ndarray:
    """Return the pixels that one pass of thinning removes, bool [H, W]. first: the pass of the north-east border."""
    north, east, south, west = (np.roll(ink, shift, axis) for shift, axis in ((1, 0), (-1, 1), (-1, 0), (1, 1)))
    corners = (np.roll(row, shift, 1) for row, shift in ((north, -1), (south, -1), (south, 1), (north, 1)))
    north_east, south_east, south_west, north_west = corners
    pairs = ((north, north_east, east), (east, south_east, south), (south, south_west, west), (west, north_west, north))
    n_runs = np.stack([~side & (corner | following) for side, corner, following in pairs]).sum(0)
    after = np.stack([side | corner for side, corner, _ in pairs]).sum(0)
    ahead = np.stack([corner | following for _, corner, following in pairs]).sum(0)
    n_around = np.minimum(after, ahead)
    kept = (north | north_east | ~south_east) & east if first else (south | south_west | ~north_west) & west
    return ink & (n_runs == 1) & (n_around >= 2) & (n_around <= 3) & ~kept


def _cropped(ink: np.ndarray) -> np.ndarray:
    """Return the smallest rectangle of a picture that has all its ink, bool [H, W]."""
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _scaled(ink: np.ndarray, side: int) -> np.ndarray:
    """Return ink, bool [H, W], with a longer side of this many pixels. No stroke disappears, however thin it is."""
    height, width = (max(1, round(length * side / max(ink.shape))) for length in ink.shape)
    if max(ink.shape) <= side:
        grown = Image.fromarray(ink.astype(np.uint8) * 255).resize((width, height), Image.Resampling.BICUBIC)
        return np.asarray(grown) > 127
    scaled = np.zeros((height, width), bool)
    rows, columns = np.nonzero(ink)
    scaled[rows * height // ink.shape[0], columns * width // ink.shape[1]] = True
    return scaled


def _smoothed(ink: np.ndarray) -> np.ndarray:
    """Return ink, bool [H, W], with smooth edges, so that its skeleton has no twigs. Lines of one pixel stay."""
    return ndimage.gaussian_filter(ink.astype(np.float64), 1, mode="constant") > 0.3
