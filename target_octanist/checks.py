"""What can be known before the first lead is sent: journal, key and quota."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from target_octanist.delivery.client import OctanistClient
from target_octanist.delivery.outcome import NoAnswer, NotSent
from target_octanist.delivery.quota import Usage
from target_octanist.errors import OctanistError
from target_octanist.ledger.journal import Journal

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator

    from target_octanist.settings import Settings


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `passed` is None where it could not be told."""

    name: str
    passed: bool | None
    finding: str
    error_id: str | None = None


def checks(settings: Settings) -> Iterator[Check]:
    """Look at everything in turn; stores no lead."""
    yield _check_journal(settings)
    if settings.api_key is None:
        yield Check("key", None, "dry_run is on and there is no key to check")
        return
    client = OctanistClient(
        settings.base_url, settings.api_key, timeout_seconds=min(settings.timeout_seconds, 10)
    )
    key = _check_key(client, settings.base_url)
    yield key
    if key.passed:
        yield _check_quota(client)


def run_checks(settings: Settings, logger: logging.Logger) -> None:
    """Make all checks and log what they found.

    Raises:
        OctanistError: One of them did not pass.
    """
    for check in checks(settings):
        if check.passed is False:
            raise OctanistError(check.finding, error_id=check.error_id)
        logger.info("Check of the %s: %s.", check.name, check.finding)


def _check_journal(settings: Settings) -> Check:
    try:
        journal = Journal.open(settings.ledger)
        try:
            total = sum(count for _, _, count in journal.totals())
        finally:
            journal.close()
    except OctanistError as error:
        return Check("journal", passed=False, finding=str(error), error_id=error.error_id)
    where = "PostgreSQL" if "://" in settings.ledger else str(Path(settings.ledger))
    # A record of mode upsert may have two: its lead, and what became of it.
    entries = "1 entry" if total == 1 else f"{total:,} entries"
    return Check("journal", passed=True, finding=f"{where} can be written, {entries} in it")


def _check_key(client: OctanistClient, base_url: str) -> Check:
    answer = client.check()
    if isinstance(answer, (NotSent, NoAnswer)):
        finding = f"base_url: {base_url} cannot be reached ({answer.why})"
        return Check("key", passed=False, finding=finding, error_id="api-unreachable")
    if answer.status == 200:
        return Check("key", passed=True, finding=f"accepted by {base_url}")
    if answer.status == 401:
        finding = f"api_key: {base_url} refuses the key (HTTP 401)"
        return Check("key", passed=False, finding=finding, error_id="api-key-refused")
    finding = f"base_url: {base_url} answers with HTTP {answer.status}; is this the API?"
    return Check("key", passed=False, finding=finding, error_id="api-not-found")


def _check_quota(client: OctanistClient) -> Check:
    usage = Usage.read(client.stats())
    if usage.used is None:
        return Check("quota", None, "not told by the API")
    if usage.limit is None:
        return Check("quota", passed=True, finding=f"{usage.used:,} leads used, no limit")
    room = usage.used < usage.limit
    finding = f"{usage.used:,} of {usage.limit:,} leads used"
    return Check("quota", room, finding, error_id=None if room else "api-quota-used")
