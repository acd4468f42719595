"""What ``prepare`` prints is what it runs; run twice it does nothing; the user it makes can do all the migration needs."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from tests.conftest import Database
from tests.phases.conftest import MigrationFactory
from voyager_ops.errors import PreconditionError
from voyager_ops.model.positions import Side
from voyager_ops.phases import export_schema, import_schema, preflight, prepare
from voyager_ops.testing.postgres import Cluster

PASSWORD = "p'ass%20word"
USER = 'mover "x"'


@pytest.fixture
def clean_user(source_cluster: Cluster, target_cluster: Cluster, source_db: Database, target_db: Database) -> Iterator[None]:
    yield
    for cluster in (source_cluster, target_cluster):
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            for (name,) in connection.execute("SELECT datname FROM pg_database WHERE datallowconn").fetchall():
                with psycopg.connect(cluster.dsn(name), autocommit=True) as inside:
                    for user in (USER, "owner"):
                        if inside.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (user,)).fetchone():
                            inside.execute(sql.SQL("REASSIGN OWNED BY {} TO postgres").format(sql.Identifier(user)))
                            inside.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(user)))
            for user in (USER, "owner"):
                connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(user)))


def user_url(database: Database) -> str:
    return f"postgresql://mover%20%22x%22:p%27ass%2520word@127.0.0.1:{database.cluster.port}/{database.name}"


@pytest.mark.usefixtures("clean_user")
def test_an_ordinary_user_is_made_fit(source_db: Database, target_db: Database, make_migration: MigrationFactory) -> None:
    with source_db.connect() as connection:
        connection.execute("CREATE ROLE owner; CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t OWNER TO owner")
        connection.execute("CREATE SEQUENCE s; ALTER TABLE t ENABLE ROW LEVEL SECURITY")
    migration = make_migration(
        "approvers: [dba]\n", source=user_url(source_db).replace("'", "''"), target=user_url(target_db).replace("'", "''")
    )
    for side, database in ((Side.SOURCE, source_db), (Side.TARGET, target_db)):
        printed = prepare.run(migration, side)
        text = "\n".join(item["sql"] for item in printed.statements)
        assert "PASSWORD :'password'" in text
        assert PASSWORD not in text
        ran = prepare.run(migration, side, execute=True, privileged_url=database.url)
        assert [item["sql"] for item in ran.statements] == [item["sql"] for item in printed.statements]
        outcomes = {item["sql"].split(" PASSWORD")[0]: item["outcome"] for item in ran.statements}
        assert outcomes['CREATE ROLE "mover ""x""" LOGIN'] == "run"
        again = prepare.run(migration, side, execute=True, privileged_url=database.url)
        repeated = [item["sql"] for item in again.statements if item["outcome"] == "run"]
        assert all(text.startswith(("GRANT", "DO ")) for text in repeated)
    assert preflight.run(migration).errors == 0  # connects as that user, with that password


@pytest.mark.usefixtures("clean_user")
def test_an_owner_lends_its_rights_and_not_itself(
    source_db: Database, target_db: Database, make_migration: MigrationFactory
) -> None:
    with source_db.connect() as connection:
        connection.execute("CREATE ROLE owner; CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t OWNER TO owner")
    migration = make_migration(source=user_url(source_db).replace("'", "''"))
    ran = prepare.run(migration, "source", execute=True, privileged_url=source_db.url)
    assert ran.warnings == []
    with psycopg.connect(user_url(source_db), autocommit=True) as connection:
        connection.execute("ALTER TABLE t REPLICA IDENTITY FULL; CREATE PUBLICATION p FOR TABLE t; DROP PUBLICATION p")
        if connection.info.server_version >= 160000:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("SET ROLE owner")


