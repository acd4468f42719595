"""Connections to one Oracle database.

Every session of ours has the same settings, so that values and redo are written in the same form wherever they are read, and says
who it is: module ``voyager-ops/<migration>``, action the role it plays.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import oracledb

from voyager_ops.databases.base import Database
from voyager_ops.databases.oracle.address import Address, check, parse_url
from voyager_ops.databases.oracle.errors import LOGIN, NO_SESSION, OLDER_COMPATIBLE, is_disconnect, message_of, ora_code
from voyager_ops.databases.oracle.names import literal, quote, unfold
from voyager_ops.databases.oracle.overrides import Overrides
from voyager_ops.errors import ConfigError, ConnectionFailed, PreconditionError
from voyager_ops.model.positions import Side

SETTINGS: Final[Mapping[str, str]] = {
    "NLS_DATE_FORMAT": "YYYY-MM-DD HH24:MI:SS",
    "NLS_TIMESTAMP_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF9",
    "NLS_TIMESTAMP_TZ_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM",
    "NLS_NUMERIC_CHARACTERS": ".,",
    "NLS_SORT": "BINARY",
    "NLS_COMP": "BINARY",
    "NLS_CALENDAR": "GREGORIAN",
}
"""Session settings on which the text of dates and numbers depends, LogMiner's literals included, and the order of text."""

SIGNED_YEARS: Final[Mapping[str, str]] = {
    name: value.replace("YYYY", "SYYYY", 1) for name, value in SETTINGS.items() if value.startswith("YYYY")
}
"""Settings of a session that mines: without the sign, the redo's text of a year before Christ is that of one after."""
ALTER_TIME_ZONE: Final = "ALTER SESSION SET TIME_ZONE = '00:00'"
"""TIMESTAMP WITH LOCAL TIME ZONE prints in the session's zone."""
ALTER_ARCHIVAL: Final = "ALTER SESSION SET ROW ARCHIVAL VISIBILITY = ALL"
"""Rows of a table with ROW ARCHIVAL that are archived are rows: a session that was not told does not see them. From 12.1 on."""

CONTAINER: Final = "SELECT SYS_CONTEXT('USERENV', 'CDB_NAME'), SYS_CONTEXT('USERENV', 'CON_NAME') FROM DUAL"

_MODULE_BYTES = 48
_ACTION_BYTES = 32
_THICK = threading.Lock()


