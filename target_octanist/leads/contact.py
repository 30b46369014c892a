"""E-mail addresses and phone numbers: the two values that say who a lead is.

The libraries that know the rules take 20 to 40 microseconds for a value. Ordinary values
take a short cut that gives the same result; the tests compare the two.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import phonenumbers
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    NumberParseException,
    PhoneMetadata,
    PhoneNumberFormat,
    ValidationResult,
)

from target_octanist.leads.countries import region_of
from target_octanist.leads.text import EMPTY, Normal, clean_block, clean_line, plain_text
from target_octanist.leads.words import NOTHING

_ORDINARY_EMAIL = re.compile(
    r"([a-z0-9_+-]{1,64}(?:\.[a-z0-9_+-]{1,64}){0,8})@"
    r"((?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,})"
)
_MAX_LOCAL = 64
_MAX_LABEL = 63
_MAX_TEXT = 2000
_IN_BRACKETS = re.compile(r"<([^<>]*@[^<>]*)>")
_BETWEEN_EMAILS = re.compile(r"[\s;,|]+")
# Whoever types this one types the whole address in full-width letters.
_WIDE_AT = "\uff20"
_NOT_RESERVED = ".example"
_AROUND_EMAIL = "<>()[]\"'.:"


def email(value: object) -> Normal:
    """One address: lower case, its domain in IDNA's ASCII form; the first valid of several."""
    if isinstance(value, str):
        address = value.strip().lower()
        if is_ordinary_email(address):
            return address, None
        return parse_email(value)
    text, rule = plain_text(value)
    if rule is not None:
        return None, "invalid_email"
    return EMPTY if text is None else parse_email(text)


def is_ordinary_email(address: str) -> bool:
    """Whether this is sure to be valid and to be written as it is already."""
    match = _ORDINARY_EMAIL.fullmatch(address)
    # A whole domain shorter than the longest label has no label that is too long.
    return (
        match is not None
        and match.end(1) <= _MAX_LOCAL
        and len(address) - match.end(1) - 1 <= _MAX_LABEL
    )


@lru_cache(maxsize=1024)
def parse_email(text: str) -> Normal:
    """What `email` does, without the short cut."""
    # Longer than any list of addresses; validating it would only take time.
    if len(text) > _MAX_TEXT:
        return None, "invalid_email"
    text = _without_format(clean_line(text))
    if not text or text.casefold() in NOTHING:
        return EMPTY
    if _WIDE_AT in text:
        text = unicodedata.normalize("NFKC", text)
    candidates = _IN_BRACKETS.findall(text) + _BETWEEN_EMAILS.split(text)
    for candidate in candidates:
        address = _valid_email(candidate)
        if address is not None:
            return address, None
    return None, "invalid_email"


def _without_format(text: str) -> str:
    """Without marks for the direction of writing and the like, which nobody sees."""
    return "".join(char for char in text if unicodedata.category(char) != "Cf").strip()


def _valid_email(text: str) -> str | None:
    text = text.strip().lstrip("<(\"'[").lower()
    if text.startswith("mailto:"):
        text = text.removeprefix("mailto:").partition("?")[0]
    text = text.strip(_AROUND_EMAIL)
    if "@" not in text:
        return None
    # The library refuses reserved domains such as .test and .invalid. Whether a domain is in
    # use is for the receiving side to say, so it gets to see a domain that is not reserved.
    reserved = text.rpartition(".")[2] in SPECIAL_USE_DOMAIN_NAMES
    try:
        valid = validate_email(
            f"{text}{_NOT_RESERVED}" if reserved else text, check_deliverability=False
        )
    except (EmailNotValidError, ValueError):
        return None
    local, domain = valid.local_part.lower(), valid.ascii_domain.lower()
    if reserved:
        domain = domain.removesuffix(_NOT_RESERVED)
    # A host name without a dot is somebody's own machine.
    if "." not in domain or domain.rpartition(".")[2].isdigit():
        return None
    return f"{unicodedata.normalize('NFC', local)}@{domain}"


