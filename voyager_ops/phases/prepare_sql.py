"""The statements of ``prepare``, composed. Pure: names in, statements out.

Each statement says what it is for and, as a query, when it is not needed (any more): running them twice does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal, LiteralString

from psycopg import sql

from voyager_ops.databases.postgres import leaf_identity
from voyager_ops.model.positions import Side

Fragment = sql.SQL | sql.Composed
Form = Literal["superuser", "non-superuser", "yb_superuser"]
SLOTS = 10
"""Slots and senders asked for: two lanes, a copy of each at work, and room for what the server has already."""


@dataclass(frozen=True)
class Wanted:
    """What to prepare. ``database`` exists on the source and is created on the target."""

    side: Side
    form: Form
    user: str
    database: str
    schemas: tuple[str, ...]
    fall_back: bool


@dataclass(frozen=True)
class Statement:
    """``sql`` with the password as the placeholder {password}; ``maintenance``: run outside the migrated database;
    ``unless``: a query whose truth makes it superfluous; ``restart``: takes effect after a restart of the server."""

    sql: Fragment
    why: str
    maintenance: bool = False
    unless: Fragment | None = None
    restart: bool = False
    has_password: bool = False
    run: bool = True
    """False: for reading only (the program does it by itself, or nobody but the provider can)."""


def _fill(text: str, **parts: sql.Composable) -> sql.Composed:
    return sql.SQL(text).format(**parts)


def statements(wanted: Wanted) -> Iterator[Statement]:
    """Everything the migration user of one side needs, in the order to run it."""
    captures = wanted.side is Side.SOURCE or wanted.fall_back
    applies = wanted.side is Side.TARGET or wanted.fall_back
    if captures:
        yield from _settings(wanted)
    yield from _user(wanted, captures)
    if wanted.side is Side.TARGET:
        yield _create_database(wanted)
    if wanted.form == "superuser":
        return
    yield from _database_rights(wanted)
    if wanted.side is Side.SOURCE:
        yield from _source_rights(wanted)
    else:
        yield from _target_rights(wanted)
    if captures and wanted.form != "yb_superuser":
        yield from _leaf_identity(wanted)
    if applies and wanted.form != "yb_superuser":
        yield Statement(
            _fill("GRANT SET ON PARAMETER session_replication_role TO {user}", user=sql.Identifier(wanted.user)),
            "apply holds triggers and foreign keys off in its own session",
            unless=_fill(
                "SELECT has_parameter_privilege({user}, 'session_replication_role', 'SET')", user=sql.Literal(wanted.user)
            ),
        )


def _settings(wanted: Wanted) -> Iterator[Statement]:
    by_provider = wanted.form != "superuser"
    why = " (on a managed server: in the provider's parameter group)" if by_provider else ""
    yield Statement(
        sql.SQL("ALTER SYSTEM SET wal_level = 'logical'"),
        "changes are decoded from the write-ahead log" + why,
        maintenance=True,
        unless=sql.SQL("SELECT current_setting('wal_level') = 'logical'"),
        restart=True,
        run=wanted.form != "yb_superuser",
    )
    for name in ("max_replication_slots", "max_wal_senders"):
        yield Statement(
            _fill("ALTER SYSTEM SET {name} = {value}", name=sql.Identifier(name), value=sql.Literal(SLOTS)),
            "one slot and one sender per lane, and room for restarts" + why,
            maintenance=True,
            unless=_fill("SELECT current_setting({name})::int >= {value}", name=sql.Literal(name), value=sql.Literal(SLOTS)),
            restart=True,
            run=wanted.form != "yb_superuser",
        )
    yield Statement(
        sql.SQL("ALTER SYSTEM SET output_plugin_libraries = 'pgoutput, test_decoding'"),
        "servers that have this setting must allow pgoutput" + why,
        maintenance=True,
        unless=sql.SQL(
            "SELECT coalesce(current_setting('output_plugin_libraries', true), 'pgoutput') LIKE '%pgoutput%'"
            " OR current_setting('output_plugin_libraries', true) = '*'"
        ),
        run=wanted.form != "yb_superuser",
    )


def _user(wanted: Wanted, captures: bool) -> Iterator[Statement]:
    user, name = sql.Identifier(wanted.user), sql.Literal(wanted.user)
    exists = _fill("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = {name})", name=name)
    attributes = {"superuser": "SUPERUSER LOGIN", "non-superuser": "LOGIN", "yb_superuser": "LOGIN"}[wanted.form]
    yield Statement(
        _fill("CREATE ROLE {user} " + attributes + " PASSWORD {password}", user=user, password=sql.SQL(":'password'")),
        "the migration's own user",
        maintenance=True,
        unless=exists,
        has_password=True,
    )
    if wanted.form == "superuser":
        yield Statement(
            _fill("ALTER ROLE {user} SUPERUSER", user=user),
            "a user that exists already gets the right too",
            maintenance=True,
            unless=_fill("SELECT rolsuper FROM pg_roles WHERE rolname = {name}", name=name),
        )
        return
    if wanted.form == "yb_superuser":
        yield Statement(
            _fill("GRANT yb_superuser TO {user}", user=user),
            "the highest role of a managed YugabyteDB cluster",
            maintenance=True,
            unless=_fill("SELECT pg_has_role({name}, 'yb_superuser', 'MEMBER')", name=name),
        )
    if captures:
        yield Statement(
            _fill("ALTER ROLE {user} REPLICATION", user=user),
            "reads the stream of changes (Amazon RDS: GRANT rds_replication instead)",
            maintenance=True,
            unless=_fill("SELECT rolreplication FROM pg_roles WHERE rolname = {name}", name=name),
        )
    for role, why in (
        ("pg_read_all_stats", "sees who else is connected, to prove at cutover that no writer is left"),
        ("pg_signal_backend", "ends writers at cutover with quiesce: enforce"),
    ):
        yield Statement(
            _fill("GRANT {role} TO {user}", role=sql.Identifier(role), user=user),
            why,
            maintenance=True,
            unless=_fill("SELECT pg_has_role({name}, {role}, 'MEMBER')", name=name, role=sql.Literal(role)),
        )


def _create_database(wanted: Wanted) -> Statement:
    owner = _fill(" OWNER {user}", user=sql.Identifier(wanted.user)) if wanted.form != "superuser" else sql.SQL("")
    return Statement(
        _fill("CREATE DATABASE {database}{owner}", database=sql.Identifier(wanted.database), owner=owner),
        "the database to migrate into",
        maintenance=True,
        unless=_fill("SELECT EXISTS (SELECT FROM pg_database WHERE datname = {database})", database=sql.Literal(wanted.database)),
    )


def _database_rights(wanted: Wanted) -> Iterator[Statement]:
    user, name, database = sql.Identifier(wanted.user), sql.Literal(wanted.user), sql.Identifier(wanted.database)
    for right, why in (("CONNECT", "connects"), ("CREATE", "keeps positions in the schema voyager_ops; creates publications")):
        yield Statement(
            _fill("GRANT {right} ON DATABASE {database} TO {user}", right=sql.SQL(right), database=database, user=user),
            why,
            unless=_fill(
                "SELECT has_database_privilege({name}, {database}, {right})",
                name=name,
                database=sql.Literal(wanted.database),
                right=sql.Literal(right),
            ),
        )


def _source_rights(wanted: Wanted) -> Iterator[Statement]:
    user = sql.Identifier(wanted.user)
    writes = ", INSERT, UPDATE, DELETE, TRUNCATE" if wanted.fall_back else ""
    back = "; writes the target's changes back after the cutover" if wanted.fall_back else ""
    for schema in wanted.schemas:
        identifier = sql.Identifier(schema)
        yield Statement(_fill("GRANT USAGE ON SCHEMA {schema} TO {user}", schema=identifier, user=user), "reads the schema")
        yield Statement(
            _fill("GRANT SELECT" + writes + " ON ALL TABLES IN SCHEMA {schema} TO {user}", schema=identifier, user=user),
            "copies the tables" + back,
        )
        yield Statement(
            _fill(
                "GRANT SELECT" + (", UPDATE" if wanted.fall_back else "") + " ON ALL SEQUENCES IN SCHEMA {schema} TO {user}",
                schema=identifier,
                user=user,
            ),
            "carries sequences over at cutover",
        )
    yield Statement(
        _owner_membership(wanted),
        "publishing a table and giving it a replica identity are its owner's rights: the user becomes a member of the owners",
    )
    yield Statement(
        _fill("ALTER ROLE {user} BYPASSRLS", user=user),
        "reads every row of tables with row security (skipped where there are none)",
        unless=_fill(
            "SELECT NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relrowsecurity AND n.nspname IN ({schemas}))"
            " OR (SELECT rolbypassrls FROM pg_roles WHERE rolname = {name})",
            schemas=_literals(wanted.schemas),
            name=sql.Literal(wanted.user),
        ),
    )


def _leaf_identity(wanted: Wanted) -> Iterator[Statement]:
    """The event trigger only a superuser may create; wanted where a partitioned table has no primary key."""
    unless = _fill(
        "SELECT EXISTS (SELECT FROM pg_event_trigger WHERE evtname = {name}) OR NOT EXISTS (SELECT FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ({schemas}) AND c.relkind = 'p'"
        " AND NOT c.relispartition AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary))",
        name=sql.Literal(leaf_identity.EVENT_TRIGGER),
        schemas=_literals(wanted.schemas),
    )
    user = sql.Identifier(wanted.user)
    why = "partitions added to tables without a primary key get their replica identity at once (skipped where there are none)"
    yield Statement(
        _fill("CREATE SCHEMA IF NOT EXISTS voyager_ops AUTHORIZATION {user}", user=user),
        why + ": the schema our own objects are in",
        unless=unless,
    )
    yield Statement(
        sql.SQL(leaf_identity.script()) + _fill("\nGRANT SELECT ON voyager_ops.leaf_identity TO {user}", user=user),
        why,
        unless=unless,
    )


def _literals(values: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Literal(value) for value in values)


def _owner_membership(wanted: Wanted) -> sql.Composed:
    text: LiteralString = files(__package__).joinpath("owner_membership.sql").read_text(encoding="utf-8").rstrip()
    return sql.SQL(text).format(schemas=_literals(wanted.schemas), name=sql.Literal(wanted.user))


def _target_rights(wanted: Wanted) -> Iterator[Statement]:
    user = sql.Identifier(wanted.user)
    for schema in wanted.schemas:
        yield Statement(
            _fill("CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {user}", schema=sql.Identifier(schema), user=user),
            "the schema to migrate into; its comment is its owner's to set",
            unless=_fill("SELECT to_regnamespace(quote_ident({schema})) IS NOT NULL", schema=sql.Literal(schema)),
        )
        yield Statement(
            _fill("GRANT USAGE, CREATE ON SCHEMA {schema} TO {user}", schema=sql.Identifier(schema), user=user),
            "creates the objects there, and owns them",
        )
