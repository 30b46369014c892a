"""What is on the wire, and above all: whether a failed request may have been read.

All ways of sending have to keep the same contract. Each case counts the requests that the
server has read.
"""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import trustme

from target_octanist.delivery import connection
from target_octanist.delivery.client import OctanistClient
from target_octanist.delivery.fast_client import FastClient
from target_octanist.delivery.outcome import Kind, NoAnswer, NotSent, Response, classify
from target_octanist.errors import SettingsError
from tests.support.raw_server import RawServer
from tests.support.wire_client import WireClient

LEADS = {"method": "POST", "path": "/leads"}
LEAD = json.dumps({"name": "Canary", "email": "canary@example.com"}).encode()
TRANSPORTS = {"fast": FastClient, "wire": WireClient, "requests": OctanistClient}


@pytest.fixture(params=TRANSPORTS)
def client_of(request):
    """Makes a client for an address, once of each kind."""

    def make(base_url, timeout_seconds=60, key="sandbox-key"):
        return TRANSPORTS[request.param](base_url, key, timeout_seconds=timeout_seconds)

    return make


@pytest.fixture
def client(sandbox, client_of):
    return client_of(sandbox.base_url)


def numbered(peer, server):
    """Answer with the number of the request."""
    peer.request()
    peer.answer(b'{"n":%d}' % len(server.requests))


def answered(client):
    """Send until an answer comes: a slow machine may keep the server from giving one in time."""
    while not isinstance(answer := client.send(LEAD), Response):
        pass
    return answer


# What a request looks like


def test_a_lead_is_posted_with_the_key_in_its_header_alone(client_of):
    def behave(peer):
        peer.request()
        peer.answer()

    with RawServer(behave) as server:
        assert client_of(server.base_url, key="secret-key").send(LEAD) == Response(201, b"{}")
    (request,) = (request.decode() for request in server.requests)
    assert request.startswith("POST /api/leads HTTP/1.1\r\n")
    assert request.endswith("\r\n\r\n" + LEAD.decode())
    assert request.count("secret-key") == 1
    assert "X-API-KEY: secret-key\r\n" in request
    assert "Content-Type: application/json\r\n" in request
    assert f"Content-Length: {len(LEAD)}\r\n" in request
    assert "Accept: application/json\r\n" in request
    assert "Accept-Encoding: identity\r\n" in request, "what is not asked for need not be unpacked"
    assert f"Host: 127.0.0.1:{server.port}\r\n" in request
    assert "Authorization" not in request


def test_the_list_is_asked_for_with_its_query(sandbox, client):
    client.send(LEAD)
    answer = client.listing({"createdAt[gte]": "2020-01-01T00:00:00Z", "limit": "1"})
    assert answer.status == 200
    assert json.loads(answer.body)["data"][0]["email"] == "canary@example.com"


def test_a_change_is_patched_and_one_lead_asked_for(client_of):
    def behave(peer):
        while True:
            peer.request()
            peer.answer()

    with RawServer(behave) as server:
        client = client_of(server.base_url, key="secret-key")
        assert client.change(b'{"id":"a","status":"won"}').status == 201
        assert client.lead("lead/1?").status == 201
    change, asked = (request.decode() for request in server.requests)
    assert change.startswith("PATCH /api/leads HTTP/1.1\r\n")
    assert change.endswith('\r\n\r\n{"id":"a","status":"won"}')
    assert "Content-Type: application/json\r\n" in change
    assert asked.startswith("GET /api/leads/lead%2F1%3F HTTP/1.1\r\n")
    assert all(request.count("X-API-KEY: secret-key\r\n") == 1 for request in (change, asked))


def test_a_change_whose_connection_is_lost_is_no_answer_and_not_sent_again(sandbox, client):
    client.send(LEAD)
    for action in ("drop", "drop-after-commit", {"kind": "drop", "reset": True}):
        sandbox.fault(action, method="PATCH", path="/leads", times=1)
        answer = client.change(b'{"email":"canary@example.com","status":"won"}')
        assert answer == NoAnswer("the connection was closed")
    assert len(sandbox.requests("PATCH")) == 3


