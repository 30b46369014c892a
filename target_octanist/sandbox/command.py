"""The command line of the sandbox: ``octanist sandbox``, or ``python -m target_octanist.sandbox``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from urllib.parse import urljoin

import click

from target_octanist.sandbox.api import Rules
from target_octanist.sandbox.contract import check_session
from target_octanist.sandbox.faults import Faults
from target_octanist.sandbox.filtering import FilterRule


@click.command("sandbox", epilog="Example: octanist sandbox --port 0 --latency-ms 50 --json")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--allow-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="Another host name to answer to; repeatable. IP addresses and names that nobody"
    " can register (localhost, sandbox, host.docker.internal) always work.",
)
@click.option(
    "--port",
    default=8321,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--ready-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the base URL, written once the sandbox is ready; removed at the end.",
)
@click.option(
    "--data",
    type=click.Path(dir_okay=False, path_type=Path),
    help="JSONL file that keeps leads across restarts.  [default: memory only]",
)
@click.option(
    "--api-key",
    "api_keys",
    multiple=True,
    metavar="KEY",
    help="An API key to accept; repeatable. Each key has its own organisation.  [default: any]",
)
@click.option(
    "--contract",
    type=click.Choice(["full", "legacy"]),
    default="full",
    show_default=True,
    help="Accept all 30 fields of a lead, or the 25 of the older contract.",
)
@click.option(
    "--envelope",
    "style",
    type=click.Choice(["modern", "old"]),
    default="modern",
    show_default=True,
    help="Answer in the documented shapes, or in those of older servers.",
)
@click.option(
    "--session",
    "sessions",
    multiple=True,
    metavar="UUID|JSON",
    help="A pixel session that leads may be linked to: its id, or an object with sessionId and"
    " attribution fields; repeatable.",
)
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="FIELD=GLOB",
    help="Refuse leads whose field matches (403); repeatable.",
)
@click.option(
    "--filter-email-domain",
    "domains",
    multiple=True,
    metavar="DOMAIN",
    help="Refuse leads with an address at this domain (403); repeatable.",
)
@click.option(
    "--filter-name",
    "names",
    multiple=True,
    metavar="TEXT",
    help="Refuse leads whose name contains this text (403); repeatable.",
)
@click.option(
    "--leads-limit",
    type=click.IntRange(min=0),
    help="Leads in the plan, as POST /stats reports.  [default: none]",
)
@click.option(
    "--bulk-updates", is_flag=True, help="Let PATCH change several leads instead of answering 409."
)
@click.option(
    "--list-lag-ms",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Milliseconds before a new lead appears in GET /leads.",
)
@click.option(
    "--latency-ms",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Milliseconds before each request is carried out.",
)
@click.option(
    "--fault",
    "rules",
    multiple=True,
    metavar="JSON",
    help="A fault rule, such as"
    ' \'{"match": {"method": "POST", "every": 10}, "action": "drop-after-commit"}\'; repeatable,'
    " the first that matches wins.",
)
@click.option(
    "--faults",
    "rules_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON file with a list of fault rules; they come after those of --fault.",
)
@click.option("--log-requests", is_flag=True, help="Print a line for each request on stderr.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print where it listens as one line of JSON: base_url and page.",
)
def command(  # noqa: PLR0917 - click passes options by name
    host: str,
    allowed_hosts: tuple[str, ...],
    port: int,
    ready_file: Path | None,
    data: Path | None,
    api_keys: tuple[str, ...],
    contract: str,
    style: str,
    sessions: tuple[str, ...],
    filters: tuple[str, ...],
    domains: tuple[str, ...],
    names: tuple[str, ...],
    leads_limit: int | None,
    bulk_updates: bool,  # noqa: FBT001
    list_lag_ms: int,
    latency_ms: int,
    rules: tuple[str, ...],
    rules_file: Path | None,
    log_requests: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Run a local server that stands in for the Octanist API.

    It is strict about the documented contract, keeps leads in memory or in a file, misbehaves on
    demand, and shows what arrives on a live page. It stops on Ctrl+C.
    """
    try:
        from target_octanist.sandbox import server
    except ModuleNotFoundError as error:
        if error.name not in {"starlette", "uvicorn"}:
            raise
        from target_octanist.extras import extra_hint

        click.echo(f"The sandbox needs two more packages: {extra_hint('sandbox')}", err=True)
        sys.exit(1)

    options = server.Options(
        host=host,
        port=port,
        rules=Rules(
            contract="legacy" if contract == "legacy" else "full",
            api_keys=frozenset(api_keys),
            filters=(
                *_filters(filters),
                *map(FilterRule.email_domain, domains),
                *map(FilterRule.name_contains, names),
            ),
            leads_limit=leads_limit,
            bulk_updates=bulk_updates,
            list_lag_ms=list_lag_ms,
        ),
        style="old" if style == "old" else "modern",
        sessions=dict(map(_session, sessions)),
        faults=_faults(rules, rules_file),
        latency_ms=latency_ms,
        data=data,
        ready_file=ready_file,
        log_requests=log_requests,
        allowed_hosts=frozenset(name.lower() for name in allowed_hosts),
    )
    if not server.is_loopback(host):
        click.echo(f"Warning: others can reach {host}; the sandbox asks for no password", err=True)
    try:
        server.run(options, _announce_as_json if as_json else _announce)
    except OSError as error:
        why = str(error)
        if error.errno is not None:
            why = f"{error.filename or f'{host}:{port}'}: {error.strerror}"
        click.echo(f"The sandbox cannot start: {why}", err=True)
        sys.exit(1)


def _announce(url: str) -> None:
    click.echo(f"Sandbox ready: {url}")
    sys.stdout.flush()


def _announce_as_json(url: str) -> None:
    # The page is on the same server as the API.
    click.echo(json.dumps({"base_url": url, "page": urljoin(url, "/")}))
    sys.stdout.flush()


def _filters(texts: tuple[str, ...]) -> list[FilterRule]:
    try:
        return [FilterRule.parse(text) for text in texts]
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--filter") from None


def _session(text: str) -> tuple[str, dict[str, object]]:
    try:
        given = json.loads(text) if text.lstrip().startswith("{") else {"sessionId": text}
        return check_session(given.pop("sessionId", None), given), given
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--session") from None


def _faults(texts: tuple[str, ...], path: Path | None) -> Faults:
    faults = Faults()
    for text in texts:
        _add_rules(faults, text, "--fault")
    if path is not None:
        _add_rules(faults, path.read_text(encoding="utf-8"), "--faults")
    return faults


def _add_rules(faults: Faults, text: str, option: str) -> None:
    try:
        try:
            rules = json.loads(text)
        except json.JSONDecodeError as error:
            message = f"is not JSON (line {error.lineno}, column {error.colno})"
            raise click.BadParameter(message, param_hint=option) from None
        faults.add(*(rules if isinstance(rules, list) else [rules]))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None
