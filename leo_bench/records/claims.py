"""Statements of the source document as a study file has them: what is measured, and the rule for the verdict."""

import re
from collections.abc import Collection
from difflib import get_close_matches
from typing import Literal

from pydantic import BaseModel, ConfigDict

from leo_bench.config import Settings
from leo_bench.records.names import Name

COSTS = (
    "train_seconds",
    "core_seconds",
    "adapt_ms",
    "peak_memory_mb",
    "n_parameters",
    "n_generated",
    "n_adapted",
    "own_share",
)
"""Costs of a run. core_seconds: processor time of all updates, without validation. n_adapted: numbers that the inner
loop changes for an episode. own_share: weights that an episode has of its own, divided by the trained ones."""
ACCURACIES = ("accuracy", "accuracy_before", "accuracy_gain")
"""Accuracy after adaptation, before it, and the difference, on one test."""
MEASURES = (
    "relation_same_class_shift",
    "relation_outlier_gain",
    "update_variance_between_episodes",
    "update_direction_similarity",
    "latent_directions_90",
    "latent_directions_90_decoder",
    "spectrum_top",
    "spectrum_top_decoder",
    "direction_stability",
    "direction_effect_similarity",
    "direction_meaning",
    "direction_meaning_random",
)
"""Measures of a trained model, in measures.json of its run."""
MEASURE, SETTING = "measure:", "setting:"
"""Start of a quantity that is a measure, and of one that is a setting."""
Bound = float | Literal["margin", "-margin"] | None


class ClaimRecord(BaseModel):
    """Base of the records of claims, which are tables of a study file and part of its plan."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Part(ClaimRecord):
    """A statement about one number: the number, and the bounds that it must keep.

    level: mean over the seeds of `variant`. difference: `variant` minus `against`, seed by seed; with more_than_on, how
    much larger it is on the test than on that one. ratio: `variant` divided by `against`, seed by seed. trend: change
    from the first to the last of `variants`, by a line through all of them at equal steps. count: exact.
    """

    kind: Literal["level", "difference", "ratio", "trend", "count"]
    quantity: str = "accuracy"
    minus: str = ""
    """Another quantity of the same run, which is subtracted; for a level alone."""
    variant: str = ""
    against: str = ""
    variants: list[str] = []
    tests: list[str] = ["5-way mixed"]
    """Tests of the study of the variant, `20-way within alphabet`, or others, `digits 10-way 5-shot mixed`. Each makes
    a statement of its own."""
    more_than_on: str = ""
    may_differ: list[str] = []
    """Conditions that may differ between the variants because the statement is about them."""
    above: Bound = None
    below: Bound = None
    equals: float | None = None

    @property
    def named(self) -> list[str]:
        """Variants that the statement is about."""
        return [name for name in (self.variant, self.against, *self.variants) if name]


class Claim(ClaimRecord):
    """A statement of the document, with the rule for its verdict."""

    section: str
    """Title of the section of the document."""
    words: str
    reading: str = ""
    """How the document is read, or which LEO is measured."""
    rule: str = ""
    not_measurable: str = ""
    """Reason why it cannot be measured here; then there are no parts."""
    parts: list[Part] = []

    @property
    def named(self) -> list[str]:
        """Variants that the parts are about."""
        return [name for part in self.parts for name in part.named]


class TableRow(ClaimRecord):
    """Row of a comparison table: for each column what the document says, and the claim that judges it."""

    aspect: str
    quantity: str
    said: dict[str, str]
    variants: dict[str, str] = {}
    """Column -> variant that is measured in place of the column's own."""
    claims: dict[str, str]


class ComparisonTable(ClaimRecord):
    """Comparison table of the document."""

    name: Name
    title: str
    section: str
    columns: dict[str, str]
    """Column -> variant that is measured."""
    rows: list[TableRow]

    @property
    def variants(self) -> list[str]:
        """All variants that are measured."""
        return [*self.columns.values(), *(name for row in self.rows for name in row.variants.values())]


class Source(ClaimRecord):
    """Variant of another study."""

    study: Name
    variant: Name
    label: str


class Claims(ClaimRecord):
    """All claims of a study, with the variants of other studies that they name."""

    sources: dict[Name, Source] = {}
    claims: dict[Name, Claim]
    tables: list[ComparisonTable] = []


def part_fault(part: Part) -> str:
    """Return what is wrong in a statement, in words; empty if nothing is."""
    needed = {"difference": ["variant", "against"], "ratio": ["variant", "against"], "trend": ["variants"]}
    lacking = [name for name in needed.get(part.kind, ["variant"]) if not getattr(part, name)]
    if lacking:
        return f"{part.kind} needs {' and '.join(lacking)}"
    for quantity in filter(None, (part.quantity, part.minus)):
        if fault := quantity_fault(quantity):
            return fault
    if part.minus and (part.kind != "level" or part.quantity in ACCURACIES):
        return "minus is for a level of another quantity than accuracy"
    for test in filter(None, [*part.tests, part.more_than_on]):
        if not TEST.fullmatch(test):
            return f"unknown test {test!r}; expected one such as '5-way mixed' or 'digits 10-way 5-shot mixed'"
    if (part.equals is None) == (part.above is None and part.below is None):
        return "give it equals, or above, below or both"
    if part.equals is not None and part.kind != "count":
        return "equals is for the kind count; give it above or below"
    if part.kind == "ratio" and not all(isinstance(bound, float | None) for bound in (part.above, part.below)):
        return "the bound of a ratio is a number"
    if any(isinstance(bound, str) for bound in (part.above, part.below)) and part.quantity not in ACCURACIES:
        return f"the margin is one of accuracy; give {part.quantity} a number as its bound"
    return ""


TEST = re.compile(r"([a-z]+ )?\d+-way (\d+-shot )?(mixed|within alphabet)")
"""Name of a test: of a study's own, or with data set and shots."""


def quantity_fault(quantity: str) -> str:
    """Return the message for an unknown quantity, with the nearest name; empty if it is known."""
    for start, names in ((MEASURE, MEASURES), (SETTING, tuple(Settings.model_fields)), ("", (*ACCURACIES, *COSTS))):
        if quantity.startswith(start):
            name = quantity.removeprefix(start)
            near = get_close_matches(name, names, n=1)
            hint = f"did you mean {start + near[0]!r}?" if near else f"there are {', '.join(names)}"
            return "" if name in names else f"unknown quantity {quantity!r}; {hint}"
    return ""


def row_fault(row: TableRow, table: ComparisonTable, claims: Collection[str]) -> str:
    """Return what is wrong in the row of a table, in words; empty if nothing is."""
    for name in (*row.said, *row.variants, *row.claims):
        if name not in table.columns:
            return f"unknown column {name!r}; there are {', '.join(table.columns)}"
    unknown = [name for name in row.claims.values() if name not in claims]
    if unknown:
        near = get_close_matches(unknown[0], claims, n=1)
        return f"unknown claim {unknown[0]!r}" + (f"; did you mean {near[0]!r}?" if near else "")
    return quantity_fault(row.quantity)
