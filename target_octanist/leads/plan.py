"""How one lead field is filled: from what the mapping says to one small function.

What can be decided before the first record is decided here: constants and defaults are
normalised, normalisers chosen, and options that cannot matter for a field refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from target_octanist.leads.custom import CustomSpec, custom, jsonable, object_reader
from target_octanist.leads.normalise import Normalise, normaliser
from target_octanist.leads.problems import RULES
from target_octanist.leads.schema import Field

if TYPE_CHECKING:
    from target_octanist.leads.spec import Problems, Source, Spec, Translation
    from target_octanist.leads.text import Normal

Found = tuple[Any, "str | None", "str | None"]
"""What a field came to: value, rule and source, as in `Normal` and `Reason`."""

Fill = Callable[[Mapping[str, Any]], Found]

_CUTTABLE = ("text", "url", "custom")
# These have one meaning in the API, whatever the source calls it.
_FIXED_KINDS = ("boolean", "uuid", "status", "number")


@dataclass(frozen=True, slots=True)
class Plan:
    """How one lead field is filled.

    Attributes:
        name: The lead field.
        fill: Gives what the field comes to in a record. Never raises.
        default: What to take, normalised, where the record has nothing.
        required: Whether a record with nothing for it is refused.
        sources: What the field is read from, for a `Reason`.
    """

    name: str
    fill: Fill
    default: Any
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
        read_object = object_reader(spec, used, lambda one: _picked_reader(one, phone_region))

        def fill(record: Mapping[str, Any]) -> Found:
            return read_object(record) or None, None, None

        return Plan(field.name, fill, None, spec.required, None)
    _check_options(field, spec, where, problems)
    normalise = _normaliser(field, spec, phone_region)
    default = None
    if spec.default is not None:
        default = _settled(normalise, spec.default, f"{where}.default", problems)
    texts = [source.text for source in spec.sources if source.text is not None]
    if spec.const:
        value = _settled(normalise, spec.sources[0].read({}), f"{where}.const", problems)
        return Plan(field.name, lambda _: (value, None, None), None, spec.required, None)
    fill_from = _fill(spec.sources, spec.translate, normalise)
    return Plan(field.name, fill_from, default, spec.required, ", ".join(texts))


def _check_options(field: Field, spec: Spec, where: str, problems: Problems) -> None:
    kind = spec.kind or field.kind
    if spec.kind and field.kind in _FIXED_KINDS and spec.kind != field.kind:
        problems.add(f"{where}.type", f"cannot be changed here: {field.name} is {_A[field.kind]}")
    if spec.true_values is not None and kind != "boolean":
        problems.add(f"{where}.true_values", "only works with type: boolean")
    if spec.max_length is not None and kind not in _CUTTABLE:
        what = f"does not go with {_A[kind]}: cut short, it would be another one"
        problems.add(f"{where}.max_length", what)


_A = {
    "boolean": "a boolean",
    "uuid": "a session id",
    "status": "a status",
    "number": "a number",
    "email": "an e-mail address",
    "phone": "a phone number",
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
        max_length=spec.max_length,
    )


def _settled(normalise: Normalise, raw: Any, where: str, problems: Problems) -> Any:
    """A value of the configuration, which is wrong now or never."""
    value, rule = normalise(raw)
    if value is None:
        problems.add(where, RULES[rule] if rule else "says nothing; to leave it out, use null")
    elif rule is not None:
        problems.add(where, RULES[rule])
    return value


def _fill(sources: tuple[Source, ...], translate: Translation | None, normalise: Normalise) -> Fill:
    first, read_first = sources[0].text, sources[0].read
    if len(sources) == 1 and translate is None:

        def fill_one(record: Mapping[str, Any]) -> Found:
            raw = read_first(record)
            if raw is None:
                return None, None, first
            value, rule = normalise(raw)
            return value, rule, first

        return fill_one

    def fill(record: Mapping[str, Any]) -> Found:
        flaw: Found = (None, None, first)
        for source in sources:
            raw = source.read(record)
            if raw is None:
                continue
            value, rule = normalise(raw if translate is None else translate(raw))
            if value is not None:
                # An invalid value on the way is worth a note, also when another steps in.
                return (value, rule, source.text) if flaw[1] is None else (value, *flaw[1:])
            if rule is not None and flaw[1] is None:
                flaw = (None, rule, source.text)
        return flaw

    return fill


def _picked_reader(spec: Spec, phone_region: str | None) -> Callable[[Mapping[str, Any]], Any]:
    """For a picked value inside `custom`: it keeps its type, unless the spec gives one."""
    as_it_is = spec.kind is None and spec.max_length is None
    field = Field("custom", "free", "boolean" if spec.kind == "boolean" else "custom")
    fill = _fill(
        spec.sources,
        spec.translate,
        _as_it_is if as_it_is else _normaliser(field, spec, phone_region),
    )

    def read(record: Mapping[str, Any]) -> Any:
        value = fill(record)[0]
        return spec.default if value is None else value

    return read


def _as_it_is(value: Any) -> Normal:
    return jsonable(value), None
