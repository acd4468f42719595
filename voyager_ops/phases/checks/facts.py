"""Reading the facts of preflight from a server. Reads only; every statement works for an ordinary user."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib.resources import files

import psycopg
from psycopg import sql

from voyager_ops.databases.postgres import leaf_identity
from voyager_ops.databases.postgres.catalog import is_yugabytedb
from voyager_ops.databases.postgres.database import Connection, PostgresDatabase, Row, qualified
from voyager_ops.model.tables import QName, Table, matches
from voyager_ops.phases.checks.model import ServerFacts, SourceContents, TableFacts

SETTINGS = (
    "wal_level",
    "max_replication_slots",
    "max_wal_senders",
    "output_plugin_libraries",
    "max_slot_wal_keep_size",
    "idle_replication_slot_timeout",
    "default_transaction_read_only",
    "transaction_timeout",
)


def _one(connection: Connection, statement: str, parameters: Sequence[object] | None = None) -> Row:
    row = connection.execute(statement, parameters).fetchone()
    assert row is not None
    return row


def _script(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def read_server(connection: Connection, database: PostgresDatabase) -> ServerFacts:
    """The facts of one server as our role sees them."""
    offsets = []
    for _ in range(3):
        before = time.time()
        server = float(_one(connection, "SELECT extract(epoch FROM clock_timestamp())")[0])
        after = time.time()
        offsets.append((after - before, server - (before + after) / 2))
    row = _one(connection, _script("server.sql"))
    yugabytedb = is_yugabytedb(connection)
    settings: dict[str, str] = dict(
        connection.execute("SELECT name, setting FROM pg_settings WHERE name = ANY (%s)", (list(SETTINGS),)).fetchall()
    )
    transactions = connection.execute(_script("transactions.sql")).fetchall()
    system_identifier = None
    if row[15]:
        system_identifier = str(_one(connection, "SELECT system_identifier FROM pg_control_system()")[0])
    return ServerFacts(
        side=database.side,
        where=database.where,
        user=str(row[0]),
        version=connection.info.server_version,
        yugabytedb=yugabytedb,
        said_so=yugabytedb == (database.kind == "yugabytedb"),
        advisory_locks=_advisory_lock_refusal(connection),
        in_recovery=row[1],
        system_identifier=system_identifier,
        database=row[2],
        database_oid=row[3],
        encoding=row[4],
        collation=(row[5] or "c", row[6], row[7]),
        settings=settings,
        slots_used=row[8],
        senders_used=row[9],
        superuser=row[10],
        replication=row[11],
        bypass_rls=row[12],
        create_on_database=row[13],
        set_replication_role=_may_set_replication_role(connection, row[10]),
        clock_offset=round(min(offsets)[1], 3),
        long_transactions=tuple((int(pid), str(who), float(seconds)) for pid, who, seconds in transactions),
        extensions=dict(
            connection.execute(
                "SELECT name, bool_or(trusted OR installed) FROM pg_available_extension_versions GROUP BY name"
            ).fetchall()
        ),
        extensions_installed=frozenset(row[0] for row in connection.execute("SELECT extname FROM pg_extension").fetchall()),
        database_bytes=row[14],
        session_limits=tuple((str(of), int(limit), int(used)) for of, limit, used in row[16] if limit >= 0),
        event_triggers=tuple(
            row[0] for row in connection.execute("SELECT evtname FROM pg_event_trigger WHERE evtenabled <> 'D'").fetchall()
        ),
    )


def _advisory_lock_refusal(connection: Connection) -> str:
    """``connection`` is in autocommit mode: the lock is let go at once."""
    try:
        connection.execute("SELECT pg_try_advisory_xact_lock(hashtextextended('voyager-ops/preflight', 0))")
    except psycopg.Error as refused:
        return refused.diag.message_primary or str(refused)
    return ""


def _may_set_replication_role(connection: Connection, superuser: bool) -> bool:
    if superuser or connection.info.server_version < 150000:
        return superuser
    return bool(_one(connection, "SELECT has_parameter_privilege('session_replication_role', 'SET')")[0])


def read_contents(
    connection: Connection, schemas: Sequence[str], tables: Sequence[Table], include: Sequence[str], exclude: Sequence[str]
) -> SourceContents:
    """What is in the migrated schemas; ``tables`` are the migrated ones, the globs those that chose them."""
    names = list(schemas)
    migrated = {name for table in tables for name in (table.name, *(leaf.name for leaf in table.leaves))}
    facts = [TableFacts(*row) for row in connection.execute(_script("tables.sql"), (names,)).fetchall()]

    def chosen(name: QName) -> bool:
        return matches(name, include) and not matches(name, exclude)

    present = {
        str(name): bool(usable)
        for name, usable in connection.execute(
            "SELECT nspname, has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = ANY (%s)", (names,)
        ).fetchall()
    }
    large_objects, columns = _large_objects(connection, names)
    return SourceContents(
        tables=tuple(
            table
            for table in facts
            if QName(table.schema, table.name) in migrated or (table.kind == "f" and chosen(QName(table.schema, table.name)))
        ),
        columnless=tuple(
            f"{schema}.{name}"
            for schema, name in connection.execute(_script("columnless.sql"), (names,)).fetchall()
            if chosen(QName(schema, name))
        ),
        missing_schemas=tuple(name for name in names if name not in present),
        unusable_schemas=tuple(name for name, usable in present.items() if not usable),
        keyless=tuple(str(table.name) for table in tables if not table.key),
        keyless_partitioned=tuple(str(table.name) for table in leaf_identity.concerned(tables)),
        foreign_types=tuple((row[0], row[1]) for row in connection.execute(_script("types.sql"), (names, names)).fetchall()),
        large_objects=large_objects,
        large_object_columns=columns,
        bytes=sum(table.bytes for table in tables),
        table_count=len(tables),
    )


def _large_objects(connection: Connection, schemas: list[str]) -> tuple[int, tuple[str, ...]]:
    count = int(_one(connection, "SELECT count(*) FROM (SELECT 1 FROM pg_largeobject_metadata LIMIT 1000) s")[0])
    columns = connection.execute(
        "SELECT n.nspname || '.' || c.relname || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = a.atttypid"
        " WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped"
        " AND t.typname IN ('oid', 'lo') ORDER BY 1",
        (schemas,),
    ).fetchall()
    return count, tuple(str(row[0]) for row in columns)


def filled(connection: Connection, names: Sequence[QName]) -> tuple[str, ...]:
    """Those of the named tables which exist, may be read, and hold a row."""
    result = []
    for name in names:
        readable = _one(
            connection,
            "SELECT coalesce(has_table_privilege(to_regclass(format('%%I.%%I', %s::text, %s::text)), 'SELECT'), false)",
            (name.schema, name.name),
        )[0]
        if readable:
            row = connection.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(qualified(name))).fetchone()
            if row and row[0]:
                result.append(str(name))
    return tuple(result)


def xml_refusal(connection: Connection) -> str:
    """What the server says to a value of type xml, which takes a build with libxml; '' when it takes it.

    ``connection`` is in autocommit mode.
    """
    try:
        connection.execute("SELECT '<a/>'::xml")
    except (psycopg.NotSupportedError, psycopg.ProgrammingError) as refused:  # ProgrammingError: there is no such type
        return refused.diag.message_primary or str(refused)
    return ""


def unusable_schemas(connection: Connection, schemas: Sequence[str]) -> tuple[str, ...]:
    """Those of ``schemas`` which exist here and in which our role may not create tables."""
    return tuple(
        str(row[0])
        for row in connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname = ANY (%s) AND NOT has_schema_privilege(oid, 'CREATE')",
            (list(schemas),),
        ).fetchall()
    )
