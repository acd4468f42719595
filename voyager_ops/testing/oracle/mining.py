"""From redo records to rows of V$LOGMNR_CONTENTS: what a LogMiner session with its files, SCNs and options sees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voyager_ops.testing.oracle import redo_text
from voyager_ops.testing.oracle.recorder import Nls
from voyager_ops.testing.oracle.redo_literals import Style
from voyager_ops.testing.oracle.redo_rows import (
    EMPTY_ROW,
    OPERATIONS,
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
    Printed,
    Printer,
)
from voyager_ops.testing.oracle.row_notices import row_fields
from voyager_ops.testing.oracle.rowid import rowid_text

if TYPE_CHECKING:
    from voyager_ops.testing.oracle.redo import RedoLog

UNRESOLVED = b"\xff\xff\xff\xff"
NO_REDO = "/* No SQL_REDO for temporary tables */"


@dataclass(frozen=True, slots=True)
class MiningOptions:
    """What START_LOGMNR was told. ``dictionary``: ``online``, ``redo`` (each row by the dictionary of its time), or none."""

    dictionary: str
    committed_only: bool = False
    rowid: bool = True
    semicolon: bool = True


class Mining:
    """The rows of one LogMiner session. Keeps what it knows of transactions from one call of ``rows`` to the next."""

    def __init__(self, log: RedoLog, logs: frozenset[tuple[int, int]], first_scn: int, options: MiningOptions, nls: Nls) -> None:
        self._log = log
        self._logs = logs
        self._first_scn = first_scn
        self._options = options
        self._style = Style(nls, options.rowid, options.semicolon)
        self._printers: dict[tuple[int, str, str, bool], Printer] = {}
        self._seen: set[bytes] = set()
        self._open: dict[bytes, list[tuple[int, RedoRecord]]] = {}
        self._number = 0
        self._next = 0

    def rows(self, last_scn: int, end: int) -> Iterator[dict[str, Any]]:
        """Rows up to ``last_scn`` and the ordinal ``end`` that were not given before."""
        source = self._records(last_scn, end)
        if not self._options.committed_only:
            for ordinal, record in source:
                yield from self._of_record(ordinal, record)
            return
        for ordinal, record in source:
            if record.kind == START:
                self._open[record.xid] = []
            if record.kind == INJECTED or record.xid not in self._open:
                if record.kind == INJECTED:
                    yield from self._of_record(ordinal, record)
                continue
            self._open[record.xid].append((ordinal, record))
            if record.kind == ROLLBACK:
                del self._open[record.xid]
            elif record.kind == COMMIT:
                yield from self._committed(self._open.pop(record.xid))

    def _records(self, last_scn: int, end: int) -> Iterator[tuple[int, RedoRecord]]:
        for ordinal, record in self._log.store.read(self._first_scn, last_scn, end, self._next):
            self._next = ordinal + 1
            if (record.thread, record.sequence) in self._logs:
                yield ordinal, record

    def _committed(self, records: list[tuple[int, RedoRecord]]) -> Iterator[dict[str, Any]]:
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

    def _of_record(self, ordinal: int, record: RedoRecord) -> Iterator[dict[str, Any]]:
        base = dict(EMPTY_ROW)
        base["SCN"] = record.scn
        base["TIMESTAMP"] = timestamp_text(record.moment)
        base["SRC_CON_NAME"] = self._log.settings.container
        base["SRC_CON_ID"] = 3
        base["SRC_CON_UID"] = 280798746
        base["STATUS"] = 0
        base |= place_columns(record.thread, record.sequence, ordinal)
        if record.kind == INJECTED:
            yield from self._injected(base, record)
            return
        context = self._log.contexts[record.context]
        base["USERNAME"] = context.user
        base["SESSION#"], base["SERIAL#"] = context.session_id, context.serial
        base["CLIENT_ID"] = context.client_identifier or None
        base["SESSION_INFO"] = f"login_username={context.user} client_info= OS_username=oracle Machine_name=sim"
        if record.kind == START:
            self._seen.add(record.xid)
        xid = record.xid
        if self._log.settings.unresolved_xids and record.kind in (INSERT, DELETE, UPDATE) and xid not in self._seen:
            xid = xid[:4] + UNRESOLVED
        base |= xid_columns(xid)
        base["ROLLBACK"] = record.rollback
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
                yield from self._change(base, record)

    def _injected(self, base: dict[str, Any], record: RedoRecord) -> Iterator[dict[str, Any]]:
        given = json.loads(str(record.extra))
        for name in ("XID", "PXID"):
            if given.get(name):
                base |= xid_columns(bytes.fromhex(given.pop(name)))
        base.update(given)
        code = base["OPERATION_CODE"] if base["OPERATION_CODE"] is not None else 0
        base["OPERATION"] = given.get("OPERATION") or OPERATIONS.get(code, "INTERNAL")
        printed = Printed(code, base["SQL_REDO"], base["STATUS"] or 0, base["INFO"])
        yield from self._cut(base, printed, operation=base["OPERATION"], keep_csf="CSF" in given)

    def _ddl(self, base: dict[str, Any], record: RedoRecord) -> Iterator[dict[str, Any]]:
        given = json.loads(str(record.extra))
        object_id = given["object"]
        now = self._log.tables.now(object_id) if object_id else None
        number = now.number if now is not None else 0
        base |= segment_columns(given["owner"], given["name"], given["kind"], object_id, object_id, number)
        yield from self._cut(base, Printed(DDL, given["text"].rstrip("; \n") + ";", 0, given["info"]))

    def _change(self, base: dict[str, Any], record: RedoRecord) -> Iterator[dict[str, Any]]:
        version = self._log.tables.versions[record.version]
        table = version.table
        online = self._options.dictionary == "online"
        now = self._log.tables.now(table.object_id) if online else version
        owner, name = (now.table.owner, now.table.name) if now is not None else ("UNKNOWN", f"OBJ# {table.object_id}")
        if not self._options.dictionary:
            owner, name, now = "UNKNOWN", f"OBJ# {table.object_id}", None
        known = now is not None and now.generation == version.generation
        base |= segment_columns(owner, name, "TABLE", table.object_id, table.data_object_id, version.number)
        limit = self._log.settings.name_limit
        if limit is not None and max(len(name), *(len(column.name) for column in table.columns)) > limit:
            yield from self._cut(base, Printed(UNSUPPORTED, "Unsupported", 2, UNSUPPORTED_INFO))
            return
        text = record.new if record.new is not None else record.old
        field = version.rowid_field
        number = int(row_fields(text or "")[field] or 0) if field is not None else 0
        rowid = rowid_text(table.data_object_id, number)
        rows = row_columns(rowid, number)
        if table.temporary:
            yield from self._cut(base | rows, Printed(record.kind, NO_REDO))
            return
        key = (record.version, owner, name, known)
        printer = self._printers.get(key)
        if printer is None:
            printer = self._printers[key] = Printer(version, self._style, owner=owner, name=name, known=known)
        undo = bool(record.rollback)
        for printed in printer.change(record.kind, record.old, record.new, rowid, undo=undo):
            row = base | rows if printed.own_row else dict(base)
            if self._log.settings.sql_undo and printed.operation == record.kind:
                row["SQL_UNDO"] = self._sql_undo(printer, record, rowid)
            yield from self._cut(row, printed)

    def _sql_undo(self, printer: Printer, record: RedoRecord, rowid: str) -> str | None:
        inverse = {INSERT: DELETE, DELETE: INSERT, UPDATE: UPDATE}[record.kind]
        for printed in printer.change(inverse, record.new, record.old, rowid, undo=False):
            return printed.sql if printed.operation == inverse else None
        return None

    def _cut(
        self, row: dict[str, Any], printed: Printed, *, operation: str = "", keep_csf: bool = False
    ) -> Iterator[dict[str, Any]]:
        """One row per 4,000 bytes of SQL_REDO (and of SQL_UNDO)."""
        row["OPERATION_CODE"] = printed.operation
        row["OPERATION"] = operation or OPERATIONS[printed.operation]
        row["STATUS"], row["INFO"] = printed.status, printed.info
        redo: list[str | None] = list(pieces(printed.sql)) if printed.sql is not None else [None]
        undo: list[str | None] = list(pieces(row["SQL_UNDO"])) if row["SQL_UNDO"] is not None else [None]
        count = max(len(redo), len(undo))
        for at in range(count):
            made = row if at == count - 1 else dict(row)
            made["SQL_REDO"] = redo[at] if at < len(redo) else None
            made["SQL_UNDO"] = undo[at] if at < len(undo) else None
            if not keep_csf:
                made["CSF"] = int(at < count - 1)
            self._number += 1
            made["SEQUENCE#"] = self._number
            made["REDO_VALUE"], made["UNDO_VALUE"] = 2 * self._number, 2 * self._number + 1
            yield made
