"""What a stream holds: leads, or something that is none, such as deals or companies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_octanist.leads.suggest.vocabulary import meaning, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

DEALS = "these are deals; the people in them come in a stream of their own"
"""Said of deals: they make no leads, but may change those of their people."""

_COMPANIES = "these are companies, not people"
_STAFF = "these are more likely people of your own, such as the owners of leads"
_ACTIVITY = "this is what happened to people or was said to them, not who they are"

_NAMES: Mapping[str | None, str] = {
    None: "lead leads contact contacts person persons people prospect prospects subscriber "
    "subscribers submission submissions response responses applicant applicants inquiry inquiries "
    "enquiry enquiries request requests signup signups registration registrations customer "
    "customers client clients klanten kunden clientes clienti klienci contactpersonen aanvragen "
    "anfragen solicitudes richieste kontakte",
    DEALS: "deal deals opportunity opportunities pipeline pipelines stage stages quotes",
    _COMPANIES: "company companies account accounts organization organizations organisation "
    "organisations bedrijven firmen entreprises empresas aziende",
    _STAFF: "owner owners user users employee employees staff agents",
    _ACTIVITY: "task tasks activity activities engagements note notes call calls meetings "
    "tickets conversations campaigns",
}
_SAID_BY_NAME = {word: reason for reason, names in _NAMES.items() for word in names.split()}
_STAGE = frozenset("stage stagename stageid dealstage dealname pipelineid isclosedwon".split())
_MONEY = frozenset("amount value dealvalue probability closedate expectedclosedate".split())
_OF_A_COMPANY = frozenset(
    "industry numberofemployees noofemployees employees employeecount annualrevenue domain "
    "vatnumber companyname foundedyear".split()
)
_QUESTION = frozenset(
    "question questionid questionref questiontext ref fieldid fieldname fieldkey fieldref "
    "attribute attributename vraag frage".split()
)
_ANSWER = frozenset("answer value response answervalue fieldvalue antwoord antwort".split())


def why_no_leads(stream: str, columns: Iterable[str]) -> str | None:
    """Why this stream is not taken to hold leads, as half a sentence; None if it may.

    Its name decides; where that says nothing, its columns do.
    """
    for word in reversed(words(stream)):
        if word in _SAID_BY_NAME:
            return _SAID_BY_NAME[word]
    spelled = [words(column) for column in columns]
    names = {"".join(name) for name in spelled} | {
        # property_dealstage and properties.dealstage
        "".join(name[1:])
        for name in spelled
    }
    if names & _STAGE and names & _MONEY:
        return DEALS
    found = {one.field for name in spelled if (one := meaning(name)) is not None}
    is_somebody = bool({"first_name", "last_name"} & found)
    return _COMPANIES if len(names & _OF_A_COMPANY) > 1 and not is_somebody else None


def why_one_answer(columns: Sequence[str], records: Sequence[Mapping[str, Any]]) -> str | None:
    """Why a stream whose records are answers, one in each, makes no leads; None if they are not.

    Names the questions that a lead would need, as far as their own names tell.
    """
    question_columns = [column for column in columns if "".join(words(column)) in _QUESTION]
    if not question_columns or not any("".join(words(column)) in _ANSWER for column in columns):
        return None
    questions = dict.fromkeys(
        question
        for column in question_columns
        for record in records
        if isinstance(question := record.get(column), str) and meaning(words(question))
    )
    found = f" (here: {', '.join(questions)})" if questions else ""
    return (
        "each of its records is the answer to one question, and a lead needs several"
        f"{found}; join those of one response into one record, in the tap or the warehouse"
    )
