"""Preflight finds what would break later, says what mends it, and touches nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import psycopg
import pytest

from tests.conftest import Database, create_database, drop_database
from tests.phases.conftest import MigrationFactory
from voyager_ops.databases.postgres.database import PostgresDatabase
from voyager_ops.errors import PreconditionError
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Side
from voyager_ops.phases import preflight
from voyager_ops.phases.checks.model import Check, PairFacts, ServerFacts, Severity, SourceContents
from voyager_ops.phases.checks.pair import check_pair
from voyager_ops.phases.checks.server import check_server
from voyager_ops.testing.postgres import Cluster


def by_id(checks: list[dict[str, Any]], severity: str) -> set[str]:
    return {check["id"] for check in checks if check["severity"] == severity}


def test_a_sound_pair_of_databases(source_db: Database, target_db: Database, make_migration: MigrationFactory) -> None:
    with source_db.connect() as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY)")
    result = preflight.run(make_migration("approvers: [dba]\n"))
    assert result.ok
    assert by_id(result.checks, "error") == set()
    assert {"version", "wal_level", "encoding", "ownership", "target_empty", "disk"} <= by_id(result.checks, "ok")


def test_what_is_wrong_in_the_schemas_is_named(
    source_db: Database, target_db: Database, make_migration: MigrationFactory
) -> None:
    with source_db.connect() as connection:
        connection.execute("CREATE SCHEMA elsewhere; CREATE TYPE elsewhere.mood AS ENUM ('good', 'bad')")
        connection.execute("CREATE TABLE keyless (a int)")
        connection.execute("CREATE UNLOGGED TABLE volatile (id int PRIMARY KEY)")
        connection.execute("CREATE TABLE people (id int PRIMARY KEY, m elsewhere.mood[])")
        connection.execute("CREATE TABLE parent (id int PRIMARY KEY)")
        connection.execute("CREATE TABLE child (PRIMARY KEY (id)) INHERITS (parent)")
        connection.execute("CREATE TABLE silent (id int PRIMARY KEY); ALTER TABLE silent REPLICA IDENTITY NOTHING")
        connection.execute("SELECT lo_create(0)")
    with target_db.connect() as connection:
        connection.execute("CREATE TABLE people (id int PRIMARY KEY); INSERT INTO people VALUES (1)")
    migration = make_migration()
    result = preflight.run(migration, fail=False)
    assert by_id(result.checks, "error") == {"types", "unlogged_tables", "target_empty"}
    assert {"primary_keys", "inheritance", "replica_identity", "large_objects", "approvers"} <= by_id(result.checks, "warning")
    with pytest.raises(PreconditionError, match=r"public\.volatile.*SET LOGGED") as caught:
        preflight.run(migration)
    assert "elsewhere.mood" in str(caught.value)


def test_the_same_database_by_another_name(source_db: Database, make_migration: MigrationFactory) -> None:
    with source_db.connect() as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY)")
    result = preflight.run(make_migration(target=source_db.url.replace("127.0.0.1", "localhost")), fail=False)
    assert "same_database" in by_id(result.checks, "error")


def test_a_target_without_xml(
    source_db: Database, target_db: Database, make_migration: MigrationFactory, system_clusters: tuple[Cluster, Cluster]
) -> None:
    with source_db.connect() as connection:
        connection.execute("CREATE TABLE notes (id int PRIMARY KEY, note text)")
        assert "xml" not in {check["id"] for check in preflight.run(make_migration()).checks}
        connection.execute("CREATE DOMAIN document AS xml; CREATE TABLE docs (id int PRIMARY KEY, doc document, more xml[])")
    with target_db.connect() as connection, pytest.raises(psycopg.errors.FeatureNotSupported):
        connection.execute("SELECT '<a/>'::xml")  # the embedded PostgreSQL has no libxml
    errors = {check["id"]: check for check in preflight.run(make_migration(), fail=False).checks if check["severity"] == "error"}
    assert errors.keys() == {"xml"}
    assert "public.docs.doc, public.docs.more" in errors["xml"]["message"]
    with_xml = create_database(system_clusters[1])
    looked = preflight.run(make_migration(target=with_xml.url), fail=False)
    drop_database(with_xml)
    assert "xml" in by_id(looked.checks, "ok")


def sessions_of_source(migration: Migration) -> dict[str, Any]:
    """The check of the source's sessions."""
    checks = preflight.run(migration, fail=False).checks
    (sessions,) = [check for check in checks if check["id"] == "sessions" and "source" in check["subject"]]
    return sessions


