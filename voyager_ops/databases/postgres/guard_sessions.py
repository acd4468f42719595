"""Who writes to a database: other people's sessions, open write transactions, prepared transactions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from voyager_ops.databases.postgres.database import Connection, PostgresDatabase
from voyager_ops.databases.postgres.guard_objects import relations
from voyager_ops.model.tables import Table


@dataclass(frozen=True)
class Session:
    """A client's session. ``writing``: it has a transaction id or holds a write lock on a migrated table (``tables``)."""

    pid: int
    user: str
    application: str
    client: str
    state: str
    transaction_seconds: float | None
    """Age of its open transaction; None: no transaction is open."""
    writing: bool
    tables: tuple[str, ...] = ()

    def __str__(self) -> str:
        age = "" if self.transaction_seconds is None else f", in a transaction for {self.transaction_seconds:.0f} s"
        written = f", has written to {', '.join(self.tables)}" if self.tables else ""
        return (
            f"pid {self.pid} ({self.user}, {self.application or 'no application name'}, {self.client or 'local'}{age}{written})"
        )


@dataclass(frozen=True)
class PreparedTransaction:
    """A transaction prepared for two-phase commit; ``tables``: migrated tables it has written to."""

    gid: str
    owner: str
    seconds: float
    tables: tuple[str, ...]

    def __str__(self) -> str:
        written = f", has written to {', '.join(self.tables)}" if self.tables else ""
        return f"prepared transaction {self.gid!r} of {self.owner} ({self.seconds:.0f} s old{written})"


@dataclass(frozen=True)
class Writers:
    """Other people's sessions with an open transaction or a transaction id, prepared transactions, enabled subscriptions."""

    sessions: tuple[Session, ...]
    prepared: tuple[PreparedTransaction, ...]
    subscriptions: tuple[str, ...]

    @property
    def writing(self) -> list[str]:
        """In words: everything that has written to a migrated table and is still open."""
        return [str(item) for item in self.sessions if item.tables] + [str(item) for item in self.prepared if item.tables]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


OURS = "voyager-ops/{}/"

_LOCKS = """
SELECT l.pid, l.virtualtransaction, l.relation::int8
FROM pg_locks l
WHERE l.locktype = 'relation' AND l.granted AND l.relation = ANY (%(oids)s::oid[])
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
"""

_SESSIONS = """
SELECT a.pid, coalesce(a.usename, ''), coalesce(a.application_name, ''), coalesce(host(a.client_addr), ''), coalesce(a.state, ''),
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8, a.backend_xid IS NOT NULL
FROM pg_stat_activity a
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
  AND (a.backend_type IS NULL OR a.backend_type IN ('client backend', 'yb-conn-mgr worker connection')
       -- Workers that extensions and subscriptions run (a scheduler's job, say) write too.
       OR (a.backend_xid IS NOT NULL AND a.backend_type NOT IN ('autovacuum worker', 'parallel worker', 'walsender')))
  AND NOT (starts_with(a.application_name, %(ours)s) AND a.usename = current_user)
ORDER BY a.pid
"""

_PREPARED = """
SELECT p.gid, p.owner, extract(epoch FROM clock_timestamp() - p.prepared)::float8,
       array(SELECT l.relation::int8 FROM pg_locks l
             WHERE l.pid IS NULL AND l.locktype = 'relation' AND l.relation = ANY (%(oids)s::oid[])
               AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
               AND l.virtualtransaction IN (SELECT x.virtualtransaction FROM pg_locks x
                    WHERE x.pid IS NULL AND x.locktype = 'transactionid' AND x.transactionid = p.transaction))
FROM pg_prepared_xacts p WHERE p.database = current_database() ORDER BY p.prepared
"""


def ours(db: PostgresDatabase) -> str:
    """What the application_name of every session of this migration begins with."""
    return OURS.format(db.migration)


def writers(db: PostgresDatabase, tables: Iterable[Table], connection: Connection | None = None) -> Writers:
    """Who but ourselves has a transaction open on ``db``, and to which of ``tables`` (named as there) it wrote."""
    if connection is None:
        with db.connect("guard") as own:
            return writers(db, tables, own)
    names = relations(connection, (table.name for table in tables))
    parameters = {"oids": list(names), "ours": ours(db)}
    locked: dict[int, set[str]] = {}
    for pid, _, relation in connection.execute(_LOCKS, parameters):
        if pid is not None:
            locked.setdefault(pid, set()).add(str(names[relation]))
    sessions = tuple(
        Session(pid, user, application, client, state, age, xid or pid in locked, tuple(sorted(locked.get(pid, ()))))
        for pid, user, application, client, state, age, xid in connection.execute(_SESSIONS, parameters)
        if age is not None or xid or pid in locked
    )
    prepared = tuple(
        PreparedTransaction(gid, owner, age, tuple(sorted({str(names[oid]) for oid in oids})))
        for gid, owner, age, oids in connection.execute(_PREPARED, parameters)
    )
    subscriptions = tuple(
        str(row[0])
        for row in connection.execute(
            "SELECT subname FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid"
            " WHERE d.datname = current_database() AND s.subenabled"
        )
    )
    return Writers(sessions, prepared, subscriptions)
