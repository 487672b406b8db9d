"""Rows of random numbers by the round they belong to, whichever order they are asked in.

Rounds are dealt into blocks, a block is one stream's draw (`streams`), and the last few blocks are
kept: walking through the rounds costs what drawing costs, and a round asked for again, or alone,
has the same numbers.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import numpy as np

from penchant.simulate.streams import stream

__all__ = ["GRID", "Rows", "on_grid"]

GRID = 2.0**20
_CELLS = 1 << 17
_KEPT = 4


def on_grid(values: np.ndarray) -> np.ndarray:
    """Round to multiples of 2^-20, of at most 8 in size.

    Products of two such numbers, and sums of them over up to 64,000 columns of contexts, are exact
    in doubles: an inner product has the same bits whoever sums it, in whatever order.
    """
    result: np.ndarray = np.clip(np.rint(values * GRID), -8 * GRID, 8 * GRID) / GRID
    return result


class Rows:
    """One named table of random numbers with a row for each round.

    Parameters
    ----------
    seed : int
    name : str
        Of the stream.
    width : int
        Columns.
    draw : function
        ``draw(generator, (rows, width))`` gives a block's numbers.
    """

    def __init__(
        self,
        seed: int,
        name: str,
        width: int,
        draw: Callable[[np.random.Generator, tuple[int, int]], np.ndarray],
    ) -> None:
        self._seed, self._name, self._width, self._draw = seed, name, width, draw
        self._size = max(1, _CELLS // width)
        self._blocks: OrderedDict[int, np.ndarray] = OrderedDict()

    def take(self, rounds: np.ndarray) -> np.ndarray:
        """Return the rows of `rounds` (int64 [n], 0 or more): float64 [n, width]."""
        block, row = np.divmod(rounds, self._size)
        result = np.empty((len(rounds), self._width))
        for wanted in np.unique(block):
            mine = block == wanted
            result[mine] = self._block(int(wanted))[row[mine]]
        return result

    def _block(self, index: int) -> np.ndarray:
        found = self._blocks.get(index)
        if found is None:
            generator = stream(self._seed, self._name, index)
            found = self._draw(generator, (self._size, self._width))
            self._blocks[index] = found
            if len(self._blocks) > _KEPT:
                self._blocks.popitem(last=False)
        return found
