"""A way back that somebody spoilt before the cutover: it holds, is forgotten, and begun anew."""

from __future__ import annotations

import pytest

from tests.conftest import Database
from tests.phases.conftest import MigrationFactory
from tests.phases.test_whole import CONFIG, SCHEMA, import_up_to_base, streaming, wait
from voyager_ops.errors import PreconditionError
from voyager_ops.model.positions import Lane
from voyager_ops.phases import fall_back, import_schema, status
from voyager_ops.state.lanes import NONE, read_lane


def test_a_row_written_on_the_target_before_it_was_opened(
    source_db: Database, target_db: Database, make_migration: MigrationFactory
) -> None:
    with source_db.connect() as connection:
        connection.execute(SCHEMA)
    migration = make_migration(CONFIG)
    import_up_to_base(migration)
    with streaming(lambda: make_migration(CONFIG)) as forward:
        forward.start(Lane.FORWARD)
        wait("the seam", lambda: status.seam_passed(migration))
        import_schema.run(migration, "post")
        with streaming(lambda: make_migration(CONFIG)) as back:
            back.start(Lane.FALLBACK)
            wait("the way back", lambda: status.lag(migration, Lane.FALLBACK).seconds is not None)
            with target_db.connect() as target:
                target.execute("INSERT INTO child VALUES (5000, 1, 'stray')")
            wait("the lane holds", lambda: "public.child" in read_lane(migration.state, Lane.FALLBACK).error)
            with target_db.connect() as target:
                target.execute("DELETE FROM child WHERE id = 5000; DELETE FROM plain WHERE a = 5000")
            assert fall_back.end(migration).forgotten
        assert read_lane(migration.state, Lane.FALLBACK).status == NONE
        with pytest.raises(PreconditionError, match="the fallback lane is none"):
            fall_back.end(migration)
        with streaming(lambda: make_migration(CONFIG)) as again:
            again.start(Lane.FALLBACK)
            wait("the way back again", lambda: all(status.alive(migration, Lane.FALLBACK)))
            wait("its heartbeats", lambda: status.lag(migration, Lane.FALLBACK).seconds is not None)
            assert read_lane(migration.state, Lane.FALLBACK).error == ""
        with source_db.connect() as source:
            assert source.execute("SELECT count(*) FROM child WHERE id = 5000").fetchone() == (0,)
