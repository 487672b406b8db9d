"""A client of ``penchant-serve``, on the standard library alone.

client = pn.Client("http://127.0.0.1:8080")
client.recommend("17850", k=5, context={"basket": ["85123A"]})
client.recommend_json(b'{"subject": "17850"}')      # the server's very bytes

What the server objects to is raised as the error of :mod:`penchant.errors` that says it.
"""

from __future__ import annotations

import http.client
import json
import threading
import urllib.parse
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from ._outcome import outcome_of
from ._receipt import Receipt
from .errors import (
    BadDataError,
    InvalidArgumentError,
    NotFoundError,
    PenchantError,
    UnavailableError,
)

__all__ = ["Client"]

ExternalId = str | int

_PROBLEM_PREFIX = "urn:penchant:problem:"
# By problem type first, by status where the answer came from something in between.
_ERRORS_BY_TYPE: dict[str, type[PenchantError]] = {
    "bad-data": BadDataError,
    "internal": PenchantError,
    "not-found": NotFoundError,
    "request-timeout": UnavailableError,
    "unavailable": UnavailableError,
}
_UNAVAILABLE_STATUSES = frozenset({408, 429, 502, 503, 504})


class Client:
    """Asks one server, over connections that stay open: one for each thread that uses it.

    Parameters
    ----------
    url : str
        ``http://host:port`` or ``https://host:port``, with a path before the API's own where a
        proxy asks for one.
    timeout : float
        Seconds to wait for a connection or for an answer.

    Raises
    ------
    InvalidArgumentError
        When the URL is not one of http or https with a host, or the timeout is not positive.
    """

    def __init__(self, url: str, *, timeout: float = 10.0) -> None:
        parts = urllib.parse.urlsplit(url)
        try:
            port = parts.port
        except ValueError as error:
            raise InvalidArgumentError(f"{url!r}: {error}") from None
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InvalidArgumentError(
                f"{url!r} is not an address; write for example http://127.0.0.1:8080"
            )
        if not timeout > 0:
            raise InvalidArgumentError(f"timeout is {timeout}; give seconds above zero")
        self.url = url.rstrip("/")
        self.timeout = timeout
        self._secure = parts.scheme == "https"
        self._host = parts.hostname
        self._port = port
        self._prefix = parts.path.rstrip("/")
        self._local = threading.local()

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def recommend(
        self,
        subject: ExternalId | None = None,
        *,
        k: int = 10,
        placement: str | None = None,
        context: Mapping[str, Any] | None = None,
        deny: Sequence[ExternalId] | None = None,
        candidates: Sequence[ExternalId] | None = None,
        exclude_seen: bool | None = None,
        explain: bool = False,
        format: str = "pandas",  # noqa: A002
    ) -> Any:
        """Ask for `k` items for one subject.

        Parameters
        ----------
        subject : str, int or None
            As in the training events; None for someone anonymous.
        k : int
            How many items at most.
        placement : str, optional
            Where they will be shown.
        context : mapping, optional
            ``basket`` (ids), ``events`` (dicts), ``attributes``, ``page``, ``device``,
            ``location``, ``time`` (ISO 8601).
        deny, candidates : sequence of ids, optional
            Never these; only these.
        exclude_seen : bool, optional
            Leave out what the subject has already; the bundle's own setting when None.
        explain : bool
            Add the column ``shares``: what each source contributed, as a list of dict; and, where
            a ranker gave scores, ``ranker``: what moved them, as a dict.
        format : {"pandas", "polars", "pyarrow"}
            The kind of frame to answer with.

        Returns
        -------
        frame
            ``subject, item, name, score, rank, source, reason`` [up to k rows], best first.

        Raises
        ------
        InvalidArgumentError
            When the server finds fault with the request; it says which.
        UnavailableError
            When no server answers, or it says not now.
        """
        request: dict[str, Any] = {"subject": subject, "k": k}
        optional = {
            "placement": placement,
            "context": None if context is None else dict(context),
            "deny": None if deny is None else list(deny),
            "candidates": None if candidates is None else list(candidates),
            "exclude_seen": exclude_seen,
            "explain": explain or None,
        }
        request.update({name: value for name, value in optional.items() if value is not None})
        try:
            body = json.dumps(request, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise InvalidArgumentError(f"the request has no JSON form: {error}") from None
        return _frame(json.loads(self.recommend_json(body)), explain, format)

    def recommend_json(self, request: bytes | str | Mapping[str, Any]) -> bytes:
        """Send one request as it is; return the answer's bytes as they are.

        Parameters
        ----------
        request : bytes, str or mapping
            JSON, or what becomes it. See ``docs/openapi.yaml``.

        Returns
        -------
        bytes
            JSON: the same bytes that ``Pipeline.recommend_json`` gives for the same bundle.
        """
        return self._post("/v1/recommend", request)

    def observe(self, event: Mapping[str, Any]) -> str:
        """Tell of an event; on the disk, and known to the next request, once it returns.

        Parameters
        ----------
        event : mapping
            As `Pipeline.observe` takes it. Without an ``event_id`` one is made, so that sending it
            again after a broken connection counts once.

        Returns
        -------
        str
            "accepted" or "duplicate".

        Raises
        ------
        BadDataError
            When the event breaks its schema; it says where.
        NotFoundError
            When the server keeps nothing.
        """
        return outcome_of(self._post("/v1/events", {"event_id": str(uuid.uuid4()), **event}))

    def reward(
        self,
        decision_id: str | int,
        value: float,
        reward_id: str | None = None,
        *,
        item: ExternalId | None = None,
        slot: int | None = None,
        time: str | None = None,
    ) -> str:
        """Tell what came of a decision; durable once it returns.

        Parameters
        ----------
        decision_id : str or int
            Of the answer, as `recommend_json` and `recommend` have it.
        value : float
        reward_id : str, optional
            The same id again changes nothing. None: one is made, so that sending it again after a
            broken connection counts once.
        item, slot, time
            As `Pipeline.reward` takes them.

        Returns
        -------
        str
            "accepted", "held", "duplicate", "late", "unknown_decision", "unknown_slot" or
            "too_many".

        Raises
        ------
        NotFoundError
            When no placement of the server's bundle has a policy.
        """
        told = {
            "decision_id": decision_id, "value": value, "reward_id": reward_id or uuid.uuid4().hex,
            "item": item, "slot": slot, "time": time,
        }  # fmt: skip
        body = self.reward_json({name: each for name, each in told.items() if each is not None})
        return str(json.loads(body)["outcome"])

    def reward_json(self, request: bytes | str | Mapping[str, Any]) -> bytes:
        """Send one reward, or ``{"rewards": [...]}``, as it is; return the answer's bytes."""
        return self._post("/v1/rewards", request)

    def decision(self, decision_id: str | int) -> dict[str, Any]:
        """Return what the server's log has of a decision, as `Pipeline.decision` does.

        Raises
        ------
        NotFoundError
            When there is none of this id, or it was of someone who was erased.
        """
        found: dict[str, Any] = json.loads(self.decision_json(decision_id))
        return found

    def decision_json(self, decision_id: str | int) -> bytes:
        """Return the answer's bytes of ``GET /v1/decisions/{id}``."""
        return self._ask("GET", f"/v1/decisions/{urllib.parse.quote(str(decision_id), safe='')}")

    def identity_json(self, request: bytes | str | Mapping[str, Any]) -> bytes:
        """Send a decision about identifiers; see `Pipeline.identity_json`."""
        return self._post("/v1/identity", request)

    def subject_json(self, subject: ExternalId) -> bytes:
        """Return the answer's bytes of ``GET /v1/subjects/{id}``."""
        return self._ask("GET", f"/v1/subjects/{urllib.parse.quote(str(subject), safe='')}")

    def erase(self, subject: ExternalId) -> Receipt:
        """Forget a person in all that the server keeps beside its bundle, as `Pipeline.erase` does.

        Returns
        -------
        Receipt
        """
        return Receipt._of_json(self.erase_json(subject))

    def erase_json(self, subject: ExternalId) -> bytes:
        """Return the answer's bytes of ``DELETE /v1/subjects/{id}``."""
        return self._ask("DELETE", f"/v1/subjects/{urllib.parse.quote(str(subject), safe='')}")

    def health(self) -> bool:
        """Return whether the server's process answers."""
        return self._says_yes("/healthz")

    def ready(self) -> bool:
        """Return whether the server takes requests: False while it shuts down or is not there."""
        return self._says_yes("/readyz")

    def metrics(self) -> dict[str, float]:
        """Return the server's metrics, each by its name and labels as Prometheus writes them."""
        lines = self._ask("GET", "/metrics").decode().splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def close(self) -> None:
        """Close the calling thread's connection; it opens again when needed."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _says_yes(self, path: str) -> bool:
        try:
            self._ask("GET", path)
        except UnavailableError:
            return False
        return True

    def _post(self, path: str, request: bytes | str | Mapping[str, Any]) -> bytes:
        if isinstance(request, Mapping):
            request = json.dumps(request, ensure_ascii=False, allow_nan=False)
        body = request.encode() if isinstance(request, str) else bytes(request)
        return self._ask("POST", path, body)

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        status, kind, content = self._exchange(method, path, body)
        if status != 200:
            raise _error_of(status, kind, content)
        return content

    def _exchange(self, method: str, path: str, body: bytes | None) -> tuple[int, str, bytes]:
        """Return status, content type and body; ask again once where an old connection had gone.

        Asking twice does no harm: rewards have ids, and a decision that nobody saw is one that
        nobody rewarded.
        """
        headers = {"Content-Type": "application/json"} if body is not None else {}
        for attempt in range(2):
            connection: http.client.HTTPConnection | None
            connection = getattr(self._local, "connection", None)
            fresh = connection is None
            if connection is None:
                connection = self._connect()
            try:
                connection.request(method, self._prefix + path, body, headers)
                response = connection.getresponse()
                content = response.read()
            except TimeoutError:
                self.close()
                raise UnavailableError(
                    f"{self.url} did not answer within {self.timeout} s"
                ) from None
            except (http.client.HTTPException, OSError) as error:
                self.close()
                if fresh or attempt:
                    raise UnavailableError(f"{self.url} broke off: {error!r}") from error
                continue
            if response.will_close:
                self.close()
            return response.status, response.headers.get_content_type(), content
        raise AssertionError("the second attempt returns or raises")

    def _connect(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self.timeout)
        try:
            connection.connect()
        except OSError as error:
            raise UnavailableError(
                f"no server answers at {self.url}: {error}; start one with penchant-serve"
            ) from error
        self._local.connection = connection
        return connection


def _error_of(status: int, content_type: str, content: bytes) -> PenchantError:
    """Return the exception that an answer stands for."""
    problem: Any = None
    if content_type == "application/problem+json":
        try:
            problem = json.loads(content)
        except ValueError:
            problem = None
    if not isinstance(problem, dict):
        unknown = f"HTTP {status}: {content[:200].decode(errors='replace')}"
        if status in _UNAVAILABLE_STATUSES:
            return UnavailableError(unknown)
        return NotFoundError(unknown) if status == 404 else PenchantError(unknown)
    kind = str(problem.get("type", "")).removeprefix(_PROBLEM_PREFIX)
    message = str(problem.get("detail") or problem.get("title") or f"HTTP {status}")
    return _ERRORS_BY_TYPE.get(kind, InvalidArgumentError)(message)


def _frame(answer: dict[str, Any], explain: bool, kind: str) -> Any:
    """Return the answer's items as a frame of `kind`."""
    import pyarrow as pa

    from .data._frames import make_frame

    items = answer["items"]
    subject_type = pa.int64() if isinstance(answer["subject"], int) else pa.string()
    item_type = (
        pa.int64()
        if items and all(isinstance(item["item"], int) for item in items)
        else pa.string()
    )
    columns = {
        "subject": pa.array([answer["subject"]] * len(items), subject_type),
        "item": pa.array([item["item"] for item in items], item_type),
        "name": pa.array([item.get("name") for item in items], pa.string()),
        "score": pa.array([item["score"] for item in items], pa.float32()),
        "rank": pa.array([item["rank"] for item in items], pa.int64()),
        "source": pa.array([item["source"] for item in items], pa.string()),
        "reason": pa.array([item["reason"]["text"] for item in items], pa.string()),
    }
    if any("probability" in item for item in items):
        columns["probability"] = pa.array([item.get("probability") for item in items], pa.float64())
    if "decision_id" in answer:
        columns["propensity"] = pa.array([item.get("propensity") for item in items], pa.float64())
        columns["decision_id"] = pa.array([answer["decision_id"]] * len(items), pa.string())
    if explain:
        columns["shares"] = pa.array([item.get("shares") or [] for item in items])
        if any("ranker" in item for item in items):
            columns["ranker"] = pa.array([item.get("ranker") for item in items])
    return make_frame(columns, kind)
