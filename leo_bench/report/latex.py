"""Tables as LaTeX, in the style of booktabs."""

import pandas as pd

ESCAPED = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "±": r"$\pm$",
    }
)
LONG = 40
"""Rows from which on a table may break over pages."""


def escape(text: object) -> str:
    """Text that LaTeX prints as it stands."""
    return str(text).translate(ESCAPED)


def latex_table(words: pd.DataFrame, name: str, caption: str, text_columns: list[str]) -> str:
    """A frame of words as a LaTeX table with caption and label tab:<name>; needs booktabs; longtable from LONG rows.

    The first column and text_columns are set to the left, the others to the right.
    """
    head = "% Needs \\usepackage{booktabs" + (",longtable" if len(words) >= LONG else "") + "}\n"
    columns = "".join("l" if index == 0 or name in text_columns else "r" for index, name in enumerate(words.columns))
    safe = words.map(escape).rename(columns=escape)
    return head + safe.style.hide(axis="index").to_latex(
        hrules=True,
        column_format=columns,
        caption=escape(caption),
        label=f"tab:{name}",
        position_float=None if len(words) >= LONG else "centering",
        environment="longtable" if len(words) >= LONG else None,
    )
