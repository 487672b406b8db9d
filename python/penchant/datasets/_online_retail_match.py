"""Which purchase a cancellation takes back."""

from __future__ import annotations

import numpy as np

__all__ = ["match_cancellations"]


def match_cancellations(
    customer: np.ndarray,
    product: np.ndarray,
    quantity: np.ndarray,
    time: np.ndarray,
    purchase: np.ndarray,
    cancellation: np.ndarray,
) -> np.ndarray:
    """Match each cancellation with the latest purchase that it can take back.

    A cancellation takes back a purchase of the same customer, product and quantity that is not
    later and not taken back yet. Working through a group in the order of time, that is a stack:
    purchases are pushed, a cancellation pops the latest. Of lines with one time stamp, purchases
    come before cancellations; the rest is the order of the lines.

    Parameters
    ----------
    customer, product, quantity, time : integer arrays [n]
        Only the size of a quantity counts.
    purchase, cancellation : bool arrays [n]
        What a line is; lines that are neither take no part.

    Returns
    -------
    int64 array [matches, 2]
        Line of the purchase, line of its cancellation; sorted by the latter.
    """
    rows = np.flatnonzero(purchase | cancellation)
    size = np.abs(quantity[rows])
    order = np.lexsort((rows, cancellation[rows], time[rows], size, product[rows], customer[rows]))
    rows, size = rows[order], size[order]
    if not len(rows):
        return np.empty((0, 2), np.int64)

    def changes(column: np.ndarray) -> np.ndarray:
        return np.not_equal(column[1:], column[:-1])

    new_group = np.r_[True, changes(customer[rows]) | changes(product[rows]) | changes(size)]
    group = np.cumsum(new_group) - 1
    # A few thousand groups have a cancellation at all; the rest needs no walk.
    busy = np.zeros(group[-1] + 1, bool)
    busy[group[cancellation[rows]]] = True
    walked = busy[group]

    matches: list[tuple[int, int]] = []
    stack: list[int] = []
    current = -1
    for row, its_group, cancels in zip(
        rows[walked].tolist(),
        group[walked].tolist(),
        cancellation[rows[walked]].tolist(),
        strict=True,
    ):
        if its_group != current:
            current = its_group
            stack.clear()
        if not cancels:
            stack.append(row)
        elif stack:
            matches.append((stack.pop(), row))
    matches.sort(key=lambda match: match[1])
    return np.array(matches, np.int64).reshape(-1, 2)
