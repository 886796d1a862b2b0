"""Glyphs: procedurally drawn, seeded, handwriting-like characters, for work without data or network.

An alphabet has a small set of strokes (splines) and of places for them. A letter is a few strokes at places. A drawer
has a slant, a size and a pen, and draws each stroke a little differently every time. Letters of one alphabet share
strokes, so they are harder to tell apart than letters of different alphabets. The code uses only additions,
multiplications, divisions and uniform doubles, which IEEE defines exactly, so every machine draws the same. The unit
of length is half the side of a picture.
"""

import hashlib
import sys
from dataclasses import dataclass

import numpy as np

from leo_bench.data.drawings import Drawings
from leo_bench.data.locate import DataSource
from leo_bench.data.omniglot import N_DRAWERS, SIDE
from leo_bench.data.seeding import stream

GLYPH_ROOT = 1
"""Root seed of every drawing."""
KNOWN_DIGEST = "0df5b6ab60407d9eb616b9cb38494fd5a7bbcfe9faa133dd4c67cc3b54677830"
"""Digest of all drawings. A deliberate change of the drawings must change it too; caches and records depend on it."""
BACKGROUND_SIZES = (18, 20, 22)
EVALUATION_SIZES = (20, 22)
"""Numbers of characters of the alphabets, cyclically: 30 background alphabets (600), then 20 evaluation ones (420)."""
N_BACKGROUND, N_EVALUATION = 30, 20

POINTS_PER_SEGMENT = 24
LARGEST_EXTENT = 1.8
"""Largest height and width of a letter; larger ones are reduced, to stay inside the picture."""
POINT_NOISE, END_NOISE, PLACE_NOISE, STROKE_SIZE_NOISE = 0.045, 0.05, 0.06, 0.14
"""Standard deviations of the differences between two drawings of one stroke."""

Array = np.ndarray


@dataclass(frozen=True)
class Alphabet:
    """Strokes and places that the letters of one alphabet share."""

    name: str
    strokes: list[Array]
    """Control points of each stroke, float64 (points, 2) as x and y, centred on 0."""
    places: Array
    """Positions of strokes, float64 (places, 2)."""
    n_strokes: tuple[int, int]
    """Smallest and largest number of strokes of a letter."""


@dataclass(frozen=True)
class Hands:
    """Handwriting of the 20 drawers of an alphabet."""

    slants: Array
    """float64 (20,): change of x per unit of y."""
    turns: Array
    """float64 (20,): rotation, as the tangent of half the angle."""
    radii: Array
    """float64 (20,): radius of the pen, in pixels."""
    sizes: Array
    """float64 (20, 1, 2): width and height."""


Letter = tuple[tuple[int, int], ...]
"""Strokes of a letter: index of each stroke and of its place in the alphabet."""


def read(source: DataSource) -> Drawings:
    """Draw the whole set: 50 alphabets, 1,020 characters, 20 drawings each. Takes some seconds. source is not used."""
    print("Drawing the glyphs (once; they are cached) ...", file=sys.stderr)
    sizes = alphabet_sizes()
    images = np.zeros((sum(sizes), N_DRAWERS, SIDE, SIDE), dtype=np.uint8)
    alphabets: list[str] = []
    characters: list[str] = []
    for number, size in enumerate(sizes):
        alphabet, hands = make_alphabet(number), make_hands(number)
        for position, letter in enumerate(make_letters(alphabet, number, size)):
            images[len(characters)] = draw(alphabet, hands, letter, number, position)
            alphabets.append(alphabet.name)
            characters.append(f"{alphabet.name}/character{position + 1:02}")
    background = tuple(index < sum(sizes[:N_BACKGROUND]) for index in range(len(characters)))
    digest = hashlib.sha256(np.packbits(images > 0).tobytes()).hexdigest()
    if digest != KNOWN_DIGEST:
        print(f"NOTICE: these are not the usual glyphs: digest {digest[:16]}, not {KNOWN_DIGEST[:16]}", file=sys.stderr)
    return Drawings(images, tuple(alphabets), tuple(characters), background, digest)


