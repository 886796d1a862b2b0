"""Preparing pictures: a character gives the same drawing on every kind of paper, in the middle, 5 pixels wide."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from leo_bench.data.prepare_drawing import LETTER, SIDE, find_ink, prepare_drawing, thinned
from leo_bench.errors import LeoBenchError


def cross(
    side: int = 200, pen: int = 8, ink: str = "black", paper: str = "white", at: tuple[int, int] = (0, 0)
) -> Image.Image:
    """A T whose bar is as long as its stem, over a little more than half of the picture, and a dot beside it."""
    picture = Image.new("RGB", (side, side), paper)
    pencil = ImageDraw.Draw(picture)
    low, middle, high = (round(side * share) for share in (0.2, 0.45, 0.7))
    x, y = at
    pencil.line([(low + x, low + y), (high + x, low + y)], fill=ink, width=pen)
    pencil.line([(middle + x, low + y), (middle + x, high + y)], fill=ink, width=pen)
    pencil.rectangle((high + x - pen, high + y - pen, high + x, high + y), fill=ink)
    return picture


def agreement(first: np.ndarray, second: np.ndarray, within: int = 2) -> float:
    """Share of the ink of each drawing that lies within some pixels of ink of the other; the smaller of the two."""
    near = [ndimage.binary_dilation(drawing > 0, iterations=within) for drawing in (first, second)]
    return min(float(near[1][first > 0].mean()), float(near[0][second > 0].mean()))


def shaded(picture: Image.Image) -> Image.Image:
    """The picture under light from one corner, with grain."""
    y, x = np.mgrid[0 : picture.height, 0 : picture.width] / picture.height
    noise = np.random.default_rng(0).normal(0, 4, (picture.height, picture.width, 3))
    pixels = np.asarray(picture, float) * (1 - 0.5 * (0.6 * x + 0.4 * y))[..., None] + noise
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def transparent(colour: tuple[int, int, int]) -> Image.Image:
    ink = Image.fromarray(255 - np.asarray(cross().convert("L")))
    picture = Image.new("RGBA", ink.size, (*colour, 255))
    picture.putalpha(ink)
    return picture


def sixteen_bits() -> Image.Image:
    return Image.fromarray(np.asarray(cross().convert("L")).astype(np.uint16) * 257)


PICTURES: dict[str, Callable[[], Image.Image]] = {
    "light on dark": lambda: cross(ink="white", paper="black"),
    "colours of one brightness": lambda: cross(ink="#ff0000", paper="#008200"),
    "large": lambda: cross(1500, 60),
    "tiny": lambda: cross(30, 2),
    "thin pen": lambda: cross(pen=2),
    "thick pen": lambda: cross(pen=22),
    "beside the middle": lambda: cross(at=(30, 40)),
    "dark ink on nothing": lambda: transparent((20, 20, 20)),
    "white ink on nothing": lambda: transparent((255, 255, 255)),
    "shaded": lambda: shaded(cross(paper="#f0e8d8", ink="#303060")),
    "16 bits": sixteen_bits,
    "grey": lambda: cross().convert("L"),
    "palette": lambda: cross().convert("P"),
    "one bit": lambda: cross().convert("1"),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_paper_pen_and_size_do_not_matter(kind: str) -> None:
    drawing = prepare_drawing(PICTURES[kind]())
    assert drawing.shape == (SIDE, SIDE) and drawing.dtype == np.uint8 and set(np.unique(drawing)) == {0, 255}
    within = 4 if kind == "tiny" else 2  # a pixel of the tiny picture is 4 pixels of the drawing
    assert agreement(drawing, prepare_drawing(cross()), within) > (0.85 if kind in ("tiny", "thick pen") else 0.95)


def test_the_character_is_as_large_as_in_omniglot_and_in_the_middle() -> None:
    rows, columns = np.nonzero(prepare_drawing(cross(at=(30, 40))))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == pytest.approx(LETTER + 4, abs=4)
    for places in (rows, columns):
        assert (places.min() + places.max()) / 2 == pytest.approx((SIDE - 1) / 2, abs=2)


@pytest.mark.parametrize("pen", [2, 8, 22])
def test_strokes_are_five_pixels_wide_whatever_the_pen(pen: int) -> None:
    picture = Image.new("L", (200, 100), 255)
    ImageDraw.Draw(picture).line([(20, 50), (180, 50)], fill=0, width=pen)
    ink = prepare_drawing(picture) > 0
    assert set(ink[:, 35:70].sum(0)) == {5}


def test_a_photograph_that_lies_on_its_side_is_turned() -> None:
    picture = cross()
    turned = picture.transpose(Image.Transpose.ROTATE_90)
    turned.getexif()[0x0112] = 6  # the viewer turns it clockwise
    assert np.array_equal(prepare_drawing(turned), prepare_drawing(picture))


@pytest.mark.parametrize("colour", ["white", "black", "#8090a0"])
def test_an_empty_sheet_shows_no_ink(colour: str) -> None:
    with pytest.raises(LeoBenchError, match="shows no ink"):
        prepare_drawing(Image.new("RGB", (80, 60), colour))
    with pytest.raises(LeoBenchError, match="shows no ink"):
        prepare_drawing(shaded(Image.new("RGB", (300, 200), "#e8e4dc")))


def test_a_transparent_sheet_shows_no_ink() -> None:
    with pytest.raises(LeoBenchError, match="shows no ink"):
        prepare_drawing(Image.new("RGBA", (50, 50), (0, 0, 0, 0)))


def test_specks_are_left_out_and_dots_stay() -> None:
    colours = np.full((200, 200, 3), 255.0)
    colours[40:160, 95:105] = 0  # a bar of 1,200 pixels
    colours[20:30, 150:160] = 0  # a dot
    colours[180:182, 20:22] = 0  # a speck
    ink = find_ink(colours)
    assert ink[25, 155] and ink[100, 100] and not ink[170:, :40].any()


def test_thinning_keeps_parts_and_holes_and_leaves_lines_of_one_pixel() -> None:
    ink = np.zeros((40, 60), bool)
    ink[5:35, 5:35] = True
    ink[14:26, 14:26] = False  # a ring
    ink[5:12, 42:58] = True  # a bar beside it
    lines = thinned(ink)
    assert (lines & ~ink).sum() == 0
    for before, after in ((ink, lines), (~ink, ~lines)):
        cross_shaped, square = ndimage.generate_binary_structure(2, 1), np.ones((3, 3))
        shape = square if before is ink else cross_shaped
        assert ndimage.label(before, shape)[1] == ndimage.label(after, shape)[1]
    assert not (lines[:-1, :-1] & lines[1:, :-1] & lines[:-1, 1:] & lines[1:, 1:]).any()


@pytest.mark.parametrize("angle", range(0, 180, 15))
def test_a_line_stays_at_every_angle(angle: int) -> None:
    turn = 80 * np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])
    picture = Image.new("L", (200, 200), 255)
    ImageDraw.Draw(picture).line((*(100 - turn), *(100 + turn)), fill=0, width=8)
    # LETTER and the pen along its longer side, 5 pixels wide; the slope adds up to half
    assert 0.9 * 5 * LETTER <= (prepare_drawing(picture) > 0).sum() <= 1.6 * 5 * LETTER


def test_a_skeleton_has_the_parts_and_holes_of_the_ink() -> None:
    rng = np.random.default_rng(0)
    for width in np.linspace(0.7, 2.5, 100):
        ink = ndimage.gaussian_filter(rng.random((40, 40)), width) > 0.5
        lines = thinned(ink)
        assert not (lines & ~ink).any()
        corners = np.ones((3, 3))
        assert ndimage.label(lines, corners)[1] == ndimage.label(ink, corners)[1]
        assert ndimage.label(~np.pad(lines, 1))[1] == ndimage.label(~np.pad(ink, 1))[1]


def ruled(ink: str, line: str, step: int = 25, squared: bool = False, slant: int = 0, width: int = 2) -> Image.Image:
    """The T of cross on paper with lines that are `step` pixels apart."""
    paper = Image.new("RGB", (400, 400), "white")
    pencil = ImageDraw.Draw(paper)
    for place in range(step, 400, step):
        pencil.line([(0, place), (400, place + slant)], fill=line, width=width)
        if squared:
            pencil.line([(place, 0), (place - slant, 400)], fill=line, width=width)
    return Image.composite(Image.new("RGB", (400, 400), ink), paper, cross(400, 16, "white", "black").convert("L"))


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("slant", [0, 20])
@pytest.mark.parametrize(("ink", "step"), [("black", 25), ("black", 150), ("#203080", 25)])
def test_lines_of_the_paper_are_no_ink(ink: str, step: int, slant: int, squared: bool) -> None:
    drawing = prepare_drawing(ruled(ink, "#96b4e6", step, squared, slant))
    assert agreement(drawing, prepare_drawing(cross(400, 16))) > 0.95


def test_lines_as_dark_as_the_ink_are_refused() -> None:
    with pytest.raises(
        LeoBenchError, match=r"shows 15 lines from edge to edge, as ruled or squared paper does, .*expec"
    ):
        prepare_drawing(ruled("#4060c0", "#4060c0", width=8))


def test_more_ink_than_a_character_has_is_refused() -> None:
    picture = Image.new("L", (400, 400), 255)
    for place in range(60, 341, 20):
        ImageDraw.Draw(picture).line([(60, place), (340, place)], fill=0, width=8)
    with pytest.raises(LeoBenchError, match=r"more than a character: ink would cover .*not ruled or squared"):
        prepare_drawing(picture)


def test_a_block_that_fills_the_picture_and_an_empty_frame_are_refused() -> None:
    picture = Image.new("RGB", (200, 200), "white")
    ImageDraw.Draw(picture).rectangle((10, 10, 190, 190), fill="black")
    with pytest.raises(LeoBenchError, match="shows a block that fills it, or an empty frame"):
        prepare_drawing(picture)


def test_a_character_that_touches_the_edges_keeps_its_strokes() -> None:
    letter = cross().crop((36, 36, 145, 145))
    assert agreement(prepare_drawing(letter), prepare_drawing(cross())) > 0.9


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(value: float) -> None:
    values = np.asarray(cross().convert("F")).copy()
    values[0, 0] = value
    with pytest.raises(LeoBenchError, match=r"not finite \(NaN or infinite\); save it with 8 or 16 bits"):
        prepare_drawing(Image.fromarray(values))
