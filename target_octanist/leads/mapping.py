"""From a record of any source to the payload of a lead, as the configuration says.

`compile_mapping` reads the configuration once and finds every mistake in it; what it gives
is a row of small functions, one for each lead field. `LeadMapping.apply` runs them. Trouble
with a record is a value (`Unmappable`, or a note in `Mapped`), never an exception.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from phonenumbers import SUPPORTED_REGIONS

from target_octanist.leads.change import split
from target_octanist.leads.custom import CustomSpec, read_custom
from target_octanist.leads.plan import Plan, make_plan
from target_octanist.leads.problems import (
    EMPTY_RULES,
    MappingError,
    Problems,
    Reason,
    did_you_mean,
    type_name,
)
from target_octanist.leads.schema import (
    CHANGE_KEYS,
    CONSENT_SHORTHAND,
    FIELDS,
    IDENTITY_KEYS,
    MATCH_KEYS,
    UPDATE_FIELDS,
    Field,
    Mode,
    fields_of,
)
from target_octanist.leads.schema_check import check_columns, is_lost
from target_octanist.leads.sources import ORIGINS
from target_octanist.leads.spec import Spec, read_spec

if TYPE_CHECKING:
    from target_octanist.leads.paths import Path

_REACHABLE = ("email", "phone", "id")
# By these fields a preset is seen to be meant for a stream.
_TELLING = {"create": ("email", "phone"), "update": ("status", "value")}
_IDENTITY = {"create": IDENTITY_KEYS, "update": MATCH_KEYS, "upsert": (*IDENTITY_KEYS, "id")}


# Created once per record; a Struct is ten times cheaper than a dataclass.
class Mapped(Struct, frozen=True):
    """A record that makes a lead, or a change of one.

    Attributes:
        payload: In contract order; no nulls, no empty text, no unknown keys. In the mode
            ``update`` it is that of the change; in ``upsert`` the fields of both, for
            `split` to take apart.
        notes: What was left out or changed, if anything.
    """

    payload: dict[str, Any]
    notes: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Unmappable:
    """A record that makes no lead and no change, and why."""

    reasons: tuple[Reason, ...]


class LeadMapping:
    """A compiled mapping; make one with `compile_mapping`."""

    def __init__(
        self,
        plans: Iterable[Plan],
        specs: Mapping[str, Spec | CustomSpec],
        where: str,
        mode: Mode,
        *,
        is_linked: bool = False,
    ) -> None:
        self._plans = tuple(plans)
        self._specs = specs
        self._where = where
        self._mode = mode
        self._is_linked = is_linked
        self._identity = _IDENTITY[mode]
        self._no_identity = "no_match_key" if mode == "update" else "no_identity"

    def apply(self, record: Mapping[str, Any]) -> Mapped | Unmappable:
        """Map one record. Never raises, whatever the record holds."""
        payload: dict[str, Any] = {}
        notes: list[Reason] = []
        refused: list[Reason] = []
        doubtful: list[Reason] = []
        for plan in self._plans:
            value, rule, source, _ = plan.fill(record)
            if value is not None:
                payload[plan.name] = value
                if rule is not None:
                    notes.append(Reason(plan.name, rule, source))
            elif rule is not None:
                reason = Reason(plan.name, rule, source)
                if plan.required:
                    refused.append(reason)
                else:
                    notes.append(reason)
                    if plan.name in self._identity and rule not in EMPTY_RULES:
                        doubtful.append(reason)
            elif plan.required:
                refused.append(Reason(plan.name, "required", plan.sources))
        if refused:
            return Unmappable((*refused, *doubtful))
        if not self._is_linked:
            # Without a bad address a lead is still a lead, as long as there is another way to
            # reach the person; otherwise nobody could contact this lead.
            if doubtful and payload.keys().isdisjoint(_REACHABLE):
                return Unmappable(tuple(doubtful))
            if payload.keys().isdisjoint(self._identity):
                return Unmappable((Reason("lead", self._no_identity, None),))
        if self._mode == "update":
            _, change = split(payload, "update")
            payload = change.payload if change else {}
        return Mapped(payload, tuple(notes))

    def sources_of(self, record: Mapping[str, Any]) -> dict[str, str]:
        """For each lead field that this record fills, in words, what it was filled from.

        The names of columns, a constant or a default of the mapping; no value of the record.
        """
        found = ((plan.name, plan.fill(record)) for plan in self._plans)
        return {
            name: origin(record)
            for name, (value, _, _, origin) in found
            if value is not None and origin is not None
        }

    def check_schema(self, schema: Mapping[str, Any], optional: Collection[str] = ()) -> list[str]:
        """One sentence for each column that the mapping reads and the stream does not have.

        Of a list of paths one is enough. What a schema leaves open is not complained about.

        Args:
            schema: Of the stream's records.
            optional: Lead fields that come from a preset. None of their columns is missed,
                as long as there is one for an e-mail address or a phone number (of a
                change: for its status or value).

        Raises:
            MappingError: A required field has no column left, so no record can become a lead.
        """
        problems = [f"{self._where}: {what}." for what in self._lacks()]
        own = {name: spec for name, spec in self._specs.items() if name not in optional}
        telling = _TELLING.get(self._mode, _TELLING["create"])
        if optional and all(
            is_lost(spec, schema) for name, spec in self._specs.items() if name in telling
        ):
            known = f"for {' and '.join(telling)} that the preset knows"
            what = f"the stream has none of the columns {known}"
            problems.append(f"{self._where}: {what}; is it the preset for this stream?")
        errors, warnings = check_columns(own, schema, self._where)
        if errors:
            raise MappingError(errors, "stream-lacks-required")
        return problems + warnings

    def _lacks(self) -> Iterator[str]:
        """What no record can do without, and nothing is mapped to."""
        if not self._is_linked and not any(key in self._specs for key in self._identity):
            end = (
                "change can find its lead" if self._mode == "update" else "record can become a lead"
            )
            yield f"maps none of {_names(self._identity)}, so no {end}"
        if self._mode == "update" and not any(key in self._specs for key in CHANGE_KEYS):
            yield f"maps none of {_names(CHANGE_KEYS)}, so nothing can change"

    def explain(self) -> list[tuple[str, str]]:
        """Each mapped lead field, and in words where its value comes from."""
        return [(plan.name, _describe(self._specs[plan.name])) for plan in self._plans]

    def paths(self) -> dict[str, tuple[Path, ...]]:
        """Each mapped lead field, and the paths that it reads."""
        return {plan.name: self._specs[plan.name].paths for plan in self._plans}


def compile_mapping(
    mapping: object,
    *,
    where: str,
    phone_region: str | None = None,
    contract: str = "full",
    mode: Mode = "create",
    is_linked: bool = False,
    is_layer: bool = False,
) -> LeadMapping:
    """Compile the `mapping` of one stream.

    Args:
        mapping: An object of lead field → spec, as in the configuration.
        where: The path of this setting, for messages.
        phone_region: ISO country of phone numbers without a country code.
        contract: ``full`` or ``legacy``.
        mode: Which fields may be mapped: those of a new lead, of a change, or both.
        is_linked: In the mode ``update``: whether the stream has a link, by which a record
            without an identifier finds its lead.
        is_layer: Whether this overrides another mapping, which may say where values are
            from; then it is only compiled to find mistakes.

    Raises:
        MappingError: With every mistake in the mapping.
    """
    problems = Problems()
    if not isinstance(mapping, Mapping):
        problems.add(where, f"must be an object of lead field: source, not {type_name(mapping)}")
        raise MappingError(problems.found)
    region = phone_region.upper() if phone_region else None
    if region is not None and region not in SUPPORTED_REGIONS:
        what = f'phone_region "{phone_region}" is not an ISO country code such as NL or US'
        problems.add(where, what)
    if is_layer:
        mapping = {name: _over_anything(name, spec) for name, spec in mapping.items()}
    allowed = fields_of(mode)
    specs = _read_specs(mapping, where, allowed, contract, problems)
    used = frozenset[str]().union(*(spec.columns for spec in specs.values()))
    plans = [
        make_plan(
            field,
            specs[name],
            where=f"{where}.{name}",
            phone_region=region,
            used=used,
            problems=problems,
        )
        for name, field in allowed.items()
        if name in specs
    ]
    if problems.found:
        raise MappingError(problems.found)
    mapped = {plan.name: specs[plan.name] for plan in plans}
    return LeadMapping(plans, mapped, where, mode, is_linked=is_linked and mode == "update")


def implicit_mapping(columns: Iterable[str]) -> dict[str, Any] | None:
    """The mapping of a stream whose columns already are lead fields, each to itself.

    None unless there is an e-mail or a phone column: companies and countries have a name,
    and are not leads.
    """
    present = set(columns)
    found = {name: name for name in FIELDS if name in present}
    return found if "email" in found or "phone" in found else None


def merge_layers(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """One mapping of many: field by field the last layer wins, and its null takes it out.

    A spec that says nothing about where its value is from, such as ``{map: …}``, is laid
    over the spec below it: what it does not say stays. The consent shorthand counts as the keys that it stands for, so that a later layer can
    also take back one of the four, or give all of them another source.
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        for name, spec in _without_shorthand(layer).items():
            merged[name] = _laid_over(merged.get(name), spec) if name != "custom" else spec
    return {name: spec for name, spec in merged.items() if spec is not None}


