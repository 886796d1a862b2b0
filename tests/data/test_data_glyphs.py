"""Glyphs: Omniglot's shape, drawn the same everywhere, one class unlike the next."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from leo_bench.data import glyphs
from leo_bench.data.bank import ImageBank, load_images
from leo_bench.data.locate import locate
from leo_bench.data.seeding import stream


def test_the_set_has_omniglots_shape_and_the_known_digest(glyph_bank: ImageBank) -> None:
    assert glyph_bank.digest == glyphs.KNOWN_DIGEST
    assert glyph_bank.images.shape == (1020, 20, 28, 28)
    assert len(set(glyph_bank.alphabets)) == 50
    assert len(set(glyph_bank.characters)) == 1020
    background = {a for a, b in zip(glyph_bank.alphabets, glyph_bank.background, strict=True) if b}
    evaluation = {a for a, b in zip(glyph_bank.alphabets, glyph_bank.background, strict=True) if not b}
    assert (len(background), len(evaluation)) == (30, 20)
    assert not background & evaluation


def test_a_letter_depends_on_its_own_numbers_alone() -> None:
    alphabet, hands = glyphs.make_alphabet(7), glyphs.make_hands(7)
    letters = glyphs.make_letters(alphabet, 7, 20)
    first = glyphs.draw(alphabet, hands, letters[4], 7, 4)
    glyphs.draw(alphabet, hands, letters[5], 7, 5)
    again = glyphs.make_alphabet(7)
    same_letter = glyphs.make_letters(again, 7, 12)[4]
    assert same_letter == letters[4]
    assert np.array_equal(first, glyphs.draw(again, glyphs.make_hands(7), same_letter, 7, 4))
    assert not np.array_equal(first, glyphs.draw(again, hands, same_letter, 7, 5))


def test_drawings_are_ink_on_paper_and_all_different() -> None:
    alphabet, hands = glyphs.make_alphabet(0), glyphs.make_hands(0)
    letters = glyphs.make_letters(alphabet, 0, 10)
    drawings = np.stack([glyphs.draw(alphabet, hands, letter, 0, position) for position, letter in enumerate(letters)])
    assert drawings.shape == (10, 20, 105, 105)
    assert drawings.dtype == np.uint8
    assert np.unique(drawings).tolist() == [0, 255]
    assert len({drawing.tobytes() for drawing in drawings.reshape(200, -1)}) == 200
    ink = np.mean(drawings > 0, axis=(2, 3))
    assert 0.005 < ink.min() < ink.max() < 0.25


def test_no_letter_runs_out_of_the_picture() -> None:
    # curves end 0.924 from the middle at most (0.9, or less and a shift), so 4 pixels from the edge; pens reach 1.9
    for number in (5, 12, 40):
        alphabet, hands = glyphs.make_alphabet(number), glyphs.make_hands(number)
        for position, letter in enumerate(glyphs.make_letters(alphabet, number, 10)):
            images = glyphs.draw(alphabet, hands, letter, number, position)
            assert images[:, 2:-2, 2:-2].sum() == images.sum() > 0


def test_letters_of_an_alphabet_are_different_strokes() -> None:
    for number in (0, 17, 49):
        letters = glyphs.make_letters(glyphs.make_alphabet(number), number, 22)
        assert len({tuple(sorted(stroke for stroke, _ in letter)) for letter in letters}) == 22


def test_a_letter_keeps_its_shape_from_drawer_to_drawer(glyph_bank: ImageBank) -> None:
    """Mean drawings are closer to their own letter's other drawings than to another letter's, in nearly all cases."""
    images = glyph_bank.images[::10].float().flatten(2) / 255
    first, second = images[:, :10].mean(dim=1), images[:, 10:].mean(dim=1)
    hits = (torch.cdist(first, second).argmin(dim=1) == torch.arange(len(images))).float().mean()
    assert hits > 0.8


def test_alphabets_have_a_style(glyph_bank: ImageBank) -> None:
    """Mean letters of one alphabet lie closer together than letters of different alphabets."""
    means = glyph_bank.images[:600].float().mean(dim=1).flatten(1)
    distance = torch.cdist(means, means)
    names = np.array(glyph_bank.alphabets[:600])
    same = torch.from_numpy(names[:, None] == names[None, :])
    apart = ~torch.eye(600, dtype=torch.bool)
    assert distance[same & apart].mean() < 0.97 * distance[~same].mean()


def test_the_rotation_is_exact() -> None:
    # tangent of the half angle 1/2: cosine (1 - 1/4) / (1 + 1/4) = 3/5, sine 1 / (5/4) = 4/5
    assert glyphs.rotated(np.array([[1.0, 0.0], [0.0, 5.0]]), 0.5).tolist() == [[0.6, 0.8], [-4.0, 3.0]]


def test_the_spline_meets_its_points_and_the_textbook_in_between() -> None:
    points = np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 1.0], [4.0, 4.0]])
    curve = glyphs.spline(points)
    step = glyphs.POINTS_PER_SEGMENT + 1
    for index in range(3):
        assert curve[index * step].tolist() == points[index].tolist()
        assert curve[index * step + step - 1].tolist() == points[index + 1].tolist()
    # halfway between the inner points, Catmull-Rom weighs the four by -1/16, 9/16, 9/16, -1/16
    weights = [Fraction(-1, 16), Fraction(9, 16), Fraction(9, 16), Fraction(-1, 16)]
    for axis in (0, 1):
        expected = sum(w * Fraction(p) for w, p in zip(weights, points[:, axis].tolist(), strict=True))
        assert curve[step + glyphs.POINTS_PER_SEGMENT // 2, axis] == pytest.approx(float(expected), abs=1e-12)


def test_the_pen_is_round_and_clipped() -> None:
    image = np.zeros((105, 105), dtype=np.uint8)
    glyphs.stamp(image, np.array([[0.0, 0.0]]), 1.0)  # the middle: pixel (52, 52) and its four neighbours
    assert sorted(map(tuple, np.argwhere(image).tolist())) == [(51, 52), (52, 51), (52, 52), (52, 53), (53, 52)]
    corner = np.zeros((105, 105), dtype=np.uint8)
    glyphs.stamp(corner, np.array([[-1.0, -1.0], [5.0, 5.0]]), 1.0)
    assert sorted(map(tuple, np.argwhere(corner).tolist())) == [(0, 0), (0, 1), (1, 0)]


def test_spread_has_the_stated_deviation() -> None:
    # 30,000 draws: the standard error of the deviation is about 0.3 / sqrt(60,000) = 0.0012
    noise = glyphs.spread(stream(3, "noise"), (30_000,), 0.3)
    assert abs(noise.mean()) < 0.01
    assert abs(noise.std() - 0.3) < 0.006
    assert np.abs(noise).max() <= 0.9  # the sum of three uniforms is never further than 3 deviations out


def test_other_drawings_than_the_known_are_announced(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(glyphs, "alphabet_sizes", lambda: [2] * 50)
    bank = load_images(locate("glyphs"), 105)
    assert "not the usual glyphs" in capsys.readouterr().err
    assert bank.digest != glyphs.KNOWN_DIGEST
