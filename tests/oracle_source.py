"""An Oracle database for tests: a simulated one, or a real one where two environment variables name it.

``VOYAGER_OPS_TEST_ORACLE_DSN``: where it is, ``oracle://host:port/service`` (a user in it is of no concern; parameters as in a
migration's URL, see docs/oracle.md) or just ``host:port/service``: the pluggable database that the tests may use.
``VOYAGER_OPS_TEST_ORACLE_SYSDBA_DSN``: the same with SYS, ``oracle://SYS:password@host:port/service?mode=sysdba``.

On a real one the users that a test asks for are made through the second and dropped, with all they own, at its end, and so are
those that the test itself makes (by ``prepare source``), with the roles of their schemas. A role ``VO_TEST_<user>`` says that a
user is ours: one that is there without it is never touched, and the test fails; so does every test where the database that is
named does not answer. One process at a time runs such tests, for the users' names are fixed (``make test-real``). The database
must be in ARCHIVELOG mode and have minimal supplemental logging; nothing of the database itself is changed.

What a test needs of the simulator itself, faults and redo on order, it takes from :attr:`OracleSource.simulator`: on a real
Oracle it is skipped there. Has been run against simulated Oracles only, for both ways: see tests/test_oracle_source.py.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlsplit, urlunsplit

import oracledb
import pytest

from voyager_ops.databases.oracle.address import Address, parse_url
from voyager_ops.databases.oracle.database import OracleDatabase
from voyager_ops.databases.oracle.errors import message_of, ora_code
from voyager_ops.databases.oracle.names import quote as quoted
from voyager_ops.databases.oracle.prepare_sql import role_name
from voyager_ops.model.positions import Side
from voyager_ops.testing.oracle.redo import RedoSettings
from voyager_ops.testing.oracle.simulator import DBA, DBA_PASSWORD, Simulator
from voyager_ops.testing.postgres import Cluster

DSN, SYSDBA_DSN = "VOYAGER_OPS_TEST_ORACLE_DSN", "VOYAGER_OPS_TEST_ORACLE_SYSDBA_DSN"
OURS = "VO_TEST_"
_IN_USE, _NO_USER, _NO_ROLE = 1940, 1918, 1919


@dataclass(frozen=True)
class RealOracle:
    """Where the real one is, and as whom it is administered. ``url`` and ``sysdba_url`` say the same; they hold passwords."""

    address: Address
    sysdba: Address
    url: str = field(repr=False)
    sysdba_url: str = field(repr=False)

    @classmethod
    def named(cls) -> RealOracle | None:
        """By the environment. Only one of the two variables is a mistake, not a reason to simulate."""
        where, sysdba = os.environ.get(DSN, ""), os.environ.get(SYSDBA_DSN, "")
        if bool(where) != bool(sysdba):
            pytest.fail(f"{DSN} and {SYSDBA_DSN} are given together or not at all", pytrace=False)
        if not where:
            return None
        url = where if "://" in where else f"oracle://{where}"
        if "@" not in url:
            url = url.replace("://", "://nobody@", 1)
        return cls(parse_url(url, key=DSN), parse_url(sysdba, key=SYSDBA_DSN), url, sysdba)

    @contextmanager
    def administered(self, *, root: bool = False) -> Iterator[oracledb.Cursor]:
        """A session of SYS; ``root``: in CDB$ROOT, if the database has containers."""
        with _administered(self.sysdba, root=root) as cursor:
            yield cursor

    def has_containers(self) -> bool:
        with self.administered() as cursor:
            return _has_containers(cursor)

    def look(self) -> None:
        """Fail unless it answers, and archives and logs what capture needs."""
        try:
            with self.administered() as cursor:
                facts = cursor.execute("SELECT LOG_MODE, SUPPLEMENTAL_LOG_DATA_MIN FROM V$DATABASE").fetchall()
        except oracledb.Error as error:
            pytest.fail(f"the database that {SYSDBA_DSN} names ({self.sysdba.where}): {message_of(error)}", pytrace=False)
        ((mode, minimal),) = facts
        if mode != "ARCHIVELOG" or minimal == "NO":
            pytest.fail(
                f"the database that {DSN} names is in {mode} mode, its minimal supplemental logging: {minimal}; as"
                " docker/oracle/1_archiving.sql says it has to be switched on",
                pytrace=False,
            )

    def claim(self, user: str) -> None:
        """Fail if there is a user of that name which is not of these tests; one that a killed run left behind is dropped."""
        with self.administered() as cursor:
            there = cursor.execute("SELECT USERNAME FROM DBA_USERS WHERE USERNAME = :1", [user]).fetchall()
            ours = cursor.execute("SELECT ROLE FROM DBA_ROLES WHERE ROLE = :1", [OURS + user]).fetchall()
        if there and not ours:
            pytest.fail(f"the database that {DSN} names has a user {user} that is not of these tests", pytrace=False)
        if ours:
            self.drop(user)

    def mark(self, user: str) -> None:
        """The user of that name will be ours."""
        with self.administered() as cursor:
            cursor.execute(f"CREATE ROLE {quoted(OURS + user)}")

    def create(self, user: str, password: str, privileges: Sequence[str]) -> None:
        name, everywhere = quoted(user), " CONTAINER = ALL" if is_common(user) else ""
        self.mark(user)
        with self.administered(root=is_common(user)) as cursor:
            cursor.execute(f'CREATE USER {name} IDENTIFIED BY "{password}"{everywhere}')
            for privilege in ("CREATE SESSION", *privileges):
                cursor.execute(f"GRANT {privilege} TO {name}{everywhere}")

    def drop(self, user: str, seconds: float = 30.0) -> None:
        """With everything it owns, the roles of its schema too; sessions that are left are ended."""
        deadline = time.monotonic() + seconds
        with self.administered(root=is_common(user)) as cursor:
            while True:
                try:
                    cursor.execute(f"DROP USER {quoted(user)} CASCADE")
                    break
                except oracledb.DatabaseError as error:
                    if ora_code(error) == _NO_USER:
                        break
                    if ora_code(error) != _IN_USE or time.monotonic() > deadline:
                        raise
                left = cursor.execute("SELECT SID, SERIAL# FROM V$SESSION WHERE USERNAME = :1", [user]).fetchall()
                for sid, serial in left:
                    with contextlib.suppress(oracledb.DatabaseError):  # it ended by itself
                        cursor.execute(f"ALTER SYSTEM KILL SESSION '{sid},{serial}' IMMEDIATE")
                time.sleep(0.5)
        with self.administered() as cursor:
            for role in (role_name(user, "READER"), role_name(user, "WRITER"), OURS + user):
                try:
                    cursor.execute(f"DROP ROLE {quoted(role)}")
                except oracledb.DatabaseError as error:
                    if ora_code(error) != _NO_ROLE:
                        raise


def is_common(user: str) -> bool:
    """To all containers of a database."""
    return user.startswith("C##")


def _has_containers(cursor: oracledb.Cursor) -> bool:
    return bool(cursor.execute("SELECT CDB FROM V$DATABASE").fetchall() == [("YES",)])


@contextmanager
def _administered(sysdba: Address, *, root: bool) -> Iterator[oracledb.Cursor]:
    connection = oracledb.connect(**sysdba.driver_parameters())
    try:
        with connection.cursor() as cursor:
            if root and _has_containers(cursor):
                cursor.execute("ALTER SESSION SET CONTAINER = CDB$ROOT")
            yield cursor
        connection.commit()
    finally:
        connection.close()


@dataclass(frozen=True)
class OracleSource:
    """A database, and users made for the test: ``passwords`` by name, in upper case. ``place``: its URL, whoever's."""

    place: str = field(repr=False)
    passwords: Mapping[str, str] = field(repr=False)
    privileged_url: str = field(repr=False)
    """Of SYS, as SYSDBA."""
    _simulator: Simulator | None = field(default=None, repr=False)
    _real: RealOracle | None = field(default=None, repr=False)

    @property
    def simulated(self) -> bool:
        return self._simulator is not None

    @property
    def simulator(self) -> Simulator:
        """The simulator itself, for what no real Oracle does on order. There the test is skipped."""
        if self._simulator is None:
            pytest.skip("needs the simulator: faults or redo on order")
        return self._simulator

    @property
    def address(self) -> Address:
        return parse_url(self.place, key=DSN)

    def url(self, user: str, password: str | None = None) -> str:
        """As a migration's YAML names its source. ``password``: of a user that the test makes."""
        parts = urlsplit(self.place)
        login = f"{quote(user, safe='')}:{quote(self._password(user) if password is None else password, safe='')}"
        return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc.rpartition('@')[2]}"))

    def database(self, user: str, migration: str) -> OracleDatabase:
        return OracleDatabase.from_url(self.url(user), side=Side.SOURCE, migration=migration)

    def connect(self, user: str) -> oracledb.Connection:
        """A session of the driver as it is, without the settings of ours."""
        return oracledb.connect(**replace(self.address, user=user, password=self._password(user)).driver_parameters())

    def execute(self, *statements: str, user: str) -> None:
        """One after the other in one session, committed at the end."""
        with self.connect(user) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            connection.commit()

    def administer(self, *statements: str, root: bool = False) -> None:
        """As SYS, in the database that the tests use, or in the root of its containers."""
        with self.administered(root=root) as cursor:
            for statement in statements:
                cursor.execute(statement)

    @contextmanager
    def administered(self, *, root: bool = False) -> Iterator[oracledb.Cursor]:
        """A session of SYS; commits in the end."""
        with _administered(parse_url(self.privileged_url, key=SYSDBA_DSN), root=root) as cursor:
            yield cursor

    def switch_logs(self) -> None:
        """Begin another redo log; the one before is archived."""
        if self._real is not None:
            with self._real.administered(root=True) as cursor:
                cursor.execute("ALTER SYSTEM ARCHIVE LOG CURRENT")
        else:
            self.simulator.redo.switch_logs()

    def _password(self, user: str) -> str:
        return self.passwords[user.upper()]


