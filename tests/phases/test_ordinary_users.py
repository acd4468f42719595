"""There and back again as users who own nothing and are no superusers: ``prepare --run`` makes them fit for all of it."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from tests.conftest import Database
from tests.phases.conftest import MigrationFactory
from tests.phases.test_whole import NO_BACKUP, SCHEMA, catalog, import_up_to_base, streaming, wait
from voyager_ops.errors import VerificationFailed
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane, Side
from voyager_ops.phases import cutover, end_migration, import_schema, preflight, prepare, status, verify

CONFIG = "approvers: [dba]\nchanges: {heartbeat: 300ms}\ncutover: {deadline: 60s}\n"
PASSWORD = "carrier-pigeon"


def own_url(database: Database) -> str:
    return f"postgresql://carrier:{PASSWORD}@127.0.0.1:{database.cluster.port}/{database.name}"


@pytest.fixture
def owned_source(source_db: Database, target_db: Database) -> Iterator[Database]:
    """The source's tables belong to the application's owner."""
    with source_db.connect() as connection:
        connection.execute("CREATE ROLE app_owner")
        connection.execute(SCHEMA)
        for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
            connection.execute(sql.SQL("ALTER TABLE {} OWNER TO app_owner").format(sql.Identifier(name)))
    yield source_db
    for database in (source_db, target_db):
        with database.connect() as connection:
            for role in ("carrier", "app_owner"):
                if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is not None:
                    user = sql.Identifier(role)
                    connection.execute(sql.SQL("REASSIGN OWNED BY {0} TO postgres; DROP OWNED BY {0}").format(user))
                    connection.execute(sql.SQL("DROP ROLE {}").format(user))


def caught_up(migration: Migration, lane: Lane) -> bool:
    lag = status.lag(migration, lane)
    return lag.events == 0 and lag.seconds is not None and lag.seconds < 3


def test_there_and_back(owned_source: Database, target_db: Database, make_migration: MigrationFactory) -> None:
    before = catalog(owned_source)

    def make() -> Migration:
        return make_migration(CONFIG, source=own_url(owned_source), target=own_url(target_db))

    migration = make()
    for side, database in ((Side.SOURCE, owned_source), (Side.TARGET, target_db)):
        prepare.run(migration, side, execute=True, privileged_url=database.url)
    assert preflight.run(migration).errors == 0
    import_up_to_base(migration)
    with streaming(make) as streams, owned_source.connect() as source, target_db.connect() as target:
        streams.start(Lane.FORWARD)
        wait("the seam", lambda: status.seam_passed(migration))
        import_schema.run(migration, "post")
        source.execute("UPDATE parent SET email = email || '!' WHERE id <= 5")
        streams.start(Lane.FALLBACK)
        wait("the way back", lambda: all(all(status.alive(migration, lane)) for lane in Lane))
        wait("caught up", lambda: caught_up(migration, Lane.FORWARD))
        assert verify.run(migration).equal
        done = cutover.run(migration, "target", prepare_for_fall_back=True, by="dba")
        assert done.status == "COMPLETED"
        assert cutover.run(migration, "target").attempt == done.attempt  # again: nothing happens
        target.execute("INSERT INTO child VALUES (2000, 3); UPDATE parent SET email = 'new' WHERE id = 9")
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            target.execute("INSERT INTO child VALUES (2001, 999)")
        wait("back there", lambda: source.execute("SELECT FROM child WHERE id = 2000").fetchone() is not None)
        assert verify.run(migration).equal
        assert cutover.run(migration, "source", by="dba").status == "COMPLETED"
        assert verify.run(migration).equal
        wait("the streams' end", lambda: len(streams.results) == 4)
    assert {key: getattr(result, "completed", result) for key, result in streams.results.items()} == {
        (name, lane): True for name in ("export", "import") for lane in Lane
    }
    # Nothing brings the sides together any more, and the source is in use: that is no failure of the cutover.
    with owned_source.connect() as source:
        source.execute("INSERT INTO child VALUES (3000, 3)")
        found = verify.run(migration, after_cutover=True)
        assert not found.equal
        assert "The source has been open since the cutover" in found.warnings[0]
        with pytest.raises(VerificationFailed):
            verify.run(migration)
        source.execute("DELETE FROM child WHERE id = 3000")
    with owned_source.connect() as source:
        assert source.execute("SELECT touched FROM parent WHERE id = 9").fetchone() == (1,)  # fired once, where it was written
        assert source.execute("SELECT count(*) FROM plain WHERE a = 2000").fetchone() == (1,)
    end_migration.run(migration, **NO_BACKUP)
    assert catalog(owned_source) == before
