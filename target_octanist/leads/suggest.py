"""A first mapping for a stream, guessed from the names of its columns.

It is shown to people, for them to correct, when a stream is refused or on request. It is
small and cautious on purpose: a wrong guess that looks right costs more than none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from target_octanist.leads.paths import quote_column
from target_octanist.leads.schema import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable

# Lead field → the names that mean it, best first, as `_folded` writes them.
_NAMES = {
    "name": "name fullname displayname contactname leadname naam volledigenaam nom vollername",
    "email": "email emailaddress mail emailadres emailadresse workemail primaryemail "
    "contactemail leademail personemail secondaryemail",
    "phone": "phone phonenumber mobilephone mobile mobilenumber mobilephonenumber telephone "
    "telefoon telefoonnummer telefon telefonnummer tel mobiel workphone homephone "
    "contactphone leadphone personmobilephone",
    "note": "note message comment bericht opmerking opmerkingen nachricht",
    "sessionId": "sessionid octasid",
    "website": "landingpage landingpageurl landingurl pageurl hsanalyticsfirsturl website",
    "path": "path pagepath",
    "gclid": "gclid hsgoogleclickid googleclickid",
    "fbc": "fbc",
    "fbp": "fbp",
    "ga4cid": "ga4cid gaclientid googleanalyticsclientid",
    "ga4sid": "ga4sid gasessionid",
    "li_fat_id": "lifatid",
    "msclkid": "msclkid microsoftclickid bingclickid",
    "ttclid": "ttclid tiktokclickid",
    "twclid": "twclid twitterclickid",
    "rdt_cid": "rdtcid redditclickid",
    "sccid": "sccid snapchatclickid",
    "epik": "epik pinterestclickid",
    "dclid": "dclid",
    "wbraid": "wbraid",
    "gbraid": "gbraid",
    "utm_source": "utmsource hsanalyticssource",
    "utm_medium": "utmmedium",
    "utm_campaign": "utmcampaign adcampaignname campaignname",
    "ad_storage": "adstorage",
    "ad_user_data": "aduserdata",
    "ad_personalization": "adpersonalization",
    "analytics_storage": "analyticsstorage",
}
_FIRST_NAMES = "firstname givenname voornaam prenom vorname".split()
_LAST_NAMES = "lastname surname familyname achternaam nachname nomdefamille".split()
_MARKETING = (
    "marketingconsent consentmarketing marketingoptin optinmarketing consent optin "
    "marketingstatus hasoptedin".split()
)
_ANALYTICS = "analyticsconsent consentanalytics statisticsconsent cookieconsent".split()
_PREFIXES = ("properties.", "property_", "custom_attributes.", "fields.", "attributes.")
_NOT_ALPHANUMERIC = re.compile(r"[^0-9a-z]+")
# How many columns to try one after the other: more would hide which one it is.
_MOST = 3


def suggest_mapping(columns: Iterable[str]) -> dict[str, Any]:
    """A mapping for a stream with these columns, or paths; empty if it looks like no lead.

    Deterministic: the same columns, in the same order, give the same mapping.
    """
    by_name: dict[str, list[str]] = {}
    for column in columns:
        folded = _folded(column)
        if folded:
            by_name.setdefault(folded, []).append(column)
    mapping: dict[str, Any] = {}
    for field in FIELDS:
        found = _columns(by_name, _NAMES.get(field, "").split())
        if found:
            paths = [quote_column(column) for column in found]
            several = field in ("email", "phone") and len(paths) > 1
            mapping[field] = paths[:_MOST] if several else paths[0]
    if "name" not in mapping:
        parts = [
            quote_column(found[0])
            for names in (_FIRST_NAMES, _LAST_NAMES)
            if (found := _columns(by_name, names))
        ]
        # A brace in a column's name cannot be told from one of the template.
        if parts and not any(brace in part for part in parts for brace in "{}"):
            template = " ".join(f"{{{part}}}" for part in parts)
            mapping = {"name": {"template": template}, **mapping}
    consent = {
        flag: quote_column(found[0])
        for flag, names in (("analytics", _ANALYTICS), ("marketing", _MARKETING))
        if (found := _columns(by_name, names))
    }
    if not {"email", "phone"} & mapping.keys():
        return {}
    return {**mapping, "consent": consent} if consent else mapping


def _columns(by_name: dict[str, list[str]], names: Iterable[str]) -> list[str]:
    return [column for name in names for column in by_name.get(name, [])]


def _folded(column: str) -> str:
    """``property_First-Name.value`` and ``et4ae5__FirstName__c`` are both ``firstname``."""
    text = column.strip().lower()
    for prefix in _PREFIXES:
        text = text.removeprefix(prefix)
    text = text.removesuffix(".value")
    # Salesforce: namespace__Name__c. Zoho: Name__s.
    for suffix in ("__c", "__s", "__pc"):
        if text.endswith(suffix):
            text = text.removesuffix(suffix).rpartition("__")[2]
    return _NOT_ALPHANUMERIC.sub("", text)