@contextmanager
def oracle_source(
    cluster: Cluster | None,
    users: Mapping[str, Sequence[str]],
    *,
    makes: Sequence[str] = (),
    passwords: Mapping[str, str] | None = None,
    profile: str = "19c",
    settings: RedoSettings | None = None,
) -> Iterator[OracleSource]:
    """A database with ``users`` (privileges and roles by name), in ARCHIVELOG mode and with minimal supplemental logging.

    ``passwords`` of some of the users; ``makes``: users that the test itself makes. Simulated on ``cluster`` (None: on one of its
    own) in the form of ``profile``, with the redo's ``settings``; with settings there is no real one.
    """
    real = RealOracle.named()
    known = {user: f"{user.title()}#pw1" for user in users} | dict(passwords or {})
    if real is None:
        with Simulator(profile=profile, cluster=cluster, settings=settings) as simulator:
            for user, privileges in users.items():
                simulator.engine.add_user(user, known[user], *privileges)
            simulator.execute("ALTER DATABASE ADD SUPPLEMENTAL LOG DATA")
            yield OracleSource(simulator.url(), {**known, DBA: DBA_PASSWORD}, f"{simulator.url('SYS')}?mode=sysdba", simulator)
        return
    real.look()
    if settings is not None:
        pytest.skip("needs the simulator: settings of the redo")
    if any(map(is_common, (*makes, *users))) and not real.has_containers():
        pytest.skip("needs a container database: common users")
    with contextlib.ExitStack() as stack:
        for user in (*makes, *users):
            real.claim(user)
            stack.callback(real.drop, user)
            if user in users:
                real.create(user, known[user], users[user])
            else:
                real.mark(user)
        yield OracleSource(real.url, known, real.sysdba_url, None, real)
