"""Sentences of a study's report, made from its numbers."""

from leo_bench.figures import signed
from leo_bench.records import StudyView
from leo_bench.report.sentences import interval_words, listed
from leo_bench.report.study.data import StudyData, cell_name
from leo_bench.report.study.detectable import detectable
from leo_bench.report.study.differences import compared_label, effects, mean_accuracy
from leo_bench.report.study.documented import set_against_document
from leo_bench.report.study.not_done import STATUS_ORDER


def answer(data: StudyData) -> list[str]:
    """Return the report's opening: the baseline's accuracy, the effect of each change, how complete the study is.

    A sentence each; the second is left out if nothing is compared.
    """
    sentences = [_baseline_sentence(data), _effect_sentence(data), completeness(data.view)]
    return [sentence for sentence in sentences if sentence]


def _baseline_sentence(data: StudyData) -> str:
    baseline = data.plan.baseline
    interval = mean_accuracy(data, data.headline, baseline)
    settings = data.settings.get(baseline)
    if interval is None or settings is None:
        return f"The baseline {data.label(baseline)} has no finished run yet, so nothing can be compared."
    protocol = (
        f"On {data.data_name()} ({settings['image_size']}x{settings['image_size']} pixels, "
        f"{settings['class_split']} class split, "
        f"{settings['n_train_episodes']:,} training episodes)"
    )
    test = f"{cell_name(data.headline)} {settings['k_shot']}-shot episodes"
    text = f"{protocol} the baseline {data.label(baseline)} reaches {interval_words(interval)} on {test}"
    if data.is_glyphs:
        return f"{text}; these are drawn glyphs, not Omniglot, so no documented target applies."
    return f"{text}{set_against_document(data, data.headline, baseline, interval)}."


def _effect_sentence(data: StudyData) -> str:
    frame = effects(data, data.headline)
    compared = frame[frame["compared"].astype(bool)]
    if compared.empty:
        return ""
    margin = f"{100 * data.plan.margin:g} points"
    other = "the variant compared with" if data.plan.against else "it"
    named = {
        verdict: [
            f"{compared_label(data, row['variant'])} ({signed(100 * row['difference'])})"
            for row in rows.sort_values("difference", key=abs, ascending=False).to_dict("records")
        ]
        for verdict, rows in compared.groupby("verdict", sort=False)
    }
    parts = []
    matters = named.get("better", []) + named.get("worse", [])
    if matters:
        parts.append(
            f"{listed(matters)} {'differs' if len(matters) == 1 else 'differ'} from {other} by more than the {margin} "
            f"that matter"
        )
    same = named.get("no difference that matters", [])
    if same:
        parts.append(f"{listed(same)} {'makes' if len(same) == 1 else 'make'} no difference that matters")
    unclear = named.get("inconclusive", [])
    if unclear:
        parts.append(f"{listed(unclear)} {'is' if len(unclear) == 1 else 'are'} inconclusive with these seeds")
    single = named.get("one seed", [])
    if single:
        parts.append(
            f"{listed(single)}, with one seed, {'has' if len(single) == 1 else 'have'} no verdict on the change "
            "itself: the difference is one of two trained models"
        )
    return f"Of {len(compared)} {'variant' if len(compared) == 1 else 'variants'} compared, {'; '.join(parts)}."


def completeness(view: StudyView) -> str:
    """Return how much of the plan is done, in a sentence."""
    total, done = len(view.runs), len(view.done)
    if total == 0:
        return "The study plans no run."
    if done == total:
        return (
            f"The study is complete: all {total} planned runs are done."
            if total > 1
            else "The study is complete: its one planned run is done."
        )
    counts = {status: sum(run.status == status for run in view.runs) for status in STATUS_ORDER}
    rest = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    return f"The study is not complete: {done} of {total} planned runs are done ({rest})."


def resolution(data: StudyData) -> str:
    """Return the difference that the study could detect, in a sentence."""
    found = detectable(effects(data, data.headline), data.plan.margin)
    if found is None:
        return "With one seed per variant an effect cannot be told from seed-to-seed variation."
    verdict = f"about {100 * found.among_all:.1f} points" if found.among_all < 1 else "more than accuracy can differ"
    return (
        f"With {found.n_seeds} seeds and the variation seen here (median standard deviation of a paired difference "
        f"{100 * found.sd:.1f} points), 4 of 5 such studies detect a true difference of about {100 * found.alone:.1f} "
        f"points by a single t test. A verdict of better or worse among the {found.n_compared} compared needs "
        f"{verdict}."
    )


def notices(data: StudyData) -> list[str]:
    """Return the warnings shown above the results."""
    found = []
    if data.is_glyphs:
        found.append(
            "These numbers are measured on glyphs, characters drawn by this program, because Omniglot was not used. "
            "They cannot be compared with Omniglot results or the document's targets."
        )
    modes = sorted({str(mode) for mode in data.scores["batch_norm"].unique()})
    if any("transductive" in mode for mode in modes):
        found.append(
            "Some rows are transductive: batch norm saw all queries of an episode at once. They are not "
            "compared with the others."
        )
    by_learner = data.scores.groupby("learner")["numerics"].unique()
    digests = sorted({str(digest) for own in by_learner if len(own) > 1 for digest in own})
    if digests:  # each learner has a digest of its own, so only those of one learner are different versions
        found.append(
            f"Runs come from {len(digests)} versions of the source (numerics {', '.join(digests)}); rows of "
            f"different versions are not compared."
        )
    warned = {
        run.planned.variant: run.result.warnings[0] for run in data.view.done if run.result and run.result.warnings
    }
    found += [f"{data.label(variant)}: {warning}." for variant, warning in warned.items()]
    if data.view.plan.accept_stale:
        found.append("Runs made by an older version of the source were accepted on request.")
    return found


def method_words(data: StudyData) -> list[str]:
    """Return how to read the numbers, a sentence or two per question."""
    margin = f"{100 * data.plan.margin:g}"
    return [
        "An interval over seeds (95%, t) shows what other seeds would give. An interval over episodes (marked e, 1.96 "
        "standard errors) shows how well one trained model is known, and nothing about seeds.",
        "A difference is variant minus baseline"
        + (" (or minus the variant that the row names)" if data.plan.against else "")
        + " with the same seed on the same test episodes, averaged over the seeds that both have.",
        f"Verdicts: better or worse when the whole interval lies beyond {margin} points and Holm's p (paired t "
        f"test, over all variants compared on that test with several seeds) is below 0.05; no difference that "
        f"matters when it lies within {margin} points; otherwise "
        f"inconclusive. Two checks stand beside "
        "it: from 6 seeds an exact sign-flip test, and from 5 seeds a BCa bootstrap interval. The BCa interval does "
        "not assume normal differences, but it is too narrow with few seeds: in simulation it covers the truth in "
        "about 83% of studies of 5 seeds and 90% of 10, where the t interval covers it in 95%.",
        "Rows are compared only if data, splits, image size, shots, queries, training images, "
        "test episodes and source agree.",
        resolution(data),
    ]
