"""As much of HubSpot's import API as MeltanoLabs/target-hubspot asks for.

That target sends a file for up to 10,000 records and cannot do otherwise, so the load server,
which takes one lead a request, is of no use to it. This takes the file, counts its rows, and
says "done" when it is asked for the first time: an import that takes no time at all.
"""

from __future__ import annotations

import csv
import email
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self


class ImportApi:
    """A running import API, in a thread of this process.

    Attributes:
        url: where it is.
        leads: rows of all the files so far.
    """

    def __init__(self) -> None:
        self.leads = 0
        api = self

        class Handler(BaseHTTPRequestHandler):
            """Takes the requests of a connection."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                api.leads += rows_in(f"Content-Type: {self.headers['Content-Type']}", body)
                self.answer("STARTED")

            def do_GET(self) -> None:
                self.answer("DONE")

            def answer(self, state: str) -> None:
                body = json.dumps(import_in(state)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def rows_in(content_type: str, body: bytes) -> int:
    """Count the rows of the CSV file in a form; its header is none."""
    form = email.message_from_bytes(f"{content_type}\r\n\r\n".encode() + body)
    for part in form.walk():
        if part.get_filename():
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            return sum(1 for _ in csv.DictReader(io.StringIO(content.decode(), newline="")))
    return 0


def import_in(state: str) -> dict[str, Any]:
    """Give an import as HubSpot describes it."""
    return {
        "id": "1",
        "state": state,
        "createdAt": "2026-11-21T11:27:49.000Z",
        "updatedAt": "2026-11-21T11:27:49.000Z",
        "optOutImport": False,
        "metadata": {"counters": {}, "fileIds": [], "objectLists": []},
    }