def test_limits_of_sessions_that_do_not_hold_for_a_superuser(source_db: Database, make_migration: MigrationFactory) -> None:
    with source_db.connect() as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY)")
        connection.execute(f'ALTER DATABASE "{source_db.name}" CONNECTION LIMIT 1')
    assert sessions_of_source(make_migration())["severity"] == "ok"


def test_rights_of_an_ordinary_user(
    source_cluster: Cluster, source_db: Database, target_db: Database, make_migration: MigrationFactory
) -> None:
    source_cluster.create_user("weak")
    with source_db.connect() as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t ENABLE ROW LEVEL SECURITY")
        connection.execute("ALTER ROLE weak CONNECTION LIMIT 9")
    migration = make_migration(source=source_cluster.dsn(source_db.name, "weak"))
    assert isinstance(migration.source, PostgresDatabase)
    with migration.source.connect("snapshot"):  # as many as it needs it may have: its own do not count
        assert "9 sessions are free of the 9 that the role allows" in sessions_of_source(migration)["message"]
        with psycopg.connect(source_cluster.dsn(source_db.name, "weak")):
            assert "8 sessions are free of the 9 that the role allows" in sessions_of_source(migration)["message"]
    errors = {check["id"]: check for check in preflight.run(migration, fail=False).checks if check["severity"] == "error"}
    of_tables = {"select", "ownership", "write_back", "row_security"}
    assert errors.keys() == of_tables | {"replication_right", "session_replication_role", "create_on_database"}
    assert errors["replication_right"]["mend"] == 'ALTER ROLE "weak" REPLICATION'
    with source_db.connect() as connection:
        for check in ("replication_right", "session_replication_role", "create_on_database"):
            connection.execute(errors[check]["mend"])
        still = by_id(preflight.run(migration, fail=False).checks, "error")
        assert still == of_tables
        assert "session_replication_role" not in by_id(preflight.run(migration, fall_back=False, fail=False).checks, "error")
        connection.execute("DROP OWNED BY weak; DROP ROLE weak")


SERVER = ServerFacts(
    side=Side.SOURCE,
    where="host:5432/db",
    user="mover",
    version=180006,
    yugabytedb=False,
    said_so=True,
    advisory_locks="",
    in_recovery=False,
    system_identifier="1",
    database="db",
    database_oid=5,
    encoding="UTF8",
    collation=("c", "C", "C"),
    settings={"wal_level": "logical", "max_replication_slots": "2", "max_wal_senders": "2", "max_slot_wal_keep_size": "-1"},
    slots_used=0,
    senders_used=0,
    superuser=False,
    replication=True,
    bypass_rls=False,
    create_on_database=True,
    set_replication_role=True,
    clock_offset=0.0,
    long_transactions=(),
    extensions={},
    extensions_installed=frozenset(),
    database_bytes=1,
    event_triggers=(),
)
TARGET = replace(SERVER, side=Side.TARGET, system_identifier="2")
CONTENTS = SourceContents(
    tables=(),
    columnless=(),
    missing_schemas=(),
    unusable_schemas=(),
    keyless=(),
    keyless_partitioned=(),
    foreign_types=(),
    large_objects=0,
    large_object_columns=(),
    bytes=100,
    table_count=1,
)
PAIR = PairFacts(True, False, (), (), ("dba",), "/export", 10**9, 10**6)


