"""From segments to one plan of features and the core's rules over it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from ..features._declaration import Declaration
from ..features.plan import Plan
from ._functions import Term
from ._types import Column, Names, Reference, Step, Value, compile_rule

if TYPE_CHECKING:
    from ..features._columns import Texts
    from .segment import Segment

__all__ = ["Compiled"]

_AGES = ("recency", "first_seen", "cadence")
_LISTS = ("last_items", "top")


def _key(declaration: Declaration) -> str:
    """What makes two features the same, but for how many ranks of a list are wanted."""
    options = {name: value for name, value in declaration.options.items() if name != "k"}
    return json.dumps([declaration.kind, options], sort_keys=True)


class Compiled:
    """Rules over one plan, which all segments share.

    Attributes
    ----------
    plan
        The given plan's features, then those that rules declare; equal ones once.
    """

    def __init__(
        self, segments: Sequence[Segment], plan: Plan | None, scores: Sequence[str]
    ) -> None:
        self._scores = list(scores)
        self._given = list(plan.features) if plan is not None else []
        self._embeddings = plan._embeddings if plan is not None else {}
        self._terms: dict[str, Declaration] = {}
        names = Names(self._find, self._known(plan), self._add)
        self._rules = [
            (one.name, compile_rule(one.rule, f"segment {one.name!r}", names)) for one in segments
        ]
        self.plan = self._plan()
        self._columns = self._places()

    # --- names -------------------------------------------------------------------------------

    def _known(self, plan: Plan | None) -> list[str]:
        columns = plan.columns if plan is not None else []
        return [*columns, *(one.name for one in self._given), *self._scores]

    def _find(self, name: str) -> Value | None:
        if name in self._scores:
            return Value("number", (Reference(f"score {name}"),))
        for one in self._given:
            if one.name == name and one.kind in _LISTS:
                ranks = range(int(one.options["k"]))
                return Value(
                    "texts", columns=tuple(Reference(f"given {name}_{r + 1}") for r in ranks)
                )
            if one.name == name:
                here = (Reference(f"given {name}"),)
                if one.kind == "attribute":
                    return Value("text", columns=here)
                days = one.kind in _AGES and one.options.get("unit", "1d") == "1d"
                return Value("duration" if days else "number", here)
            for rank in range(int(one.options.get("k", 0)) if one.kind in _LISTS else 0):
                if f"{one.name}_{rank + 1}" == name:
                    return Value("text", columns=(Reference(f"given {name}"),))
        return None

    def _add(self, term: Term) -> str:
        key = _key(term.declaration)
        known = self._terms.get(key)
        if known is None or int(known.options.get("k", 0)) < term.k:
            self._terms[key] = term.declaration
        return key

    def _plan(self) -> Plan:
        given = {_key(one): one for one in self._given}
        taken = set(self._known(None))
        self._called: dict[str, str] = {}
        made: list[Declaration] = []
        for key, one in self._terms.items():
            same = given.get(key)
            if same is not None and int(same.options.get("k", 0)) >= int(one.options.get("k", 0)):
                self._called[key] = same.name
                continue
            name = wanted = f"segments.{one.name}"
            number = 1
            while name in taken:
                number += 1
                name = f"{wanted}_{number}"
            taken.add(name)
            self._called[key] = name
            made.append(replace(one, name=name))
        return Plan([*self._given, *made], embeddings=self._embeddings)

    # --- the core's form ---------------------------------------------------------------------

    def _places(self) -> dict[Column, int]:
        columns: dict[Column, int] = {}
        for _, steps in self._rules:
            for step in steps:
                if step.column is not None:
                    columns.setdefault(step.column, len(columns))
        self._feature = {
            one["name"]: number for number, one in enumerate(self.plan._compiled.features)
        }
        self._output = dict(self.plan._compiled.outputs)
        return columns

    def _called_of(self, reference: Reference) -> str:
        if reference.key.startswith("given "):
            return reference.key.removeprefix("given ")
        name = self._called[reference.key]
        return f"{name}_{reference.rank + 1}" if self._terms[reference.key].kind in _LISTS else name

    def _column(self, column: Column, texts: Texts) -> dict[str, Any]:
        out: dict[str, Any] = {}
        steps = column.steps
        if (
            len(steps) == 1
            and isinstance(steps[0], Reference)
            and steps[0].key.startswith("score ")
        ):
            return {"score": self._scores.index(steps[0].key.removeprefix("score "))}
        if len(steps) == 1:
            out["feature"] = self._feature[self._called_of(steps[0])]
        else:
            out["formula"] = [
                {"feature": self._feature[self._called_of(one)]}
                if isinstance(one, Reference)
                else one
                for one in steps
            ]
        if column.item is not None and (item := self._item(column.item, texts)) >= 0:
            out["item"] = item
        return out

    def _item(self, about: tuple[str, str], texts: Texts) -> int:
        """Any item that has this text: values about it are about all that have it."""
        attribute, text = about
        if attribute == "item":
            return int(_code(texts.items, text))
        code = _code(texts.attributes[attribute], text)
        of_item = texts.of_item[attribute]
        return int(np.argmax(of_item == code)) if code >= 0 and (of_item == code).any() else -1

    def _step(self, step: Step, texts: Texts) -> Any:
        if step.op in ("and", "or", "not"):
            return step.op
        if step.op == "constant":
            return step.truth
        assert step.column is not None
        place = self._columns[step.column]
        if step.op == "known":
            return {"known": place}
        bound = step.bound
        if isinstance(bound, str):
            output = self._output[self._called_of(step.column.steps[0])]
            ids = texts.items if output == "item" else texts.attributes[output[1]]
            bound = float(_code(ids, bound))  # -1, which nothing is, where nothing has the text
        out = {"column": place, "compare": step.compare, "bound": bound}
        return out if step.unknown is None else out | {"unknown": step.unknown}

    def rules(self, texts: Texts) -> _core.SegmentRules:
        """Rules whose texts are a state's codes."""
        return _core.SegmentRules(self.document(texts), self.plan._compiled.core)

    def document(self, texts: Texts) -> str:
        """The same as JSON."""
        document = {
            "scores": len(self._scores),
            "columns": [self._column(one, texts) for one in self._columns],
            "segments": [
                {"name": name, "rule": [self._step(step, texts) for step in steps]}
                for name, steps in self._rules
            ],
        }
        return json.dumps(document)


def _code(ids: _core.IdMap, text: str) -> int:
    """Where a text is among ids; integers are written as their decimals."""
    if ids.kind == "integer":
        try:
            return int(ids.find(int(text)))
        except ValueError:
            return -1
    return int(ids.find(text))
