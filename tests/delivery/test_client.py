"""What is on the wire, and above all: whether a failed request may have been read."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from contextlib import contextmanager, suppress

import pytest
import trustme

from target_octanist.delivery.client import OctanistClient
from target_octanist.delivery.outcome import NoAnswer, NotSent, Response

LEADS = {"method": "POST", "path": "/leads"}
LEAD = json.dumps({"name": "Canary", "email": "canary@example.com"}).encode()


@pytest.fixture
def client(sandbox):
    return OctanistClient(sandbox.base_url, "sandbox-key", timeout_seconds=5)


@contextmanager
def serving(answer, tls=None):
    """Accept connections on loopback, one at a time, and hand each to `answer`."""
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.1)
    over = threading.Event()

    def serve():
        while not over.is_set():
            try:
                connection, _ = server.accept()
            except TimeoutError:
                continue
            with suppress(OSError), connection:
                if tls is None:
                    answer(connection)
                else:
                    with tls.wrap_socket(connection, server_side=True) as wrapped:
                        answer(wrapped)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"127.0.0.1:{server.getsockname()[1]}"
    finally:
        over.set()
        thread.join()
        server.close()


def test_a_lead_is_posted_with_the_key_in_its_header_alone():
    seen = []

    def answer(connection):
        request = connection.recv(65536)
        while LEAD not in request:
            request += connection.recv(65536)
        seen.append(request.decode())
        connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}")

    with serving(answer) as place:
        client = OctanistClient(f"http://{place}/api", "secret-key", timeout_seconds=5)
        assert client.send(LEAD) == Response(201, b"{}")
    (request,) = seen
    assert request.startswith("POST /api/leads HTTP/1.1\r\n")
    assert request.count("secret-key") == 1
    assert "X-API-KEY: secret-key\r\n" in request
    assert "Content-Type: application/json\r\n" in request
    assert "Authorization" not in request


def test_connections_are_kept(sandbox, client):
    for _ in range(5):
        assert client.send(LEAD).status == 201
    assert len(sandbox.leads()) == 5


def test_a_refused_connection_was_not_sent():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{taken.getsockname()[1]}/api"
        answer = OctanistClient(base_url, "k", timeout_seconds=5).send(LEAD)
    assert isinstance(answer, NotSent)


def test_a_name_that_does_not_exist_was_not_sent():
    answer = OctanistClient("https://no-such-host.invalid/api", "k", timeout_seconds=5).send(LEAD)
    assert isinstance(answer, NotSent)


@pytest.mark.parametrize(
    ("action", "stored"),
    [("drop", 0), ("drop-after-commit", 1), ({"kind": "drop", "reset": True}, 0)],
)
def test_a_connection_that_is_lost_after_sending_is_no_answer(sandbox, client, action, stored):
    for warm in (False, True):
        sandbox.clear()
        if warm:  # on a connection that was used before
            client.check()
        sandbox.fault(action, **LEADS)
        assert isinstance(client.send(LEAD), NoAnswer)
        assert len(sandbox.leads()) == stored, "and the client did not send it again"


def test_a_server_that_never_answers_is_no_answer(sandbox):
    sandbox.fault("hang-after-commit", **LEADS)
    answer = OctanistClient(sandbox.base_url, "k", timeout_seconds=1).send(LEAD)
    assert isinstance(answer, NoAnswer)
    assert len(sandbox.leads()) == 1


@pytest.mark.parametrize("secure", [False, True])
def test_an_answer_whose_head_drips_in_is_cut_off_at_the_deadline(secure, tmp_path, monkeypatch):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    cut_off = []

    def answer(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 201 Created\r\nX-Slow: ")
        connection.settimeout(0.2)
        while True:  # each byte comes long before the timeout of one second
            with suppress(TimeoutError):
                if connection.recv(1) == b"":
                    break
            connection.sendall(b".")
        cut_off.append(True)

    with serving(answer, tls if secure else None) as place:
        base_url = f"http{'s' if secure else ''}://{place}/api"
        given = OctanistClient(base_url, "k", timeout_seconds=1).send(LEAD)
    assert isinstance(given, NoAnswer)
    assert cut_off or secure  # TLS tells of the cut as an error


def test_half_an_answer_keeps_its_status(sandbox, client):
    sandbox.fault("half", **LEADS)
    answer = client.send(LEAD)
    assert isinstance(answer, Response)
    assert (answer.status, answer.complete) == (201, False)
    sandbox.clear_faults()
    assert client.send(LEAD).complete, "what was left of it is not taken for the next answer"


def test_a_body_that_never_ends_is_given_up_at_the_deadline():
    def answer(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"1\r\nx\r\n")

    with serving(answer) as place:
        got = OctanistClient(f"http://{place}/api", "k", timeout_seconds=1).send(LEAD)
    assert isinstance(got, Response)
    assert not got.complete


def test_redirects_are_not_followed(sandbox, client):
    sandbox.fault("redirect", **LEADS)
    assert client.send(LEAD).status == 302
    assert len(sandbox.requests()) == 1


@pytest.fixture(scope="module")
def authority():
    """An authority that nobody has heard of."""
    return trustme.CA()


@pytest.fixture
def tls_context(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def trusted(authority, tmp_path, monkeypatch):
    """Make the authority known in the way in which companies do."""
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))


def created(connection):
    request = b""
    while LEAD not in request:
        request += connection.recv(65536)
    connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}")


def test_a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_sent(tls_context):
    with serving(created, tls_context) as place:
        answer = OctanistClient(f"https://{place}/api", "k", timeout_seconds=5).send(LEAD)
    assert isinstance(answer, NotSent)
    assert "Cert" in answer.why or "SSL" in answer.why


def test_a_ca_of_ones_own_is_honoured(tls_context, trusted):
    with serving(created, tls_context) as place:
        answer = OctanistClient(f"https://{place}/api", "k", timeout_seconds=5).send(LEAD)
    assert answer == Response(201, b"{}")


def test_a_tls_server_that_speaks_no_tls_was_not_sent():
    with serving(lambda connection: connection.sendall(b"hello there, no TLS")) as place:
        answer = OctanistClient(f"https://{place}/api", "k", timeout_seconds=5).send(LEAD)
    assert isinstance(answer, NotSent)


def test_a_tls_connection_that_breaks_after_sending_is_no_answer(tls_context, trusted):
    with serving(lambda connection: connection.recv(65536), tls_context) as place:
        answer = OctanistClient(f"https://{place}/api", "k", timeout_seconds=5).send(LEAD)
    assert isinstance(answer, NoAnswer)


def test_a_proxy_of_the_environment_is_used_but_never_for_loopback(sandbox, monkeypatch):
    asked = []

    def refuse(connection):
        asked.append(connection.recv(65536).decode())
        connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")

    with serving(refuse) as proxy:
        for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
            monkeypatch.setenv(name, f"http://{proxy}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        answer = OctanistClient("https://octanist.invalid/api", "k", timeout_seconds=5).send(LEAD)
        assert isinstance(answer, NotSent), "a tunnel that was refused carries nothing"
        assert asked[0].startswith("CONNECT octanist.invalid:443")
        near = OctanistClient(sandbox.base_url, "k", timeout_seconds=5)
        assert near.send(LEAD).status == 201
    assert len(asked) == 1


def test_a_login_from_a_netrc_file_is_not_sent(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    seen = []

    def answer(connection):
        seen.append(connection.recv(65536).decode())
        connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}")

    with serving(answer) as place:
        OctanistClient(f"http://{place}/api", "k", timeout_seconds=5).check()
    assert "Authorization" not in seen[0]
