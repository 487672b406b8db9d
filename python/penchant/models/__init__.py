"""Models: trainers with scikit-learn manners around the core's immutable models."""

from __future__ import annotations

from .als import ALS
from .item_knn import ItemKNN
from .popular import Popular
from .random import Random
from .repeat_purchase import RepeatPurchase

__all__ = ["ALS", "ItemKNN", "Popular", "Random", "RepeatPurchase"]
