"""Fills the templates, and writes tables, figures and the index of all reports."""

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from leo_bench.records import markdown_text, write_atomic
from leo_bench.report.layout import compose_png, compose_svg
from leo_bench.report.panels import Plot, render
from leo_bench.report.svg import inline_svg
from leo_bench.report.table import ReportTable, tone

OFFICIAL = "official"
HEAD = {"title": "<title>(.*?)</title>"} | {
    name: f'<meta name="{name}" content="(.*?)">' for name in ("description", "subtitle", "verdicts")
}
"""Part of a page that the index shows -> the pattern that finds it in the head of the page."""


TEXT = "<!-- begin text -->\n", "<!-- end text -->\n"
"""Marks around the text of a page in docs/ that is written by hand."""


@dataclass(frozen=True)
class Shown(Plot):
    """A drawn figure, ready for a page."""

    alt: str = ""
    drawn: list[Markup] = field(default_factory=list)


def write_tables(tables: Iterable[ReportTable | None], folder: Path) -> None:
    """Write each table as NAME.csv, numbers to ten digits. None is skipped."""
    for table in filter(None, tables):
        write_atomic(folder / f"{table.name}.csv", table.numbers.to_csv(index=False, float_format="%.10g").encode())


def show(plot: Plot, folder: Path) -> Shown:
    """Draw a figure: files in the folder, panels for the page.

    A published report has no SVG files, which keeps the repository small; its page holds the same drawings.
    """
    drawings = [render(panel) for panel in plot.panels]
    if folder.parents[1].name == OFFICIAL:
        (folder / f"{plot.name}.svg").unlink(missing_ok=True)
    else:
        write_atomic(folder / f"{plot.name}.svg", compose_svg(drawings, plot.columns).encode())
    write_atomic(folder / f"{plot.name}.png", compose_png(drawings, plot.columns))
    alt = ". ".join(drawing.alt for drawing in drawings)
    drawn = [Markup(inline_svg(one.svg, f"{plot.name}-{index}", one.alt)) for index, one in enumerate(drawings)]
    return Shown(**vars(plot), alt=alt, drawn=drawn)


def write_index(reports_folder: Path) -> Path:
    """Write reports/index.html, which links every report below the folder, published ones first.

    Title, answer and verdicts of each link come from the head of its page.
    """
    entries = []
    published, others = (sorted(reports_folder.glob(f"{names}/report.html")) for names in (f"{OFFICIAL}/*", "*"))
    for path in [*published, *others]:
        head = path.read_text(encoding="utf-8", errors="replace").split("<style>", 1)[0]
        found = {name: re.search(pattern, head, re.DOTALL) for name, pattern in HEAD.items()}
        entry = {name: html.unescape(match[1]) if match else "" for name, match in found.items()}
        link = quote(path.relative_to(reports_folder).as_posix())
        entries.append({**entry, "link": link, "published": path.parents[1].name == OFFICIAL})
    content = {"entries": entries, "title": "leo_bench reports", "summary": "Every report there is."}
    return write_page(reports_folder / "index.html", "index.html.j2", content)


def write_report_pages(
    folder: Path, template: str, content: Mapping[str, object], tables: Iterable[ReportTable | None] = ()
) -> Path:
    """Write report.md and report.html from TEMPLATE.md.j2 and TEMPLATE.html.j2, and the tables as CSV. Returns the path
    of report.html.

    Drawings and tables of the report that was there, and that this one does not have, are removed.
    """
    before, written = _parts(folder), list(filter(None, tables))
    write_tables(written, folder / "tables")
    write_page(folder / "report.md", f"{template}.md.j2", content)
    page = write_page(folder / "report.html", f"{template}.html.j2", content)
    for part in before - _parts(folder) - {f"tables/{table.name}.csv" for table in written}:
        (folder / part).unlink(missing_ok=True)
    return page


def _parts(folder: Path) -> set[str]:
    """Return the files in figures/ and tables/ that the report in a folder has, by its two pages."""
    text = "".join(
        path.read_text(encoding="utf-8", errors="replace")
        for path in (folder / "report.md", folder / "report.html")
        if path.exists()
    )
    figures, tables = re.findall(r"\]\(figures/([\w-]+)\.png\)", text), re.findall(r'id="table-([\w-]+)"', text)
    drawings = {f"figures/{name}{ending}" for name in figures for ending in (".png", ".svg")}
    return drawings | {f"tables/{name}.csv" for name in tables}


def write_page(path: Path, template: str, content: Mapping[str, object]) -> Path:
    """Fill a template and write the file atomically. Values are text, and escaped as such in pages and in Markdown."""
    made = Environment(
        loader=PackageLoader("leo_bench.report"),
        autoescape=True,
        finalize=None if template.endswith(".html.j2") else as_markdown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {"markdown": markdown_table, "code": with_code, "tone": tone, "anchor": anchor}
    write_atomic(path, made.get_template(template).render(content).encode())
    return path


def as_markdown(value: object) -> Markup:
    """Return a value of a Markdown template as text; what is Markdown already stays as it is."""
    return value if isinstance(value, Markup) else Markup(markdown_text(str(value)))


def with_code(text: str) -> Markup:
    """Return a sentence for a page; text between backticks becomes code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False)))


def anchor(heading: str) -> str:
    """Return the anchor that GitHub and GitLab give a heading of a Markdown page: lower case, no punctuation,
    spaces as hyphens."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def markdown_table(frame: pd.DataFrame) -> Markup:
    """Return a frame of words as a Markdown table."""
    return Markup(frame.map(markdown_cell).to_markdown(index=False, disable_numparse=True))


def markdown_cell(text: str) -> str:
    """Return text for a cell of a Markdown table: shown as it is, pipes escaped."""
    return markdown_text(str(text)).replace("|", "\\|")


def own_text(page: Path) -> Markup:
    """Return the text of a page that is written by hand, with its marks."""
    old = page.read_text(encoding="utf-8") if page.exists() else ""
    found = re.search(f"{re.escape(TEXT[0])}(.*?){re.escape(TEXT[1])}", old, re.DOTALL)
    return Markup(f"{TEXT[0]}{found[1] if found else ''}{TEXT[1]}")
