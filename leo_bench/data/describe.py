"""Description of a data set in words and in contact sheets.

Imports torch only when called, so that the command line starts fast.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from leo_bench.data import DATASETS
from leo_bench.data.locate import DataSource

if TYPE_CHECKING:
    import numpy as np

    from leo_bench.data.bank import ImageBank

TILE = 56
"""Side of a drawing on a sheet, in pixels."""
GAP = 4
LABEL_WIDTH = 250
LETTERS_PER_ROW = 20

Row = tuple[str, "np.ndarray"]
"""Row of a sheet: a label and drawings, uint8 (n, H, W)."""


def describe(source: DataSource) -> str:
    """Return where the data was found, its digest, counts, class splits and alphabets, as text.

    Reads the data or its cache. Raises LeoBenchError if it is missing or damaged.
    """
    from leo_bench.data.bank import load_images
    from leo_bench.data.splits import class_split, lake_validation_alphabets

    bank = load_images(source, 28)
    sizes = alphabet_sizes(bank)
    n_background = sum(bank.background)
    lines = [
        f"data set    {source.name}",
        f"where       {source.path or DATASETS[source.name].origin}",
        f"form        {source.form}",
        f"digest      {bank.digest}",
        f"characters  {len(bank.characters):,}: {n_background:,} background, {len(bank.characters) - n_background:,} "
        f"evaluation; {len(sizes)} alphabets",
        f"drawings    {bank.images.shape[0] * bank.images.shape[1]:,}: {bank.images.shape[1]} of each character, "
        f"{bank.images.numel() / 1e6:.0f} MB at 28x28",
    ]
    for name in ("lake", "random") if DATASETS[source.name].trains else ("lake",):
        split = class_split(bank, name, "train")
        lines.append(f"split       {name}: " + ", ".join(f"{part} {len(split[part]):,}" for part in split))
    validation = lake_validation_alphabets(bank.name)
    for background in (True, False):
        note = "background alphabets (* validation in lake):" if background else "evaluation alphabets (test in lake):"
        rows = [
            f"  {size:3} {alphabet}{' *' if alphabet in validation else ''}"
            for (alphabet, of_background), size in sizes.items()
            if of_background == background
        ]
        lines += ["", note, *rows] if rows else []
    return "\n".join(lines)


def alphabet_sizes(bank: ImageBank) -> dict[tuple[str, bool], int]:
    """Return the number of characters of each (alphabet, is background), in the order of the bank."""
    sizes: dict[tuple[str, bool], int] = {}
    for key in zip(bank.alphabets, bank.background, strict=True):
        sizes[key] = sizes.get(key, 0) + 1
    return sizes


def draw_sheets(bank: ImageBank, out_dir: Path) -> list[Path]:
    """Write contact sheets as PNG and return their paths: characters of each set, drawers, and example episodes.

    The sheets show the drawings themselves: do not commit those of Omniglot.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    sheets: dict[str, list[Row]] = {
        "characters_background": _character_rows(bank, background=True),
        "characters_evaluation": _character_rows(bank, background=False),
        "drawers": _drawer_rows(bank),
        "episodes_mixed": _episode_rows(bank, "mixed"),
        "episodes_within_alphabet": _episode_rows(bank, "within_alphabet"),
    }
    files = []
    for name, rows in sheets.items():
        if not rows:
            continue
        file = out_dir / f"{bank.name}_{name}.png"
        _write_sheet(f"{bank.name}: {name.replace('_', ', ', 1).replace('_', ' ')}", rows, file)
        files.append(file)
    return files


def _character_rows(bank: ImageBank, background: bool) -> list[Row]:
    """Return one row for each alphabet: its first characters by their first drawer."""
    images = bank.images.numpy()
    rows = []
    for alphabet, of_background in alphabet_sizes(bank):
        if of_background == background:
            members = [index for index, name in enumerate(bank.alphabets) if name == alphabet]
            rows.append((f"{alphabet} ({len(members)})", images[members[:LETTERS_PER_ROW], 0]))
    return rows


def _drawer_rows(bank: ImageBank) -> list[Row]:
    """Return rows with all drawings (LETTERS_PER_ROW at most) of some characters, evenly spread over the bank."""
    chosen = range(0, len(bank.characters), max(1, len(bank.characters) // 20))
    return [(bank.characters[index], bank.images[index, :LETTERS_PER_ROW].numpy()) for index in chosen]


def _episode_rows(bank: ImageBank, mode: str) -> list[Row]:
    """Return the first three test episodes, 5-way 1-shot: a row of support drawings, then rows of queries."""
    from leo_bench.data.episodes import EpisodeSpec, fixed_episodes, gather

    spec = EpisodeSpec(5, 1, 3, mode)
    episodes = fixed_episodes(bank, "lake", "test", spec, 3)
    support_x, _, query_x, _ = gather(bank.images.cpu(), episodes)
    rows: list[Row] = []
    for index in range(len(episodes)):
        names = ", ".join(dict.fromkeys(bank.alphabets[c] for c in episodes.characters[index]))
        rows.append((f"episode {index}: {names}", (support_x[index, :0, 0] * 255).byte().numpy()))
        rows.append(("support, classes 0 to 4", (support_x[index, :, 0] * 255).round().byte().numpy()))
        queries = (query_x[index, :, 0] * 255).round().byte().unflatten(0, (spec.n_way, spec.n_query)).numpy()
        rows += [(f"query {number}", queries[:, number]) for number in range(spec.n_query)]
    return rows


def _write_sheet(title: str, rows: list[Row], file: Path) -> None:
    from PIL import Image, ImageDraw

    widest = max(len(drawings) for _, drawings in rows)
    heights = [TILE + GAP if len(drawings) else TILE // 2 for _, drawings in rows]
    sheet = Image.new("L", (max(LABEL_WIDTH + widest * (TILE + GAP), 700), 30 + sum(heights)), 255)
    pen = ImageDraw.Draw(sheet)
    pen.text((8, 8), title, fill=0)
    top = 30
    for (label, drawings), height in zip(rows, heights, strict=True):
        pen.text((8, top + (TILE // 2 - 6 if len(drawings) else 8)), label, fill=0)
        for column, drawing in enumerate(drawings):
            tile = Image.fromarray(255 - drawing).resize((TILE, TILE), Image.Resampling.BILINEAR)
            left = LABEL_WIDTH + column * (TILE + GAP)
            sheet.paste(tile, (left, top))
            pen.rectangle((left, top, left + TILE - 1, top + TILE - 1), outline=215)
        top += height
    sheet.save(file)
