"""The columns of an event log, while a world is being made."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

__all__ = ["CART", "EVENTS", "PURCHASE", "RETURN", "VIEW", "Log"]

EVENTS = ("page_view", "cart", "purchase", "return")
"""Names of the events; what follows are their numbers, in the order of the funnel."""

VIEW, CART, PURCHASE, RETURN = range(4)


@dataclass(frozen=True)
class Log:
    """Events as columns of equal length.

    Attributes
    ----------
    subject, item : int64 [events]
        Indices.
    time : int64 [events]
        Seconds from the start of the log.
    event : int64 [events]
        Position in `EVENTS`.
    quantity : int64 [events]
        Pieces; 1 for a page view.
    session : int64 [events]
        The visit it belongs to; a return belongs to the visit that bought.
    """

    subject: np.ndarray
    item: np.ndarray
    time: np.ndarray
    event: np.ndarray
    quantity: np.ndarray
    session: np.ndarray

    def __len__(self) -> int:
        return len(self.subject)

    def take(self, rows: np.ndarray) -> Log:
        """Return the given rows (indices or a mask)."""
        return Log(*(getattr(self, field.name)[rows] for field in fields(self)))

    def only(self, event: int) -> Log:
        """Return the events of one kind."""
        return self.take(self.event == event)

    def in_order(self) -> Log:
        """Return the events by time, with sessions numbered from 0 in the order they begin."""
        # The further keys make the order a total one.
        log = self.take(np.lexsort((self.item, self.event, self.session, self.time)))
        known, first = np.unique(log.session, return_index=True)
        number = np.empty(len(known), np.int64)
        number[np.argsort(first, kind="stable")] = np.arange(len(known))
        session = number[np.searchsorted(known, log.session)]
        return Log(log.subject, log.item, log.time, log.event, log.quantity, session)

    @staticmethod
    def join(parts: list[Log]) -> Log:
        """Put logs one after the other."""
        return Log(
            *(
                np.concatenate([getattr(part, field.name) for part in parts])
                for field in fields(Log)
            )
        )
