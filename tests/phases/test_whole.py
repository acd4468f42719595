"""The phases in order, in this process: a small migration up to the cutover, the refusals on the way, and its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import Database
from tests.phases.conftest import MigrationFactory
from tests.snapshot.test_keys import keys_of
from voyager_ops import failpoints
from voyager_ops.errors import PreconditionError, VerificationFailed
from voyager_ops.failpoints import FailpointError
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane
from voyager_ops.phases import (
    archive,
    cutover,
    dry_run,
    end_migration,
    export_data,
    export_schema,
    fall_back,
    import_data,
    import_schema,
    report,
    snapshot,
    status,
    verify,
)
from voyager_ops.snapshot import keys

SCHEMA = """
CREATE TABLE parent (id int PRIMARY KEY, email text UNIQUE, touched int NOT NULL DEFAULT 0);
CREATE TABLE child (id int PRIMARY KEY, parent_id int REFERENCES parent, note text);
CREATE TABLE plain (a int, b text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO plain VALUES (NEW.id, 'by trigger'); RETURN NULL; END $$;
CREATE TRIGGER ordinary AFTER INSERT ON child FOR EACH ROW EXECUTE FUNCTION note();
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.touched := NEW.touched + 1; RETURN NEW; END $$;
CREATE TRIGGER always BEFORE UPDATE ON parent FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE parent ENABLE ALWAYS TRIGGER always;
INSERT INTO parent SELECT i, 'p' || i FROM generate_series(1, 50) i;
INSERT INTO child SELECT i, 1 + i % 50 FROM generate_series(1, 200) i;
"""
CONFIG = "changes: {heartbeat: 300ms}\ncutover: {deadline: 60s}\nsnapshot: {build_keys_from: 1B}\n"
NO_BACKUP: dict[str, Any] = {
    "backup_schema_files": False,
    "backup_data_files": False,
    "save_migration_reports": False,
    "backup_log_files": False,
}


def wait(what: str, condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


class Streams:
    """Streams as threads, each with its own migration object as each process has."""

    def __init__(self, make: Callable[[], Migration]) -> None:
        self._make = make
        self.stop = threading.Event()
        self.results: dict[tuple[str, Lane], Any] = {}
        self._threads: list[threading.Thread] = []

    def start(self, lane: Lane) -> None:
        for name, phase in (("export", export_data.run), ("import", import_data.run)):
            thread = threading.Thread(target=self._run, args=((name, lane), phase, lane), name=f"{name} {lane}")
            self._threads.append(thread)
            thread.start()

    def _run(self, key: tuple[str, Lane], phase: Callable[..., Any], lane: Lane) -> None:
        try:
            self.results[key] = phase(self._make(), lane, stop=self.stop)
        except Exception as error:  # noqa: BLE001 - shown by the test that looks at the results
            self.results[key] = error

    def join(self) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), thread.name


@contextmanager
def streaming(make: Callable[[], Migration]) -> Iterator[Streams]:
    streams = Streams(make)
    try:
        yield streams
    finally:
        streams.join()


def import_up_to_base(migration: Migration) -> None:
    export_schema.run(migration)
    import_schema.run(migration, "base")


def catalog(database: Database) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return connection.execute(
            "SELECT 'class', relname::text, relreplident::text FROM pg_class WHERE relnamespace >= 16384 OR relnamespace = 2200"
            " UNION ALL SELECT 'trigger', tgname, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal"
            " UNION ALL SELECT 'schema', nspname, '' FROM pg_namespace WHERE nspname !~ '^pg_'"
            " UNION ALL SELECT 'slot', slot_name, '' FROM pg_replication_slots WHERE database = current_database()"
            " UNION ALL SELECT 'publication', pubname, '' FROM pg_publication ORDER BY 1, 2, 3"
        ).fetchall()


def test_dry_run_touches_nothing_and_sees_drift(
    source_db: Database, target_db: Database, make_migration: MigrationFactory
) -> None:
    with source_db.connect() as connection:
        connection.execute(SCHEMA)
    migration = make_migration()
    before = catalog(source_db), catalog(target_db)
    first = dry_run.run(migration)
    assert first.errors == 0
    assert first.drift is None
    assert first.estimates["tables"] == 3
    with source_db.connect() as connection:
        connection.execute("ALTER TABLE plain ADD c int; CREATE INDEX plain_a ON plain (a)")
    second = dry_run.run(migration)
    assert second.drift is not None
    assert any("plain_a" in label for label in second.drift["added"])
    with source_db.connect() as connection:
        connection.execute("ALTER TABLE plain DROP c; DROP INDEX plain_a")
    assert (catalog(source_db), catalog(target_db)) == before
    assert list(migration.export_dir.schema.iterdir()) == []
    assert list(migration.export_dir.temp.iterdir()) == []


def test_up_to_the_cutover_and_away_again(
    source_db: Database, target_db: Database, make_migration: MigrationFactory, tmp_path: Path
) -> None:
    with source_db.connect() as connection:
        connection.execute(SCHEMA)
    before = catalog(source_db)
    migration = make_migration(CONFIG)
    import_up_to_base(migration)
    with pytest.raises(PreconditionError, match="seam point"):
        import_schema.run(migration, "post")
    with pytest.raises(PreconditionError, match="cannot be captured before"):
        export_data.prepare(migration, Lane.FALLBACK)
    with pytest.raises(PreconditionError, match="cannot be ended now"):
        fall_back.end(migration)
    assert status.lag(migration) == status.Lag(None, None)

    with streaming(lambda: make_migration(CONFIG)) as streams, source_db.connect() as source:
        streams.start(Lane.FORWARD)
        wait("the seam", lambda: status.seam_passed(migration))
        post = import_schema.run(migration, "post")
        assert post.executed > 0
        source.execute("UPDATE parent SET email = email || '!' WHERE id <= 5")  # its ALWAYS trigger must not fire twice
        source.execute("INSERT INTO child VALUES (1000, 1)")
        source.execute("UPDATE plain SET b = 'x' WHERE a = 1")
        wait("caught up", lambda: (lag := status.lag(migration)).events == 0 and lag.seconds is not None and lag.seconds < 2)
        assert verify.run(migration).equal
        missing = r"`voyager-ops export data from target`.*`voyager-ops import data to source`"
        with pytest.raises(PreconditionError, match=missing):
            cutover.initiate(migration, "target", prepare_for_fall_back=True)
        with pytest.raises(PreconditionError, match="is running"):
            end_migration.run(migration, **NO_BACKUP)
        with target_db.connect() as target:
            target.execute("SET session_replication_role = replica; DELETE FROM child WHERE id = 7")
        with pytest.raises(VerificationFailed, match=r"public\.child"):
            verify.run(migration)
        assert cutover.status(migration).cutover_to_target == "NOT_INITIATED"
    assert {key: result.completed for key, result in streams.results.items()} == {
        ("export", Lane.FORWARD): False,
        ("import", Lane.FORWARD): False,
    }

    line = {item["table"]: item for item in report.run(migration, exact=True).tables}["public.child"]
    assert (line["imported_snapshot_rows"] + line["forward_imported_inserts"]) == 201 == line["source_final_rows"]
    assert line["target_final_rows"] == 200
    with pytest.raises(PreconditionError, match="where the segments go"):
        archive.run(migration)
    moved = archive.run(migration, move_to=tmp_path / "old")
    assert moved.lanes["forward"]["segments"] == len(list((tmp_path / "old").rglob("*.*"))) > 0

    # Killed half-way the end carries on, and cannot be taken back by starting a stream.
    failpoints.configure("end_migration.between_steps=error@3")
    with pytest.raises(FailpointError):
        end_migration.run(migration, **NO_BACKUP)
    failpoints.configure("")
    with pytest.raises(PreconditionError, match="is being ended"):
        export_data.run(migration, Lane.FORWARD)
    ended = end_migration.run(migration, **NO_BACKUP)
    assert "schema voyager_ops" in ended.removed["source"]
    assert catalog(source_db) == before
    with target_db.connect() as target:
        query = "SELECT tgname::text, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1"
        fires = target.execute(query).fetchall()
    assert fires == [("always", "A"), ("ordinary", "O")]
    assert list(migration.export_dir.path.iterdir()) == []


def test_an_end_in_the_middle_of_the_snapshot_leaves_the_target_its_keys(
    source_db: Database, target_db: Database, make_migration: MigrationFactory
) -> None:
    migration = make_migration(CONFIG)
    with source_db.connect() as source:
        source.execute(SCHEMA)
        source.execute("ANALYZE")
    import_up_to_base(migration)
    before = keys_of(target_db)
    export_data.prepare(migration)
    snapshot.plan(migration)
    failpoints.configure(f"{keys.BEFORE_BUILD}=error@*")
    try:
        with pytest.raises(FailpointError):
            snapshot.run(migration)
    finally:
        failpoints.configure()
    assert keys_of(target_db) == []
    with pytest.raises(PreconditionError, match="the snapshot is not complete"):
        import_data.run(migration, with_snapshot=False)
    ended = end_migration.run(migration, **NO_BACKUP)
    assert "schema voyager_ops" in ended.removed["target"]
    assert ended.warnings == []
    assert keys_of(target_db) == before


def test_end_hands_over_and_drops_the_user(source_db: Database, target_db: Database, make_migration: MigrationFactory) -> None:
    url = target_db.cluster.create_user("mover", replication=True, superuser=True).rsplit("/", 1)[0] + f"/{target_db.name}"
    source_url = source_db.cluster.create_user("mover", replication=True, superuser=True).rsplit("/", 1)[0] + f"/{source_db.name}"
    with target_db.connect() as connection:
        connection.execute("CREATE ROLE app_owner")
    with source_db.connect() as connection:
        connection.execute(SCHEMA)
    migration = make_migration(source=source_url, target=url)
    import_up_to_base(migration)
    with pytest.raises(PreconditionError, match="--target-privileged-url-env"):
        end_migration.run(migration, **NO_BACKUP, reassign_to="app_owner")
    with pytest.raises(PreconditionError, match="--backup-dir"):
        end_migration.run(migration, **{**NO_BACKUP, "backup_schema_files": True})
    with pytest.raises(PreconditionError, match="no role 'nobody'"):
        end_migration.run(migration, **NO_BACKUP, reassign_to="nobody", target_privileged_url=target_db.configured)
    result = end_migration.run(
        migration,
        **NO_BACKUP,
        reassign_to="app_owner",
        drop_user=True,
        source_privileged_url=source_db.url,
        target_privileged_url=target_db.configured,
    )
    assert len(result.reassigned) == 3
    with target_db.connect() as connection:
        owners = connection.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert owners == [("app_owner",)]
        connection.execute("REASSIGN OWNED BY app_owner TO postgres")
        connection.execute("DROP ROLE app_owner")
    for database in (source_db, target_db):
        with database.connect() as connection:
            assert connection.execute("SELECT FROM pg_roles WHERE rolname = 'mover'").fetchall() == []


def test_a_user_who_owns_the_source_is_never_dropped(
    source_db: Database, target_db: Database, make_migration: MigrationFactory
) -> None:
    url = target_db.cluster.create_user("mover", superuser=True).rsplit("/", 1)[0] + f"/{target_db.name}"
    source_url = source_db.cluster.create_user("mover", superuser=True).rsplit("/", 1)[0] + f"/{source_db.name}"
    with psycopg.connect(source_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE precious (id int PRIMARY KEY); INSERT INTO precious VALUES (1)")

    def end(migration: Migration) -> None:
        end_migration.run(
            migration,
            **NO_BACKUP,
            reassign_to="postgres",
            drop_user=True,
            source_privileged_url=source_db.url,
            target_privileged_url=target_db.configured,
        )

    with pytest.raises(PreconditionError, match=r"owns objects of the source \(table public\.precious"):
        end(make_migration(source=source_url, target=url))
    with pytest.raises(PreconditionError, match="migration user's own"):
        end(make_migration(name="other"))
    with source_db.connect() as connection:
        assert connection.execute("SELECT id FROM precious").fetchall() == [(1,)]
    for database in (source_db, target_db):
        with database.connect() as connection:
            connection.execute("REASSIGN OWNED BY mover TO postgres; DROP OWNED BY mover; DROP ROLE mover")
