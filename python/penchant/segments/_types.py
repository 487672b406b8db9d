"""The language of rules, second half: from the tree to comparisons of typed columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..errors import InvalidArgumentError
from ._functions import ARITHMETIC, FUNCTIONS, RuleError, Term, term_of
from ._syntax import Binary, Call, Chain, Constant, Listed, Name, Node, Unary, fail, near, parse

__all__ = ["Column", "Names", "Reference", "Step", "Value", "compile_rule"]


class Reference(NamedTuple):
    """One column of a feature: a term's key or a plan's feature, and which of its ranks."""

    key: str
    rank: int = 0


class Column(NamedTuple):
    """What is compared: postfix over references, and the (attribute, text) it is about."""

    steps: tuple[Any, ...]
    item: tuple[str, str] | None = None


class Step(NamedTuple):
    """A step of a rule in postfix: "compare", "known", "constant", "and", "or" or "not"."""

    op: str
    column: Column | None = None
    compare: str = ""
    bound: float | str = 0.0
    unknown: bool | None = None
    truth: bool = False


@dataclass(frozen=True)
class Value:
    """What a part of a rule comes to.

    `kind` is "number", "duration" (days), "text", "texts", "truth", or "any" for a name that is
    not looked up yet.
    """

    kind: str
    steps: tuple[Any, ...] = ()
    constant: float | str | None = None
    items: frozenset[tuple[str, str]] = frozenset()
    texts: tuple[str, ...] | None = None  # a list that stands in the rule
    columns: tuple[Reference, ...] = ()  # of a feature that gives texts
    truth: tuple[Step, ...] = ()


@dataclass
class Names:
    """What names in rules mean; none is looked up where `find` is None."""

    find: Callable[[str], Value | None] | None = None
    known: Iterable[str] = field(default_factory=list)
    add: Callable[[Term], str] = lambda term: term.declaration.name


_NUMBERS = ("number", "duration")
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}
_CALLED = {"otherwise": "else"}


def _a(kind: str) -> str:
    return {"texts": "a list of texts", "truth": "yes or no", "any": "anything"}.get(
        kind, f"a {kind}"
    )


class _Compiler:
    def __init__(self, names: Names) -> None:
        self._names = names

    # --- truths ------------------------------------------------------------------------------

    def truth(self, node: Node) -> tuple[Step, ...]:
        value = self.value(node)
        if value.kind == "any":
            return (Step("constant", truth=True),)
        if value.kind != "truth":
            hint = {
                "duration": "compare it, like recency(purchase) > 60d",
                "number": "compare it, like monetary(365d) > 500",
                "text": "compare it with ==, or ask with in",
                "texts": "ask whether a text is in it",
            }[value.kind]
            raise RuleError(node.column, f"expected yes or no, found {_a(value.kind)}: {hint}")
        return value.truth

    def _joined(self, node: Binary) -> Value:
        steps = (*self.truth(node.left), *self.truth(node.right), Step(node.operator))
        return Value("truth", truth=steps)

    def _chain(self, node: Chain) -> Value:
        values = [self.value(one) for one in node.operands]
        steps: tuple[Step, ...] = ()
        for number, (operator, at) in enumerate(node.operators):
            right = node.operands[number + 1].column
            steps += self._compare(operator, at, values[number], values[number + 1], right)
            steps += (Step("and"),) if number else ()
        return Value("truth", truth=steps)

    def _compare(
        self, operator: str, at: int, left: Value, right: Value, column: int
    ) -> tuple[Step, ...]:
        kinds = {left.kind, right.kind}
        if "any" in kinds:
            return (Step("constant", truth=True),)
        if kinds == {"text"}:
            return self._same_text(operator, at, left, right)
        if not kinds <= set(_NUMBERS):
            odd = (
                "a text is compared with a text"
                if "text" in kinds
                else "numbers and durations are compared"
            )
            if "texts" in kinds:
                odd = "a list is asked with in, like 'garden' in top_categories(3)"
            raise RuleError(at, f"{_a(left.kind)} against {_a(right.kind)}: {odd}")
        if len(kinds) == 2:
            # Days may be written as numbers; a feature that counts is none.
            plain = left if left.kind == "number" else right
            if plain.constant is None:
                raise RuleError(
                    at,
                    f"{_a(left.kind)} against {_a(right.kind)}: want a duration, like 60d, or days",
                )
        if isinstance(left.constant, float) and isinstance(right.constant, float):
            return (Step("constant", truth=_HOLDS[operator](left.constant, right.constant)),)
        if left.constant is not None:
            left, right, operator = right, left, _FLIPPED.get(operator, operator)
        if right.constant is None:
            left = self._combined("-", at, left, right)
            right = Value("number", constant=0.0)
        bound = float(right.constant or 0.0)
        if not math.isfinite(bound):
            raise RuleError(column, "a number beyond all bounds")
        return (Step("compare", self._column(left, at), operator, bound),)

    def _same_text(self, operator: str, at: int, left: Value, right: Value) -> tuple[Step, ...]:
        if operator not in ("==", "!="):
            raise RuleError(at, "texts are the same (==) or not (!=); they have no order")
        if left.constant is not None and right.constant is not None:
            return (Step("constant", truth=_HOLDS[operator](left.constant, right.constant)),)
        if left.constant is not None:
            left, right = right, left
        if right.constant is None:
            raise RuleError(at, "a text of a feature is compared with a text in quotes")
        return (Step("compare", Column(left.columns), operator, str(right.constant)),)

    def _within(self, node: Binary) -> Value:
        left, right = self.value(node.left), self.value(node.right)
        if "any" in (left.kind, right.kind):
            return Value("truth", truth=(Step("constant", truth=True),))
        if right.kind != "texts":
            raise RuleError(
                node.right.column, f"expected a list of texts after in, found {_a(right.kind)}"
            )
        if left.kind != "text":
            raise RuleError(node.left.column, f"expected a text before in, found {_a(left.kind)}")
        tests: list[Step] = []
        if left.constant is not None and right.texts is not None:
            tests = [Step("constant", truth=left.constant in right.texts)]
        elif left.constant is not None:
            # Who has fewer than k has not this one: that is known.
            tests = [
                Step("compare", Column((one,)), "==", str(left.constant), unknown=False)
                for one in right.columns
            ]
        elif right.texts is not None:
            column = Column(left.columns)
            tests = [Step("compare", column, "==", one) for one in right.texts]
        else:
            raise RuleError(node.at, "one side of in is a text in quotes or a list of such")
        if not tests:
            tests = [Step("constant", truth=False)]
        steps = tests[:1]
        for one in tests[1:]:
            steps += [one, Step("or")]
        return Value("truth", truth=tuple(steps))

    # --- numbers -----------------------------------------------------------------------------

    def _column(self, value: Value, at: int) -> Column:
        if len(value.items) > 1:
            raise RuleError(at, "one comparison can be about one affinity only")
        return Column(value.steps, next(iter(value.items), None))

    def _combined(self, operator: str, at: int, left: Value, right: Value) -> Value:
        kind = self._kind_of(operator, at, left, right)
        _refuse_scores(operator, at, left, right)
        if isinstance(left.constant, float) and isinstance(right.constant, float):
            a, b = left.constant, right.constant
            if operator == "/" and b == 0:
                raise RuleError(at, "a division by zero")
            folded = {"+": a + b, "-": a - b, "*": a * b}[operator] if operator != "/" else a / b
            return Value(kind, (folded,), folded)
        return Value(kind, (*left.steps, *right.steps, operator), items=left.items | right.items)

    def _kind_of(self, operator: str, at: int, left: Value, right: Value) -> str:
        kinds = (left.kind, right.kind)
        for kind in kinds:
            if kind not in (*_NUMBERS, "any"):
                raise RuleError(at, f"{operator} wants numbers or durations, not {_a(kind)}")
        if "any" in kinds:
            return "any"
        if operator in "+-" and kinds[0] != kinds[1]:
            plain = left if left.kind == "number" else right
            if plain.constant is None:
                raise RuleError(at, f"{_a(kinds[0])} {operator} {_a(kinds[1])}: they don't add up")
            return "duration"
        if operator == "*" and kinds == ("duration", "duration"):
            raise RuleError(at, "a duration times a duration means nothing")
        if operator == "/":
            if kinds == ("number", "duration"):
                raise RuleError(
                    at, "a number over a duration means nothing; count within a window instead"
                )
            return "number" if kinds[0] == kinds[1] else "duration"
        return "duration" if "duration" in kinds else "number"

    def _unary(self, node: Unary) -> Value:
        if node.operator == "not":
            return Value("truth", truth=(*self.truth(node.operand), Step("not")))
        value = self.value(node.operand)
        if value.kind == "any":
            return value
        if value.kind not in _NUMBERS:
            raise RuleError(node.column, f"- wants a number or a duration, not {_a(value.kind)}")
        if isinstance(value.constant, float):
            return Value(value.kind, (-value.constant,), -value.constant)
        _refuse_scores("-", node.column, value)
        return Value(value.kind, (*value.steps, "negate"), items=value.items)

    # --- calls and names ---------------------------------------------------------------------

    def _arithmetic(self, node: Call) -> Value:
        wanted = ARITHMETIC[node.name]
        if node.named or len(node.arguments) != wanted:
            raise RuleError(
                node.column,
                f"{node.name} takes {wanted} value{'s' if wanted > 1 else ''}, "
                f"not {len(node.arguments)}",
            )
        values = [self.value(one) for one in node.arguments]
        if node.name == "known":
            return self._known(node, values[0])
        if any(one.kind == "any" for one in values):
            return Value("any")
        for one, at in zip(values, node.arguments, strict=True):
            if one.kind not in _NUMBERS:
                raise RuleError(
                    at.column, f"{node.name} wants numbers or durations, not {_a(one.kind)}"
                )
        _refuse_scores(node.name, node.column, *values)
        kinds = {one.kind for one in values}
        if len(kinds) > 1 and all(one.constant is None for one in values if one.kind == "number"):
            raise RuleError(node.column, f"{node.name} of a number and a duration means nothing")
        kind = "duration" if "duration" in kinds else "number"
        if node.name in ("log1p", "sqrt"):
            kind = "number"
        steps = tuple(step for one in values for step in one.steps)
        items = frozenset().union(*(one.items for one in values))
        if all(one.constant is not None for one in values):
            raise RuleError(node.column, f"{node.name} of constants alone: write what it comes to")
        return Value(kind, (*steps, _CALLED.get(node.name, node.name)), items=items)

    def _known(self, node: Call, value: Value) -> Value:
        if value.kind == "any":
            return Value("truth", truth=(Step("constant", truth=True),))
        if value.kind in ("texts", "truth"):
            raise RuleError(
                node.arguments[0].column, f"known asks about one value, not {_a(value.kind)}"
            )
        if value.constant is not None:
            return Value("truth", truth=(Step("constant", truth=True),))
        column = Column(value.columns) if value.kind == "text" else self._column(value, node.column)
        return Value("truth", truth=(Step("known", column),))

    def _call(self, node: Call) -> Value:
        if node.name in ARITHMETIC:
            return self._arithmetic(node)
        term = term_of(node)
        key = self._names.add(term)
        if term.kind == "texts":
            return Value("texts", columns=tuple(Reference(key, rank) for rank in range(term.k)))
        items = frozenset() if term.item is None else frozenset({term.item})
        return Value(term.kind, (Reference(key),), items=items)

    def _name(self, node: Name) -> Value:
        if self._names.find is None:
            return Value("any")  # a set knows its plan
        found = self._names.find(node.name)
        if found is None and (node.name in FUNCTIONS or node.name in ARITHMETIC):
            raise RuleError(
                node.column, f"{node.name} is a function: call it, like {_example(node.name)}"
            )
        if found is None:
            known = [*self._names.known, *FUNCTIONS]
            hint = (
                near(node.name, known)
                or "; features of a plan go by their names, texts stand in quotes"
            )
            raise RuleError(node.column, f"nothing is called {node.name!r}{hint}")
        return found

    def value(self, node: Node) -> Value:
        if isinstance(node, Constant):
            if node.kind == "truth":
                return Value("truth", truth=(Step("constant", truth=bool(node.value)),))
            if node.kind == "text":
                return Value("text", constant=str(node.value))
            return Value(node.kind, (float(node.value),), float(node.value))
        if isinstance(node, Listed):
            return Value("texts", texts=tuple(str(one.value) for one in node.texts))
        if isinstance(node, Name):
            return self._name(node)
        if isinstance(node, Call):
            return self._call(node)
        if isinstance(node, Unary):
            return self._unary(node)
        if isinstance(node, Chain):
            return self._chain(node)
        assert isinstance(node, Binary)
        if node.operator in ("and", "or"):
            return self._joined(node)
        if node.operator == "in":
            return self._within(node)
        left, right = self.value(node.left), self.value(node.right)
        if "any" in (left.kind, right.kind):
            self._kind_of(node.operator, node.at, left, right)
            return Value("any")
        return self._combined(node.operator, node.at, left, right)


def _refuse_scores(what: str, at: int, *values: Value) -> None:
    """Scores are columns that others give: the core knows nothing to compute with."""
    for value in values:
        for step in value.steps:
            if isinstance(step, Reference) and step.key.startswith("score "):
                name = step.key.removeprefix("score ")
                raise RuleError(
                    at,
                    f"{what} of the score {name!r}: a score is compared with a number as it is; "
                    "compute before you give it, as a score of its own",
                )


def _example(name: str) -> str:
    return FUNCTIONS[name].example if name in FUNCTIONS else f"{name}(...)"


def compile_rule(text: str, what: str, names: Names) -> tuple[Step, ...]:
    """Compile a rule to postfix.

    Raises
    ------
    InvalidArgumentError
        Pointing at the column of what makes no sense, with what was expected there.
    """
    node = parse(text, what)
    try:
        return _Compiler(names).truth(node)
    except RuleError as problem:
        raise fail(text, problem.column, problem.text, what) from None
    except RecursionError:
        raise InvalidArgumentError(f"{what}: {text[:60]!r}... is nested too deep") from None
