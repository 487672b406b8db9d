"""The knobs of a world of people and their identifiers."""

from __future__ import annotations

from dataclasses import dataclass, fields

from penchant.errors import InvalidArgumentError

__all__ = ["IdentityConfig"]

_SHARES = (
    "accounts",
    "cards",
    "family_devices",
    "email_typos",
    "second_emails",
    "cookie_loss",
)
_AMOUNTS = ("visits", "store_visits")


@dataclass(frozen=True, kw_only=True)
class IdentityConfig:
    """Everything that a world follows from, together with nothing else.

    Attributes
    ----------
    people, days, seed : int
    household : int
        Most people of a household; sizes from 1 up are alike.
    accounts, cards : float
        Shares of the people who have a login, and a loyalty card.
    family_devices : float
        Share of the households with a device that all of them use.
    email_typos : float
        Share of the addresses typed at a till that have a slip of the finger.
    second_emails : float
        Share of the people who use another address in the store.
    cookie_loss : float
        Chance that a device has lost its cookie when a visit begins.
    visits, store_visits : float
        Mean visits of a person to the site and to the store in all.
    start : str
        First day, ISO date; the log is in UTC.
    """

    people: int = 1000
    days: int = 90
    seed: int = 0
    household: int = 4
    accounts: float = 0.6
    cards: float = 0.5
    family_devices: float = 0.3
    email_typos: float = 0.05
    second_emails: float = 0.1
    cookie_loss: float = 0.1
    visits: float = 8.0
    store_visits: float = 2.0
    start: str = "2026-01-01"

    def __post_init__(self) -> None:
        for name in ("people", "days", "household"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InvalidArgumentError(f"{name} is {value!r}; it is 1 or more")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise InvalidArgumentError(f"seed is {self.seed!r}; it is 0 or more")
        for name in _SHARES:
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise InvalidArgumentError(f"{name} is {value!r}; it is a share, 0 to 1")
        for name in _AMOUNTS:
            value = getattr(self, name)
            if not 0 <= value <= 1e6:
                raise InvalidArgumentError(f"{name} is {value!r}; it is 0 to 1,000,000")

    @classmethod
    def names(cls) -> list[str]:
        """Names of the knobs."""
        return [field.name for field in fields(cls)]
