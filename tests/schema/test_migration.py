"""Real schemas, from one cluster to another: what comes out is what went in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from tests.conftest import Database, create_database, drop_database
from tests.schema.structure import differences, structure
from voyager_ops.errors import PreconditionError, SchemaError
from voyager_ops.schema.export import SchemaExport, export_schema
from voyager_ops.schema.importer import Progress, SchemaImport, SchemaImportFailed, import_schema
from voyager_ops.schema.kinds import IMPORT_STAGES, Stage
from voyager_ops.schema.ledger import Ledger
from voyager_ops.testing.postgres import Cluster

SCHEMAS = Path(__file__).parent / "schemas"
NASTY = ("public", "sales", 'Odd "Schema"')
# Other server versions write these differently, or have a catalog for what others keep as a flag (NOT NULL).
VERSION_DEPENDENT = ("rules", "constraints", "functions")


def _load(database: Database, name: str) -> None:
    with database.connect() as connection:
        connection.execute((SCHEMAS / name).read_bytes())


def _export(source: Database, directory: Path, schemas: Sequence[str] = ("public",), **options: object) -> SchemaExport:
    return export_schema(source.url, directory / "schema", schemas=schemas, **options)  # type: ignore[arg-type]


def _import(target: Database, directory: Path, **options: object) -> list[SchemaImport]:
    with psycopg.connect(target.url, row_factory=dict_row) as connection:
        return [
            import_schema(connection, directory / "schema", stage, migration="m", **options)  # type: ignore[arg-type]
            for stage in IMPORT_STAGES
        ]


def _structures_differ(source: Database, target: Database, without: tuple[str, ...] = ()) -> list[str]:
    with source.connect() as one, target.connect() as other:
        return differences(structure(one, without=without), structure(other, without=without))


def test_nasty_schema_arrives_as_it_was(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    _load(source_db, "nasty.sql")
    _export(source_db, tmp_path, NASTY)
    results = _import(target_db, tmp_path)
    assert _structures_differ(source_db, target_db) == []
    assert all(result.executed + result.existed == result.total for result in results)
    again = _import(target_db, tmp_path)
    assert [(result.executed, result.already_done) for result in again] == [(0, result.total) for result in results]
    with target_db.connect() as connection:
        assert connection.execute("SELECT m FROM public.z_mat ORDER BY 1").fetchall() == [(2,), (4,), (6,), (8,), (10,)]
        connection.execute("ALTER TABLE public.a DROP COLUMN w")
    assert any("columns" in line for line in _structures_differ(source_db, target_db)), "the comparison must see differences"


def test_newest_features_and_circles(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    _load(source_db, "modern.sql")
    _export(source_db, tmp_path)
    _import(target_db, tmp_path)
    assert _structures_differ(source_db, target_db) == []


@pytest.fixture
def old_source(system_clusters: tuple[Cluster, Cluster]) -> Iterator[Database]:
    database = create_database(system_clusters[0])
    yield database
    drop_database(database)


@pytest.fixture
def old_target(system_clusters: tuple[Cluster, Cluster]) -> Iterator[Database]:
    database = create_database(system_clusters[1])
    yield database
    drop_database(database)


def test_from_an_older_server(old_source: Database, target_db: Database, tmp_path: Path) -> None:
    _load(old_source, "nasty.sql")
    _export(old_source, tmp_path, NASTY)
    _import(target_db, tmp_path)
    assert _structures_differ(old_source, target_db, VERSION_DEPENDENT) == []


def test_to_an_older_server(source_db: Database, old_target: Database, tmp_path: Path) -> None:
    _load(source_db, "nasty.sql")
    _export(source_db, tmp_path, NASTY)
    _import(old_target, tmp_path)
    assert _structures_differ(source_db, old_target, VERSION_DEPENDENT) == []


def test_extensions_and_what_only_a_full_server_has(old_source: Database, old_target: Database, tmp_path: Path) -> None:
    _load(old_source, "full_server.sql")
    exported = _export(old_source, tmp_path, ["app"])
    assert {finding.code for finding in exported.findings} == {
        *("FOREIGN_TABLE", "FOREIGN_SERVER", "OMITTED", "DEPENDENT_LEFT_OUT"),
    }
    assert "s3cret" not in "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    _import(old_target, tmp_path)
    with old_source.connect() as connection:
        connection.execute("DROP SCHEMA elsewhere CASCADE; DROP TABLE extensions.not_of_extension CASCADE")
        connection.execute("DROP USER MAPPING FOR PUBLIC SERVER z")
    assert _structures_differ(old_source, old_target) == []


def test_one_schema_under_another_name(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    _load(source_db, "renamed.sql")
    _export(source_db, tmp_path, ["sales"], rename_to="New Name")
    _import(target_db, tmp_path)
    with source_db.connect() as connection:
        connection.execute("DROP FUNCTION sales.in_quotes, sales.in_sql")
    with target_db.connect() as connection:
        assert connection.execute('SELECT "New Name".in_sql(), "New Name".in_quotes()').fetchone() == (0, 0)
        connection.execute('DROP FUNCTION "New Name".in_quotes, "New Name".in_sql')
    with source_db.connect() as connection:
        connection.execute('ALTER SCHEMA sales RENAME TO "New Name"')
        connection.execute('ALTER FUNCTION "New Name".with_path SET search_path TO "New Name", pg_temp')
    assert _structures_differ(source_db, target_db) == []


def test_tables_left_out(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    _load(source_db, "nasty.sql")
    exported = _export(source_db, tmp_path, NASTY, exclude_tables=[("public", "dog"), ("sales", "events_us"), ("public", "b")])
    assert {"public.v_dogs", "public.a_first", "a_b on public.a"} <= {finding.object_name for finding in exported.findings}
    _import(target_db, tmp_path)
    with target_db.connect() as connection:
        tables = {
            row[0]
            for row in connection.execute("SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p')").fetchall()
        }
    assert {"sales.events", "sales.events_us_0", "sales.sales"} <= tables
    assert not {"dog", "b", "sales.events_us"} & tables


def test_partitions_in_a_schema_that_is_not_migrated_are_told(source_db: Database, tmp_path: Path) -> None:
    with source_db.connect() as connection:
        connection.execute("CREATE SCHEMA parts; CREATE TABLE public.whole (a integer) PARTITION BY LIST (a)")
        connection.execute("CREATE TABLE parts.one PARTITION OF public.whole FOR VALUES IN (1)")
    exported = _export(source_db, tmp_path)
    assert [(finding.code, finding.object_name) for finding in exported.findings] == [("PARTITION_OUTSIDE", "parts.one")]
    assert _export(source_db, tmp_path, ["public", "parts"]).findings == ()


def test_only_named_tables(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    _load(source_db, "nasty.sql")
    _export(source_db, tmp_path, NASTY, include_tables=[("public", "animal"), ("public", "coded")])
    _import(target_db, tmp_path)
    with target_db.connect() as connection:
        query = (
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace::regnamespace::text IN ('public', 'sales')"
        )
        assert {row[0] for row in connection.execute(query).fetchall()} == {"animal", "coded"}


def test_owner_without_superuser_can_import(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    _load(source_db, "renamed.sql")
    _export(source_db, tmp_path, ["sales", "public"])
    role = sql.Identifier(f"owner_{target_db.name}")
    with target_db.connect() as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(role))
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(target_db.name), role))
    try:
        with psycopg.connect(target_db.url, user=f"owner_{target_db.name}", password="x") as connection:
            for stage in IMPORT_STAGES:
                import_schema(connection, tmp_path / "schema", stage, migration="m")
        assert _structures_differ(source_db, target_db) == []
    finally:
        with target_db.connect() as connection:
            connection.execute(sql.SQL("REASSIGN OWNED BY {} TO postgres").format(role))
            connection.execute(sql.SQL("DROP OWNED BY {}").format(role))
            connection.execute(sql.SQL("DROP ROLE {}").format(role))


RUN = """
import sys
from pathlib import Path
import psycopg
from voyager_ops.schema.importer import import_schema
from voyager_ops.schema.ledger import Ledger
from voyager_ops.schema.kinds import IMPORT_STAGES
with psycopg.connect(sys.argv[1]) as connection:
    for stage in IMPORT_STAGES:
        import_schema(connection, Path(sys.argv[2]), stage, migration="m", atomic_ddl=sys.argv[3] == "atomic")