_WITH_CODE = re.compile(r"\+[1-9][0-9 .()-]{6,24}")
# Not what a data frame makes of one: `612340060.0`.
_NATIONAL = re.compile(r"(?![0-9]+\.0+\Z)\(?[0-9][0-9 .()-]{5,24}")
_NOT_A_DIGIT = re.compile(r"[^0-9]")
_ONLY_PHONE_CHARACTERS = re.compile(r"[0-9 ().+/-]+")
_EXTENSION = re.compile(
    r"(?i)\s*(?:;\s*ext=|ext\.?|extension|x|#|tst\.?|toestel|durchwahl)\s*:?\s*[0-9]{1,7}\s*$"
)
_BETWEEN_PHONES = re.compile(r"(?i)[;,|\n&]| / |\s(?:of|en|or|and|ou|et|oder|und|o|y)\s")
_IN_WORDS = re.compile(r"\((?=[^()]*[^\W\d_])[^()+0-9]*\)")
_DASH = re.compile("[\u2010-\u2015\u2212]")
# What spreadsheets and data frames make of a number: `31612340060.0` and `3.1612340060E10`.
_FLOAT = re.compile(r"[+-]?[0-9]+\.0+")
_EXPONENT = re.compile(r"(?P<digits>[0-9]+(?:\.[0-9]+)?)[eE]\+?(?P<power>[0-9]{1,2})")
_MIN_DIGITS = 5
_MAX_DIGITS = 17


def phone(value: object, region: str | None) -> Normal:
    """One number as E.164; without a country code and a region, its digits with a note.

    Fewer than five digits are not a number: people write ``-`` or ``n/a``, not ``1234``.
    Words other than such placeholders get a note, for the column may be the wrong one.
    """
    if isinstance(value, str):
        text = value
    else:
        text, rule = plain_text(value)
        if rule is not None:
            return None, "invalid_phone"
        if text is None:
            return EMPTY
    number = ordinary_phone(text.strip(), region)
    return parse_phone(text, region) if number is None else (number, None)


def phone_by_country(value: object, country: object, region: str | None) -> Normal:
    """As `phone`, in the region of this country, or `region` where there is none.

    A country that is not known may well be another than `region`, so a number that was
    read with `region` then has a note.
    """
    text, _ = plain_text(country)
    found = region_of(text) if text else None
    if found is not None or not text or not text.strip() or text.strip().casefold() in NOTHING:
        return phone(value, found or region)
    number, rule = phone(value, None)
    if rule is None:
        return number, None
    number, rule = phone(value, region)
    return number, "unknown_region" if rule in (None, "no_region") else rule


def ordinary_phone(text: str, region: str | None) -> str | None:
    """E.164 of a number that is sure to need nothing but its digits; else None."""
    if text.startswith("+"):
        return _ordinary_abroad(_NOT_A_DIGIT.sub("", text)) if _WITH_CODE.fullmatch(text) else None
    if region is None or not _NATIONAL.fullmatch(text):
        return None
    digits = _NOT_A_DIGIT.sub("", text)
    if len(digits) < _MIN_DIGITS:
        return None
    return numbering_plan(region, None).ordinary_national(digits)


def _ordinary_abroad(digits: str) -> str | None:
    """E.164 of the digits behind a plus, if it is sure that they are all there is to it."""
    if len(digits) < _MIN_DIGITS:
        return None
    for size in (1, 2, 3):
        code = int(digits[:size])
        if code in COUNTRY_CODE_TO_REGION_CODE:
            plan = numbering_plan(COUNTRY_CODE_TO_REGION_CODE[code][0], code)
            national = digits[size:]
            # A national prefix after the country code, as in +31 (0)6, needs care.
            if len(national) in plan.lengths and not plan.starts_with_prefix(national):
                return f"+{digits}"
            return None
    return None


@dataclass(frozen=True, slots=True)
class NumberingPlan:
    """What has to be known of a country to write one of its ordinary numbers."""

    code: str
    lengths: frozenset[int]
    prefix: re.Pattern[str] | None
    plain_prefix: bool
    abroad: re.Pattern[str]
    pattern: re.Pattern[str]

    def starts_with_prefix(self, digits: str) -> bool:
        return self.prefix is not None and self.prefix.match(digits) is not None

    def ordinary_national(self, digits: str) -> str | None:
        # What begins with the country's own code, or with the prefix for calls abroad, can
        # be read in two ways, and the library weighs them.
        if self.abroad.match(digits):
            return None
        found = self.prefix.match(digits) if self.prefix else None
        if found is not None:
            if not self.plain_prefix or self.pattern.fullmatch(digits):
                return None
            digits = digits[found.end() :]
        return f"+{self.code}{digits}" if len(digits) in self.lengths else None


