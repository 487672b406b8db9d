"""Public protocols with their published figures, run on a folder of your own.

    frame = pn.benchmark.published("gowalla", "data/gowalla", model=pn.ALS(factors=256))

The names, what a folder must hold and where each figure comes from: ``docs/published.md``.
"""

from __future__ import annotations

from ._protocols import PROTOCOLS, PublicProtocol, PublishedRow
from .published import published, read_split

__all__ = ["PROTOCOLS", "PublicProtocol", "PublishedRow", "published", "read_split"]
