"""Check of a size of images that a caller of the library gives."""

from leo_bench.errors import LeoBenchError

LARGEST = 1000
"""Pixels on a side; the largest images of the models have 105."""


def check_image_size(value: object) -> None:
    """Raise LeoBenchError if a size is no whole number of pixels, 1 to LARGEST."""
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= LARGEST:
        raise LeoBenchError(
            f"image_size is {value!r}: expected a whole number of pixels, such as 28, and at most {LARGEST:,}"
        )
