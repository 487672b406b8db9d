"""The features of a plan, computed the slow way: a filter over all events for each point."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from penchant import features as ft
from penchant.features import Declaration

DAY = pd.Timedelta(days=1)


def span(text: str) -> pd.Timedelta:
    return pd.Timedelta(text.replace("d", "D"))


class Plain:
    """A plan's features over `events`: columns subject, item, time, type, order, and fields."""

    def __init__(self, plan: ft.Plan, events: pd.DataFrame, catalog: pd.DataFrame) -> None:
        self.plan = plan
        self.catalog = catalog.set_index("item")
        events = events.replace({"subject": {"": None}, "order": {"": None}})
        # Rows of one time stay in the order in which they came.
        self.events = events.sort_values("time", kind="stable").reset_index(drop=True)
        for name in self.catalog.columns:
            self.events[f"item.{name}"] = self.events["item"].map(self.catalog[name])

    def at(self, points: pd.DataFrame) -> pd.DataFrame:
        rows = []
        for point in points.to_dict("records"):
            values: dict[str, Any] = {}
            for one in self.plan.features:
                made = getattr(self, f"_{one.kind}")(one, point, values)
                values.update(made if isinstance(made, dict) else {one.name: made})
            rows.append(values)
        return pd.DataFrame(rows, columns=self.plan.columns)

    # --- which events ------------------------------------------------------------------------

    def _rows(self, one: Declaration, point: dict[str, Any], **changed: Any) -> pd.DataFrame:
        options = dict(one.options) | changed
        rows = self.events[self.events["time"] < point["time"]]
        window = options.get("window")
        if window is not None:
            rows = rows[rows["time"] >= point["time"] - span(window)]
        if options.get("events"):
            rows = rows[rows["type"].isin(options["events"])]
        if options.get("where"):
            rows = rows.query(options["where"])
        for part in options.get("by") or ["subject"]:
            if part in ("subject", "item"):
                rows = rows[rows[part] == point[part]]
            elif part != "all":
                known = point.get("item") in self.catalog.index
                mine = self.catalog.loc[point["item"], part] if known else None
                rows = rows[rows[f"item.{part}"] == mine]
        return rows

    @staticmethod
    def _values(rows: pd.DataFrame, value: str) -> pd.Series:
        out = pd.Series(1.0, rows.index)
        for name in value.split("*"):
            out = out * rows[name.strip()]
        return out.dropna()

    @staticmethod
    def _days(options: Any, long: pd.Timedelta) -> float:
        return long / span(options.get("unit", "1d"))

    # --- kinds -------------------------------------------------------------------------------

    def _count(self, one: Declaration, point: dict[str, Any], _: Any) -> float:
        return len(self._rows(one, point))

    def _sum(self, one: Declaration, point: dict[str, Any], _: Any) -> float:
        return self._values(self._rows(one, point), one.options["value"]).sum()

    def _mean(self, one: Declaration, point: dict[str, Any], _: Any) -> float:
        return self._values(self._rows(one, point), one.options["value"]).mean()

    def _minimum(self, one: Declaration, point: dict[str, Any], _: Any) -> float:
        return self._values(self._rows(one, point), one.options["value"]).min()

    def _maximum(self, one: Declaration, point: dict[str, Any], _: Any) -> float:
        return self._values(self._rows(one, point), one.options["value"]).max()

    def _distinct(self, one: Declaration, point: dict[str, Any], _: Any) -> float:
        return self._rows(one, point)[one.options["what"]].nunique()

    def _recency(self, one: Declaration, point: dict[str, Any], _: Any) -> float:
        rows = self._rows(one, point)
        if rows.empty:
            return math.nan
        return self._days(one.options, point["time"] - rows["time"].max())

    def _first_seen(self, one: Declaration, point: dict[str, Any], _: Any) -> float:
        rows = self._rows(one, point)
        if rows.empty:
            return math.nan
        return self._days(one.options, point["time"] - rows["time"].min())

    def _average_spend(self, one: Declaration, point: dict[str, Any], _: Any) -> float:
        rows = self._rows(one, point)
        orders = rows[one.options["order"]].nunique()
        return self._values(rows, one.options["value"]).sum() / orders if orders else math.nan

    def _cadence(self, one: Declaration, point: dict[str, Any], _: Any) -> float:
        rows = self._rows(one, point)
        orders = rows[one.options["order"]].nunique()
        if orders < 2:
            return math.nan
        return self._days(one.options, rows["time"].max() - rows["time"].min()) / (orders - 1)

    def _ranked(self, one: Declaration, found: list[Any]) -> dict[str, Any]:
        k = one.options["k"]
        padded = [*found[:k], *[None] * (k - len(found[:k]))]
        return {f"{one.name}_{rank + 1}": value for rank, value in enumerate(padded)}

    def _last_items(self, one: Declaration, point: dict[str, Any], _: Any) -> dict[str, Any]:
        latest = self._rows(one, point)["item"].dropna().iloc[::-1]
        return self._ranked(one, list(dict.fromkeys(latest)))

    def _top(self, one: Declaration, point: dict[str, Any], _: Any) -> dict[str, Any]:
        rows = self._rows(one, point)
        of = rows[f"item.{one.options['attribute']}"].dropna()
        value = one.options.get("value")
        totals = (
            of.value_counts()
            if value is None
            else self._values(rows.loc[of.index], value).round(6).groupby(of).sum().round(6)
        )
        order = sorted(totals.items(), key=lambda pair: (-pair[1], str(pair[0]).encode()))
        return self._ranked(one, [text for text, _ in order])

    def _faded(self, one: Declaration, point: dict[str, Any], by: Any) -> float:
        rows = self._rows(one, point, by=by)
        values = (
            self._values(rows, one.options["value"])
            if "value" in one.options
            else pd.Series(1.0, rows.index)
        )
        ages = (point["time"] - rows.loc[values.index, "time"]) / span(one.options["half_life"])
        return float((values * np.exp2(-ages)).sum())

    def _decayed(self, one: Declaration, point: dict[str, Any], _: Any) -> float:
        return self._faded(one, point, one.options.get("by"))

    def _affinity(self, one: Declaration, point: dict[str, Any], _: Any) -> float:
        def total(by: list[str]) -> float:
            if "half_life" in one.options:
                return self._faded(one, point, by)
            rows = self._rows(one, point, by=by)
            value = one.options.get("value")
            return len(rows) if value is None else float(self._values(rows, value).sum())

        whole = total(["subject"])
        return total(["subject", one.options["attribute"]]) / whole if whole else math.nan

    def _trend(self, one: Declaration, point: dict[str, Any], _: Any) -> float:
        short, long = one.options["short"], one.options["long"]
        some = len(self._rows(one, point, window=short)) / (span(short) / DAY)
        all_ = len(self._rows(one, point, window=long)) / (span(long) / DAY)
        return some / all_ if all_ else math.nan

    def _rate(self, one: Declaration, point: dict[str, Any], _: Any) -> float:
        prior, strength = one.options["prior"], one.options["strength"]
        some = len(self._rows(one, point)) + prior * strength
        over = len(self._rows(one, point, events=one.options["over"])) + strength
        return some / over if over else math.nan

    def _attribute(self, one: Declaration, point: dict[str, Any], _: Any) -> Any:
        return self.catalog[one.options["attribute"]].get(point["item"])

    def _number(self, one: Declaration, point: dict[str, Any], _: Any) -> float:
        return self.catalog[one.options["attribute"]].get(point["item"], math.nan)

    def _price_tier(self, one: Declaration, point: dict[str, Any], _: Any) -> float:
        if point["item"] not in self.catalog.index:
            return math.nan
        mine = self.catalog.loc[point["item"]]
        prices = self.catalog[self.catalog[one.options["within"]] == mine[one.options["within"]]][
            one.options["price"]
        ]
        own = mine[one.options["price"]]
        if prices.empty:
            return math.nan
        return ((prices < own).sum() + (prices == own).sum() / 2) / len(prices)

    def _context(self, one: Declaration, point: dict[str, Any], _: Any) -> float:
        local = point["time"]
        offset = one.options.get("timezone_offset")
        if offset:
            shift = pd.Timedelta(offset.lstrip("+-"))
            local = local - shift if offset.startswith("-") else local + shift
        return local.hour if one.options["what"] == "hour" else local.day_of_week

    def _expression(self, one: Declaration, _: Any, values: dict[str, Any]) -> float:
        names: dict[str, Callable[..., float] | float] = {
            "log1p": math.log1p,
            "sqrt": math.sqrt,
            "known": lambda x: float(not math.isnan(x)),
            "otherwise": lambda x, y: y if math.isnan(x) else x,
        }
        try:
            return float(eval(one.options["text"], names | values))
        except ZeroDivisionError:
            return math.nan
