"""Segments: people by rules over their features, as of any time and live.

>>> from penchant import SegmentSet
>>> segments = SegmentSet({"lapsed": "recency(purchase) > 60d and monetary(365d) > 500"})
"""

from __future__ import annotations

from .live import LiveSegments
from .rfm import Rfm, rfm
from .segment import Segment
from .segment_set import SegmentSet

__all__ = ["LiveSegments", "Rfm", "Segment", "SegmentSet", "rfm"]