@lru_cache(maxsize=600)
def numbering_plan(region: str, code: int | None) -> NumberingPlan:
    """The plan of a region; `code` is its country code where the region is not a country."""
    # Typed as Any: the tables have these for every region and code in the index.
    plan: Any = (
        PhoneMetadata.metadata_for_region(region, None)
        if code is None
        else PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    )
    # Countries that share a code are judged by the lengths of the first of them.
    first = COUNTRY_CODE_TO_REGION_CODE[plan.country_code][0]
    main: Any = PhoneMetadata.metadata_for_region_or_calling_code(plan.country_code, first)
    prefix = re.compile(plan.national_prefix_for_parsing or r"(?!)")
    return NumberingPlan(
        code=str(plan.country_code),
        lengths=frozenset.intersection(*(_lengths(one.general_desc) for one in (plan, main))),
        prefix=prefix if plan.national_prefix_for_parsing else None,
        plain_prefix=not prefix.groups and not plan.national_prefix_transform_rule,
        abroad=re.compile(f"{plan.country_code}|{plan.international_prefix or '(?!)'}"),
        pattern=re.compile(plan.general_desc.national_number_pattern or r"(?!)"),
    )


def _lengths(general: Any) -> frozenset[int]:
    return frozenset(general.possible_length) - frozenset(general.possible_length_local_only)


@lru_cache(maxsize=1024)
def parse_phone(text: str, region: str | None) -> Normal:
    """What `phone` does, without the short cut."""
    text = _without_format(unicodedata.normalize("NFKC", clean_block(text[:_MAX_TEXT])))
    # Digits of any script are digits, and a remark in brackets is none of the number.
    text = "".join(str(unicodedata.decimal(char, char)) for char in text)
    text = _IN_WORDS.sub("", text)
    result = EMPTY
    for part in _BETWEEN_PHONES.split(text):
        number, rule = _one_phone(part.strip(), region)
        if number is not None:
            return number, rule
        if rule is not None:
            result = (None, rule)
    is_empty = text.strip().casefold() in NOTHING or not any(map(str.isalpha, text))
    return result if is_empty or result != EMPTY else (None, "no_number")


def _one_phone(text: str, region: str | None) -> Normal:
    if text[:4].lower() == "tel:":
        text = text[4:]
    text = _whole(text)
    digits = _NOT_A_DIGIT.sub("", text)
    if len(digits) < _MIN_DIGITS:
        return EMPTY
    if _EXPONENT.fullmatch(text):
        return None, "invalid_phone"
    number = _e164(text, region)
    if number is not None:
        return number, None
    if region is not None or "+" in text:
        return None, "invalid_phone"
    text = _DASH.sub("-", _EXTENSION.sub("", text))
    digits = _NOT_A_DIGIT.sub("", text)
    if len(digits) < _MIN_DIGITS:
        return EMPTY
    # 00 is how most of the world dials what is written as +.
    if digits.startswith("00"):
        number = _e164(f"+{digits[2:]}", None)
        if number is not None:
            return number, None
    if _ONLY_PHONE_CHARACTERS.fullmatch(text) and len(digits) <= _MAX_DIGITS:
        return digits, "no_region"
    return None, "invalid_phone"


def _whole(text: str) -> str:
    """A number that was written as a float, as the digits that it stands for.

    Where digits were rounded away (``3.16E+10``) the text stays, and is not a number.
    """
    if _FLOAT.fullmatch(text):
        return text.partition(".")[0]
    match = _EXPONENT.fullmatch(text)
    if match is None:
        return text
    whole, _, part = match["digits"].partition(".")
    power = int(match["power"])
    return whole + part if len(part) == power else text


def _e164(text: str, region: str | None) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    # Possible, not valid: the tables of valid numbers are always older than some number.
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return None
    number.extension = None
    formatted: str = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return formatted
