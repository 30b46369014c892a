"""One HTTP/1.1 answer, put together from its bytes as they come in."""

from __future__ import annotations

from typing import Final

import httptools

from target_octanist.delivery.outcome import Answer, NoAnswer, Response
from target_octanist.delivery.trouble import CLOSED

#: An answer to one lead is some hundred bytes; more than this is not read.
MAX_BODY_BYTES: Final = 4 * 1024 * 1024

#: All lines before the body together, those of provisional answers (1xx) included.
MAX_HEAD_BYTES: Final = 64 * 1024

_SWITCHING_PROTOCOLS: Final = 101


class UnreadableError(Exception):
    """What comes in is not the answer that it should be; the text says why."""


class AnswerReader:
    """Reads the answer to one request; give it bytes with `feed` until it `is_done`.

    The names of its ``on_…`` methods are those that ``httptools`` calls.

    Attributes:
        is_done: The whole answer is here.
        keeps_alive: The connection may serve another request.
    """

    def __init__(self) -> None:
        self.is_done = False
        self.keeps_alive = False
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._status: int | None = None
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._room = MAX_HEAD_BYTES

    def feed(self, data: bytes) -> None:
        """Read on.

        Args:
            data: What was received; empty when the other side has closed the connection.

        Raises:
            UnreadableError: This becomes no answer, or none that may be read to its end.
        """
        if not data:
            self._end()
            return
        if self._parser is None:  # Nobody asked for more.
            self.keeps_alive = False
            return
        self._room -= len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.keeps_alive = False
            if not self.is_done:
                raise UnreadableError(f"the answer is not readable HTTP ({error})") from None
        if self._room < 0 and not self.is_done:
            raise UnreadableError("the answer is too long")
        if self.is_done:
            # It refers to what it calls: after each answer the collector would have work to do.
            self._parser = None

    def answer(self, why: str = "") -> Answer:
        """Give what has been read.

        Args:
            why: Why no more than that came, if it is not done.
        """
        if self._status is None:
            return NoAnswer(why)
        retry_after = self._headers.get(b"retry-after")
        # It was not asked for, and without a length that can be trusted it is not unpacked.
        is_packed = self._headers.get(b"content-encoding", b"identity").lower() != b"identity"
        return Response(
            self._status,
            b"" if is_packed else b"".join(self._body),
            None if retry_after is None else retry_after.decode("latin-1"),
            complete=self.is_done and not is_packed,
        )

    def _end(self) -> None:
        has_length = self._headers.keys() & {b"content-length", b"transfer-encoding"}
        if self._status is None or has_length:
            raise UnreadableError(CLOSED)
        self.is_done = True

    def on_message_begin(self) -> None:
        if self.is_done:  # Nobody asked for another answer.
            self.keeps_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._status is None:  # Otherwise it comes after the body.
            self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        if self.is_done or self._parser is None:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != _SWITCHING_PROTOCOLS:
            self._headers.clear()
            return
        self._status = status
        self._room += MAX_BODY_BYTES

    def on_body(self, data: bytes) -> None:
        if not self.is_done:
            self._body.append(data)

    def on_message_complete(self) -> None:
        if self._status is not None and self._parser is not None and not self.is_done:
            self.is_done = True
            self.keeps_alive = self._parser.should_keep_alive() and self._status >= 200
