"""Parameters of an identity to the core's options, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from .. import _core
from ..errors import InvalidArgumentError

__all__ = ["options_of", "parameters_of"]

_FIELDS = ("form", "priority", "limit", "bridge", "shared_after", "same_as", "blocked")
_NEW = {
    "form": "text",
    "priority": 100,
    "limit": 0,
    "bridge": True,
    "shared_after": 0,
    "same_as": "",
    "blocked": [],
}


def _one(name: str, rules: Any, base: Mapping[str, Any]) -> dict[str, Any]:
    """A namespace: what it is by default, and what is told of it."""
    if not isinstance(rules, Mapping):
        raise InvalidArgumentError(
            f"namespace {name!r}: want a dict of rules, or None to leave it out, not {rules!r}"
        )
    told = dict(rules)
    unique = told.pop("unique", None)
    for key in told:
        if key not in _FIELDS:
            raise InvalidArgumentError(
                f"namespace {name!r} has no rule {key!r}; there are unique, {', '.join(_FIELDS)}"
            )
    out = {"name": name, **_NEW, **base, **told}
    if unique is not None:
        if not isinstance(unique, bool) or (unique and told.get("limit", 1) != 1):
            raise InvalidArgumentError(
                f"namespace {name!r}: unique is True or False, and is the same as limit=1"
            )
        out["limit"] = 1 if unique else told.get("limit", 0)
    out["limit"] = 0 if out["limit"] is None else out["limit"]
    out["blocked"] = [str(value) for value in out["blocked"]]
    return out


def _namespaces(given: Any, usual: list[dict[str, Any]]) -> list[dict[str, Any]]:
    known = {one["name"]: one for one in usual}
    if given is None:
        return usual
    if isinstance(given, Mapping):
        names = [*known, *(name for name in given if name not in known)]
        return [
            _one(name, given.get(name, {}), known.get(name, {}))
            for name in names
            if not (name in given and given[name] is None)
        ]
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InvalidArgumentError(
            f"namespaces is {given!r}; give a list of names, or a dict of name to rules"
        )
    wanted = list(given)
    for name in wanted:
        if name not in known:
            raise InvalidArgumentError(
                f"no namespace {name!r} is there by default ({', '.join(known)}); tell its rules: "
                f"namespaces={{{name!r}: {{'priority': 25}}}}"
            )
    return [one for one in usual if one["name"] in wanted]


def _limited(
    namespaces: list[dict[str, Any]], limits: Mapping[str, int | None] | None, most: int
) -> int:
    """Put the limits in; the limit of all is returned."""
    if limits is not None and not isinstance(limits, Mapping):
        raise InvalidArgumentError(f"limits is {limits!r}; give a dict of namespace to number")
    for name, limit in (limits or {}).items():
        number = 0 if limit is None else limit
        if (
            isinstance(number, bool)
            or not isinstance(number, int)
            or (limit is not None and limit < 1)
        ):
            raise InvalidArgumentError(
                f"limits[{name!r}] is {limit!r}; it is 1 or more, or None for any number"
            )
        if name == "all":
            most = number
            continue
        found = [one for one in namespaces if one["name"] == name]
        if not found:
            there = ", ".join(one["name"] for one in namespaces)
            raise InvalidArgumentError(f"limits: no namespace {name!r}; there are all, {there}")
        found[0]["limit"] = number
    return most


def options_of(
    namespaces: Any,
    limits: Mapping[str, int | None] | None,
    country: str | None,
    email_drop_plus: bool,
    email_drop_dots: bool,
    blocked: Iterable[str] | None,
) -> str:
    """Options as the core reads them, JSON.

    Raises
    ------
    InvalidArgumentError
        On what can be seen to be wrong here; the core checks the rest.
    """
    options = json.loads(_core.default_identity_options())
    options["namespaces"] = _namespaces(namespaces, options["namespaces"])
    options["most"] = _limited(options["namespaces"], limits, options["most"])
    options["country"] = country or ""
    options["email_drop_plus"] = email_drop_plus
    options["email_drop_dots"] = email_drop_dots
    if isinstance(blocked, str):
        raise InvalidArgumentError(f"blocked is a text, {blocked!r}; give a list of texts")
    if blocked is not None:
        options["blocked"] = [str(value) for value in blocked]
    return json.dumps(options)


def parameters_of(options: str) -> dict[str, Any]:
    """Parameters of `Identity` that make these options."""
    told = json.loads(options)
    usual = json.loads(_core.default_identity_options())
    there = {one["name"]: {key: one[key] for key in _FIELDS} for one in told["namespaces"]}
    gone: dict[str, Any] = {
        one["name"]: None for one in usual["namespaces"] if one["name"] not in there
    }
    return {
        "namespaces": None if told["namespaces"] == usual["namespaces"] else {**gone, **there},
        "limits": None if told["most"] == usual["most"] else {"all": told["most"] or None},
        "country": told["country"] or None,
        "email_drop_plus": told["email_drop_plus"],
        "email_drop_dots": told["email_drop_dots"],
        "blocked": None if told["blocked"] == usual["blocked"] else told["blocked"],
    }
