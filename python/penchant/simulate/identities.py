"""Records of people who share devices, lose cookies and mistype addresses; whose they are is known.

Visits to the site are anonymous (cookie and device), or have a login, a click in a newsletter (a
hashed address) or a guest's order (address and phone) in them. The store sees cards, its own
customer numbers, addresses typed at the till and phones. A device of a household is used by any of
it, on one browser, so its cookie is the household's as well.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from penchant.datasets._frames import FORMATS, from_arrow, to_arrow
from penchant.errors import InvalidArgumentError
from penchant.simulate.identity_config import IdentityConfig
from penchant.simulate.identity_people import Person, World, make_people, typed
from penchant.simulate.streams import stream

__all__ = ["IdentityScore", "IdentityWorld", "identities"]

_KINDS = ("login", "email", "hashed_email", "phone", "loyalty_card", "pos_customer", "device")
_COLUMNS = (*_KINDS, "cookie")
_DAY = 86_400


@dataclass(frozen=True)
class IdentityScore:
    """How well subjects match people.

    Attributes
    ----------
    precision : float
        Share of the pairs of identifiers in one subject that have an owner in common.
    recall : float
        Share of the pairs of identifiers of one person alone that are in one subject. No record may
        have had the two together, so 1 can be out of reach.
    attribution : float
        Share of the records whose subject has the most records of the person who made them.
    """

    precision: float
    recall: float
    attribution: float


@dataclass(frozen=True, repr=False)
class IdentityWorld:
    """Records and whose they are.

    Attributes
    ----------
    events : frame
        ``event_id``, ``time`` (datetime64[us]), ``event``, and a column for each kind of
        identifier, null where the record has none.
    owners : frame
        ``namespace``, ``identifier`` (as the records spell it), ``person``: a row for each owner.
    persons : int64 [events]
        Who made each record.
    config : IdentityConfig
    """

    events: Any
    owners: Any
    persons: np.ndarray
    config: IdentityConfig

    def __repr__(self) -> str:
        c = self.config
        return f"IdentityWorld({c.people:,} people, seed {c.seed}: {len(self.persons):,} records)"

    def score(self, identity: Any) -> IdentityScore:
        """Compare the subjects of a linked `penchant.Identity` with the people."""
        table = to_arrow(self.owners).to_pydict()
        owners: dict[tuple[str, str], set[int]] = {}
        for space, value, person in zip(
            table["namespace"], table["identifier"], table["person"], strict=True
        ):
            # An address and its hash are one identifier.
            if space != "hashed_email":
                owners.setdefault((space, value), set()).add(person)
        subjects = {one: identity.subject_of(one) for one in owners}
        precision, recall = _pairs(owners, subjects)
        return IdentityScore(precision, recall, self._attribution(identity))

    def _attribution(self, identity: Any) -> float:
        resolved = to_arrow(identity.resolve(self.events))["subject"].to_pylist()
        counts: dict[Any, dict[int, int]] = {}
        for subject, person in zip(resolved, self.persons.tolist(), strict=True):
            of = counts.setdefault(subject, {})
            of[person] = of.get(person, 0) + 1
        right = sum(max(of.values()) for subject, of in counts.items() if subject is not None)
        return right / max(1, len(resolved))


def _pairs(
    owners: dict[tuple[str, str], set[int]], subjects: dict[tuple[str, str], str | None]
) -> tuple[float, float]:
    together: dict[str, list[set[int]]] = {}
    alone: dict[int, list[str]] = {}
    for one, whose in owners.items():
        subject = subjects[one]
        if subject is None:
            continue
        together.setdefault(subject, []).append(whose)
        if len(whose) == 1:
            alone.setdefault(next(iter(whose)), []).append(subject)
    pairs = right = 0
    for members in together.values():
        for at, a in enumerate(members):
            for b in members[:at]:
                pairs += 1
                right += bool(a & b)
    wanted = found = 0
    for named in alone.values():
        wanted += len(named) * (len(named) - 1) // 2
        for subject in set(named):
            count = named.count(subject)
            found += count * (count - 1) // 2
    return right / max(1, pairs), found / max(1, wanted)


class _Log:
    """Rows as they come."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.owners: set[tuple[str, str, int]] = set()

    def add(self, time: float, event: str, person: int, **identifiers: str | None) -> None:
        self.rows.append({"time": time, "event": event, "person": person, **identifiers})

    def own(self, space: str, value: str, person: int) -> None:
        self.owners.add((space, value, person))


