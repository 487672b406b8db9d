"""A declared type as JSON Schema, draft 2020-12."""

from __future__ import annotations

from typing import Any

__all__ = ["type_schema"]

_INT64 = {"minimum": -(2**63), "maximum": 2**63 - 1}
_ID = {"anyOf": [{"type": "string", "maxLength": 1024}, {"type": "integer", **_INT64}]}
_TIME = {"type": "string", "format": "date-time", "minLength": 1}
_DECIMAL_TEXT = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_LEAST_TEXT = 20  # characters: a text that may be shorter takes no integers
_MOST = 9223372036854.775807  # of a decimal


def _or_null(schema: dict[str, Any], required: bool) -> dict[str, Any]:
    return schema if required else {"anyOf": [schema, {"type": "null"}]}


def _text(field: dict[str, Any], required: bool) -> dict[str, Any]:
    length = field.get("max_length", 1024)
    text: dict[str, Any] = {"type": "string", "maxLength": length}
    if "allowed" in field:
        # "" stands for no text.
        return {"enum": field["allowed"] + ([] if required else [""])}
    if required:
        text["minLength"] = 1
    if length < _LEAST_TEXT:
        return text
    return {"anyOf": [text, {"type": "integer", **_INT64}]}


def _decimal(field: dict[str, Any], required: bool) -> dict[str, Any]:
    number: dict[str, Any] = {
        "type": "number",
        "minimum": float(field.get("min", -_MOST)),
        "maximum": float(field.get("max", _MOST)),
    }
    if "allowed" in field:
        number = {"type": "number", "enum": [float(one) for one in field["allowed"]]}
    text: dict[str, Any] = {"type": "string", "pattern": _DECIMAL_TEXT, "maxLength": 64}
    nothing = [] if required else [{"const": ""}]
    return {"anyOf": [number, text, *nothing]}


def _integer(field: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {"type": "integer", **_INT64}
    if "min" in field:
        out["minimum"] = field["min"]
    if "max" in field:
        out["maximum"] = field["max"]
    if "allowed" in field:
        out["enum"] = field["allowed"]
    return out


def _field(name: str, field: dict[str, Any], minimal: bool) -> dict[str, Any]:
    required = bool(field.get("required"))
    kind = field["kind"]
    if kind == "text":
        schema = _text(field, required)
        if name in ("order_id", "item"):
            schema = {"allOf": [schema, _ID]}
    elif kind == "decimal":
        schema = _decimal(field, required)
    elif kind == "integer":
        schema = _integer(field)
        if not required:
            schema = {"anyOf": [schema, {"const": ""}]}
    elif kind == "boolean":
        schema = {"type": "boolean"} if required else {"enum": [True, False, ""]}
    elif kind == "time":
        schema = dict(_TIME) if required else {"anyOf": [_TIME, {"const": ""}]}
    else:
        schema = {
            "type": "array",
            "items": _object(field["fields"], minimal),
            "minItems": 1 if required else 0,
            "maxItems": field.get("max_length", 10_000),
        }
        if not required:
            schema = {"anyOf": [schema, {"const": ""}]}
    return _or_null(schema, required)


def _object(fields: dict[str, Any], minimal: bool) -> dict[str, Any]:
    out: dict[str, Any] = {
        "type": "object",
        "properties": {name: _field(name, field, minimal) for name, field in fields.items()},
        "maxProperties": 1024,
    }
    required = [name for name, field in fields.items() if field.get("required")]
    if required:
        out["required"] = required
    if minimal:
        out["$comment"] = "other members are dropped"
    return out


def _named(fields: dict[str, Any]) -> bool:
    return any(field.get("required") for field in fields.values())


def type_schema(declared: dict[str, Any], taxonomy: dict[str, Any]) -> dict[str, Any]:
    """Make the schema of an event of a declared type.

    Parameters
    ----------
    declared
        The type, as `Taxonomy.to_dict` has it.
    taxonomy
        All of it.
    """
    version = declared.get("version", 1)
    minimal = bool(declared.get("minimal"))
    fields, context = declared.get("fields", {}), taxonomy.get("context", {})
    item = declared.get("item", "optional")
    identifiers = {
        "type": "object",
        "propertyNames": {"minLength": 1, "maxLength": 64},
        "additionalProperties": _or_null(_ID, False),
        "maxProperties": 64,
    }
    properties: dict[str, Any] = {
        "event_id": _or_null(_ID, False),
        "type": {"const": declared["name"]},
        "version": {"const": version} if version != 1 else {"enum": [1, None]},
        "time": _or_null({"anyOf": [_TIME, {"const": ""}]}, False),
        "received": _or_null({"anyOf": [_TIME, {"const": ""}]}, False),
        "subject": _or_null(_ID, False),
        "identifiers": _or_null(identifiers, False),
        "item": {"enum": [None, ""]} if item == "none" else _or_null(_ID, item == "required"),
        "context": _or_null(_object(context, minimal), _named(context)),
        "fields": _or_null(_object(fields, minimal), _named(fields)),
    }
    required = ["type"] + (["version"] if version != 1 else [])
    if item == "required":
        properties["item"] = {"allOf": [properties["item"], {"not": {"const": ""}}]}
        required.append("item")
    if _named(fields):
        required.append("fields")
    if _named(context):
        required.append("context")
    if taxonomy.get("require_event_id"):
        properties["event_id"] = {"allOf": [_ID, {"not": {"const": ""}}]}
        required.append("event_id")
    out: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": declared["name"],
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    if declared.get("subject", "required") == "required":
        someone = {"not": {"enum": [None, ""]}}
        out["anyOf"] = [
            {"required": ["subject"], "properties": {"subject": someone}},
            {
                "required": ["identifiers"],
                "properties": {
                    "identifiers": {
                        "type": "object",
                        "not": {"additionalProperties": {"enum": [None, ""]}},
                    }
                },
            },
        ]
    return out
