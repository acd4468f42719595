"""Handing the migrated objects over to another role, and dropping the migration user. Runs as a privileged user."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from voyager_ops.databases.postgres.database import Connection, PostgresDatabase, postgres
from voyager_ops.errors import PreconditionError
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Side


def refuse_unfit(migration: Migration, reassign_to: str | None, drop_user: bool, privileged: Mapping[Side, str | None]) -> None:
    """Raises PreconditionError when what was asked for cannot be done, before anything is touched."""
    if drop_user and reassign_to is None:
        raise PreconditionError(
            "the migration user owns the migrated objects: it cannot be dropped before they are handed over",
            state="nothing was changed",
            next_step="give --reassign-to ROLE too",
        )
    if drop_user and migration.source.kind == "oracle":
        raise PreconditionError(
            f"the migration user {migration.source.user} of an Oracle source is not dropped by this command",
            state="nothing was changed",
            next_step="leave out --drop-user; afterwards, as a privileged user: DROP USER …, and its roles",
        )
    needed = [Side.TARGET] if reassign_to is not None else []
    for side in [*needed, *([Side.SOURCE] if drop_user else [])]:
        url = privileged[side]
        if url is None:
            raise PreconditionError(
                f"handing over or dropping the migration user of the {side} needs a privileged connection",
                state="nothing was changed",
                next_step=f"name the environment variable with its URL: --{side}-privileged-url-env NAME",
            )
        with _privileged(migration, side, url) as connection:
            _check_role(connection, migration, side, reassign_to if side is Side.TARGET else None, drop_user)


def _check_role(connection: Connection, migration: Migration, side: Side, reassign_to: str | None, drop_user: bool) -> None:
    user = migration.database(side).user
    if connection.execute("SELECT current_user = %s", (user,)).fetchone() == (True,):
        raise PreconditionError(
            f"the privileged URL of the {side} is the migration user's own",
            state="nothing was changed",
            next_step="give another superuser's",
        )
    # The server's first superuser owns the system itself, and its dependencies are not recorded.
    if connection.execute("SELECT oid < 16384 FROM pg_roles WHERE rolname = %s", (user,)).fetchone() == (True,):
        raise PreconditionError(
            f"the migration user {user!r} of the {side} is the server's own superuser: its objects cannot be handed over"
            " as a whole",
            state="nothing was changed",
            next_step="leave out --reassign-to and --drop-user; hand objects over one by one with ALTER … OWNER TO",
        )
    if reassign_to is not None:
        row = connection.execute("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", (reassign_to,)).fetchone()
        if row != (True,):
            raise PreconditionError(
                f"there is no role {reassign_to!r} on the target",
                state="nothing was changed",
                next_step="create it, or name another",
            )
    if drop_user and side is Side.SOURCE:
        owned = [name for name in _owned(connection, user) if not name.startswith("schema voyager_ops")]
        if owned:
            raise PreconditionError(
                f"the migration user {user!r} owns objects of the source ({', '.join(owned[:5])}{' …' if owned[5:] else ''}):"
                " it is not only the migration's",
                state="nothing was changed",
                next_step="hand them over by hand first, or leave out --drop-user",
            )


def hand_over(migration: Migration, role: str, url: str) -> list[str]:
    """REASSIGN OWNED on the target; harmless when repeated, also when the user is gone already."""
    user = migration.target.user
    with _privileged(migration, Side.TARGET, url) as connection:
        if not _exists(connection, user):
            return []
        _run(
            connection,
            sql.SQL("REASSIGN OWNED BY {} TO {}").format(sql.Identifier(user), sql.Identifier(role)),
            Side.TARGET,
        )
    return [f"target: what {user} owned belongs to {role}"]


def drop_migration_user(migration: Migration, side: Side, url: str) -> list[str]:
    """Drop the user of ``side``: its grants first. It owns nothing any more: were it otherwise, its objects would go too."""
    user = migration.database(side).user
    with _privileged(migration, side, url) as connection:
        if not _exists(connection, user):
            return []
        owned = _owned(connection, user)
        if owned:
            raise PreconditionError(
                f"the migration user {user!r} still owns {', '.join(owned[:5])} on the {side}",
                state="everything else of the migration is removed; the user and its objects stay",
                next_step="hand them over, then voyager-ops end migration again",
            )
        _run(connection, sql.SQL("DROP OWNED BY {}").format(sql.Identifier(user)), side)
        _run(connection, sql.SQL("DROP ROLE {}").format(sql.Identifier(user)), side)
    return [f"{side}: user {user} dropped"]


def _owned(connection: Connection, user: str) -> list[str]:
    """What ``user`` owns in this database, and databases."""
    rows = connection.execute(
        "SELECT pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_shdepend d"
        " WHERE d.refclassid = 'pg_authid'::regclass AND d.deptype = 'o'"
        " AND d.refobjid = (SELECT oid FROM pg_roles WHERE rolname = %s)"
        " AND (d.dbid = 0 OR d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()))"
        " AND NOT (d.classid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_class c WHERE c.oid = d.objid"
        " AND c.relnamespace = to_regnamespace('voyager_ops')))"
        " AND NOT (d.classid = 'pg_proc'::regclass AND EXISTS (SELECT FROM pg_proc p WHERE p.oid = d.objid"
        " AND p.pronamespace = to_regnamespace('voyager_ops')))"
        " AND NOT (d.classid = 'pg_type'::regclass AND EXISTS (SELECT FROM pg_type t WHERE t.oid = d.objid"
        " AND t.typnamespace = to_regnamespace('voyager_ops')))"
        " AND NOT (d.classid = 'pg_publication'::regclass AND EXISTS (SELECT FROM pg_publication p WHERE p.oid = d.objid"
        " AND p.pubname LIKE 'vo\\_%%'))"
        " ORDER BY 1",
        (user,),
    ).fetchall()
    return [str(row[0]) for row in rows]


def _exists(connection: Connection, user: str) -> bool:
    return connection.execute("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", (user,)).fetchone() == (True,)


def _privileged(migration: Migration, side: Side, url: str) -> Connection:
    given = PostgresDatabase.from_url(url, side=side, migration=migration.name)
    database = conninfo_to_dict(postgres(migration.database(side)).conninfo).get("dbname")
    conninfo = make_conninfo(given.conninfo, dbname=database) if database else given.conninfo
    return PostgresDatabase(side, migration.name, conninfo, given.kind).connect("end migration")


def _run(connection: Connection, statement: sql.Composed, side: Side) -> None:
    try:
        connection.execute(statement)
    except psycopg.Error as error:
        detail = f" {error.diag.message_detail}" if error.diag.message_detail else ""
        raise PreconditionError(
            f"{statement.as_string(connection)} failed on the {side}: {error.diag.message_primary}{detail}",
            state="every trace of the migration but its user is removed",
            next_step="mend it and run voyager-ops end migration again, or run the statement by hand",
        ) from None