@dataclass(frozen=True)
class OracleDatabase:
    """How to reach one database. Cheap; opens nothing until :meth:`connect`. ``repr`` shows no secret."""

    side: Side
    migration: str
    address: Address
    kind: Literal["oracle"] = "oracle"
    overrides: Overrides = field(default_factory=Overrides)
    """What the configuration wants of types; whoever reads the catalog needs it."""

    @classmethod
    def from_url(cls, url: str, *, side: Side, migration: str) -> OracleDatabase:
        """Accepts ``oracle://`` URLs (see :mod:`voyager_ops.databases.oracle.address`). Raises ConfigError, never echoes it."""
        return cls(side, migration, parse_url(url, key=f"{side}.url"))

    @classmethod
    def from_parameters(
        cls,
        *,
        side: Side,
        migration: str,
        user: str,
        password: str = "",
        host: str = "",
        port: int = 1521,
        service: str = "",
        sid: str = "",
        dsn: str = "",
        options: Mapping[str, Any] | None = None,
        thick: bool = False,
    ) -> OracleDatabase:
        """From parts; ``options`` are the driver's (:data:`voyager_ops.databases.oracle.address.OPTIONS`). Raises ConfigError."""
        address = Address(user, password, host, port, service, sid, dsn, dict(options or {}), thick)
        check(address, f"{side}.url")
        return cls(side, migration, address)

    @property
    def where(self) -> str:
        """host:port/service (or what else names the instance), for messages; no user, no secret."""
        return self.address.where

    @property
    def user(self) -> str:
        return self.address.user

    @property
    def common_user(self) -> bool:
        """Whether the user's name is that of a common user of a container database (the prefix Oracle ships with)."""
        return self.user.strip('"').upper().startswith("C##")

    def connect(
        self, role: str, *, root: bool = False, settings: Mapping[str, str] | None = None, instance: str = ""
    ) -> oracledb.Connection:
        """A new session. ``role`` is a short word for what it is for (``capture``, ``verify``, …).

        ``settings``: of the session, over :data:`SETTINGS`; those of a session that mines are :data:`SIGNED_YEARS`.

        ``root``: in CDB$ROOT, where mining has to run when the tables are in a pluggable database and our user is a common one;
        an ordinary session where the configuration or the database has no such thing (:attr:`Address.root`).
        ``instance``: one of :attr:`Address.instances`, which is waited for only a few seconds.
        Raises ConnectionFailed (retryable) with the server's words, PreconditionError when user or password are refused.
        """
        if self.address.thick:
            self._init_thick()
        try:
            connection = oracledb.connect(**self._parameters(root, instance))
        except oracledb.Error as error:
            raise self._refused(error) from None
        try:
            self._set_up(connection, role, root, {**(SIGNED_YEARS if root else {}), **(settings or {})})
        except oracledb.Error as error:
            connection.close()
            raise self._refused(error) from None
        except BaseException:
            connection.close()
            raise
        return connection

    def _parameters(self, root: bool, instance: str) -> dict[str, Any]:
        parameters = self.address.driver_parameters(root=root, instance=instance)
        parameters.setdefault("tcp_connect_timeout", 3.0 if instance else 15.0)
        parameters.setdefault("expire_time", 1)  # minutes: a peer that vanished is noticed
        parameters["program"] = "voyager-ops"
        return parameters

    def _set_up(self, connection: oracledb.Connection, role: str, root: bool, settings: Mapping[str, str]) -> None:
        connection.module = _cut(f"voyager-ops/{self.migration}", _MODULE_BYTES)
        connection.action = _cut(role, _ACTION_BYTES)
        with connection.cursor() as cursor:
            if root and not self.address.root_service and self.address.root != "no" and self._must_switch(cursor):
                cursor.execute("ALTER SESSION SET CONTAINER = CDB$ROOT")
            cursor.execute(alter_settings(settings))
            cursor.execute(ALTER_TIME_ZONE)
            if int(connection.version.partition(".")[0]) >= 12:
                _show_archived(cursor)

    def _must_switch(self, cursor: oracledb.Cursor) -> bool:
        if self.address.root == "auto" and not self.common_user:
            return False
        database, container = cursor.execute(CONTAINER).fetchone() or (None, None)
        return database is not None and container != "CDB$ROOT"

    def _refused(self, error: oracledb.Error) -> ConnectionFailed | PreconditionError:
        what = f"cannot connect to the {self.side} database {self.where}: {self._without_secrets(message_of(error))}"
        if ora_code(error) == NO_SESSION:
            user = quote(unfold(self.user.strip('"')))
            return PreconditionError(
                what,
                state="nothing was changed",
                next_step=f"GRANT CREATE SESSION TO {user}{' CONTAINER = ALL' if self.common_user else ''}",
            )
        if ora_code(error) in LOGIN or not (is_disconnect(error) or ora_code(error) is None):
            return PreconditionError(
                what,
                state="nothing was changed",
                next_step="check user, password and rights (voyager-ops prepare source --print)",
            )
        return ConnectionFailed(
            what,
            state="nothing was changed",
            next_step="check that the server is up, and host, port, service and user in the configuration",
        )

    def _without_secrets(self, message: str) -> str:
        for secret in (self.address.password, self.address.options.get("wallet_password")):
            if secret:
                message = message.replace(str(secret), "***")
        return message

    def _init_thick(self) -> None:
        """Load Oracle's client libraries, once per process. Raises ConfigError when they cannot be used."""
        with _THICK:
            if not oracledb.is_thin_mode():
                return
            try:
                oracledb.init_oracle_client(
                    lib_dir=self.address.thick_lib_dir or None, config_dir=self.address.thick_config_dir or None
                )
            except oracledb.Error as error:
                raise ConfigError(
                    f"Oracle's client libraries cannot be used: {message_of(error)}",
                    key=f"{self.side}.url",
                    next_step="install Oracle Instant Client and name its directory with thick_lib_dir, or leave thick out",
                ) from None


def alter_settings(settings: Mapping[str, str] | None = None) -> str:
    """The statement that makes :data:`SETTINGS` (and over them ``settings``) the session's."""
    merged = {**SETTINGS, **(settings or {})}
    return "ALTER SESSION SET " + " ".join(f"{name} = {literal(value)}" for name, value in merged.items())


def _show_archived(cursor: oracledb.Cursor) -> None:
    try:
        cursor.execute(ALTER_ARCHIVAL)
    except oracledb.DatabaseError as error:
        if ora_code(error) != OLDER_COMPATIBLE:  # there no table has ROW ARCHIVAL
            raise


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")


def container_of(connection: oracledb.Connection) -> str | None:
    """The pluggable database that the session is in (what LogMiner calls SRC_CON_NAME); None outside a container database."""
    with connection.cursor() as cursor:
        row = cursor.execute(CONTAINER).fetchone()
    if row is None or row[0] is None:
        return None
    return str(row[1])


def oracle(database: Database) -> OracleDatabase:
    """``database`` as what it is known to be: for the rooms of this package, which are given nothing else."""
    assert isinstance(database, OracleDatabase), database.kind
    return database