"""


@pytest.mark.parametrize("mode", ["atomic", "not atomic"])
def test_killed_anywhere_it_goes_on_where_it_was(source_db: Database, target_db: Database, tmp_path: Path, mode: str) -> None:
    _load(source_db, "nasty.sql")
    _export(source_db, tmp_path, NASTY)
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", RUN, target_db.url, str(tmp_path / "schema"), mode]
    kills = [
        "before_statement=crash@3",
        "before_commit=crash@20",
        "after_statement=crash@40",
        "before_commit=crash@60",
        "after_statement=crash@25",
    ]
    for kill in kills:
        environment = {**os.environ, "PYTHONPATH": str(root), "VOYAGER_OPS_FAILPOINTS": f"schema.import.{kill}"}
        assert subprocess.run(command, env=environment, check=False).returncode == -9, kill
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(root)}, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert _structures_differ(source_db, target_db) == []


def test_ddl_that_commits_by_itself_is_recognized_after_a_crash(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    """What YugabyteDB may do: the object is there, the ledger's row is not finished."""
    _load(source_db, "renamed.sql")
    _export(source_db, tmp_path, ["sales", "public"])
    _import(target_db, tmp_path, atomic_ddl=False)
    with target_db.connect() as connection:
        connection.execute("UPDATE voyager_ops.schema_statement SET done_at = NULL WHERE file = 'tables/table.sql'")
    results = _import(target_db, tmp_path, atomic_ddl=False)
    assert results[0].existed > 0
    with target_db.connect() as connection:
        assert connection.execute("SELECT count(*) FROM voyager_ops.schema_statement WHERE done_at IS NULL").fetchone() == (0,)
    assert _structures_differ(source_db, target_db) == []


