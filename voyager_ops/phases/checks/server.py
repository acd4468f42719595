"""Checks over one server: version, settings for capture and apply, rights of our role. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from voyager_ops.databases.postgres.leaf_identity import EVENT_TRIGGER
from voyager_ops.model.positions import Side
from voyager_ops.phases.checks.model import Check, ServerFacts, error, ok, warning
from voyager_ops.schema.names import quoted

OLDEST = 140000
OLDEST_TESTED = 150000
OLDEST_TARGET = 150000
LONG_SECONDS = 300.0


def check_server(facts: ServerFacts, *, captures: bool, applies: bool, slot_owned: bool, sessions: int = 0) -> Iterator[Check]:
    """``captures``/``applies``: what a lane will do there; ``slot_owned``: our slot exists already; ``sessions``: how many the
    migration has there at most."""
    yield from _version(facts)
    yield _sessions(facts, sessions)
    yield from _yugabytedb(facts)
    if facts.in_recovery:
        yield error(
            "standby",
            _name(facts),
            "the server is a standby",
            "it takes no writes: no metadata, no publication, no apply",
            "give the primary's address in the configuration",
        )
    if captures:
        yield from _capture(facts, slot_owned)
    if applies:
        yield _replication_role(facts)
    yield (
        ok("create_on_database", _name(facts), "may create the voyager_ops schema")
        if facts.create_on_database
        else error(
            "create_on_database",
            _name(facts),
            f"{facts.user} may not create schemas in the database",
            "positions and markers have no place to be kept",
            f"GRANT CREATE ON DATABASE {quoted(facts.database)} TO {quoted(facts.user)}",
        )
    )
    yield from _transactions(facts, captures)
    foreign = [name for name in facts.event_triggers if name != EVENT_TRIGGER]
    if foreign:
        yield warning(
            "event_triggers",
            _name(facts),
            f"event triggers are enabled: {', '.join(foreign)}",
            "they fire for our DDL too (metadata schema, publication, schema import) and may refuse it",
            "let them pass the migration user",
        )
    if float(facts.settings.get("transaction_timeout", "0")) > 0:
        yield warning(
            "transaction_timeout",
            _name(facts),
            f"transaction_timeout is {facts.settings['transaction_timeout']} ms",
            "building a large index or copying a large chunk is one transaction and would be cut off",
            f"ALTER ROLE {quoted(facts.user)} SET transaction_timeout = 0",
        )


def _name(facts: ServerFacts) -> str:
    return f"{facts.side} {facts.where}"


def _version(facts: ServerFacts) -> Iterator[Check]:
    major = facts.version // 10000
    oldest = OLDEST if facts.side is Side.SOURCE else OLDEST_TARGET
    if facts.version < oldest:
        yield error(
            "version",
            _name(facts),
            f"PostgreSQL {major} is too old as a {facts.side}",
            "functions that the migration relies on are not there",
            f"use PostgreSQL {oldest // 10000} or later",
        )
    elif facts.version < OLDEST_TESTED:
        yield warning("version", _name(facts), f"PostgreSQL {major}", "this version has never been tested as a source")
    elif facts.yugabytedb:
        yield warning("version", _name(facts), f"YugabyteDB (PostgreSQL {major})", "has not been tested on a real YugabyteDB")
    else:
        yield ok("version", _name(facts), f"PostgreSQL {major}.{facts.version % 10000}")


def _yugabytedb(facts: ServerFacts) -> Iterator[Check]:
    if not facts.said_so:
        there, scheme = ("YugabyteDB", "yugabytedb://") if facts.yugabytedb else ("PostgreSQL", "postgresql://")
        yield error(
            "engine",
            _name(facts),
            f"the server is a {there}, and the configuration does not say so",
            "YugabyteDB differs in what it takes back with a transaction (TRUNCATE, other DDL), and in how rows without a key are"
            " told apart: the wrong statements would be sent",
            f"begin the URL with {scheme} (an Airflow connection: the extra engine says yugabytedb, or is not there)",
        )
    if facts.advisory_locks:
        yield error(
            "advisory_locks",
            _name(facts),
            f"the server gives no advisory locks: {facts.advisory_locks}",
            "two tries of one step cannot be kept apart: every lane and cutover takes such locks",
            "use YugabyteDB 2025.1 or later (before, they were not implemented or a preview)",
        )
    else:
        yield ok("advisory_locks", _name(facts), "gives advisory locks")


def _capture(facts: ServerFacts, slot_owned: bool) -> Iterator[Check]:
    settings = facts.settings
    if settings.get("wal_level") != "logical":
        yield error(
            "wal_level",
            _name(facts),
            f"wal_level is {settings.get('wal_level')}",
            "changes cannot be decoded from the log",
            "ALTER SYSTEM SET wal_level = 'logical'; then restart the server",
        )
    else:
        yield ok("wal_level", _name(facts), "wal_level is logical")
    yield _room(facts, "max_replication_slots", facts.slots_used, slot_owned, "replication slots")
    yield _room(facts, "max_wal_senders", facts.senders_used, slot_owned and facts.senders_used > 0, "WAL senders")
    if facts.superuser or facts.replication:
        yield ok("replication_right", _name(facts), f"{facts.user} may replicate")
    else:
        yield error(
            "replication_right",
            _name(facts),
            f"{facts.user} has no REPLICATION right",
            "no slot can be created or read",
            f"ALTER ROLE {quoted(facts.user)} REPLICATION",
        )
    libraries = settings.get("output_plugin_libraries")
    if libraries is not None and libraries != "*" and "pgoutput" not in {part.strip(' "') for part in libraries.split(",")}:
        yield error(
            "output_plugin_libraries",
            _name(facts),
            f"output_plugin_libraries is {libraries!r} and does not allow pgoutput",
            "the slot cannot be created",
            "ALTER SYSTEM SET output_plugin_libraries = 'pgoutput, test_decoding'; SELECT pg_reload_conf()",
        )
    if settings.get("max_slot_wal_keep_size", "-1") != "-1":
        yield warning(
            "max_slot_wal_keep_size",
            _name(facts),
            f"max_slot_wal_keep_size is {settings['max_slot_wal_keep_size']} MB",
            "a stream that stands still for longer than that much WAL loses its slot, and the lane must begin anew",
            "ALTER SYSTEM SET max_slot_wal_keep_size = -1; SELECT pg_reload_conf()",
        )
    if settings.get("idle_replication_slot_timeout", "0") != "0":
        yield warning(
            "idle_replication_slot_timeout",
            _name(facts),
            f"idle_replication_slot_timeout is {settings['idle_replication_slot_timeout']} s",
            "a stream that is stopped for longer loses its slot, and the lane must begin anew",
            "ALTER SYSTEM SET idle_replication_slot_timeout = 0; SELECT pg_reload_conf()",
        )


def _room(facts: ServerFacts, setting: str, used: int, ours_counted: bool, what: str) -> Check:
    limit = int(facts.settings.get(setting, "0"))
    if limit - used > 0 or ours_counted:
        return ok(setting, _name(facts), f"{limit - used} of {limit} {what} are free")
    return error(
        setting,
        _name(facts),
        f"all {limit} {what} are in use",
        "capture cannot begin",
        f"ALTER SYSTEM SET {setting} = {limit + 5}; then restart the server",
    )


def _sessions(facts: ServerFacts, needed: int) -> Check:
    tight = [(of, limit, used) for of, limit, used in facts.session_limits if limit - used < needed]
    if not tight:
        return ok("sessions", _name(facts), f"there is room for the {needed} sessions of the migration")
    of, limit, used = min(tight, key=lambda each: each[1] - each[2])
    mends = {
        "max_connections": f"ALTER SYSTEM SET max_connections = {used + needed + 20}; then restart the server",
        "the database": f"ALTER DATABASE {quoted(facts.database)} CONNECTION LIMIT {used + needed + 20}",
        "the role": f"ALTER ROLE {quoted(facts.user)} CONNECTION LIMIT {used + needed + 20}",
    }
    return warning(
        "sessions",
        _name(facts),
        f"{max(0, limit - used)} sessions are free of the {limit} that {of} allows; the migration has up to {needed}",
        "a phase fails when the server refuses a session, and so may the application",
        f"lower snapshot.bins and snapshot.parallelism in the configuration, or {mends[of]}",
    )


def _replication_role(facts: ServerFacts) -> Check:
    if facts.set_replication_role:
        return ok("session_replication_role", _name(facts), f"{facts.user} may hold triggers and foreign keys off")
    if facts.version < 150000:
        return error(
            "session_replication_role",
            _name(facts),
            f"{facts.user} may not set session_replication_role",
            "triggers would fire and foreign keys be checked for every applied change",
            "connect as a superuser",
        )
    return error(
        "session_replication_role",
        _name(facts),
        f"{facts.user} may not set session_replication_role",
        "triggers would fire and foreign keys be checked for every applied change",
        f"GRANT SET ON PARAMETER session_replication_role TO {quoted(facts.user)}",
    )


def _transactions(facts: ServerFacts, captures: bool) -> Iterator[Check]:
    old = [item for item in facts.long_transactions if item[2] >= LONG_SECONDS]
    if captures and old:
        pid, who, seconds = old[0]
        yield warning(
            "long_transactions",
            _name(facts),
            f"{len(old)} transactions have been open for more than {LONG_SECONDS:.0f} s; the oldest: {who} (pid {pid}),"
            f" {seconds:.0f} s",
            "creating the slot, and the first chunk of the snapshot, wait until they have ended",
            f"SELECT pg_terminate_backend({pid})" if pid else "COMMIT PREPARED or ROLLBACK PREPARED",
        )
    elif captures:
        yield ok("long_transactions", _name(facts), "no transaction has been open for long")
