"""What happened, with a schema: types of events, the door that checks them, what follows.

>>> taxonomy = pn.events.Taxonomy.default()
>>> checked = taxonomy.check(frame)
>>> checked.events, checked.quarantine, checked.counts
"""

from __future__ import annotations

from .checked import Checked
from .folds import Deduplicator, LatePolicy
from .log import EventLog, read_log
from .mapping import Mapping, mapping
from .taxonomy import Rejection, Taxonomy

__all__ = [
    "Checked",
    "Deduplicator",
    "EventLog",
    "LatePolicy",
    "Mapping",
    "Rejection",
    "Taxonomy",
    "mapping",
    "read_log",
]
