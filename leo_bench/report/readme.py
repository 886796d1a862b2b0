"""The README's numbers: blocks between two marks, copied from published reports and never typed."""

import os
import re
from pathlib import Path

from leo_bench.records import write_atomic


def refresh_readme(readme: Path, report_folder: Path) -> bool:
    """Put what the report says between the marks of readme that name its folder:

        <!-- begin NAME --> ... <!-- end NAME -->                  its answer, main table and figure of effects
        <!-- begin NAME:FIGURE --> ... <!-- end NAME:FIGURE -->    one figure with its caption

    Returns whether there are such marks. A figure that the report does not have leaves its block as it was.
    """
    text = readme.read_text() if readme.exists() else ""
    marks = re.compile(
        rf"(<!-- begin {re.escape(report_folder.name)}(?::([\w-]+))? -->\n)(.*?)"
        rf"(<!-- end {re.escape(report_folder.name)}(?(2):\2) -->)",
        re.DOTALL,
    )
    if not marks.search(text):
        return False
    link = Path(os.path.relpath(report_folder, readme.parent)).as_posix()

    def filled(match: re.Match[str]) -> str:
        body = figure_block(report_folder, link, match[2]) if match[2] else block(report_folder, link)
        return match[1] + (body or match[3]) + match[4]

    write_atomic(readme, marks.sub(filled, text).encode())
    return True


def block(report_folder: Path, link: str) -> str:
    """What stands between the marks of a study: of report.md the answer, the main table and the figure of effects.
    link: the folder's.
    """
    report = (report_folder / "report.md").read_text()
    head, section = re.split(r"^## .*\n", report, flags=re.MULTILINE)[:2]
    answer = head.split("\n\n", 2)[2].strip()  # after title and question
    table = section.split("### Not set against", 1)[0].strip().replace("](figures/", f"]({link}/figures/")
    return f"{answer}\n\n{table}\n\n{_source(report_folder, link)}"


def figure_block(report_folder: Path, link: str, name: str) -> str:
    """What stands between the marks of a figure: its picture and its caption; empty where report.md has none."""
    report = (report_folder / "report.md").read_text()
    found = re.search(rf"^(!\[.*\]\()(figures/{re.escape(name)}\.png\))\n\n(.+)$", report, flags=re.MULTILINE)
    if not found:
        return ""
    return f"{found[1]}{link}/{found[2]}\n\n{found[3]}\n\n{_source(report_folder, link)}"


def _source(report_folder: Path, link: str) -> str:
    return f"[The whole report]({link}/report.md), made from the rows in `results/official/{report_folder.name}/`.\n"
