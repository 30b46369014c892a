"""What comes in during a storm, and what must have become of it.

A source is a log of records, to which more are added while the storm goes on. What must have
become of them is held against what the sandbox wrote down, and nothing else.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.support.target import person, record, schema, state

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: How often a source with changes grows.
STEPS = 3

#: A share of the records comes once more, under a key that is so much higher.
TWIN = 10_000

COLUMNS = ("id", "name", "email", "phone", "contact", "stage", "amount")
PERSON = {"name": "name", "email": "email"}
STAGES = {"qualified": "qualified", "closedwon": "won", "closedlost": "lost"}
OUTCOME = {
    "status": {"from": "stage", "map": [{"is": is_, "to": to} for is_, to in STAGES.items()]},
    "value": "amount",
}


class Told(NamedTuple):
    """What became of a lead."""

    status: str
    value: int


@dataclass
class Arrived:
    """What the sandbox has taken, by the address of the lead.

    Attributes:
        leads: How many there are.
        told: What they were told, in order.
    """

    leads: Counter[str] = field(default_factory=Counter)
    told: dict[str, list[Told]] = field(default_factory=dict)

    @classmethod
    def read(cls, data: Path) -> Arrived:
        """Read the sandbox's data file."""
        arrived = cls()
        emails: dict[str, str] = {}
        for line in data.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if entry["op"] == "create":
                email = emails[entry["id"]] = entry["fields"]["email"]
                arrived.leads[email] += 1
                arrived.told.setdefault(email, [])
            else:
                told = Told(entry["changes"]["status"], entry["changes"]["value"])
                arrived.told[emails[entry["id"]]].append(told)
        return arrived

    @property
    def doubled(self) -> int:
        """Count leads that are there once more, and what was told twice in a row."""
        again = sum(one == other for told in self.told.values() for one, other in pairwise(told))
        return self.leads.total() - len(self.leads) + again


class Version(NamedTuple):
    """A record as it is at some time.

    Attributes:
        email: Of the lead that it is about.
        makes_lead: Whether a lead is made of it.
        tells: What it says of the lead, if anything.
        may_wait: Whether that may wait for the lead in the journal, and STATE go on.
    """

    stream: str
    values: dict[str, Any]
    email: str
    makes_lead: bool = True
    tells: Told | None = None
    may_wait: bool = False

    @property
    def key(self) -> tuple[str, int]:
        """What names the record, and stays as it is."""
        return self.stream, self.values["id"]


@dataclass
class Source:
    """A log of records.

    Attributes:
        settings: Those of a target for it.
        log: The records, as they come.
        steps: How long the log is, step by step.
        resumes: Whether a run begins behind the last STATE; else with the first record.
        only_current: Whether a run gets of each record nothing but its last version.
    """

    settings: dict[str, Any]
    log: list[Version]
    steps: list[int]
    resumes: bool = False
    only_current: bool = False

    def lines(self, begin: int, end: int) -> Iterator[str]:
        """Give a part of the log as a Singer stream, with a STATE after each record."""
        for stream in sorted({version.stream for version in self.log}):
            yield schema(stream, COLUMNS)
        last = self._last(end)
        for at in range(begin, end):
            version = self.log[at]
            if not self.only_current or last[version.key] == at:
                yield record(version.stream, **version.values)
            yield state({"at": at + 1})
        yield state({"at": end})

    def lost(self, arrived: Arrived) -> int:
        """Count leads that are not there, or are not as their records said last."""
        final: dict[str, Told | None] = {}
        for version in self.log:
            final[version.email] = version.tells or final.get(version.email)
        assert arrived.leads.keys() <= final.keys()
        return sum(
            email not in arrived.leads or ([None, *arrived.told[email]][-1] != told)
            for email, told in final.items()
        )

    def ahead(self, settled: int, end: int, arrived: Arrived) -> int:
        """Count what a STATE said to be settled, and is not.

        Args:
            settled: How far in the log the STATE is.
            end: How much of the log the run was given.
            arrived: What the sandbox has by now.
        """
        found = 0
        last = self._last(end)
        for at, version in enumerate(self.log[:settled]):
            is_last = last[version.key] == at
            if version.makes_lead and (is_last or not self.only_current):
                found += version.email not in arrived.leads
            # Of several versions in a run, the last may take the place of the others.
            if version.tells and is_last and not version.may_wait:
                found += version.tells not in arrived.told.get(version.email, ())
        return found

    def _last(self, end: int) -> dict[tuple[str, int], int]:
        """Say where in so much of the log the last version of each record is."""
        return {version.key: at for at, version in enumerate(self.log[:end])}


