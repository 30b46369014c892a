"""What the SDK raises, in this project's own errors."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from singer_sdk.exceptions import (
    ConfigValidationError,
    MapExpressionError,
    MissingKeyPropertiesError,
    RecordsWithoutSchemaException,
    StreamMapConfigError,
)

from target_octanist.errors import InputError, OctanistError, SettingsError, describe_bug

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def readable_errors() -> Iterator[None]:
    """Turn whatever ends a target into one of our own errors, which hold no values."""
    try:
        yield
    except OctanistError:
        raise
    except ConfigValidationError as error:
        raise SettingsError(error.errors) from None
    except (MapExpressionError, StreamMapConfigError) as error:
        # Raised at a SCHEMA, about the settings; they quote nothing else.
        sentence = f"stream_maps: {str(error).rstrip('.')}; fix it in the settings."
        raise SettingsError([sentence], error_id="stream-maps") from None
    except (MissingKeyPropertiesError, RecordsWithoutSchemaException) as error:
        # The SDK's own sentences; they name streams and columns, and no values.
        is_key = isinstance(error, MissingKeyPropertiesError)
        error_id = "input-key-missing" if is_key else "input-schema-missing"
        raise InputError(" ".join(str(error).split()), error_id=error_id) from None
    except Exception as bug:  # noqa: BLE001 - its text and traceback may quote a record
        raise OctanistError(describe_bug(bug), error_id="internal-failure") from None
