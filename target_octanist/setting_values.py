"""Reads single values of a configuration, and collects what is wrong with them.

No message repeats a value that could be a secret or a person's.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, TypeVar

import phonenumbers

from target_octanist.leads.problems import MappingError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Choice = TypeVar("Choice", bound=str)
Default = TypeVar("Default")

_SHARE = re.compile(r"[0-9]{1,9}%?")


class ValueReader:
    """Has one method for each kind of value; each gives a default in place of a wrong value.

    Attributes:
        config: Name to value, without those that are null, which means "not set".
        problems: One sentence for every mistake found so far.
    """

    def __init__(self, config: Mapping[str, Any], problems: list[str], *, inside: str = "") -> None:
        """Take an object of the configuration.

        Args:
            config: The object.
            problems: Where mistakes are added.
            inside: What stands before each name in a sentence, such as ``streams.contacts.``.
        """
        self.config = {name: value for name, value in config.items() if value is not None}
        self.problems = problems
        self.inside = inside

    def text(self, name: str) -> str | None:
        value = self.config.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        if not isinstance(value, str):
            self.complain(name, f"must be text, not {kind_of(value)}.")
            return None
        return value.strip()

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.config.get(name, default)
        if isinstance(value, str) and value.strip().lower() in {"true", "false", "1", "0"}:
            return value.strip().lower() in {"true", "1"}
        if not isinstance(value, bool):
            self.complain(name, f"must be true or false, not {kind_of(value)}.")
            return default
        return value

    def number(self, name: str, default: int, least: int, most: int | None = None) -> int:
        value: object = self.config.get(name, default)
        if value is default:
            return default
        if isinstance(value, str) and value.strip().isdecimal():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            self.complain(name, f"must be a whole number, not {kind_of(value)}.")
            return default
        if value < least or (most is not None and value > most):
            limits = f"at least {least}" if most is None else f"from {least} to {most}"
            self.complain(name, f"must be {limits}, not {value}.")
            return default
        return value

    def share(self, name: str, default: str) -> str:
        """Read a number, or a share such as ``20%``."""
        value = self.config.get(name, default)
        text = str(value).replace(" ", "")
        if isinstance(value, bool) or not _SHARE.fullmatch(text):
            self.complain(name, "must be a number such as 500, or a share such as 20%.")
            return default
        return text

    def choice(self, name: str, choices: tuple[Choice, ...], default: Default) -> Choice | Default:
        value = self.config.get(name, default)
        if value not in choices:
            hint = near_miss(value, choices) if isinstance(value, str) else ""
            self.complain(name, f"must be one of {', '.join(choices)}{hint or '.'}")
            return default
        chosen: Choice | Default = value
        return chosen

    def names(self, name: str, default: Sequence[str] = ()) -> list[str]:
        value = self.config.get(name, list(default))
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            self.complain(name, f"must be a list of names, not {kind_of(value)}.")
            return []
        return value

    def region(self, name: str) -> str | None:
        value = self.config.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str) or value.upper() not in phonenumbers.SUPPORTED_REGIONS:
            self.complain(name, "must be a two-letter ISO country code such as NL or US.")
            return None
        return value.upper()

    def attempt(self, check: Callable[[], object]) -> None:
        """Collect what a check of the mapping finds."""
        try:
            check()
        except MappingError as error:
            self.problems.extend(error.problems)

    def complain(self, name: str, what: str, *, error_id: str | None = None) -> None:
        """Add a sentence about one of the values.

        Args:
            name: Of the value.
            what: The rest of the sentence.
            error_id: Its entry in the catalogue of errors, if that is not the usual one.
        """
        sentence = f"{self.inside}{name}: {what}"
        self.problems.append(Problem(sentence, error_id) if error_id else sentence)


def near_miss(name: str, known: Sequence[str]) -> str:
    """Give ``; did you mean "x"?`` for a near miss, and nothing for a far one."""
    close = difflib.get_close_matches(name, known, n=1)
    return f'; did you mean "{close[0]}"?' if close else ""


def kind_of(value: object) -> str:
    """Name a JSON value's kind, never the value itself."""
    for kinds, name in (
        ((bool,), "true/false"),
        ((int, float), "a number"),
        ((str,), "text"),
        ((list,), "a list"),
        ((dict,), "an object"),
    ):
        if isinstance(value, kinds):
            return name
    return "nothing"
