"""System change numbers: the counter, the lock under which commits get theirs, and which moment belongs to which.

A row's redo carries the SCN that holds when it is written; a commit takes the SCN that holds and moves the counter on, so
that nothing written later has it too. ``observe`` (CURRENT_SCN) answers with an SCN of its own: all redo written before is
below it, all redo written afterwards above.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from datetime import UTC, datetime

from voyager_ops.testing.oracle.engine import OracleError

FIRST_SCN = 2_000_000
GRAIN = 0.05  # seconds between two remembered pairs of SCN and moment


class ScnClock:
    """The SCN counter. ``commit_lock`` is taken before any other lock of the redo side; ``lock`` guards the counter."""

    def __init__(self, first: int = FIRST_SCN) -> None:
        self.commit_lock = threading.RLock()
        self.lock = threading.RLock()
        self._value = first
        self._shared = 0
        self._commits: list[int] = []
        self._scns: list[int] = [first]
        self._moments: list[float] = [time.time()]

    @property
    def value(self) -> int:
        """The SCN that a change written now carries; nothing was committed at it yet, but for shared commit SCNs."""
        return self._value

    def observe(self) -> int:
        """CURRENT_SCN; under ``commit_lock`` (taken here)."""
        with self.commit_lock, self.lock:
            self._next()
            return self._next()

    def advance(self, by: int = 1) -> int:
        """Move the counter on (a log switch, an idle database's own activity); the new value."""
        with self.lock:
            self._shared = 0
            self._value += by
            return self._value

    def commit(self) -> int:
        """The SCN of a commit; the caller holds ``commit_lock``."""
        with self.lock:
            if self._shared > 1:
                self._shared -= 1
                scn = self._value
            else:
                scn = self._next()
            self._commits.append(scn)
            return scn

    def withdraw(self, scn: int) -> None:
        """The commit that got ``scn`` last did not happen after all; the caller still holds ``commit_lock``."""
        with self.lock:
            assert self._commits[-1] == scn
            self._commits.pop()

    def share_commits(self, count: int) -> None:
        """The next ``count`` commits get the same SCN, unless something else moves the counter in between."""
        with self.lock:
            self._shared = count

    def commits_up_to(self, scn: int) -> int:
        """How many commits are at or below ``scn``."""
        with self.lock:
            return bisect_right(self._commits, scn)

    def moment_of(self, scn: int) -> datetime:
        """When ``scn`` was current (UTC, naive), to ``GRAIN`` seconds. ORA-08181 outside of what is remembered."""
        with self.lock:
            if not self._scns[0] <= scn <= self._value:
                raise OracleError(8181, "specified number is not a valid system change number")
            moment = self._moments[bisect_right(self._scns, scn) - 1]
        return datetime.fromtimestamp(moment, UTC).replace(tzinfo=None)

    def scn_at(self, moment: datetime) -> int:
        """The SCN that was current at ``moment`` (UTC, naive). ORA-08180 outside of what is remembered."""
        stamp = moment.replace(tzinfo=UTC).timestamp()
        with self.lock:
            if not self._moments[0] - 1 <= stamp <= time.time() + 1:
                raise OracleError(8180, "no snapshot found based on specified time")
            return self._scns[max(bisect_right(self._moments, stamp) - 1, 0)]

    def history(self, limit: int) -> tuple[int, float, list[tuple[int, float]]]:
        """The SCN and the moment of now, and at most about ``limit`` pairs of an SCN and when it was current, oldest first."""
        with self.lock:
            step = len(self._scns) // limit + 1
            pairs = list(zip(self._scns, self._moments, strict=True))[::step]
            return self._value, time.time(), pairs

    def _next(self) -> int:
        scn = self._value
        self._value += 1
        self._shared = 0
        now = time.time()
        if now - self._moments[-1] >= GRAIN:
            self._scns.append(scn)
            self._moments.append(now)
        return scn
