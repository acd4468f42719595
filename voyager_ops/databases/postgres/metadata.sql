-- What voyager-ops keeps in each of the two databases. Created by metadata.install(), dropped by `end migration`.
CREATE SCHEMA IF NOT EXISTS voyager_ops;

-- How far a lane has been applied to this database. Written as the first statement of every apply transaction (compare-and-set):
-- it makes apply exactly-once, and marks the transaction as ours so that the opposite lane's capture drops it.
CREATE TABLE IF NOT EXISTS voyager_ops.lane_position (
    migration    text NOT NULL,
    lane         text NOT NULL,
    part         integer NOT NULL DEFAULT 0,
    position     text NOT NULL,
    transactions bigint NOT NULL DEFAULT 0,
    changes      bigint NOT NULL DEFAULT 0,
    user_changes bigint NOT NULL DEFAULT 0,
    committed_at double precision NOT NULL DEFAULT 0,
    seam_passed  boolean NOT NULL DEFAULT false,
    updated_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (migration, lane, part)
);

-- Changes applied per table (the name is the source's), in the same transaction as the rows.
CREATE TABLE IF NOT EXISTS voyager_ops.lane_table (
    migration  text NOT NULL,
    lane       text NOT NULL,
    table_name text NOT NULL,
    inserts    bigint NOT NULL DEFAULT 0,
    updates    bigint NOT NULL DEFAULT 0,
    deletes    bigint NOT NULL DEFAULT 0,
    truncates  bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (migration, lane, table_name)
);

-- Chunks of the snapshot that are loaded: the row commits with the chunk's rows. snapshot is pg_current_snapshot()'s text,
-- wal_position a position taken after the snapshot (every transaction visible to it lies before). physical is [schema, name].
-- kind: key, whole or ctid as planned; "one" for a single key fetched again (chunk_id past the plan's); "group" (negative
-- chunk_id) says which snapshot the pieces of a ctid group must carry.
CREATE TABLE IF NOT EXISTS voyager_ops.chunk (
    migration    text NOT NULL,
    chunk_id     integer NOT NULL,
    table_name   text NOT NULL,
    physical     jsonb NOT NULL,
    kind         text NOT NULL,
    lower        jsonb,
    upper        jsonb,
    group_id     integer NOT NULL,
    snapshot     text NOT NULL,
    wal_position text NOT NULL,
    rows         bigint NOT NULL,
    bytes        bigint NOT NULL,
    seconds      double precision NOT NULL,
    done_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (migration, chunk_id)
);

-- Rows written by us on this database to be seen at the other end: heartbeat, marker, confirm, canary.
CREATE TABLE IF NOT EXISTS voyager_ops.marker (
    migration  text NOT NULL,
    kind       text NOT NULL,
    id         text NOT NULL,
    written_at double precision NOT NULL,
    PRIMARY KEY (migration, kind)
);

-- Markers of the other database that have been applied here, with the counters of the lane at that moment.
CREATE TABLE IF NOT EXISTS voyager_ops.arrival (
    migration    text NOT NULL,
    lane         text NOT NULL,
    kind         text NOT NULL,
    id           text NOT NULL,
    written_at   double precision NOT NULL,
    position     text NOT NULL,
    user_changes bigint NOT NULL,
    arrived_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (migration, lane, kind)
);

-- A cutover's intent to open a side, and that it was opened: stands in both databases.
CREATE TABLE IF NOT EXISTS voyager_ops.intent (
    migration text NOT NULL,
    direction text NOT NULL,
    attempt   integer NOT NULL,
    state     text NOT NULL,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (migration, direction, attempt)
);