def test_a_login_from_a_netrc_file_is_not_sent(client_of, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    def behave(peer):
        peer.request()
        peer.answer()

    with RawServer(behave) as server:
        client_of(server.base_url).send(LEAD)
    assert b"Authorization" not in server.requests[0]


def test_the_address_goes_over_the_wire_in_ascii(client_of):
    def behave(peer):
        peer.request()
        peer.answer()

    with RawServer(behave) as server:
        base_url = server.base_url.replace("/api", "/über %25/api")
        assert client_of(base_url).send(LEAD).status == 201
    assert server.requests[0].startswith(b"POST /%C3%BCber%20%25/api/leads HTTP/1.1\r\n")


def test_a_long_payload_arrives_whole(client_of):
    payload = b'"' + b"x" * 5_000_000 + b'"'

    def behave(peer):
        peer.request()
        peer.answer()

    with RawServer(behave) as server:
        assert client_of(server.base_url).send(payload).status == 201
    assert server.requests[0].endswith(b"\r\n\r\n" + payload)


# Connections


def test_connections_are_kept(client_of):
    def behave(peer):
        while True:
            numbered(peer, server)

    with RawServer(behave) as server:
        client = client_of(server.base_url)
        assert [client.send(LEAD).body for _ in range(3)] == [b'{"n":1}', b'{"n":2}', b'{"n":3}']
        assert server.connections == 1


def test_many_threads_get_each_its_own_answer(client_of):
    def behave(peer):
        while True:
            _, _, body = peer.request().partition(b"\r\n\r\n")
            peer.answer(body)

    with RawServer(behave) as server, ThreadPoolExecutor(8) as pool:
        client = client_of(server.base_url)
        payloads = [b"[%d]" % number for number in range(200)]
        assert [answer.body for answer in pool.map(client.send, payloads)] == payloads
        assert len(server.requests) == 200
        assert server.connections <= 8


@pytest.mark.parametrize("end", ["close", "reset", "chatter"])
def test_a_connection_that_is_of_no_use_any_more_is_noticed_before_sending(client_of, end):
    answered, ended = threading.Event(), threading.Event()

    def behave(peer):
        numbered(peer, server)
        if peer.number > 1:
            return
        answered.wait(30)
        if end == "close":
            peer.close()
        elif end == "reset":
            peer.reset()
        else:  # an answer that belongs to nobody
            peer.answer(b'{"n":0}')
        ended.set()
        if end == "chatter":
            peer.wait_for_close()

    with RawServer(behave) as server:
        client = client_of(server.base_url)
        assert client.send(LEAD).body == b'{"n":1}'
        answered.set()
        assert ended.wait(30)
        assert client.send(LEAD).body == b'{"n":2}'
    assert len(server.requests) == 2


def test_a_connection_is_not_used_again_when_the_answer_says_so(client_of):
    def behave(peer):
        peer.request()
        peer.answer(b'{"n":%d}' % len(server.requests), b"Connection: close")
        peer.wait_for_close()

    with RawServer(behave) as server:
        client = client_of(server.base_url)
        assert client.send(LEAD).body == b'{"n":1}'
        assert client.send(LEAD).body == b'{"n":2}'
    assert (len(server.requests), server.connections) == (2, 2)


def test_a_connection_that_was_idle_for_long_is_not_used_again(monkeypatch):
    def behave(peer):
        while True:
            numbered(peer, server)

    monkeypatch.setattr(connection, "IDLE_SECONDS", -1.0)
    with RawServer(behave) as server:
        client = FastClient(server.base_url, "k", timeout_seconds=60)
        assert client.send(LEAD).status == client.send(LEAD).status == 201
        assert server.connections == 2


@pytest.mark.parametrize(
    "too_much", [b"HTTP/1.1 201 Created\r\nContent-Length: 7\r\n\r\n" + b'{"n":0}', b"more"]
)
def test_what_comes_after_an_answer_does_not_become_the_next_one(client_of, too_much):
    def behave(peer):
        while True:
            peer.request()
            body = b'{"n":%d}' % len(server.requests)
            head = b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n" % len(body)
            peer.send(head + body + (too_much if len(server.requests) == 1 else b""))

    with RawServer(behave) as server:
        client = client_of(server.base_url)
        assert client.send(LEAD).body == b'{"n":1}'
        assert client.send(LEAD).body == b'{"n":2}'
    assert len(server.requests) == 2


# Never sent


def test_a_refused_connection_was_not_sent(client_of):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{taken.getsockname()[1]}/api"
        assert client_of(base_url).send(LEAD) == NotSent("the connection was refused")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".invalid"])