def _laid_over(below: Any, spec: Any) -> Any:
    if below is None or not isinstance(spec, Mapping) or any(key in spec for key in ORIGINS):
        return spec
    return {**(below if isinstance(below, Mapping) else {"from": below}), **spec}


def _over_anything(name: object, spec: Any) -> Any:
    """A spec of a layer, as if every field had a source below it."""
    if name == "consent" and isinstance(spec, Mapping):
        return {flag: _laid_over("below", one) for flag, one in spec.items()}
    return spec if name == "custom" else _laid_over("below", spec)


def _without_shorthand(layer: Mapping[str, Any]) -> dict[str, Any]:
    """The layer with `consent` written out; a key that the layer names itself stays."""
    flags = layer.get("consent", {})
    if flags is None:
        flags = dict.fromkeys(CONSENT_SHORTHAND)
    # What is malformed stays where it is, for `compile_mapping` to say so.
    if not isinstance(flags, Mapping) or not flags.keys() <= CONSENT_SHORTHAND.keys():
        return dict(layer)
    named = {name: spec for name, spec in layer.items() if name != "consent"}
    spread = {key: flags[flag] for flag in flags for key in CONSENT_SHORTHAND[flag]}
    return spread | named


def _read_specs(
    mapping: Mapping[str, Any],
    where: str,
    allowed: Mapping[str, Field],
    contract: str,
    problems: Problems,
) -> dict[str, Spec | CustomSpec]:
    specs: dict[str, Spec | CustomSpec] = {}
    for name, raw in mapping.items():
        at = f"{where}.{name}"
        if name == "consent" and "analytics_storage" in allowed:
            specs.update(_read_consent(raw, at, mapping.keys(), problems))
        elif name not in allowed:
            problems.add(at, _not_a_field(name, allowed), "mapping-field-unknown")
        elif raw is None:
            continue
        elif contract == "legacy" and not allowed[name].legacy:
            what = f'"{name}" is not in the older contract (strict_contract: legacy)'
            problems.add(at, what, "mapping-field-unknown")
        else:
            spec = (read_custom if name == "custom" else read_spec)(raw, at, problems)
            if spec is not None:
                specs[name] = spec
    return specs


