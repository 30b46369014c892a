"""``octanist dead-letters``: what made no lead, to be looked at, tried again or given up."""

from __future__ import annotations

import sys
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
import msgspec

from target_octanist.cli.config import config_option, load_config
from target_octanist.cli.listing import LISTED, plain
from target_octanist.cli.output import json_option, print_json, print_table
from target_octanist.cli.period import Moment, check_span
from target_octanist.cli.signals import signals
from target_octanist.errors import OctanistError
from target_octanist.ledger.dead_letters import DeadLetter, DeadLetters, Which
from target_octanist.ledger.journal import Journal
from target_octanist.ledger.tables import State, short_id
from target_octanist.preview.payload_file import PayloadFile
from target_octanist.reporting.next_steps import unread_sentence
from target_octanist.reporting.summary import counts_sentence
from target_octanist.settings_reader import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from target_octanist.replay import Replayed
    from target_octanist.settings import Settings

_Function = TypeVar("_Function", bound="Callable[..., Any]")

#: What an exported dead letter has.
_EXPORTED: Final = (
    "id",
    "stream",
    "settled_at",
    "code",
    "reason",
    "message",
    "request_id",
    "payload",
    "record",
)


def _selection(function: _Function) -> _Function:
    """Add the settings and what says which dead letters are meant, given as `_letters` takes it."""
    for option in (
        click.option(
            "--filtered",
            is_flag=True,
            help="Filtered leads instead of rejected records.",
        ),
        click.option("--until", type=Moment(), help="Settled before then."),
        click.option("--since", type=Moment(), help="Settled then or later: 2026-01-31, 24h, 7d."),
        click.option("--reason", metavar="TEXT", help="With this text in the reason or the code."),
        click.option("--stream", metavar="NAME", help="Of this stream; may be a glob."),
        click.argument("ids", nargs=-1, metavar="[ID]..."),
        config_option,
    ):
        function = option(function)
    return function


@click.group("dead-letters", epilog="Example: octanist dead-letters list --config config.json")
def command() -> None:
    """List, export, replay or discard rejected records.

    A rejected record is kept as a dead letter: it could not become a lead, or the API called
    the lead invalid. Leads that the organisation's filtering rules refused are also kept: use
    --filtered for them. ID is the start of the first column of `list`.
    """


@command.command("list", epilog="Example: octanist dead-letters list --stream contacts --since 24h")
@_selection
@click.option(
    "--limit", type=click.IntRange(min=0), default=LISTED, show_default=True, help="Rows to show."
)
@json_option
def list_(config_files: tuple[Path, ...], limit: int, *, as_json: bool, **selection: Any) -> None:
    """Show dead letters: for which reason, when, and under which ID. No values of people.

    With --json all of them are listed.
    """
    with _letters(_place(config_files), **selection) as letters:
        reasons = letters.reasons()
        unread = letters.unread()
        rows = letters.rows(None if as_json else limit)
    count = sum(number for _, _, number in reasons)
    if as_json:
        print_json(
            {
                "count": count,
                "unread": unread,
                "reasons": [
                    {"stream": stream, "reason": reason, "count": number}
                    for stream, reason, number in reasons
                ],
                "dead_letters": [{"id": short_id(row["source"]), **plain(row)} for row in rows],
            }
        )
        return
    click.echo(f"{_number(count, **selection)}.")
    for stream, reason, number in reasons[:LISTED]:
        click.echo(f"  {number:>6} × {stream}: {reason}")
    if len(reasons) > LISTED:
        click.echo(f"  … and {len(reasons) - LISTED} reasons more")
    if rows:
        click.echo()
        print_table(
            ["ID", "stream", "when", "attempts", "code", "request", "reason"],
            [_cells(row) for row in map(plain, rows)],
        )
    if count > len(rows):
        click.echo(f"… and {count - len(rows)} more (--limit shows more, --json lists all)")
    if unread:
        click.echo(f"\n{unread_sentence(unread)}")


