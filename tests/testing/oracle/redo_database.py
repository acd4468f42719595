"""A database with redo but without an SQL engine: PostgreSQL sessions that call the recorder as an engine does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from voyager_ops.testing.oracle.engine import DayInterval, MonthInterval, Timestamp, Value
from voyager_ops.testing.oracle.recorder import ColumnRole, Nls, RedoColumn, RedoTable
from voyager_ops.testing.oracle.redo import RedoLog, RedoSettings
from voyager_ops.testing.oracle.redo_session import RedoSession

DEBEZIUM_NLS = Nls("YYYY-MM-DD HH24:MI:SS", "YYYY-MM-DD HH24:MI:SS.FF9", "YYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM")
ONLINE = "DBMS_LOGMNR.DICT_FROM_ONLINE_CATALOG + DBMS_LOGMNR.NO_ROWID_IN_STMT"
# The column list and the predicates of a miner that buffers transactions.
BUFFERED = """
SELECT "SCN", "SQL_REDO", "OPERATION_CODE", "TIMESTAMP", "XID", "CSF", "TABLE_NAME", "SEG_OWNER", "OPERATION", "ROW_ID",
       "ROLLBACK", "STATUS", "INFO", "SSN", "THREAD#", "DATA_OBJ#", "DATA_OBJV#", "DATA_OBJD#", "START_SCN", "COMMIT_SCN",
       "SEQUENCE#", "RS_ID", "USERNAME", "CLIENT_ID"
FROM "V$LOGMNR_CONTENTS"
WHERE "SCN" > %s AND "SCN" <= %s AND "SRC_CON_NAME" = 'FREEPDB1'
  AND (("OPERATION_CODE" IN (1,2,3,6,7,27,34,36,255,9,10,11,29,68,70,71,91,92,93)
        AND ("SEG_OWNER" IS NULL OR "SEG_OWNER" IN ('UNKNOWN', 'HR'))
        AND ("TABLE_NAME" IS NULL OR "TABLE_NAME" NOT LIKE 'NONE%%'))
       OR ("OPERATION_CODE" = 5 AND "INFO" NOT LIKE 'INTERNAL DDL%%'))
"""


def decode_timestamp(text: str) -> Timestamp:
    """PostgreSQL's timestamp, with an offset in whole hours or without."""
    text, offset = (text[:-3], int(text[-3:]) * 60) if text[-3] in "+-" and ":" in text else (text, None)
    moment = datetime.fromisoformat(text)
    return Timestamp(
        moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second, moment.microsecond * 1000, offset
    )


def decode_months(text: str) -> Value:
    return MonthInterval(int(text))


def decode_seconds(text: str) -> Value:
    seconds = Decimal(text)
    sign = -1 if seconds < 0 else 1
    days, rest = divmod(abs(seconds), 86400)
    return DayInterval(sign * int(days), sign * int(rest), sign * int(rest % 1 * 10**9))


def decode_text(text: str) -> Value:
    return text


NUMBER = RedoColumn("ID", "NUMBER", Decimal)


def table(name: str, columns: Sequence[RedoColumn], object_id: int = 70001, **more: Any) -> RedoTable:
    """A table of HR whose last PostgreSQL column is the row's number; primary key ID unless ``key`` is given."""
    rowid = RedoColumn("SIM$ROWID", "NUMBER", Decimal, role=ColumnRole.ROWID)
    more.setdefault("key", ("ID",))
    return RedoTable("HR", name, object_id, object_id, ("HR", name), (*columns, rowid), **more)


class Client:
    """A session as an engine keeps it."""

    def __init__(self, log: RedoLog, dsn: str, user: str = "HR", thread: int | None = None) -> None:
        self.connection: psycopg.Connection[Any] = psycopg.connect(dsn, autocommit=True)
        self.connection.execute('SET search_path TO "HR", "SYS", public')
        self.redo: RedoSession = log.open_session(self.connection, user=user, session_id=100, serial=7, thread=thread)
        self.redo.nls = DEBEZIUM_NLS
        self._open = False

    def run(self, statement: LiteralString, parameters: Sequence[Any] = ()) -> int:
        """DML as one statement of a transaction; what it did is undone when it fails."""
        self.begin()
        self.connection.execute("SAVEPOINT statement")
        try:
            with self.redo.statement():
                count = self.connection.execute(statement, parameters).rowcount
        except psycopg.Error:
            self.connection.execute("ROLLBACK TO statement")
            raise
        self.connection.execute("RELEASE statement")
        return count

    def begin(self) -> None:
        if not self._open:
            self.connection.execute("BEGIN")
            self._open = True

    def savepoint(self, name: LiteralString) -> None:
        self.begin()
        self.redo.savepoint(name)
        self.connection.execute(sql.SQL("SAVEPOINT {}").format(sql.Identifier(name)))

    def rollback_to(self, name: LiteralString) -> None:
        self.redo.rollback_to(name)
        self.connection.execute(sql.SQL("ROLLBACK TO {}").format(sql.Identifier(name)))

    def commit(self) -> None:
        opened, self._open = self._open, False
        self.redo.commit(lambda: self._end("COMMIT", opened))

    def rollback(self) -> None:
        opened, self._open = self._open, False
        self.redo.rollback(lambda: self._end("ROLLBACK", opened))

    def _end(self, statement: LiteralString, opened: bool) -> None:
        if opened:
            self.connection.execute(statement)

    def query(self, statement: LiteralString, parameters: Sequence[Any] = (), *views: str) -> list[tuple[Any, ...]]:
        """A query of V$ views."""
        self.redo.before_query(views)
        return self.connection.execute(statement, parameters).fetchall()

    def block(self, text: str, **binds: Any) -> None:
        assert self.redo.run_block(text, {name.upper(): value for name, value in binds.items()})

    def close(self) -> None:
        self.connection.close()
        self.redo.close()


