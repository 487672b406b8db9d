"""Forests of decision trees: boosting, scoring, explaining, and those of other libraries."""

from __future__ import annotations

from ._explain import (
    PartialDependence,
    PermutationImportance,
    partial_dependence,
    permutation_importance,
)
from ._forest import Forest
from ._importers import import_catboost, import_lightgbm, import_xgboost
from ._plots import plot_importances, plot_shap_row, plot_shap_summary
from .gbdt_classifier import GBDTClassifier
from .gbdt_ranker import GBDTRanker
from .gbdt_regressor import GBDTRegressor

__all__ = [
    "Forest",
    "GBDTClassifier",
    "GBDTRanker",
    "GBDTRegressor",
    "PartialDependence",
    "PermutationImportance",
    "import_catboost",
    "import_lightgbm",
    "import_xgboost",
    "partial_dependence",
    "permutation_importance",
    "plot_importances",
    "plot_shap_row",
    "plot_shap_summary",
]
