"""Parts of a whole as bars of characters, a glyph a part: told apart without colour, too."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

GLYPHS = "█▓▒░=+:."
EMPTY = "·"


def parts_bar(text: Text, parts: Sequence[tuple[str, float, str]], width: int) -> None:
    """One bar of all parts, then a line each: glyph, name, amount as words, share.

    ``parts`` are name, amount and the amount in words. Amounts that are not above zero are left
    out of the bar, and so are shares too small for a cell, which their line still says.
    """
    total = sum(max(amount, 0.0) for _, amount, _ in parts)
    if total <= 0:
        return
    shown = [part for part in parts if part[1] > 0]
    text.append(f"{shares_bar([amount for _, amount, _ in shown], width)}\n")
    names = max(len(name) for name, _, _ in shown)
    words = max(len(said) for _, _, said in shown)
    for place, (name, amount, said) in enumerate(shown):
        share = amount / total
        percent = f"{share:.0%}" if share >= 0.005 else "<1%"
        text.append(f"{GLYPHS[place % len(GLYPHS)]} {name:<{names}} {said:>{words}} {percent:>4}\n")


def shares_bar(amounts: Sequence[float], width: int) -> str:
    """One bar of all parts; those not above zero, or too small for a cell, are left out."""
    shown = [amount for amount in amounts if amount > 0]
    if not shown:
        return ""
    lengths = cells_for(shown, width)
    return "".join(GLYPHS[n % len(GLYPHS)] * length for n, length in enumerate(lengths))


def fill_bar(share: float, width: int) -> str:
    """How full something is; over one is full."""
    full = round(min(max(share, 0.0), 1.0) * width)
    return GLYPHS[0] * full + EMPTY * (width - full)


def cells_for(amounts: Sequence[float], width: int) -> list[int]:
    """Cells of a bar for each amount, all cells used: by largest remainder."""
    total = sum(amounts)
    exact = [amount / total * width for amount in amounts]
    cells = [int(each) for each in exact]
    by_rest = sorted(range(len(exact)), key=lambda place: cells[place] - exact[place])
    for place in by_rest[: width - sum(cells)]:
        cells[place] += 1
    return cells