def test_a_name_that_does_not_exist_was_not_sent(client_of, host):
    with suppress(SettingsError):
        assert isinstance(client_of(f"https://{host}/api").send(LEAD), NotSent)


def test_a_name_that_takes_for_ever_to_look_up_was_not_sent(monkeypatch):
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(30))
    answer = FastClient("https://example.com/api", "k", timeout_seconds=0.2).send(LEAD)
    over.set()
    assert isinstance(answer, NotSent)


def test_each_address_of_a_host_is_tried(client_of, monkeypatch):
    def behave(peer):
        peer.request()
        peer.answer()

    with RawServer(behave) as server:
        tcp = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            found = [(*tcp, taken.getsockname()), (*tcp, ("127.0.0.1", server.port))]
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
            assert client_of("http://localhost/api").send(LEAD).status == 201
    assert len(server.requests) == 1


def test_a_connection_that_is_never_made_was_not_sent(client_of):
    """The backlog is full, and the system does not answer."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        others = [socket.socket() for _ in range(8)]
        for other in others:
            other.setblocking(False)
            other.connect_ex(listener.getsockname())
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
        answer = client_of(base_url, timeout_seconds=1).send(LEAD)
        for other in others:
            other.close()
    assert answer == NotSent("timed out")


# Sent, and no answer


@pytest.mark.parametrize(
    ("action", "stored"),
    [("drop", 0), ("drop-after-commit", 1), ({"kind": "drop", "reset": True}, 0)],
)
def test_a_connection_that_is_lost_after_sending_is_no_answer(sandbox, client, action, stored):
    for warm in (False, True):
        sandbox.clear()
        if warm:  # on a connection that was used before
            client.listing({})
        sandbox.fault(action, **LEADS)
        assert client.send(LEAD) == NoAnswer("the connection was closed")
        assert len(sandbox.leads()) == stored
        assert len(sandbox.requests("POST")) == 1, "and the client did not send it again"


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize(("reads", "seen"), [("a bit", 0), ("all", 1), ("all, the second time", 2)])
def test_a_connection_that_ends_without_an_answer_is_no_answer(client_of, how, reads, seen):
    def behave(peer):
        if peer.number > 1:  # there must not be a second attempt
            peer.request()
            peer.answer()
            return
        if reads == "all, the second time":
            peer.request()
            peer.answer()
        if reads == "a bit":
            peer.start_of_request()
        elif reads != "nothing":
            peer.request()
        if how == "reset":
            peer.reset()

    with RawServer(behave) as server:
        client = client_of(server.base_url)
        if seen == 2:
            assert client.send(LEAD).status == 201
        assert isinstance(client.send(LEAD), NoAnswer)
    assert (len(server.requests), server.connections) == (seen, 1)


def test_a_server_that_never_answers_is_no_answer(client_of):
    read = threading.Event()

    def behave(peer):
        peer.request()
        read.set()
        peer.wait_for_close()

    with RawServer(behave) as server:
        answer = client_of(server.base_url, timeout_seconds=1).send(LEAD)
        assert answer == NoAnswer("timed out")
        assert read.wait(30), "it was sent all the same"


def test_after_no_answer_comes_the_next_lead_with_its_own(client_of):
    late = threading.Event()

    def behave(peer):
        peer.request()
        assert late.wait(30)
        peer.answer(b'{"n":%d}' % peer.number)

    with RawServer(behave) as server:
        client = client_of(server.base_url, timeout_seconds=1)
        assert isinstance(client.send(LEAD), NoAnswer)
        late.set()  # The answer comes, to nobody.
        assert answered(client).body == b'{"n":%d}' % server.connections


def test_a_server_that_does_not_read_is_no_answer(client_of):
    def behave(peer):
        peer.start_of_request()
        over.wait(30)

    over = threading.Event()
    with RawServer(behave) as server:
        answer = client_of(server.base_url, timeout_seconds=1).send(b"x" * 20_000_000)
        over.set()
    assert isinstance(answer, NoAnswer)


def test_an_answer_before_all_was_read_is_not_taken_for_never_sent(client_of):
    def behave(peer):
        peer.start_of_request()
        peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with RawServer(behave) as server:
        answer = client_of(server.base_url).send(b"x" * 20_000_000)
    assert isinstance(answer, NoAnswer) or answer.status == 413


@pytest.mark.parametrize("secure", [False, True])
def test_an_answer_whose_head_drips_in_is_cut_off_at_the_deadline(
    client_of, secure, tls_context, trusted
):
    cut_off = threading.Event()

    def behave(peer):
        peer.request()
        peer.send(b"HTTP/1.1 201 Created\r\nX-Slow: ")
        with suppress(OSError):
            while not cut_off.wait(0.2):  # each byte comes long before the timeout
                peer.send(b".")

    with RawServer(behave, tls_context if secure else None) as server:
        client, sent = client_of(server.base_url, timeout_seconds=1), 0
        while not server.requests:  # on a slow machine a handshake may take too long
            given, sent = client.send(LEAD), sent + 1
        cut_off.set()
    assert isinstance(given, NoAnswer)
    assert len(server.requests) <= sent


@pytest.mark.parametrize(
    "head",
    [
        b"hello there\r\n\r\n",
        b"HTTP/1.1 201 Cre",
        b"HTTP/1.1 201 Created\r\nContent-Le",
        b"HTTP/1.1 two Created\r\n\r\n",
        b"HTTP/1.1 201 Created\r\n" + b"X-Many: line\r\n" * 20_000,
        b"HTTP/1.1 201 Created\r\nX-Long: " + b"x" * 200_000,
    ],
)
def test_what_is_no_head_of_an_answer_leaves_it_open(client_of, head):
    def behave(peer):
        peer.request()
        peer.send(head)

    with RawServer(behave) as server:
        answer = client_of(server.base_url).send(LEAD)
    assert classify(answer, now=0).kind is Kind.UNKNOWN
    assert len(server.requests) == 1


# Answers


CREATED = b"HTTP/1.1 201 Created\r\n"


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (CREATED + b"Content-Length: 10", b'{"id":"x"}'),
        (b"HTTP/1.0 201 Created\r\nContent-Length: 10", b'{"id":"x"}'),
        (b"HTTP/1.1 201\r\ncontent-length:10\r\nX-Empty:", b'{"id":"x"}'),
        (CREATED + b"Connection: close", b'{"id":"x"}'),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + CREATED + b"Content-Length: 10", b'{"id":"x"}'),
        (
            CREATED + b"Transfer-Encoding: chunked",
            b'3;a=b\r\n{"i\r\n7\r\nd":"x"}\r\n0\r\nRetry-After: 9\r\n\r\n',
        ),
    ],
)
def test_each_form_of_an_answer_is_understood(client_of, head, body):
    def behave(peer):
        peer.request()
        peer.send(head + b"\r\n\r\n" + body)

    with RawServer(behave) as server:
        assert client_of(server.base_url).send(LEAD) == Response(201, b'{"id":"x"}')


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_ends_with_its_head(client_of, status):
    def behave(peer):
        peer.request()
        peer.send(b"HTTP/1.1 %d Nothing\r\nRetry-After: 7\r\n\r\n" % status)
        peer.wait_for_close()

    with RawServer(behave) as server:
        assert client_of(server.base_url).send(LEAD) == Response(status, b"", "7")


@pytest.mark.parametrize("status", [101, 102, 103])
def test_a_provisional_answer_is_not_the_answer_nor_the_true_one_that_of_the_next(
    client_of, status
):
    asked = threading.Event()

    def behave(peer):
        while True:
            peer.request()
            number = len(server.requests)
            peer.send(b"HTTP/1.1 %d Wait\r\nLink: </x>\r\n\r\n" % status)
            if number == 1:  # the true answer comes late
                asked.wait(0.5)
            peer.answer(b'{"n":%d}' % number)

    with RawServer(behave) as server:
        client = client_of(server.base_url)
        first = client.send(LEAD)
        asked.set()
        assert first.status == status or first.body == b'{"n":1}'
        if first.status == status:
            second = client.send(LEAD)
            assert second.status == status or second.body == b'{"n":2}'


def test_half_an_answer_keeps_its_status(sandbox, client):
    sandbox.fault("half", **LEADS)
    answer = client.send(LEAD)
    assert isinstance(answer, Response)
    assert (answer.status, answer.complete) == (201, False)
    sandbox.clear_faults()
    assert client.send(LEAD).complete, "what was left of it is not taken for the next answer"


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 100\r\n\r\n{",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\nzz\r\n",
    ],
)
def test_a_body_that_breaks_off_is_not_complete(client_of, body):
    def behave(peer):
        peer.request()
        peer.send(b"HTTP/1.1 429 Wait\r\nRetry-After: 3\r\n" + body)

    with RawServer(behave) as server:
        answer = client_of(server.base_url).send(LEAD)
    assert (answer.status, answer.retry_after, answer.complete) == (429, "3", False)
    assert len(server.requests) == 1


@pytest.mark.parametrize("framing", [b"Transfer-Encoding: chunked", b"Connection: close"])
def test_a_body_that_never_ends_is_given_up_at_the_deadline(client_of, framing):
    def behave(peer):
        peer.request()
        peer.send(b"HTTP/1.1 201 Created\r\n" + framing + b"\r\n\r\n")
        while True:
            peer.send(b"1\r\nx\r\n")
            over.wait(0.01)

    over = threading.Event()
    with RawServer(behave) as server:
        assert not answered(client_of(server.base_url, timeout_seconds=1)).complete


def test_a_body_without_measure_is_given_up(client_of):
    def behave(peer):
        peer.request()
        peer.send(b"HTTP/1.1 201 Created\r\nContent-Length: 99999999\r\n\r\n")
        while True:
            peer.send(b"x" * 1_000_000)

    with RawServer(behave) as server:
        got = client_of(server.base_url, timeout_seconds=60).send(LEAD)
    assert isinstance(got, Response)
    assert not got.complete
    assert len(got.body) < 6 * 1024 * 1024


def test_a_packed_body_is_unpacked_or_counts_as_unreadable(client_of):
    packed = gzip.compress(b"{}")

    def behave(peer):
        peer.request()
        peer.answer(packed, b"Content-Encoding: gzip")

    with RawServer(behave) as server:
        answer = client_of(server.base_url).send(LEAD)
    assert answer in {Response(201, b"{}"), Response(201, b"", complete=False)}


def test_redirects_are_not_followed(sandbox, client):
    sandbox.fault("redirect", **LEADS)
    assert client.send(LEAD).status == 302
    assert len(sandbox.requests()) == 1


# TLS


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
def bundle(authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def trusted(bundle, monkeypatch):
    """Make the authority known in the way in which companies do."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))


