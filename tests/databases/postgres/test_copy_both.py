"""The bytes of a replication connection, however they are cut up on their way."""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Iterator
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voyager_ops.databases.postgres.copy_both import BUFFER, CopyBoth, Ended, Refused, SocketCopy


def message(kind: bytes, body: bytes) -> bytes:
    return kind + pack(">I", len(body) + 4) + body


ERROR = message(b"E", b"SERROR\0VERROR\0C57P01\0Mterminating connection\0\0")


class Server:
    """The other end of the socket."""

    def __init__(self) -> None:
        self.socket, client = socket.socketpair()
        self.copy: CopyBoth = SocketCopy(client.fileno())
        client.close()

    def send(self, data: bytes) -> list[bytes]:
        """What the reader has of it."""
        found: list[bytes] = []
        at = 0
        self.socket.setblocking(False)
        while at < len(data):
            try:
                at += self.socket.send(data[at:])
            except BlockingIOError:
                found += self.read()
        return found + self.read()

    def read(self) -> list[bytes]:
        found: list[bytes] = []
        for _ in range(4):  # no more than a buffer is taken in at once
            self.copy.fill()
            while (payloads := self.copy.payloads()) is not None:
                data, at, ends = payloads
                found += [data[start:end] for start, end in zip(at.tolist(), ends.tolist(), strict=True)]
        return found

    def close(self) -> None:
        self.copy.close()
        self.socket.close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_payloads_are_the_same_in_any_portions(data: st.DataObject) -> None:
    server = Server()
    wanted = data.draw(st.lists(st.one_of(st.binary(max_size=40), st.just(b"x" * 3000)), max_size=12))
    between = data.draw(st.lists(st.sampled_from([b"", message(b"N", b"SNOTICE\0\0"), message(b"S", b"a\0b\0")]), min_size=12))
    stream = b"".join(message(b"d", each) + other for each, other in zip(wanted, between, strict=False))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    found: list[bytes] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += server.send(stream[start:end])
    server.close()
    assert found == wanted


def test_a_message_larger_than_the_buffer_comes_whole_and_what_follows_too(server: Server) -> None:
    large = bytes(range(256)) * (3 * BUFFER // 512)
    assert server.send(message(b"d", b"before") + message(b"d", large) + message(b"d", b"after")) == [b"before", large, b"after"]
    assert server.send(message(b"d", b"later")) == [b"later"]


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (ERROR, "terminating connection"),
        (message(b"c", b""), "ended the stream"),
        (message(b"C", b"COPY 0\0"), "ended the stream"),
        (message(b"?", b"x"), "of kind 63"),
        (b"", "closed"),
    ],
)
def test_what_came_before_the_end_is_there_and_then_the_reason(server: Server, last: bytes, words: str) -> None:
    server.socket.sendall(message(b"d", b"one") + message(b"d", b"two") + last + (message(b"d", b"never") if last else b""))
    server.socket.shutdown(socket.SHUT_WR)
    server.copy.fill()
    payloads = server.copy.payloads()
    assert payloads is not None
    assert [payloads.data[start:end] for start, end in zip(payloads.at, payloads.ends, strict=True)] == [b"one", b"two"]
    for _ in range(2):
        with pytest.raises(Ended, match=words):
            server.copy.payloads()
        server.copy.fill()


def test_a_refusal_is_told_and_the_statement_may_be_tried_again(server: Server) -> None:
    ready = message(b"Z", b"I")
    server.socket.sendall(message(b"E", b"SERROR\0C55006\0Mslot is active\0\0") + ready)
    assert server.copy.start(b"START") == Refused("55006", "ERROR:  slot is active")
    server.socket.sendall(message(b"W", b"\0\0\0") + message(b"d", b"first"))
    assert server.copy.start(b"START") is None
    assert server.read() == [b"first"]
    assert server.socket.recv(100) == 2 * message(b"Q", b"START\0")
    server.copy.send(b"status")
    assert server.socket.recv(100) == message(b"d", b"status")


def test_the_end_while_the_answer_is_waited_for(server: Server) -> None:
    server.socket.shutdown(socket.SHUT_WR)
    with pytest.raises(Ended, match="closed"):
        server.copy.start(b"START")


def test_the_reason_of_a_session_that_ends_while_the_answer_is_waited_for(server: Server) -> None:
    server.socket.sendall(ERROR)
    server.socket.shutdown(socket.SHUT_WR)
    with pytest.raises(Ended, match="terminating connection"):
        server.copy.start(b"START")


def test_descriptors_from_1024_on() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 1100:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1100, hard))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1024)]
    try:
        server = Server()
        assert server.copy._socket.fileno() >= 1024  # type: ignore[attr-defined]
        server.socket.sendall(message(b"W", b"\0\0\0") + message(b"d", b"first"))
        assert server.copy.start(b"START") is None
        assert server.read() == [b"first"]
        server.close()
    finally:
        for each in held:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
