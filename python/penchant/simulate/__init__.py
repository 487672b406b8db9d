"""Seeded worlds whose truth is known: a shop, and bandit problems.

>>> import penchant as pn
>>> world = pn.simulate.retail(subjects=50, items=40, days=30, seed=0)
>>> list(world.events.columns)
['subject', 'item', 'time', 'event', 'quantity', 'price', 'session']

One idea a file: `config` (the knobs), `streams` (random numbers), `words` and `catalog` (what is
sold), `tastes` (who likes what), `seasons` (when), `visits` (who comes when and looks how long),
`people` (what is known of them), `choice` (what is looked at), `funnel` (what is put into the cart,
bought, returned), `repeats` (what is bought again), `log` (the events), `truth` (what an oracle
knows), `world` (all together).

>>> problem = pn.simulate.bandit("linear", arms=10, dimension=8, seed=0)
>>> problem.run(problem.logging_policy(), rounds=100).arm.shape
(100,)

Bandits: `bandit_config` (the knobs), `bandit_rows` (random numbers by round), `bandit_truth` (what
is worth what), `bandit_world` (what can be asked), `bandit_run` (a policy in a world),
`bandit_logging` (a policy to make logs with), `bandit` (the ways to make a world).

>>> people = pn.simulate.identities(people=20, seed=0)
>>> people.events.columns[0]
'event_id'

Identity: `identity_config` (the knobs), `identity_people` (who there is, and what identifies them),
`identities` (the records that they leave, and how well subjects match people).
Nothing here needs the compiled extension.
"""

from __future__ import annotations

from penchant.simulate.bandit import bandit, from_classification
from penchant.simulate.bandit_config import BanditConfig
from penchant.simulate.bandit_logging import LoggingPolicy
from penchant.simulate.bandit_run import Trace
from penchant.simulate.bandit_world import BanditWorld
from penchant.simulate.config import RetailConfig
from penchant.simulate.identities import IdentityScore, IdentityWorld, identities
from penchant.simulate.identity_config import IdentityConfig
from penchant.simulate.truth import Truth
from penchant.simulate.world import World, retail

__all__ = [
    "BanditConfig",
    "BanditWorld",
    "IdentityConfig",
    "IdentityScore",
    "IdentityWorld",
    "LoggingPolicy",
    "RetailConfig",
    "Trace",
    "Truth",
    "World",
    "bandit",
    "from_classification",
    "identities",
    "retail",
]
