"""The sentences with which a run is stopped: what, where, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_octanist.errors import BudgetExceeded, Denied, Unreachable

if TYPE_CHECKING:
    from target_octanist.delivery.budget import ErrorBudget
    from target_octanist.delivery.outcome import Outcome

_WRONG_ADDRESS = "set base_url to the API's address, such as https://octanist.com/api"

_ADVICE = {
    401: "set api_key to a key of this organisation",
    404: _WRONG_ADDRESS,
    405: _WRONG_ADDRESS,
    407: "give the proxy's login in HTTPS_PROXY",
}

_IDS = {
    401: "api-key-refused",
    404: "api-not-found",
    405: "api-not-found",
    407: "api-proxy-login",
}


def denied(outcome: Outcome, base_url: str) -> Denied:
    """Every other lead would be refused like this one."""
    status = outcome.status or 0
    advice = _ADVICE.get(status, "see what stands between this machine and the API")
    return Denied(
        f"{outcome.reason} at {base_url}; nothing more is sent: {advice}, and run again.",
        error_id=_IDS.get(status),
    )


def unreachable(outcome: Outcome, base_url: str) -> Unreachable:
    """No request was answered for as long as one lead may be tried."""
    return Unreachable(
        f"base_url: {base_url} cannot be reached ({outcome.reason}); "
        "no lead was lost, run again when it can."
    )


def over_quota(limit: int) -> Denied:
    """The organisation's plan has no room for more leads."""
    return Denied(
        f"check_quota: all {limit} leads of the plan are used; enlarge it, or set check_quota to "
        "warn, and run again.",
        error_id="api-quota-used",
    )


def over_budget(budget: ErrorBudget) -> BudgetExceeded:
    """More leads were rejected than the settings allow."""
    return BudgetExceeded(
        f"max_rejected_percent: {budget.rejected:,} of the first {budget.settled:,} "
        f"records were rejected, more than {budget.percent} %; see why with `octanist status`, fix the mapping or "
        "the source, and run again."
    )
