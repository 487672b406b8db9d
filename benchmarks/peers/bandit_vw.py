"""Decisions and events as lines of text, as Vowpal Wabbit reads them."""

from __future__ import annotations

import numpy as np


def lines(namespace: str, rows: np.ndarray) -> list[str]:
    """Return a namespace with the features of each row [n, d]."""
    return [
        f"|{namespace} " + " ".join(f"{j}:{value:.6f}" for j, value in enumerate(row))
        for row in rows.tolist()
    ]


def decision(shared: str, actions: list[str]) -> str:
    """Return the text of a question."""
    return "\n".join([f"shared {shared}", *actions])


def event(shared: str, actions: list[str], chosen: int, cost: float, propensity: float) -> str:
    """Return the text of a question with what came of it."""
    labelled = list(actions)
    labelled[chosen] = f"0:{cost:.6f}:{propensity:.6f} {labelled[chosen]}"
    return decision(shared, labelled)
