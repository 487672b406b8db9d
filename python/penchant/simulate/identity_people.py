"""Who there is, in which households, and what identifies them: addresses, devices, cards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from penchant.simulate.identity_config import IdentityConfig
from penchant.simulate.streams import stream

__all__ = ["Person", "World", "make_people", "typed"]

_FIRST = ("ana", "ben", "cleo", "dora", "emil", "finn", "gus", "hana", "ivo", "jane", "kim", "lea")
_LAST = ("adler", "brook", "cole", "drew", "ellis", "frost", "grey", "hale", "iris", "jones")
_DOMAINS = ("example.com", "example.net", "example.org", "mail.example")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Person:
    """One person.

    Attributes
    ----------
    login, card : str or None
    email, store_email, phone, customer : str
        Of the site, of the store (mostly the same one), and the number at the till.
    devices : list of int
        Of the person alone, and after these the household's, if it has one.
    """

    login: str | None
    card: str | None
    email: str
    store_email: str
    phone: str
    customer: str
    devices: list[int]


@dataclass(frozen=True)
class World:
    """People, and the people of each device."""

    people: list[Person]
    device_owners: list[list[int]]


def _households(config: IdentityConfig) -> list[list[int]]:
    rng = stream(config.seed, "households")
    out: list[list[int]] = []
    person = 0
    while person < config.people:
        size = min(int(rng.integers(1, config.household + 1)), config.people - person)
        out.append(list(range(person, person + size)))
        person += size
    return out


def _address(rng: np.random.Generator, person: int) -> str:
    """An address that differs from anybody else's by more than a slip: by a number."""
    first, last = rng.choice(_FIRST), rng.choice(_LAST)
    return f"{first}.{last}{person * 101 + 11}@{rng.choice(_DOMAINS)}"


def make_people(config: IdentityConfig) -> World:
    """Draw everybody."""
    rng = stream(config.seed, "people")
    owners: list[list[int]] = []
    people: list[Person] = []
    for members in _households(config):
        family: list[int] = []
        if len(members) > 1 and rng.random() < config.family_devices:
            family = [len(owners)]
            owners.append(members)
        for person in members:
            own = list(range(len(owners), len(owners) + int(rng.integers(1, 3))))
            owners += [[person] for _ in own]
            email = _address(rng, person)
            other = f"shop.{email}"
            people.append(
                Person(
                    login=f"user-{person}" if rng.random() < config.accounts else None,
                    card=f"{29_000_000 + person}" if rng.random() < config.cards else None,
                    email=email,
                    store_email=other if rng.random() < config.second_emails else email,
                    phone=f"+44 7700 9{person:05d}",
                    customer=f"till-{person}",
                    devices=[*own, *family],
                )
            )
    return World(people, owners)


def typed(address: str, rng: np.random.Generator) -> str:
    """Type an address at a till with one slip before the "@": a letter lost, doubled or wrong."""
    local, domain = address.split("@")
    at = int(rng.integers(0, local.index(".")))  # never in the number, so that it hits nobody's
    slip = int(rng.integers(0, 3))
    wrong = {0: "", 1: local[at] * 2, 2: str(rng.choice(list(_LETTERS)))}[slip]
    return f"{local[:at]}{wrong}{local[at + 1 :]}@{domain}"
