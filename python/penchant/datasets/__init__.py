"""Public data sets, read from a folder or downloaded, always checked by hash.

>>> import penchant as pn
>>> events = pn.datasets.load("online_retail")  # doctest: +SKIP
>>> roles = pn.datasets.info("online_retail").roles
>>> data = pn.Dataset.from_events(events, **roles)  # doctest: +SKIP

`load` gives a frame of events (or another table of the set), `info` its licence, citation and
facts, `source` where the bytes come from. Nothing here needs the compiled extension.
"""

from __future__ import annotations

from penchant.datasets import complete_journey, movielens, msweb, online_retail, open_bandit_men
from penchant.datasets._files import data_folder
from penchant.datasets._info import Info
from penchant.datasets._load import info, load, names, source

__all__ = [
    "Info",
    "complete_journey",
    "data_folder",
    "info",
    "load",
    "movielens",
    "msweb",
    "names",
    "online_retail",
    "open_bandit_men",
    "source",
]
