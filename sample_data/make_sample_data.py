"""Writes the sample leads and what is expected of them; the same files at every run.

    python sample_data/make_sample_data.py

All people are invented, their addresses are in domains that are reserved for examples, and
their phone numbers are made up, from the ranges reserved for fiction where a country has one.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd

HERE = Path(__file__).parent
FILTERED_DOMAIN = "competitor.example.net"

#: Rows of each kind. A stream's rows are the sum of its column.
COUNTS = {
    "hubspot_contacts": {"new": 246, "filtered": 12, "twice": 12, "again": 14, "invalid": 16},
    "web_leads": {"new": 234, "filtered": 10, "twice": 9, "again": 33, "invalid": 14},
}
#: So many of the web leads' "again" rows are people of the other stream.
KNOWN_FROM_HUBSPOT = 18

FIRST_NAMES = [
    "Bram",
    "Céline",
    "Fatima",
    "Łukasz",
    "Siobhán",
    "Jürgen",
    "Noor",
    "Mohammed",
    "Anna",
    "Đorđe",
    "Zoë",
    "Pieter",
    "Chiara",
    "Åsa",
    "Ömer",
    "Inès",
    "Wout",
    "Greta",
    "Marek",
    "Aoife",
]
LAST_NAMES = [
    "van der Berg",
    "D'Angelo",
    "de Vries",
    "Müller",
    "Ó Súilleabháin",
    "Janssen",
    "Nowak",
    "Łuczak",
    "Lindström",
    "Yılmaz",
    "García López",
    "Dubois",
    "Peeters",
    "Kovač",
    "O'Neill",
    "Bakker",
    "Rossi",
    "Smit",
    "El Amrani",
    "Weiß",
    "Visser",
]
COMPANIES = [
    "Voorbeeld B.V.",
    "Muster & Söhne GmbH",
    "Exemple SARL",
    "Acme Ltd",
    "Tandarts De Kies",
    "",
    "",
    "",
]
DOMAINS = ["example.com", "example.org", "example.net", "mail.example.com", "kantoor.example.org"]
CAMPAIGNS = (
    ("google", "cpc", "Najaar 2026 | NL"),
    ("google", "cpc", "brand-de"),
    ("facebook", "paid_social", "lookalike 1%"),
    ("linkedin", "paid_social", "b2b-belgique"),
    ("newsletter", "email", "2026-11"),
    ("", "", ""),
)
YES_WORDS = ("granted", "yes", "ja", "oui", "true", "1", "on")
NO_WORDS = ("denied", "no", "nee", "nein", "non", "false", "0")
BROKEN_EMAILS = ("{0}@example", "{0}.example.com", "{0}@@example.org", "{0} at example.net")

#: Deals of the contacts: id, contacts, stage, amount, why it was lost. Stages that are numbers are
#: of a pipeline of the account's own.
Deal = tuple[int, list[int], str, "float | None", "str | None"]
DEALS: list[Deal] = [
    (70001, [50002], "appointmentscheduled", None, None),
    (70002, [50003], "qualifiedtobuy", 1250.0, None),
    (70003, [50004], "contractsent", 2400.5, None),
    (70004, [50006], "closedwon", 99.95, None),
    (70005, [50007, 50008], "closedwon", 12500.0, None),
    (70006, [50009], "closedlost", 480.0, "Too expensive"),
    (70007, [50010], "8123401", 300.0, None),
    (70008, [50011], "8123409", 640.25, None),
    (70009, [50012], "8123410", None, "No budget"),
    # Nobody, somebody the sandbox refuses, somebody who comes later, and nobody who made a lead.
    (70010, [], "closedwon", 75.0, None),
    (70011, [50001], "qualifiedtobuy", 900.0, None),
    (70012, [50099], "closedwon", 150.0, None),
    (70013, [59001], "closedwon", 20.0, None),
    (70014, [50014], "closedwon", 12345678901234.56, None),
    (70015, [50015], "closedwon", 0.0, None),
    (70016, [50016], "closedlost", -50.0, "Refunded"),
    # The same deals later: won, as it was, and open again with its old reason.
    (70002, [50003], "closedwon", 1300.0, None),
    (70004, [50006], "closedwon", 99.95, None),
    (70006, [50009], "qualifiedtobuy", 450.0, "Too expensive"),
    (70017, [50017], "closedwon", 310.0, None),
]
WON_STAGES = ("closedwon", "8123409")
LOST_STAGES = ("closedlost", "8123410")
DELETED_DEAL = 70017

#: What the deals of `tap` should come to, worked out by hand, and what the leads are after that.
DEAL_OUTCOMES = {"delivered": 12, "pending": 2, "rejected": 1, "skipped": 1}
STATUSES = {"won": 7, "qualified": 2, "lost": 2}

Row = dict[str, Any]


def main() -> None:
    """Write all files."""
    people = make_people(sum(c["new"] + c["filtered"] for c in COUNTS.values()))
    split = COUNTS["hubspot_contacts"]["new"] + COUNTS["hubspot_contacts"]["filtered"]
    hubspot = make_rows("hubspot_contacts", people[:split], [])
    accepted = [row for row in as_rows(hubspot) if row["kind"] == "new"]
    web = make_rows("web_leads", people[split:], accepted)
    for folder in ("tap", "singer"):
        (HERE / folder).mkdir(exist_ok=True)

    contacts = [as_hubspot_contact(row) for row in as_rows(hubspot)]
    leads = [as_web_lead(row) for row in as_rows(web)]
    write_lines(HERE / "tap" / "hubspot_contacts.jsonl", contacts)
    write_lines(HERE / "tap" / "web_leads.jsonl", leads)
    pd.DataFrame(leads).to_csv(HERE / "web_leads.csv", index=False, lineterminator="\n")
    write_singer("hubspot_contacts", "id", contacts[:60])
    write_singer("web_leads", "lead_id", leads[:60])
    deals = [as_hubspot_deal(number, deal) for number, deal in enumerate(DEALS)]
    write_singer("hubspot_deals", "dealId", deals)
    # A source gives each deal as it is now.
    current = {deal["dealId"]: deal for deal in deals if not deal["isDeleted"]}
    write_lines(HERE / "tap" / "hubspot_deals.jsonl", list(current.values()))
    frame = pd.concat([hubspot, web])
    write_expected(frame)


def make_people(count: int) -> list[Row]:
    """Invent people who differ in address and phone number."""
    random = Random(20261101)
    people = []
    for number in range(count):
        first, last = random.choice(FIRST_NAMES), random.choice(LAST_NAMES)
        source, medium, campaign = random.choice(CAMPAIGNS)
        people.append(
            {
                "email": f"{ascii_word(first)}.{ascii_word(last)}.{number + 1}@"
                f"{random.choice(DOMAINS)}",
                "phone": make_phone(number, random),
                "first": first,
                "last": last,
                "company": random.choice(COMPANIES),
                "utm_source": source,
                "utm_medium": medium,
                "utm_campaign": campaign,
                "gclid": f"EAIaIQobChMI{random.getrandbits(80):020x}" if medium == "cpc" else "",
                "analytics": random.choice((True, True, False, None)),
                "marketing": random.choice((True, False, False, None)),
            }
        )
    return people


def make_phone(number: int, random: Random) -> tuple[str, str]:
    """Give a country code and a national number without its leading zero; '' for none."""
    country = random.choice(("31", "31", "31", "32", "33", "44", "49", ""))
    national = {
        "31": f"61234{number:04}",
        "32": f"47000{number:04}",
        "33": f"63998{number:04}",  # reserved for fiction
        "44": f"7700900{number % 1000:03}",  # reserved for fiction
        "49": f"1520000{number:04}",
        "": "",
    }
    return country, national[country]


def make_rows(stream: str, people: list[Row], known: list[Row]) -> pd.DataFrame:
    """Put a stream together: first the people, then the rows that make trouble among them.

    Args:
        stream: Its name.
        people: Those who are new in it.
        known: Rows of another stream, of people who were delivered from there.
    """
    random = Random(stream)
    counts = COUNTS[stream]
    people = [dict(person) for person in people]
    for person in random.sample(people, counts["filtered"]):
        person["email"] = f"{person['email'].partition('@')[0]}@{FILTERED_DOMAIN}"
    rows: list[Row] = [
        {
            **person,
            "kind": "filtered" if person["email"].endswith(FILTERED_DOMAIN) else "new",
            "id": number,
        }
        for number, person in enumerate(people, start=1)
    ]
    new = [row for row in rows if row["kind"] == "new"]

    repeats: list[Row] = [{**row, "kind": "twice"} for row in random.sample(new, counts["twice"])]
    again = random.sample(known, KNOWN_FROM_HUBSPOT) if known else []
    again += random.sample(new, counts["again"] - len(again))
    for number, row in enumerate(again, start=len(rows) + 1):
        repeats.append({**disguised(row, random), "kind": "again", "id": number})
    for row in repeats:
        # Somewhere behind its first appearance.
        first = next((i for i, r in enumerate(rows) if r["id"] == row["id"]), None)
        if first is None:
            first = next((i for i, r in enumerate(rows) if same_person(r, row)), 0)
        rows.insert(random.randint(first + 1, len(rows)), row)

    for number in range(counts["invalid"]):
        # Evenly spread, so that no stretch of the stream has more than its share.
        place = (number * 2 + 1) * len(rows) // (counts["invalid"] * 2) + number
        rows.insert(place, invalid(number, id_=9001 + number, like=rows[0]))
    frame: pd.DataFrame = pd.DataFrame(rows)
    return frame


def as_rows(frame: pd.DataFrame) -> list[Row]:
    """Give a table's rows as plain values."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def disguised(row: Row, random: Random) -> Row:
    """Give the same person, found by the address or the number, spelled another way."""
    if row["phone"][1] and random.random() < 0.5:
        return {**row, "email": "", "style": "other"}
    return {**row, "email": f"  {row['email'].title()} ", "phone": ("", "")}


