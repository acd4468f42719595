"""A feed filled by a real logical slot: SQL runs on the source, and what its output plugin says of it goes to the target."""

from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg import sql

from tests.conftest import Database
from tests.lane.feed import Feed, make_context, run_apply
from voyager_ops.config import ChangesConfig
from voyager_ops.databases.postgres import lsn, pgoutput
from voyager_ops.databases.postgres.database import SETTINGS
from voyager_ops.model.changes import Change
from voyager_ops.model.positions import Lane

SLOT, PUBLICATION = "stream", "stream"
OPTIONS = ("proto_version", "1", "publication_names", PUBLICATION)


class Stream:
    """Both databases get ``ddl``; the source gets ``data`` before its slot, and the target a copy of every table."""

    def __init__(
        self,
        source: Database,
        target: Database,
        directory: Path,
        ddl: str,
        data: str = "",
        *,
        target_ddl: str | None = None,
        changes: ChangesConfig | None = None,
        apply_url: str | None = None,
        full: tuple[str, ...] = (),
    ) -> None:
        self.source, self.target = source, target
        with source.connect() as connection:
            connection.execute(ddl.encode())
            if data:
                connection.execute(data.encode())
        with target.connect() as connection:
            connection.execute((target_ddl if target_ddl is not None else ddl).encode())
        context = make_context(source, target, directory, changes=changes, apply_url=apply_url, lane=Lane.FORWARD)
        self.feed = Feed(context)
        with source.connect() as connection:
            for table in context.tables:
                if not table.key or table.name.name in full:
                    for leaf in table.leaves:
                        connection.execute(sql.SQL("ALTER TABLE {} REPLICA IDENTITY FULL").format(sql.Identifier(*leaf.name)))
            connection.execute(sql.SQL("CREATE PUBLICATION {} FOR ALL TABLES").format(sql.Identifier(PUBLICATION)))
            connection.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (SLOT,))
        if data:
            self._copy()
        self._decoder = pgoutput.Decoder()

    def _copy(self) -> None:
        with self.source.connect() as source, self.target.connect() as target:
            target.execute("SET session_replication_role = replica")
            for table in self.feed.context.tables:
                columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.data_columns)
                name = sql.Identifier(*table.name)
                query = sql.SQL("COPY (SELECT {} FROM {}{}) TO STDOUT").format(
                    columns, sql.SQL("" if table.partitioned else "ONLY "), name
                )
                load = sql.SQL("COPY {} ({}) FROM STDIN").format(name, columns)
                with source.cursor().copy(query) as rows, target.cursor().copy(load) as sink:
                    for row in rows:
                        sink.write(row)

    def run(self, *transactions: str) -> None:
        """Each text is one transaction on the source."""
        with self.source.connect() as connection:
            for text in transactions:
                with connection.transaction():
                    connection.execute(text.encode())

    def pull(self) -> int:
        """Move what the slot has to the feed; how many transactions that was."""
        flags = " ".join(f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in SETTINGS.items())
        before = len(self.feed.transactions)
        changes: list[Change] = []
        with psycopg.connect(self.source.url, autocommit=True, options=flags) as connection:
            frames = connection.execute(
                "SELECT data FROM pg_catalog.pg_logical_slot_get_binary_changes(%s, NULL, NULL, VARIADIC %s)",
                (SLOT, list(OPTIONS)),
            )
            for (frame,) in frames:
                kind = frame[0]
                if kind == pgoutput.BEGIN:
                    changes = []
                elif kind == pgoutput.COMMIT:
                    if changes:
                        self.feed.transactions.append((lsn.to_position(pgoutput.commit_end(frame)), changes))
                else:
                    framed = len(frame).to_bytes(4, "big") + frame
                    parts = [framed]
                    changes.extend(self._decoder.changes(lambda _size, parts=parts: parts.pop(), len(framed)))  # type: ignore[misc]
        return len(self.feed.transactions) - before

    def apply(self, *transactions: str) -> None:
        """Run, pull, apply, and see that both sides are equal."""
        self.run(*transactions)
        self.pull()
        run_apply(self.feed)
        self.assert_equal()

    def assert_equal(self) -> None:
        for table in self.feed.context.tables:
            columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
            query = sql.SQL("SELECT ROW({})::text FROM {}{} ORDER BY 1").format(
                columns, sql.SQL("" if table.partitioned else "ONLY "), sql.Identifier(*table.name)
            )
            with self.source.connect() as source, self.target.connect() as target:
                assert target.execute(query).fetchall() == source.execute(query).fetchall(), table.name
