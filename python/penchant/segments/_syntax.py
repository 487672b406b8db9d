"""The language of rules, first half: from text to a tree whose nodes know their columns.

docs/segments.md has the grammar.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from .. import _core
from ..errors import InvalidArgumentError

__all__ = [
    "Binary",
    "Call",
    "Chain",
    "Constant",
    "Listed",
    "Name",
    "Node",
    "Unary",
    "fail",
    "near",
    "parse",
]

_LONGEST = 10_000
_DEEPEST = 60
_DAY = 86_400_000_000
_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<duration>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?:ms|[smhdw])(?![A-Za-z0-9_]))"
    r"|(?P<number>(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![A-Za-z0-9_]))"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<operator><=|>=|==|!=|[-+*/<>()\[\],=])"
)
_WORDS = ("and", "or", "not", "in", "true", "false")
_COMPARE = ("<", "<=", ">", ">=", "==", "!=")


@dataclass(frozen=True)
class Node:
    """A part of a rule, from `column` (0 the first) on."""

    column: int


@dataclass(frozen=True)
class Constant(Node):
    """A number, a duration in days, a text or a truth."""

    value: float | str | bool
    kind: str


@dataclass(frozen=True)
class Name(Node):
    """A name that is not called."""

    name: str


@dataclass(frozen=True)
class Call(Node):
    """`name(arguments, key=argument)`."""

    name: str
    arguments: tuple[Node, ...] = ()
    named: tuple[tuple[str, Node], ...] = ()


@dataclass(frozen=True)
class Listed(Node):
    """`['a', 'b']`."""

    texts: tuple[Constant, ...]


@dataclass(frozen=True)
class Unary(Node):
    """`-x`, `not x`."""

    operator: str
    operand: Node


@dataclass(frozen=True)
class Binary(Node):
    """`+ - * / and or in`, the operator at `at`."""

    operator: str
    left: Node
    right: Node
    at: int


@dataclass(frozen=True)
class Chain(Node):
    """`a < b <= c`: operands, and the operators between them with their columns."""

    operands: tuple[Node, ...]
    operators: tuple[tuple[str, int], ...] = field(default=())


def fail(text: str, column: int, problem: str, what: str = "rule") -> InvalidArgumentError:
    """Make the error that points at a column of the text."""
    line = text[:column].count("\n")
    begin = text.rfind("\n", 0, column) + 1
    shown = text.split("\n")[line]
    where = f"column {column - begin + 1}" + (f" of line {line + 1}" if "\n" in text else "")
    return InvalidArgumentError(
        f"{what}, {where}: {problem}\n  {shown}\n  {' ' * (column - begin)}^"
    )


def near(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'recency'?`, or nothing."""
    found = difflib.get_close_matches(name, sorted(set(known)), 2, 0.6)
    return f"; did you mean {' or '.join(map(repr, found))}?" if found else ""


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    column: int


