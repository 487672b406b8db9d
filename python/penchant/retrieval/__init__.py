"""Nearest vectors: exact search and a graph, filters, changes, measured recall."""

from __future__ import annotations

from .vector_index import VectorFilter, VectorIndex

__all__ = ["VectorFilter", "VectorIndex"]
