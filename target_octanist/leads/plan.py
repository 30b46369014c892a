"""How one lead field is filled: from what the mapping says to one small function.

What can be decided before the first record is decided here: constants and defaults are
normalised, normalisers chosen, and options that cannot matter for a field refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from target_octanist.leads.clicks import fbc
from target_octanist.leads.contact import phone_by_country
from target_octanist.leads.custom import CustomSpec, ObjectReader, custom, jsonable
from target_octanist.leads.normalise import Normalise, normaliser, status
from target_octanist.leads.problems import EMPTY_RULES, RULES, yaml_text
from target_octanist.leads.schema import Field
from target_octanist.leads.text import is_lost_number

if TYPE_CHECKING:
    from target_octanist.leads.problems import Problems
    from target_octanist.leads.sources import Source
    from target_octanist.leads.spec import Beside, Spec
    from target_octanist.leads.text import Normal
    from target_octanist.leads.translate import Translation

Origin = Callable[[Mapping[str, Any]], str]
"""In words, what the value of a record was read from."""

Found = tuple[Any, "str | None", "str | None", "Origin | None"]
"""What a field came to: value, rule and source, as in `Normal` and `Reason`, and its origin."""

Fill = Callable[[Mapping[str, Any]], Found]

_TEXTS = ("text", "url", "custom")
# These have one meaning in the API, whatever the source calls it.
_FIXED_KINDS = ("boolean", "uuid", "status", "number")


@dataclass(frozen=True, slots=True)
class Plan:
    """How one lead field is filled.

    Attributes:
        name: The lead field.
        fill: Gives what the field comes to in a record. Never raises.
        required: Whether a record with nothing for it is refused.
        sources: What the field is read from, for a `Reason`.
    """

    name: str
    fill: Fill
    required: bool
    sources: str | None


def make_plan(
    field: Field,
    spec: Spec | CustomSpec,
    *,
    where: str,
    phone_region: str | None,
    used: frozenset[str],
    problems: Problems,
) -> Plan:
    """Compile one field.

    Args:
        field: The lead field.
        spec: What the mapping says about it.
        where: The path of its setting, for messages.
        phone_region: ISO country of phone numbers without a country code.
        used: The columns that the whole mapping reads.
        problems: Takes what is wrong.
    """
    if isinstance(spec, CustomSpec):
        for label, picked in spec.pick:
            _check_options(_picked_field(picked), picked, f"{where}.pick.{label}", problems)
        reader = ObjectReader(spec, used, partial(_picked_fill, phone_region=phone_region))

        def fill(record: Mapping[str, Any]) -> Found:
            return reader.read(record) or None, None, None, reader.origin

        return Plan(field.name, fill, spec.required, None)
    _check_options(field, spec, where, problems)
    normalise = _normaliser(field, spec, phone_region)
    if spec.const:
        (source,) = spec.sources
        value = _settled(normalise, source.read({}), f"{where}.const", problems)
        found: Found = (value, None, None, source.origin)
        return Plan(field.name, lambda _: found, spec.required, None)
    fill_from = _fill(spec, normalise, phone_region)
    if spec.default is not None:
        default = _settled(normalise, spec.default, f"{where}.default", problems)
        fill_from = _with_default(fill_from, default, spec.default)
    names = [source.name for source in spec.sources if source.name is not None]
    return Plan(field.name, fill_from, spec.required, ", ".join(names))


def _check_options(field: Field, spec: Spec, where: str, problems: Problems) -> None:
    kind = spec.kind or field.kind
    is_a = f"and {field.name} is {_A.get(kind, 'text')}"
    if spec.kind and field.kind in _FIXED_KINDS and spec.kind != field.kind:
        problems.add(f"{where}.type", f"cannot be changed here: {field.name} is {_A[field.kind]}")
    for words in ("true_values", "false_values"):
        if getattr(spec, words) is not None and kind != "boolean":
            problems.add(f"{where}.{words}", "only works with type: boolean")
    if spec.max_length is not None and kind not in _TEXTS:
        what = f"does not go with {_A[kind]}: cut short, it would be another one"
        problems.add(f"{where}.max_length", what)
    if spec.cents and field.kind != "number":
        problems.add(f"{where}.cents", f"only goes with value, and this is {field.name}")
    if field.kind == "status" and spec.translate is not None:
        for target in spec.translate.table.values():
            # A slip here would leave the status out of every change.
            if status(target)[1] == "invalid_status":
                what = f'"to" must be qualified, won, lost or null, not {yaml_text(target)}'
                problems.add(f"{where}.map", what)
    taken = {source.take for source in spec.sources}
    if "query" in taken and kind in ("boolean", "number", "status"):
        problems.add(f"{where}.query", f"does not go with {_A[kind]}: an address holds text")
    if "part" in taken and kind not in _TEXTS:
        problems.add(f"{where}.part", f"only goes with text, {is_a}")
    beside = spec.beside.key if spec.beside is not None else None
    if beside == "region" and kind != "phone":
        what = "with type: phone" if kind == "custom" else f"with a phone number, {is_a}"
        problems.add(f"{where}.region", f"only goes {what}")
    elif beside == "time" and field.name != "fbc":
        problems.add(f"{where}.time", f"only goes with fbc, and this is {field.name}")
    elif beside == "time" and kind != "text":
        problems.add(f"{where}.type", "does not go with time: a click id is text")
    elif beside == "time" and spec.max_length is not None:
        problems.add(f"{where}.max_length", "does not go with time: cut short, fbc is useless")


_A = {
    "boolean": "a boolean",
    "uuid": "a session id",
    "status": "a status",
    "number": "a number",
    "email": "an e-mail address",
    "phone": "a phone number",
    "url": "an address",
}


def _normaliser(field: Field, spec: Spec, phone_region: str | None) -> Normalise:
    if field.kind == "custom" and spec.kind is None and spec.max_length is None:
        return custom
    # The source is text when it is cut, also for `custom`.
    return normaliser(
        field,
        spec.kind or ("text" if field.kind == "custom" else field.kind),
        phone_region=phone_region,
        true_values=spec.true_values,
        false_values=spec.false_values,
        max_length=spec.max_length,
        in_cents=spec.cents,
    )


def _settled(normalise: Normalise, raw: Any, where: str, problems: Problems) -> Any:
    """A value of the configuration, which is wrong now or never."""
    value, rule = normalise(raw)
    if value is None:
        problems.add(where, RULES[rule] if rule else "says nothing; to leave it out, use null")
    elif rule is not None:
        problems.add(where, RULES[rule])
    return value


def _fill(spec: Spec, normalise: Normalise, phone_region: str | None) -> Fill:
    sources, translate = spec.sources, spec.translate
    if spec.beside is not None:
        return _fill_beside(spec, spec.beside, normalise, phone_region)
    if len(sources) > 1 or translate is not None:
        return lambda record: _first_found(sources, translate, normalise, record)
    source, read, origin = sources[0].name, sources[0].read, sources[0].origin
    nothing: Found = (None, None, source, None)

    def fill_one(record: Mapping[str, Any]) -> Found:
        raw = read(record)
        if raw is None:
            return nothing
        value, rule = normalise(raw)
        if value is None and rule is None and is_lost_number(raw):
            rule = "lost_number"
        return value, rule, source, origin

    return fill_one


def _first_found(
    sources: tuple[Source, ...],
    translate: Translation | None,
    normalise: Normalise,
    record: Mapping[str, Any],
) -> Found:
    flaw: Found = (None, None, sources[0].name, None)
    for source in sources:
        raw = source.read(record)
        if raw is None:
            continue
        value, rule = normalise(raw if translate is None else translate(raw))
        if value is not None:
            # An invalid value is worth a note, even if another value is used instead.
            if flaw[1] is None:
                return value, rule, source.name, source.origin
            return value, flaw[1], flaw[2], source.origin
        if rule is None and is_lost_number(raw):
            rule = "lost_number"
        if rule is not None and flaw[1] is None:
            flaw = (None, rule, source.name, None)
    return flaw


def _fill_beside(
    spec: Spec, beside: Beside, normalise: Normalise, phone_region: str | None
) -> Fill:
    """For a value that a second column says how to read."""

    def fill(record: Mapping[str, Any]) -> Found:
        second = beside.path.read(record)
        if beside.key == "region":
            read: Normalise = partial(phone_by_country, country=second, region=phone_region)
        else:
            read = lambda raw: fbc(normalise(raw), second)  # noqa: E731 - as short as the other
        value, rule, source, origin = _first_found(spec.sources, spec.translate, read, record)
        if origin is None or second is None:
            return value, rule, source, origin
        return value, rule, source, lambda record: f"{origin(record)} with {beside.path.words}"

    return fill


def _with_default(fill: Fill, default: Any, written: Any) -> Fill:
    label = f"default {written!r}"

    def fill_or_default(record: Mapping[str, Any]) -> Found:
        found = fill(record)
        if found[0] is None and found[1] in EMPTY_RULES:
            return default, found[1], found[2], lambda _: label
        return found

    return fill_or_default


def _picked_field(spec: Spec) -> Field:
    return Field("custom", "free", "boolean" if spec.kind == "boolean" else "custom")


def _picked_fill(spec: Spec, phone_region: str | None) -> Fill:
    """For a picked value inside `custom`: it keeps its type, unless the spec gives one."""
    if spec.kind is None and spec.max_length is None:
        normalise: Normalise = _as_it_is
    else:
        normalise = _jsonable(_normaliser(_picked_field(spec), spec, phone_region))
    fill = _fill(spec, normalise, phone_region)
    if spec.default is None:
        return fill
    return _with_default(fill, jsonable(spec.default), spec.default)


def _as_it_is(value: Any) -> Normal:
    return jsonable(value), None


def _jsonable(normalise: Normalise) -> Normalise:
    def read(raw: Any) -> Normal:
        value, rule = normalise(raw)
        return jsonable(value), rule

    return read
