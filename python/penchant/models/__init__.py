"""Models: trainers with scikit-learn manners around the core's immutable models."""

from __future__ import annotations

from .als import ALS
from .bpr import BPR
from .item_knn import ItemKNN
from .popular import Popular
from .random import Random
from .repeat_purchase import RepeatPurchase
from .warp import WARP

__all__ = ["ALS", "BPR", "WARP", "ItemKNN", "Popular", "Random", "RepeatPurchase"]
