"""An Oracle database for tests: a simulated one, or a real one where two environment variables name it.

``VOYAGER_OPS_TEST_ORACLE_DSN``: where it is, ``oracle://host:port/service`` (a user in it is of no concern; parameters as in a
migration's URL, see docs/oracle.md) or just ``host:port/service``: the pluggable database that the tests may use.
``VOYAGER_OPS_TEST_ORACLE_SYSDBA_DSN``: the same with SYS, ``oracle://SYS:password@host:port/service?mode=sysdba``.

On a real one the users that a test asks for are made through the second and dropped, with all they own, at its end. A role
``VO_TEST_<user>`` says that a user is ours: one that is there without it is never touched, and the test fails. One process at a
time runs such tests, for the users' names are fixed (docs/oracle.md has the command). The database must be in ARCHIVELOG mode
and have minimal supplemental logging; nothing of the database itself is changed.

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
from urllib.parse import quote

import oracledb
import pytest

from voyager_ops.databases.oracle.address import Address, parse_url
from voyager_ops.databases.oracle.database import OracleDatabase
from voyager_ops.databases.oracle.errors import ora_code
from voyager_ops.databases.oracle.names import quote as quoted
from voyager_ops.model.positions import Side
from voyager_ops.testing.oracle.redo import RedoSettings
from voyager_ops.testing.oracle.simulator import DBA, DBA_PASSWORD, Simulator
from voyager_ops.testing.postgres import Cluster

DSN, SYSDBA_DSN = "VOYAGER_OPS_TEST_ORACLE_DSN", "VOYAGER_OPS_TEST_ORACLE_SYSDBA_DSN"
OURS = "VO_TEST_"
_IN_USE, _NO_USER, _NO_ROLE = 1940, 1918, 1919


@dataclass(frozen=True)
class RealOracle:
    """Where the real one is, and as whom it is administered."""

    address: Address
    sysdba: Address

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
        return cls(parse_url(url, key=DSN), parse_url(sysdba, key=SYSDBA_DSN))

    @contextmanager
    def administered(self, *, root: bool = False) -> Iterator[oracledb.Cursor]:
        """A session of SYS; ``root``: in CDB$ROOT, if the database has containers."""
        connection = oracledb.connect(**self.sysdba.driver_parameters())
        try:
            with connection.cursor() as cursor:
                if root and cursor.execute("SELECT CDB FROM V$DATABASE").fetchall() == [("YES",)]:
                    cursor.execute("ALTER SESSION SET CONTAINER = CDB$ROOT")
                yield cursor
            connection.commit()
        finally:
            connection.close()

    def look(self) -> None:
        """Fail unless it archives and logs what capture needs."""
        with self.administered() as cursor:
            facts = cursor.execute("SELECT LOG_MODE, SUPPLEMENTAL_LOG_DATA_MIN FROM V$DATABASE").fetchall()
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

    def create(self, user: str, password: str, privileges: Sequence[str]) -> None:
        name = quoted(user)
        with self.administered() as cursor:
            cursor.execute(f"CREATE ROLE {quoted(OURS + user)}")
            cursor.execute(f'CREATE USER {name} IDENTIFIED BY "{password}"')
            for privilege in ("CREATE SESSION", *privileges):
                cursor.execute(f"GRANT {privilege} TO {name}")

    def drop(self, user: str, seconds: float = 30.0) -> None:
        """With everything it owns; sessions that are left are ended."""
        deadline = time.monotonic() + seconds
        with self.administered() as cursor:
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
            try:
                cursor.execute(f"DROP ROLE {quoted(OURS + user)}")
            except oracledb.DatabaseError as error:
                if ora_code(error) != _NO_ROLE:
                    raise


@dataclass(frozen=True)
class OracleSource:
    """A database, and users made for the test: ``passwords`` by name, in upper case."""

    address: Address
    passwords: Mapping[str, str]
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

    def url(self, user: str) -> str:
        """As a migration's YAML names its source."""
        assert self.address.service or self.address.sid
        place = f"/{self.address.service}" if self.address.service else f"?sid={self.address.sid}"
        name, password = quote(user, safe=""), quote(self._password(user), safe="")
        return f"oracle://{name}:{password}@{self.address.host}:{self.address.port}{place}"

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

    def administer(self, *statements: str) -> None:
        """As an administrator, in the database that the tests use."""
        if self._real is not None:
            with self._real.administered() as cursor:
                for statement in statements:
                    cursor.execute(statement)
        else:
            self.simulator.execute(*statements)

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
    cluster: Cluster,
    users: Mapping[str, Sequence[str]],
    *,
    profile: str = "19c",
    settings: RedoSettings | None = None,
) -> Iterator[OracleSource]:
    """A database with ``users`` (privileges and roles by name), in ARCHIVELOG mode and with minimal supplemental logging.

    Simulated on ``cluster`` in the form of ``profile``, with the redo's ``settings``; with settings there is no real one.
    """
    real = RealOracle.named()
    passwords = {user: f"{user.title()}#pw1" for user in users}
    if real is None:
        with Simulator(profile=profile, cluster=cluster, settings=settings) as simulator:
            for user, privileges in users.items():
                simulator.engine.add_user(user, passwords[user], *privileges)
            simulator.execute("ALTER DATABASE ADD SUPPLEMENTAL LOG DATA")
            address = parse_url(simulator.url(), key="the simulator's URL")
            yield OracleSource(address, {**passwords, DBA: DBA_PASSWORD}, simulator)
        return
    if settings is not None:
        pytest.skip("needs the simulator: settings of the redo")
    real.look()
    with contextlib.ExitStack() as stack:
        for user, privileges in users.items():
            real.claim(user)
            stack.callback(real.drop, user)
            real.create(user, passwords[user], privileges)
        yield OracleSource(real.address, passwords, None, real)