def created(peer):
    while True:
        peer.request()
        peer.answer()


def test_a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_sent(
    client_of, tls_context
):
    with RawServer(created, tls_context) as server:
        answer = client_of(server.base_url).send(LEAD)
    assert isinstance(answer, NotSent)
    assert answer.why == "the certificate is not trusted"
    assert server.requests == []


def test_a_certificate_of_another_host_is_refused(client_of, authority, trusted):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.example").configure_cert(context)
    with RawServer(created, context) as server:
        assert isinstance(client_of(server.base_url).send(LEAD), NotSent)
    assert server.requests == []


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_ca_of_ones_own_is_honoured(client_of, tls_context, bundle, monkeypatch, name):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv(name, str(bundle))
    with RawServer(created, tls_context) as server:
        client = client_of(server.base_url)
        assert [client.send(LEAD) for _ in range(3)] == [Response(201, b"{}")] * 3
        assert server.connections == 1, "session tickets do not count as an end"


@pytest.mark.parametrize("client_class", TRANSPORTS.values())
def test_a_ca_bundle_that_is_not_there_is_a_mistake_in_the_settings(client_class, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    with pytest.raises(SettingsError, match=r"REQUESTS_CA_BUNDLE: /nowhere/ca\.pem"):
        client_class("https://example.com/api", "k", timeout_seconds=1)


def test_a_ca_bundle_without_certificates_sends_nothing(
    client_of, tls_context, tmp_path, monkeypatch
):
    (tmp_path / "empty.pem").write_text("nothing")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "empty.pem"))
    with RawServer(created, tls_context) as server, suppress(SettingsError):
        assert isinstance(client_of(server.base_url).send(LEAD), NotSent)
    assert server.requests == []


