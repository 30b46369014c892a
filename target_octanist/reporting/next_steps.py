"""What to do next, as one sentence and one command each; the most urgent first.

One place decides it, so that a run's last words, ``octanist status`` and the report
never advise different things.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from target_octanist.ledger.claims import INVALID_RECORD
from target_octanist.reporting.calls import call

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Step(NamedTuple):
    """Something to do.

    Attributes:
        sentence: What is the matter, and what the command does about it.
        command: To be typed as it stands; None where no command of ours can help.
    """

    sentence: str
    command: str | None


def next_steps(
    standing: Mapping[str, int],
    *,
    failure: str | None = None,
    cut_off: bool = False,
    run: str = "The run",
    options: str = "",
) -> list[Step]:
    """Say what a person should do about how things stand.

    Args:
        standing: ``in_doubt``, ``dead_letters``, ``unread`` and ``left_open`` to their number.
            Unread are those dead letters that no mapping has seen, left open the leads that
            ended runs have left under way.
        failure: Why the last run stopped, in a sentence of ours.
        cut_off: Whether the last run ended without a word.
        run: How that run is called.
        options: What belongs behind each command, such as ``--config config.json``.

    Returns:
        Nothing if there is nothing to do.
    """
    behind = f" {options}" if options else ""
    steps = []
    if failure:
        steps.append(Step(f"{run} stopped: {_with_remedy(failure)}", None))
    elif cut_off:
        steps.append(
            Step(
                f"{run} was cut off. Run again: it first settles the unsettled leads, "
                "and sends nothing twice.",
                None,
            )
        )
    elif left := standing.get("left_open", 0):
        leads, them = ("1 lead was", "it") if left == 1 else (f"{left:,} leads were", "them")
        steps.append(
            Step(
                f"{leads} under way when a run ended. Run again: it first settles {them}, "
                "and sends nothing twice.",
                None,
            )
        )
    if doubts := standing.get("in_doubt", 0):
        leads, them = ("1 lead is", "it") if doubts == 1 else (f"{doubts:,} leads are", "them")
        steps.append(
            Step(f"{leads} in doubt: ask Octanist about {them}.", f"octanist reconcile{behind}")
        )
    unread = standing.get("unread", 0)
    if letters := standing.get("dead_letters", 0) - unread:
        kept, them = (
            ("1 dead letter is", "it")
            if letters == 1
            else (f"{letters:,} dead letters are", "them")
        )
        steps.append(
            Step(
                f"{kept} kept: see why, fix the mapping or the rule, then replay {them}.",
                f"octanist dead-letters list{behind}",
            )
        )
    if unread:
        command = f"octanist dead-letters list --reason {INVALID_RECORD}{behind}"
        steps.append(Step(unread_sentence(unread), command))
    return steps


def unread_sentence(number: int) -> str:
    """Say what to do about dead letters whose records never got as far as the mapping."""
    letters = "1 dead letter" if number == 1 else f"{number:,} dead letters"
    return (
        f"{letters} never got as far as the mapping, so a replay cannot help: see why, fix the "
        "source or the stream map, and run again."
    )


def typed_here(steps: Sequence[Step]) -> list[Step]:
    """Give steps with their commands as they find the settings of this process."""
    return [Step(sentence, command and call(command)) for sentence, command in steps]


def step_lines(steps: Sequence[Step]) -> list[str]:
    """Give the steps as lines of text; a command stands alone in its line."""
    lines = []
    for sentence, command in steps:
        lines.append(sentence)
        if command is not None:
            lines.append(f"  {command}")
    return lines


def _with_remedy(failure: str) -> str:
    closed = failure if failure.endswith((".", "!", "?")) else f"{failure}."
    return closed if "run again" in closed else f"{closed} Fix that and run again."
