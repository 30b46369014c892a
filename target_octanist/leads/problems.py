"""What can be wrong: with a mapping (an exception, at start-up) or with a record (a value).

The sentences are for people and name only what they wrote themselves: settings, lead
fields, source columns. A value of a record is personal data and never part of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

RULES = {
    "required": "is required, but the record has no value for it",
    "no_identity": "has none of name, email, phone and custom, and needs one",
    "no_match_key": "has none of id, email and phone, and a change needs one",
    "invalid_email": "is not a valid e-mail address",
    "invalid_phone": "is not a possible phone number",
    "invalid_number": "is not a number",
    "unclear_number": "can be read in two ways: with thousands, or with decimals",
    "invalid_text": "is an object or a list of objects, where text is expected",
    "invalid_uuid": "is not a session id (a UUID)",
    "invalid_status": "is not qualified, won or lost, so the status is left out",
    "open_status": "is open, which cannot be set, so the status is left out",
    "invalid_custom": "cannot be written as JSON",
    "no_region": "has no country code and phone_region is not set, so it is sent as digits",
    "no_time": "cannot be made, because the column of `time` has no readable time",
    "unknown_region": "has no country code, and the country in its `region` column is unknown",
    "unknown_word": "is neither yes nor no, so consent counts as denied",
    "no_number": "has words instead of a phone number, so it counts as empty",
    "lost_number": "is NaN, infinite or longer than 400 digits, so it counts as empty",
    "too_long": "was longer than max_length, so it was cut",
}
"""Every rule by its name: stable, and safe to count by."""

EMPTY_RULES = (None, "no_number", "lost_number")
"""With these a source has nothing to say, and another source or the default steps in."""


class Problem(str):
    """A sentence about a mistake that knows its entry in the catalogue of errors."""

    __slots__ = ("error_id",)
    error_id: str

    def __new__(cls, sentence: str, error_id: str) -> Self:
        """Give the sentence its id."""
        self = super().__new__(cls, sentence)
        self.error_id = error_id
        return self


class MappingError(ValueError):
    """A mapping that cannot be used.

    Attributes:
        problems: One sentence for each mistake, with the setting's path and an id.
    """

    def __init__(self, problems: Iterable[str], error_id: str = "mapping-value") -> None:
        """Take one sentence for each mistake; a `Problem` among them keeps its own id."""
        self.problems = tuple(
            one if isinstance(one, Problem) else Problem(one, error_id) for one in problems
        )
        super().__init__("\n".join(self.problems))


@dataclass(slots=True)
class Problems:
    """The mistakes found so far, each with the path of its setting."""

    found: list[Problem] = field(default_factory=list)

    def add(self, where: str, what: str, error_id: str = "mapping-value") -> None:
        sentence = f"{where}: {what if what.endswith(('.', '?')) else what + '.'}"
        self.found.append(Problem(sentence, error_id))


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a field of one record was left out or changed, or the record refused.

    Attributes:
        field: The lead field, or ``lead`` for the record as a whole.
        rule: A key of `RULES`.
        source: The source column or path, in words; None where a rule is not about one
            source.
    """

    field: str
    rule: str
    source: str | None

    def sentence(self) -> str:
        origin = "" if self.source is None else f" (from {self.source})"
        return f"{self.field}{origin} {RULES.get(self.rule, self.rule)}."


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """``; did you mean "email"?`` when `word` is close to a known one, else a full stop."""
    by_folded = {name.casefold(): name for name in known}
    close = get_close_matches(str(word).casefold(), by_folded, n=1, cutoff=0.6)
    return f'; did you mean "{by_folded[close[0]]}"?' if close else "."


def yaml_text(value: Any) -> str:
    """A value as it stands in the configuration, for a message."""
    if isinstance(value, str):
        return f'"{value}"'
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value) if isinstance(value, (int, float)) else type_name(value)


def type_name(value: Any) -> str:
    """What kind of thing a value of the configuration is, in the user's words."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return "text" if isinstance(value, str) else yaml_text(value)