def fingerprint(source: DataSource) -> str:
    """Name the drawings without drawing them."""
    return f"glyphs-{KNOWN_DIGEST}"


def alphabet_sizes() -> list[int]:
    """Number of characters of each of the 50 alphabets, the background ones first."""
    background = [BACKGROUND_SIZES[number % len(BACKGROUND_SIZES)] for number in range(N_BACKGROUND)]
    return background + [EVALUATION_SIZES[number % len(EVALUATION_SIZES)] for number in range(N_EVALUATION)]


def make_alphabet(number: int) -> Alphabet:
    """Draw the alphabet of a number (0 to 49) from its own random stream."""
    rng = stream(GLYPH_ROOT, "glyphs", "alphabet", number)
    bend = float(between(rng, 0.05, 0.6))  # how round the script is
    length = float(between(rng, 0.55, 0.9))
    stock = [_make_stroke(rng, bend, length) for _ in range(6 + int(rng.random() * 4))]
    grid = np.array([(x, y) for x in (-0.35, 0.0, 0.35) for y in (-0.35, 0.0, 0.35)])
    keep = np.argsort(rng.random(len(grid)), kind="stable")[:6]
    places = grid[np.sort(keep)] + spread(rng, (6, 2), 0.08)
    fewest = 2 + int(rng.random() * 2)
    return Alphabet(f"Glyph_{number + 1:02}", stock, places, (fewest, fewest + 1))


def make_letters(alphabet: Alphabet, number: int, size: int) -> list[Letter]:
    """Draw size letters of an alphabet; no two have the same strokes, whatever their places."""
    rng = stream(GLYPH_ROOT, "glyphs", "letters", number)
    letters: dict[tuple[int, ...], Letter] = {}
    while len(letters) < size:
        least, most = alphabet.n_strokes
        n_strokes = least + int(rng.random() * (most - least + 1))
        strokes = (rng.random(n_strokes) * len(alphabet.strokes)).astype(int)
        places = np.argsort(rng.random(len(alphabet.places)), kind="stable")[:n_strokes]
        letter = tuple(sorted((int(stroke), int(place)) for stroke, place in zip(strokes, places, strict=True)))
        letters.setdefault(tuple(stroke for stroke, _ in letter), letter)
    return list(letters.values())


def make_hands(number: int) -> Hands:
    """Draw the handwriting of the 20 drawers of an alphabet, which is the same in all its letters."""
    rng = stream(GLYPH_ROOT, "glyphs", "hands", number)
    return Hands(
        slants=between(rng, -0.25, 0.25, (N_DRAWERS,)),
        turns=between(rng, -0.05, 0.05, (N_DRAWERS,)),
        radii=between(rng, 1.0, 1.9, (N_DRAWERS,)),
        sizes=between(rng, 0.75, 1.1, (N_DRAWERS, 1, 2)),
    )


def draw(alphabet: Alphabet, hands: Hands, letter: Letter, number: int, position: int) -> Array:
    """Draw a letter by every drawer: uint8 (20, 105, 105), ink 255 on paper 0."""
    rng = stream(GLYPH_ROOT, "glyphs", "drawings", number, position)
    slants = hands.slants + between(rng, -0.1, 0.1, (N_DRAWERS,))
    turns = hands.turns + between(rng, -0.05, 0.05, (N_DRAWERS,))
    sizes = hands.sizes * (1 + spread(rng, (N_DRAWERS, 1, 2), 0.1))
    curves = []
    for stroke, place in letter:
        stock = alphabet.strokes[stroke]
        points = stock * (1 + spread(rng, (N_DRAWERS, 1, 2), STROKE_SIZE_NOISE))
        points = points + spread(rng, (N_DRAWERS, *stock.shape), POINT_NOISE)
        points[:, [0, -1]] += spread(rng, (N_DRAWERS, 2, 2), END_NOISE)  # pens land and lift less surely
        points = points + alphabet.places[place] + spread(rng, (N_DRAWERS, 1, 2), PLACE_NOISE)
        points = rotated(points, turns[:, None]) * sizes
        points[..., 0] -= slants[:, None] * points[..., 1]
        curves.append(spline(points))
    whole = np.concatenate(curves, axis=1)
    low, high = whole.min(axis=1, keepdims=True), whole.max(axis=1, keepdims=True)
    extent = (high - low).max(axis=2, keepdims=True)
    reduction = 1 / np.maximum(1.0, extent / LARGEST_EXTENT)
    shift = spread(rng, (N_DRAWERS, 1, 2), 0.08) * (1 - reduction * (high - low) / 2)
    whole = (whole - (low + high) / 2) * reduction + shift
    images = np.zeros((N_DRAWERS, SIDE, SIDE), dtype=np.uint8)
    for image, curve, radius in zip(images, whole, hands.radii, strict=True):
        stamp(image, curve, float(radius))
    return images


