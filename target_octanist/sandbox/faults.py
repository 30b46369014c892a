"""Misbehaviour on demand: rules that say which requests go wrong, and how. Pure, deterministic.

A rule is a JSON object::

    {
        "match": {
            "method": "POST",
            "path": "/leads",
            "field": {"email": "*@slow.example"},
            "nth": 3,
            "every": 10,
            "per_second_over": 50,
        },
        "action": {"kind": "status", "status": 503, "retry_after": 1},
        "times": 2,
    }

- ``match``: every given part must hold; none at all matches every request to the API.
  ``path`` is a glob below the API prefix. ``field`` maps keys of the JSON body (or of the query)
  to globs, without case. ``nth`` (a number or a list, from 1) and ``every`` count the requests
  that the rest of this rule matched and no earlier rule took. ``per_second_over`` lets that many
  requests of each second pass.
- ``action``: an object with a ``kind`` (see ``_PARAMETERS``), or the name of a ready-made one
  (see ``NAMED``). With ``commit`` the request is carried out first; without, it never is.
- ``times``: the rule expires after this many uses; without it, never.

The first rule that matches wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from itertools import count
from typing import NoReturn

_COMMON: dict[str, object] = {"commit": False, "latency_ms": 0}
_PARAMETERS: dict[str, dict[str, object]] = {
    # Answers as it should, after latency_ms; commit: the wait is between storing and answering.
    "delay": _COMMON,
    # Answers with this status. body: envelope, html, text or empty. retry_after: seconds, written
    # as a number or (retry_after_form) a date.
    "status": {
        **_COMMON,
        "status": 500,
        "body": "envelope",
        "code": "",
        "message": "",
        "retry_after": -1,
        "retry_after_form": "seconds",
        "location": "",
    },
    # Closes the connection without a byte; reset: with a TCP reset instead of an orderly end.
    "drop": {**_COMMON, "reset": False},
    # Never answers; seconds: then closes the connection. -1: not before the server stops.
    "hang": {**_COMMON, "seconds": -1},
    # Sends the head and half of the body of the true answer, then closes the connection.
    "half": {**_COMMON, "commit": True},
    # A 2xx (the status of the true answer, where that was one) with a body that is not JSON.
    "unreadable": {**_COMMON, "commit": True},
    # 200 with the error envelope.
    "success-false": _COMMON,
}
_CHOICES = {
    "body": ("envelope", "html", "text", "empty"),
    "retry_after_form": ("seconds", "date"),
}

NAMED: dict[str, dict[str, object]] = {
    "429": {"kind": "status", "status": 429},
    "429-retry-after": {"kind": "status", "status": 429, "retry_after": 1},
    "429-retry-after-date": {
        "kind": "status",
        "status": 429,
        "retry_after": 1,
        "retry_after_form": "date",
    },
    "500": {"kind": "status", "status": 500},
    "500-after-commit": {"kind": "status", "status": 500, "commit": True},
    "503-retry-after": {"kind": "status", "status": 503, "retry_after": 1},
    "401": {"kind": "status", "status": 401},
    "404": {"kind": "status", "status": 404},
    "405": {"kind": "status", "status": 405},
    "409": {"kind": "status", "status": 409},
    "redirect": {"kind": "status", "status": 302, "body": "html", "location": "/api/redirected"},
    "html-403": {"kind": "status", "status": 403, "body": "html"},
    "html-429": {"kind": "status", "status": 429, "body": "html"},
    "html-502": {"kind": "status", "status": 502, "body": "html"},
    "html-503": {"kind": "status", "status": 503, "body": "html"},
    "html-520": {"kind": "status", "status": 520, "body": "html"},
    "html-502-after-commit": {"kind": "status", "status": 502, "body": "html", "commit": True},
    "drop": {"kind": "drop"},
    "drop-after-commit": {"kind": "drop", "commit": True},
    "hang": {"kind": "hang"},
    "hang-after-commit": {"kind": "hang", "commit": True},
    "half": {"kind": "half"},
    "unreadable": {"kind": "unreadable"},
    "success-false": {"kind": "success-false"},
}
"""Ready-made actions, by the name that a rule may give in place of an object."""

_STATUS_CODES = {
    400: "VALIDATION_ERROR",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "NOT_FOUND",
    409: "CONFLICT",
    # Not in the documentation, as 429 itself is not: clients must cope with codes unknown to them.
    429: "TOO_MANY_REQUESTS",
}


@dataclass(frozen=True)
class Seen:
    """What a rule may look at. ``now`` is in seconds, from any clock that does not jump."""

    method: str
    path: str
    fields: Mapping[str, object]
    now: float


@dataclass(frozen=True)
class Action:
    """What goes wrong. Only the parts that belong to ``kind`` mean anything."""

    kind: str
    commit: bool = False
    latency_ms: int = 0
    status: int = 500
    body: str = "envelope"
    code: str = ""
    message: str = ""
    retry_after: int = -1
    retry_after_form: str = "seconds"
    location: str = ""
    reset: bool = False
    seconds: int = -1

    @classmethod
    def parse(cls, spec: object) -> Action:
        """Read an action object or name. ValueError says what is wrong."""
        if isinstance(spec, str):
            if spec not in NAMED:
                _bad(f"unknown action {spec!r}; there are {', '.join(NAMED)}")
            spec = NAMED[spec]
        given = dict(_mapping("action", spec))
        kind = given.pop("kind", None)
        if not isinstance(kind, str) or kind not in _PARAMETERS:
            _bad(f"action.kind must be one of {', '.join(_PARAMETERS)}")
        values = dict(_PARAMETERS[kind])
        for key, value in given.items():
            if key not in values:
                _bad(f"action of kind {kind} has no {key!r}")
            if type(value) is not type(values[key]):
                _bad(f"action.{key} must be of type {type(values[key]).__name__}")
            if value not in _CHOICES.get(key, (value,)):
                _bad(f"action.{key} must be one of {', '.join(_CHOICES[key])}")
            values[key] = value
        action = cls(kind, **values)  # type: ignore[arg-type]
        if kind in {"half", "unreadable"} and not action.commit:
            _bad(f"action of kind {kind} always commits: it is the true answer that goes wrong")
        if not 200 <= action.status <= 599:  # noqa: PLR2004
            _bad("action.status must be from 200 to 599")
        if not action.code:
            code = _STATUS_CODES.get(action.status, "INTERNAL_ERROR")
            object.__setattr__(action, "code", code)
        return action


@dataclass
class Rule:
    """One rule with its counters; ``number`` names it among those of a server."""

    spec: Mapping[str, object]
    action: Action
    method: str | None = None
    path: str | None = None
    field: dict[str, str] = field(default_factory=dict)
    nth: frozenset[int] = frozenset()
    every: int = 0
    per_second_over: int = -1
    times: int = 0
    number: int = 0
    matched: int = 0
    used: int = 0
    _second: int = -1
    _in_second: int = 0

    @classmethod
    def parse(cls, spec: object) -> Rule:
        """Read a rule. ValueError says what is wrong."""
        given = _mapping("rule", spec)
        _only("rule", given, {"match", "action", "times"})
        match = _mapping("match", given.get("match", {}))
        _only("match", match, {"method", "path", "field", "nth", "every", "per_second_over"})
        nth = match.get("nth", [])
        rule = cls(given, Action.parse(given.get("action")))
        rule.nth = frozenset(
            _number("nth", number) for number in (nth if isinstance(nth, list) else [nth])
        )
        if "method" in match:
            rule.method = _text("method", match["method"]).upper()
        if "path" in match:
            rule.path = _text("path", match["path"])
        if "every" in match:
            rule.every = _number("every", match["every"])
        if "per_second_over" in match:
            rule.per_second_over = _number("per_second_over", match["per_second_over"])
        if "times" in given:
            rule.times = _number("times", given["times"])
        rule.field = {
            key: _text(f"field.{key}", glob).lower()
            for key, glob in _mapping("field", match.get("field", {})).items()
        }
        return rule

    def takes(self, seen: Seen) -> bool:
        """Tell whether this request goes wrong by this rule, and count it."""
        if (self.times and self.used >= self.times) or not self._describes(seen):
            return False
        self.matched += 1
        if self.nth and self.matched not in self.nth:
            return False
        if self.every and self.matched % self.every:
            return False
        if self.per_second_over >= 0 and not self._too_fast(seen.now):
            return False
        self.used += 1
        return True

    def shown(self) -> dict[str, object]:
        """Return the rule as it was given, with its number, its counters and all of its action."""
        return {
            **self.spec,
            "number": self.number,
            "does": asdict(self.action),
            "matched": self.matched,
            "used": self.used,
        }

    def _describes(self, seen: Seen) -> bool:
        return (
            self.method in {None, seen.method}
            and (self.path is None or fnmatchcase(seen.path, self.path))
            and all(_matches(seen.fields.get(key), glob) for key, glob in self.field.items())
        )

    def _too_fast(self, now: float) -> bool:
        if int(now) != self._second:
            self._second, self._in_second = int(now), 0
        self._in_second += 1
        return self._in_second > self.per_second_over


class Faults:
    """The rules in force, in order."""

    def __init__(self) -> None:
        """Start with none: all requests go well."""
        self.rules: list[Rule] = []
        self._numbers = count(1)

    def add(self, *specs: object) -> None:
        """Append rules: all or, with a ValueError, none of them."""
        self.rules = [*self.rules, *self._parse(specs)]

    def replace(self, *specs: object) -> None:
        """Put these rules in place of all others: all or, with a ValueError, none of them."""
        self.rules = self._parse(specs)

    def remove(self, number: int) -> None:
        """Take away the rule of this number, if it is still in force."""
        self.rules = [rule for rule in self.rules if rule.number != number]

    def look_at_fields(self) -> bool:
        """Tell whether a rule needs the body of a request."""
        return any(rule.field for rule in self.rules)

    def choose(self, seen: Seen) -> Action | None:
        """Return what goes wrong with this request, or None."""
        return next((rule.action for rule in self.rules if rule.takes(seen)), None)

    def _parse(self, specs: Iterable[object]) -> list[Rule]:
        rules = [Rule.parse(spec) for spec in specs]
        for rule in rules:
            rule.number = next(self._numbers)
        return rules


def _matches(value: object, glob: str) -> bool:
    return isinstance(value, str) and fnmatchcase(value.lower(), glob)


def _mapping(name: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        _bad(f"{name} must be an object")
    return value


def _only(name: str, given: Mapping[str, object], known: set[str]) -> None:
    unknown = sorted(set(given) - known)
    if unknown:
        _bad(f"{name} has no {unknown[0]!r}; it may have {', '.join(sorted(known))}")


def _number(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        _bad(f"{name} must be a whole number from 1")
    return value


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        _bad(f"{name} must be a text")
    return value


def _bad(message: str) -> NoReturn:
    raise ValueError(message)
