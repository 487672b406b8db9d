"""From declarations to the core's plan: primitives, some of them hidden, and formulas."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from .. import _core
from ..errors import InvalidArgumentError
from ._declaration import Declaration
from ._expressions import conditions, factors, formula

__all__ = ["Compiled", "compile_plan"]

_UNIT = 1_000_000
# Kinds that no event changes.
_AS_EVER = ("formula", "item_code", "item_number", "hour", "weekday", "context")
# Kinds that ask about the point's item whatever `by` says.
_OF_CANDIDATES = (
    "item_code",
    "item_number",
    "list_has",
    "list_same",
    "list_rank",
    "together_count",
    "together_share",
    "together_lift",
    "similarity",
)
OTHER = "*"  # the type of events that the plan doesn't name
SUBJECT = "\0subject"  # a code column that holds subjects
_OF_SUBJECT = "subject."  # before the name of an attribute of subjects
_SEGMENT = "segment."  # before the name of a segment


class _Names(list[str]):
    """Names in the order of their first use."""

    def place(self, name: str) -> int:
        if name not in self:
            self.append(name)
        return self.index(name)


class Compiled:
    """A plan in the core's form, and what has to be looked up for it.

    Attributes
    ----------
    core
        The core's plan.
    outputs
        For each column: its name, and what its numbers are: "number", "item", or ("code",
        attribute).
    embeddings
        Names of the embeddings of items that features name.
    types, numbers, codes
        Names of event types and of fields that events must have.
    item_codes, item_numbers
        Names of item attributes; of numbers also ("price_tier", price, within), ("is", attribute,
        text) and ("has", attribute, word).
    subject_codes
        Names of subject attributes.
    segments
        Names of segments that keys are by.
    contexts
        What a request says: (name, None) as a number, (name, text) whether it is that text.
    """

    def __init__(self) -> None:
        self.types = _Names()
        self.numbers = _Names()
        self.codes = _Names()
        self.item_codes = _Names()
        self.item_numbers: list[str | tuple[str, ...]] = []
        self.subject_codes = _Names()
        self.segments = _Names()
        self.contexts: list[tuple[str, str | None]] = []
        self.filters: list[dict[str, Any]] = []
        self.values: list[dict[str, Any]] = []
        self.embeddings = _Names()
        self.lists: list[dict[str, Any]] = []
        self.nettings: list[dict[str, Any]] = []
        self.features: list[dict[str, Any]] = []
        self.outputs: list[tuple[str, Any]] = []
        self.core: _core.FeaturePlan

    @property
    def uses_items(self) -> bool:
        """Whether a point has to say which item it asks about."""
        return any(
            {"item", "attribute"} & set(feature.get("by", ())) or feature["kind"] in _OF_CANDIDATES
            for feature in self.features
        )


def _micros(text: str) -> int:
    return int(_core.parse_duration(text))


class _Compiler:
    def __init__(self) -> None:
        self.out = Compiled()
        self._places: dict[str, int] = {}

    # --- what primitives refer to ------------------------------------------------------------

    def _filter(self, events: Sequence[str] | None, where: str | None, whose: str) -> int:
        types = sorted(self.out.types.place(str(one)) for one in events or ())
        tests = []
        for name, compare, limit in conditions(where, f"{whose}: where") if where else ():
            if not abs(limit) < 9e12:
                raise InvalidArgumentError(f"{whose}: where: {limit} is beyond all bounds")
            number = self.out.numbers.place(name)
            tests.append({"number": number, "compare": compare, "limit": round(limit * _UNIT)})
        wanted = {"types": types, "conditions": tests}
        if wanted not in self.out.filters:
            self.out.filters.append(wanted)
        if len(self.out.filters) > 32:
            raise InvalidArgumentError(
                "a plan tells at most 32 kinds of events apart (by events= and where=)"
            )
        return self.out.filters.index(wanted)

    def _value(self, text: str, whose: str) -> int:
        names = sorted(factors(text, f"{whose}: value"))
        wanted = {"factors": [self.out.numbers.place(name) for name in names]}
        if wanted not in self.out.values:
            self.out.values.append(wanted)
        return self.out.values.index(wanted)

    def _by(self, by: Sequence[str] | None, whose: str) -> dict[str, Any]:
        parts = list(by or ["subject"])
        if parts == ["all"]:
            return {"by": []}
        out: dict[str, Any] = {"by": []}
        for part in parts:
            if part in ("subject", "item"):
                out["by"].append(part)
            elif part.startswith(_OF_SUBJECT) and part != _OF_SUBJECT:
                out["by"].append("group")
                out["by_group"] = self.out.subject_codes.place(part.removeprefix(_OF_SUBJECT))
            elif part.startswith(_SEGMENT) and part != _SEGMENT:
                out["by"].append("group")
                # Behind attributes of subjects, of which there may be more to come.
                out["by_segment"] = self.out.segments.place(part.removeprefix(_SEGMENT))
            elif part == "all":
                raise InvalidArgumentError(f"{whose}: 'all' stands alone")
            else:
                out["by"].append("attribute")
                out["by_attribute"] = self.out.item_codes.place(part)
        told = set(out["by"])
        twice = {"item", "attribute"} <= told or {"subject", "group"} <= told
        if len(told) < len(out["by"]) or twice:
            raise InvalidArgumentError(
                f"{whose}: by is 'subject', an attribute of subjects like 'subject.country' or a "
                f"segment like 'segment.vip', 'item' or an attribute of items, one of each, or "
                f"'all'; not {by!r}"
            )
        return out

    def _code(self, what: str, whose: str) -> int:
        if what == "item":
            return -1  # the last one, known when all are
        if not isinstance(what, str) or not what:
            raise InvalidArgumentError(f"{whose}: want the name of a field, not {what!r}")
        return self.out.codes.place(SUBJECT if what == "subject" else what)

    def _item_number(self, what: str | tuple[str, ...]) -> int:
        if what not in self.out.item_numbers:
            self.out.item_numbers.append(what)
        return self.out.item_numbers.index(what)

    def _put(self, name: str, output: Any, **members: Any) -> int:
        """Add a primitive; hidden ones (output None) that are the same share a place."""
        feature = {key: value for key, value in members.items() if value is not None}
        if feature["kind"] not in _AS_EVER:
            for one in ("lag", "bucket"):
                if one in self._options:
                    feature[one] = _micros(self._options[one])
            if "net_of" in self._options:
                feature["netting"] = self._netting(feature)
        if output is None:
            key = json.dumps(feature, sort_keys=True)
            if key not in self._places:
                self._places[key] = len(self.out.features)
                self.out.features.append(
                    {"name": f"\0{len(self.out.features)}", "hidden": True} | feature
                )
            return self._places[key]
        if any(name == other["name"] for other in self.out.features):
            raise InvalidArgumentError(f"two features are called {name!r}; give one a name=")
        if name.startswith("_"):
            feature = {"hidden": True} | feature
        else:
            self.out.outputs.append((name, output))
        self.out.features.append({"name": name} | feature)
        return len(self.out.features) - 1

    def _netting(self, feature: dict[str, Any]) -> int:
        told = self._options["net_of"]
        if "subject" not in feature.get("by", ()):
            raise InvalidArgumentError(
                f"{self._whose}: net_of is of what subjects did, by='subject' or ('subject', ...)"
            )
        wanted: dict[str, Any] = {
            "bought": self._filter(told["bought"], None, self._whose),
            "returned": self._filter(told["returns"], None, self._whose),
        }
        if "quantity" in told:
            wanted["quantity"] = self._value(told["quantity"], self._whose)
        if "order" in told:
            wanted["order"] = self.out.codes.place(told["order"])
        if wanted not in self.out.nettings:
            self.out.nettings.append(wanted)
        return self.out.nettings.index(wanted)

    def _formula(self, name: str, steps: list[Any]) -> None:
        written = [{"feature": s[0]} if isinstance(s, tuple) else s for s in steps]
        self._put(name, "number", kind="formula", formula=written)

    # --- declarations ------------------------------------------------------------------------

    def add(self, one: Declaration) -> None:
        self._one = one
        self._options = dict(one.options)
        self._whose = f"feature {one.name!r}"
        builder: Callable[[], None] | None = getattr(self, f"_add_{one.kind}", None)
        if builder is None:
            raise InvalidArgumentError(f"{self._whose}: there is no kind {one.kind!r}")
        builder()

    def _events(self, by: Sequence[str] | None = None, **changed: Any) -> dict[str, Any]:
        """What primitives over events share."""
        options = self._options | changed
        window = options.get("window")
        unit = options.get("unit")
        return {
            "filter": self._filter(options.get("events"), options.get("where"), self._whose),
            "window": None if window is None else _micros(window),
            "unit": None if unit is None else _micros(unit),
            **self._by(options.get("by") if by is None else by, self._whose),
        }

    def _valued(self) -> dict[str, Any]:
        return self._events() | {"value": self._value(self._options["value"], self._whose)}

    def _add_count(self) -> None:
        self._put(self._one.name, "number", kind="count", **self._events())

    def _add_sum(self) -> None:
        self._put(self._one.name, "number", kind="sum", **self._valued())

    def _add_minimum(self) -> None:
        self._put(self._one.name, "number", kind="lowest", **self._valued())

    def _add_maximum(self) -> None:
        self._put(self._one.name, "number", kind="highest", **self._valued())

    def _add_mean(self) -> None:
        total = self._put("", None, kind="sum", **self._valued())
        known = self._put("", None, kind="known", **self._valued())
        self._formula(self._one.name, [(total,), (known,), "/"])

    def _distinct(self, what: str, name: str, output: Any) -> int:
        code = self._code(what, self._whose)
        return self._put(name, output, kind="distinct", code=code, **self._events())

    def _add_distinct(self) -> None:
        self._distinct(self._options["what"], self._one.name, "number")

    def _add_recency(self) -> None:
        self._put(self._one.name, "number", kind="recency", **self._events())

    def _add_first_seen(self) -> None:
        self._put(self._one.name, "number", kind="first_seen", **self._events())

    def _add_average_spend(self) -> None:
        total = self._put("", None, kind="sum", **self._valued())
        orders = self._distinct(self._options["order"], "", None)
        self._formula(self._one.name, [(total,), (orders,), "/"])

    def _add_cadence(self) -> None:
        span = self._put("", None, kind="span", **self._events())
        orders = self._distinct(self._options["order"], "", None)
        # Of less than two orders there is none: of no known order at all, neither.
        self._formula(self._one.name, [(span,), (orders,), 1.0, "-", 0.0, "max", "/"])

    def _ranks(self) -> int:
        k = self._options["k"]
        if not isinstance(k, int) or not 1 <= k <= 1000:
            raise InvalidArgumentError(f"{self._whose}: k is 1 to 1000, not {k!r}")
        return k

    def _add_last_items(self) -> None:
        code = self._code("item", self._whose)
        for rank in range(self._ranks()):
            self._put(
                f"{self._one.name}_{rank + 1}",
                "item",
                kind="last_code",
                code=code,
                rank=rank,
                **self._events(["subject"]),
            )

    def _add_top(self) -> None:
        attribute = self.out.item_codes.place(self._options["attribute"])
        value = self._options.get("value")
        for rank in range(self._ranks()):
            self._put(
                f"{self._one.name}_{rank + 1}",
                ("code", self._options["attribute"]),
                kind="top_code",
                attribute=attribute,
                rank=rank,
                value=None if value is None else self._value(value, self._whose),
                **self._events(["subject"]),
            )

    def _decayed(self, by: Sequence[str] | None, name: str, output: Any) -> int:
        value = self._options.get("value")
        return self._put(
            name,
            output,
            kind="decayed",
            half_life=_micros(self._options["half_life"]),
            value=None if value is None else self._value(value, self._whose),
            **self._events(by),
        )

    def _add_decayed(self) -> None:
        self._decayed(None, self._one.name, "number")

    def _add_affinity(self) -> None:
        pair, whole = ["subject", self._options["attribute"]], ["subject"]
        if "half_life" in self._options:
            if "window" in self._options:
                raise InvalidArgumentError(f"{self._whose}: give a window or a half_life, not both")
            parts = [self._decayed(by, "", None) for by in (pair, whole)]
        elif "value" in self._options:
            value = self._value(self._options["value"], self._whose)
            parts = [
                self._put("", None, kind="sum", value=value, **self._events(by))
                for by in (pair, whole)
            ]
        else:
            parts = [self._put("", None, kind="count", **self._events(by)) for by in (pair, whole)]
        self._formula(self._one.name, [(parts[0],), (parts[1],), "/"])

    def _add_trend(self) -> None:
        short, long = (_micros(self._options[one]) for one in ("short", "long"))
        if not short < long:
            raise InvalidArgumentError(f"{self._whose}: short must be shorter than long")
        counts = [
            self._put("", None, kind="count", **self._events(window=self._options[one]))
            for one in ("short", "long")
        ]
        self._formula(self._one.name, [(counts[0],), long / short, "*", (counts[1],), "/"])

    def _add_rate(self) -> None:
        prior, strength = self._options["prior"], self._options["strength"]
        some = self._put("", None, kind="count", **self._events())
        over = self._put("", None, kind="count", **self._events(events=self._options.get("over")))
        self._formula(
            self._one.name,
            [(some,), prior * strength, "+", (over,), strength, "+", "/"],
        )

    def _add_attribute(self) -> None:
        name = self._options["attribute"]
        place = self.out.item_codes.place(name)
        self._put(self._one.name, ("code", name), kind="item_code", attribute=place)

    def _add_number(self) -> None:
        place = self._item_number(self._options["attribute"])
        self._put(self._one.name, "number", kind="item_number", attribute=place)

    def _add_price_tier(self) -> None:
        place = self._item_number(("price_tier", self._options["price"], self._options["within"]))
        self._put(self._one.name, "number", kind="item_number", attribute=place)

    def _add_one_hot(self) -> None:
        how = "has" if self._options.get("words") else "is"
        for value in self._options["values"]:
            place = self._item_number((how, self._options["attribute"], value))
            self._put(f"{self._one.name}_{value}", "number", kind="item_number", attribute=place)

    def _add_context(self) -> None:
        what = self._options["what"]
        if what not in ("hour", "weekday"):
            for value in self._options.get("values", [None]):
                if (what, value) not in self.out.contexts:
                    self.out.contexts.append((what, value))
                name = self._one.name if value is None else f"{self._one.name}_{value}"
                place = self.out.contexts.index((what, value))
                self._put(name, "number", kind="context", context=place)
            return
        text = self._options.get("timezone_offset")
        offset = 0
        if text is not None:
            offset = _micros(text.lstrip("+-")) * (-1 if text.startswith("-") else 1)
        self._put(self._one.name, "number", kind=what, offset=offset or None)

    # --- of lists ----------------------------------------------------------------------------

    def _list(self, of: dict[str, Any]) -> int:
        """Number of a list; one that only knows more (prices) is the same."""
        cart = of["list"] == "cart"
        within = of.get("expires" if cart else "window")
        types = sorted({*of["adds"], *of["removes"], *of["ends"]}) if cart else of.get("events")
        wanted: dict[str, Any] = {
            "kind": of["list"],
            "most": of["k"],
            "filter": self._filter(types, of.get("where"), self._whose),
        }
        if within not in (None, "never"):
            wanted["within"] = _micros(within)
        for one in ("adds", "removes", "ends") if cart else ():
            wanted[one] = self._filter(of[one], None, self._whose)
        for one in ("quantity", "price", "value"):
            if one in of:
                wanted[one] = self._value(of[one], self._whose)
        if "attribute" in of:
            wanted["attribute"] = self.out.item_codes.place(of["attribute"])
        for number, known in enumerate(self.out.lists):
            price = wanted.get("price", known.get("price"))
            priced = {} if price is None else {"price": price}
            if wanted | priced == known | priced:
                known |= priced
                return number
        self.out.lists.append(wanted)
        return len(self.out.lists) - 1

    def _of_list(self, kind: str, **members: Any) -> None:
        place = self._list(self._options["of"])
        self._put(self._one.name, "number", kind=kind, list=place, **members)

    def _add_basket(self) -> None:
        kind = {
            "items": "list_items",
            "categories": "list_values",
            "has": "list_has",
            "same": "list_same",
            "pieces": "cart_pieces",
            "value": "cart_value",
            "margin": "cart_margin",
        }[self._options["what"]]
        attribute = None
        if "attribute" in self._options:
            attribute = self.out.item_codes.place(self._options["attribute"])
        elif "cost" in self._options:
            attribute = self._item_number(self._options["cost"])
        self._of_list(kind, attribute=attribute)

    def _add_rank_in(self) -> None:
        self._of_list("list_rank")

    def _add_together(self) -> None:
        options = self._options
        self.out.codes.place(SUBJECT)
        within = options.get("within")
        self._of_list(
            f"together_{options['how']}",
            filter=self._filter(options.get("events"), options.get("where"), self._whose),
            within=None if within is None else _micros(within),
            sample=options["sample"],
            depth=options["depth"],
            pool=options["pool"],
            strength=options.get("strength"),
        )

    def _add_similarity(self) -> None:
        embedding = self.out.embeddings.place(self._options["embedding"])
        self._of_list("similarity", embedding=embedding, pool=self._options["pool"])

    def _named(self) -> dict[str, int]:
        """Features that there are by now."""
        return {
            feature["name"]: number
            for number, feature in enumerate(self.out.features)
            if not feature["name"].startswith("\0")
        }

    def _add_linear(self) -> None:
        places = self._named()
        missing = self._options.get("missing", {})
        steps: list[Any] = [self._options["intercept"]]
        for name, weight in self._options["weights"].items():
            if name not in places:
                raise InvalidArgumentError(f"{self._whose}: nothing before it is called {name!r}")
            steps.append((places[name],))
            if name in missing:
                steps += [missing[name], "else"]
            steps += [weight, "*", "+"]
        if self._options.get("logistic"):
            steps.append("logistic")
        self._formula(self._one.name, steps)

    def _add_expression(self) -> None:
        places = self._named()
        steps = formula(
            self._options["text"],
            self._whose,
            lambda name: (places[name],) if name in places else None,
        )
        self._formula(self._one.name, steps)


def compile_plan(declarations: Sequence[Declaration]) -> Compiled:
    """Compile declarations, in their order.

    Raises
    ------
    InvalidArgumentError
        With the feature's name, when one makes no sense.
    """
    compiler = _Compiler()
    for one in declarations:
        compiler.add(one)
    out = compiler.out
    for feature in out.features:
        if feature.get("code") == -1:
            feature["code"] = len(out.codes)
        if "by_segment" in feature:
            feature["by_group"] = len(out.subject_codes) + feature.pop("by_segment")
    out.core = _core.FeaturePlan(
        json.dumps(
            {
                "types": [*out.types, OTHER],
                "numbers": list(out.numbers),
                "codes": list(out.codes),
                "item_codes": list(out.item_codes),
                "item_numbers": [
                    one if isinstance(one, str) else " ".join(one) for one in out.item_numbers
                ],
                "subject_codes": list(out.subject_codes),
                "segments": list(out.segments),
                "contexts": [
                    {"name": name} if text is None else {"name": name, "is": text}
                    for name, text in out.contexts
                ],
                "filters": out.filters,
                "values": out.values,
                "embeddings": list(out.embeddings),
                "lists": out.lists,
                "nettings": out.nettings,
                "features": out.features,
            }
        )
    )
    return out
