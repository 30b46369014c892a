"""Words that stand for nothing, for yes and for no, as forms and CRMs write them."""

from __future__ import annotations

PLACEHOLDERS = frozenset(
    {
        *("-", "--", "---", "–", "—", ".", "..", "...", "?", "n/a", "#n/a"),
        *("[not provided]", "(not provided)", "(not set)", "undefined", "[object object]"),
        *("(null)", "<null>", "[null]"),
    }
)
"""Texts that count as empty in any field, folded. No name is spelled like this."""


NOTHING = PLACEHOLDERS | frozenset(
    {
        *("na", "n.a.", "n.a", "nan", "nil", "none", "null", "(none)", "[none]", "empty"),
        *(
            "unspecified",
            "not specified",
            "not provided",
            "not set",
            "not available",
            "not applicable",
            "unknown",
            "\\n",
        ),
        *("keine", "geen", "onbekend", "nvt", "n.v.t.", "n.v.t", "k.a.", "aucun", "unbekannt"),
    }
)
"""Texts that count as empty in an address, a number or an id, folded.

Not for names: there are people called Null, Na and None.
"""

YES = frozenset(
    {
        *("true", "t", "yes", "y", "on", "1", "1.0", "x", "✓", "✔", "☑", "checked", "enabled"),
        *("granted", "grant", "given", "obtained", "consent", "consented", "accepted"),
        *("accept", "agree", "agreed", "allow", "allowed", "opt in", "opted in", "optin"),
        *("optedin", "subscribed", "subscribe", "confirmed", "consent obtained"),
        *("consent given", "consent granted", "i agree", "i accept"),
        "freely given consent from contact",
        *("ja", "j", "waar", "wahr", "aan", "akkoord", "ingeschreven", "angemeldet"),
        *("zugestimmt", "toegestaan", "jawohl"),
        *("oui", "o", "vrai", "accordé", "accepté", "sí", "si", "s", "verdadero"),
        *("acepto", "sì", "vero", "accetto", "sim", "verdadeiro", "aceito"),
        *("toestemming", "toestemming gegeven", "verleend", "geaccepteerd", "aangemeld"),
        *("einverstanden", "eingewilligt", "einwilligung erteilt", "erteilt", "akzeptiert"),
        *("d'accord", "consenti", "abonné", "aceptado", "acepta", "concedido", "accettato"),
        *("acconsento", "iscritto", "aceito", "aceitou", "concordo", "zgoda", "zgadzam się"),
        *("wyrażono zgodę", "samtycker", "godkendt", "godkänt"),
        *("single opt in", "double opt in", "confirmed opt in", "explicit opt in"),
        *("tak", "prawda", "ano", "áno", "pravda", "igen", "igaz", "da", "adevărat"),
        *("kyllä", "kylla", "tosi", "joo", "jah", "jā", "taip", "sann", "sant", "sand"),
        *("evet", "doğru", "ναι", "да", "так", "はい", "是", "예", "네"),
    }
)
"""Words that say yes, as `fold_word` writes them."""

NO = frozenset(
    {
        *("false", "f", "no", "n", "off", "0", "0.0", "✗", "✘", "☐", "unchecked", "disabled"),
        *("denied", "deny", "declined", "decline", "refused", "rejected", "withdrawn"),
        *("revoked", "not given", "not granted", "no consent", "opt out", "opted out"),
        *("optout", "optedout", "unsubscribed", "unsubscribe", "disagree", "not obtained"),
        *("consent pending", "consent waiting", "pending", "waiting", "archived", "never"),
        *("nee", "onwaar", "uit", "geweigerd", "nein", "falsch", "aus", "abgelehnt"),
        *("abgemeldet", "uitgeschreven", "non", "faux", "refusé", "falso", "não", "nao"),
        *("nie", "fałsz", "ne", "nepravda", "nem", "hamis", "nu", "fals", "ei", "epätosi"),
        *("nej", "nei", "falsk", "usann", "nē", "hayır", "hayir", "yanlış", "όχι"),
        *("geen toestemming", "niet akkoord", "niet toegestaan", "ingetrokken", "afgemeld"),
        *("nicht einverstanden", "widerrufen", "verweigert", "keine einwilligung"),
        *("désabonné", "retiré", "pas d'accord", "rechazado", "denegado", "no acepto"),
        *("rifiutato", "negato", "recusado", "negado", "brak zgody", "odmowa", "cofnięta"),
        *("not subscribed", "non subscribed", "not opted in", "do not contact", "bounced"),
        *("нет", "ні", "いいえ", "否", "아니요"),
    }
)
"""Words that say no, as `fold_word` writes them."""


def fold_word(text: str) -> str:
    """One spelling for ``Opt-In``, ``opt_in`` and ``OPT IN``."""
    return " ".join(text.casefold().replace("-", " ").replace("_", " ").split())
