"""Forests of decision trees: scoring."""

from __future__ import annotations

from ._forest import Forest

__all__ = ["Forest"]
