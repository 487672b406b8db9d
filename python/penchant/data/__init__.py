"""Event logs as datasets, and ways to hold a part of one out."""

from __future__ import annotations

from . import splits
from .dataset import Dataset

__all__ = ["Dataset", "splits"]
