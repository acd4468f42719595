"""A whole simulated Oracle for tests and demos: embedded PostgreSQL, the SQL engine and its redo on it, the wire before it."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import oracledb
import psycopg
from psycopg import sql

from voyager_ops.errors import PreconditionError
from voyager_ops.testing.oracle.backend import PgEngine
from voyager_ops.testing.oracle.faults import Faults
from voyager_ops.testing.oracle.negotiation import PROFILES
from voyager_ops.testing.oracle.rds import MASTER
from voyager_ops.testing.oracle.redo import RedoLog, RedoSettings
from voyager_ops.testing.oracle.server import HOST, Server
from voyager_ops.testing.oracle.wire_faults import WireFaults
from voyager_ops.testing.postgres import Cluster

DBA, DBA_PASSWORD = "SYSTEM", "oracle"
PDB = "FREEPDB1"
PRIVILEGES = ("CONNECT", "RESOURCE", "CREATE VIEW", "CREATE MATERIALIZED VIEW", "CREATE SYNONYM", "UNLIMITED TABLESPACE")


class Simulator:
    """A simulated Oracle database on loopback. Use as a context manager, or call ``start`` and ``close``.

    ``users``: their passwords by name (folded as Oracle folds names; '' is replaced by a random one), who get ``privileges``
    (also roles); SYS and SYSTEM, password ``oracle``, are always there and are DBAs. ``rds``: as Amazon's RDS, without
    containers; instead of those two there is its master user ADMIN, with their password (see ``rds``). ``profile``: the wire
    and the version, "19c" or "23ai". ``cluster``: a running PostgreSQL to use (a database of its own is created there and
    dropped at the end); default: one of its own. ``settings``: of the redo (log sizes, threads, snapshots …).
    """

    def __init__(
        self,
        users: Mapping[str, str] | None = None,
        *,
        profile: str = "19c",
        privileges: Sequence[str] = PRIVILEGES,
        cluster: Cluster | None = None,
        settings: RedoSettings | None = None,
        port: int = 0,
        max_string_size: int = 32767,
        compress: bool = True,
        rds: bool = False,
    ) -> None:
        if profile not in PROFILES:
            raise PreconditionError(f"there is no wire profile {profile!r}", next_step=f"name one of {', '.join(PROFILES)}")
        self._users = {_fold(name): password or secrets.token_urlsafe(12) for name, password in (users or {}).items()}
        self._privileges = tuple(privileges)
        self.dba = MASTER if rds else DBA
        """Who may do most."""
        self._rds = rds
        self.passwords = dict.fromkeys([MASTER] if rds else ["SYS", DBA], DBA_PASSWORD) | self._users
        self.profile = profile
        self._own = cluster is None
        self._cluster = cluster or Cluster("oracle", settings={"max_connections": "300", "max_locks_per_transaction": "256"})
        self._database = f"oracle_{secrets.token_hex(4)}"
        self._settings = settings
        self._port = port
        self._max_string_size = max_string_size
        self._compress = compress
        self._engine: PgEngine | None = None
        self._server: Server | None = None
        self.instances: list[Server] = []
        """Of a cluster, by redo thread from 1 on: each instance's own listener. (The other one deals sessions out.)"""
        self._exit = contextlib.ExitStack()

    def start(self) -> Self:
        """Start everything; returns when clients can connect. What was started is stopped again if that fails."""
        with contextlib.ExitStack() as stack:
            if self._own:
                stack.callback(self._cluster.destroy)
                self._cluster.start()
            else:
                stack.callback(self._drop_database)
            with psycopg.connect(self._cluster.dsn(), autocommit=True) as connection:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self._database)))
            self._engine = PgEngine(
                self._cluster.dsn(self._database),
                profile=self.profile,
                service=PDB,
                max_string_size=self._max_string_size,
                redo=self._settings,
                rds=DBA_PASSWORD if self._rds else "",
            )
            stack.callback(self._engine.close)
            for name, password in self._users.items():
                self._engine.add_user(name, password, *self._privileges)
            self._server = Server(self._engine, profile=self.profile, port=self._port, compress=self._compress)
            stack.callback(self._server.close)
            self._server.start()
            if self._settings is not None and self._settings.cluster:
                for number in range(1, self._settings.threads + 1):
                    one = Server(self._engine, profile=self.profile, compress=self._compress, instance=number)
                    stack.callback(one.close)
                    self.instances.append(one.start())
            self._exit = stack.pop_all()
        return self

    def close(self) -> None:
        """Break every connection off and stop everything. May be called again."""
        self._exit.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # -- the parts ----------------------------------------------------------------------------------------------------

    @property
    def server(self) -> Server:
        """The wire: ``connections``, ``drop_connections`` …"""
        if self._server is None:
            raise PreconditionError("the simulator is not started", next_step="use it as a context manager, or call start()")
        return self._server

    @property
    def engine(self) -> PgEngine:
        """The SQL engine behind the wire."""
        if self._engine is None:
            raise PreconditionError("the simulator is not started", next_step="use it as a context manager, or call start()")
        return self._engine

    @property
    def redo(self) -> RedoLog:
        """SCNs, redo logs, LogMiner: log switches, purges, injected rows."""
        return self.engine.recorder

    @property
    def faults(self) -> Faults:
        """Faults of LogMiner, the V$ views and the redo."""
        return self.redo.faults

    @property
    def wire_faults(self) -> WireFaults:
        """Faults of the connections: drops, stalls, lost replies, injected errors."""
        return self.server.faults

    # -- connecting ---------------------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def dsn(self) -> str:
        """``127.0.0.1:port/FREEPDB1``, for python-oracledb."""
        return self.server.dsn(PDB)

    @property
    def root_dsn(self) -> str:
        """The service of CDB$ROOT."""
        return self.server.dsn(self.engine.database_name)

    def password(self, user: str) -> str:
        """The password of one of the users given (or of SYSTEM)."""
        return self.passwords[_fold(user)]

    def url(self, user: str = "", *, service: str = PDB) -> str:
        """``oracle://user:password@127.0.0.1:port/service``, as a migration's YAML names its source."""
        user = user or self.dba
        name, password = quote(user, safe=""), quote(self.password(user), safe="")
        return f"oracle://{name}:{password}@{HOST}:{self.port}/{service}"

    def connect(self, user: str = "", *, root: bool = False, **options: Any) -> oracledb.Connection:
        """A new session of the real driver; ``options`` as for ``oracledb.connect``."""
        dsn = self.root_dsn if root else self.dsn
        user = user or self.dba
        return oracledb.connect(user=user, password=self.password(user), dsn=dsn, **options)

    def execute(self, *statements: str, user: str = "") -> None:
        """Execute statements one after the other in a session of ``user`` (default: the DBA), and commit."""
        with self.connect(user) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            connection.commit()

    def _drop_database(self) -> None:
        with psycopg.connect(self._cluster.dsn(), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self._database)))


def _fold(name: str) -> str:
    return name[1:-1] if name.startswith('"') and name.endswith('"') else name.upper()
