"""Identifiers to subjects, by links that were seen and rules that say which of them count."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa

from .. import _core
from ..data._frames import Source, make_frame
from ..data._times import UNKNOWN, time_micros
from ..errors import InvalidArgumentError, NotFittedError
from ..models._params import Parametrized
from ._key import Key
from ._records import (
    optional_column,
    read_identifiers,
    read_records,
    source_of,
    text_array,
)
from ._rules import options_of, parameters_of
from .changes import Changes

__all__ = ["Identity"]

_PREFIX = "identity"


class Identity(Parametrized):
    """One subject from many identifiers: deterministic, explainable, and undone to the bit.

    Records bring identifiers together: a login with a cookie, a loyalty card with an email. Each
    pair that was seen is a link, and links that follow the rules make one subject of two. The state
    is a function of what was seen, cut and blocked, never of the order in which it came.

    Identifiers are written ``("email", "jane@example.com")`` or ``"email:jane@example.com"``;
    subjects are named by an identifier, ``"login:17"``, and by the digest where that is what is
    kept, ``"email#<32 digits>"``. Every name that comes out can be put in.

    Parameters
    ----------
    namespaces : dict or list of str, optional
        Kinds of identifiers. A list leaves only these of the default ones (login, email,
        hashed_email, phone, loyalty_card, pos_customer, device, cookie). A dict changes some or
        adds others, ``{"crm": {"priority": 15, "unique": True}, "phone": None}``; None leaves one
        out. The rules of one: ``form`` ("text", "lower", "code", "email", "hashed_email",
        "phone"), ``priority`` (lower names the subject), ``limit`` (a subject's; None: any number)
        or ``unique`` (limit 1), ``bridge`` (False: never joins two people), ``shared_after``
        (seen with more unique identifiers of one namespace: stops linking; 0: never), ``same_as``,
        ``blocked`` (list of values).
    limits : dict of str to int or None, optional
        Most identifiers of a subject: by namespace, and in all as ``"all"`` (1,000 by default).
    key : str or bytes, optional
        At least 16 bytes. Identifiers are then kept as HMAC-SHA-256 under it, and their raw values
        nowhere. It is neither printed, nor saved, nor pickled: give it again after loading.
    country : str, optional
        ISO 3166 code, "GB": of phone numbers without a country code.
    email_drop_plus, email_drop_dots : bool
        Take "jane+shop@x.com" for "jane@x.com", and "j.ane@gmail.com" for "jane@gmail.com".
    blocked : list of str, optional
        Values that identify nobody in any namespace, instead of the default ones.
    threads : int, optional
        For reading and hashing; None is all. The result is the same for any number.

    Examples
    --------
    >>> import penchant as pn
    >>> identity = pn.Identity()
    >>> changes = identity.link({"cookie": "c1", "device": "d1", "time": "2026-03-01"})
    >>> changes = identity.link({"cookie": "c1", "login": "17", "time": "2026-03-02"})
    >>> identity.subject_of(("device", "d1"))
    'login:17'
    >>> identity.subject_of(("device", "d1"), as_of="2026-03-01")
    'device:d1'
    """

    def __init__(
        self,
        namespaces: Mapping[str, Any] | Sequence[str] | None = None,
        limits: Mapping[str, int | None] | None = None,
        key: str | bytes | Key | None = None,
        country: str | None = None,
        email_drop_plus: bool = False,
        email_drop_dots: bool = False,
        blocked: Iterable[str] | None = None,
        threads: int | None = None,
    ) -> None:
        self.namespaces = namespaces
        self.limits = limits
        self.key = Key.of(key)
        self.country = country
        self.email_drop_plus = email_drop_plus
        self.email_drop_dots = email_drop_dots
        self.blocked = blocked
        self.threads = threads
        self._core: Any = None
        self._kind: str | None = None

    # -- what is seen ------------------------------------------------------------------------------

    def fit(self, frame: Any, **reading: Any) -> Self:
        """Forget everything, and link a frame of records; takes what `link` takes.

        Returns
        -------
        self
        """
        self._core = None
        self.link(frame, **reading)
        return self

    def link(
        self,
        frame: Any,
        *,
        columns: Mapping[str, str] | Sequence[str] | None = None,
        time: str | None = None,
        event: str | None = None,
        time_unit: str = "s",
    ) -> Changes:
        """Take in records: what each has of identifiers belongs to one subject, if rules allow.

        A record's identifiers are linked to the one of the lowest priority among them. Records may
        come in any order, late ones too, and again: the end is the same.

        Parameters
        ----------
        frame : frame or dict
            Records [n] with a column for each kind of identifier, null where a record has none; or
            one record as a dict.
        columns : dict or list, optional
            Columns of identifiers: ``{"EMAIL_ADDR": "email"}``. None: those named like namespaces.
        time : str, optional
            Column of times. None: ``"time"`` when there is one. Records without any count as
            earlier than all that have.
        event : str, optional
            Column of record ids, which break ties of the time and are shown by `explain`. None:
            ``"event_id"`` when there is one.
        time_unit : {"s", "ms", "us", "ns"}
            Of times that are numbers.

        Returns
        -------
        Changes
            What became of the subjects there were.

        Raises
        ------
        InvalidArgumentError
            On columns that are not there or of a wrong type; on a missing key.
        """
        core = self._core if self._core is not None else self._make()
        source = source_of(frame)
        records = read_records(source, self._names(core), columns, time, event, time_unit)
        answer = core.link(
            records.identifiers,
            records.times,
            None if records.skip is None else records.skip.view(np.uint8),
            records.events,
            self._threads(),
        )
        dropped = dict(records.dropped)
        for reason in ("blocked", "invalid"):
            for (space, _, _), count in zip(records.identifiers, answer[reason], strict=True):
                if count:
                    told = f"{space} is {'blocked' if reason == 'blocked' else 'not valid'}"
                    dropped[told] = dropped.get(told, 0) + count
        self._core, self._kind = core, source.kind
        return Changes(answer, source.kind, dropped)

    # -- who is who --------------------------------------------------------------------------------

    def resolve(
        self,
        frame: Any,
        *,
        columns: Mapping[str, str] | Sequence[str] | None = None,
        record: str | None = None,
        **reading: Any,
    ) -> Any:
        """Give each record the subject that it belongs to as of now.

        Nothing is learned from the frame, unless nothing has been linked yet: then its records are
        linked first, so that ``pn.Identity().resolve(frame)`` is all that one log needs.

        Parameters
        ----------
        frame : frame or dict
            Records, as for `link`.
        columns : dict or list, optional
            As for `link`.
        record : str, optional
            Column that tells records apart. None: ``"record"`` or ``"event_id"`` when there is one,
            else the number of the row.
        **reading
            What `link` takes besides, when it is to link first.

        Returns
        -------
        frame
            ``record``, ``subject``: a row a record, in their order. The subject is that of the
            record's identifier of the lowest priority that has been seen; a shared one speaks only
            where there is no other. Null where none has been seen.
        """
        source = source_of(frame)
        if self._core is None:
            self.link(frame, columns=columns, **reading)
        elif reading:
            raise InvalidArgumentError(
                f"resolve: {', '.join(reading)} is for linking, and this identity has been linked"
            )
        core = self._fitted()
        texts = read_identifiers(source, self._names(core), columns)
        subjects = text_array(*core.resolve(texts, self._threads())).cast(pa.string())
        return make_frame({"record": _record_ids(source, record), "subject": subjects}, source.kind)

    def subject_of(self, identifier: str | tuple[str, Any], as_of: Any = None) -> str | None:
        """Name the subject of an identifier; None where it has not been seen, or is blocked.

        Parameters
        ----------
        identifier : (namespace, value) or str
        as_of : time, optional
            By what had been seen until then, that moment included; cuts and blocks are those of
            now. None: by everything.
        """
        core = self._fitted()
        text = _identifier(identifier)
        if as_of is None:
            found = core.subject_of(text)
        else:
            found = core.subject_at(text, time_micros(as_of, "as_of"))
        return None if found is None else str(found)

    def identifiers_of(self, subject: str | tuple[str, Any]) -> list[str]:
        """Name all identifiers of a subject, or of that which an identifier belongs to.

        Raises
        ------
        NotFoundError
            When it has not been seen.
        """
        names = text_array(*self._fitted().members(_identifier(subject)))
        return [str(name) for name in names.to_pylist()]

    def is_shared(self, identifier: str | tuple[str, Any]) -> bool:
        """Whether an identifier was seen with too many people to stand for one of them."""
        return bool(self._fitted().shared(_identifier(identifier)))

    @property
    def subjects(self) -> Any:
        """Frame of all: ``identifier``, ``subject`` (null where blocked)."""
        identifiers, subjects = self._fitted().table()
        return make_frame(
            {
                "identifier": text_array(*identifiers).cast(pa.string()),
                "subject": text_array(*subjects).cast(pa.string()),
            },
            self._kind,
        )

    # -- why, and undo -----------------------------------------------------------------------------

    def explain(self, a: str | tuple[str, Any], b: str | tuple[str, Any]) -> Any:
        """Show the links that made one subject of two identifiers, from `a` to `b`.

        Returns
        -------
        frame
            ``identifier_a``, ``identifier_b``, ``time``, ``event``: a row a link. Empty when they
            are not one subject; `refused` then may tell why.
        """
        return self._links(self._fitted().chain(_identifier(a), _identifier(b)))

    @property
    def refused(self) -> Any:
        """Frame of links that were seen and not followed, in the order in which they were offered.

        ``identifier_a``, ``identifier_b``, ``time``, ``event``, ``reason``. Those whose ends came
        together otherwise are not in it.
        """
        return self._links(self._fitted().refused(), reasons=True)

    def unlink(self, a: str | tuple[str, Any], b: str | tuple[str, Any]) -> Changes:
        """Take back the link of two identifiers, however often it was seen and will be.

        The state becomes that in which the link never was; `relink` undoes it.
        """
        core = self._fitted()
        return Changes(core.cut(_identifier(a), _identifier(b), True), self._kind, {})

    def relink(self, a: str | tuple[str, Any], b: str | tuple[str, Any]) -> Changes:
        """Undo `unlink`: to the bit what was there before."""
        core = self._fitted()
        return Changes(core.cut(_identifier(a), _identifier(b), False), self._kind, {})

    def unmerge(self, a: str | tuple[str, Any], b: str | tuple[str, Any]) -> tuple[Changes, Any]:
        """Make two subjects of one: unlink what united `a` and `b`, the last first, till apart.

        Returns
        -------
        changes : Changes
        links : frame
            The links that were taken back, for `relink`: ``identifier_a``, ``identifier_b``,
            ``time``, ``event``. Empty when they were two subjects before.
        """
        changes, links = self._fitted().part(_identifier(a), _identifier(b))
        return Changes(changes, self._kind, {}), self._links(links)

    def block(self, identifier: str | tuple[str, Any]) -> Changes:
        """Let an identifier identify nobody from now on, and take back all it did."""
        core = self._fitted()
        return Changes(core.block(_identifier(identifier), True), self._kind, {})

    def unblock(self, identifier: str | tuple[str, Any]) -> Changes:
        """Undo `block`; values that the parameters block are not seen at all and stay so."""
        core = self._fitted()
        return Changes(core.block(_identifier(identifier), False), self._kind, {})

    # -- sizes -------------------------------------------------------------------------------------

    @property
    def num_subjects(self) -> int:
        """Subjects that there are; blocked identifiers are none."""
        return int(self._fitted().subjects)

    @property
    def num_identifiers(self) -> int:
        """Different identifiers that were seen."""
        return int(self._fitted().identifiers)

    @property
    def num_links(self) -> int:
        """Different pairs that were linked, followed or not."""
        return int(self._fitted().links)

    @property
    def memory_bytes(self) -> int:
        """Bytes that identifiers, links and subjects take in memory."""
        return int(self._fitted().memory_bytes)

    def __repr__(self) -> str:
        """The parameters, the key hidden; once linked also the sizes."""
        shown = super().__repr__()
        if self._core is None:
            return shown
        return f"{shown}  # {self.num_identifiers} identifiers, {self.num_subjects} subjects"

    # -- keeping -----------------------------------------------------------------------------------

    def set_params(self, **parameters: Any) -> Self:
        """Change parameters, for the next `fit`; `key` at once: it opens what was loaded.

        Raises
        ------
        InvalidArgumentError
            Also on a key that is not the one that the state was made with.
        """
        if "key" in parameters:
            parameters["key"] = Key.of(parameters["key"])
            if self._core is not None:
                self._read(_core.BundleReader.from_bytes(self.to_bytes()), parameters["key"])
        return super().set_params(**parameters)

    def to_bytes(self) -> bytes:
        """Return the state as a bundle, without the key. Equal states give equal bytes."""
        core = self._fitted()
        writer = _core.BundleWriter()
        core.save(writer, _PREFIX)
        return bytes(writer.to_bytes(json.dumps({"object": "Identity"})))

    def save(self, path: str | Path) -> None:
        """Write the state to a file, atomically; `load` reads it."""
        _core.write_file_atomically(Path(path), self.to_bytes())

    @classmethod
    def load(cls, path: str | Path, key: str | bytes | Key | None = None) -> Self:
        """Read a state from a file.

        Parameters
        ----------
        path
        key : optional
            The one it was made with. Without it, names that were given out still work, raw values
            don't.

        Raises
        ------
        CorruptBundleError
            Whatever the file holds that an identity can't.
        InvalidArgumentError
            On another key.
        """
        return cls()._open(_core.BundleReader.open(Path(path)), Key.of(key))

    @classmethod
    def from_bytes(cls, data: bytes, key: str | bytes | Key | None = None) -> Self:
        """Read what `to_bytes` gave."""
        return cls()._open(_core.BundleReader.from_bytes(data), Key.of(key))

    def _open(self, reader: Any, key: Key | None) -> Self:
        self._read(reader, key)
        super().set_params(**parameters_of(self._core.options), key=key)
        return self

    def _read(self, reader: Any, key: Key | None) -> None:
        secret = b"" if key is None else key.reveal()
        self._core = _core.Identity.load(reader, _PREFIX, secret)

    def __getstate__(self) -> dict[str, Any]:
        return {
            "params": {**self.get_params(), "key": None},
            "bundle": None if self._core is None else self.to_bytes(),
            "kind": self._kind,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state["params"])  # type: ignore[misc]
        self._kind = state["kind"]
        if state["bundle"] is not None:
            self._read(_core.BundleReader.from_bytes(state["bundle"]), None)

    # -- inside ------------------------------------------------------------------------------------

    def _make(self) -> Any:
        options = options_of(
            self.namespaces,
            self.limits,
            self.country,
            self.email_drop_plus,
            self.email_drop_dots,
            self.blocked,
        )
        return _core.Identity(options, b"" if self.key is None else self.key.reveal())

    def _linked(self) -> Any:
        """The core's state: what was linked, or nothing yet."""
        return self._core if self._core is not None else self._make()

    def _fitted(self) -> Any:
        if self._core is None:
            raise NotFittedError("this Identity has linked nothing yet; call link(frame) first")
        return self._core

    @staticmethod
    def _names(core: Any) -> list[str]:
        return [one["name"] for one in json.loads(core.options)["namespaces"]]

    def _links(self, links: Mapping[str, Any], reasons: bool = False) -> Any:
        times = links["time"]
        columns: dict[str, Any] = {
            "identifier_a": text_array(*links["a"]).cast(pa.string()),
            "identifier_b": text_array(*links["b"]).cast(pa.string()),
            "time": pa.array(times, mask=times == UNKNOWN).cast(pa.timestamp("us")),
            "event": pa.array(links["event"], pa.string()),
        }
        if reasons:
            columns["reason"] = pa.array(links["reason"], pa.string())
        return make_frame(columns, self._kind)


def _record_ids(source: Source, record: str | None) -> Any:
    """The column that tells records apart, or the numbers of the rows."""
    usual = "record" if "record" in source.columns else "event_id"
    name = optional_column(source, record, usual)
    if name is None:
        return pa.array(np.arange(len(source), dtype=np.int64))
    return source.column(name, "record")


def _identifier(given: str | tuple[str, Any]) -> str:
    """The text that the core reads: 'namespace:value', or what it gave out itself."""
    if isinstance(given, str):
        return given
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], str):
        name_space, value = given
        if isinstance(value, str) or (
            isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        ):
            return f"{name_space}:{value}"
    raise InvalidArgumentError(
        f"an identifier is (namespace, value) or 'namespace:value', not a {type(given).__name__}"
    )
