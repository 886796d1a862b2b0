"""The best settings of a search as a preset file."""

import json
from pathlib import Path
from typing import Any

from leo_bench.config import PRESETS, make_settings
from leo_bench.config.presets import NOT_IN_A_PRESET
from leo_bench.errors import LeoBenchError
from leo_bench.records import read_record, write_atomic
from leo_bench.records.search import Best, Choice, SearchPlan


def preset_text(plan: SearchPlan, choice: Choice) -> str:
    """Return the text of a preset file with a choice's settings."""
    whole = make_settings({**plan.test, **choice.parameters}).canonical()
    named = plan.preset if plan.preset in PRESETS else "documented"  # a preset file cannot start from another file
    start = make_settings({}, named).canonical()
    values = {name: value for name, value in whole.items() if value != start[name] and name not in NOT_IN_A_PRESET}
    lines = [
        f"# Trial {choice.number} of the search {plan.search}, profile {plan.profile}: "
        f"{choice.values[0]:.1%} on validation.",
        f"preset = {_toml(named)}",
        "",
        "[settings]",
        *(f"{name} = {_toml(value)}" for name, value in values.items()),
        "",
    ]
    return "\n".join(lines)


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def write_preset(plan: SearchPlan, best: Best, path: Path) -> None:
    """Write the best choice as a preset file. Raises LeoBenchError if the file name does not suit a preset."""
    if path.suffix != ".toml":
        raise LeoBenchError(f"--emit-preset {path}: expected a file name that ends with .toml")
    if path.stem in PRESETS:
        raise LeoBenchError(f"--emit-preset {path}: a preset {path.stem} exists already; choose another name")
    write_atomic(path, preset_text(plan, best.choices[0]).encode())


def write_found_preset(folder: Path, path: Path) -> None:
    """Write the best choice of a finished search's folder as a preset file. Raises LeoBenchError if the search is not
    finished."""
    if not (folder / "best.json").exists():
        raise LeoBenchError(f"{folder / 'best.json'} is missing: do the search first, without --emit-preset")
    plan, best = read_record(folder / "search.json", SearchPlan), read_record(folder / "best.json", Best)
    write_preset(plan, best, path)
