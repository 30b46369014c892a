"""Countries by the names that people give them."""

from __future__ import annotations

import pytest
from phonenumbers import SUPPORTED_REGIONS
from phonenumbers.geodata.locale import LOCALE_DATA

from target_octanist.leads.countries import region_of

#: Names that the library has, and that are no names here: two countries share them.
SHARED = {"Congo", "Saint Martin"}


@pytest.mark.parametrize(
    ("country", "region"),
    [
        *(("NL", "NL"), (" nl ", "NL"), ("Netherlands", "NL"), ("The Netherlands", "NL")),
        *(("HOLLAND", "NL"), ("UK", "GB"), ("U.S.A.", "US"), ("United States of America", "US")),
        *(("Côte d’Ivoire", "CI"), ("Ivory Coast", "CI"), ("Curacao", "CW"), ("Belgie", "BE")),
        *(("St. Lucia", "LC"), ("Trinidad & Tobago", "TT"), ("Guinea", "GN"), ("Kosovo", "XK")),
        *(("Congo", None), ("Korea", None), ("Saint Martin", None), ("Virgin Islands", None)),
        *(("Narnia", None), ("", None), ("XX", None), ("NLD", None), ("-", None), ("the", None)),
    ],
)
def test_a_country_has_a_region_where_its_name_is_its_own(country, region):
    assert region_of(country) == region


def english(region: str) -> str:
    language = "en"
    while LOCALE_DATA[region][language].startswith("*"):
        language = LOCALE_DATA[region][language][1:]
    return LOCALE_DATA[region][language]


def test_every_region_has_its_english_name():
    """The names are those of the library, which are too heavy to load for a run."""
    for region in SUPPORTED_REGIONS & LOCALE_DATA.keys():
        assert region_of(region) == region
        name = english(region)
        assert region_of(name) == (None if name in SHARED else region), name
