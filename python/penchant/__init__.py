"""Personalization from an event log to a native server, in one artifact and one code path.

>>> import penchant as pn
>>> events = pn.datasets.load("online_retail")
>>> data = pn.Dataset.from_events(events, subject="customer", item="sku", time="ts")
>>> train, test = pn.splits.temporal(data, test="28d")
>>> funnel = pn.Pipeline().fit(train)
>>> pn.evaluate(funnel, test)
>>> funnel.save("shop.penchant")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._version import __version__

# Name -> module that holds it. Loaded at first use, so that `import penchant` and the help of the
# CLI stay quick and `penchant.datasets` works without the compiled core.
_NAMES = {
    "ALS": "models.als",
    "BPR": "models.bpr",
    "Bagging": "bandits.bagging",
    "BetaThompson": "bandits.beta_thompson",
    "Blend": "models.blend",
    "Client": "client",
    "Comparison": "evaluation.compare",
    "Content": "models.content",
    "Dataset": "data.dataset",
    "EASE": "models.ease",
    "EpsilonGreedy": "bandits.epsilon_greedy",
    "GBDTClassifier": "ranking.gbdt_classifier",
    "GBDTRanker": "ranking.gbdt_ranker",
    "GBDTRegressor": "ranking.gbdt_regressor",
    "GraphFilter": "models.graph_filter",
    "Greedy": "bandits.greedy",
    "Hybrid": "models.hybrid",
    "Identity": "identity.identity",
    "ItemKNN": "models.item_knn",
    "LinTS": "bandits.lin_ts",
    "LinUCB": "bandits.lin_ucb",
    "LocalRidge": "models.local_ridge",
    "LogisticTS": "bandits.logistic_ts",
    "Pipeline": "pipeline",
    "Placement": "placements",
    "Popular": "models.popular",
    "Random": "models.random",
    "Receipt": "_receipt",
    "RepeatPurchase": "models.repeat_purchase",
    "Report": "evaluation.report",
    "SLIM": "models.slim",
    "Segment": "segments.segment",
    "SegmentSet": "segments.segment_set",
    "Softmax": "bandits.softmax",
    "SquareCB": "bandits.square_cb",
    "Study": "tuning",
    "UCB1": "bandits.ucb1",
    "Uniform": "bandits.uniform",
    "VectorIndex": "retrieval.vector_index",
    "WARP": "models.warp",
    "build_info": "_info",
    "compare": "evaluation.compare",
    "evaluate": "evaluation.evaluate",
    "inspect": "bundle",
    "load": "bundle",
    "tune": "tuning",
}
_MODULES = {
    "bandits": "bandits",
    "benchmark": "benchmark",
    "datasets": "datasets",
    "errors": "errors",
    "events": "events",
    "evaluation": "evaluation",
    "identity": "identity",
    "features": "features",
    "metrics": "evaluation.metrics",
    "off_policy": "off_policy",
    "ranking": "ranking",
    "segments": "segments",
    "simulate": "simulate",
    "splits": "data.splits",
    "tuning": "tuning",
}

__all__ = ["__version__", *sorted(_NAMES), *sorted(_MODULES)]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        value = getattr(importlib.import_module(f".{_NAMES[name]}", __name__), name)
    elif name in _MODULES:
        value = importlib.import_module(f".{_MODULES[name]}", __name__)
    else:
        raise AttributeError(f"module 'penchant' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


if TYPE_CHECKING:
    from . import bandits as bandits
    from . import benchmark as benchmark
    from . import datasets as datasets
    from . import errors as errors
    from . import evaluation as evaluation
    from . import events as events
    from . import features as features
    from . import identity as identity
    from . import off_policy as off_policy
    from . import ranking as ranking
    from . import segments as segments
    from . import simulate as simulate
    from . import tuning as tuning
    from ._info import build_info as build_info
    from ._receipt import Receipt as Receipt
    from .bandits.bagging import Bagging as Bagging
    from .bandits.beta_thompson import BetaThompson as BetaThompson
    from .bandits.epsilon_greedy import EpsilonGreedy as EpsilonGreedy
    from .bandits.greedy import Greedy as Greedy
    from .bandits.lin_ts import LinTS as LinTS
    from .bandits.lin_ucb import LinUCB as LinUCB
    from .bandits.logistic_ts import LogisticTS as LogisticTS
    from .bandits.softmax import Softmax as Softmax
    from .bandits.square_cb import SquareCB as SquareCB
    from .bandits.ucb1 import UCB1 as UCB1
    from .bandits.uniform import Uniform as Uniform
    from .bundle import inspect as inspect
    from .bundle import load as load
    from .client import Client as Client
    from .data import splits as splits
    from .data.dataset import Dataset as Dataset
    from .evaluation import metrics as metrics
    from .evaluation.compare import Comparison as Comparison
    from .evaluation.compare import compare as compare
    from .evaluation.evaluate import evaluate as evaluate
    from .evaluation.report import Report as Report
    from .identity.identity import Identity as Identity
    from .models.als import ALS as ALS
    from .models.blend import Blend as Blend
    from .models.bpr import BPR as BPR
    from .models.content import Content as Content
    from .models.ease import EASE as EASE
    from .models.graph_filter import GraphFilter as GraphFilter
    from .models.hybrid import Hybrid as Hybrid
    from .models.item_knn import ItemKNN as ItemKNN
    from .models.local_ridge import LocalRidge as LocalRidge
    from .models.popular import Popular as Popular
    from .models.random import Random as Random
    from .models.repeat_purchase import RepeatPurchase as RepeatPurchase
    from .models.slim import SLIM as SLIM
    from .models.warp import WARP as WARP
    from .pipeline import Pipeline as Pipeline
    from .placements import Placement as Placement
    from .ranking.gbdt_classifier import GBDTClassifier as GBDTClassifier
    from .ranking.gbdt_ranker import GBDTRanker as GBDTRanker
    from .ranking.gbdt_regressor import GBDTRegressor as GBDTRegressor
    from .retrieval.vector_index import VectorIndex as VectorIndex
    from .segments.segment import Segment as Segment
    from .segments.segment_set import SegmentSet as SegmentSet
    from .tuning import Study as Study
    from .tuning import tune as tune
