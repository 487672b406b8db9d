"""Full-catalogue evaluation: metrics with intervals, paired comparisons, leaderboards.

    report = pn.evaluate(model, test, metrics=["map@10", "ndcg@10", "auc"])
    report["map@10"].low                       # the lower end of the 95% interval
    pn.compare(model, baseline, test)          # the difference, person by person
    pn.evaluation.leaderboard({"ALS": als, "popular": popular}, test)
    pn.evaluation.ScoreTable(train, scores)    # another library's scores, same protocol

Definitions with their edge cases are in ``docs/metrics.md``.
"""

from __future__ import annotations

from . import metrics
from .compare import Comparison, compare
from .evaluate import DEFAULT_METRICS, evaluate
from .leaderboard import Leaderboard, leaderboard
from .report import Interval, Protocol, Report
from .score_table import ScoreTable

__all__ = [
    "DEFAULT_METRICS",
    "Comparison",
    "Interval",
    "Leaderboard",
    "Protocol",
    "Report",
    "ScoreTable",
    "compare",
    "evaluate",
    "leaderboard",
    "metrics",
]
