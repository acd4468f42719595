"""DBMS_LOGMNR of one session: its files, START_LOGMNR with SCNs and options, and V$LOGMNR_CONTENTS as a temporary table.

The table is filled when it is asked for, with the session's own connection, and again when there is more to be seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import pq, sql

from voyager_ops.testing.oracle.engine import BindValue, OracleError
from voyager_ops.testing.oracle.logminer_calls import Call, number_argument, parse_block, time_argument
from voyager_ops.testing.oracle.mining import Mining, MiningOptions
from voyager_ops.testing.oracle.redo_logs import MAX_SCN, Log, MinedFile
from voyager_ops.testing.oracle.redo_rows import copy_line
from voyager_ops.testing.oracle.redo_views import CONTENTS_FORM

if TYPE_CHECKING:
    from voyager_ops.testing.oracle.redo import RedoLog
    from voyager_ops.testing.oracle.redo_session import RedoSession

NEW, REMOVEFILE, ADDFILE = 1, 2, 3
COMMITTED_DATA_ONLY, DICT_FROM_ONLINE_CATALOG, DICT_FROM_REDO_LOGS = 2, 16, 32
NO_SQL_DELIMITER, CONTINUOUS_MINE, NO_ROWID_IN_STMT = 64, 1024, 2048
CONSTANTS: Mapping[str, int] = {
    "NEW": NEW,
    "REMOVEFILE": REMOVEFILE,
    "ADDFILE": ADDFILE,
    "NO_DICT_RESET_ONSELECT": 1,
    "COMMITTED_DATA_ONLY": COMMITTED_DATA_ONLY,
    "SKIP_CORRUPTION": 4,
    "DDL_DICT_TRACKING": 8,
    "DICT_FROM_ONLINE_CATALOG": DICT_FROM_ONLINE_CATALOG,
    "DICT_FROM_REDO_LOGS": DICT_FROM_REDO_LOGS,
    "NO_SQL_DELIMITER": NO_SQL_DELIMITER,
    "PRINT_PRETTY_SQL": 512,
    "CONTINUOUS_MINE": CONTINUOUS_MINE,
    "NO_ROWID_IN_STMT": NO_ROWID_IN_STMT,
    "STRING_LITERALS_IN_STMT": 4096,
    "STORE_IN_FLAT_FILE": 1,
    "STORE_IN_REDO_LOGS": 2,
}
_TABLE = sql.Identifier("pg_temp", "V$LOGMNR_CONTENTS")
_NOT_STARTED = "dbms_logmnr.start_logmnr() must be invoked before selecting from v$logmnr_contents"
_BATCH = 1 << 18


class LogMinerSession:
    """The LogMiner of one database session."""

    def __init__(self, log: RedoLog, session: RedoSession) -> None:
        self._log = log
        self._session = session
        self._files: list[MinedFile] = []
        self._options = MiningOptions("")
        self._first_scn = 0
        self._last_scn: int | None = None
        self._shown: int | None = None
        """Up to which ordinal the redo was looked at for the table; None: it has to be filled."""
        self._whole = False
        self.parameters: dict[str, Any] | None = None
        """The row of V$LOGMNR_PARAMETERS while the session is started."""

    @property
    def files(self) -> list[tuple[MinedFile, Log]]:
        """The files that were added, with the logs they held then."""
        return [(file, self._log.logs.log(file.thread, file.sequence)) for file in self._files]

    def run_block(self, text: str, binds: Mapping[str, BindValue]) -> bool:
        """See ``SessionRecorder``."""
        calls = parse_block(text, binds, CONSTANTS)
        if calls is None:
            return False
        for call in calls:
            {
                "ADD_LOGFILE": self._add_logfile,
                "REMOVE_LOGFILE": self._remove_logfile,
                "START_LOGMNR": self._start,
                "END_LOGMNR": self._end,
                "BUILD": self._build,
            }[call.name](call)
        return True

    def show_contents(self, connection: psycopg.Connection[Any]) -> None:
        """Put into the temporary table what can be mined now, unless it is there. Raises OracleError."""
        if self.parameters is None:
            raise OracleError(1306, _NOT_STARTED)
        for file in self._files:
            self._log.logs.check_readable(file)
        end, scn = self._log.visible()
        if self._shown is not None and (self._shown == end or (self._last_scn is not None and self._whole)):
            return
        # Truncated and filled in one transaction: PostgreSQL then puts the rows one behind the other, and nowhere else where
        # there is room. Readers rely on their order.
        own = connection.info.transaction_status == pq.TransactionStatus.IDLE
        if own:
            connection.execute("BEGIN")
        try:
            connection.execute(sql.SQL("CREATE TEMPORARY TABLE IF NOT EXISTS {} (LIKE {})").format(_TABLE, CONTENTS_FORM))
            connection.execute(sql.SQL("TRUNCATE {}").format(_TABLE))
            self._fill(connection, end)
            if own:
                connection.execute("COMMIT")
        except BaseException:
            if own and not connection.closed:
                connection.execute("ROLLBACK")
            raise
        self._shown, self._whole = end, self._last_scn is not None and self._last_scn <= scn

    def _fill(self, connection: psycopg.Connection[Any], end: int) -> None:
        spans = frozenset((file.thread, file.sequence) for file in self._files)
        mining = Mining(self._log, spans, self._options, self._session.nls)
        last_scn = MAX_SCN if self._last_scn is None else self._last_scn
        faults = self._log.faults
        lines: list[str] = []
        size = 0
        with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(_TABLE)) as copy:
            for row in mining.rows(self._first_scn, last_scn, end):
                for made in faults.rows(row) if faults.rewrites_rows else (row,):
                    lines.append(copy_line(made))
                    size += len(lines[-1])
                if size >= _BATCH:
                    copy.write("".join(lines))
                    lines.clear()
                    size = 0
            copy.write("".join(lines))

    def forget_rows(self) -> None:
        """The session rolled back, and the table with it, maybe: it is filled anew."""
        self._shown = None

    # -- the calls --------------------------------------------------------------------------------------------------------

    def _add_logfile(self, call: Call) -> None:
        self._log.faults.pass_point("add_logfile")
        name = str(call.argument("LOGFILENAME", 0) or "")
        options = number_argument(call.argument("OPTIONS", 1)) or ADDFILE
        if options == REMOVEFILE:
            self._remove(name)
            return
        file = self._log.logs.file(name)
        if options == NEW:
            self._end_session()
        if any(known.name == name or (known.thread, known.sequence) == (file.thread, file.sequence) for known in self._files):
            raise OracleError(1289, f"cannot add duplicate logfile {name}")
        self._files.append(file)

    def _remove_logfile(self, call: Call) -> None:
        self._remove(str(call.argument("LOGFILENAME", 0) or ""))

    def _remove(self, name: str) -> None:
        kept = [file for file in self._files if file.name != name]
        if len(kept) == len(self._files):
            raise OracleError(1290, f"cannot remove unlisted logfile {name}")
        self._files = kept

    def _start(self, call: Call) -> None:
        self._log.faults.pass_point("start_logmnr")
        first = number_argument(call.argument("STARTSCN", 0))
        last = number_argument(call.argument("ENDSCN", 1))
        first_moment, last_moment = time_argument(call.argument("STARTTIME", 2)), time_argument(call.argument("ENDTIME", 3))
        options = number_argument(call.argument("OPTIONS", 5))
        if options & CONTINUOUS_MINE:
            raise OracleError(44609, "CONTINUOUS_MINE is desupported for use with DBMS_LOGMNR.START_LOGMNR.")
        if not self._files:
            raise OracleError(1292, "no log file has been specified for the current LogMiner session")
        if first and last and last < first:
            raise OracleError(1281, "SCN range specified is invalid")
        if first_moment and last_moment and last_moment < first_moment:
            raise OracleError(1282, "date range specified is invalid")
        for file in self._files:
            self._log.logs.check_readable(file)
        if first_moment and not first:
            first = self._log.scn_at(first_moment)
        if last_moment and not last:
            last = self._log.scn_at(last_moment)
        logs = [log for _, log in self.files]
        # Without a first SCN LogMiner begins where all threads that were added have begun.
        start = first or max(
            min(log.first_scn for log in logs if log.thread == thread) for thread in {log.thread for log in logs}
        )
        self._log.logs.check_covers(self._files, start, last or None)
        if options & DICT_FROM_REDO_LOGS and not any(log.dictionary for log in logs):
            raise OracleError(1371, "Complete LogMiner dictionary not found")
        dictionary = "online" if options & DICT_FROM_ONLINE_CATALOG else "redo" if options & DICT_FROM_REDO_LOGS else ""
        self._options = MiningOptions(
            dictionary,
            committed_only=bool(options & COMMITTED_DATA_ONLY),
            rowid=not options & NO_ROWID_IN_STMT,
            semicolon=not options & NO_SQL_DELIMITER,
        )
        self._first_scn, self._last_scn = start, last or None
        self.parameters = {
            "START_SCN": first or 0,
            "REQUIRED_START_SCN": start,
            "END_SCN": last or 0,
            "OPTIONS": options,
            "STATUS": 0,
        }
        self._shown = None

    def _end(self, call: Call) -> None:
        self._log.faults.pass_point("end_logmnr")
        if self.parameters is None and not self._files:
            raise OracleError(1307, "no LogMiner session is currently active")
        self._end_session()

    def _end_session(self) -> None:
        self._files = []
        self.parameters = None

    def _build(self, call: Call) -> None:
        """DBMS_LOGMNR_D.BUILD into the redo logs."""
        if "MIN" not in self._log.supplemental:
            raise OracleError(1354, "Supplemental log data must be added to run this command")
        for log in self._log.logs.all():
            if log.current:
                log.dictionary = True
        self._log.switch_logs()
