"""Columns that nobody should send along without having chosen to.

They are known by their names. It is better to leave out a harmless column than to send a
date of birth: whoever wants one that is left out here, picks it by its name.
"""

from __future__ import annotations

import re
from functools import lru_cache

# Looked for anywhere in a name without its separators: `user_password2`, `recaptcha`.
_PARTS = tuple(
    # ways in
    "password passwd passwort wachtwoord contrasena motdepasse captcha csrf octasid apikey "
    "privatekey accesskey credential "
    # money
    "creditcard cardnumber kreditkarte bankaccount accountnumber bankrekening rekeningnummer "
    "kontonummer sortcode routingnumber cuentabancaria "
    # who somebody is by law
    "passport socialsecurity nationalid idnumber idcard identitycard identitynumber taxid "
    "taxnumber taxpayer driverlicense driverslicense drivinglicen licenceplate licenseplate "
    "rijksregister burgerservice personnummer codicefiscale personalausweis "
    "sozialversicherung steuernummer "
    # born when and where
    "birth geboorte geburt naissance nacimiento nascita nascimento urodzenia "
    # health, and what else the law calls special
    "medical medicat diagnos disease disabilit allerg bloodtype bloodgroup healthinsur "
    "ethnic religio sexualorient politicalparty tradeunion biometric genetic "
    # where somebody is
    "ipaddr remoteaddr latitude longitude geolocation coordinate macaddr".split()
)
# Only as a whole word: `card`, not `cardiff`; `pin`, not `opinion`.
_WORDS = frozenset(
    "pwd pass token secret nonce cvc cvv otp pin cookie cookies card credit iban bic swift "
    "ssn bsn nin nino dni nie nif nir cpf curp pesel passport dob birthday health patient "
    "race religion lat lng lon latlng latlon gps geo geoip imei idfa gaid".split()
)
# An address of the net is precise, the country that somebody derived from it is not.
_LAST_WORDS = frozenset({"ip", "ipv4", "ipv6"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+[0-9]*")
_SEPARATOR = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=4096)
def is_sensitive(name: str) -> bool:
    """Whether a column's name says that its value is nobody's business."""
    joined = _SEPARATOR.sub("", name.lower())
    if any(part in joined for part in _PARTS):
        return True
    words = [word.lower() for word in _WORD.findall(name)]
    if words and words[-1] in _LAST_WORDS:
        return True
    # `cards`, `token2`
    return any(word in _WORDS or word.rstrip("s0123456789") in _WORDS for word in words)