@command.command(
    "export", epilog="Example: octanist dead-letters export letters.jsonl --stream contacts"
)
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@_selection
@click.option(
    "--show-values", is_flag=True, help='Allows "-", which prints people\'s data to stdout.'
)
@json_option
def export(
    config_files: tuple[Path, ...],
    file: Path,
    *,
    show_values: bool,
    as_json: bool,
    **selection: Any,
) -> None:
    """Write dead letters to FILE, one JSON object per line, with record and payload.

    The file holds personal data: only you can read it (mode 0600). An existing file is
    overwritten only if it is also an export. "-" is stdout, and needs --show-values.
    """
    to_stdout = str(file) == "-"
    if to_stdout and not show_values:
        message = "export: - prints people's data to stdout; --show-values says that this is meant."
        raise OctanistError(message)
    with _letters(_place(config_files), **selection) as letters:
        lines = (_exported(letter) for letter in letters.contents(letters.sources()))
        if to_stdout:
            for line in lines:
                click.echo(line)
            return
        count = _write(file, lines)
    if as_json:
        print_json({"exported": count, "file": str(file)})
    else:
        click.echo(f"{_number(count, **selection)} written to {file}.")


@command.command("replay", epilog="Example: octanist dead-letters replay --reason email --dry-run")
@_selection
@click.option("--dry-run", is_flag=True, help="Only show what would happen.")
@json_option
def replay(
    config_files: tuple[Path, ...], *, dry_run: bool, as_json: bool, **selection: Any
) -> None:
    """Try dead letters again, with the current mapping and rules.

    Each record is processed as in a run, and makes at most one lead. If it is rejected again,
    it stays a dead letter; if the person was sent meanwhile, it is a duplicate.
    max_rejected_percent does not apply. The next replay or run completes an interrupted one.

    Exits with 0 if all were settled, 1 if something stopped the replay, and 143 or 130
    after a signal. Those not tried stay dead letters.
    """
    # It brings a large library along, which the other commands need not wait for.
    from target_octanist.replay import preview, replay_all

    config = load_config(config_files)
    settings = read_settings(config | {"dry_run": True} if dry_run else config)
    if settings.dry_run and not dry_run:
        message = "dry_run: replay sends leads; switch dry_run off for it, or give --dry-run."
        raise OctanistError(message, error_id="dry-run-on")
    # A human has asked for just these, so that some are refused again is no reason to stop.
    settings = replace(settings, max_rejected_percent=100)
    with _letters(settings, **selection) as letters:
        if dry_run:
            replayed = preview(settings, letters)
        else:
            with signals() as stopped:
                replayed = replay_all(settings, letters, stopped)
    if as_json:
        print_json(_plain(replayed))
    else:
        click.echo(f"{_number(replayed.selected, **selection)}: {_in_words(replayed)}")
    if replayed.failure is not None:
        raise replayed.failure
    if replayed.signal is not None:
        sys.exit(128 + replayed.signal)


@command.command("discard", epilog="Example: octanist dead-letters discard --stream 'test_*' --yes")
@_selection
@click.option(
    "--all", "everything", is_flag=True, help="All of them, regardless of stream, time and reason."
)
@click.option(
    "--yes", is_flag=True, help="Do not ask for confirmation; required without a terminal."
)
@json_option
def discard(
    config_files: tuple[Path, ...],
    *,
    everything: bool,
    yes: bool,
    as_json: bool,
    **selection: Any,
) -> None:
    """Discard dead letters: the kept records and leads are erased for good.

    `octanist status` still counts them as rejected. If a tap delivers such a record again, it
    is a duplicate; if it has changed, it is tried again.
    """
    if not (everything or any(value for name, value in selection.items() if name != "filtered")):
        message = "discard: say which ones, by ID or with an option, or give --all."
        raise OctanistError(message)
    settings = _place(config_files)
    with _letters(settings, **selection) as letters:
        sources = letters.sources()
    words = _number(len(sources), **selection)
    if sources and not yes:
        if sys.stdin is None or not sys.stdin.isatty():
            message = f"discard: would erase {words}; where nobody can be asked it takes --yes."
            raise OctanistError(message)
        click.confirm(f"Erase what is kept of {words}?", abort=True, err=True)
    with closing(Journal.open(settings.ledger, create=False)) as journal, journal.turn() as turn:
        count = turn.discard(sources, letters.state)
    if as_json:
        print_json({"discarded": count})
    else:
        click.echo(f"{_number(count, **selection)} discarded.")


