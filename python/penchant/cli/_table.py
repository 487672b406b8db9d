"""Tables for terminals and for pipes."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

__all__ = ["emphasize", "format_table", "print_table"]


def format_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    right: Sequence[str] = (),
    width: int | None = None,
) -> str:
    """Lay out a table as text.

    Parameters
    ----------
    columns : sequence of str
        Headings.
    rows : sequence of sequences
        One cell a column; None is shown as nothing.
    right : sequence of str
        Headings of the columns that are aligned to the right (numbers).
    width : int, optional
        The last column is cut so that no line is longer.

    Returns
    -------
    str
        Lines without a newline at the end.
    """
    cells = [[("" if cell is None else str(cell)) for cell in row] for row in rows]
    widths = [
        max([len(heading), *(len(row[i]) for row in cells)]) for i, heading in enumerate(columns)
    ]
    if width is not None:
        others = sum(widths[:-1]) + 2 * (len(widths) - 1)
        widths[-1] = max(min(widths[-1], width - others), min(12, widths[-1]))

    def line(row: Sequence[str]) -> str:
        out = []
        for heading, cell, size in zip(columns, row, widths, strict=True):
            shown = cell if len(cell) <= size else cell[: max(size - 1, 0)] + "…"
            out.append(shown.rjust(size) if heading in right else shown.ljust(size))
        return "  ".join(out).rstrip()

    rule = "  ".join("─" * size for size in widths)
    return "\n".join([line(list(columns)), rule, *(line(row) for row in cells)])


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[str] = ()
) -> None:
    """Print a table, cut to the width of the terminal when it goes to one."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    text = format_table(columns, rows, right=right, width=width)
    heading, _, rest = text.partition("\n")
    print(f"{emphasize(heading)}\n{rest}", flush=True)


def emphasize(text: str) -> str:
    """Bold in a terminal that wants colour, as it is elsewhere."""
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb":
        return f"\x1b[1m{text}\x1b[0m"
    return text
