"""A schema with every kind of trigger state and foreign key, and a picture of its catalog to compare before and after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from tests.conftest import Database
from voyager_ops.databases.postgres.catalog import read_tables
from voyager_ops.databases.postgres.database import PostgresDatabase
from voyager_ops.model.positions import Side
from voyager_ops.model.tables import Table
from voyager_ops.state.store import State

SCHEMA = """
CREATE SCHEMA shop;
CREATE TABLE shop.customer (id int PRIMARY KEY, name text);
CREATE TABLE shop."Order" (id int PRIMARY KEY, customer int, touched int DEFAULT 0);
CREATE TABLE shop.line (order_id int, n int, big int, PRIMARY KEY (order_id, n));
CREATE TABLE shop.event (id int, at date, customer int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE shop.event_2024 PARTITION OF shop.event FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE shop.event_2025 PARTITION OF shop.event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY RANGE (at);
CREATE TABLE shop.event_2025_1 PARTITION OF shop.event_2025 FOR VALUES FROM ('2025-01-01') TO ('2025-07-01');
ALTER TABLE shop.event_2024 ADD CONSTRAINT own_name FOREIGN KEY (customer) REFERENCES shop.customer;
ALTER TABLE shop.event ADD CONSTRAINT event_customer FOREIGN KEY (customer) REFERENCES shop.customer;
ALTER TABLE shop."Order" ADD CONSTRAINT "Order's customer" FOREIGN KEY (customer) REFERENCES shop.customer
    ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
COMMENT ON CONSTRAINT "Order's customer" ON shop."Order" IS 'who''s it for';
INSERT INTO shop.line VALUES (99, 1, 1);
ALTER TABLE shop.line ADD CONSTRAINT late FOREIGN KEY (order_id) REFERENCES shop."Order" NOT VALID;
CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.touched := 1; RETURN NEW; END';
CREATE FUNCTION shop.noop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER ordinary BEFORE INSERT ON shop."Order" FOR EACH ROW EXECUTE FUNCTION shop.touch();
CREATE TRIGGER "Always" BEFORE INSERT ON shop."Order" FOR EACH ROW EXECUTE FUNCTION shop.touch();
CREATE TRIGGER replica BEFORE INSERT ON shop."Order" FOR EACH ROW EXECUTE FUNCTION shop.touch();
CREATE TRIGGER off BEFORE INSERT ON shop."Order" FOR EACH ROW EXECUTE FUNCTION shop.touch();
CREATE CONSTRAINT TRIGGER deferred AFTER INSERT ON shop.line DEFERRABLE FOR EACH ROW EXECUTE FUNCTION shop.noop();
CREATE TRIGGER on_event AFTER INSERT ON shop.event FOR EACH ROW EXECUTE FUNCTION shop.noop();
ALTER TABLE shop."Order" ENABLE ALWAYS TRIGGER "Always";
ALTER TABLE shop."Order" ENABLE REPLICA TRIGGER replica;
ALTER TABLE shop."Order" DISABLE TRIGGER off;
ALTER TABLE shop.event_2024 ENABLE ALWAYS TRIGGER on_event;
ALTER TABLE shop.event_2025_1 DISABLE TRIGGER on_event;
CREATE RULE also AS ON DELETE TO shop.line DO ALSO NOTHING;
ALTER TABLE shop.line ENABLE ALWAYS RULE also;
CREATE SCHEMA elsewhere;
CREATE TABLE elsewhere.note (customer int CONSTRAINT note_customer REFERENCES shop.customer);
"""


def picture(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    """Triggers (the constraints' own too, without their generated names), rules and constraints, as the catalog shows them."""
    triggers = connection.execute(
        "SELECT 'trigger', tgrelid::regclass::text, CASE WHEN tgisinternal THEN tgfoid::regproc::text ELSE tgname END,"
        " tgenabled::text, tgdeferrable::text FROM pg_trigger"
    ).fetchall()
    rules = connection.execute(
        "SELECT 'rule', ev_class::regclass::text, rulename, ev_enabled::text, '' FROM pg_rewrite WHERE rulename = 'also'"
    ).fetchall()
    constraints = connection.execute(
        "SELECT 'constraint', conrelid::regclass::text, conname || pg_get_constraintdef(oid), convalidated::text || condeferred,"
        " coalesce(obj_description(oid, 'pg_constraint'), '') FROM pg_constraint"
        " WHERE contype = 'f' AND (conparentid = 0 OR conrelid <> (SELECT p.conrelid"
        " FROM pg_constraint p WHERE p.oid = pg_constraint.conparentid))"
    ).fetchall()
    settings = connection.execute(
        "SELECT 'setting', setrole::text, setconfig::text, '', ''"
        " FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase"
        " WHERE d.datname = current_database()"
    ).fetchall()
    return sorted(triggers + rules + constraints + settings)


def open_state(directory: Path) -> State:
    return State.open("shop", directory=directory)


def superuser(database: Database) -> PostgresDatabase:
    return PostgresDatabase.from_url(database.url, side=Side.SOURCE, migration="shop")


def owner(database: Database) -> PostgresDatabase:
    """As an ordinary role (same name as the database) that owns the schema and may not set session_replication_role."""
    with database.connect() as connection:
        database.cluster.create_user(database.name)
        for schema in ("shop", "elsewhere"):
            connection.execute(f'ALTER SCHEMA {schema} OWNER TO "{database.name}"')
            for (name,) in connection.execute(
                "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = %s::regnamespace",
                (schema,),
            ).fetchall():
                connection.execute(f'ALTER TABLE {name} OWNER TO "{database.name}"')
        connection.execute(f'ALTER DATABASE "{database.name}" OWNER TO "{database.name}"')
        connection.execute(f'GRANT pg_signal_backend, pg_read_all_stats TO "{database.name}"')
    return PostgresDatabase.from_url(database.cluster.dsn(database.name, database.name), side=Side.SOURCE, migration="shop")


def tables_of(database: PostgresDatabase) -> list[Table]:
    with database.connect("test") as connection:
        return read_tables(connection, ["shop"])
