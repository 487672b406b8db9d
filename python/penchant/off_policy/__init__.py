"""Judge a policy by another policy's log, before it is shown to anyone.

    found = pn.off_policy.estimate(action, reward, logged, target, q)
    found["doubly_robust"].low                  # the lower end of the 95% interval
    pn.off_policy.diagnose(action, reward, logged, target)

Formulas, sources and what to trust are in ``docs/off_policy.md``.
"""

from __future__ import annotations

from ._diagnostics import Diagnostics, OffPolicyWarning, diagnose
from ._estimate import Estimate, Estimates
from .decision_log import DecisionLog, from_log
from .embedding import embedding_posterior
from .estimators import (
    direct_method,
    doubly_robust,
    dros,
    estimate,
    ips,
    mips,
    sndr,
    snips,
    sub_gaussian,
    switch_dr,
)
from .learning import Improvement, PolicyLearner, improves
from .lists import per_decision, sequential_dr, slate, slate_dr
from .reward_model import RewardModel
from .selection import Selection, select

__all__ = [
    "DecisionLog",
    "Diagnostics",
    "Estimate",
    "Estimates",
    "Improvement",
    "OffPolicyWarning",
    "PolicyLearner",
    "RewardModel",
    "Selection",
    "diagnose",
    "direct_method",
    "doubly_robust",
    "dros",
    "embedding_posterior",
    "estimate",
    "from_log",
    "improves",
    "ips",
    "mips",
    "per_decision",
    "select",
    "sequential_dr",
    "slate",
    "slate_dr",
    "sndr",
    "snips",
    "sub_gaussian",
    "switch_dr",
]