def _place(config_files: tuple[Path, ...]) -> Settings:
    """Read where the journal is and whose leads are meant; no mistake elsewhere matters."""
    config = load_config(config_files)
    place = {name: config.get(name) for name in ("ledger", "base_url")}
    return read_settings({**place, "dry_run": True})


@contextmanager
def _letters(
    settings: Settings,
    *,
    ids: tuple[str, ...],
    stream: str | None,
    reason: str | None,
    since: int | None,
    until: int | None,
    filtered: bool,
) -> Iterator[DeadLetters]:
    """Open the journal to read those that are meant."""
    check_span(since, until)
    state = State.FILTERED if filtered else State.REJECTED
    which = Which(settings.base_url, state, ids, stream, reason, since, until)
    with closing(Journal.open_to_read(settings.ledger)) as journal:
        yield DeadLetters(journal, which)


def _number(count: int, *, filtered: bool, **_: object) -> str:
    noun = "filtered lead" if filtered else "dead letter"
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _cells(row: Mapping[str, Any]) -> list[object]:
    names = ("stream", "settled_at", "attempts", "code", "request_id", "reason")
    return [short_id(row["source"]), *(row[name] for name in names)]


def _exported(letter: DeadLetter) -> bytes:
    row = plain({name: getattr(letter, name) for name in _EXPORTED if name != "id"})
    texts = {name: _raw(row[name]) for name in ("payload", "record")}
    return msgspec.json.encode({"id": short_id(letter.source), **row, **texts})


def _raw(text: str | None) -> msgspec.Raw | None:
    return None if text is None else msgspec.Raw(text.encode())


def _write(path: Path, lines: Iterable[bytes]) -> int:
    file = PayloadFile(path, keys=_EXPORTED, option="FILE")
    count = 0
    try:
        for line in lines:
            file.write(line)
            count += 1
    finally:
        file.close()
    return count


def _plain(replayed: Replayed) -> dict[str, Any]:
    return {
        "selected": replayed.selected,
        "outcomes": dict(replayed.outcomes),
        "recovered": dict(replayed.recovered),
        "left": replayed.left,
        "reasons": [
            {"stream": stream, "outcome": outcome, "reason": reason, "count": number}
            for (stream, outcome, reason), number in replayed.reasons.most_common()
        ],
    }


def _in_words(replayed: Replayed) -> str:
    if replayed.dry_run:
        counts = {name: replayed.outcomes[name] for name in ("sent", "duplicate", "rejected")}
        words = ", ".join(f"{number} {name}" for name, number in counts.items())
        lines = [f"{words.replace('sent', 'would be sent')}. Nothing was sent or written."]
    else:
        lines = [f"{counts_sentence(replayed.outcomes)}."]
    lines += [
        f"  {number:>6} × {stream}: {outcome.replace('_', ' ')}: {reason}"
        for (stream, outcome, reason), number in replayed.reasons.most_common()
    ]
    if replayed.left:
        lines.append(
            f"Left as they are, because they never got as far as the mapping: {replayed.left}. "
            "When the stream map or the tap is fixed, let the tap send them again; what was "
            "sent is not sent twice."
        )
    if replayed.recovered:
        lines.append(f"From a run that was cut off: {counts_sentence(replayed.recovered)}.")
    if replayed.unsettled and replayed.is_cut_off:
        lines.append(
            f"Not settled: {replayed.unsettled}. What was not sent is kept as before, and the "
            "next run or replay ends the rest."
        )
    return "\n".join(lines)
