"""The redo logs of the database: groups of online logs per thread, log switches, archived logs and what becomes of them.

A log is a span of SCNs of one thread: FIRST_CHANGE# <= SCN < NEXT_CHANGE#. Its records are in ``redo_store``, wherever it is;
what is modelled here is by which name they can be had, and whether they still can.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.scn import ScnClock

MAX_SCN = 18446744073709551615
ONLINE = "/u01/oradata/SIM"
ARCHIVE = "/u01/archive/SIM"
RESETLOGS_ID = 1_100_000_000
RESETLOGS_CHANGE = 1_920_977
BLOCK_SIZE = 512


@dataclass(slots=True)
class Log:
    """A log sequence of a thread. ``next_scn``: None while it is the CURRENT one. ``size``: bytes written.

    ``archived``: its archived copy exists in the control file. ``deleted``: by RMAN, and so in V$ARCHIVED_LOG. ``lost``: the
    file of the archived copy is gone although V$ARCHIVED_LOG shows it.
    """

    thread: int
    sequence: int
    first_scn: int
    first_time: float
    next_scn: int | None = None
    next_time: float | None = None
    size: int = 0
    archived: bool = False
    deleted: bool = False
    lost: bool = False
    dictionary: bool = False

    @property
    def archive_name(self) -> str:
        return f"{ARCHIVE}/arch_{self.thread}_{self.sequence}_{RESETLOGS_ID}.dbf"

    @property
    def current(self) -> bool:
        return self.next_scn is None


@dataclass(slots=True)
class Thread:
    """A redo thread (an instance). ``open``: writes redo. ``last``: SCN of its last record. ``frozen``: LAST_REDO_CHANGE# stands
    still at that SCN."""

    number: int
    logs: list[Log] = field(default_factory=list)
    open: bool = True
    last: int = 0
    frozen: int | None = None


@dataclass(frozen=True, slots=True)
class MinedFile:
    """A log file that was added to a LogMiner session: the name, and the log it held at that moment."""

    name: str
    thread: int
    sequence: int


class RedoLogs:
    """All logs. ``log_bytes``: at which size a thread switches; ``groups``: online logs per thread."""

    def __init__(
        self, clock: ScnClock, threads: int = 1, log_bytes: int = 50 << 20, groups: int = 3, *, archiving: bool = True
    ) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self.log_bytes = log_bytes
        self.groups = groups
        self.archiving = archiving
        self.held_back = False
        """Whether the archiver is stuck: logs that are switched away from stay ACTIVE and are not archived."""
        self.threads = {number: Thread(number) for number in range(1, threads + 1)}
        for number, thread in self.threads.items():
            thread.logs.append(Log(number, 10 + number, clock.value, time.time()))

    # -- writing ------------------------------------------------------------------------------------------------------

    def sequence_for(self, thread: int, size: int) -> int:
        """The sequence that a record of ``size`` bytes goes to, after a switch where the CURRENT log is full."""
        log = self.threads[thread].logs[-1]
        if log.size and log.size + size > self.log_bytes:
            log = self.switch(thread)
        log.size += size
        return log.sequence

    def switch(self, thread: int) -> Log:
        """Begin the next log of the thread at a new SCN; the new log."""
        with self._clock.lock, self._lock:
            state = self.threads[thread]
            log, scn, now = state.logs[-1], self._clock.advance(), time.time()
            log.next_scn, log.next_time = scn, now
            if self.archiving and not self.held_back:
                self.archive()
            state.logs.append(Log(thread, log.sequence + 1, scn, now))
            return state.logs[-1]

    def archive(self) -> None:
        """Archive what was switched away from and not archived yet."""
        with self._lock:
            for log in self.all():
                if not log.current and self.group_of(log) is not None:
                    log.archived = True

    # -- looking ------------------------------------------------------------------------------------------------------

    def all(self) -> Sequence[Log]:
        """Every log there ever was, by thread and sequence."""
        return [log for state in self.threads.values() for log in state.logs]

    def online(self) -> Sequence[tuple[int, Log]]:
        """Group number and log of every online log."""
        return [(group, log) for log in self.all() if (group := self.group_of(log)) is not None]

    def group_of(self, log: Log) -> int | None:
        """The group of a log that is (still) online."""
        if self.threads[log.thread].logs[-1].sequence - log.sequence >= self.groups:
            return None
        return (log.thread - 1) * self.groups + log.sequence % self.groups + 1

    def member(self, group: int) -> str:
        """The name of the group's file."""
        return f"{ONLINE}/redo{group:02}.log"

    def log(self, thread: int, sequence: int) -> Log:
        """The log of that sequence. It must have existed."""
        logs = self.threads[thread].logs
        return logs[sequence - logs[0].sequence]

    def file(self, name: str) -> MinedFile:
        """What the file of that name holds now. Raises OracleError ORA-01284 when there is no such file."""
        for group, log in self.online():
            if self.member(group) == name:
                return MinedFile(name, log.thread, log.sequence)
        for log in self.all():
            if log.archived and not log.deleted and not log.lost and log.archive_name == name:
                return MinedFile(name, log.thread, log.sequence)
        raise OracleError(
            1284,
            f"file {name} cannot be opened\nORA-00308: cannot open archived log '{name}'\n"
            "ORA-27037: unable to obtain file status\nLinux-x86_64 Error: 2: No such file or directory",
        )

    def check_readable(self, file: MinedFile) -> Log:
        """The log of a file that was added before, as long as the file still holds it.

        Raises OracleError: ORA-00308 when the file is gone, ORA-00310 when the online log was written over.
        """
        log = self.log(file.thread, file.sequence)
        if file.name == log.archive_name:
            if log.deleted or log.lost:
                raise OracleError(308, f"cannot open archived log '{file.name}'\nORA-27037: unable to obtain file status")
        elif self.group_of(log) is None:
            group = next(group for group, _ in self.online() if self.member(group) == file.name)
            now = next(log for number, log in self.online() if number == group)
            raise OracleError(310, f"archived log contains sequence {now.sequence}; sequence {file.sequence} required")
        return log

    def check_covers(self, files: Sequence[MinedFile], start: int, end: int | None) -> None:
        """Raises OracleError ORA-01291 unless the files hold every record with SCNs in [start, end] of every open thread."""
        for number, state in self.threads.items():
            logs = sorted((self.log(file.thread, file.sequence) for file in files if file.thread == number), key=_sequence)
            missing = not logs and state.open
            if logs:
                missing = logs[0].first_scn > start or any(
                    after.sequence != before.sequence + 1 for before, after in pairwise(logs)
                )
                last = logs[-1].next_scn
                missing = missing or (end is not None and last is not None and last <= end)
            if missing:
                raise OracleError(1291, "missing log file")

    # -- disappearing ---------------------------------------------------------------------------------------------------

    def purge(self, *, up_to_scn: int | None = None, sequences: Sequence[tuple[int, int]] = (), rman: bool = True) -> list[Log]:
        """Delete archived logs: those wholly below ``up_to_scn`` (default: all), or the ``sequences`` (thread, sequence).

        ``rman=False``: behind the database's back, so that V$ARCHIVED_LOG still lists them.
        """
        with self._lock:
            gone = [
                log
                for log in self.all()
                if log.archived
                and not log.deleted
                and (
                    (log.thread, log.sequence) in sequences
                    if sequences
                    else up_to_scn is None or (log.next_scn or 0) <= up_to_scn
                )
            ]
            for log in gone:
                log.deleted, log.lost = log.deleted or rman, True
            return gone

    def snapshot(self) -> list[Log]:
        """Copies of all logs, consistent with each other."""
        with self._lock:
            return [replace(log) for log in self.all()]


def _sequence(log: Log) -> int:
    return log.sequence