def _not_a_field(name: object, allowed: Mapping[str, Field]) -> str:
    if name in FIELDS or name in UPDATE_FIELDS or name == "consent":
        modes = "update or upsert" if name in UPDATE_FIELDS else "create or upsert"
        return f'"{name}" can only be set where the mode is {modes}'
    return f'"{name}" is not a field of a lead{did_you_mean(name, (*allowed, "consent"))}'


def _read_consent(
    raw: Any, where: str, explicit: Collection[str], problems: Problems
) -> dict[str, Spec]:
    """The shorthand's two flags as specs of the keys that each stands for.

    A key that the mapping names itself, also with null, is left to the mapping.
    """
    if raw is None:
        return {}
    if not isinstance(raw, Mapping) or not raw:
        problems.add(where, "must be an object {analytics: …, marketing: …}")
        return {}
    specs: dict[str, Spec] = {}
    for flag, source in raw.items():
        if flag not in CONSENT_SHORTHAND:
            hint = did_you_mean(flag, CONSENT_SHORTHAND)
            what = f'there is no consent flag "{flag}"{hint}'
            problems.add(where, what, "mapping-key-unknown")
        elif source is not None:
            spec = read_spec(source, f"{where}.{flag}", problems)
            keys = CONSENT_SHORTHAND[flag] if spec is not None else ()
            specs.update((key, spec) for key in keys if spec and key not in explicit)
    return specs


def _names(keys: Iterable[str]) -> str:
    *names, last = keys
    return f"{', '.join(names)} and {last}"


def _describe(spec: Spec | CustomSpec) -> str:
    if isinstance(spec, CustomSpec):
        return spec.description + (" (required)" if spec.required else "")
    extras = [
        "translated" if spec.translate is not None else "",
        f"as {spec.kind}" if spec.kind else "",
        "in cents" if spec.cents else "",
        "required" if spec.required else "",
        f"else {spec.default!r}" if spec.default is not None else "",
        f"at most {spec.max_length} characters" if spec.max_length else "",
        f"{spec.beside.key} from {spec.beside.path.words}" if spec.beside else "",
    ]
    shown = ", ".join(extra for extra in extras if extra)
    return f"{spec.description} ({shown})" if shown else spec.description
