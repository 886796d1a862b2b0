"""How often the verdicts of a published study have been looked at. Each look spends a share of the 5% (verdicts.md)."""

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

from leo_bench.records import Plan, StudyView, load_study, read_record, write_record
from leo_bench.records.claims import Claims, Part
from leo_bench.records.schema import Count, Record

BEFORE = "before_publishing.json"
"""File beside study.json while a study is published. A call that was stopped leaves it, and with it what was published
before the runs that the call copied; the next call counts looks from there."""


class Published(Record):
    """State of a published study: how its runs ended, and how often its verdicts have been looked at."""

    remedy = "remove it and publish the study again"

    n_looks: Count
    runs: list[tuple[str, str, str]]
    """Variant, run key and digest of the weights of each run, as in StudyView.ended."""

    @property
    def ended(self) -> dict[tuple[str, str], str]:
        """The same as StudyView.ended."""
        return {(variant, key): weights for variant, key, weights in self.runs}


def published(folder: Path) -> Published:
    """Return what is published of the study in a folder, or was before a call that was stopped; nothing of a search.

    Raises LeoBenchError if a record is broken.
    """
    if (folder / BEFORE).exists():
        return read_record(folder / BEFORE, Published)
    if not (folder / "study.json").exists():
        return Published(n_looks=0, runs=[])
    view = load_study(folder)
    runs = [(variant, key, weights) for (variant, key), weights in view.ended.items()]
    return Published(n_looks=view.plan.n_looks, runs=runs)


def keep(folder: Path, before: Published) -> None:
    """Write down what is published of a study, before its runs are copied."""
    write_record(folder / BEFORE, before)


def forget(folder: Path) -> None:
    """Remove what `keep` wrote, when all looks are counted."""
    (folder / BEFORE).unlink(missing_ok=True)


def n_looks(folder: Path) -> int:
    """Return the number of looks that a published study counts; 0 if it is not there, or a search."""
    return read_record(folder / "study.json", Plan).n_looks if (folder / "study.json").exists() else 0


def count_look(folder: Path, profile: str, changed: Mapping[str, Collection[str]]) -> None:
    """Count one more look at a published study if it judges claims on variants that have new runs, done or diverged.

    profile: that of the studies with new runs. changed: study -> its variants with new runs. A search judges no claims.
    """
    if not (folder / "study.json").exists():
        return
    plan = read_record(folder / "study.json", Plan)
    if plan.claims is None or plan.profile != profile:
        return
    if any(source.variant in changed.get(source.study, ()) for source in plan.claims.sources.values()):
        write_record(folder / "study.json", plan.model_copy(update={"n_looks": plan.n_looks + 1}))


def is_another_look(before: Published, statements: Claims | None, view: StudyView) -> bool:
    """Return True if what is published was judged and will be judged anew: a variant with several seeds gets more, or
    other weights; or a study that judges claims gets any run, done or diverged, or other statements.

    before, statements: what is published. view: what is published now.
    """
    if view.plan.claims is not None:
        ends = {run: weights for run, weights in view.ended.items() if weights or not before.ended.get(run)}
        return bool(ends.items() - before.ended.items()) or _statements(view.plan.claims) != _statements(statements)
    n_seeds = Counter(variant for (variant, _), weights in before.ended.items() if weights)
    more = view.ended.items() - before.ended.items()
    return any(n_seeds[variant] > 1 for (variant, _), weights in more if weights)


def _statements(claims: Claims | None) -> tuple[dict[str, list[Part]], dict[str, tuple[str, str, str]]]:
    """Return claim -> its statements about numbers, and name -> variant elsewhere, both without words."""
    if claims is None:
        return {}, {}
    sources = {name: (source.study, source.variant, source.training) for name, source in claims.sources.items()}
    return {name: claim.parts for name, claim in claims.claims.items()}, sources
