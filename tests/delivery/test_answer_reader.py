"""An answer is the same however its bytes are cut, and half of one is never a whole one."""

from __future__ import annotations

import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_octanist.delivery.answer_reader import AnswerReader, UnreadableError
from target_octanist.delivery.connection import Connection
from target_octanist.delivery.outcome import NoAnswer, Response

statuses = st.sampled_from([200, 201, 400, 401, 403, 422, 429, 500, 502, 503, 599])
bodies = st.binary(max_size=300)
provisional = st.lists(
    st.sampled_from(
        [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"]
    ),
    max_size=2,
)
others = st.lists(
    st.sampled_from(
        [b"X-Empty:", b"Date: Sat, 21 Nov 2026 11:27:49 GMT", b"Set-Cookie: a=b", b"x-y: \xe9"]
    ),
    max_size=3,
)
retry_afters = st.sampled_from([None, "0", "120", "Sat, 21 Nov 2026 11:27:49 GMT"])


@st.composite
def answers(draw):
    """The bytes of an answer, what they mean, and how many of them make a status known."""
    status, body, retry_after = draw(statuses), draw(bodies), draw(retry_afters)
    framing = draw(st.sampled_from(["length", "chunks", "close"]))
    lines = draw(others)
    if retry_after is not None:
        lines = [*lines, b"Retry-After: " + retry_after.encode()]
    match framing:
        case "length":
            lines = [*lines, b"Content-Length: %d" % len(body)]
            wire = body
        case "chunks":
            lines = [*lines, b"Transfer-Encoding: chunked"]
            places = sorted(draw(st.sets(st.integers(1, max(1, len(body) - 1)), max_size=4)))
            parts = [body[a:b] for a, b in zip([0, *places], [*places, None], strict=True)]
            wire = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts if part)
            wire += draw(st.sampled_from([b"0\r\n\r\n", b"0\r\nRetry-After: 77\r\n\r\n"]))
        case "close":
            lines = [*lines, b"Connection: close"]
            wire = body
    first = b"".join(draw(provisional))
    head = b"HTTP/1.1 %d Whatever\r\n%b\r\n\r\n" % (status, b"\r\n".join(lines))
    return first + head + wire, len(first + head), framing, Response(status, body, retry_after)


@st.composite
def pieces(draw, data):
    """Cut some bytes anywhere."""
    places = sorted(draw(st.sets(st.integers(1, max(1, len(data) - 1)), max_size=12)))
    cut = [data[a:b] for a, b in zip([0, *places], [*places, None], strict=True)]
    return [piece for piece in cut if piece]


@given(answers(), st.data())
def test_an_answer_is_the_same_however_it_is_cut(answer, data):
    sent, _, framing, expected = answer
    reader = AnswerReader()
    for piece in data.draw(pieces(sent)):
        assert not reader.is_done
        reader.feed(piece)
    if framing == "close":
        assert not reader.is_done
        reader.feed(b"")
    assert reader.is_done
    assert reader.answer() == expected
    assert reader.keeps_alive == (framing != "close")


@given(answers(), st.data())
def test_an_answer_that_breaks_off_is_never_a_whole_one(answer, data):
    sent, head, framing, expected = answer
    end = data.draw(st.integers(0, len(sent) - 1))
    if framing == "close" and end >= head:
        return  # nobody can tell
    reader = AnswerReader()
    for piece in data.draw(pieces(sent[:end])):
        reader.feed(piece)
    assert not reader.is_done
    with pytest.raises(UnreadableError):
        reader.feed(b"")
    got = reader.answer("cut")
    if end < head:
        assert got == NoAnswer("cut")
    else:
        assert (got.status, got.retry_after, got.complete) == (
            expected.status,
            expected.retry_after,
            False,
        )
        assert expected.body.startswith(got.body)


@given(answers(), st.binary(min_size=1, max_size=20), st.data())
def test_what_follows_an_answer_changes_nothing_but_ends_the_connection(answer, rest, data):
    sent, _, framing, expected = answer
    if framing == "close":
        return
    reader = AnswerReader()
    for piece in data.draw(pieces(sent + rest)):
        if not reader.is_done:
            reader.feed(piece)
    assert reader.answer() == expected


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=5))
def test_nothing_that_comes_in_is_more_than_unreadable(received):
    reader = AnswerReader()
    try:
        for data in received:
            reader.feed(data)
            if reader.is_done:
                break
        else:
            reader.feed(b"")
    except UnreadableError:
        pass
    assert isinstance(reader.answer("why"), (Response, NoAnswer))


@given(answers(), st.data())
def test_over_a_socket_it_is_the_same(answer, data):
    """The parts arrive as they are sent, or several at once: both must do."""
    sent, _, framing, expected = answer
    parts = data.draw(pieces(sent))
    here, there = socket.socketpair()

    def serve():
        there.recv(100)
        for part in parts:
            there.sendall(part)
        if framing == "close":
            there.shutdown(socket.SHUT_WR)

    with there:
        server = threading.Thread(target=serve)
        server.start()
        connection = Connection(here)
        assert connection.exchange(b"request", time.monotonic() + 30) == expected
        assert connection.can_serve() == (framing != "close")
        server.join()
        connection.close()


@pytest.mark.parametrize(
    "rest", [b"H", b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", b"x", b"\x00"]
)
def test_a_connection_with_more_in_it_than_the_answer_is_not_kept(rest):
    reader = AnswerReader()
    reader.feed(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}" + rest)
    assert reader.is_done
    assert not reader.keeps_alive
    assert reader.answer() == Response(201, b"{}")
