"""LaTeX tables say what the pages say, and LaTeX can read them."""

import re

import pandas as pd

from leo_bench.report.latex import LONG, escape, latex_table


def test_every_special_character_is_escaped() -> None:
    assert escape(r"50% of a_b & $c #1 {x} ~y ^z \w <2 >1") == (
        r"50\% of a\_b \& \$c \#1 \{x\} \textasciitilde{}y \textasciicircum{}z \textbackslash{}w "
        r"\textless{}2 \textgreater{}1"
    )
    assert escape("74.7 ± 5.6") == r"74.7 $\pm$ 5.6"


def test_a_table_has_booktabs_rules_caption_label_and_alignment() -> None:
    words = pd.DataFrame({"variant": ["a_b"], "accuracy, %": ["80.0 ± 1.0"], "verdict": ["better"]})
    text = latex_table(words, "main", "5% of it", ["verdict"])
    assert r"\begin{tabular}{lrl}" in text and r"\caption{5\% of it}" in text and r"\label{tab:main}" in text
    body = re.search(r"\\toprule\n(.*)\n\\midrule\n(.*)\n\\bottomrule", text)
    assert body is not None
    assert body.groups() == (r"variant & accuracy, \% & verdict \\", r"a\_b & 80.0 $\pm$ 1.0 & better \\")
    assert text.count("{") == text.count("}")


def test_long_tables_break_over_pages() -> None:
    words = pd.DataFrame({"variant": [str(row) for row in range(LONG)]})
    assert r"\begin{longtable}" in latex_table(words, "redo", "many", [])
    assert r"\begin{longtable}" not in latex_table(words[1:], "redo", "many", [])


def test_a_row_that_begins_with_a_bracket_and_a_label_of_two_lines_are_text() -> None:
    # LaTeX reads a bracket after the end of a row as an argument of it, and an empty line as a paragraph
    assert escape("[x] y") == "{[}x] y"
    assert escape("a\n\nb") == "a  b"
