"""The countries that a phone number can be of, by the names that people give them.

A CRM keeps the country of a contact as an ISO code or in words. These are the English
names, some that are as common, and those that a few countries give themselves. A name that
two countries share (Congo, Saint Martin, Korea) is none: a number is not guessed.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from phonenumbers import SUPPORTED_REGIONS

_NAMES = """
AC Ascension Island
AD Andorra
AE United Arab Emirates; UAE; Emirates
AF Afghanistan
AG Antigua and Barbuda
AI Anguilla
AL Albania
AM Armenia
AO Angola
AR Argentina
AS American Samoa
AT Austria; Österreich; Oesterreich; Oostenrijk; Autriche
AU Australia
AW Aruba
AX Åland Islands; Aland
AZ Azerbaijan
BA Bosnia and Herzegovina; Bosnia
BB Barbados
BD Bangladesh
BE Belgium; België; Belgique; Belgien
BF Burkina Faso
BG Bulgaria
BH Bahrain
BI Burundi
BJ Benin
BL Saint Barthélemy
BM Bermuda
BN Brunei; Brunei Darussalam
BO Bolivia; Plurinational State of Bolivia
BQ Bonaire, Sint Eustatius and Saba
BR Brazil; Brasil
BS Bahamas
BT Bhutan
BW Botswana
BY Belarus
BZ Belize
CA Canada
CC Cocos Islands; Keeling Islands
CD Democratic Republic of the Congo; Democratic Republic of Congo; DR Congo; Congo-Kinshasa
CF Central African Republic
CG Republic of the Congo; Congo-Brazzaville
CH Switzerland; Schweiz; Suisse; Svizzera; Zwitserland
CI Côte d'Ivoire; Ivory Coast
CK Cook Islands
CL Chile
CM Cameroon
CN China; People's Republic of China
CO Colombia
CR Costa Rica
CU Cuba
CV Cape Verde; Cabo Verde
CW Curaçao
CX Christmas Island
CY Cyprus
CZ Czech Republic; Czechia; Česko
DE Germany; Deutschland; Duitsland; Allemagne
DJ Djibouti
DK Denmark; Danmark
DM Dominica
DO Dominican Republic
DZ Algeria
EC Ecuador
EE Estonia
EG Egypt
EH Western Sahara
ER Eritrea
ES Spain; España; Spanje
ET Ethiopia
FI Finland; Suomi
FJ Fiji
FK Falkland Islands
FM Micronesia; Federated States of Micronesia
FO Faroe Islands
FR France; Frankrijk; Frankreich
GA Gabon
GB United Kingdom; UK; Great Britain; Britain; England; Scotland; Wales; Northern Ireland
GD Grenada
GE Georgia
GF French Guiana
GG Guernsey
GH Ghana
GI Gibraltar
GL Greenland
GM Gambia
GN Guinea
GP Guadeloupe
GQ Equatorial Guinea
GR Greece; Hellas
GT Guatemala
GU Guam
GW Guinea-Bissau
GY Guyana
HK Hong Kong; Hong Kong SAR
HN Honduras
HR Croatia; Hrvatska
HT Haiti
HU Hungary; Magyarország
ID Indonesia
IE Ireland; Republic of Ireland; Éire
IL Israel
IM Isle of Man
IN India
IO British Indian Ocean Territory
IQ Iraq
IR Iran; Islamic Republic of Iran
IS Iceland
IT Italy; Italia; Italië; Italien
JE Jersey
JM Jamaica
JO Jordan
JP Japan
KE Kenya
KG Kyrgyzstan
KH Cambodia
KI Kiribati
KM Comoros
KN Saint Kitts and Nevis
KP North Korea; Democratic People's Republic of Korea
KR South Korea; Republic of Korea; Korea, Republic of
KW Kuwait
KY Cayman Islands
KZ Kazakhstan
LA Laos; Lao People's Democratic Republic
LB Lebanon
LC Saint Lucia
LI Liechtenstein
LK Sri Lanka
LR Liberia
LS Lesotho
LT Lithuania
LU Luxembourg; Luxemburg; Lëtzebuerg
LV Latvia
LY Libya
MA Morocco
MC Monaco
MD Moldova; Republic of Moldova
ME Montenegro
MG Madagascar
MH Marshall Islands
MK Macedonia; North Macedonia
ML Mali
MM Myanmar; Burma
MN Mongolia
MO Macao; Macau
MP Northern Mariana Islands
MQ Martinique
MR Mauritania
MS Montserrat
MT Malta
MU Mauritius
MV Maldives
MW Malawi
MX Mexico
MY Malaysia
MZ Mozambique
NA Namibia
NC New Caledonia
NE Niger
NF Norfolk Island
NG Nigeria
NI Nicaragua
NL Netherlands; Holland; Nederland; Niederlande; Pays-Bas; Kingdom of the Netherlands
NO Norway; Norge
NP Nepal
NR Nauru
NU Niue
NZ New Zealand
OM Oman
PA Panama
PE Peru
PF French Polynesia
PG Papua New Guinea
PH Philippines
PK Pakistan
PL Poland; Polska; Polen
PM Saint Pierre and Miquelon
PR Puerto Rico
PS Palestine; State of Palestine; Palestinian Territories
PT Portugal
PW Palau
PY Paraguay
QA Qatar
RE Réunion
RO Romania
RS Serbia
RU Russia; Russian Federation
RW Rwanda
SA Saudi Arabia
SB Solomon Islands
SC Seychelles
SD Sudan
SE Sweden; Sverige; Zweden; Schweden
SG Singapore
SH Saint Helena
SI Slovenia; Slovenija
SJ Svalbard and Jan Mayen
SK Slovakia; Slovensko; Slovak Republic
SL Sierra Leone
SM San Marino
SN Senegal
SO Somalia
SR Suriname
SS South Sudan
ST São Tomé and Príncipe
SV El Salvador
SX Sint Maarten; Sint Maarten (Dutch part)
SY Syria; Syrian Arab Republic
SZ Swaziland; Eswatini
TA Tristan da Cunha
TC Turks and Caicos Islands
TD Chad
TG Togo
TH Thailand
TJ Tajikistan
TK Tokelau
TL Timor-Leste; East Timor
TM Turkmenistan
TN Tunisia
TO Tonga
TR Turkey; Türkiye
TT Trinidad and Tobago
TV Tuvalu
TW Taiwan
TZ Tanzania; United Republic of Tanzania
UA Ukraine
UG Uganda
US United States; USA; U.S.A.; U.S.; United States of America; America
UY Uruguay
UZ Uzbekistan
VA Vatican; Holy See; Vatican City
VC Saint Vincent and the Grenadines
VE Venezuela; Bolivarian Republic of Venezuela
VG British Virgin Islands
VI U.S. Virgin Islands; US Virgin Islands; United States Virgin Islands
VN Vietnam; Viet Nam
VU Vanuatu
WF Wallis and Futuna
WS Samoa
XK Kosovo
YE Yemen
YT Mayotte
ZA South Africa
ZM Zambia
ZW Zimbabwe
"""
_SEPARATOR = re.compile(r"[^\w]+")


def _folded(name: str) -> str:
    """Without accents, case, punctuation and article: ``St. Lucia`` is ``saint lucia``."""
    plain = "".join(
        char
        for char in unicodedata.normalize("NFKD", name.casefold())
        if not unicodedata.combining(char)
    )
    words = _SEPARATOR.sub(" ", plain.replace("&", " and ")).strip().removeprefix("the ")
    return f"saint {words[3:]}" if words.startswith("st ") else words


def _by_name() -> dict[str, str]:
    regions: dict[str, str] = {}
    for line in _NAMES.strip().splitlines():
        region, _, names = line.partition(" ")
        regions.update((_folded(name), region) for name in names.split("; "))
    return regions


_REGIONS = _by_name()


@lru_cache(maxsize=1024)
def region_of(country: str) -> str | None:
    """The region of `phonenumbers` for an ISO code or a country's name; None if unknown."""
    code = country.strip().upper()
    if code in SUPPORTED_REGIONS:
        return code
    return _REGIONS.get(_folded(country))
