"""Our own tables in an Oracle database: in the migration user's schema, by fixed names; markers travel with the changes."""

from __future__ import annotations

import time
import uuid
from typing import Any, Final

import oracledb

from voyager_ops.databases.oracle.errors import NAME_IN_USE, UNIQUE_VIOLATED, ora_code, translate
from voyager_ops.databases.oracle.names import qualified
from voyager_ops.databases.oracle.types import OracleType
from voyager_ops.databases.postgres.metadata import MARKER_TABLE
from voyager_ops.failpoints import hit, register
from voyager_ops.model.tables import Column, Leaf, QName, Table

BEFORE_MARKER = register("metadata.oracle.marker.before")
AFTER_MARKER = register("metadata.oracle.marker.after")

MARKER: Final = "VOYAGER_OPS_MARKER"
FLUSH: Final = "VOYAGER_OPS_FLUSH"
_TABLES: Final = {
    MARKER: (
        f"CREATE TABLE {MARKER} (MIGRATION VARCHAR2(200 CHAR) NOT NULL, KIND VARCHAR2(100 CHAR) NOT NULL,"
        " ID VARCHAR2(200 CHAR) NOT NULL, WRITTEN_AT NUMBER NOT NULL,"
        f" CONSTRAINT {MARKER}_PK PRIMARY KEY (MIGRATION, KIND))",
        f"ALTER TABLE {MARKER} ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
    ),
    FLUSH: (f"CREATE TABLE {FLUSH} (LAST_SCN NUMBER(20) NOT NULL)",),
}
_SUPPLEMENTAL_IS_THERE: Final = 32588


def own_schema(connection: oracledb.Connection) -> str:
    """Where our tables are: the schema of the user we log on as, native spelling."""
    with connection.cursor() as cursor:
        row = cursor.execute("SELECT SYS_CONTEXT('USERENV', 'SESSION_USER') FROM DUAL").fetchone()
    return str(row[0])


def install(connection: oracledb.Connection, *, flush: bool = True) -> str:
    """Create what is missing; harmless when repeated or run at once by several processes. Returns the schema.

    ``flush``: with the table by which the log writer is made to write. Raises PreconditionError when the user may not.
    """
    owner = own_schema(connection)
    with connection.cursor() as cursor:
        for name, statements in _TABLES.items():
            if name == FLUSH and not flush:
                continue
            for statement in statements:
                try:
                    cursor.execute(statement)
                except oracledb.Error as error:
                    if ora_code(error) in NAME_IN_USE | {_SUPPLEMENTAL_IS_THERE}:
                        continue
                    raise translate(
                        error,
                        f"our table {name} cannot be created in schema {owner}",
                        "nothing of the migration's was changed",
                        "voyager-ops prepare source --print shows the grants (CREATE TABLE, a quota); run them, then this again",
                    ) from None
    return owner


def installed(connection: oracledb.Connection) -> bool:
    return object_id(connection, own_schema(connection), MARKER) is not None


def object_id(connection: oracledb.Connection, owner: str, name: str) -> int | None:
    """OBJECT_ID of a table; None when there is none."""
    with connection.cursor() as cursor:
        row = cursor.execute(
            "SELECT OBJECT_ID FROM ALL_OBJECTS WHERE OWNER = :owner AND OBJECT_NAME = :name AND OBJECT_TYPE = 'TABLE'",
            owner=owner,
            name=name,
        ).fetchone()
    return int(row[0]) if row else None


def write_marker(connection: oracledb.Connection, migration: str, kind: str, marker_id: str | None = None) -> str:
    """Write (or overwrite) the marker of ``kind`` in its own transaction; returns its id. Raises oracledb.Error."""
    marker_id = marker_id or uuid.uuid4().hex
    hit(BEFORE_MARKER)
    values: dict[str, Any] = {"id": marker_id, "at": f"{time.time():.6f}", "migration": migration, "kind": kind}
    with connection.cursor() as cursor:
        for _ in range(2):
            cursor.execute(
                f"UPDATE {MARKER} SET ID = :id, WRITTEN_AT = TO_NUMBER(:at) WHERE MIGRATION = :migration AND KIND = :kind",  # noqa: S608
                values,
            )
            if cursor.rowcount:
                break
            try:
                cursor.execute(
                    f"INSERT INTO {MARKER} (MIGRATION, KIND, ID, WRITTEN_AT)"  # noqa: S608 -- a constant
                    " VALUES (:migration, :kind, :id, TO_NUMBER(:at))",
                    values,
                )
                break
            except oracledb.Error as error:
                if ora_code(error) != UNIQUE_VIOLATED:
                    raise  # another process was first: overwrite its row
    connection.commit()
    hit(AFTER_MARKER)
    return marker_id


def drop(connection: oracledb.Connection, migration: str) -> list[str]:
    """Remove the migration's markers, and our tables when no other migration has any; says what went. Idempotent."""
    owner = own_schema(connection)
    if object_id(connection, owner, MARKER) is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {MARKER} WHERE MIGRATION = :migration", migration=migration)  # noqa: S608 -- a constant
        connection.commit()
        row = cursor.execute(f"SELECT COUNT(*) FROM {MARKER}").fetchone()  # noqa: S608 -- a constant
        if row[0]:
            return [f"our rows in {owner}.{MARKER} (other migrations use it)"]
        gone = []
        for name in _TABLES:
            if object_id(connection, owner, name) is not None:
                cursor.execute(f"DROP TABLE {qualified(owner, name)} PURGE")
                gone.append(f"table {owner}.{name}")
    return gone


def marker_table(owner: str, number: int) -> Table:
    """The marker table as the change log knows it. ``number``: its OBJECT_ID."""
    texts = OracleType("VARCHAR2", 800, 200, "C").to_json()
    columns = tuple(
        Column(name.lower(), type_sql, oid, oid, type_name, True, native=name, native_type=native)
        for name, type_sql, oid, type_name, native in (
            ("MIGRATION", "character varying(200)", 1043, "varchar", texts),
            ("KIND", "character varying(200)", 1043, "varchar", texts),
            ("ID", "character varying(200)", 1043, "varchar", texts),
            ("WRITTEN_AT", "numeric", 1700, "numeric", OracleType("NUMBER", 22).to_json()),
        )
    )
    leaf = Leaf(MARKER_TABLE, number, "d", "", -1, 0, True)
    return Table(MARKER_TABLE, number, columns, ("migration", "kind"), (leaf,), native=QName(owner, MARKER))
