"""A source record as text, as the journal keeps it with a dead letter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.singerlib.json import serialize_json

if TYPE_CHECKING:
    from collections.abc import Mapping

_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)


def encode_record(record: Mapping[str, Any]) -> str:
    """Give a source record as JSON text; what JSON does not know becomes text."""
    try:
        return _encoder.encode(record).decode()
    except UnicodeEncodeError:
        # A lone surrogate is no character, but JSON has a way to spell it.
        return serialize_json(record)
