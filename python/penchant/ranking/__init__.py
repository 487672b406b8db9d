"""Forests of decision trees: boosting, scoring, calibrating, explaining, and those of others."""

from __future__ import annotations

from ._calibration import Calibration
from ._explain import (
    PartialDependence,
    PermutationImportance,
    partial_dependence,
    permutation_importance,
)
from ._forest import Forest
from ._importers import import_catboost, import_lightgbm, import_xgboost
from ._plots import plot_importances, plot_reliability, plot_shap_row, plot_shap_summary
from ._reliability import Reliability, reliability
from .calibrated import Calibrated
from .gbdt_classifier import GBDTClassifier
from .gbdt_ranker import GBDTRanker
from .gbdt_regressor import GBDTRegressor

__all__ = [
    "Calibrated",
    "Calibration",
    "Forest",
    "GBDTClassifier",
    "GBDTRanker",
    "GBDTRegressor",
    "PartialDependence",
    "PermutationImportance",
    "Reliability",
    "import_catboost",
    "import_lightgbm",
    "import_xgboost",
    "partial_dependence",
    "permutation_importance",
    "plot_importances",
    "plot_reliability",
    "plot_shap_row",
    "plot_shap_summary",
    "reliability",
]
