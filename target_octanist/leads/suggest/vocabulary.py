"""What the name of a column says: which lead field it means, in eight languages.

English, Dutch, German, French, Spanish, Italian, Portuguese and Polish. Case, accents and
separators do not matter, nor do words around the name that say nothing about the field:
``property_First-Name``, ``et4ae5__FirstName__c`` and ``contact.firstName`` are one name.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Words = tuple[str, ...]
"""The words of a name, folded: ``("first", "name")``."""

# Field or part → the names that mean it, best first, without spaces, as `words` folds them.
# Parts are what a lead field is made of: the parts of a name, a Facebook click id, a time.
_NAMES: Mapping[str, str] = {
    "name": "fullname namefull name displayname contactname leadname personname customername "
    "volledigenaam vollername vollstandigername nomcomplet nometprenom prenometnom "
    "nombrecompleto nombreyapellidos nomecompleto nomeecognome nomecognome nomeesobrenome "
    "imieinazwisko imienazwisko naam",
    # What names a whole person, or only the half that the other column does not have.
    "bare_name": "nom nombre nome",
    "first_name": "firstname fname givenname forename namefirst voornaam prenom vorname rufname "
    "primernombre primeironome imie",
    "middle_name": "middlename namemiddle middleinitial tussenvoegsel voorvoegsel infix "
    "tussenvoegsels zweitername segundonombre",
    "last_name": "lastname lname surname familyname namelast achternaam familienaam nachname "
    "familienname nomdefamille apellido apellidos primerapellido cognome sobrenome apelido "
    "nazwisko",
    "email": "email emailaddress mail mailaddress emailadres mailadres emailadresse mailadresse "
    "adresseemail adressemail adresseelectronique courriel adressecourriel correo "
    "correoelectronico direcciondecorreo direccionemail correoe indirizzoemail posta "
    "postaelettronica indirizzodiposta enderecodeemail enderecoemail correioeletronico "
    "adresemail adresmail poczta pocztaelektroniczna emails emailaddresses "
    "useremail emailid alternateemail secondaryemail otheremail",
    "phone": "mobile mobilephone mobilenumber mobilephonenumber mobiel mobielnummer "
    "mobieletelefoon mobieltelefoonnummer gsm gsmnummer cell cellphone cellnumber mobil "
    "mobiltelefon mobilnummer handy handynummer telephonemobile telephoneportable portable "
    "numerodeportable movil telefonomovil numeromovil celular telefonocelular cellulare "
    "telefonocellulare numerocellulare telemovel telefonecelular komorka telefonkomorkowy "
    "numerkomorki phone phonenumber phoneno telephone telephonenumber telephoneno tel telefoon "
    "telefoonnummer telnr telefoonnr telefon telefonnummer rufnummer telefonnr "
    "numerodetelephone telefono numerodetelefono telefononumero numeroditelefono "
    "numerotelefono telefone numerodetelefone numertelefonu nrtelefonu nrtel whatsapp "
    "whatsappnumber phones phonenumbers mobiles homephone otherphone secondaryphone "
    "alternatephone workphone businessphone",
    "note": "message note comment comments bericht opmerking opmerkingen toelichting nachricht "
    "kommentar bemerkung bemerkungen anmerkung anfrage commentaire mensaje comentario "
    "comentarios messaggio commento mensagem wiadomosc komentarz uwagi yourmessage",
    "sessionId": "octasid octanistsessionid",
    "landing_page": "landingpage landingpageurl landingurl firstpageurl pageurl "
    "hsanalyticsfirsturl firsturl entrypage entryurl pageuri submissionurl formurl sourceurl "
    "conversionpage landingspagina bestemmingspagina zielseite paginadedestino "
    "paginedatterrissage paginadidestinazione stronadocelowa",
    "website": "website websiteurl webseite sitoweb sitioweb siteweb",
    "path": "path pagepath landingpath landingpagepath",
    "gclid": "gclid hsgoogleclickid googleclickid googleclickidentifier",
    "fbclid": "fbclid hsfacebookclickid facebookclickid metaclickid",
    "fbc": "fbc",
    "fbp": "fbp facebookbrowserid",
    "ga4cid": "ga4cid gaclientid ga4clientid googleanalyticsclientid",
    "ga4sid": "ga4sid gasessionid ga4sessionid googleanalyticssessionid",
    "li_fat_id": "lifatid linkedinclickid",
    "msclkid": "msclkid microsoftclickid bingclickid",
    "ttclid": "ttclid tiktokclickid",
    "twclid": "twclid twitterclickid",
    "rdt_cid": "rdtcid redditclickid",
    "sccid": "sccid snapchatclickid",
    "epik": "epik pinterestclickid",
    "dclid": "dclid",
    "wbraid": "wbraid",
    "gbraid": "gbraid",
    "utm_source": "utmsource",
    "utm_medium": "utmmedium",
    "utm_campaign": "utmcampaign adcampaignname campaignname",
    "ad_storage": "adstorage",
    "ad_user_data": "aduserdata",
    "ad_personalization": "adpersonalization adpersonalisation",
    "analytics_storage": "analyticsstorage",
    "created": "createdat createdate datecreated createdtime createddate creationdate addtime "
    "submittedat submitdate submissiondate submittime cdate creationtime createdon addedat "
    "signedupat conversiondate",
    "country": "country countrycode land landcode laendercode pays codepays pais codigopais paese "
    "nazione kraj",
    "deleted": "isdeleted deleted archived isarchived deletedat datedeleted",
}
_MEANINGS: Mapping[str, tuple[str, int]] = {
    name: (field, rank)
    for field, names in _NAMES.items()
    for rank, name in enumerate(names.split())
}

# Around a name these say where it comes from or which one of several it is.
_ABOUT_A_PERSON = (
    "contact lead person persons customer client visitor applicant participant respondent "
    "subscriber buyer guest your my klant kunde kunden cliente kontakt contatto contato osoba "
    "klient uw jouw je ihr ihre votre tu su seu sua twoj twoje din".split()
)
_AROUND = frozenset(
    (
        "properties property prop custom attribute attributes field fields hs cf data form user "
        "billing input value values text answer answers response primary main default work "
        "business private personal home zakelijk zakelijke prive privat private geschaftlich "
        "geschaftliche professionnel professionnelle pro dienstlich laboral trabajo "
        "personale lavoro pessoal trabalho profissional prywatny sluzbowy hoofd"
    ).split()
).union(_ABOUT_A_PERSON, (str(number) for number in range(10)))
_WRAPPERS = frozenset("properties property value values".split())
_AROUND_NAME = frozenset(
    (*_ABOUT_A_PERSON, *"properties property hs cf value values primary".split())
)
# With any of these a column is another's: the owner's address is not the lead's.
_OF_OTHERS = frozenset(
    "owner owners company companies organization organizations organisation organisations "
    "account accounts employer creator created modified updated author assignee assigned "
    "manager agent agents rep seller salesperson sales staff employee employees versions "
    "history associations associated opportunities opportunity deal deals tasks activities "
    "partner parent guardian referrer referral referred recruiter sender previous old "
    "emergency spouse fax bounced hash domain eigenaar bedrijf verkoper besitzer unternehmen "
    "inhaber proprietaire entreprise societe propietario empresa proprietario azienda "
    "wlasciciel firma".split()
)
_TRANSPARENT = frozenset(
    "properties property attributes customattributes customfields mergefields custom fields fielddata data "
    "record values answers payload form formdata formfields response responses hidden variables "
    "metadata meta utm tracking attribution consent consents details profile acf traits context "
    "contactinfo contactdetails personaldetails input submission body questions billing email "
    "emails phone phones name clickids cookies analytics marketing".split()
).union(_ABOUT_A_PERSON)
_PEOPLE = frozenset(
    "contact contacts person persons people lead leads customers attendees respondents "
    "participants guests applicants subscribers contactpersonen kontakte personen".split()
)

_LETTERS = str.maketrans({"ł": "l", "ß": "ss", "ø": "o", "æ": "ae", "đ": "d", "ı": "i"})
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[^\W\d_]+|\d+")
# Salesforce: namespace__Name__c. Zoho: Name__s.
_CRM_SUFFIX = re.compile(r"(?:.*__)?(.+)__(?:c|pc|s)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a name says.

    Attributes:
        field: A lead field, or a part that one is made of.
        rank: 0 for the plainest name of it, more for names that are less so.
    """

    field: str
    rank: int


