"""Faults of the redo side on request: errors and stalls at LogMiner's calls and V$ views, foreign rows, lost logs and snapshots.

Points are ``add_logfile``, ``start_logmnr``, ``end_logmnr``, and the name of a view (``V$LOGMNR_CONTENTS``, ``V$LOG``, …).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from voyager_ops.testing.oracle.engine import OracleError

# A row of a view: values by column name. Values are those of PostgreSQL's JSON or COPY: str, int, bytes (RAW), None.
ViewRow: TypeAlias = dict[str, Any]
Rewrite: TypeAlias = Callable[[ViewRow], Sequence[ViewRow]]
RewriteView: TypeAlias = Callable[[list[ViewRow]], list[ViewRow]]


@dataclass(slots=True)
class _Fault:
    point: str
    error: OracleError | None
    seconds: float
    skip: int
    times: int | None


class Faults:
    """What is to go wrong. Safe for many threads; a fault is spent by whoever comes by first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[_Fault] = []
        self._rewrites: list[Rewrite] = []
        self._views: dict[str, list[RewriteView]] = {}

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            self._faults.clear()
            self._rewrites.clear()
            self._views.clear()

    def fail(self, point: str, code: int, message: str = "injected", *, skip: int = 0, times: int | None = 1) -> None:
        """The next ``times`` (None: all) calls at ``point``, after ``skip`` that succeed, raise ORA-``code``."""
        with self._lock:
            self._faults.append(_Fault(point, OracleError(code, message), 0.0, skip, times))

    def stall(self, point: str, seconds: float, *, skip: int = 0, times: int | None = 1) -> None:
        """The next calls at ``point`` wait so long before they go on."""
        with self._lock:
            self._faults.append(_Fault(point, None, seconds, skip, times))

    def rewrite_rows(self, rewrite: Rewrite) -> None:
        """Every row of V$LOGMNR_CONTENTS becomes the rows that ``rewrite`` gives: none, changed, several."""
        with self._lock:
            self._rewrites.append(rewrite)

    def rewrite_view(self, name: str, rewrite: RewriteView) -> None:
        """The rows of the view ``name`` (not V$LOGMNR_CONTENTS) become what ``rewrite`` makes of them."""
        with self._lock:
            self._views.setdefault(name, []).append(rewrite)

    # -- for the redo side ------------------------------------------------------------------------------------------------

    def pass_point(self, point: str) -> None:
        """Raise or wait as somebody wants it here."""
        wait = 0.0
        with self._lock:
            for fault in list(self._faults):
                if fault.point != point:
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                if fault.error is not None:
                    error = fault.error
                    raise OracleError(error.code, error.message)
                wait += fault.seconds
        time.sleep(wait)

    @property
    def rewrites_rows(self) -> bool:
        """Whether rows of V$LOGMNR_CONTENTS have to pass ``rows``."""
        return bool(self._rewrites)

    def rows(self, row: ViewRow) -> Sequence[ViewRow]:
        """What becomes of a row of V$LOGMNR_CONTENTS."""
        found: Sequence[ViewRow] = [row]
        for rewrite in list(self._rewrites):
            found = [made for given in found for made in rewrite(given)]
        return found

    def view(self, name: str, rows: list[ViewRow]) -> list[ViewRow]:
        """What becomes of a view's rows."""
        for rewrite in list(self._views.get(name, ())):
            rows = rewrite(rows)
        return rows


def injected(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a row to be injected, upper case; RAW as hexadecimal text for JSON."""
    return {name.upper(): value.hex() if isinstance(value, bytes) else value for name, value in columns.items()}
