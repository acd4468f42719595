"""The replica identity of partitions made while changes stream, for tables without a key: set in the command that makes them.

An event trigger does it (``leaf_identity.sql`` says why). Where the migration user may not create one, and nobody else did
(``prepare source --run`` does), the catalog watch sets it within seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from typing import Final, LiteralString

import psycopg

from voyager_ops.databases.postgres.database import Connection
from voyager_ops.databases.postgres.replica_identity import journal_before, outstanding
from voyager_ops.model.positions import Side
from voyager_ops.model.tables import QName, Table
from voyager_ops.state.store import State

EVENT_TRIGGER: Final = "voyager_ops_identify_leaves"


def concerned(tables: Iterable[Table]) -> list[Table]:
    """The tables whose new partitions would come without an identity."""
    return [table for table in tables if table.partitioned and not table.key]


def script() -> LiteralString:
    """The statements of the event trigger; running them twice does nothing. The schema ``voyager_ops`` must exist."""
    return files(__package__).joinpath("leaf_identity.sql").read_text(encoding="utf-8")


def installed(connection: Connection) -> bool:
    """Whether the event trigger is there and fires."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_event_trigger WHERE evtname = %s AND evtenabled IN ('O', 'A'))", (EVENT_TRIGGER,)
    ).fetchone()
    return bool(row and row[0])


def install(connection: Connection, tables: Iterable[Table]) -> bool:
    """Create the event trigger where a table of ``tables`` wants it; False when it is wanted and this user may not."""
    if not concerned(tables) or installed(connection):
        return True
    try:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('voyager-ops/leaf-identity', 0))")
            connection.execute(script())
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported):
        return False
    return True


def adopt(connection: Connection, state: State, side: Side, tables: Iterable[Table]) -> None:
    """Journal what the event trigger has altered below ``tables`` and the journal does not hold yet, so that it is put back."""
    row = connection.execute("SELECT to_regclass('voyager_ops.leaf_identity') IS NOT NULL").fetchone()
    roots = [table.oid for table in concerned(tables)]
    if not roots or row is None or not row[0]:
        return
    known = outstanding(state, side)
    for oid, schema, name, old in connection.execute(
        "SELECT l.leaf::int8, l.schema_name, l.table_name, l.old FROM voyager_ops.leaf_identity l"
        " WHERE l.leaf IN (SELECT t.relid FROM unnest(%s::int8[]) AS root (oid),"
        " LATERAL pg_partition_tree(root.oid::oid::regclass) t) ORDER BY l.at",
        (roots,),
    ).fetchall():
        if oid not in known:
            journal_before(state, side, oid, QName(schema, name), old, "", "f")
