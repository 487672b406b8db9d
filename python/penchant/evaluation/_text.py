"""Numbers and aligned tables as plain text."""

from __future__ import annotations

import math
from collections.abc import Sequence


def format_number(value: float, *, signed: bool = False) -> str:
    """Four decimals; a dash for what is undefined."""
    if math.isnan(value):
        return "–"
    return f"{value:+.4f}" if signed else f"{value:.4f}"


def format_interval(low: float, high: float, *, signed: bool = False) -> str:
    """``[0.0420, 0.0505]``; nothing for what is undefined."""
    if math.isnan(low) or math.isnan(high):
        return ""
    return f"[{format_number(low, signed=signed)}, {format_number(high, signed=signed)}]"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns under a rule; the first to the left, the others to the right."""
    widths = [max(len(row[c]) for row in [header, *rows]) for c in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        first = cells[0].ljust(widths[0])
        rest = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        return "  ".join([first, *rest]).rstrip()

    rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
    return "\n".join([line(header), rule, *(line(row) for row in rows)])
