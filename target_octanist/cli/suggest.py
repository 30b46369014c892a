"""``octanist suggest``: a first mapping for a stream never seen before."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

import click

from target_octanist.cli.output import json_option, print_json
from target_octanist.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_octanist.leads.suggest import Sample, Suggestion


@click.command("suggest", epilog="Example: octanist suggest contacts.singer.jsonl > streams.yml")
@click.argument("file", type=click.File("rb"))
@json_option
def command(file: IO[bytes], *, as_json: bool) -> None:
    """Suggest a mapping for a new stream.

    FILE holds Singer messages, as a tap writes them; "-" reads them from a pipe. The
    suggestion is YAML that goes into the settings as it is. Comments give reasons and figures,
    but no value of a record. For deals it names a preset that updates leads. Nothing is sent,
    and no settings are needed.

    With --json, `streams` goes into the settings, and `figures` holds the rest.
    """
    # What it takes takes a while to load, which completion need not wait for.
    from target_octanist.leads.suggest.document import write_document

    suggestions = read_suggestions(file)
    if not any(one.proposal for one in suggestions):
        why_not = "\n".join(map(_why_not, suggestions)) or "The input holds no stream."
        raise InputError(why_not, error_id="suggest-nothing")
    if as_json:
        print_json(describe(suggestions))
    else:
        click.echo(write_document(suggestions), nl=False)


def describe(suggestions: Sequence[Suggestion]) -> dict[str, Any]:
    """Give suggestions as plain values, without any value of a record.

    Returns:
        ``streams``: as it goes into the settings; ``figures``: for each of these streams its
        ``records``, how many of them were ``read`` and how many of those would make
        ``leads`` or ``changes`` of leads, ``fields`` (each with how often it is ``filled``, and ``why``) and
        ``notes``; and ``left_out``: stream to why there is no mapping for it.
    """
    proposed = [(one, one.proposal) for one in suggestions if one.proposal is not None]
    return {
        "streams": [{"stream": one.stream, **proposal.settings} for one, proposal in proposed],
        "figures": {
            one.stream: {
                "records": one.count,
                "read": one.read,
                "leads": proposal.leads,
                "changes": proposal.changes,
                "fields": {
                    name: {"filled": proposal.fills[name], "why": why}
                    for name, why in proposal.why.items()
                },
                "notes": list(proposal.notes),
            }
            for one, proposal in proposed
        },
        "left_out": {one.stream: one.why_not for one in suggestions if one.proposal is None},
    }


def read_suggestions(file: IO[bytes]) -> list[Suggestion]:
    """Read a file of Singer messages and suggest a mapping for each of its streams.

    Raises:
        InputError: A line is not a Singer message; it is named by its number.
    """
    from target_octanist.leads.suggest import Sample, suggest
    from target_octanist.reader import InterruptibleReader

    schemas: dict[str, Mapping[str, Any]] = {}
    samples: dict[str, Sample] = {}
    reader = InterruptibleReader()

    def part(message: dict[str, Any], name: str, kind: type) -> Any:
        if not isinstance(message.get(name), kind):
            raise reader.bad_line(f"is a {message['type']} without a usable `{name}`")
        return message[name]

    def take_schema(message: dict[str, Any]) -> None:
        stream = part(message, "stream", str)
        schemas[stream] = part(message, "schema", dict)
        samples.setdefault(stream, Sample())

    def take_record(message: dict[str, Any]) -> None:
        sample = samples.setdefault(part(message, "stream", str), Sample())
        sample.add(part(message, "record", dict))

    def skip(message: dict[str, Any]) -> None:
        """Nothing to learn from it."""

    takers: dict[str, Callable[[dict[str, Any]], None]] = {
        "SCHEMA": take_schema,
        "RECORD": take_record,
        **dict.fromkeys(("STATE", "ACTIVATE_VERSION", "BATCH"), skip),
    }
    reader.process_lines(file, takers)
    return [suggest(stream, schemas.get(stream, {}), sample) for stream, sample in samples.items()]


def _why_not(one: Suggestion) -> str:
    return f"No mapping for the stream {one.stream}: {one.why_not}."
