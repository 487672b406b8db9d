"""One subject from many identifiers: which emails, cookies, devices, cards are one person's.

>>> import penchant as pn
>>> identity = pn.Identity()
>>> changes = identity.link({"login": "17", "cookie": "c1", "time": "2026-03-01"})
>>> identity.subject_of(("cookie", "c1"))
'login:17'

`identity` (the class), `changes` (what a step changed), `_key` (a key that hides itself), `_rules`
(parameters to the core's options), `_records` (frames to columns of texts).
"""

from __future__ import annotations

from .changes import Changes
from .identity import Identity

__all__ = ["Changes", "Identity"]