def test_a_tls_server_that_speaks_no_tls_was_not_sent(client_of):
    with RawServer(lambda peer: peer.send(b"hello there, no TLS")) as server:
        base_url = server.base_url.replace("http:", "https:")
        assert isinstance(client_of(base_url).send(LEAD), NotSent)


def test_a_handshake_that_never_ends_was_not_sent(client_of):
    with RawServer(lambda peer: peer.wait_for_close()) as server:
        base_url = server.base_url.replace("http:", "https:")
        assert isinstance(client_of(base_url, timeout_seconds=1).send(LEAD), NotSent)


def test_a_tls_connection_that_breaks_after_sending_is_no_answer(client_of, tls_context, trusted):
    with RawServer(lambda peer: peer.request(), tls_context) as server:
        assert isinstance(client_of(server.base_url).send(LEAD), NoAnswer)
    assert (len(server.requests), server.connections) == (1, 1)


def test_a_tls_connection_that_was_closed_while_idle_is_replaced(client_of, tls_context, trusted):
    ended = threading.Event()

    def behave(peer):
        peer.request()
        peer.answer()
        peer.close()
        ended.set()

    with RawServer(behave, tls_context) as server:
        client = client_of(server.base_url)
        assert client.send(LEAD).status == 201
        assert ended.wait(30)
        assert client.send(LEAD).status == 201
    assert len(server.requests) == 2


# Proxies


def test_a_proxy_of_the_environment_is_used_but_never_for_loopback(sandbox, monkeypatch):
    def refuse(peer):
        peer.request()
        peer.send(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")

    with RawServer(refuse) as proxy:
        for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        answer = OctanistClient("https://octanist.invalid/api", "k", timeout_seconds=60).send(LEAD)
        # A tunnel that was refused carries nothing.
        assert answer == NotSent("at the proxy, the connection failed")
        (tunnel,) = proxy.requests
        assert tunnel.startswith(b"CONNECT octanist.invalid:443")
        near = OctanistClient(sandbox.base_url, "k", timeout_seconds=60)
        assert near.send(LEAD).status == 201
    assert len(proxy.requests) == 1


def test_what_fails_before_there_is_a_connection_was_not_sent(tmp_path, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = OctanistClient(
            f"https://127.0.0.1:{server.getsockname()[1]}/api", "k", timeout_seconds=60
        )
        tmp_path.rmdir()
        assert client.send(LEAD) == NotSent("the connection failed")
