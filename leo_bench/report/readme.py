"""The README's numbers: a block between two marks, copied from a published report and never typed."""

import os
import re
from pathlib import Path

from leo_bench.records import write_atomic


def refresh_readme(readme: Path, report_folder: Path) -> bool:
    """Put the report's answer, main table and figure of effects between the marks

        <!-- begin NAME --> ... <!-- end NAME -->

    of readme, NAME being the report folder's name. Returns whether the marks are there.
    """
    text = readme.read_text() if readme.exists() else ""
    name = re.escape(report_folder.name)
    marks = re.compile(rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
    if not marks.search(text):
        return False
    link = Path(os.path.relpath(report_folder, readme.parent)).as_posix()
    body = block(report_folder, link)
    write_atomic(readme, marks.sub(lambda match: match[1] + body + match[2], text).encode())
    return True


def block(report_folder: Path, link: str) -> str:
    """What stands between the marks: of report.md the answer, the main table and the figure of effects. link: the
    folder's.
    """
    report = (report_folder / "report.md").read_text()
    head, section = re.split(r"^## .*\n", report, flags=re.MULTILINE)[:2]
    answer = head.split("\n\n", 2)[2].strip()  # after title and question
    table = section.split("### Not set against", 1)[0].strip().replace("](figures/", f"]({link}/figures/")
    source = f"[The whole report]({link}/report.md), made from the rows in `results/official/{report_folder.name}/`.\n"
    return f"{answer}\n\n{table}\n\n{source}"
