"""What carrying out DDL needs: the connection, who runs it, names, rows of DBA_OBJECTS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.ora_errors import oracle_error
from voyager_ops.testing.oracle.rewrite import quote

Connection = psycopg.Connection[Any]
MAX_NAME = 60
LARGEST = 9223372036854775807
NO_MAXVALUE = 9999999999999999999999999999


@dataclass(frozen=True, slots=True)
class Context:
    """What carrying out DDL needs: the connection in its transaction, who runs it, how expressions are translated."""

    connection: Connection
    user: str
    schema: str
    expression: Callable[[str], str]
    extended_strings: bool = False

    def owner(self, owner: str | None) -> str:
        """``owner`` or the current schema; ORA-01918 when there is no such user."""
        name = owner or self.schema
        if not dd.exists(self.connection, "USERS", USERNAME=name):
            raise OracleError(1918, f"user '{name}' does not exist")
        return name

    def run(self, statement: str) -> None:
        """One statement on PostgreSQL; its errors as Oracle's."""
        try:
            self.connection.execute(statement.encode())
        except psycopg.Error as error:
            raise oracle_error(error) from error

    def next_id(self) -> int:
        row = self.connection.execute("SELECT nextval('ora.object_ids')").fetchone()
        assert row is not None
        return int(row[0])

    def oid(self, owner: str, name: str) -> int:
        row = self.connection.execute("SELECT format('%%I.%%I', %s::text, %s::text)::regclass::oid", (owner, name)).fetchone()
        assert row is not None
        return int(row[0])


def relation(owner: str, name: str) -> str:
    return f"{quote(owner)}.{quote(name)}"


def check_name(name: str) -> None:
    """ORA-00972 for a name beyond what PostgreSQL can hold (Oracle's own limit is 128 bytes)."""
    if len(name.encode()) > MAX_NAME:
        raise OracleError(972, f"identifier is too long (simulator: more than {MAX_NAME} bytes)")


def check_free(context: Context, owner: str, name: str) -> None:
    """ORA-00955 when a table, view, sequence, synonym or such of that name exists."""
    taken = context.connection.execute(
        'SELECT FROM ora."OBJECTS" WHERE "OWNER" = %s::text AND "OBJECT_NAME" = %s::text AND "OBJECT_TYPE"::text'
        " NOT IN ('INDEX', 'TRIGGER', 'LOB', 'PACKAGE BODY', 'TYPE BODY', 'TABLE PARTITION', 'TABLE SUBPARTITION', 'INDEX"
        " PARTITION')",
        (owner, name),
    ).fetchone()
    if taken is not None:
        raise OracleError(955, "name is already used by an existing object")


def add_object(
    context: Context,
    owner: str,
    name: str,
    kind: str,
    object_id: int | None = None,
    *,
    status: str = "VALID",
    generated: bool = False,
    temporary: bool = False,
    sub: str | None = None,
) -> int:
    """The row of DBA_OBJECTS."""
    number = object_id if object_id is not None else context.next_id()
    stored = kind in ("TABLE", "INDEX", "LOB", "TABLE PARTITION", "TABLE SUBPARTITION", "CLUSTER")
    dd.insert(
        context.connection,
        "OBJECTS",
        OWNER=owner,
        OBJECT_NAME=name,
        SUBOBJECT_NAME=sub,
        OBJECT_ID=number,
        DATA_OBJECT_ID=number if stored else None,
        OBJECT_TYPE=kind,
        STATUS=status,
        TEMPORARY="Y" if temporary else "N",
        GENERATED="Y" if generated else "N",
        SECONDARY="N",
        NAMESPACE=1,
        ORACLE_MAINTAINED="N",
        SHARING="NONE",
    )
    context.connection.execute(
        'UPDATE ora."OBJECTS" SET "CREATED" = ora.sysdate(), "LAST_DDL_TIME" = ora.sysdate(),'
        ' "TIMESTAMP" = to_char(ora.sysdate()::timestamp, \'YYYY-MM-DD:HH24:MI:SS\') WHERE "OBJECT_ID" = %s',
        (number,),
    )
    return number


def touch(context: Context, owner: str, name: str) -> None:
    context.connection.execute(
        'UPDATE ora."OBJECTS" SET "LAST_DDL_TIME" = ora.sysdate() WHERE "OWNER" = %s::text AND "OBJECT_NAME" = %s::text',
        (owner, name),
    )
