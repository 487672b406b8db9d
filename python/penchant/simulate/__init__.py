"""A seeded shop whose truth is known.

>>> import penchant as pn
>>> world = pn.simulate.retail(subjects=50, items=40, days=30, seed=0)
>>> list(world.events.columns)
['subject', 'item', 'time', 'event', 'quantity', 'price', 'session']

One idea a file: `config` (the knobs), `streams` (random numbers), `words` and `catalog` (what is
sold), `tastes` (who likes what), `seasons` (when), `visits` (who comes when and looks how long),
`people` (what is known of them), `choice` (what is looked at), `funnel` (what is put into the cart,
bought, returned), `repeats` (what is bought again), `log` (the events), `truth` (what an oracle
knows), `world` (all together).
Nothing here needs the compiled extension.
"""

from __future__ import annotations

from penchant.simulate.config import RetailConfig
from penchant.simulate.truth import Truth
from penchant.simulate.world import World, retail

__all__ = ["RetailConfig", "Truth", "World", "retail"]
