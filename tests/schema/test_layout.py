from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from voyager_ops.errors import PreconditionError, SchemaError
from voyager_ops.schema import layout
from voyager_ops.schema.findings import Finding
from voyager_ops.schema.kinds import KINDS, Kind
from voyager_ops.schema.statements import parse

ORDERED = [
    (Kind.SCHEMA, "CREATE SCHEMA IF NOT EXISTS s"),
    (Kind.TABLE, "CREATE TABLE s.a (id int)"),
    (Kind.FUNCTION, "CREATE FUNCTION s.f() RETURNS SETOF s.a LANGUAGE sql AS ''"),
    (Kind.TABLE, "CREATE TABLE s.b (id int DEFAULT s.f())"),
    (Kind.TRIGGER, "CREATE TRIGGER g AFTER INSERT ON s.a EXECUTE FUNCTION s.g()"),
    (Kind.INDEX, "CREATE INDEX i ON s.a (id)"),
    (Kind.GRANT, "GRANT SELECT ON s.a TO joe"),
]


def _write(directory: Path) -> layout.Manifest:
    ordered = [(kind, parse(text)[0]) for kind, text in ORDERED]
    finding = Finding("X", "table", "s.a", "é")
    return layout.write(directory / "schema", directory / "m" / "m.json", ordered, findings=[finding], source_version=18)


def _texts(directory: Path) -> list[str]:
    return [item.statement.text for item in layout.read(directory / "schema", directory / "m" / "m.json")]


def test_statements_come_back_in_the_order_of_import(tmp_path: Path) -> None:
    manifest = _write(tmp_path)
    assert layout.read_manifest(tmp_path / "m" / "m.json") == manifest
    texts = [text for _, text in ORDERED]
    # Base as dumped; later stages by kind: the index before the trigger.
    assert _texts(tmp_path) == [*texts[:4], texts[5], texts[4]]


def test_advice_is_commented_out(tmp_path: Path) -> None:
    _write(tmp_path)
    assert "\n-- GRANT SELECT ON s.a TO joe;" in (tmp_path / "schema/advice/grant.sql").read_text()
    assert not any("GRANT" in text for text in _texts(tmp_path))


def test_an_edited_statement_keeps_its_place_and_an_added_one_follows(tmp_path: Path) -> None:
    _write(tmp_path)
    path = tmp_path / "schema/tables/table.sql"
    path.write_text(
        "CREATE TABLE s.zero (id int);\n" + path.read_text().replace("s.a (id int)", "s.a (id bigint)") + "CREATE TABLE s.c ();"
    )
    texts = _texts(tmp_path)[:6]
    assert texts == [
        "CREATE SCHEMA IF NOT EXISTS s",
        "CREATE FUNCTION s.f() RETURNS SETOF s.a LANGUAGE sql AS ''",
        "CREATE TABLE s.zero (id int)",
        "CREATE TABLE s.a (id bigint)",
        "CREATE TABLE s.b (id int DEFAULT s.f())",
        "CREATE TABLE s.c ()",
    ]


def test_edits_are_not_overwritten(tmp_path: Path) -> None:
    manifest = tmp_path / "m" / "m.json"
    layout.refuse_edited(tmp_path / "schema", manifest)
    _write(tmp_path)
    layout.refuse_edited(tmp_path / "schema", manifest)
    _write(tmp_path)
    (tmp_path / "schema/views").mkdir()
    (tmp_path / "schema/views/mine.sql").write_text("CREATE VIEW s.v AS SELECT 1;")
    (tmp_path / "schema/indexes/index.sql").unlink()
    with pytest.raises(PreconditionError, match=r"indexes/index\.sql, views/mine\.sql"):
        layout.refuse_edited(tmp_path / "schema", manifest)


def test_a_file_in_an_unknown_place_is_refused(tmp_path: Path) -> None:
    _write(tmp_path)
    (tmp_path / "schema/mine.sql").write_text("SELECT 1;")
    with pytest.raises(SchemaError, match=r"mine\.sql"):
        _texts(tmp_path)


def test_a_missing_directory_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(PreconditionError, match="export schema"):
        layout.read(tmp_path / "schema")


CRASH = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.schema.test_layout import _write
_write(Path({directory!r}))
"""


@pytest.mark.parametrize("point", ["schema.export.before_publish", "schema.export.after_publish"])
def test_a_crash_while_writing_is_not_taken_for_an_edit(tmp_path: Path, point: str) -> None:
    _write(tmp_path)
    root = str(Path(__file__).parents[2])
    script = CRASH.format(root=root, directory=str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "VOYAGER_OPS_FAILPOINTS": f"{point}=crash"}, check=False
    )
    assert done.returncode == -9
    layout.refuse_edited(tmp_path / "schema", tmp_path / "m" / "m.json")
    _write(tmp_path)
    assert len(_texts(tmp_path)) == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "schema"]


def test_the_directories_are_those_that_the_documentation_lists() -> None:
    text = (Path(__file__).parents[2] / "docs" / "schema.md").read_text(encoding="utf-8")
    listed = re.findall(r"([a-z_]+)/ ", text.partition("    schema/\n")[2].partition("advice/")[0])
    assert len(listed) > 20
    assert set(listed) <= {info.directory for info in KINDS.values()}
