"""``make bench-transport``: what one request costs this machine, by each way of sending it.

Threads post the same lead to a tiny server in a process of its own, first with a bare
``requests.Session`` (the yardstick), then with each transport. What counts is the CPU time
of this process alone: it says the same on a busy machine, and the ratios say the same
on any machine.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import resource
import statistics
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import requests

from target_octanist.delivery.client import OctanistClient
from target_octanist.delivery.fast_client import FastClient
from target_octanist.delivery.outcome import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    Post = Callable[[bytes], int]

LEAD = b'{"name": "Canary", "email": "canary@example.com", "notes": "%b"}' % (b"x" * 500)
ANSWER = b'{"success": true, "data": {"id": "lead_1"}, "meta": {"requestId": "%b"}}' % (b"0" * 32)
HEAD = (
    b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"
    b"Date: Sat, 21 Nov 2026 11:27:49 GMT\r\nContent-Length: %d\r\n\r\n" % len(ANSWER)
)
YARDSTICK = "bare requests (yardstick)"


def main() -> None:
    """Measure, and print a table of medians."""
    options = read_options()
    costs: dict[str, list[float]] = {}
    rates: dict[str, list[float]] = {}
    with server() as base_url:
        for _ in range(options.rounds):
            for name, post in ways(base_url).items():
                cost, rate = measure(post, options.requests, options.threads)
                costs.setdefault(name, []).append(cost)
                rates.setdefault(name, []).append(rate)
    print(f"{options.requests} requests, {options.threads} threads, {options.rounds} rounds")
    print(f"{'':<28}{'CPU µs/request':>16}{'(range)':>14}{'requests/s':>12}{'ratio':>8}")
    yardstick = statistics.median(costs[YARDSTICK])
    for name, values in costs.items():
        median = statistics.median(values)
        span = f"({min(values):.0f}..{max(values):.0f})"
        rate = statistics.median(rates[name])
        print(f"{name:<28}{median:>16.0f}{span:>14}{rate:>12.0f}{yardstick / median:>7.1f}x")


def read_options() -> argparse.Namespace:
    """Read the options of the command line."""
    parser = argparse.ArgumentParser(prog="make bench-transport", description=__doc__)
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def ways(base_url: str) -> dict[str, Post]:
    """Name each way of posting a lead; they give the status of the answer."""
    local = threading.local()

    def bare(payload: bytes) -> int:
        session: requests.Session | None = getattr(local, "session", None)
        if session is None:
            session = local.session = requests.Session()
            session.trust_env = False
        headers = {"X-API-KEY": "k", "Content-Type": "application/json"}
        return session.post(
            f"{base_url}/leads", data=payload, headers=headers, timeout=30
        ).status_code

    def through(client: OctanistClient | FastClient) -> Post:
        def post(payload: bytes) -> int:
            answer = client.send(payload)
            return answer.status if isinstance(answer, Response) else 0

        return post

    return {
        YARDSTICK: bare,
        "transport: requests": through(OctanistClient(base_url, "k", timeout_seconds=30)),
        "transport: fast": through(FastClient(base_url, "k", timeout_seconds=30)),
    }


def measure(post: Post, count: int, threads: int) -> tuple[float, float]:
    """Post so many leads; gives CPU microseconds a request, and requests a second."""
    ready = threading.Barrier(threads + 1)
    share = count // threads

    def work() -> None:
        assert post(LEAD) == 201, "opens the connection, which is not measured"
        ready.wait()
        for _ in range(share):
            assert post(LEAD) == 201

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    ready.wait()
    began, cpu = time.monotonic(), cpu_seconds()
    for worker in workers:
        worker.join()
    seconds = time.monotonic() - began
    return (cpu_seconds() - cpu) / (share * threads) * 1e6, share * threads / seconds


def cpu_seconds() -> float:
    """Give the CPU time of this process, its own and the system's for it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@contextmanager
def server() -> Iterator[str]:
    """Run the tiny server in a process of its own; gives its base_url."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(there,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}/api"
    finally:
        process.terminate()
        process.join()


def serve(told: Connection) -> None:
    """Answer every request with a 201, and tell the port first."""

    async def run() -> None:
        listening = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
        told.send(listening.sockets[0].getsockname()[1])
        await listening.serve_forever()

    asyncio.run(run())


class Server(asyncio.Protocol):
    """Knows just enough HTTP for requests with a Content-Length, one at a time."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._read = b""

    def data_received(self, data: bytes) -> None:
        """Answer when a request is there in full."""
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        if not end:
            return
        stated = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if len(body) >= int(stated or 0):
            self._read = b""
            self._transport.write(HEAD + ANSWER)


if __name__ == "__main__":
    main()