def leads(chance: random.Random, count: int) -> Source:
    """Make a source of leads, some of which come twice, and under two keys."""
    log: list[Version] = []
    for number in range(1, count + 1):
        log.append(_lead("leads", number))
        if chance.random() < 0.1:
            log += [_lead("leads", number), _lead("leads", number, key=TWIN + number)]
    return Source({}, log, [len(log)])


def deals(chance: random.Random, count: int) -> Source:
    """Make a source of contacts, and of deals that find their lead by contact or address."""
    by_link, forward = chance.random() < 0.7, chance.random() < 0.5
    timed: list[tuple[float, Version]] = []
    for number in range(1, count + 1):
        keys = [number, TWIN + number] if chance.random() < 0.1 else [number]
        # Behind a deal, if that has a way to wait for it.
        since = chance.uniform(0, STEPS if by_link and chance.random() < 0.2 else 0.5)
        timed += [(since, _lead("contacts", number, key=key)) for key in keys]
        email, contact = person(number)["email"], chance.choice(keys)
        for at, values, tells in _outcomes(chance, 0.0 if by_link else 0.5, forward=forward):
            deal = {"id": number, "email": email, "contact": str(contact), **values}
            may_wait = by_link and (at < since or len(keys) > 1)
            timed.append((at, Version("deals", deal, email, False, tells, may_wait)))
    by: dict[str, Any] = {"mapping": OUTCOME | {"email": "email"}}
    if by_link:
        by = {"mapping": OUTCOME, "link": {"stream": "contacts", "by": "contact"}}
    streams = {"contacts": {"mapping": PERSON}, "deals": {"mode": "update", **by}}
    return _source(chance, timed, streams, forward=forward)


def people(chance: random.Random, count: int) -> Source:
    """Make a source of records that make a lead, and then say what became of it."""
    forward = chance.random() < 0.5
    timed: list[tuple[float, Version]] = []
    for number in range(1, count + 1):
        twins = chance.random() < 0.1
        if twins:
            timed.append((chance.uniform(0, STEPS), _lead("people", number, key=TWIN + number)))
        if chance.random() < 0.2:
            timed.append((0.0, _lead("people", number)))
        lead = _lead("people", number)
        for at, values, tells in _outcomes(chance, 0.0, forward=forward):
            told = {"values": lead.values | values, "tells": tells, "may_wait": twins}
            timed.append((at, lead._replace(**told)))
    streams = {"people": {"mode": "upsert", "mapping": PERSON | OUTCOME}}
    return _source(chance, timed, streams, forward=forward)


#: By the mode of the stream that a storm is about.
SOURCES: dict[str, Callable[[random.Random, int], Source]] = {
    "create": leads,
    "update": deals,
    "upsert": people,
}


def _lead(stream: str, number: int, *, key: int | None = None) -> Version:
    values = person(number) | {"id": key or number}
    return Version(stream, values, values["email"])


def _outcomes(
    chance: random.Random, begin: float, *, forward: bool
) -> Iterator[tuple[float, dict[str, Any], Told]]:
    """Give what a record says of its lead, from time to time; it may come back to that."""
    times = sorted(chance.uniform(begin, STEPS) for _ in range(chance.randint(1, 4)))
    for at in times:
        stages = [s for s in STAGES if s != "closedwon" or not forward or at == times[-1]]
        stage, amount = chance.choice(stages), chance.randint(1, 5)
        yield at, {"stage": stage, "amount": amount}, Told(STAGES[stage], amount)


def _source(
    chance: random.Random,
    timed: list[tuple[float, Version]],
    streams: dict[str, Any],
    *,
    forward: bool,
) -> Source:
    """Make a source of records that come at times between 0 and `STEPS`."""
    timed.sort(key=lambda pair: pair[0])
    settings = {
        "streams": streams,
        "transitions": "forward" if forward else "any",
        "max_changes": 1000,
    }
    return Source(
        settings,
        log=[version for _, version in timed],
        steps=[sum(at < step for at, _ in timed) for step in range(1, STEPS + 1)],
        resumes=chance.random() < 0.7,
        only_current=chance.random() < 0.5,
    )
