"""Tables of a comparison."""

import pandas as pd

from leo_bench.report.table import NONE, ReportTable, difference, p_value, percent


def difference_tables(numbers: pd.DataFrame) -> list[ReportTable]:
    """Return the rows of `differences` in words: a table for A's headline test, and one for the other tests.

    Rows that are not compared are in the notes, each with its reason.
    """
    test = numbers["test"].iloc[0] if len(numbers) else ""
    first = numbers["test"] == test
    caption = "B - A by variant, {}, paired over the seeds that both have; accuracies are means over those seeds."
    return [
        ReportTable(name, caption.format(tests), rows, _words(rows), _notes(rows))
        for name, tests, rows in (
            ("differences", test, numbers[first]),
            ("differences-elsewhere", "the other tests", numbers[~first]),
        )
        if len(rows)
    ]


def _words(numbers: pd.DataFrame) -> pd.DataFrame:
    words = [
        {
            "variant": row["label"],
            "test": row["test"],
            "A, %": percent(row["accuracy_a"]),
            "B, %": percent(row["accuracy_b"]),
            "seeds": str(row["n_seeds"]),
            "B - A, points": difference(row["difference"], row["low"], row["high"], row["kind"]),
            "Holm's p": p_value(row["holm_p"]),
            "verdict": row["verdict"],
            "bits": _bits_words(row["n_same_record"], row["n_bit_equal"], row["n_same_weights"]),
            "changes": row["changed"] or NONE,
        }
        for row in numbers.to_dict("records")
        if row["compared"]
    ]
    return pd.DataFrame(words)


def _notes(numbers: pd.DataFrame) -> list[str]:
    return [f"{row['label']}, {row['test']}: {row['note']}." for row in numbers.to_dict("records") if row["note"]]


def _bits_words(n_same_record: int, n_bit_equal: int, n_same_weights: int) -> str:
    counts = {"the same record": n_same_record, "bit-equal": n_bit_equal, "equal weights": n_same_weights}
    return ", ".join(f"{count} {words}" for words, count in counts.items() if count) or NONE