def words(name: str) -> Words:
    """The words of a name, folded: ``et4ae5__FirstName__c`` gives ``("first", "name")``."""
    match = _CRM_SUFFIX.fullmatch(name.strip())
    text = _HUMPS.sub(" ", match[1] if match else name).lower().translate(_LETTERS)
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return tuple(_WORD.findall(plain))


def meaning(name: Words) -> Meaning | None:
    """What these words mean together, with as few of them as possible left out."""
    for size in range(len(name), 0, -1):
        for start in range(len(name) - size + 1):
            found = _MEANINGS.get("".join(name[start : start + size]))
            around = name[:start] + name[start + size :]
            if found is not None and _says_nothing(around, found[0]):
                return Meaning(found[0], found[1])
    return None


def _says_nothing(around: Words, field: str) -> bool:
    # Forms, users and businesses have names and notes, too.
    has_many_owners = field in ("name", "bare_name", "note")
    return set(around) <= (_AROUND_NAME if has_many_owners else _AROUND)


def unwrapped(name: Words) -> Words:
    """The same words for a column and its mirror: ``property_x`` and ``properties.x.value``."""
    return tuple(word for word in name if word not in _WRAPPERS)


def of_others(name: Words) -> bool:
    """Whether this is about somebody or something else than the lead."""
    return not _OF_OTHERS.isdisjoint(name)


def is_transparent(name: Words) -> bool:
    """Whether an object of this name only wraps the lead's own fields."""
    return "".join(name) in _TRANSPARENT


def names_people(name: Words) -> bool:
    """Whether a list of this name holds people."""
    return "".join(name) in _PEOPLE
