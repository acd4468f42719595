"""The server that the tests' target databases are made on: an embedded PostgreSQL, or one that an environment variable names.

``VOYAGER_OPS_TEST_YUGABYTE_DSN``: a YugabyteDB, as ``yugabytedb://user:password@host:5433/database`` with a superuser, in whose
server the tests may make databases and roles; both are dropped again. (With ``postgresql://`` it is taken for what it then is: a
PostgreSQL. That is how this way has been tried; no YugabyteDB has been at hand.) A server that does not answer fails every test.
What a test wants to do to the server itself, stop it or look at its files, is skipped there.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from voyager_ops.databases.postgres.address import libpq_url
from voyager_ops.testing.postgres import SUPERUSER, Cluster

DSN = "VOYAGER_OPS_TEST_YUGABYTE_DSN"


class NamedServer(Cluster):
    """What tests ask of a :class:`Cluster`, of a server that is not ours to start, stop or look into."""

    def __init__(self, url: str) -> None:
        self.scheme = "yugabytedb" if url.startswith("yugabytedb:") else "postgresql"
        self._parts = urlsplit(libpq_url(url))
        self.port = self._parts.port or 5433
        self._passwords = {SUPERUSER: unquote(self._parts.password or "")}
        self.created: list[str] = []

    @property
    def running(self) -> bool:
        return True

    def dsn(self, dbname: str = "", user: str = SUPERUSER, password: str | None = None) -> str:
        """``postgresql://…``; the superuser's name is the one that the variable names."""
        secret = self._passwords.get(user, "") if password is None else password
        name = quote(self._parts.username or "" if user == SUPERUSER else user, safe="")
        place = self._parts.netloc.rpartition("@")[2]
        path = f"/{quote(dbname, safe='')}" if dbname and dbname != "postgres" else self._parts.path
        return urlunsplit(self._parts._replace(netloc=f"{name}:{quote(secret, safe='')}@{place}", path=path))

    def create_user(self, name: str, *, replication: bool = False, superuser: bool = False) -> str:
        secret = secrets.token_urlsafe(18)
        attributes = f"{'REPLICATION' if replication else ''} {'SUPERUSER' if superuser else ''}"
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN {} PASSWORD {}").format(
                    sql.Identifier(name),
                    sql.SQL(attributes),
                    sql.Literal(secret),
                )
            )
        self.created.append(name)
        self._passwords[name] = secret
        return self.dsn(user=name)

    def drop_users(self) -> None:
        """Those that :meth:`create_user` made and no test has dropped; their databases have been dropped."""
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            left = connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY (%s)", (self.created,)).fetchall()
            for (name,) in left:
                connection.execute(sql.SQL("DROP OWNED BY {0} CASCADE; DROP ROLE {0}").format(sql.Identifier(name)))

    def _not_ours(self, *_: object, **__: object) -> NoReturn:
        pytest.skip("needs a server of its own: to stop it, or to look into its files")

    start = stop = restart = destroy = log_tail = _not_ours
    data = log_path = pid = property(_not_ours)


def configured(server: Cluster, url: str) -> str:
    """A libpq URL of a database on ``server``, as a migration's configuration names it."""
    return url.replace("postgresql:", f"{server.scheme}:", 1) if isinstance(server, NamedServer) else url


@contextmanager
def target_server(name: str) -> Iterator[Cluster]:
    """A cluster called ``name``, or the server that is named."""
    url = os.environ.get(DSN, "")
    if not url:
        with Cluster(name) as cluster:
            yield cluster
        return
    server = NamedServer(url)
    try:
        psycopg.connect(server.dsn()).close()
    except psycopg.OperationalError as error:
        place = server.dsn().rpartition("@")[2]
        pytest.fail(f"the server that {DSN} names ({place}) does not answer: {type(error).__name__}", pytrace=False)
    yield server
    server.drop_users()