def _tokens(text: str, what: str) -> list[_Token]:
    out: list[_Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise fail(text, at, _stray(text, at), what)
        kind = str(match.lastgroup)
        if kind == "name" and match[0] in _WORDS:
            kind = "word"
        if kind != "space":
            out.append(_Token(kind, match[0], at))
        at = match.end()
    return [*out, _Token("end", "", len(text))]


def _stray(text: str, at: int) -> str:
    if text[at] in "'\"":
        return f"the text that begins here has no closing {text[at]}"
    if text[at].isdigit():
        word = re.match(r"[\w.]+", text[at:])
        shown = word[0] if word else text[at]
        return f"{shown!r} is no number; durations are like 60d (ms, s, m, h, d, w)"
    hints = {"&": "write 'and'", "|": "write 'or'", "!": "write 'not', or != between two values"}
    hint = hints.get(text[at])
    return f"{text[at]!r} means nothing here" + (f": {hint}" if hint else "")


class _Parser:
    """By descent, a method a level of the grammar."""

    def __init__(self, text: str, what: str) -> None:
        self._text = text
        self._what = what
        self._tokens = _tokens(text, what)
        self._at = 0
        self._depth = 0

    def rule(self) -> Node:
        node = self._or()
        if self._next.kind != "end":
            raise self._fail(
                f"the rule should end here, or go on with and, or or a comparison; "
                f"found {self._shown()}"
            )
        return node

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _fail(self, problem: str, column: int | None = None) -> InvalidArgumentError:
        return fail(
            self._text, self._next.column if column is None else column, problem, self._what
        )

    def _shown(self) -> str:
        token = self._next
        if token.text == "=":
            return "'='; equality is =="
        return "the end of the rule" if token.kind == "end" else repr(token.text)

    def _take(self) -> _Token:
        token = self._next
        self._at += 1
        return token

    def _accept(self, *texts: str) -> _Token | None:
        if self._next.kind in ("word", "operator") and self._next.text in texts:
            return self._take()
        return None

    def _expect(self, text: str, after: str) -> None:
        if not self._accept(text):
            raise self._fail(f"expected {text!r} {after}, found {self._shown()}")

    def _or(self) -> Node:
        node = self._and()
        while token := self._accept("or"):
            node = Binary(node.column, "or", node, self._and(), token.column)
        return node

    def _and(self) -> Node:
        node = self._not()
        while token := self._accept("and"):
            node = Binary(node.column, "and", node, self._not(), token.column)
        return node

    def _not(self) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._fail(f"the rule is nested deeper than {_DEEPEST}")
        token = self._accept("not")
        node = Unary(token.column, "not", self._not()) if token else self._comparison()
        self._depth -= 1
        return node

    def _comparison(self) -> Node:
        operands = [self._sum()]
        operators: list[tuple[str, int]] = []
        while True:
            if token := self._accept(*_COMPARE):
                operators.append((token.text, token.column))
                operands.append(self._sum())
                continue
            negated = self._next.text == "not" and self._tokens[self._at + 1].text == "in"
            if not operators and (negated or self._next.text == "in"):
                return self._membership(operands[0], negated)
            break
        return (
            Chain(operands[0].column, tuple(operands), tuple(operators))
            if operators
            else operands[0]
        )

    def _membership(self, left: Node, negated: bool) -> Node:
        column = self._take().column
        if negated:
            self._take()
        node = Binary(left.column, "in", left, self._sum(), column)
        return Unary(left.column, "not", node) if negated else node

    def _sum(self) -> Node:
        node = self._product()
        while token := self._accept("+", "-"):
            node = Binary(node.column, token.text, node, self._product(), token.column)
        return node

    def _product(self) -> Node:
        node = self._unary()
        while token := self._accept("*", "/"):
            node = Binary(node.column, token.text, node, self._unary(), token.column)
        return node

    def _unary(self) -> Node:
        signs = []
        while token := self._accept("-"):
            signs.append(token.column)
            if len(signs) > _DEEPEST:
                raise self._fail(f"the rule is nested deeper than {_DEEPEST}")
        node = self._primary()
        for column in reversed(signs):
            node = Unary(column, "-", node)
        return node

    def _primary(self) -> Node:
        token = self._next
        if token.kind == "number":
            self._take()
            return Constant(token.column, float(token.text.replace("_", "")), "number")
        if token.kind == "duration":
            self._take()
            try:
                micros = int(_core.parse_duration(token.text))
            except InvalidArgumentError as error:
                raise self._fail(str(error), token.column) from None
            return Constant(token.column, micros / _DAY, "duration")
        if token.kind == "text":
            self._take()
            return Constant(token.column, re.sub(r"\\(.)", r"\1", token.text[1:-1]), "text")
        if token.kind == "word" and token.text in ("true", "false"):
            self._take()
            return Constant(token.column, token.text == "true", "truth")
        if token.kind == "name":
            self._take()
            return self._call(token) if self._accept("(") else Name(token.column, token.text)
        if self._accept("("):
            node = self._or()
            self._expect(")", "to close the bracket")
            return node
        if self._accept("["):
            return self._listed(token)
        raise self._fail(f"expected a value, found {self._shown()}")

    def _call(self, name: _Token) -> Node:
        arguments: list[Node] = []
        named: list[tuple[str, Node]] = []
        while not self._accept(")"):
            if arguments or named:
                self._expect(",", "or ')'")
            is_named = self._next.kind == "name" and self._tokens[self._at + 1].text == "="
            if is_named:
                key = self._take().text
                self._take()
                named.append((key, self._or()))
            elif named:
                raise self._fail("arguments with a name come last")
            else:
                arguments.append(self._or())
        return Call(name.column, name.text, tuple(arguments), tuple(named))

    def _listed(self, begin: _Token) -> Node:
        texts: list[Constant] = []
        while not self._accept("]"):
            if texts:
                self._expect(",", "or ']'")
            node = self._primary()
            if not isinstance(node, Constant) or node.kind != "text":
                raise self._fail(
                    "a list holds texts in quotes, like ['garden', 'toys']", node.column
                )
            texts.append(node)
        return Listed(begin.column, tuple(texts))


def parse(text: str, what: str = "rule") -> Node:
    """Parse a rule.

    Raises
    ------
    InvalidArgumentError
        Pointing at the column, with what was expected there.
    """
    if not isinstance(text, str) or not text.strip():
        raise InvalidArgumentError(
            f"{what}: want a text like 'recency(purchase) > 60d', not {text!r}"
        )
    if len(text) > _LONGEST:
        raise InvalidArgumentError(
            f"{what}: {len(text)} characters; at most {_LONGEST} are possible"
        )
    return _Parser(text, what).rule()
