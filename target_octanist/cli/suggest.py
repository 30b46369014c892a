"""``octanist suggest``: a first mapping for a stream never seen before."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

import click

from target_octanist.errors import InputError
from target_octanist.leads.suggest import Sample, Suggestion, suggest
from target_octanist.leads.suggest.document import write_document
from target_octanist.reader import InterruptibleReader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@click.command("suggest")
@click.argument("file", type=click.File("rb"))
def command(file: IO[bytes]) -> None:
    """Propose a mapping for the streams in FILE, a file of Singer messages ("-": stdin).

    It is a YAML document that goes into the settings as it is, with its reasons and figures
    as comments, and without any value of a record. Nothing is sent and no setting is needed.

    \b
    Example:
      my-tap --config tap.json | octanist suggest - > streams.yml
    """  # noqa: D301 - click's mark for lines to leave as they are
    suggestions = read_suggestions(file)
    if not any(one.proposal for one in suggestions):
        why_not = "\n".join(map(_why_not, suggestions)) or "The input holds no stream."
        raise InputError(why_not, error_id="suggest-nothing")
    click.echo(write_document(suggestions), nl=False)


def read_suggestions(file: IO[bytes]) -> list[Suggestion]:
    """Read a file of Singer messages and suggest a mapping for each of its streams.

    Raises:
        InputError: A line is not a Singer message; it is named by its number.
    """
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
