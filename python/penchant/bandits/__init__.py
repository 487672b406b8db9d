"""Policies that explore, learn and say with which probability they chose.

One interface: `probabilities`, `decide`, `update`, `undo`. `load` reads any of them from a file.
"""

from __future__ import annotations

from ._loop_log import Dropped
from ._policy import Decisions, Policy
from .bagging import Bagging
from .beta_thompson import BetaThompson
from .epsilon_greedy import EpsilonGreedy
from .greedy import Greedy
from .lin_ts import LinTS
from .lin_ucb import LinUCB
from .logistic_ts import LogisticTS
from .loop import Loop
from .softmax import Softmax
from .square_cb import SquareCB
from .ucb1 import UCB1
from .uniform import Uniform

__all__ = [
    "UCB1",
    "Bagging",
    "BetaThompson",
    "Decisions",
    "Dropped",
    "EpsilonGreedy",
    "Greedy",
    "LinTS",
    "LinUCB",
    "LogisticTS",
    "Loop",
    "Policy",
    "Softmax",
    "SquareCB",
    "Uniform",
    "load",
]

load = Policy.load
