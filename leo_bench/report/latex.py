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
        "[": "{[}",  # after the end of a row it would begin an argument
        "\n": " ",
    }
)
LONG = 40
"""Number of rows from which on a table may break over pages."""


def escape(text: object) -> str:
    """Return text with LaTeX's special characters escaped."""
    return str(text).translate(ESCAPED)


def latex_table(words: pd.DataFrame, name: str, caption: str, text_columns: list[str]) -> str:
    """Return a frame of words as a LaTeX table with caption and label tab:<name>.

    It needs booktabs, and longtable from LONG rows on. The first column and text_columns are left-aligned, the others
    right-aligned.
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
