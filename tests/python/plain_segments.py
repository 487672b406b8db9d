"""Rules of segments, the slow way: Python's own parser, a walk over the tree, all features anew."""

from __future__ import annotations

import ast
import math
import re
from typing import Any

import pandas as pd

from penchant import features as ft
from penchant.features import Declaration
from plain_features import DAY, Plain

_DURATION = re.compile(r"(?<![\w'])(\d+\.?\d*)(ms|[smhdw])(?!\w)")
_UNITS = {"ms": "ms", "s": "s", "m": "min", "h": "h", "d": "D", "w": "W"}


class PlainRules:
    """Says for whom a rule holds as of a time."""

    def __init__(self, plan: ft.Plan, events: pd.DataFrame, catalog: pd.DataFrame) -> None:
        self.plain = Plain(plan, events, catalog)
        self.catalog = catalog

    def holds(self, rule: str, subject: Any, time: pd.Timestamp) -> bool:
        self.point = {"subject": subject, "time": time}
        text = _DURATION.sub(r"D('\1\2')", rule)
        text = re.sub(r"\btrue\b", "True", re.sub(r"\bfalse\b", "False", text))
        return self.value(ast.parse(text, mode="eval").body) is True

    def value(self, node: ast.expr) -> Any:
        return getattr(self, f"_{type(node).__name__.lower()}")(node)

    # --- values: NaN where not known, truths: None ---------------------------------------------

    def _constant(self, node: ast.Constant) -> Any:
        return node.value

    def _list(self, node: ast.List) -> Any:
        return [self.value(one) for one in node.elts]

    def _boolop(self, node: ast.BoolOp) -> bool | None:
        found = [self.value(one) for one in node.values]
        decides = isinstance(node.op, ast.Or)
        if decides in found:
            return decides
        return None if None in found else not decides

    def _unaryop(self, node: ast.UnaryOp) -> Any:
        x = self.value(node.operand)
        if isinstance(node.op, ast.Not):
            return None if x is None else not x
        return -x

    def _binop(self, node: ast.BinOp) -> float:
        a, b = self.value(node.left), self.value(node.right)
        if isinstance(node.op, ast.Div):
            return a / b if b else math.nan
        return {ast.Add: a + b, ast.Sub: a - b, ast.Mult: a * b}[type(node.op)]

    def _compare(self, node: ast.Compare) -> bool | None:
        found = []
        left = self.value(node.left)
        for operator, other in zip(node.ops, node.comparators, strict=True):
            right = self.value(other)
            found.append(self._one(type(operator), left, right))
            left = right
        if False in found:
            return False
        return None if None in found else True

    def _one(self, operator: type, a: Any, b: Any) -> bool | None:
        if operator in (ast.In, ast.NotIn):
            if not isinstance(a, str):
                return None
            inside = a in b
            return inside if operator is ast.In else not inside
        if any(x is None or (isinstance(x, float) and math.isnan(x)) for x in (a, b)):
            return None
        return {
            ast.Lt: lambda: a < b,
            ast.LtE: lambda: a <= b,
            ast.Gt: lambda: a > b,
            ast.GtE: lambda: a >= b,
            ast.Eq: lambda: a == b,
            ast.NotEq: lambda: a != b,
        }[operator]()

    def _name(self, node: ast.Name) -> Any:
        values: dict[str, Any] = {}
        for one in self.plain.plan.features:
            made = getattr(self.plain, f"_{one.kind}")(one, self.point, values)
            values.update(made if isinstance(made, dict) else {one.name: made})
            if isinstance(made, dict) and one.name == node.id:
                return list(made.values())
        return values[node.id]

    def _made(self, one: Declaration) -> dict[str, Any]:
        made = getattr(self.plain, f"_{one.kind}")(one, self.point, {})
        return made if isinstance(made, dict) else {one.name: made}

    # --- calls ---------------------------------------------------------------------------------

    def _call(self, node: ast.Call) -> Any:
        name = node.func.id  # type: ignore[attr-defined]
        if name == "D":
            number, unit = re.fullmatch(r"([\d.]+)([a-z]+)", node.args[0].value).groups()  # type: ignore
            return pd.Timedelta(float(number), _UNITS[unit]) / DAY
        if name in ("abs", "log1p", "sqrt", "min", "max", "otherwise", "known"):
            return self._arithmetic(name, [self.value(one) for one in node.args])
        events = [one.id for one in node.args if isinstance(one, ast.Name)] or None
        values = (
            [self.value(one) for one in node.args if isinstance(one, (ast.Constant, ast.BinOp))]
            if name not in ("sum", "mean", "minimum", "maximum")
            else []
        )
        windows = [
            one.args[0].value  # type: ignore[attr-defined]
            for one in node.args
            if isinstance(one, ast.Call)
        ]
        options: dict[str, Any] = {
            str(one.arg): one.value.id if isinstance(one.value, ast.Name) else one.value.value  # type: ignore
            for one in node.keywords
        }
        window = windows[0] if windows else None
        texts = [x for x in values if isinstance(x, str)]
        numbers = [x for x in values if isinstance(x, (int, float))]
        how = {"window": window, **options}
        if name == "recency":
            return self._single(ft.recency(events, **how))
        if name in ("tenure", "first_seen"):
            return self._single(ft.first_seen(events, **how))
        if name in ("frequency", "monetary", "average_spend", "cadence"):
            return self._single(getattr(ft, name)(events or "purchase", **how))
        if name == "count":
            return self._single(ft.count(events, **how))
        if name == "distinct":
            return self._single(ft.distinct(texts[0] if texts else "item", events, **how))
        if name in ("sum", "mean", "minimum", "maximum"):
            value = ast.unparse(node.args[0])
            return self._single(
                getattr(ft, name)(
                    value, (events or [])[isinstance(node.args[0], ast.Name) :] or None, **how
                )
            )
        if name == "decayed":
            return self._single(ft.decayed(events, half_life=str(window)))
        if name == "last_items":
            return list(self._made(ft.last_items(int(numbers[0]), events, **how)).values())
        if name in ("top", "top_categories"):
            attribute = texts[0] if texts else "category"
            return list(self._made(ft.top(attribute, int(numbers[0]), events, **how)).values())
        if name == "affinity":
            return self._affinity(texts[0], events, options.pop("by", "category"), window)
        assert name in ("hour", "weekday")
        return self._single(ft.context(name))

    def _single(self, one: Declaration) -> float:
        (value,) = self._made(one).values()
        return float(value)

    def _affinity(self, text: str, events: Any, by: str, window: Any) -> float:
        rows = self.plain._rows(ft.count(events, window=window), self.point)
        if rows.empty:
            return math.nan
        column = "item" if by == "item" else f"item.{by}"
        return float((rows[column] == text).sum() / len(rows))

    @staticmethod
    def _arithmetic(name: str, x: list[Any]) -> Any:
        unknown = [one is None or (isinstance(one, float) and math.isnan(one)) for one in x]
        if name == "known":
            return not unknown[0]
        if name == "otherwise":
            return x[1] if unknown[0] else x[0]
        if any(unknown) or (name in ("sqrt", "log1p") and x[0] < 0):
            return math.nan
        return {
            "abs": lambda: abs(x[0]),
            "log1p": lambda: math.log1p(x[0]),
            "sqrt": lambda: math.sqrt(x[0]),
            "min": lambda: min(x),
            "max": lambda: max(x),
        }[name]()
