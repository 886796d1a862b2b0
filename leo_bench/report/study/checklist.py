"""Reproducibility checklist in the style of machine-learning conferences, answered from a study's records."""

from collections.abc import Iterator

import pandas as pd

from leo_bench.records import Result
from leo_bench.report.sentences import seed_words
from leo_bench.report.study.data import StudyData, cell_name, not_comparable
from leo_bench.report.study.detectable import detectable
from leo_bench.report.study.differences import effects
from leo_bench.report.study.provenance import compute_words
from leo_bench.report.table import ReportTable

Item = tuple[str, str, str, str]
"""(part, what is asked, yes / no / partly, evidence)."""


def checklist(data: StudyData) -> ReportTable:
    """Return every item with its answer and evidence. An item that the records cannot show is answered no."""
    results = [run.result for run in data.view.done if run.result is not None]
    items = [*_claims(data), *_data(data, results), *_method(data, results), *_measures(data), *_effort(data, results)]
    numbers = pd.DataFrame(items, columns=["part", "item", "answer", "evidence"])
    caption = "Answered from the records alone: what they do not hold is answered no, whatever else may be known of it."
    return ReportTable("checklist", caption, numbers, numbers)


def _claims(data: StudyData) -> Iterator[Item]:
    frame = effects(data, data.headline)
    verdicts = frame.loc[frame["compared"].astype(bool), "verdict"].value_counts()
    counted = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    yield (
        "claims",
        "The question and the claims are stated, and each claim has its evidence",
        "yes" if len(verdicts) else "no",
        f"{data.plan.question} Verdicts on {cell_name(data.headline)}: {counted or 'none yet'}.",
    )
    found = detectable(frame, data.plan.margin)
    yield (
        "claims",
        "The limits of what the study can show are stated",
        "yes" if found else "partly",
        f"Smallest difference found in 4 of 5 such studies with {found.n_seeds} seeds: {100 * found.alone:.1f} points "
        f"by a single test, {100 * found.among_all:.1f} points for a verdict among {found.n_compared} compared."
        if found
        else "One seed per variant: no difference between methods can be told from the luck of a seed.",
    )


def _data(data: StudyData, results: list[Result]) -> Iterator[Item]:
    digests = sorted({result.data_digest for result in results})
    yield (
        "data",
        "The data are named and identified by content",
        _all_or_none(len(digests), 1),
        f"{data.data_name() or 'no run yet'}; {len(digests)} content digest{'s' if len(digests) != 1 else ''} in "
        f"{len(results)} runs.",
    )
    settings = data.settings.get(data.plan.baseline, {})
    splits = sorted({f"{result.settings['class_split']}, {result.settings['train_classes']}" for result in results})
    yield (
        "data",
        "Training, validation and test parts are given, and do not overlap",
        "partly" if splits else "no",
        f"Class split {'; '.join(splits) or 'unknown'}: a named, fixed split by characters. That its parts share none "
        "is tested with the source, not recorded.",
    )
    yield (
        "data",
        "Preprocessing is given",
        "yes" if settings else "no",
        f"Images {settings.get('image_size')}x{settings.get('image_size')}; rotations as further classes in training: "
        f"{'yes' if settings.get('rotations') else 'no'}.",
    )
    tests = {
        (test.n_way, test.episode_mode, test.k_shot, test.dataset, test.mislabelled, test.episodes_digest)
        for run in data.view.done
        for test in run.tests
    }
    protocols = {test[:5] for test in tests}
    yield (
        "data",
        "Test episodes are fixed and the same for all",
        _all_or_none(len(tests), len(protocols)),
        f"{len(tests)} digests of test episodes for {len(protocols)} tests (ways, alphabets, shots), in "
        f"{len(results)} runs.",
    )


