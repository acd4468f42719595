"""Faults of the network and of the server, on order: what a test asks for happens to the calls that it names.

A call is one request of a client: a statement's execution, a fetch, a commit, a ping … Every order counts the calls that it
fits from the moment it is given; ``Order.fired`` says how often it has struck, ``Order.wait`` waits for it.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from voyager_ops.testing.oracle.engine import OracleError


class CallKind(Enum):
    EXECUTE = "execute"
    FETCH = "fetch"
    COMMIT = "commit"
    ROLLBACK = "rollback"
    LOB = "lob"
    PING = "ping"
    LOGON = "logon"
    LOGOFF = "logoff"


@dataclass(frozen=True, slots=True)
class Call:
    """``commits``: the call commits, by itself (a statement COMMIT, DDL is not meant) or because autocommit is on."""

    kind: CallKind
    user: str = ""
    statement: str = ""
    commits: bool = False


class Fault(Enum):
    DROP = "drop"
    STALL = "stall"
    LOSE_REPLY = "lose reply"
    ERROR = "error"


@dataclass(slots=True)
class Order:
    """One order. ``skip`` calls are let by first, then ``times`` of them are struck (None: every one)."""

    fault: Fault
    kinds: frozenset[CallKind] | None = None
    pattern: re.Pattern[str] | None = None
    user: str | None = None
    commits_only: bool = False
    skip: int = 0
    times: int | None = 1
    seconds: float = 0.0
    error: OracleError | None = None
    fired: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition, repr=False)

    def fits(self, call: Call) -> bool:
        if self.commits_only and not call.commits:
            return False
        if self.kinds is not None and call.kind not in self.kinds:
            return False
        if self.user is not None and call.user.upper() != self.user.upper():
            return False
        return self.pattern is None or self.pattern.search(call.statement) is not None

    def strikes(self, call: Call) -> bool:
        """Count ``call``; whether it is struck."""
        if not self.fits(call):
            return False
        with self._changed:
            if self.skip > 0:
                self.skip -= 1
                return False
            if self.times is not None and self.fired >= self.times:
                return False
            self.fired += 1
            self._changed.notify_all()
            return True

    def wait(self, timeout: float = 30.0) -> bool:
        """Wait until it has struck once; False when ``timeout`` seconds pass without that."""
        with self._changed:
            return self._changed.wait_for(lambda: self.fired > 0, timeout)


class WireFaults:
    """The orders of one server. Thread-safe; an order stays until it is used up or ``clear`` is called."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: list[Order] = []
        self._released = threading.Event()

    def drop_connection(
        self, *, at_call: int = 1, matching: str | None = None, user: str | None = None, kinds: Sequence[CallKind] | None = None
    ) -> Order:
        """Close the connection instead of answering the ``at_call``-th fitting call, which is not carried out."""
        return self._add(Order(Fault.DROP, _kinds(kinds), _pattern(matching), user, skip=at_call - 1))

    def stall(
        self,
        seconds: float,
        *,
        at_call: int = 1,
        matching: str | None = None,
        user: str | None = None,
        kinds: Sequence[CallKind] | None = None,
    ) -> Order:
        """Wait for ``seconds`` (or until ``clear``) before the ``at_call``-th fitting call is carried out."""
        return self._add(Order(Fault.STALL, _kinds(kinds), _pattern(matching), user, skip=at_call - 1, seconds=seconds))

    def lose_reply(
        self, *, at_call: int = 1, matching: str | None = None, user: str | None = None, kinds: Sequence[CallKind] | None = None
    ) -> Order:
        """Carry the call out, send no answer and close the connection."""
        return self._add(Order(Fault.LOSE_REPLY, _kinds(kinds), _pattern(matching), user, skip=at_call - 1))

    def lose_commit_reply(self, *, at_commit: int = 1, user: str | None = None) -> Order:
        """Commit, send no answer and close the connection: the client cannot know whether it was committed."""
        return self._add(Order(Fault.LOSE_REPLY, user=user, commits_only=True, skip=at_commit - 1))

    def raise_error(
        self,
        code: int,
        *,
        matching: str | None = None,
        message: str = "injected",
        at_call: int = 1,
        times: int | None = 1,
        user: str | None = None,
        kinds: Sequence[CallKind] | None = (CallKind.EXECUTE,),
    ) -> Order:
        """Answer with ORA-``code`` instead of carrying the call out; ``matching``: regular expression on the statement."""
        error = OracleError(code, message)
        return self._add(Order(Fault.ERROR, _kinds(kinds), _pattern(matching), user, skip=at_call - 1, times=times, error=error))

    def clear(self) -> None:
        """Forget every order and end the stalls that are under way."""
        with self._lock:
            self._orders.clear()
            self._released.set()
            self._released = threading.Event()

    def before(self, call: Call, given_up: Callable[[], bool]) -> Fault | None:
        """For the server, before a call: stalls, raises the ordered error; DROP or LOSE_REPLY are its to carry out.

        ``given_up``: whether the client has broken the call off, which ends a stall.
        """
        with self._lock:
            struck = [order for order in self._orders if order.strikes(call)]
            released = self._released
        outcome: Fault | None = None
        for order in struck:
            if order.fault is Fault.STALL:
                _wait(order.seconds, released, given_up)
            elif order.fault is Fault.ERROR:
                assert order.error is not None
                raise OracleError(order.error.code, order.error.message)
            else:
                outcome = order.fault
        return outcome

    def _add(self, order: Order) -> Order:
        with self._lock:
            self._orders.append(order)
        return order


def _wait(seconds: float, released: threading.Event, given_up: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and not given_up():
        if released.wait(min(left, 0.05)):
            return


def _pattern(text: str | None) -> re.Pattern[str] | None:
    return re.compile(text, re.IGNORECASE | re.DOTALL) if text is not None else None


def _kinds(kinds: Sequence[CallKind] | None) -> frozenset[CallKind] | None:
    return frozenset(kinds) if kinds is not None else None