def test_forgotten_statements_are_run_again(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    _load(source_db, "renamed.sql")
    _export(source_db, tmp_path, ["sales"])
    _import(target_db, tmp_path)
    with target_db.connect() as connection:
        Ledger(connection, "m").forget()
        connection.execute("DROP SCHEMA sales CASCADE")
    assert all(result.already_done == 0 for result in _import(target_db, tmp_path))
    assert _structures_differ(source_db, target_db) == []


def _edited(directory: Path, file: str, text: str) -> None:
    path = directory / "schema" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_every_error_is_told_with_its_place(target_db: Database, tmp_path: Path) -> None:
    _edited(
        tmp_path,
        "tables/table.sql",
        "CREATE TABLE a (id int);\n\nCREATE TABLE a (id int);\nCREATE TABLE b (id nothere);\nCREATE TABL c;",
    )
    _edited(tmp_path, "views/view.sql", "CREATE VIEW public.v AS SELECT * FROM public.w; CREATE VIEW public.w AS SELECT 1 AS x;")
    text = (tmp_path / "schema/tables/table.sql").read_text().replace("TABLE ", "TABLE public.")
    _edited(tmp_path, "tables/table.sql", text)
    with psycopg.connect(target_db.url) as connection:
        with pytest.raises(SchemaImportFailed) as stopped:
            import_schema(connection, tmp_path / "schema", Stage.BASE, migration="m")
        assert [(error.line, error.sqlstate) for error in stopped.value.result.errors] == [(3, "42P07")]
        with pytest.raises(SchemaImportFailed) as failed:
            import_schema(connection, tmp_path / "schema", Stage.BASE, migration="m", continue_on_error=True)
        assert connection.execute("SELECT x FROM public.v").fetchone() == (1,), "a view waits for what it is made of"
    errors = {(error.file, error.line, error.sqlstate) for error in failed.value.result.errors}
    assert errors == {("tables/table.sql", 3, "42P07"), ("tables/table.sql", 4, "42704"), ("tables/table.sql", 5, "42601")}
    assert "tables/table.sql, line 4" in str(failed.value)
    assert "CREATE TABLE public.b (id nothere)" in str(failed.value)


def test_keys_that_rows_of_a_loose_table_do_not_fulfil_are_left_out(target_db: Database, tmp_path: Path) -> None:
    _edited(
        tmp_path,
        "tables/table.sql",
        "CREATE TABLE public.torn (id int, code int); CREATE TABLE public.whole (id int, torn int);",
    )
    _edited(
        tmp_path,
        "unique_constraints/unique_constraint.sql",
        "ALTER TABLE ONLY public.torn ADD CONSTRAINT torn_id UNIQUE (id);"
        " ALTER TABLE ONLY public.torn ADD CONSTRAINT torn_code UNIQUE (code);"
        " ALTER TABLE ONLY public.whole ADD CONSTRAINT whole_id UNIQUE (id);",
    )
    _edited(
        tmp_path,
        "foreign_keys/foreign_key.sql",
        "ALTER TABLE ONLY public.whole ADD CONSTRAINT by_id FOREIGN KEY (torn) REFERENCES public.torn (id);"
        " ALTER TABLE ONLY public.whole ADD CONSTRAINT by_code FOREIGN KEY (torn) REFERENCES public.torn (code);",
    )
    with psycopg.connect(target_db.url, autocommit=True) as connection:
        import_schema(connection, tmp_path / "schema", Stage.BASE, migration="m")
        connection.execute("INSERT INTO torn VALUES (1, 1), (2, 1); INSERT INTO whole VALUES (1, 7)")
        with pytest.raises(SchemaImportFailed, match="torn_code"):
            import_schema(connection, tmp_path / "schema", Stage.UNIQUE, migration="m")
        for _ in range(2):  # tried again by every run
            unique = import_schema(connection, tmp_path / "schema", Stage.UNIQUE, migration="m", loose={("public", "torn")})
            assert [*map(_named, unique.left_out)] == ["torn_code"]
            post = import_schema(connection, tmp_path / "schema", Stage.POST, migration="m", loose={("public", "torn")})
            assert [*map(_named, post.left_out)] == ["by_id", "by_code"]
        names = connection.execute("SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1")
        assert names.fetchall() == [("torn_id",), ("whole_id",)]


def test_what_needs_a_loose_table_that_is_gone_is_left_out(target_db: Database, tmp_path: Path) -> None:
    _edited(tmp_path, "tables/table.sql", "CREATE TABLE public.torn (id int); CREATE TABLE public.whole (id int, torn int);")
    _edited(
        tmp_path,
        "unique_constraints/unique_constraint.sql",
        "ALTER TABLE ONLY public.torn ADD CONSTRAINT torn_id UNIQUE (id);"
        " ALTER TABLE ONLY public.whole ADD CONSTRAINT whole_id UNIQUE (id);",
    )
    _edited(
        tmp_path,
        "foreign_keys/foreign_key.sql",
        "ALTER TABLE ONLY public.whole ADD CONSTRAINT by_id FOREIGN KEY (torn) REFERENCES public.torn (id);"
        " ALTER TABLE ONLY public.whole ADD CONSTRAINT itself FOREIGN KEY (torn) REFERENCES public.whole (id);",
    )
    with psycopg.connect(target_db.url, autocommit=True) as connection:
        import_schema(connection, tmp_path / "schema", Stage.BASE, migration="m")
        connection.execute("DROP TABLE torn")
        with pytest.raises(SchemaImportFailed, match="torn_id"):
            import_schema(connection, tmp_path / "schema", Stage.UNIQUE, migration="m")
        unique = import_schema(connection, tmp_path / "schema", Stage.UNIQUE, migration="m", loose={("public", "torn")})
        assert [*map(_named, unique.left_out)] == ["torn_id"]
        assert "and no longer there" in unique.left_out[0]
        post = import_schema(connection, tmp_path / "schema", Stage.POST, migration="m", loose={("public", "torn")})
        assert [*map(_named, post.left_out)] == ["by_id"]
        names = connection.execute("SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1")
        assert names.fetchall() == [("itself",), ("whole_id",)]


def test_a_view_of_rows_that_are_not_in_step_is_not_refreshed(target_db: Database, tmp_path: Path) -> None:
    _edited(tmp_path, "tables/table.sql", "CREATE TABLE public.torn (id int, code int); CREATE TABLE public.whole (id int);")
    _edited(
        tmp_path,
        "materialized_views/materialized_view.sql",
        "CREATE MATERIALIZED VIEW public.codes AS SELECT code FROM public.torn WITH NO DATA;",
    )
    _edited(
        tmp_path, "unique_constraints/unique_constraint.sql", "ALTER TABLE ONLY public.torn ADD CONSTRAINT once UNIQUE (code);"
    )
    _edited(tmp_path, "unique_indexes/unique_index.sql", "CREATE UNIQUE INDEX codes_code ON public.codes (code);")
    _edited(tmp_path, "materialized_view_refreshes/materialized_view_refresh.sql", "REFRESH MATERIALIZED VIEW public.codes;")
    with psycopg.connect(target_db.url, autocommit=True) as connection:
        import_schema(connection, tmp_path / "schema", Stage.BASE, migration="m")
        connection.execute("INSERT INTO torn VALUES (1, 1), (2, 1)")
        # The key of the stopped table is excused; the second table has no such excuse.
        _edited(tmp_path, "exclusion_constraints/exclusion_constraint.sql", "ALTER TABLE public.whole ADD UNIQUE (nothere);")
        with pytest.raises(SchemaImportFailed, match=r"besides, left out, as table public\.torn is stopped"):
            import_schema(
                connection, tmp_path / "schema", Stage.UNIQUE, migration="m", continue_on_error=True, loose={("public", "torn")}
            )
        with pytest.raises(SchemaImportFailed, match="codes_code"):
            import_schema(connection, tmp_path / "schema", Stage.POST, migration="m")
        post = import_schema(connection, tmp_path / "schema", Stage.POST, migration="m", loose={("public", "torn")})
        (words,) = post.left_out
        assert words.startswith(
            "not refreshed, as what it reads may be stopped and not in step with the others (stopped: public.torn): "
        )
        connection.execute("DELETE FROM torn WHERE id = 2")
        assert not import_schema(connection, tmp_path / "schema", Stage.POST, migration="m").left_out
        assert connection.execute("SELECT code FROM codes").fetchall() == [(1,)]


def _named(words: str) -> str:
    assert words.startswith("left out, as table public.torn is stopped")
    return words.partition("ADD CONSTRAINT ")[2].split()[0]


def test_what_exists_already_is_accepted_on_request_only(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    _load(source_db, "nasty.sql")
    _export(source_db, tmp_path, NASTY)
    _import(target_db, tmp_path)
    with target_db.connect() as connection:
        connection.execute("DROP TABLE voyager_ops.schema_statement")
    with pytest.raises(SchemaImportFailed, match="--ignore-exist"):
        _import(target_db, tmp_path)
    with target_db.connect() as connection:
        connection.execute("DROP TABLE voyager_ops.schema_statement")
    _import(target_db, tmp_path, ignore_exist=True)
    assert _structures_differ(source_db, target_db) == []


def test_progress(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    _load(source_db, "nasty.sql")
    _export(source_db, tmp_path, NASTY)
    seen: list[Progress] = []
    results = _import(target_db, tmp_path, progress=seen.append)
    finished = [item for item in seen if item.finished]
    assert len(finished) == sum(result.total for result in results)
    assert finished[-1].position == finished[-1].total
    with psycopg.connect(target_db.url) as connection:
        connection.execute("SELECT 1")
        with pytest.raises(PreconditionError, match="inside a transaction"):
            import_schema(connection, tmp_path / "schema", Stage.POST, migration="m")


def test_export_refuses_what_it_cannot_do(source_db: Database, tmp_path: Path) -> None:
    with pytest.raises(PreconditionError, match="no schema missing"):
        _export(source_db, tmp_path, ["missing"])
    _load(source_db, "nasty.sql")
    with pytest.raises(PreconditionError, match="one source schema only"):
        _export(source_db, tmp_path, NASTY, rename_to="x")
    _export(source_db, tmp_path, NASTY)
    _edited(tmp_path, "tables/mine.sql", "CREATE TABLE mine ();")
    with pytest.raises(PreconditionError, match=r"tables/mine\.sql"):
        _export(source_db, tmp_path, NASTY)
    _export(source_db, tmp_path, NASTY, start_clean=True)
    assert not (tmp_path / "schema/tables/mine.sql").exists()


def test_a_user_without_rights_is_told_what_to_do(source_db: Database, tmp_path: Path) -> None:
    _load(source_db, "renamed.sql")
    role = sql.Identifier(f"nobody_{source_db.name}")
    with source_db.connect() as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'Secr3t'").format(role))
    try:
        url = psycopg.conninfo.make_conninfo(source_db.url, user=f"nobody_{source_db.name}", password="Secr3t")
        with pytest.raises(SchemaError, match="permission denied") as refused:
            export_schema(url, tmp_path / "schema", schemas=["sales"])
        assert "Secr3t" not in str(refused.value)
    finally:
        with source_db.connect() as connection:
            connection.execute(sql.SQL("DROP ROLE {}").format(role))
