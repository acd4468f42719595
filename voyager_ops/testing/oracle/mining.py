"""From redo records to rows of V$LOGMNR_CONTENTS: what a LogMiner session with its files, SCNs and options sees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from voyager_ops.testing.oracle import redo_text
from voyager_ops.testing.oracle.recorder import Nls
from voyager_ops.testing.oracle.redo_large import Printed
from voyager_ops.testing.oracle.redo_literals import Style
from voyager_ops.testing.oracle.redo_rows import (
    EMPTY_ROW,
    OPERATIONS,
    PIECE,
    ContentsRow,
    pieces,
    place_columns,
    row_columns,
    segment_columns,
    timestamp_text,
    xid_columns,
)
from voyager_ops.testing.oracle.redo_store import RedoRecord
from voyager_ops.testing.oracle.redo_text import (
    COMMIT,
    DDL,
    DELETE,
    INJECTED,
    INSERT,
    ROLLBACK,
    START,
    UNSUPPORTED,
    UNSUPPORTED_INFO,
    UPDATE,
    Printer,
)
from voyager_ops.testing.oracle.row_notices import row_fields
from voyager_ops.testing.oracle.rowid import rowid_text

if TYPE_CHECKING:
    from voyager_ops.testing.oracle.redo import RedoLog

UNRESOLVED = b"\xff\xff\xff\xff"
INVERSE = {INSERT: DELETE, DELETE: INSERT, UPDATE: UPDATE}
NO_REDO = "/* No SQL_REDO for temporary tables */"


@dataclass(frozen=True, slots=True)
class MiningOptions:
    """What START_LOGMNR was told. ``dictionary``: ``online``, ``redo`` (each row by the dictionary of its time), or none."""

    dictionary: str
    committed_only: bool = False
    rowid: bool = True
    semicolon: bool = True


class Mining:
    """One pass over the redo: ``rows`` may be asked for once."""

    def __init__(self, log: RedoLog, logs: frozenset[tuple[int, int]], options: MiningOptions, nls: Nls) -> None:
        self._log = log
        self._logs = logs
        self._options = options
        self._style = Style(nls, options.rowid, options.semicolon)
        self._printers: dict[tuple[int, int], tuple[Printer | None, ContentsRow]] = {}
        self._common: tuple[tuple[int, bytes], ContentsRow] = ((-1, b""), {})
        self._seen: set[bytes] = set()
        self._number = 0

    def rows(self, first_scn: int, last_scn: int, end: int) -> Iterator[ContentsRow]:
        """The rows of the redo with SCNs in [first, last] and ordinals below ``end``."""
        records = (
            (ordinal, record)
            for ordinal, record in self._log.store.read(first_scn, last_scn, end)
            if (record.thread, record.sequence) in self._logs
        )
        if self._options.committed_only:
            yield from self._of_committed(records)
            return
        for ordinal, record in records:
            yield from self._of_record(ordinal, record)

    def _of_committed(self, records: Iterator[tuple[int, RedoRecord]]) -> Iterator[ContentsRow]:
        """COMMITTED_DATA_ONLY: transactions whole, in the order of their commits; of those that began before, nothing."""
        pending: dict[bytes, list[tuple[int, RedoRecord]]] = {}
        for ordinal, record in records:
            if record.kind == INJECTED:
                yield from self._of_record(ordinal, record)
                continue
            if record.kind == START:
                pending[record.xid] = []
            if record.xid not in pending:
                continue
            pending[record.xid].append((ordinal, record))
            if record.kind == ROLLBACK:
                del pending[record.xid]
            elif record.kind == COMMIT:
                yield from self._committed(pending.pop(record.xid))

    def _committed(self, records: list[tuple[int, RedoRecord]]) -> Iterator[ContentsRow]:
        """The rows of a committed transaction without what it rolled back itself."""
        kept: list[tuple[int, RedoRecord]] = []
        for ordinal, record in records:
            if record.rollback:
                at = max(at for at, (_, done) in enumerate(kept) if (done.old, done.new) == (record.new, record.old))
                del kept[at]
            else:
                kept.append((ordinal, record))
        first, last = records[0][1], records[-1][1]
        whole = {
            "START_SCN": first.scn,
            "COMMIT_SCN": last.scn,
            "START_TIMESTAMP": timestamp_text(first.moment),
            "COMMIT_TIMESTAMP": timestamp_text(last.moment),
            "CSCN": last.scn,
        }
        for ordinal, record in kept:
            for row in self._of_record(ordinal, record):
                row.update(whole)
                yield row

    # -- one record -------------------------------------------------------------------------------------------------------

    def _of_record(self, ordinal: int, record: RedoRecord) -> Iterator[ContentsRow]:
        if record.kind == INJECTED:
            yield from self._injected(ordinal, record)
            return
        if record.kind == START:
            self._seen.add(record.xid)
        xid = record.xid
        if self._log.settings.unresolved_xids and record.kind in (INSERT, DELETE, UPDATE) and xid not in self._seen:
            xid = xid[:4] + UNRESOLVED
        base = dict(self._base(record.context, xid))
        base["SCN"] = record.scn
        base["TIMESTAMP"] = timestamp_text(record.moment)
        base["ROLLBACK"] = record.rollback
        base |= place_columns(record.thread, record.sequence, ordinal)
        match record.kind:
            case redo_text.START:
                yield from self._cut(base, Printed(START, "set transaction read write;"))
            case redo_text.COMMIT:
                base["SAFE_RESUME_SCN"] = record.scn
                yield from self._cut(base, Printed(COMMIT, "commit;"))
            case redo_text.ROLLBACK:
                yield from self._cut(base, Printed(ROLLBACK, "rollback;"))
            case redo_text.DDL:
                yield from self._ddl(base, record)
            case _:
                yield from self._change(base, ordinal, record)

    def _base(self, index: int, xid: bytes) -> ContentsRow:
        """What the rows of a transaction have in common."""
        if self._common[0] != (index, xid):
            context = self._log.contexts[index]
            common = {
                **self._nothing(),
                "USERNAME": context.user,
                "SESSION#": context.session_id,
                "SERIAL#": context.serial,
                "CLIENT_ID": context.client_identifier or None,
                "SESSION_INFO": f"login_username={context.user} client_info= OS_username=oracle Machine_name=sim",
            }
            self._common = ((index, xid), common | xid_columns(xid))
        return self._common[1]

    def _nothing(self) -> ContentsRow:
        if not self._log.settings.container:
            return dict(EMPTY_ROW)
        container = {"SRC_CON_NAME": self._log.settings.container, "SRC_CON_ID": 3, "SRC_CON_UID": 280798746}
        return {**EMPTY_ROW, **container}

    def _injected(self, ordinal: int, record: RedoRecord) -> Iterator[ContentsRow]:
        given = json.loads(str(record.extra))
        base = self._nothing() | place_columns(record.thread, record.sequence, ordinal)
        base["SCN"], base["TIMESTAMP"] = record.scn, timestamp_text(record.moment)
        for name in ("XID", "PXID"):
            if given.get(name):
                base |= xid_columns(bytes.fromhex(given.pop(name)))
        base.update(given)
        code = base["OPERATION_CODE"] if base["OPERATION_CODE"] is not None else 0
        base["OPERATION"] = given.get("OPERATION") or OPERATIONS.get(code, "INTERNAL")
        printed = Printed(code, base["SQL_REDO"], base["STATUS"] or 0, base["INFO"])
        yield from self._cut(base, printed, operation=base["OPERATION"], keep_csf="CSF" in given)

    def _ddl(self, base: ContentsRow, record: RedoRecord) -> Iterator[ContentsRow]:
        given = json.loads(str(record.extra))
        object_id = given["object"]
        now = self._log.tables.now(object_id) if object_id else None
        number = now.number if now is not None else 0
        base |= segment_columns(given["owner"], given["name"], given["kind"], object_id, object_id, number)
        yield from self._cut(base, Printed(DDL, given["text"].rstrip("; \n") + ";", 0, given["info"]))

    def _change(self, base: ContentsRow, ordinal: int, record: RedoRecord) -> Iterator[ContentsRow]:
        printer, segment = self._printer(record.version)
        base |= segment
        if printer is None:
            yield from self._cut(base, Printed(UNSUPPORTED, "Unsupported", 2, UNSUPPORTED_INFO))
            return
        version = self._log.tables.versions[record.version]
        before = row_fields(record.old) if record.old is not None else []
        after = row_fields(record.new) if record.new is not None else []
        field = version.rowid_field
        number = int((after or before)[field] or 0) if field is not None else 0
        rowid = rowid_text(version.table.data_object_id, number)
        rows = base | row_columns(rowid, number)
        if version.table.temporary:
            yield from self._cut(rows, Printed(record.kind, NO_REDO))
            return
        undo = bool(record.rollback)
        for printed in printer.change(record.kind, before, after, rowid, undo=undo):
            row = dict(rows if printed.own_row else base)
            if printed.record:
                row |= place_columns(record.thread, record.sequence, ordinal, printed.record)
            if self._log.settings.sql_undo and printed.operation == record.kind:
                inverse = INVERSE[record.kind]
                row["SQL_UNDO"] = next(printer.change(inverse, after, before, rowid, undo=False)).sql
            yield from self._cut(row, printed)

    def _printer(self, index: int) -> tuple[Printer | None, ContentsRow]:
        """How rows of a table's version are printed (None: not supported), and the columns that name the table."""
        version = self._log.tables.versions[index]
        table = version.table
        now = self._log.tables.now(table.object_id) if self._options.dictionary == "online" else version
        if not self._options.dictionary:
            now = None
        found = self._printers.get((index, id(now)))
        if found is None:
            owner, name = (now.table.owner, now.table.name) if now is not None else ("UNKNOWN", f"OBJ# {table.object_id}")
            known = now is not None and now.generation == version.generation
            segment = segment_columns(owner, name, "TABLE", table.object_id, table.data_object_id, version.number)
            limit = self._log.settings.name_limit
            longest = max(len(name), *(len(column.name) for _, column in version.logged))
            fits = limit is None or longest <= limit
            printer = Printer(version, self._style, owner=owner, name=name, known=known) if fits else None
            found = self._printers[index, id(now)] = (printer, segment)
        return found

    def _cut(self, row: ContentsRow, printed: Printed, *, operation: str = "", keep_csf: bool = False) -> Iterator[ContentsRow]:
        """One row per 4,000 bytes of SQL_REDO (and of SQL_UNDO)."""
        row["OPERATION_CODE"] = printed.operation
        row["OPERATION"] = operation or OPERATIONS[printed.operation]
        row["STATUS"], row["INFO"] = printed.status, printed.info
        undo = row["SQL_UNDO"]
        if (printed.sql is None or len(printed.sql) * 4 <= PIECE or len(printed.sql.encode()) <= PIECE) and undo is None:
            parts: list[tuple[str | None, str | None]] = [(printed.sql, None)]
        else:
            redo = [] if printed.sql is None else pieces(printed.sql)
            parts = list(zip_longest(redo, [] if undo is None else pieces(undo)))
        for at, (row["SQL_REDO"], row["SQL_UNDO"]) in enumerate(parts, 1):
            if not keep_csf:
                row["CSF"] = int(at < len(parts))
            self._number += 1
            row["SEQUENCE#"] = self._number
            row["REDO_VALUE"], row["UNDO_VALUE"] = 2 * self._number, 2 * self._number + 1
            yield row if at == len(parts) else dict(row)
