"""The README's numbers: a block between two marks, copied from a published report and never typed."""

import re
from pathlib import Path

from leo_bench.records import write_atomic

FIGURE = "effects.png"


def refresh_readme(readme: Path, report_folder: Path) -> bool:
    """Put the report's answer, main table and figure of effects between the marks

        <!-- begin NAME --> ... <!-- end NAME -->

    of readme, NAME being the report folder's name. Returns whether the marks are there.
    """
    text = readme.read_text() if readme.exists() else ""
    name = report_folder.name
    marks = re.compile(rf"(<!-- begin {re.escape(name)} -->\n).*?(<!-- end {re.escape(name)} -->)", re.DOTALL)
    if not marks.search(text):
        return False
    body = block(report_folder, report_folder.relative_to(readme.parent) if readme.parent != Path() else report_folder)
    write_atomic(readme, marks.sub(lambda match: match[1] + body + match[2], text).encode())
    return True


def block(report_folder: Path, link: Path) -> str:
    """What stands between the marks: report.md from the answer to the end of the main table, and a figure."""
    report = (report_folder / "report.md").read_text()
    parts = re.split(r"^## .*\n", report, flags=re.MULTILINE)
    answer = parts[0].split("\n\n", 2)[2].strip()
    figure = f"![Effect of each part, against LEO]({link.as_posix()}/figures/{FIGURE})\n\n"
    source = (
        f"[The whole report]({link.as_posix()}/report.md), "
        f"made from the rows in `results/official/{report_folder.name}/`.\n"
    )
    return f"{answer}\n\n{parts[1].strip()}\n\n{figure if has_figure(report_folder) else ''}{source}"


def has_figure(report_folder: Path) -> bool:
    return (report_folder / "figures" / FIGURE).exists()