def _hashed(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()


def _site(config: IdentityConfig, world: World, log: _Log) -> None:
    """Visits to the site, device by device in the order of time."""
    rng = stream(config.seed, "visits")
    visits: list[tuple[float, int, int]] = []
    for number, person in enumerate(world.people):
        for time in np.sort(rng.random(rng.poisson(config.visits))) * config.days * _DAY:
            visits.append((float(time), number, int(rng.choice(person.devices))))
    cookies: dict[int, int] = {}
    signed_up: set[int] = set()
    for time, number, device in sorted(visits):
        if device not in cookies or rng.random() < config.cookie_loss:
            cookies[device] = cookies.get(device, -1) + 1
        cookie, name = f"c-{device}-{cookies[device]}", f"device-{device}"
        for owner in world.device_owners[device]:
            log.own("device", name, owner)
            log.own("cookie", cookie, owner)
        log.add(time, "page_view", number, cookie=cookie, device=name)
        person = world.people[number]
        _step(log, rng, time, number, person, cookie, name, signed_up)


def _step(
    log: _Log,
    rng: np.random.Generator,
    time: float,
    number: int,
    person: Person,
    cookie: str,
    device: str,
    signed_up: set[int],
) -> None:
    """What a visit shows of the person: a login, a click in a newsletter, a guest's order."""
    kind = rng.random()
    if person.login is not None and kind < 0.4:
        email = None if number in signed_up else person.email
        signed_up.add(number)
        log.add(
            time + 60,
            "login",
            number,
            cookie=cookie,
            device=device,
            login=person.login,
            email=email,
        )
    elif kind < 0.5:
        log.add(time + 1, "email_click", number, cookie=cookie, hashed_email=_hashed(person.email))
    elif person.login is None and kind < 0.7:
        log.add(
            time + 300,
            "purchase",
            number,
            cookie=cookie,
            device=device,
            email=person.email,
            phone=person.phone,
        )


def _store(config: IdentityConfig, world: World, log: _Log) -> None:
    """Visits to the store."""
    rng = stream(config.seed, "store")
    for number, person in enumerate(world.people):
        for time in rng.random(rng.poisson(config.store_visits)) * config.days * _DAY:
            email = person.store_email
            if rng.random() < config.email_typos:
                email = typed(email, rng)
            shown = rng.random(3) < (0.8, 0.5, 0.2)
            log.add(
                float(time),
                "store_purchase",
                number,
                pos_customer=person.customer,
                loyalty_card=person.card if shown[0] else None,
                email=email if shown[1] else None,
                phone=person.phone if shown[2] else None,
            )
            if shown[1]:
                log.own("email", email, number)


def identities(
    people: int = 1000,
    seed: int = 0,
    *,
    format: Literal["pandas", "polars", "pyarrow"] = "pandas",  # noqa: A002
    **knobs: Any,
) -> IdentityWorld:
    """Simulate people and the records that they leave.

    Parameters
    ----------
    people : int, default 1000
    seed : int, default 0
        The same arguments give the same world.
    format : {"pandas", "polars", "pyarrow"}
        Kind of the frames.
    **knobs
        Further fields of `IdentityConfig`.

    Returns
    -------
    IdentityWorld

    Raises
    ------
    InvalidArgumentError
        A knob that doesn't exist or is out of its range.

    Examples
    --------
    >>> world = identities(people=20, seed=1)
    >>> sorted(world.events.columns)[:3]
    ['cookie', 'device', 'email']
    """
    if format not in FORMATS:
        raise InvalidArgumentError(f"format is {format!r}; it is one of {', '.join(FORMATS)}")
    for name in knobs:
        if name not in IdentityConfig.names():
            known = ", ".join(sorted(IdentityConfig.names()))
            raise InvalidArgumentError(f"no knob {name!r}; there are {known}, and format")
    config = IdentityConfig(people=people, seed=seed, **knobs)
    world = make_people(config)
    log = _Log()
    _site(config, world, log)
    _store(config, world, log)
    log.rows.sort(key=lambda row: row["time"])
    for row in log.rows:
        for space in ("login", "email", "phone", "loyalty_card", "pos_customer"):
            if row.get(space) is not None:
                log.own(space, row[space], row["person"])
        if row.get("hashed_email") is not None:
            log.own("email", world.people[row["person"]].email, row["person"])
            log.own("hashed_email", row["hashed_email"], row["person"])
    return _frames(config, log, format)


def _frames(config: IdentityConfig, log: _Log, format: str) -> IdentityWorld:  # noqa: A002
    start = np.datetime64(config.start, "us").astype(np.int64)
    seconds = np.array([row["time"] for row in log.rows], np.float64)
    columns: dict[str, pa.Array] = {
        "event_id": pa.array([f"e{number:08d}" for number in range(len(log.rows))], pa.string()),
        "time": pa.array(start + np.floor(seconds * 1e6).astype(np.int64)).cast(pa.timestamp("us")),
        "event": pa.array([row["event"] for row in log.rows], pa.string()),
    }
    for space in _COLUMNS:
        columns[space] = pa.array([row.get(space) for row in log.rows], pa.string())
    owners = sorted(log.owners)
    return IdentityWorld(
        events=from_arrow(pa.table(columns), format),
        owners=from_arrow(
            pa.table(
                {
                    "namespace": pa.array([one[0] for one in owners], pa.string()),
                    "identifier": pa.array([one[1] for one in owners], pa.string()),
                    "person": pa.array([one[2] for one in owners], pa.int64()),
                }
            ),
            format,
        ),
        persons=np.array([row["person"] for row in log.rows], np.int64),
        config=config,
    )
