"""Proof that the migration user may do what a cutover needs: a rolled-back write per table, ownership, sequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from voyager_ops.databases.postgres.database import Connection, PostgresDatabase, qualified
from voyager_ops.databases.postgres.guard import decide_mode
from voyager_ops.model.tables import QName, Table

_OWNERS = """
SELECT n.nspname, c.relname, c.oid::int8, pg_get_userbyid(c.relowner), pg_has_role(c.relowner, 'USAGE'),
       has_table_privilege(c.oid, 'TRUNCATE')
FROM unnest(%s::text[], %s::text[]) AS w (schema, name)
JOIN pg_namespace n ON n.nspname = w.schema
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name AND c.relkind IN ('r', 'p')
"""
_SEQUENCES = """
SELECT DISTINCT n.nspname, s.relname
FROM pg_depend d
JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
JOIN pg_namespace n ON n.oid = s.relnamespace
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY (%s::oid[])
  AND d.deptype IN ('a', 'i') AND
      -- CASE: the planner may ask before the join, of things which are no sequences.
      CASE WHEN s.relkind = 'S' THEN NOT has_sequence_privilege(s.oid, 'UPDATE') ELSE false END
"""


@dataclass(frozen=True)
class MissingGrant:
    """A right the migration user lacks, and the statement that mends it."""

    object: QName
    right: str
    statement: str
    reason: str

    def __str__(self) -> str:
        return f"{self.right} on {self.object} ({self.reason}): {self.statement}"


def writer_grants(db: PostgresDatabase, tables: Sequence[Table], *, owner: bool = False) -> list[MissingGrant]:
    """What the user of ``db`` lacks to apply changes to ``tables`` (named as there). ``owner``: also for what only an owner
    may do (fencing; triggers where session_replication_role may not be set).

    Every statement is rolled back and touches no row. Where triggers would fire on it, it is explained instead: the server checks
    rights then, too. Raises PreconditionError for a table that does not exist.
    """
    missing: list[MissingGrant] = []
    with db.connect("guard", settings={"lock_timeout": "5s"}) as connection:
        user = sql.Identifier(_current_user(connection))
        mode = decide_mode(connection)
        found = connection.execute(_OWNERS, ([t.name.schema for t in tables], [t.name.name for t in tables])).fetchall()
        owned = {QName(row[0], row[1]): row[2:] for row in found}
        for table in tables:
            if table.name not in owned:
                missing.append(MissingGrant(table.name, "EXISTENCE", "-- import the schema first", "there is no such table"))
                continue
            _oid, table_owner, is_owner, truncates = owned[table.name]
            for right, statement in _writes(table):
                reason = _refusal(connection, statement, explain=mode == "tables")
                if reason:
                    missing.append(_grant(right, table.name, user, reason))
            if not truncates:
                missing.append(_grant("TRUNCATE", table.name, user, "not granted"))
            if (owner or mode == "tables") and not is_owner:
                member = sql.SQL("GRANT {} TO {}").format(sql.Identifier(table_owner), user).as_string(connection)
                missing.append(MissingGrant(table.name, "OWNERSHIP", member, f"it belongs to {table_owner}"))
        for schema, name in connection.execute(_SEQUENCES, ([values[0] for values in owned.values()],)):
            granted = sql.SQL("GRANT USAGE, SELECT, UPDATE ON SEQUENCE {} TO {}").format(qualified(QName(schema, name)), user)
            missing.append(MissingGrant(QName(schema, name), "UPDATE", granted.as_string(connection), "not granted"))
    return missing


def _current_user(connection: Connection) -> str:
    row = connection.execute("SELECT current_user").fetchone()
    return str(row[0]) if row else ""


def _grant(right: str, table: QName, user: sql.Identifier, reason: str) -> MissingGrant:
    statement = sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(right), qualified(table), user)
    return MissingGrant(table, right, statement.as_string(), reason)


def _writes(table: Table) -> list[tuple[str, sql.Composed]]:
    """(right, statement that needs it and meets no row)."""
    name = qualified(table.name)
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.data_columns)
    plain = [column for column in table.data_columns if column.identity != "a"]
    writes = [("SELECT", sql.SQL("SELECT FROM {} WHERE false").format(name))]
    if table.data_columns:
        insert = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {} WHERE false")
        writes.append(("INSERT", insert.format(name, columns, columns, name)))
    if plain:
        column = sql.Identifier(plain[0].name)
        writes.append(("UPDATE", sql.SQL("UPDATE {} SET {} = {} WHERE false").format(name, column, column)))
    writes.append(("DELETE", sql.SQL("DELETE FROM {} WHERE false").format(name)))
    return writes


def _refusal(connection: Connection, statement: sql.Composed, *, explain: bool) -> str:
    """The server's words when it refuses ``statement``, else ''."""
    try:
        with connection.transaction(force_rollback=True):
            if not explain:
                connection.execute("SET LOCAL session_replication_role = replica")
            connection.execute(sql.SQL("EXPLAIN ") + statement if explain else statement)
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction) as error:
        return error.diag.message_primary or "refused"
    return ""
