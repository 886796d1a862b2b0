"""Check of a size of images that a caller of the library gives."""

from leo_bench.errors import LeoBenchError


def check_image_size(value: object) -> None:
    """Raise LeoBenchError if a size is no whole number of pixels, at least 1."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise LeoBenchError(f"image_size is {value!r}: expected a whole number of pixels, such as 28")
