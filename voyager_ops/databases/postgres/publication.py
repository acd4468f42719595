"""The publication of a lane: all roots of the migration, and our own three tables which tell echoes and markers."""

from __future__ import annotations

from typing import Final

import psycopg
from psycopg import sql

from voyager_ops.databases.postgres import metadata
from voyager_ops.databases.postgres.database import Connection, qualified
from voyager_ops.errors import PreconditionError
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.tables import QName

OWN_TABLES: Final = (metadata.MARKER_TABLE, metadata.POSITION_TABLE, metadata.CHUNK_TABLE)
LANE_OBJECT: Final = "lane"


def members(context: LaneContext) -> list[QName]:
    """Every table the publication names, sorted. A partition root stands for its leaves, those to come included."""
    return sorted([*OWN_TABLES, *(table.name for table in context.tables)])


def create(connection: Connection, context: LaneContext, name: str) -> None:
    """Create it, or make an existing one what it must be. Raises PreconditionError when the user may not."""
    unlogged = connection.execute(
        "SELECT oid::regclass::text FROM pg_class WHERE oid = ANY (%s::oid[]) AND relpersistence = 'u' ORDER BY 1",
        ([leaf.oid for table in context.tables for leaf in table.leaves],),
    ).fetchall()
    if unlogged:
        raise PreconditionError(
            f"unlogged tables cannot be captured: {', '.join(str(row[0]) for row in unlogged)}",
            state="replica identities that were set are journaled; nothing is published",
            next_step="ALTER TABLE … SET LOGGED, or leave them out with tables.exclude, and run the command again",
        )
    tables = sql.SQL(", ").join(
        # Without ONLY a table would take its inheritance children along; they are tables of their own to us.
        # A partition root must be named without ONLY, which is not allowed for it, and leaves follow it anyway.
        qualified(name) if name in _partitioned(context) else sql.SQL("ONLY {}").format(qualified(name))
        for name in members(context)
    )
    options: list[sql.Composable] = [
        sql.SQL("publish = 'insert, update, delete, truncate'"),
        sql.SQL("publish_via_partition_root = false"),
    ]
    if connection.info.server_version >= 180000 and _generated_in_identity(context):
        # From 18 on the server refuses UPDATEs where the identity holds a stored generated column that is not published.
        options.append(sql.SQL("publish_generated_columns = 'stored'"))
    exists = connection.execute("SELECT FROM pg_publication WHERE pubname = %s", (name,)).fetchone() is not None
    identifier = sql.Identifier(name)
    try:
        with connection.transaction():
            if not exists:
                connection.execute(
                    sql.SQL("CREATE PUBLICATION {} FOR TABLE {} WITH ({})").format(
                        identifier, tables, sql.SQL(", ").join(options)
                    )
                )
            else:
                connection.execute(sql.SQL("ALTER PUBLICATION {} SET TABLE {}").format(identifier, tables))
                connection.execute(sql.SQL("ALTER PUBLICATION {} SET ({})").format(identifier, sql.SQL(", ").join(options)))
    except psycopg.errors.InsufficientPrivilege as error:
        raise PreconditionError(
            f"the migration user may not publish the tables: {error.diag.message_primary}",
            state="replica identities that were set are journaled; nothing is published",
            next_step="make the migration user owner of the tables and of schema voyager_ops "
            "(voyager-ops prepare … --print shows the statements), and run the command again",
        ) from None


def _partitioned(context: LaneContext) -> frozenset[QName]:
    return frozenset(table.name for table in context.tables if table.partitioned)


def _generated_in_identity(context: LaneContext) -> bool:
    """Whether a row image may have to hold a generated column: FULL, or a key over one."""
    return any(
        column.generated
        and (not table.key or column.name in table.key or any(leaf.replica_identity == "f" for leaf in table.leaves))
        for table in context.tables
        for column in table.columns
    )


def drop(connection: Connection, name: str) -> None:
    connection.execute(sql.SQL("DROP PUBLICATION IF EXISTS {}").format(sql.Identifier(name)))


def difference(connection: Connection, context: LaneContext, name: str) -> str:
    """What somebody changed on the publication, in words; '' when it is as it was made."""
    row = connection.execute(
        "SELECT oid, pubinsert AND pubupdate AND pubdelete AND pubtruncate, pubviaroot, puballtables"
        " FROM pg_publication WHERE pubname = %s",
        (name,),
    ).fetchone()
    if row is None:
        return f"the publication {name} was dropped"
    oid, publishes_all, via_root, all_tables = row
    if not publishes_all or via_root or all_tables:
        return f"the options of publication {name} were changed"
    present: set[QName] = set()
    for schema, table, restricted in connection.execute(
        "SELECT n.nspname, c.relname,"
        " (to_jsonb(r) ->> 'prqual') IS NOT NULL OR (to_jsonb(r) ->> 'prattrs') IS NOT NULL"
        " FROM pg_publication_rel r JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE r.prpubid = %s",
        (oid,),
    ):
        if restricted:
            return f"publication {name} publishes only some rows or columns of {schema}.{table}"
        present.add(QName(schema, table))
    missing = [str(table) for table in members(context) if table not in present]
    if missing:
        return f"publication {name} no longer publishes {', '.join(missing)}"
    extra = sorted(str(table) for table in present.difference(members(context)))
    return f"publication {name} now also publishes {', '.join(extra)}" if extra else ""