def _method(data: StudyData, results: list[Result]) -> Iterator[Item]:
    numerics, commits = {result.numerics for result in results}, {result.commit for result in results}
    by_learner = {(result.settings["learner"], result.numerics) for result in results}
    one_source = len(by_learner) == len({learner for learner, _ in by_learner})
    known = bool(commits) and not any("unknown" in commit for commit in commits)
    yield (
        "method",
        "The source that made the numbers is identified",
        "no" if not results else "yes" if one_source and known else "partly",
        f"Numerics digest {_listed(numerics)}; commit {_listed(commits)}.",
    )
    versions = {tuple(sorted(result.versions.items())) for result in results}
    packages = len(next(iter(versions), ()))
    yield (
        "method",
        "Dependencies are recorded with their versions",
        _all_or_none(len(versions), 1),
        f"{packages} versions recorded with every run; different sets of them: {len(versions)}.",
    )
    parameters = sorted({result.n_parameters for result in results})
    span = f"{parameters[0]:,} to {parameters[-1]:,}" if parameters else "unknown"
    yield (
        "method",
        "The model's size and cost are given",
        "yes" if results else "no",
        f"{span} parameters; training time, peak memory and time to adapt stand in every record.",
    )
    yield (
        "method",
        "All settings of every run are recorded",
        "yes" if results else "no",
        f"{len(data.settings.get(data.plan.baseline, {}))} settings for each of {len(data.plan.runs)} planned runs.",
    )
    yield (
        "method",
        "Trained weights are published",
        "partly" if results else "no",
        "The records hold a digest of each run's weights, not the weights; a run made again can be checked against it.",
    )
    changed = [len(changes) for variant, changes in data.changes.items() if variant != data.plan.baseline]
    yield (
        "method",
        "How settings were chosen is given",
        "partly",
        f"{len(changed)} variants beside the baseline, of which {changed.count(1)} change one setting; all are planned "
        "in the study's file. How the baseline's own values came about is not recorded.",
    )


def _measures(data: StudyData) -> Iterator[Item]:
    counts = data.rows(data.headline).groupby("variant")["seed"].nunique()
    several = int((counts > 1).sum())
    yield (
        "results",
        "Results carry a measure of variation over repetitions",
        _all_or_none(several, len(counts)) if several else "no",
        f"{several} of {len(counts)} variants have more than one seed (planned seeds: "
        f"{seed_words([run.seed for run in data.plan.runs])}); 95% t intervals.",
    )
    frame = effects(data, data.headline)
    compared = frame[frame["compared"].astype(bool)]
    yield (
        "results",
        "The comparison is defined, and many comparisons are accounted for",
        "yes" if (compared["n_seeds"] > 1).any() else "no",
        f"Paired by seed and test episode, margin {100 * data.plan.margin:g} points, Holm over "
        f"{int(compared['p'].notna().sum())} comparisons.",
    )
    others = not_comparable(data, data.headline)
    yield (
        "results",
        "Only like is compared with like",
        "partly" if compared["note"].str.contains("batch norm").any() else "yes",
        f"{len(others)} variants were measured under other conditions and are kept apart"
        + (f": {', '.join(data.label(name) for name in others)}." if others else ".")
        + "".join(
            f" {row['label']}: {row['note']}."
            for row in compared[compared["note"].str.contains("batch norm")].to_dict("records")
        ),
    )
    done, planned = len(data.view.done), len(data.plan.runs)
    yield (
        "results",
        "Every planned run is accounted for, failures too",
        "yes" if done == planned else "partly",
        f"{done} of {planned} planned runs are done; listed as not done: {planned - done}; done but left out: "
        f"{len(data.left_out)}.",
    )


def _effort(data: StudyData, results: list[Result]) -> Iterator[Item]:
    hosts = {tuple(sorted(result.host.items())) for result in results}
    machines = "; ".join(", ".join(f"{name} {value}" for name, value in host) for host in sorted(hosts))
    yield (
        "effort",
        "The hardware is described",
        "yes" if results else "no",
        machines or "no run yet",
    )
    seconds = sorted(result.train_seconds for result in results)
    middle = f"training took {seconds[0]:,.0f} to {seconds[-1]:,.0f} s a run" if seconds else "no run yet"
    yield (
        "effort",
        "Run times and total compute are given",
        "partly" if results else "no",
        f"{compute_words(data.view.done)}; {middle}. How busy the machine was is not recorded.",
    )
    yield "effort", "Energy or emissions are given", "no", "Not recorded."
    yield (
        "effort",
        "One command redoes each result",
        "yes",
        f"{len(data.plan.runs)} runs, each with its key and command, below.",
    )
    yield (
        "effort",
        "Runs were repeated and gave the same bits",
        "no",
        "Not recorded with a study; leo-bench reproduce does runs again and compares them bit for bit.",
    )


def _listed(values: set[str]) -> str:
    return ", ".join(sorted(values)) or "unknown"


def _all_or_none(have: int, want: int) -> str:
    """Return yes if `have` equals `want`, no if it is 0, else partly."""
    return "no" if have == 0 else "yes" if have == want else "partly"
