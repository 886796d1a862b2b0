"""Fills the templates, and writes tables, figures and the index of all reports."""

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from leo_bench.records import markdown_text, write_atomic
from leo_bench.report.latex import latex_table
from leo_bench.report.layout import compose_png, compose_svg
from leo_bench.report.panels import Plot, render
from leo_bench.report.svg import compact_page, inline_svg
from leo_bench.report.table import ReportTable

OFFICIAL = "official"


@dataclass(frozen=True)
class Shown:
    """A drawn figure, ready for a page."""

    name: str
    title: str
    caption: str
    alt: str
    panels: list[Markup]
    columns: int


def write_table(table: ReportTable, folder: Path) -> None:
    """Write NAME.csv (numbers to ten digits) and, if there are rows, NAME.tex (words).

    A published report has no LaTeX, which keeps the repository small (docs/reports.md).
    """
    write_atomic(folder / f"{table.name}.csv", table.numbers.to_csv(index=False, float_format="%.10g").encode())
    if folder.parents[1].name == OFFICIAL:
        (folder / f"{table.name}.tex").unlink(missing_ok=True)
    elif len(table.words):
        text = latex_table(table.words, table.name, table.caption, table.text_columns)
        write_atomic(folder / f"{table.name}.tex", text.encode())


def write_tables(tables: Iterable[ReportTable | None], folder: Path) -> None:
    """Write all tables; None is skipped."""
    for table in tables:
        if table is not None:
            write_table(table, folder)


def show_all(plots: Mapping[str, Plot], folder: Path) -> dict[str, Shown]:
    """Draw figures into a folder. Returns name -> figure for a page."""
    return {name: show(plot, folder) for name, plot in plots.items()}


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
    panels = [
        Markup(inline_svg(drawing.svg, f"{plot.name}-{index}", drawing.alt)) for index, drawing in enumerate(drawings)
    ]
    return Shown(
        plot.name, plot.title, plot.caption, ". ".join(drawing.alt for drawing in drawings), panels, plot.columns
    )


def write_index(reports_folder: Path) -> Path:
    """Write reports/index.html, which links every report below the folder, published ones first.

    Title and summary of each link come from the head of its page.
    """
    found = [
        path for pattern in ("*/report.html", f"{OFFICIAL}/*/report.html") for path in reports_folder.glob(pattern)
    ]
    entries = [
        {
            "title": _in_head(path, r"<title>(.*?)</title>") or path.parent.name,
            "summary": _in_head(path, r'<meta name="description" content="(.*?)">'),
            "link": quote(path.relative_to(reports_folder).as_posix()),
            "published": path.parents[1].name == OFFICIAL,
        }
        for path in sorted(found, key=lambda path: (path.parents[1].name != OFFICIAL, path.parent.name))
    ]
    content = {"entries": entries, "title": "leo_bench reports", "summary": "Every report there is."}
    return write_page(reports_folder / "index.html", "index.html.j2", content)


def _in_head(page: Path, pattern: str) -> str:
    """Return the text that a pattern matches in the head of a page written here; empty if there is no match."""
    match = re.search(pattern, page.read_text(encoding="utf-8").split("<style>", 1)[0], re.DOTALL)
    return html.unescape(match[1]) if match else ""


def write_report_pages(folder: Path, template: str, content: Mapping[str, object]) -> Path:
    """Write report.md and report.html from TEMPLATE.md.j2 and TEMPLATE.html.j2. Returns the path of report.html."""
    write_page(folder / "report.md", f"{template}.md.j2", content)
    return write_page(folder / "report.html", f"{template}.html.j2", content)


def write_page(path: Path, template: str, content: Mapping[str, object]) -> Path:
    """Fill a template and write the file atomically."""
    is_page = template.endswith(".html.j2")
    text = environment(html=is_page).get_template(template).render(content)
    text = compact_page(text) if is_page else text
    write_atomic(path, text.encode())
    return path


def environment(html: bool) -> Environment:
    """Return Jinja's environment for pages or for Markdown. In both, values are escaped: they are text, no markup."""
    made = Environment(
        loader=PackageLoader("leo_bench.report"),
        autoescape=True,
        finalize=None if html else as_markdown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["markdown"] = markdown_table
    made.filters["code"] = with_code
    return made


def as_markdown(value: object) -> Markup:
    """Return a value of a Markdown template as text; what is Markdown already stays as it is."""
    return value if isinstance(value, Markup) else Markup(markdown_text(str(value)))


def with_code(text: str) -> Markup:
    """Return a sentence for a page; text between backticks becomes code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False)))


def markdown_table(frame: pd.DataFrame) -> Markup:
    """Return a frame of words as a Markdown table; its cells are text, and pipes in them are escaped."""
    safe = frame.map(lambda text: markdown_text(str(text)).replace("|", "\\|"))
    return Markup(safe.to_markdown(index=False, disable_numparse=True))
