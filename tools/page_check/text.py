"""Contrast and size of text in figures, by the Web Content Accessibility Guidelines 2.2 (success criterion 1.4.3)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

LARGE, LARGE_BOLD = 24.0, 18.66
"""Sizes from which text counts as large, CSS pixels: 18 point, or 14 point bold."""
SMALLEST = 8.0
"""Smallest size of text on a phone that can be read without zooming, CSS pixels."""


def luminance(colour: Sequence[float]) -> float:
    """Return the relative luminance, 0 to 1, of an sRGB colour (red, green, blue; 0 to 255)."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (c / 255 for c in colour[:3])
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def over(front: Sequence[float], back: Sequence[float]) -> tuple[float, float, float]:
    """Return the colour seen if front (red, green, blue, opacity 0 to 1) lies on back."""
    red, green, blue = (front[3] * f + (1 - front[3]) * b for f, b in zip(front[:3], back[:3], strict=True))
    return red, green, blue


def ratio(text: Sequence[float], back: Sequence[float]) -> float:
    """Return the contrast ratio, 1 to 21, of text (with opacity) on an opaque background."""
    lighter, darker = sorted((luminance(over(text, back)), luminance(back)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def needed(size: float, weight: int) -> float:
    """Return the lowest contrast ratio allowed for text of a size in CSS pixels and a font weight."""
    return 3.0 if size >= LARGE or (size >= LARGE_BOLD and weight >= 700) else 4.5


def text_faults(texts: Iterable[dict[str, Any]], phone: bool) -> Iterator[tuple[str, str, str]]:
    """Yield (rule, element, message) for text in SVG figures that is too faint or, on a phone, too small.

    texts: output of measure.js.
    """
    for text in texts:
        found, least = ratio(text["colour"], text["background"]), needed(text["size"], text["weight"])
        if found < least:
            yield "figure-contrast", text["element"], f"contrast {found:.2f}, needs {least:g}"
        if phone and text["size"] < SMALLEST:
            yield "figure-text-size", text["element"], f"{text['size']:.1f} px, needs {SMALLEST:g}"
