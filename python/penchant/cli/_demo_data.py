"""The demo's event log: Online Retail where it can be had, else a simulated shop."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UnavailableError

if TYPE_CHECKING:
    from ..data.dataset import Dataset

__all__ = ["Log", "load"]


@dataclass(frozen=True)
class Log:
    """Events cut in two by time.

    Attributes
    ----------
    title : str
        What it is and where it came from.
    lines : list of str
        What was kept and what was not, for people.
    train, test : Dataset
        `test` is the last 28 days, people and items known to train.
    purchases : dict
        Person -> how many lines of train are theirs.
    names : dict of str to str
        Item id to the name of the product.
    roles : dict
        Which column of `test_table` is what.
    test_table : pyarrow.Table
        The held-out events, as a file for ``penchant evaluate`` holds them.
    facts : dict
        The same counts for machines.
    """

    title: str
    lines: list[str]
    train: Dataset
    test: Dataset
    purchases: dict[Any, int]
    names: dict[str, str]
    roles: dict[str, Any]
    test_table: Any
    facts: dict[str, Any]

    def write(self, folder: Path) -> None:
        """Write the held-out events and the facts."""
        import pyarrow.parquet as parquet

        parquet.write_table(self.test_table, folder / "test.parquet")
        (folder / "data.json").write_text(json.dumps(self.facts, indent=2, default=str) + "\n")


def load(fast: bool) -> Log:
    """Load and clean; `fast` asks for the simulated shop at once."""
    if fast:
        return _simulated("a simulated shop (--fast)", subjects=800, items=400, days=120)
    from .. import datasets

    where = datasets.source("online_retail")
    try:
        raw = datasets.load("online_retail", raw=True, format="pyarrow")
    except UnavailableError as error:
        logging.getLogger(__name__).info("%s", error)
        return _simulated(
            "a simulated shop, because Online Retail is in no folder that PENCHANT_DATA names and "
            "could not be downloaded",
            subjects=4000,
            items=2000,
            days=365,
        )
    told = {
        "folder": f"read from {datasets.data_folder()} (PENCHANT_DATA names the folder)",
        "cache": "read from the cache of an earlier download",
        "download": "downloaded",
    }
    return _online_retail(raw, f"UCI Online Retail, {told[where]}, checked by hash")


def _online_retail(raw: Any, title: str) -> Log:
    """Clean, keep the lines on which figures compare, hold out the last 28 days."""
    from ..datasets import online_retail

    _, report = online_retail.clean(raw)
    lines = online_retail.benchmark_lines(raw)
    train, test = online_retail.benchmark_split(lines)
    counts = report.to_dict()
    shown = [
        f"{counts['lines']:>9,}  lines in the log",
        f"{counts['not_goods']:>9,}  postage, fees, vouchers and other codes that are not goods",
        f"{counts['adjustments']:>9,}  stock adjustments: no cancellation, yet nothing sold",
        f"{counts['unpriced']:>9,}  samples and gifts without a price",
        f"{counts['cancellations']:>9,}  cancellations, "
        f"{counts['matched_cancellations']:,} of them matched to the purchase they take back",
        f"{counts['anonymous_purchases']:>9,}  purchases with no customer: they name products, and "
        "say nothing about a person",
        f"{lines.num_rows:>9,}  purchases by a known customer, cancelled ones among them: "
        "the lines that published figures use",
    ]
    catalogue = online_retail.catalog(raw)
    names = dict(zip(catalogue["sku"].to_pylist(), catalogue["name"].to_pylist(), strict=True))
    roles: dict[str, Any] = {"subject": "customer", "item": "sku", "time": "ts", "type": "event"}
    facts = {"data": title, "cleaning": counts, "lines": lines.num_rows, "cut": "2011-11-12"}
    return _log(title, shown, train, test, roles, names, facts)


def _simulated(title: str, *, subjects: int, items: int, days: int) -> Log:
    """Simulate, then hold out the last 28 days."""
    import pyarrow.compute as pc

    from .. import simulate

    world = simulate.retail(subjects=subjects, items=items, days=days, seed=0, format="pyarrow")
    events = world.events
    bought = events.filter(pc.equal(events["event"], "purchase"))
    cut = pc.subtract(pc.max(bought["time"]), _days(28, bought["time"].type))
    late = pc.greater_equal(bought["time"], cut)
    train, test = bought.filter(pc.invert(late)), bought.filter(late)
    for column in ("subject", "item"):
        test = test.filter(pc.is_in(test[column], value_set=pc.unique(train[column])))
    shown = [
        f"{events.num_rows:>9,}  simulated events of {subjects:,} people and {items:,} products",
        f"{bought.num_rows:>9,}  of them purchases",
    ]
    catalogue = world.catalog
    names = dict(zip(catalogue["item"].to_pylist(), catalogue["name"].to_pylist(), strict=True))
    roles: dict[str, Any] = {"subject": "subject", "item": "item", "time": "time", "type": "event"}
    facts = {"data": title, "events": events.num_rows, "purchases": bought.num_rows}
    return _log(title, shown, train, test, roles, names, facts)


def _log(
    title: str,
    lines: list[str],
    train: Any,
    test: Any,
    roles: dict[str, Any],
    names: dict[str, str],
    facts: dict[str, Any],
) -> Log:
    import pyarrow as pa
    import pyarrow.compute as pc

    from ..data.dataset import Dataset

    # The names travel with the events into the bundle, so that the server can say them.
    items = train[roles["item"]]
    labels = [names.get(str(item)) or str(item) for item in items.to_pylist()]
    train = train.append_column("product", pa.array(labels, pa.string()))
    data = Dataset.from_events(train, **roles, item_name="product")
    held_out = Dataset.from_events(test, **roles)
    lines = [
        *lines,
        f"{train.num_rows:>9,}  train: {data.num_subjects:,} people, {data.num_items:,} products",
        f"{test.num_rows:>9,}  test, the 28 days after: {held_out.num_subjects:,} people",
    ]
    kept = test.select([*dict.fromkeys(roles.values())])
    counted = pc.value_counts(train[roles["subject"]])
    purchases = {entry["values"]: entry["counts"] for entry in counted.to_pylist()}
    return Log(title, lines, data, held_out, purchases, names, roles, kept, facts)


def _days(count: int, kind: Any) -> Any:
    import datetime

    import pyarrow as pa

    return pa.scalar(datetime.timedelta(days=count), pa.duration(kind.unit))
