"""From PostgreSQL's rows to the recorder: triggers that send every changed row to its own session as a NOTICE.

AFTER ROW triggers tell what was done, in the order of doing. Those of tables with unique keys have a BEFORE ROW companion
that tells what is about to be done: of a statement that fails on a unique key Oracle has written the row, and undone it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from voyager_ops.testing.oracle.recorder import ColumnRole, RedoColumn, RedoTable
from voyager_ops.testing.oracle.redo_large import kind_of

SCHEMA = "sim_redo"
DONE, ATTEMPT = "VR0", "VR1"  # SQLSTATEs: these and I, U or D, and a 0
# Sorts before PostgreSQL's own triggers (RI_ConstraintTrigger_…): a row that fails on a foreign key has been told of.
TRIGGER, COMPANION = "0_redo", "zzz_redo"

_DONE = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    RAISE NOTICE USING ERRCODE = 'VR0I0', MESSAGE = TG_ARGV[0], HINT = NEW::text;
  ELSIF TG_OP = 'UPDATE' THEN
    {same}
    RAISE NOTICE USING ERRCODE = 'VR0U0', MESSAGE = TG_ARGV[0], DETAIL = OLD::text, HINT = NEW::text;
  ELSE
    {short}
    RAISE NOTICE USING ERRCODE = 'VR0D0', MESSAGE = TG_ARGV[0], DETAIL = OLD::text;
  END IF;
  RETURN NULL;
END $$
"""
_ATTEMPT = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  told record;
BEGIN
  told := NEW;
  {told}
  IF TG_OP = 'INSERT' THEN
    RAISE NOTICE USING ERRCODE = 'VR1I0', MESSAGE = TG_ARGV[0], HINT = told::text;
  ELSE
    {short}
    RAISE NOTICE USING ERRCODE = 'VR1U0', MESSAGE = TG_ARGV[0], DETAIL = OLD::text, HINT = told::text;
  END IF;
  RETURN NEW;
END $$
"""
_SAME = "IF NEW.{0}{1} IS NOT DISTINCT FROM OLD.{0}{1} THEN NEW.{0} := NULL; OLD.{0} := NULL; END IF;"
_SHORT = "IF {1}.{0} IS NOT NULL THEN {1}.{0} := ''; END IF;"
# In runs, not character by character: a LOB may be long.
_FIELD = re.compile(r'(?:"([^"\\]*(?:(?:""|\\.)[^"\\]*)*)"|([^,()]*))([,)])', re.DOTALL)
_ESCAPED = re.compile(r'""|\\(.)', re.DOTALL)
_OPERATIONS = {"I": 1, "D": 2, "U": 3}


class RowNotice(NamedTuple):
    """A row as a trigger told it. ``attempt``: it was about to be written. ``operation``: LogMiner's OPERATION_CODE."""

    attempt: bool
    operation: int
    object_id: int
    old: str | None
    new: str | None


def install_functions(connection: psycopg.Connection[Any]) -> None:
    """Schema and trigger functions of the recorder."""
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)))
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO PUBLIC").format(sql.Identifier(SCHEMA)))
    _create_functions(connection, "", [])


def _create_functions(connection: psycopg.Connection[Any], suffix: str, large: Sequence[RedoColumn]) -> None:
    """``large``: columns that are told of only where the redo needs them; telling of all of them would take seconds."""
    columns = [sql.Identifier(column.name) for column in large]
    # LOBs of the simulator cannot be compared as such.
    plain = [sql.SQL("::bytea" if column.type in ("BLOB", "RAW") else "::text") for column in large]
    same = sql.SQL(" ").join(sql.SQL(_SAME).format(*pair) for pair in zip(columns, plain, strict=True))
    short = sql.SQL(" ").join(sql.SQL(_SHORT).format(column, sql.SQL("OLD")) for column in columns)
    told = sql.SQL(" ").join(sql.SQL(_SHORT).format(column, sql.SQL("told")) for column in columns)
    done = sql.Identifier(SCHEMA, f"row_done{suffix}")
    attempt = sql.Identifier(SCHEMA, f"row_attempt{suffix}")
    connection.execute(sql.SQL(_DONE).format(name=done, same=same, short=short))
    connection.execute(sql.SQL(_ATTEMPT).format(name=attempt, told=told, short=short))


def install_triggers(connection: psycopg.Connection[Any], table: RedoTable) -> None:
    """The triggers of one table, in place of those it may have had."""
    relation = sql.Identifier(*table.relation)
    for name in (TRIGGER, COMPANION):
        connection.execute(sql.SQL("DROP TRIGGER IF EXISTS {} ON {}").format(sql.Identifier(name), relation))
    create = sql.SQL("CREATE TRIGGER {} {} ON {} FOR EACH ROW EXECUTE FUNCTION {}({})")
    large = [column for column in table.columns if column.role is ColumnRole.LOGGED and kind_of(column) != "plain"]
    suffix = f"_{table.object_id}" if large else ""
    if large:
        _create_functions(connection, suffix, large)
    function = sql.Identifier(SCHEMA, f"row_done{suffix}")
    argument = sql.Literal(str(table.object_id))
    when = sql.SQL("AFTER INSERT OR UPDATE OR DELETE")
    connection.execute(create.format(sql.Identifier(TRIGGER), when, relation, function, argument))
    unique = sorted({name for key in (table.key, *table.unique) for name in key})
    if unique:
        present = {column.name for column in table.columns if column.role is ColumnRole.LOGGED}
        columns = sql.SQL(", ").join(sql.Identifier(name) for name in unique if name in present)
        before = sql.SQL("BEFORE INSERT OR UPDATE OF {}").format(columns)
        function = sql.Identifier(SCHEMA, f"row_attempt{suffix}")
        connection.execute(create.format(sql.Identifier(COMPANION), before, relation, function, argument))


def row_notice(diagnostic: psycopg.errors.Diagnostic) -> RowNotice | None:
    """What a notice says, None for any other notice."""
    state = diagnostic.sqlstate
    if state is None or state[:3] not in (DONE, ATTEMPT) or state[3] not in _OPERATIONS:
        return None
    old, new = diagnostic.message_detail, diagnostic.message_hint
    return RowNotice(state[:3] == ATTEMPT, _OPERATIONS[state[3]], int(diagnostic.message_primary or 0), old, new)


def row_fields(text: str) -> list[str | None]:
    """The fields of a row in PostgreSQL's text form ``(a,"b c",)``; None for NULL."""
    if text == "()":
        return [None]
    fields: list[str | None] = []
    for quoted, plain, _ in _FIELD.findall(text, 1):
        if plain:
            fields.append(plain)
        elif quoted:
            fields.append(_ESCAPED.sub(_unescaped, quoted) if '"' in quoted or "\\" in quoted else quoted)
        else:
            fields.append(None)
    # An empty string is written as "" and NULL as nothing; findall shows both as empty.
    if '""' in text and any(field is None for field in fields):
        _restore_empty(text, fields)
    return fields


def _restore_empty(text: str, fields: list[str | None]) -> None:
    for index, match in enumerate(_FIELD.finditer(text, 1)):
        if match.group(1) == "":
            fields[index] = ""


def _unescaped(match: re.Match[str]) -> str:
    return match.group(1) or '"'
