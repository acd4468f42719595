"""The migration's own records: SQLite in the export directory, or a PostgreSQL schema by URL.

The schema carries a version and migrates forward; a newer version than this package knows is refused.
"""

from __future__ import annotations

import sqlalchemy as sa

VERSION = 1

metadata = sa.MetaData()

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("migration", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("uuid", sa.Text, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
)

document = sa.Table(
    "document",
    metadata,
    sa.Column("migration", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.JSON, nullable=False),
    sa.Column("updated_at", sa.Float, nullable=False),
)
"""Small named records: phase results (``phase/<name>``), baselines, evidence."""

lane = sa.Table(
    "lane",
    metadata,
    sa.Column("migration", sa.Text, primary_key=True),
    sa.Column("lane", sa.Text, primary_key=True),
    sa.Column("status", sa.Text, nullable=False),
    # none | prepared | streaming | ended | failed
    sa.Column("slot", sa.Text, nullable=False, server_default=""),
    sa.Column("publication", sa.Text, nullable=False, server_default=""),
    sa.Column("start_position", sa.Text, nullable=False, server_default=""),
    sa.Column("captured_position", sa.Text, nullable=False, server_default=""),
    sa.Column("xid_reference", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("info", sa.JSON, nullable=False),
    sa.Column("error", sa.Text, nullable=False, server_default=""),
)

segment = sa.Table(
    "segment",
    metadata,
    sa.Column("migration", sa.Text, primary_key=True),
    sa.Column("lane", sa.Text, primary_key=True),
    sa.Column("sequence", sa.BigInteger, primary_key=True),
    sa.Column("file", sa.Text, nullable=False),  # relative to the export directory's data/
    sa.Column("first_position", sa.Text, nullable=False),
    sa.Column("last_position", sa.Text, nullable=False),
    sa.Column("transactions", sa.BigInteger, nullable=False),
    sa.Column("changes", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("checksum", sa.Text, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("archived_to", sa.Text, nullable=False, server_default=""),
    sa.Column("removed_at", sa.Float),
)
"""One row per published segment: the row is the truth, a file without one is an orphan."""

captured = sa.Table(
    "captured",
    metadata,
    sa.Column("migration", sa.Text, primary_key=True),
    sa.Column("lane", sa.Text, primary_key=True),
    sa.Column("table_name", sa.Text, primary_key=True),  # source name of the root table
    sa.Column("inserts", sa.BigInteger, nullable=False),
    sa.Column("updates", sa.BigInteger, nullable=False),
    sa.Column("deletes", sa.BigInteger, nullable=False),
    sa.Column("truncates", sa.BigInteger, nullable=False),
)
"""Changes captured per table, counted in the same transaction as the segment's row."""

chunk = sa.Table(
    "chunk",
    metadata,
    sa.Column("migration", sa.Text, primary_key=True),
    sa.Column("chunk_id", sa.Integer, primary_key=True),
    sa.Column("bin", sa.Integer, nullable=False),
    sa.Column("table_name", sa.Text, nullable=False),  # root, on the source, for people
    sa.Column("root", sa.JSON, nullable=False),  # [schema, name]
    sa.Column("physical", sa.JSON, nullable=False),  # [schema, name] of the leaf, on the source
    sa.Column("kind", sa.Text, nullable=False),  # key | whole | ctid
    sa.Column("lower", sa.JSON),  # inclusive; None: open
    sa.Column("upper", sa.JSON),  # exclusive; None: open
    sa.Column("group_id", sa.Integer, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
)
"""The snapshot's plan; what is done stands in the target."""

process = sa.Table(
    "process",
    metadata,
    sa.Column("migration", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, primary_key=True),
    sa.Column("token", sa.Text, nullable=False),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("started_at", sa.Float, nullable=False),
    sa.Column("heartbeat_at", sa.Float, nullable=False),
    sa.Column("ended_at", sa.Float),
    sa.Column("stop_requested", sa.Boolean, nullable=False),
    sa.Column("metrics", sa.JSON, nullable=False),
)
"""Who runs which long-lived role, alive while its heartbeat is fresh."""

sample = sa.Table(
    "sample",
    metadata,
    sa.Column("migration", sa.Text, primary_key=True),
    sa.Column("series", sa.Text, primary_key=True),  # e.g. forward/captured, forward/applied, forward/lag
    sa.Column("at", sa.BigInteger, primary_key=True),  # unix seconds, 10 s buckets
    sa.Column("value", sa.Float, nullable=False),
)

cutover = sa.Table(
    "cutover",
    metadata,
    sa.Column("migration", sa.Text, primary_key=True),
    sa.Column("direction", sa.Text, primary_key=True),  # target | source
    sa.Column("attempt", sa.Integer, primary_key=True),
    sa.Column("status", sa.Text, nullable=False),
    # requested | running | opened | completed | undoing | undone | failed
    sa.Column("requested_by", sa.Text, nullable=False),
    sa.Column("requested_at", sa.Float, nullable=False),
    sa.Column("finished_at", sa.Float),
    sa.Column("options", sa.JSON, nullable=False),
    sa.Column("result", sa.JSON, nullable=False),
)

journal = sa.Table(
    "journal",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("migration", sa.Text, nullable=False, index=True),
    sa.Column("subject", sa.Text, nullable=False),  # cutover/target/1, guard/source, replica_identity/source …
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("event", sa.Text, nullable=False),  # before | after | undo_before | undo_after | note
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
)
"""Append-only: what was about to be done, what was done, and what is needed to put it back."""
