"""Preparing a database for capture, and putting everything back: metadata, replica identities, publication, slot.

The order matters: identities before publishing (or UPDATEs fail in the application), the publication before the slot (decoding
looks it up as of each change), the slot before any plan of a snapshot. The slot counts as made once the lane's record says so.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Final

import psycopg

from voyager_ops.databases.postgres import leaf_identity, lsn, metadata, publication, replica_identity
from voyager_ops.databases.postgres.database import Connection, PostgresDatabase, postgres, try_lock
from voyager_ops.databases.postgres.publication import LANE_OBJECT
from voyager_ops.databases.postgres.replication import check_slot
from voyager_ops.databases.postgres.watch import refuse_changed, remember_relations
from voyager_ops.errors import Fenced, PreconditionError, RetryableError
from voyager_ops.failpoints import hit, register
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import FROM_SIDE, TO_SIDE
from voyager_ops.model.results import Progress, ProgressSink, silent
from voyager_ops.state.lanes import ENDED, FAILED, NONE, read_lane, update_lane

METADATA_INSTALLED = register("capture.prepare.metadata_installed")
PUBLISHED = register("capture.prepare.published")
SLOT_CREATED = register("capture.prepare.slot_created")
RECORDED = register("capture.prepare.recorded")
SLOT_DROPPED = register("capture.teardown.slot_dropped")
PUBLICATION_DROPPED = register("capture.teardown.publication_dropped")

_POLL_SECONDS: Final = 0.5
_NAME_PREFIX: Final = "vo"


def object_name(context: LaneContext) -> str:
    """Of the lane's slot and publication: migration, lane and the state's own id, at most 63 of ``[a-z0-9_]``."""
    return f"{_prefix(context)}{context.state.uuid.replace('-', '')[:8]}"


def _prefix(context: LaneContext) -> str:
    return f"{_NAME_PREFIX}_{context.migration}_{context.lane}_"


def prepare(context: LaneContext, progress: ProgressSink = silent, stop: threading.Event | None = None) -> None:
    """Make the lane's capture side ready; from the end of this on no change is missed. Idempotent, may be killed anywhere.

    Raises Fenced when another process is at it, PreconditionError with the statement that mends it, StreamLost when a slot that
    was prepared is gone, RetryableError when stopped or when the database is busy.
    """
    record = read_lane(context.state, context.lane)
    if record.status == ENDED:
        raise PreconditionError(
            f"lane {context.lane} of migration {context.migration!r} has ended",
            state="its changes are complete; nothing was changed",
            next_step="nothing to prepare; see voyager-ops cutover status",
        )
    side = FROM_SIDE[context.lane]
    database = postgres(context.capture_db)
    name = object_name(context)
    with database.connect("prepare") as connection:
        # Two at once would take each other's fresh slot for the remains of a killed run.
        if record.status == NONE and not try_lock(connection, "prepare", context.migration, str(context.lane)):
            raise Fenced(
                f"another process is preparing lane {context.lane} of migration {context.migration!r}",
                state="untouched by this process",
                next_step="let it finish, then run the command again: it finds the lane prepared",
            )
        record = read_lane(context.state, context.lane)
        if record.status == NONE:
            _check(connection, context)
            for where in (database, context.apply_db):
                refuse_remains(where, context)
        for where in (database, context.apply_db):
            with where.connect("prepare") as other:
                metadata.install(other)
        hit(METADATA_INSTALLED)
        if record.status != NONE:
            # The slot came last: whatever came before it stands, and must not be made anew under a running stream.
            if record.status != FAILED:
                check_slot(connection, database, record.slot, record.captured_position)
            return
        _say(progress, "setting replica identities")
        replica_identity.establish(connection, context.state, side, context.tables, progress=progress, stop=stop)
        _say(progress, "publishing the tables")
        publication.create(connection, context, name)
        if not leaf_identity.install(connection, context.tables):
            names = ", ".join(str(table.name) for table in leaf_identity.concerned(context.tables))
            _say(
                progress,
                f"no right to create an event trigger: a partition added to {names} (no primary key) gets its replica identity "
                "a few seconds after it is made, and an UPDATE or DELETE on it before that fails "
                "(voyager-ops prepare, run with a superuser's connection, closes this gap)",
            )
        hit(PUBLISHED)
        _drop_slot(connection, database, name)  # made by a run that was killed before it recorded it: nothing relies on it
        _say(progress, "creating the replication slot")
        start = _create_slot(context, name, progress, stop)
        hit(SLOT_CREATED)
        row = connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text").fetchone()
        assert row is not None
        remember_relations(connection, context)
        refuse_changed(connection, context)
        position = lsn.to_position(start)
        update_lane(
            context.state,
            context.lane,
            status="prepared",
            slot=name,
            publication=name,
            start_position=position,
            captured_position=position,
            xid_reference=int(row[0]),
            error="",
        )
        hit(RECORDED)
    _say(progress, f"capture begins at {lsn.to_text(start)}")


def teardown(context: LaneContext, progress: ProgressSink = silent) -> None:
    """Drop the slot and the publication, put replica identities back; the lane is recorded as ended. Idempotent."""
    side = FROM_SIDE[context.lane]
    name = object_name(context)
    if read_lane(context.state, context.lane).status != NONE:
        update_lane(context.state, context.lane, status=ENDED)
    with context.capture_db.connect("teardown") as connection:
        _drop_slot(connection, postgres(context.capture_db), name)
        hit(SLOT_DROPPED)
        publication.drop(connection, name)
        hit(PUBLICATION_DROPPED)
        leaf_identity.adopt(connection, context.state, side, context.tables)
        for note in replica_identity.restore(connection, context.state, side, progress=progress):
            context.state.log(f"replica_identity/{side}", LANE_OBJECT, "note", {"text": note})
            _say(progress, note)


def _say(progress: ProgressSink, message: str, **figures: Any) -> None:
    progress(Progress(phase="capture", message=message, figures=figures))


# -- what must be true beforehand --------------------------------------------------------------------------------------
def _check(connection: Connection, context: LaneContext) -> None:
    problems: list[tuple[str, str]] = []
    database = context.capture_db

    def setting(name: str) -> str:
        # Unlike current_setting(), the view leaves out what this user may not see instead of failing.
        row = connection.execute("SELECT setting FROM pg_settings WHERE name = %s", (name,)).fetchone()
        return str(row[0] or "") if row else ""

    if database.kind == "postgresql":
        if setting("wal_level") != "logical":
            problems.append(
                (
                    f"wal_level is {setting('wal_level')!r}, it must be 'logical'",
                    "ALTER SYSTEM SET wal_level = 'logical'; then restart the server",
                )
            )
        row = connection.execute(
            "SELECT count(*) FROM pg_replication_slots WHERE slot_name <> %s", (object_name(context),)
        ).fetchone()
        used = int(row[0]) if row else 0
        slots = int(setting("max_replication_slots") or 0)
        if used >= slots:
            problems.append(
                (
                    f"all {slots} replication slots (max_replication_slots) are in use",
                    f"ALTER SYSTEM SET max_replication_slots = {slots + 4}; then restart the server; or drop an unused slot",
                )
            )
        if int(setting("max_wal_senders") or 0) == 0:
            problems.append(("max_wal_senders is 0", "ALTER SYSTEM SET max_wal_senders = 10; then restart the server"))
        libraries = setting("output_plugin_libraries")
        if libraries and "pgoutput" not in {item.strip() for item in libraries.split(",")}:
            problems.append(
                (
                    "output_plugin_libraries does not allow pgoutput",
                    "ALTER SYSTEM SET output_plugin_libraries = 'pgoutput'; SELECT pg_reload_conf()",
                )
            )
    problems += _missing_rights(connection, context)
    others = [
        str(row[0])
        for row in connection.execute(
            "SELECT slot_name FROM pg_replication_slots"
            " WHERE database = current_database() AND starts_with(slot_name, %s) AND slot_name <> %s",
            (_prefix(context), object_name(context)),
        )
    ]
    for other in others:
        problems.append(
            (
                f"slot {other} belongs to another run of a migration named {context.migration!r} (other records than these)",
                f"end that migration first, or choose another name; if its records are gone: "
                f"SELECT pg_drop_replication_slot('{other}')",
            )
        )
    if problems:
        raise PreconditionError(
            f"the {database.side} {database.where} is not ready for capture: " + "; ".join(what for what, _ in problems),
            state="nothing was changed",
            next_step=" -- ".join(mend for _, mend in problems) + " -- and run the command again",
        )


def refuse_remains(database: PostgresDatabase, context: LaneContext) -> None:
    """What another run of the same name has left would pass for this one's: its chunks as loaded, its position as applied."""
    with database.connect("prepare") as connection:
        if not metadata.installed(connection):
            return
        lane = str(context.lane)
        direction = str(TO_SIDE[context.lane])
        row = connection.execute(
            "SELECT EXISTS (SELECT FROM voyager_ops.lane_position WHERE migration = %(migration)s AND lane = %(lane)s)"
            " OR EXISTS (SELECT FROM voyager_ops.chunk WHERE migration = %(migration)s AND %(lane)s = 'forward')"
            " OR EXISTS (SELECT FROM voyager_ops.quarantine WHERE migration = %(migration)s AND lane = %(lane)s)"
            " OR EXISTS (SELECT FROM voyager_ops.intent WHERE migration = %(migration)s AND direction = %(direction)s)",
            {"migration": context.migration, "lane": lane, "direction": direction},
        ).fetchone()
    if row and row[0]:
        raise PreconditionError(
            f"the {database.side} {database.where} still holds what another run of a migration named {context.migration!r} did"
            f" (lane {lane}; other records than these)",
            state="nothing was changed",
            next_step="end that migration with its own export directory; if its records are gone: voyager-ops end migration with"
            " these, empty the target's tables, and start anew; or choose another name",
        )


