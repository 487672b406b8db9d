"""A small language over named values: `monetary / frequency`, `quantity > 0 and price > 0`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import InvalidArgumentError

__all__ = ["conditions", "factors", "formula"]

_BINARY: dict[type, str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_COMPARE: dict[type, str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_FUNCTIONS = {
    "abs": 1,
    "log1p": 1,
    "sqrt": 1,
    "logistic": 1,
    "known": 1,
    "min": 2,
    "max": 2,
    "otherwise": 2,
}
_CALLED = {"otherwise": "else"}
_LONGEST = 10_000


def _parse(text: str, what: str) -> ast.expr:
    if not isinstance(text, str) or not text.strip() or len(text) > _LONGEST:
        raise InvalidArgumentError(f"{what}: want an expression, got {text!r}")
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        at = getattr(error, "offset", None)
        where = f", column {at}" if at else ""
        raise InvalidArgumentError(f"{what}: {text!r} is no expression{where}") from None


def _fail(text: str, node: ast.AST, what: str, problem: str) -> InvalidArgumentError:
    column = getattr(node, "col_offset", 0)
    return InvalidArgumentError(
        f"{what}, column {column + 1}: {problem}\n  {text}\n  {' ' * column}^"
    )


class _Postfix:
    """Writes the steps of one expression; values come from `operand(name)`."""

    def __init__(self, text: str, what: str, operand: Callable[[str], Any | None]) -> None:
        self._text = text
        self._what = what
        self._operand = operand
        self.steps: list[Any] = []

    def write(self, node: ast.expr) -> None:
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
            self.steps.append(float(node.value))
        elif isinstance(node, ast.Name):
            operand = self._operand(node.id)
            if operand is None:
                raise _fail(self._text, node, self._what, f"nothing is called {node.id!r}")
            self.steps.append(operand)
        elif isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            self._all(node.left, node.right, then=_BINARY[type(node.op)])
        elif isinstance(node, ast.UnaryOp):
            self._unary(node)
        elif isinstance(node, ast.BoolOp):
            name = "and" if isinstance(node.op, ast.And) else "or"
            self.write(node.values[0])
            for value in node.values[1:]:
                self._all(value, then=name)
        elif isinstance(node, ast.Compare):
            self._compare(node)
        elif isinstance(node, ast.IfExp):
            self._all(node.test, node.body, node.orelse, then="if")
        elif isinstance(node, ast.Call):
            self._call(node)
        else:
            raise _fail(self._text, node, self._what, "this can't be part of an expression")

    def _all(self, *nodes: ast.expr, then: str) -> None:
        for node in nodes:
            self.write(node)
        self.steps.append(then)

    def _unary(self, node: ast.UnaryOp) -> None:
        self.write(node.operand)
        if isinstance(node.op, ast.USub):
            self.steps.append("negate")
        elif isinstance(node.op, ast.Not):
            self.steps.append("not")
        elif not isinstance(node.op, ast.UAdd):
            raise _fail(self._text, node, self._what, "this can't be part of an expression")

    def _compare(self, node: ast.Compare) -> None:
        left = node.left
        for number, (operator, right) in enumerate(zip(node.ops, node.comparators, strict=True)):
            name = _COMPARE.get(type(operator))
            if name is None:
                raise _fail(
                    self._text, right, self._what, "numbers are compared by < <= == != >= >"
                )
            flipped = name in (">", ">=")
            first, second = (right, left) if flipped else (left, right)
            self._all(first, second, then={">": "<", ">=": "<="}.get(name, name))
            if number:
                self.steps.append("and")
            left = right

    def _call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else None
        wanted = _FUNCTIONS.get(name or "")
        if wanted is None or node.keywords:
            raise _fail(self._text, node, self._what, f"the functions are {', '.join(_FUNCTIONS)}")
        if len(node.args) != wanted:
            raise _fail(
                self._text, node, self._what, f"{name} takes {wanted}, not {len(node.args)}"
            )
        self._all(*node.args, then=_CALLED.get(str(name), str(name)))


def formula(text: str, what: str, operand: Callable[[str], Any | None]) -> list[Any]:
    """Compile an expression to postfix steps: numbers, names of operators, what `operand` gives.

    Raises
    ------
    InvalidArgumentError
        With the column of what makes no sense.
    """
    writer = _Postfix(text, what, operand)
    try:
        writer.write(_parse(text, what))
    except RecursionError:
        raise InvalidArgumentError(f"{what}: {text[:60]!r}... is nested too deep") from None
    return writer.steps


def factors(text: str, what: str) -> list[str]:
    """Take `quantity * price` apart: the fields that are multiplied.

    Raises
    ------
    InvalidArgumentError
        On anything else than a product of names.
    """

    def names(node: ast.expr) -> list[str]:
        if isinstance(node, ast.Name):
            return [node.id]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            return names(node.left) + names(node.right)
        raise _fail(text, node, what, "a value is a field or a product of fields")

    return names(_parse(text, what))


def conditions(text: str | Sequence[str], what: str) -> list[tuple[str, str, float]]:
    """Take `quantity > 0 and price <= 100` apart: (field, comparison, number) each.

    Raises
    ------
    InvalidArgumentError
        On anything else than comparisons of fields with numbers, joined by `and`.
    """
    if not isinstance(text, str):
        return [one for part in text for one in conditions(part, what)]
    out: list[tuple[str, str, float]] = []

    def number(node: ast.expr) -> float | None:
        sign = 1.0
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            sign, node = -1.0, node.operand
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
            return sign * float(node.value)
        return None

    def read(node: ast.expr) -> None:
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
            for value in node.values:
                read(value)
            return
        if not isinstance(node, ast.Compare):
            raise _fail(
                text, node, what, "want comparisons of a field with a number, joined by and"
            )
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            name = _COMPARE.get(type(operator))
            if name and isinstance(left, ast.Name) and (x := number(right)) is not None:
                out.append((left.id, name, x))
            elif name and isinstance(right, ast.Name) and (x := number(left)) is not None:
                turned = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(name, name)
                out.append((right.id, turned, x))
            else:
                raise _fail(text, node, what, "want comparisons of a field with a number")
            left = right

    read(_parse(text, what))
    return out
