"""The facts checks are made over, and a check's outcome (:mod:`voyager_ops.model.checks`). Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from voyager_ops.model.checks import Check, Severity, error, listed, ok, warning
from voyager_ops.model.positions import Side

__all__ = [
    "Check",
    "PairFacts",
    "ServerFacts",
    "Severity",
    "SourceContents",
    "TableFacts",
    "error",
    "listed",
    "ok",
    "warning",
]


@dataclass(frozen=True)
class ServerFacts:
    """One server and our role on it. Sizes in bytes; ``clock_offset`` in seconds, server minus here; ``version``
    server_version_num."""

    side: Side
    where: str
    user: str
    version: int
    yugabytedb: bool
    said_so: bool
    """The configuration's URL or connection says whether it is a YugabyteDB, and is right."""
    advisory_locks: str
    """What the server says to an advisory lock; '' when it gives one."""
    in_recovery: bool
    system_identifier: str | None
    database: str
    database_oid: int
    encoding: str
    collation: tuple[str, str, str]
    """(provider, collate, ctype)."""
    settings: Mapping[str, str]
    slots_used: int
    senders_used: int
    superuser: bool
    replication: bool
    bypass_rls: bool
    create_on_database: bool
    set_replication_role: bool
    clock_offset: float
    long_transactions: tuple[tuple[int, str, float], ...]
    """(pid or 0, who, seconds) of transactions open for longer than a minute."""
    extensions: Mapping[str, bool]
    """Extensions that can be had here: name to trusted-or-installed."""
    extensions_installed: frozenset[str]
    database_bytes: int
    event_triggers: tuple[str, ...]
    session_limits: tuple[tuple[str, int, int], ...] = ()
    """(what is limited: max_connections, the database, the role; sessions it may have; sessions of others)."""


@dataclass(frozen=True)
class TableFacts:
    """One physical or partitioned table of the migrated schemas."""

    schema: str
    name: str
    kind: str
    """pg_class.relkind: r, p, f, v …"""
    persistence: str
    owned: bool
    owner: str
    owner_superuser: bool
    can_be_owner: bool
    """Our role may SET ROLE to the owner."""
    select: bool
    write: bool
    row_security: bool
    replica_identity: str
    inherits: bool

    @property
    def label(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class SourceContents:
    """What is in the migrated schemas of the source. ``foreign_types``: (table.column, type) of types that the schema import
    does not create; ``large_objects``: how many, and columns that may point at them."""

    tables: tuple[TableFacts, ...]
    columnless: tuple[str, ...]
    missing_schemas: tuple[str, ...]
    unusable_schemas: tuple[str, ...]
    keyless: tuple[str, ...]
    keyless_partitioned: tuple[str, ...]
    foreign_types: tuple[tuple[str, str], ...]
    large_objects: int
    large_object_columns: tuple[str, ...]
    bytes: int
    table_count: int


@dataclass(frozen=True)
class PairFacts:
    """What the checks over both sides need besides the two servers."""

    fall_back: bool
    started: bool
    """The forward lane was prepared: target tables are rightly filled from then on."""
    target_filled: tuple[str, ...]
    target_unusable_schemas: tuple[str, ...]
    approvers: tuple[str, ...]
    export_dir: str
    export_free: int
    disk_reserve: int
