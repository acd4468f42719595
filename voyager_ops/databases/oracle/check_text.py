"""Preflight's checks of how text comes over: the database's character set and its national one. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from voyager_ops.databases.oracle.check_facts import OracleFacts
from voyager_ops.databases.oracle.internal_format import UNICODE, readable
from voyager_ops.databases.oracle.types import NATIONAL, OracleType
from voyager_ops.model.checks import Check, error, listed, ok, warning
from voyager_ops.model.tables import Table


def check_text(facts: OracleFacts, tables: Sequence[Table], subject: str, *, mines: bool) -> Iterator[Check]:
    """``mines``: changes are captured by LogMiner."""
    yield _database_set(facts, subject, mines=mines)
    yield _national_set(facts, tables, subject)


def _database_set(facts: OracleFacts, subject: str, *, mines: bool) -> Check:
    charset = facts.characterset
    if charset == "US7ASCII":
        return warning(
            "encoding",
            subject,
            "the character set is US7ASCII",
            "characters beyond ASCII, which applications can have stored all the same, arrive as question marks",
            "look for them (CONVERT, ASCIISTR) before the migration",
        )
    if mines and not readable(charset):
        # Rows that are read and SQL_REDO as it should be are converted by the server; only what LogMiner prints as bytes is not.
        return warning(
            "encoding",
            subject,
            f"character set {charset or 'unknown'}: its bytes cannot be read here beyond ASCII",
            "the server converts text to UTF-8 for us, but changes of before a DDL on their table can come as bytes: capture ends"
            " at such a text that is not ASCII",
            "no DDL on migrated tables from the start of capture to the cutover",
        )
    if charset in ("AL32UTF8", "UTF8"):
        return ok("encoding", subject, f"character set {charset}, national {facts.national_characterset}")
    return ok("encoding", subject, f"character set {charset}: the server converts text to UTF-8 for us")


def _national_set(facts: OracleFacts, tables: Sequence[Table], subject: str) -> Check:
    """Without Oracle's client libraries the driver reads one national set only (DPY-3012), whatever the database's own is."""
    charset = facts.national_characterset
    columns = [
        f"{'.'.join(table.native_name)}.{column.native_name}"
        for table in tables
        for column in table.data_columns
        if column.type_sql and OracleType.from_json(column.native_type).name in NATIONAL
    ]
    if not columns:
        return ok("national_encoding", subject, "no column of a national character set")
    if charset == UNICODE[1]:
        return ok("national_encoding", subject, f"national character set {charset}")
    if not facts.thin:
        return ok("national_encoding", subject, f"national character set {charset}: Oracle's client libraries convert it")
    return error(
        "national_encoding",
        subject,
        f"the national character set is {charset or 'unknown'}, and columns are of it: {listed(columns)}",
        f"without Oracle's client libraries the driver reads no national set but {UNICODE[1]} (DPY-3012): their tables cannot be"
        " copied",
        "write ?thick=true into the source's URL, with Oracle Instant Client installed (thick_lib_dir=…);"
        f" or leave the column out (types: {{by_column: {{{columns[0]}: skip}}}})",
    )