def same_person(one: Row, other: Row) -> bool:
    """Tell whether two rows share an address or a number."""
    if other["phone"][1] and one["phone"] == other["phone"]:
        return True
    return bool(other["email"]) and one["email"] == other["email"].strip().lower()


def invalid(number: int, *, id_: int, like: Row) -> Row:
    """Give a row that is no lead: nobody in it, or nothing but a broken address."""
    email = "" if number % 2 else BROKEN_EMAILS[number // 2 % 4].format(f"typo{number}")
    nothing = dict.fromkeys(("first", "last", "company", "gclid"), "")
    return {
        **like,
        **nothing,
        "email": email,
        "phone": ("", ""),
        "kind": "broken e-mail" if email else "nobody",
        "id": id_,
    }


def as_hubspot_contact(row: Row) -> Row:
    """Write a row as HubSpot's contacts come: everything below `properties`."""
    mobile = row["id"] % 3 == 0
    phone = write_phone(row, row["id"])
    day = pd.Timestamp("2026-10-01T08:00:00Z") + pd.Timedelta(minutes=37 * row["id"])
    campaign = {name: row[name] or None for name in ("utm_source", "utm_medium", "utm_campaign")}
    return {
        "id": str(50_000 + row["id"]),
        "createdAt": day.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "archived": False,
        "properties": {
            "email": row["email"] or None,
            "firstname": row["first"] or None,
            "lastname": row["last"] or None,
            "phone": None if mobile else phone or None,
            "mobilephone": phone or None if mobile else None,
            "company": row["company"] or None,
            "lifecyclestage": "lead",
            "hs_google_click_id": row["gclid"] or None,
            "hs_analytics_first_url": f"https://www.example.com/demo?id={row['id']}",
            **campaign,
            "marketing_consent": row["marketing"],
        },
    }


def as_hubspot_deal(number: int, deal: Deal) -> Row:
    """Write a deal as tap-hubspot 4 does: each property an object."""
    id_, contacts, stage, amount, why = deal
    at = pd.Timestamp("2026-10-20T08:00:00Z") + pd.Timedelta(hours=7 * number)
    properties = {
        "dealname": f"Deal {id_}",
        "dealstage": stage,
        "pipeline": "8123400" if stage.isdecimal() else "default",
        "amount": amount,
        "deal_currency_code": "EUR",
        "hs_is_closed": stage in WON_STAGES + LOST_STAGES,
        "hs_is_closed_won": stage in WON_STAGES,
        "closed_lost_reason": why,
        "hs_lastmodifieddate": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return {
        "portalId": 6666,
        "dealId": id_,
        "isDeleted": id_ == DELETED_DEAL,
        "associations": {"associatedVids": contacts, "associatedCompanyIds": []},
        **{
            f"property_{name}": None if value is None else {"value": value, "source": "CRM_UI"}
            for name, value in properties.items()
        },
    }


def as_web_lead(row: Row) -> Row:
    """Write a row as a web form's export: flat, and text only."""
    at = pd.Timestamp("2026-11-01T09:00:00Z") + pd.Timedelta(minutes=11 * row["id"])
    return {
        "lead_id": f"W-{row['id']:05}",
        "submitted_at": at.strftime("%d-%m-%Y %H:%M"),
        "full_name": f"{row['first']} {row['last']}".strip(),
        "email": row["email"],
        "phone": write_phone(row, row["id"]),
        "company": row["company"],
        "message": 'Graag een offerte.\nBel me na 17:00, "niet eerder".' if row["first"] else "",
        "page": f"https://www.example.com/offerte?ref={row['id']}",
        "utm_source": row["utm_source"],
        "utm_medium": row["utm_medium"],
        "utm_campaign": row["utm_campaign"],
        "gclid": row["gclid"],
        "cookies_analytics": consent_word(row["analytics"], row["id"]),
        "cookies_marketing": consent_word(row["marketing"], row["id"]),
    }


def write_phone(row: Row, number: int) -> str:
    """Write a phone number in one of the ways in which people write theirs."""
    country, national = row["phone"]
    if not national:
        return ""
    styles = [f"+{country} {national}", f"00{country}-{national}", f"+{country} (0){national}"]
    if country == "31":
        styles += [f"0{national[0]}-{national[1:]}", f"0{national}"]
    other = 1 if row.get("style") == "other" else 0
    return styles[(number + other) % len(styles)]


def consent_word(flag: object, number: int) -> str:
    """Write a consent as one of the words in use."""
    if not isinstance(flag, bool):
        return ""
    words = YES_WORDS if flag else NO_WORDS
    return words[number % len(words)]


def ascii_word(name: str) -> str:
    """Spell a name for an address."""
    plain = name.lower().translate(str.maketrans("éąłáüđöèåçóêßžčıíñëë", "ealaudoeacoeszciinee"))
    return "".join(char for char in plain if char.isascii() and char.isalpha())


def write_lines(path: Path, rows: list[Row]) -> None:
    """Write one JSON object a line."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write_singer(stream: str, key: str, rows: list[Row]) -> None:
    """Write rows as Singer messages, with a STATE after every twenty."""
    types = {bool: "boolean", dict: "object", int: "integer"}
    # The first value that is not null says what a column holds.
    values = dict(rows[0])
    for row in rows:
        values.update({name: row[name] for name in row if values[name] is None})
    properties = {
        name: {"type": ["null", types.get(type(value), "string")]} for name, value in values.items()
    }
    schema = {"type": "object", "properties": properties}
    lines: list[Row] = [
        {"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": [key]}
    ]
    for number, row in enumerate(rows, start=1):
        lines.append({"type": "RECORD", "stream": stream, "record": row})
        if number % 20 == 0:
            lines.append({"type": "STATE", "value": {"bookmarks": {stream: {"rows": number}}}})
    write_lines(HERE / "singer" / f"{stream}.singer.jsonl", lines)


def write_expected(frame: pd.DataFrame) -> None:
    """Write how many records of each stream should come to which outcome."""
    outcome = frame["kind"].map(
        {
            "new": "delivered",
            "filtered": "filtered",
            "twice": "duplicate",
            "again": "duplicate",
            "nobody": "rejected",
            "broken e-mail": "rejected",
        }
    )
    hubspot_rows = sum(COUNTS["hubspot_contacts"].values())
    stream = ["hubspot_contacts"] * hubspot_rows + ["web_leads"] * (len(frame) - hubspot_rows)
    table = pd.crosstab(pd.Series(stream, name="stream"), outcome.reset_index(drop=True))
    table = table[["delivered", "duplicate", "filtered", "rejected"]]
    expected = {str(name): counts.to_dict() for name, counts in table.iterrows()}
    expected["total"] = table.sum().to_dict()
    expected |= {"hubspot_deals": DEAL_OUTCOMES, "statuses": STATUSES}
    text = json.dumps(expected, indent=2)
    (HERE / "expected.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
