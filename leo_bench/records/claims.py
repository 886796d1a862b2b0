"""Statements of the source document as a study file has them: what is measured, and the rule for the verdict."""

import re
from collections.abc import Collection
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from leo_bench.config import Settings, default_of
from leo_bench.errors import did_you_mean
from leo_bench.records.names import Name

COUNTS = ("n_parameters", "n_generated", "n_adapted", "own_share", "multiply_adds")
COSTS = ("train_seconds", "core_seconds", "adapt_ms", "adapt_core_ms", "peak_memory_mb", *COUNTS)
"""Costs of a run. core_seconds: processor time of all updates, without validation. adapt_core_ms: processor time of
gathering the images of one episode, adapting to it and answering it. n_adapted: numbers that the inner loop changes
for an episode. own_share: weights that an episode has of its own, divided by the trained ones. multiply_adds: to adapt
to one episode and answer its queries, without support copies."""
Condition = Literal["machine", "precision", "n_train_images"]
"""Conditions that two variants share if their costs are compared, and the number of images if their accuracies are."""
ACCURACIES = ("accuracy", "accuracy_before", "accuracy_gain")
"""Accuracy after adaptation, before it, and the difference, on one test."""
ERROR = "error"
"""1 minus the accuracy after adaptation, on one test; for ratios."""
DIVERGED = "diverged"
"""1 if the training of a seed ends because its loss or its weights are NaN or infinite, else 0."""
MEASURES = (
    "class_similarity",
    "episode_accuracy",
    "relation_same_class_shift",
    "relation_outlier_gain",
    "relation_redrawn_gain",
    "update_variance_between_episodes",
    "update_direction_similarity",
    "update_direction_similarity_head",
    "update_direction_similarity_cnn",
    "update_direction_similarity_same_class",
    "update_directions_90",
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

    level: mean over the seeds of `variant`. difference: `variant` minus `against`, seed by seed. ratio: `variant`
    divided by `against`, seed by seed. With more_than_on, how much larger either is on the test than on that one.
    spread: how much further the accuracy of a seed lies from the median of all seeds in `variant` than in `against`,
    seed by seed. trend: change from the first to the last of `variants`, by a line through all of them at equal steps.
    slope: change of the difference in an episode for each unit of the measure `along` of `against`, by least squares
    within each seed. count: exact, as is a ratio of one of COUNTS. A difference of DIVERGED is one of shares of seeds.
    """

    kind: Literal["level", "difference", "ratio", "spread", "trend", "slope", "count"]
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
    along: str = ""
    """Measure of `against` that a slope goes along."""
    may_differ: list[Condition] = []
    """Conditions that may differ between the variants because the statement is about them."""
    above: Bound = None
    below: Bound = None
    equals: float | None = None

    @property
    def is_exact(self) -> bool:
        """True for a count and for a ratio of two, which are the same for every seed."""
        return self.kind == "count" or (self.kind == "ratio" and self.quantity in COUNTS)

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
    written: Literal["before", "after"] = "after"
    """Time at which the rule was written: before results of its runs were published, or after."""
    opens: bool = False
    """True if the page of claims opens with this statement, in all of its readings."""
    not_measurable: str = ""
    """Reason why it cannot be measured here; then there are no parts."""
    picture: Annotated[str, Field(pattern=r"^([\w-]+\.png)?$")] = ""
    """File in docs/ that shows what is measured, if the figures of a report do not."""
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
    claims: dict[str, str] = {}
    by_construction: list[str] = []
    """Columns where what the document says is so by construction of the method, so that no claim judges it."""


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
    training: str = ""
    """Key of the settings of its training (config.training_key); empty in older records."""


class Claims(ClaimRecord):
    """All claims of a study, with the variants of other studies that they name."""

    sources: dict[Name, Source] = {}
    claims: dict[Name, Claim]
    tables: list[ComparisonTable] = []


NEEDED = {"trend": ("variants",), "slope": ("variant", "against", "along")} | dict.fromkeys(
    ("difference", "ratio", "spread"), ("variant", "against")
)
"""Kind of a part -> keys that it needs; of other kinds `variant`."""


ON_TEST = ("accuracy", "error")
"""Beginnings of the names of quantities that depend on the test."""


def part_fault(part: Part, datasets: Collection[str]) -> str:
    """Return what is wrong in a statement, in words; empty if nothing is. datasets: names of the data sets."""
    lacking = [name for name in NEEDED.get(part.kind, ("variant",)) if not getattr(part, name)]
    if lacking:
        return f"{part.kind} needs {' and '.join(lacking)}"
    if part.kind == "trend" and len(part.variants) < 2:
        return "a trend needs at least two variants"
    for quantity in filter(None, (part.quantity, part.minus, part.along)):
        if fault := quantity_fault(quantity):
            return fault
    for test in filter(None, [*part.tests, part.more_than_on]):
        form = TEST.fullmatch(test)
        if not form:
            return f"unknown test {test!r}; expected one such as '5-way mixed' or 'digits 10-way 5-shot mixed'"
        if form[1] and form[1].strip() not in datasets:
            return f"unknown data set in the test {test!r}; there are {', '.join(datasets)}"
    if part.against and part.against == part.variant:
        return f"variant and against are both {part.variant!r}; name two"
    return _kind_fault(part) or _bound_fault(part)


def _kind_fault(part: Part) -> str:
    """Return why the quantity does not suit the kind, in words; empty if it does."""
    accuracy = part.quantity in ACCURACIES
    if part.minus and (part.kind != "level" or accuracy):
        return "minus is for a level of another quantity than accuracy"
    if (part.quantity == ERROR) != (part.kind == "ratio" and bool(part.more_than_on)):
        return "error is for a ratio with more_than_on, and such a ratio is one of error"
    if part.more_than_on and not (part.quantity == ERROR or (part.kind == "difference" and accuracy)):
        return "more_than_on is for a difference of accuracy, or a ratio of error"
    if part.kind == "spread" and (part.quantity != "accuracy" or {part.above, part.below} & {"margin", "-margin"}):
        return "a spread is of accuracy, and its bound is a number"
    if DIVERGED in (part.minus, part.along) or (part.quantity == DIVERGED and part.kind != "difference"):
        return f"{DIVERGED} is for a difference: of two shares of the same seeds"
    if part.kind in ("difference", "trend") and part.quantity in ACCURACIES[1:]:
        return f"{part.quantity} is for a level"
    if part.kind in ("ratio", "count") and accuracy:
        return f"a {part.kind} is of another quantity than accuracy"
    if part.kind == "slope" and not all(name.startswith(MEASURE) for name in (part.quantity, part.along)):
        return "quantity and along of a slope are measures, which have a number for each episode"
    if part.along and part.kind != "slope":
        return "along is for a slope"
    allowed = get_args(Condition) if part.quantity in COSTS else ()
    if accuracy or part.quantity == DIVERGED:
        allowed = ("n_train_images",)
    if unused := [name for name in part.may_differ if name not in allowed]:
        return f"{unused[0]} has no effect in may_differ of {part.quantity}; leave it out"
    if len(part.tests) > 1 and not part.quantity.startswith(ON_TEST):
        return f"{part.quantity} does not depend on the test; name one test or none"
    return ""


def _bound_fault(part: Part) -> str:
    """Return what is wrong with the bounds of a part, in words; empty if nothing is."""
    bounds = [bound for bound in (part.above, part.below) if bound is not None]
    if (part.equals is None) == (not bounds):
        return "give it equals, or above, below or both"
    if part.equals is not None and part.kind != "count":
        return "equals is for the kind count; give it above or below"
    if part.kind == "ratio" and not all(isinstance(bound, float) and bound > 0 for bound in bounds):
        return "the bound of a ratio is a number above 0"
    numbers = [bound for bound in bounds if isinstance(bound, float)]
    if part.quantity == DIVERGED and bounds != [0]:
        return f"the bound of {DIVERGED} is above = 0 or below = 0, as its test is one of signs"
    if part.quantity not in ACCURACIES and len(numbers) < len(bounds):
        return f"the margin is one of accuracy; give {part.quantity} a number as its bound"
    if part.quantity in ACCURACIES and any(abs(bound) > 1 for bound in numbers):
        return f"accuracies are fractions, so that the bound of {part.quantity} lies between -1 and 1"
    if isinstance(part.above, float) and isinstance(part.below, float) and part.above >= part.below:
        return f"no number is above {part.above:g} and below {part.below:g}"
    return ""


NUMBERS = tuple(name for name in Settings.model_fields if isinstance(default_of(name), int | float))
"""Settings that are numbers."""
TEST = re.compile(r"([a-z]+ )?\d+-way (\d+-shot )?(mixed|within alphabet)")
"""Name of a test: of a study's own, or with data set and shots."""


def quantity_fault(quantity: str) -> str:
    """Return the message for an unknown quantity, with the nearest name; empty if it is known."""
    known = {MEASURE: MEASURES, SETTING: NUMBERS, "": (*ACCURACIES, ERROR, DIVERGED, *COSTS)}
    for start, names in known.items():
        if quantity.startswith(start):
            name = quantity.removeprefix(start)
            hint = did_you_mean(quantity, [start + name for name in names])
            return "" if name in names else f"unknown quantity {quantity!r}; {hint}"
    return ""


def row_fault(row: TableRow, table: ComparisonTable, claims: Collection[str]) -> str:
    """Return what is wrong in the row of a table, in words; empty if nothing is."""
    for name in (*row.said, *row.variants, *row.claims, *row.by_construction):
        if name not in table.columns:
            return f"unknown column {name!r}; there are {', '.join(table.columns)}"
    unknown = [name for name in row.claims.values() if name not in claims]
    if unknown:
        return f"unknown claim {unknown[0]!r}; {did_you_mean(unknown[0], claims)}"
    if row.quantity in (ERROR, DIVERGED):
        return f"a cell shows a level or a count, and {row.quantity} has none; name another quantity"
    return quantity_fault(row.quantity)
