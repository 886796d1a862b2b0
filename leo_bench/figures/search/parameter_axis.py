"""Axis of one searched parameter."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator


@dataclass(frozen=True)
class Scale:
    """Axis of one parameter: a range, or choices at 0, 1, 2, ... in their order."""

    name: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    whole: bool = False
    choices: tuple[str, ...] = ()

    def places(self, values: Sequence[float] | Sequence[str]) -> np.ndarray:
        """Return positions of values on the axis: numbers unchanged, choices by their index; float [n]."""
        if self.choices:
            return np.array([self.choices.index(str(value)) for value in values], float)
        return np.asarray(values, float)

    def words(self, value: float | str) -> str:
        """Return a value in a frame as text: `96`, `0.0213`, `shared`."""
        return str(value) if self.choices else f"{float(value):.0f}" if self.whole else number_words(float(value))

    @property
    def ends(self) -> tuple[float, float]:
        """Ends of the axis, with room for choices."""
        return (-0.5, len(self.choices) - 0.5) if self.choices else (self.low, self.high)

    def shares(self, places: Sequence[float] | np.ndarray) -> np.ndarray:
        """Return positions as fractions of the axis, 0 to 1; float [n]."""
        low, high = self.ends
        points = np.asarray(places, float)
        if self.log:
            points, low, high = np.log(points), float(np.log(low)), float(np.log(high))
        return (points - low) / (high - low) if high > low else np.full(points.shape, 0.5)

    def ticks(self) -> list[tuple[float, str]]:
        """Return (position, text) of the ticks; the ends of a range are among them."""
        if self.choices:
            return [(float(index), text) for index, text in enumerate(self.choices)]
        if self.low == self.high:
            return [(self.low, number_words(self.low))]
        if self.whole and self.high - self.low <= 10:
            return [(float(value), str(value)) for value in range(int(self.low), int(self.high) + 1)]
        nice = log_ticks(self.low, self.high) if self.log else MaxNLocator(4).tick_values(self.low, self.high)
        inside = [tick for tick, share in zip(nice, self.shares(nice), strict=True) if 0.14 < share < 0.86]
        return [(float(tick), number_words(float(tick))) for tick in (self.low, *inside, self.high)]

    def on(self, axis: Axes, which: str) -> None:
        """Make this the Axes' x or y axis."""
        low, high = self.ends
        if self.log:
            room = (high / low) ** 0.03
            limits = (low / room, high * room)
        else:
            room = 0.0 if self.choices else max(0.03 * (high - low), 0.5 if self.whole else 0.0) or 0.5
            limits = (low - room, high + room)
        ticks = self.ticks()
        own = axis.xaxis if which == "x" else axis.yaxis
        axis.set(**{f"{which}scale": "log" if self.log else "linear", f"{which}label": self.name})
        axis.set(**{f"{which}lim": limits})
        own.set_major_locator(FixedLocator([place for place, _ in ticks]))
        own.set_minor_locator(NullLocator())
        own.set_ticklabels([text for _, text in ticks])


def number_words(value: float) -> str:
    """Return three digits, or all digits before the point: `0.0213`, `58.1`, `1,076`."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def log_ticks(low: float, high: float) -> list[float]:
    """Return round numbers within limits of a log scale; more of them on a short scale."""
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    found: list[float] = []
    for factors in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
        found = [value for power in powers for factor in factors if low <= (value := factor * 10.0**power) <= high]
        if len(found) >= 3:
            break
    return found
