"""Explanations of settings, made from their definitions: for the docs, `run --describe` and reports."""

import json
from typing import Any

from leo_bench.config.settings import Settings, default_of, names_of, part_of

HEADINGS = {
    "method": "Parts of LEO",
    "training": "Training",
    "protocol": "Data, episodes and budget",
    "test": "Tests of the trained model",
    "machine": "Machine",
}


def explanation(name: str) -> str:
    """Return the explanation of a setting, on one line."""
    return " ".join((Settings.model_fields[name].description or "").split())


def about(name: str) -> dict[str, str]:
    """Return symbol, documented range and source of a setting; an empty text for each that it lacks."""
    found: Any = Settings.model_fields[name].json_schema_extra
    return {key: found[key] for key in ("symbol", "documented", "source")}


def choices(name: str) -> str:
    """Return the values that a setting can take: `pairwise, none, attention`, or a range such as `from 1 to 10`."""
    schema = Settings.model_json_schema()["properties"][name]
    options = [schema, *schema.get("anyOf", []), schema.get("items", {})]
    for option in options:
        if "enum" in option:
            return ", ".join(str(value) for value in option["enum"])
    for option in options:
        low = option.get("minimum", option.get("exclusiveMinimum"))
        high = option.get("maximum", option.get("exclusiveMaximum"))
        if low is not None:
            word = "above" if "exclusiveMinimum" in option else "from"
            below = "below " if "exclusiveMaximum" in option else ""
            return f"{word} {_number(low)}" + (f" to {below}{_number(high)}" if high is not None else "")
    return "true, false" if schema.get("type") == "boolean" else ""


def _number(value: float) -> str:
    return f"{value:g}" if value % 1 else f"{value:.0f}"


def plain(value: Any) -> str:
    """Return a value as a study file has it, without quotes: `true`, `mixed, within_alphabet`, `none`."""
    if isinstance(value, list | tuple):
        return ", ".join(plain(entry) for entry in value) or "none"
    return "none" if value is None else value if isinstance(value, str) else json.dumps(value)


def explain_settings(settings: Settings) -> str:
    """Return every setting with its value and explanation, one line each, grouped by kind."""
    values = settings.canonical()
    lines = []
    for part, heading in HEADINGS.items():
        lines += [heading, *(f"  {name} = {plain(values[name])}  # {explanation(name)}" for name in names_of(part))]  # type: ignore[arg-type]
    return "\n".join(lines)


def settings_tables() -> str:
    """Return the Markdown tables of all settings for the docs, one table for each kind."""
    blocks = []
    for part, heading in HEADINGS.items():
        rows = [
            f"| `{name}` | {plain(default_of(name))} | {choices(name)} | {_about_words(name)} | {explanation(name)} |"
            for name in Settings.model_fields
            if part_of(name) == part
        ]
        head = [
            "| setting | default | values | symbol, documented range, source | what it does |",
            "|---|---|---|---|---|",
        ]
        blocks.append("\n".join([f"### {heading}", "", *head, *rows]))
    return "\n\n".join(blocks)


def _about_words(name: str) -> str:
    found = about(name)
    words = [found["symbol"], found["documented"] and f"document: {found['documented']}", found["source"]]
    return "; ".join(word for word in words if word)