def found(checks: list[Check]) -> dict[str, Severity]:
    return {check.id: check.severity for check in checks if check.severity is not Severity.OK}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"version": 130001}, {"version": Severity.ERROR}),
        ({"version": 140010}, {"version": Severity.WARNING}),
        ({"in_recovery": True}, {"standby": Severity.ERROR}),
        ({"settings": {**SERVER.settings, "wal_level": "replica"}}, {"wal_level": Severity.ERROR}),
        ({"slots_used": 2}, {"max_replication_slots": Severity.ERROR}),
        ({"senders_used": 2}, {"max_wal_senders": Severity.ERROR}),
        ({"settings": {**SERVER.settings, "output_plugin_libraries": "wal2json"}}, {"output_plugin_libraries": Severity.ERROR}),
        ({"settings": {**SERVER.settings, "output_plugin_libraries": "test_decoding, pgoutput"}}, {}),
        ({"settings": {**SERVER.settings, "max_slot_wal_keep_size": "1000"}}, {"max_slot_wal_keep_size": Severity.WARNING}),
        ({"long_transactions": ((7, "psql", 4000.0),)}, {"long_transactions": Severity.WARNING}),
        ({"event_triggers": ("no_ddl",)}, {"event_triggers": Severity.WARNING}),
        ({"session_limits": (("max_connections", 97, 80), ("the role", 30, 10))}, {"sessions": Severity.WARNING}),
        ({"session_limits": (("max_connections", 97, 70), ("the role", 27, 0))}, {}),
        ({"set_replication_role": False}, {"session_replication_role": Severity.ERROR}),
        ({"yugabytedb": True}, {"version": Severity.WARNING}),
        ({"yugabytedb": True, "said_so": False}, {"version": Severity.WARNING, "engine": Severity.ERROR}),
        ({"said_so": False}, {"engine": Severity.ERROR}),
        ({"advisory_locks": "advisory locks are not yet implemented"}, {"advisory_locks": Severity.ERROR}),
    ],
)
def test_server_checks(change: dict[str, Any], expected: dict[str, Severity]) -> None:
    facts = replace(SERVER, **change)
    assert found(list(check_server(facts, captures=True, applies=True, slot_owned=False, sessions=27))) == expected


def test_the_tightest_limit_of_sessions_is_named() -> None:
    facts = replace(SERVER, session_limits=(("max_connections", 97, 80), ("the role", 30, 14)))
    (check,) = [
        each for each in check_server(facts, captures=True, applies=True, slot_owned=False, sessions=29) if each.id == "sessions"
    ]
    assert check.message == "16 sessions are free of the 30 that the role allows; the migration has up to 29"
    assert 'ALTER ROLE "mover" CONNECTION LIMIT 63' in check.mend


def test_our_own_slot_counts_as_free() -> None:
    facts = replace(SERVER, slots_used=2)
    assert found(list(check_server(facts, captures=True, applies=True, slot_owned=True))) == {}


@pytest.mark.parametrize(
    ("target", "pair", "expected"),
    [
        ({}, {}, {}),
        ({"encoding": "LATIN1"}, {}, {"encoding": Severity.ERROR}),
        ({"collation": ("i", "de", "de")}, {}, {"collation": Severity.WARNING}),
        ({"clock_offset": -8.0}, {}, {"clock": Severity.WARNING}),
        ({}, {"target_filled": ("public.t",)}, {"target_empty": Severity.ERROR}),
        ({}, {"target_filled": ("public.t",), "started": True}, {}),
        ({}, {"export_free": 10}, {"disk": Severity.ERROR}),
        ({}, {"fall_back": False}, {"fall_back": Severity.WARNING}),
    ],
)
def test_pair_checks(target: dict[str, Any], pair: dict[str, Any], expected: dict[str, Severity]) -> None:
    checks = check_pair(SERVER, replace(TARGET, **target), CONTENTS, replace(PAIR, **pair))
    assert found(list(checks)) == expected


def test_extensions_of_the_source_must_be_there() -> None:
    source = replace(SERVER, extensions_installed=frozenset({"plpgsql", "citext", "postgis"}))
    target = replace(TARGET, extensions={"citext": True})
    assert found(list(check_pair(source, target, CONTENTS, PAIR))) == {"extensions": Severity.ERROR}
    target = replace(TARGET, extensions={"citext": True, "postgis": False})
    assert found(list(check_pair(source, target, CONTENTS, PAIR))) == {"extensions_right": Severity.ERROR}
    assert found(list(check_pair(source, replace(target, superuser=True), CONTENTS, PAIR))) == {}
