"""Forests of decision trees: boosting, scoring."""

from __future__ import annotations

from ._forest import Forest
from .gbdt_classifier import GBDTClassifier
from .gbdt_ranker import GBDTRanker
from .gbdt_regressor import GBDTRegressor

__all__ = ["Forest", "GBDTClassifier", "GBDTRanker", "GBDTRegressor"]