def spline(points: Array) -> Array:
    """Return dense points, float64 (..., n, 2), of the Catmull-Rom spline through points (..., m, 2), m >= 2."""
    first, last = points[..., :1, :], points[..., -1:, :]
    ends = np.concatenate(
        [2 * first - points[..., 1:2, :], points, 2 * last - points[..., -2:-1, :]], axis=-2
    )  # one more point on either side, in line
    n_segments = points.shape[-2] - 1
    before, start, stop, after = (ends[..., offset : offset + n_segments, None, :] for offset in range(4))
    t = (np.arange(POINTS_PER_SEGMENT + 1) / POINTS_PER_SEGMENT)[:, None]
    bend = 2 * before - 5 * start + 4 * stop - after
    twist = 3 * (start - stop) + after - before
    curve: Array = start + 0.5 * t * (stop - before + t * (bend + t * twist))
    return curve.reshape(*points.shape[:-2], -1, 2)


def stamp(image: Array, curve: Array, radius: float) -> None:
    """Draw curve (n, 2) into image with a round pen of radius pixels. Ink outside the image is lost."""
    reach = int(radius) + 1
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = np.argwhere(rows * rows + columns * columns <= radius * radius) - reach
    centres = np.floor((curve[:, ::-1] + 1) * (SIDE / 2)).astype(np.int64)  # (x, y) to (row, column)
    pixels = (centres[:, None] + disc).reshape(-1, 2)
    inside = pixels[((pixels >= 0) & (pixels < SIDE)).all(axis=1)]
    image[inside[:, 0], inside[:, 1]] = 255


def rotated(points: Array, t: Array | float) -> Array:
    """Rotate points (..., 2) by the angle whose half has tangent t, without trigonometric functions."""
    cosine, sine = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
    x, y = points[..., 0], points[..., 1]
    return np.stack([cosine * x - sine * y, sine * x + cosine * y], axis=-1)


def between(rng: np.random.Generator, low: float, high: float, shape: tuple[int, ...] = ()) -> Array:
    """Draw uniform numbers between low and high."""
    return low + (high - low) * np.asarray(rng.random(shape))


def spread(rng: np.random.Generator, shape: tuple[int, ...], deviation: float) -> Array:
    """Draw noise around 0 with a standard deviation: the sum of three uniform numbers (variance 1/12 each)."""
    total: Array = rng.random((3, *shape)).sum(axis=0)
    return (total - 1.5) * (2 * deviation)


def _make_stroke(rng: np.random.Generator, bend: float, length: float) -> Array:
    """Draw the control points of a stroke: a walk of 2 to 4 steps that turns mostly one way, centred on 0."""
    n_steps = 2 + int(rng.random() * 3)
    step = length * between(rng, 0.7, 1.3) / n_steps * 1.6
    heading = rotated(np.array([[0.0, 1.0]]), between(rng, -1.0, 1.0))  # within 90 degrees of downwards
    side = 1.0 if rng.random() < 0.5 else -1.0
    points = [np.zeros((1, 2))]
    for _ in range(n_steps):
        points.append(points[-1] + step * heading)
        side = -side if rng.random() < 0.15 else side
        heading = rotated(heading, side * bend * between(rng, 0.4, 1.4) + between(rng, -0.1, 0.1))
    walk = np.concatenate(points)
    return walk - (walk.min(axis=0) + walk.max(axis=0)) / 2
