"""Preflight's checks of the tables themselves: types, keys, names, logging. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from voyager_ops.databases.oracle import check_mends
from voyager_ops.databases.oracle.check_facts import OracleFacts
from voyager_ops.databases.oracle.names import qualified, quote
from voyager_ops.databases.oracle.prepare_sql import MOST_COLUMNS
from voyager_ops.databases.oracle.targets import parse_target
from voyager_ops.databases.oracle.triggers.statements import change_table_width
from voyager_ops.databases.oracle.types import (
    DAY_TO_SECOND,
    NUMBERS,
    TIMESTAMPS,
    OracleType,
    reread,
    streamable,
    why_not,
    why_not_streamable,
)
from voyager_ops.databases.oracle.unmined import LOGMINER_NAME, LONG_NAMES_SINCE, left_out, too_long
from voyager_ops.model.checks import Check, error, listed, ok, warning
from voyager_ops.model.tables import Column, Table

_BY_TRIGGERS = "capture by triggers (changes: {capture: triggers})"
_DOUBTED = frozenset({"JSON", "VECTOR", "UROWID"})


def check_tables(facts: OracleFacts, tables: Sequence[Table], subject: str, *, mines: bool) -> Iterator[Check]:
    yield from _types(tables, subject, mines=mines)
    yield from _keys(tables, subject)
    if mines:
        yield from _mined(facts, tables, subject)
        yield from _names(facts, tables, subject)
        yield from _unlogged(facts, tables, subject)
    else:
        yield from _for_triggers(facts, tables, subject)


def _for_triggers(facts: OracleFacts, tables: Sequence[Table], subject: str) -> Iterator[Check]:
    """What capture by triggers cannot do, or costs."""
    keyless = [table for table in tables if not table.key]
    if keyless:
        yield error(
            "trigger_keys",
            subject,
            f"{len(keyless)} tables have no primary key: {listed(map(_label, keyless))}",
            "what triggers write down is applied in batches, one of which may be applied to rows that hold it already: only a key"
            " tells",
            f"ALTER TABLE {qualified(*keyless[0].native_name)} ADD PRIMARY KEY (…), or leave the table out (tables.exclude)",
        )
    wide = [table for table in tables if change_table_width(table) > MOST_COLUMNS]
    if wide:
        yield error(
            "trigger_columns",
            subject,
            f"tables with very many columns: {listed(map(_label, wide))}",
            f"the table of their changes would have more than {MOST_COLUMNS}",
            "leave them out (tables.exclude)",
        )
    large = [
        _label(table, column) for table in tables for column in table.data_columns if column.type_sql and reread(_oracle(column))
    ]
    if large:
        yield warning(
            "trigger_large_values",
            subject,
            f"large values: {listed(large)}",
            "a trigger does not fire for what is written through a LOB locator (DBMS_LOB.WRITE, a driver's stream): it is missed"
            " unless the row is changed by a statement too, in the same transaction",
            "make sure that they are written by INSERT and UPDATE only; verify finds rows that differ",
        )
    yield warning(
        "trigger_cost",
        subject,
        "changes are captured by triggers",
        "every row that the application changes is written once more, in its own transaction: its writes become slower, and fail"
        " when our tables have no room. TRUNCATE and other DDL stop their table; direct-path loads and FLASHBACK TABLE"
        " go past triggers",
        "use LogMiner (changes: {capture: logminer}) where its rights can be had",
    )


def _oracle(column: Column) -> OracleType:
    return OracleType.from_json(column.native_type)


def _label(table: Table, column: Column | None = None) -> str:
    name = ".".join(table.native_name)
    return f"{name}.{column.native_name}" if column is not None else name


def _types(tables: Sequence[Table], subject: str, *, mines: bool) -> Iterator[Check]:
    found = [(table, column, _oracle(column)) for table in tables for column in table.data_columns]
    unsupported = [(table, column, type_) for table, column, type_ in found if not column.type_sql]
    for type_ in sorted({type_ for _, _, type_ in unsupported}, key=lambda item: item.sql):
        columns = [_label(table, column) for table, column, each in unsupported if each == type_]
        yield error(
            "types",
            subject,
            f"columns of type {type_.sql}: {listed(columns)}",
            why_not(type_) or "the type has no counterpart on the target",
            _left_out(columns[0], mines=mines),
        )
    silent = [(table, column, type_) for table, column, type_ in found if column.type_sql and not streamable(type_, mined=mines)]
    for type_ in sorted({type_ for _, _, type_ in silent}, key=lambda item: item.sql):
        columns = [_label(table, column) for table, column, each in silent if each == type_]
        yield error(
            "types_streamed",
            subject,
            f"columns of type {type_.sql}: {listed(columns)}",
            why_not_streamable(type_, mined=mines),
            f"{_BY_TRIGGERS}, or leave the table out (tables.exclude)",
        )
    if not unsupported and not silent:
        yield ok("types", subject, "every column's type has a counterpart on the target")
    fine = [_label(table, column) for table, column, type_ in found if type_.name in TIMESTAMPS and (type_.scale or 0) > 6]
    if fine:
        yield warning(
            "fractions",
            subject,
            f"timestamps with more than six digits of the second: {listed(fine)}",
            "PostgreSQL holds six: what is beyond is cut off",
            "where the application needs them, keep them in a column of their own"
            " (for each: TO_NUMBER(TO_CHAR(…, 'FF9'))); else nothing",
        )
    zoned = [_label(table, column) for table, column, type_ in found if type_.name == "TIMESTAMP WITH TIME ZONE"]
    if zoned:
        yield warning(
            "time_zones",
            subject,
            f"timestamps with a time zone: {listed(zoned)}",
            "the instant is kept, the zone it was written in is not: PostgreSQL does not store it",
            "keep the zone in a column of its own, where the application needs it",
        )

    shapes = [_label(table, column) for table, column, type_ in found if type_.name == "SDO_GEOMETRY" and column.type_sql]
    if shapes:
        yield warning(
            "geometries",
            subject,
            f"geometries: {listed(shapes)}",
            "they become well-known text, which does not say the reference system (SRID)",
            "keep it in a column of its own, where the application needs it; PostGIS is another way, by hand",
        )


def _left_out(column: str, *, mines: bool) -> str:
    """What mends a type that cannot be migrated."""
    skip = f"types: {{by_column: {{{column}: skip}}}}"
    if mines:  # not by itself: see unmined
        return f"leave the table out (tables.exclude), or {_BY_TRIGGERS} with the column left out ({skip})"
    return f"leave the column out ({skip}), or its table (tables.exclude)"


def _mined(facts: OracleFacts, tables: Sequence[Table], subject: str) -> Iterator[Check]:
    """Tables of which LogMiner does not write the changes out, and those of which others say so."""
    found = [(table, left_out(table, facts.unmined)) for table in tables]
    if silent := [f"{_label(table)} ({listed(columns)})" for table, columns in found if columns]:
        yield error(
            "types_left_out",
            subject,
            f"columns that are left out, but are there: {listed(silent)}",
            "LogMiner ignores tables with columns of such types, or writes their changes in no form that can be read, whether the"
            " columns are migrated or not",
            f"{_BY_TRIGGERS}, or leave the tables out (tables.exclude)",
        )
    doubted = [_label(table, column) for table in tables for column in table.data_columns if _oracle(column).name in _DOUBTED]
    if doubted:
        yield warning(
            "types_doubted",
            subject,
            f"columns of JSON, VECTOR or UROWID: {listed(doubted)}",
            "users of other tools report that LogMiner does not write out changes of tables with them, JSON excepted where"
            " ENABLE_GOLDENGATE_REPLICATION is set: there the lane would end at the first one, everything before it captured",
            f"try a change of each table; for JSON ALTER SYSTEM SET ENABLE_GOLDENGATE_REPLICATION = TRUE; else {_BY_TRIGGERS}",
        )


def _keys(tables: Sequence[Table], subject: str) -> Iterator[Check]:
    keyless = [table for table in tables if not table.key]
    if keyless:
        yield warning(
            "primary_keys",
            subject,
            f"{len(keyless)} tables have no primary key that is enabled and validated: {listed(map(_label, keyless))}",
            "each UPDATE and DELETE on them carries the whole row and is applied more slowly; each is copied as of one moment",
            "ALTER TABLE … ADD PRIMARY KEY (…), or ALTER TABLE … ENABLE VALIDATE PRIMARY KEY",
        )
    blind = [
        (table, [column.native_name for column in table.data_columns if column.type_sql and reread(_oracle(column))])
        for table in keyless
    ]
    blind = [(table, columns) for table, columns in blind if columns]
    if blind:
        yield error(
            "large_values_without_key",
            subject,
            f"tables without a primary key hold large values: {listed(f'{_label(table)} ({listed(c)})' for table, c in blind)}",
            "redo does not hold such values: capture reads them by the row's key, and there is none",
            f"ALTER TABLE {qualified(*blind[0][0].native_name)} ADD PRIMARY KEY (…), or leave the table or the column out",
        )
    keys = [(table, column) for table in tables for column in table.columns if column.name in table.key]
    long = [_label(table, column) for table, column in keys if column.type_sql and reread(_oracle(column))]
    if long:
        yield error(
            "key_lengths",
            subject,
            f"key columns declared longer than redo holds their values: {listed(long)}",
            "rows are known by their keys, and these are in no change",
            "declare the column shorter (at most 4000 bytes), or leave the table out (tables.exclude)",
        )
    fine = [_label(table, column) for table, column in keys if _cut_off(column)]
    if fine:
        yield error(
            "key_fractions",
            subject,
            f"key columns with more digits of the second than the target's type holds: {listed(fine)}",
            "two rows whose keys differ in the digits that are cut off would be one row on the target",
            "make sure there are none and alter the column to TIMESTAMP(6), or leave the table out",
        )
    merged = [_label(table, column) for table, column in keys if _merges(column)]
    if merged:
        yield error(
            "key_types",
            subject,
            f"key columns whose target type does not tell all their values apart: {listed(merged)}",
            "two rows with different keys would be one row on the target",
            f"choose another type (types: {{by_column: {{{merged[0]}: …}}}})",
        )


def _cut_off(column: Column) -> bool:
    type_, target = _oracle(column), parse_target(column.type_sql)
    if target is None or not (type_.name in TIMESTAMPS or type_.name == DAY_TO_SECOND):
        return False
    return (type_.scale or 0) > (6 if target.precision is None else target.precision)


def _merges(column: Column) -> bool:
    """Whether two values of Oracle's type may be one of the target's (an override's: the table of types has no such pair)."""
    type_, target = _oracle(column), parse_target(column.type_sql)
    if target is None:
        return False
    if type_.name in NUMBERS:
        return target.kind in ("float4", "float8")
    if type_.name == "BINARY_DOUBLE":
        return target.kind == "float4"
    # Trailing blanks do not count in a character(n); texts of JSON are not compared as they are written.
    return type_.name in ("VARCHAR2", "NVARCHAR2") and target.kind in ("bpchar", "json", "jsonb", "xml")


def _rename(table: Table, column: Column | None = None) -> str:
    return _renamed(table, column.native_name if column is not None else "")


def _renamed(table: Table, column: str) -> str:
    """The beginning of the statement: the new name is for people to find, and the application's to follow. '' for no column."""
    what = f"RENAME COLUMN {quote(column)}" if column else "RENAME"
    return f"ALTER TABLE {qualified(*table.native_name)} {what} TO …"


def _names(facts: OracleFacts, tables: Sequence[Table], subject: str) -> Iterator[Check]:
    long = too_long(tables, facts.long_named)
    if not long:
        yield ok("names", subject, f"no name is longer than {LOGMINER_NAME} bytes")
        return
    labels = (f"{_label(table)}.{column}" if column else _label(table) for table, column in long)
    message = f"names longer than {LOGMINER_NAME} bytes: {listed(labels)}"
    breaks = (
        "LogMiner does not write out the changes of tables with such names, or of tables with such columns, whether the columns"
        " are migrated or not"
    )
    them = "the tables" if len({table.name for table, _ in long}) > 1 else "the table"
    mend = f"{_renamed(*long[0])}, or leave {them} out (tables.exclude)"
    yield (
        error("names", subject, message, breaks, mend)
        if facts.version[0] < LONG_NAMES_SINCE
        else warning("names", subject, message, f"{breaks}, before Oracle 23ai; this release has not been tried", mend)
    )


def _unlogged(facts: OracleFacts, tables: Sequence[Table], subject: str) -> Iterator[Check]:
    if facts.force_logging:
        return
    names = [_label(table) for table in tables if tuple(table.native_name) in facts.nologging]
    if names:
        yield warning(
            "nologging",
            subject,
            f"tables with NOLOGGING: {listed(names)}",
            "what is loaded into them by direct path is not in the redo and never reaches the target",
            check_mends.forced_logging(facts),
        )