class RedoDatabase:
    """A redo log over a PostgreSQL database, with schema HR."""

    def __init__(self, dsn: str, settings: RedoSettings | None = None) -> None:
        self.dsn = dsn
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute('CREATE SCHEMA "HR"')
        self.log = RedoLog(dsn, settings)
        self.clients: list[Client] = []

    def client(self, user: str = "HR", thread: int | None = None) -> Client:
        client = Client(self.log, self.dsn, user, thread)
        self.clients.append(client)
        return client

    def create(self, client: Client, statement: LiteralString, table: RedoTable) -> RedoTable:
        """CREATE TABLE (the last column must be the row's number) as an engine does it: recorded as DDL."""
        client.commit()
        client.begin()
        client.connection.execute(statement)
        self.log.table_changed(client.connection, table)
        client.redo.ddl(f'CREATE TABLE "{table.owner}"."{table.name}" (…)', table.owner, table.name)
        client.commit()
        return table

    def alter(self, client: Client, statement: LiteralString, table: RedoTable) -> RedoTable:
        return self.create(client, statement, table)

    def supplement(self, table: RedoTable, *levels: str) -> RedoTable:
        """The table with these levels of supplemental logging."""
        changed = replace(table, supplemental=frozenset(levels))
        with psycopg.connect(self.dsn) as connection:
            self.log.table_changed(connection, changed)
        return changed

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self.log.close()


class Miner:
    """A mining client: adds every log there is, mines, reads rows."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def scn(self) -> int:
        return int(self.client.query('SELECT "CURRENT_SCN" FROM "V$DATABASE"', (), "V$DATABASE")[0][0])

    def add_logs(self) -> None:
        files = self.client.query(
            'SELECT f."MEMBER", l."THREAD#", l."SEQUENCE#" FROM "V$LOG" l JOIN "V$LOGFILE" f ON f."GROUP#" = l."GROUP#"'
            " WHERE l.\"STATUS\" IN ('CURRENT', 'ACTIVE')"
            ' UNION SELECT "NAME", "THREAD#", "SEQUENCE#" FROM "V$ARCHIVED_LOG" WHERE "NAME" IS NOT NULL AND "STATUS" = \'A\'',
            (),
            "V$LOG",
            "V$LOGFILE",
            "V$ARCHIVED_LOG",
        )
        for name, _, _ in files:
            self.client.block(
                "BEGIN sys.dbms_logmnr.add_logfile(LOGFILENAME=>:name, OPTIONS=>DBMS_LOGMNR.ADDFILE); END;", name=name
            )

    def start(
        self, first: int, last: int, options: str = "DBMS_LOGMNR.DICT_FROM_ONLINE_CATALOG + DBMS_LOGMNR.NO_ROWID_IN_STMT"
    ) -> None:
        self.client.block(f"BEGIN sys.dbms_logmnr.start_logmnr(startScn=>'{first}', endScn=>'{last}', options=>{options}); END;")

    def end(self) -> None:
        self.client.block("BEGIN SYS.DBMS_LOGMNR.END_LOGMNR(); END;")

    def rows(self, first: int, last: int | None = None, **options: str) -> list[dict[str, Any]]:
        """Everything in (first, last] as the buffered query gives it; a LogMiner session for it alone."""
        last = self.scn() if last is None else last
        self.add_logs()
        try:
            self.start(first + 1, last, **options)
            self.client.redo.before_query(["V$LOGMNR_CONTENTS"])
            cursor = self.client.connection.execute(BUFFERED, (first, last))
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor]
        finally:
            self.end()


def whole(rows: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Rows with their continuation rows joined."""
    text = ""
    for row in rows:
        text += row["SQL_REDO"] or ""
        if not row["CSF"]:
            yield {**row, "SQL_REDO": text if row["SQL_REDO"] is not None else None}
            text = ""


def statements(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """SQL_REDO of the rows, whole, without START and COMMIT."""
    return [row["SQL_REDO"] for row in whole(rows) if row["OPERATION_CODE"] not in (6, 7)]