@pytest.mark.usefixtures("clean_user")
def test_who_borrows_a_superusers_rights_is_told_so(
    source_db: Database, target_db: Database, make_migration: MigrationFactory
) -> None:
    with source_db.connect() as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY)")
    migration = make_migration(source=user_url(source_db).replace("'", "''"))

    def warned() -> dict[str, str]:
        checks = preflight.run(migration, fail=False).checks
        return {check["id"]: check["mend"] for check in checks if check["severity"] == "warning"}

    ran = prepare.run(migration, "source", execute=True, privileged_url=source_db.url)
    assert "postgres owns tables and is a superuser" in ran.warnings[0]
    mend = warned()["superuser_owner"]
    assert mend.endswith('REVOKE "postgres" FROM "mover ""x"""')
    with source_db.connect() as connection:
        connection.execute("CREATE ROLE owner; ALTER TABLE t OWNER TO owner")
        connection.execute(sql.SQL("REVOKE postgres FROM {}").format(sql.Identifier(USER)))
    assert prepare.run(migration, "source", execute=True, privileged_url=source_db.url).warnings == []
    assert "superuser_owner" not in warned()


@pytest.mark.usefixtures("clean_user")
def test_the_user_may_comment_on_the_schemas_it_imports(
    source_db: Database, target_db: Database, make_migration: MigrationFactory
) -> None:
    with source_db.connect() as connection:
        connection.execute(
            "CREATE SCHEMA app; COMMENT ON SCHEMA app IS 'of the application'; CREATE TABLE app.t (id int PRIMARY KEY)"
        )
    migration = make_migration(
        source=user_url(source_db).replace("'", "''"), target=user_url(target_db).replace("'", "''"), schemas="[app]"
    )
    for side, database in ((Side.SOURCE, source_db), (Side.TARGET, target_db)):
        prepare.run(migration, side, execute=True, privileged_url=database.url)
    export_schema.run(migration)
    import_schema.run(migration, "base")
    with target_db.connect() as connection:
        row = connection.execute(
            "SELECT obj_description('app'::regnamespace), nspowner::regrole::text FROM pg_namespace WHERE nspname = 'app'"
        ).fetchone()
    assert row == ("of the application", '"mover ""x"""')


@pytest.mark.usefixtures("clean_user")
def test_a_comment_on_a_schema_of_somebody_elses_is_left_out(
    source_db: Database, target_db: Database, make_migration: MigrationFactory
) -> None:
    with source_db.connect() as connection:
        connection.execute(
            "CREATE SCHEMA app; COMMENT ON SCHEMA app IS 'of the application'; CREATE TABLE app.t (id int PRIMARY KEY)"
        )
    with target_db.connect() as connection:
        connection.execute("CREATE SCHEMA app")
    migration = make_migration(
        source=user_url(source_db).replace("'", "''"), target=user_url(target_db).replace("'", "''"), schemas="[app]"
    )
    for side, database in ((Side.SOURCE, source_db), (Side.TARGET, target_db)):
        prepare.run(migration, side, execute=True, privileged_url=database.url)
    export_schema.run(migration)
    done = import_schema.run(migration, "base")
    (warning,) = done.warnings
    assert "must be owner of schema app" in warning
    assert "COMMENT ON SCHEMA app" in warning
    with target_db.connect() as connection:
        assert connection.execute("SELECT to_regclass('app.t') IS NOT NULL").fetchone() == (True,)


def test_forms(source_db: Database, target_db: Database, make_migration: MigrationFactory) -> None:
    migration = make_migration()

    def text(side: str, **options: object) -> str:
        return "\n".join(item["sql"] for item in prepare.run(migration, side, user="mover", **options).statements)  # type: ignore[arg-type]

    superuser = text("target", form="superuser")
    assert 'CREATE ROLE "mover" SUPERUSER' in superuser
    assert "GRANT" not in superuser
    managed = text("target", form="yb_superuser")
    assert 'GRANT yb_superuser TO "mover"' in managed
    assert "session_replication_role" not in managed
    assert "INSERT, UPDATE" in text("source")
    assert "INSERT, UPDATE" not in text("source", fall_back=False)
    assert "wal_level" not in text("target", fall_back=False)


def test_run_needs_a_privileged_connection(source_db: Database, target_db: Database, make_migration: MigrationFactory) -> None:
    with pytest.raises(PreconditionError, match="privileged connection"):
        prepare.run(make_migration(), "source", execute=True)