def _missing_rights(connection: Connection, context: LaneContext) -> list[tuple[str, str]]:
    row = connection.execute(
        "SELECT rolsuper, rolreplication, quote_ident(rolname),"
        " has_database_privilege(current_database(), 'CREATE'), quote_ident(current_database()),"
        " EXISTS (SELECT FROM pg_roles m WHERE m.rolname IN ('rds_replication', 'yb_db_admin') AND pg_has_role(m.oid, 'MEMBER'))"
        " FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    assert row is not None
    superuser, replication, user, may_create, database, managed = row
    if superuser:
        return []
    problems = []
    if not replication and not managed:
        problems.append((f"user {user} may not use replication", f"ALTER ROLE {user} REPLICATION"))
    if not may_create:
        problems.append((f"user {user} may not create a publication", f"GRANT CREATE ON DATABASE {database} TO {user}"))
    foreign = connection.execute(
        "SELECT c.oid::regclass::text FROM pg_class c WHERE c.oid = ANY (%s) AND NOT pg_has_role(c.relowner, 'USAGE') ORDER BY 1",
        ([table.oid for table in context.tables] + [leaf.oid for table in context.tables for leaf in table.leaves],),
    ).fetchall()
    if foreign:
        names = [str(item[0]) for item in foreign]
        problems.append(
            (
                f"user {user} does not own {len(names)} table(s): {', '.join(names[:10])}{' …' if len(names) > 10 else ''}",
                "; ".join(f"ALTER TABLE {name} OWNER TO {user}" for name in names[:10])
                + (" (and so on)" if len(names) > 10 else "")
                + ", or make it a member of the role that owns them (voyager-ops prepare source --print shows all statements)",
            )
        )
    return problems


# -- the slot ----------------------------------------------------------------------------------------------------------
def _create_slot(context: LaneContext, name: str, progress: ProgressSink, stop: threading.Event | None) -> int:
    """Create it and return where it begins. Waits for the transactions that are open, telling which; gives up when stopped."""
    database = postgres(context.capture_db)
    settings = {} if database.kind == "yugabytedb" else {"client_connection_check_interval": "5s"}
    outcome: list[int | psycopg.Error] = []
    with database.connect("prepare", settings=settings) as worker, database.connect("prepare") as watcher:

        def run() -> None:
            try:
                row = worker.execute(
                    "SELECT lsn::text FROM pg_create_logical_replication_slot(%s, 'pgoutput')", (name,)
                ).fetchone()
                assert row is not None
                outcome.append(lsn.parse(row[0]))
            except psycopg.Error as error:
                outcome.append(error)

        thread = threading.Thread(target=run, name="create slot", daemon=True)
        thread.start()
        last = 0.0
        while thread.is_alive():
            thread.join(_POLL_SECONDS)
            if stop is not None and stop.is_set() and thread.is_alive():
                worker.cancel_safe(timeout=10.0)
                thread.join(15.0)
                raise RetryableError(
                    "stopped while the replication slot was being created",
                    state="no slot was made; publication and replica identities stand and are journaled",
                    next_step="run the command again",
                )
            if thread.is_alive() and time.monotonic() - last > 5.0:
                last = time.monotonic()
                _say(progress, "the slot waits for open transactions to end: " + "; ".join(open_transactions(watcher)))
    result = outcome[0]
    if isinstance(result, psycopg.Error):
        if isinstance(result, psycopg.errors.InsufficientPrivilege):
            raise PreconditionError(
                f"the {database.side} refuses to create a replication slot: {result.diag.message_primary}",
                state="publication and replica identities stand and are journaled",
                next_step=f"ALTER ROLE {database.user} REPLICATION, then run the command again",
            ) from None
        raise RetryableError(
            f"the replication slot {name} could not be created on the {database.side}: {str(result).strip()}",
            state="publication and replica identities stand and are journaled",
            next_step="mend what the server says and run the command again",
        ) from None
    return result


def open_transactions(connection: Connection) -> list[str]:
    """Transactions of any database of the server that have written, prepared ones too, in words; the oldest first."""
    rows = connection.execute(
        "SELECT format('pid %%s (user %%s, database %%s, application %%s, %%s, open for %%s s)', pid, usename, datname,"
        " application_name, state, extract(epoch FROM clock_timestamp() - xact_start)::int)"
        " FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid() ORDER BY xact_start LIMIT 10",
        (),
    ).fetchall()
    prepared = connection.execute(
        "SELECT format('prepared transaction %%L (owner %%s, database %%s): COMMIT PREPARED or ROLLBACK PREPARED it', gid, owner,"
        " database) FROM pg_prepared_xacts ORDER BY prepared LIMIT 10",
        (),
    ).fetchall()
    return [str(row[0]) for row in rows + prepared] or ["none is seen just now"]


def _drop_slot(connection: Connection, database: PostgresDatabase, name: str) -> None:
    """Drop it if it is there, ending a reader of ours that is still attached."""
    deadline = time.monotonic() + 30.0
    while True:
        row = connection.execute("SELECT active_pid FROM pg_replication_slots WHERE slot_name = %s", (name,)).fetchone()
        if row is None:
            return
        if row[0] is not None:
            connection.execute("SELECT pg_terminate_backend(%s)", (row[0],))
        try:
            connection.execute("SELECT pg_drop_replication_slot(%s)", (name,))
        except psycopg.errors.UndefinedObject:
            return
        except psycopg.errors.ObjectInUse as error:
            if time.monotonic() >= deadline:
                raise RetryableError(
                    f"the replication slot {name} on the {database.side} cannot be dropped: {error.diag.message_primary}",
                    state="everything else stands as it was",
                    next_step=f"end its reader, then run the command again (by hand: SELECT pg_drop_replication_slot('{name}'))",
                ) from None
            time.sleep(0.2)
