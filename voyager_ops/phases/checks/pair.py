"""Checks over both sides together, the configuration and the export directory. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from voyager_ops.phases.checks.model import Check, PairFacts, ServerFacts, SourceContents, error, listed, ok, warning
from voyager_ops.schema.names import quoted

CLOCK_SECONDS = 1.0
BUILT_IN = frozenset({"plpgsql"})


def check_pair(source: ServerFacts, target: ServerFacts, contents: SourceContents, pair: PairFacts) -> Iterator[Check]:
    both = "source and target"
    if (source.system_identifier, source.database_oid) == (target.system_identifier, target.database_oid) and (
        source.system_identifier is not None
    ):
        yield error(
            "same_database",
            both,
            "source and target are the same database",
            "it would be migrated onto itself",
            "mend source or target in the configuration",
        )
    if source.encoding != target.encoding:
        yield error(
            "encoding",
            both,
            f"the source is in {source.encoding}, the target in {target.encoding}",
            "text that one of them cannot hold stops the migration; lengths and sort order differ",
            f"CREATE DATABASE … ENCODING '{source.encoding}' on the target",
        )
    else:
        yield ok("encoding", both, f"both are in {source.encoding}")
    if source.collation != target.collation:
        yield warning(
            "collation",
            both,
            f"default collations differ: {'/'.join(source.collation)} and {'/'.join(target.collation)}",
            "ORDER BY on text answers in another order after the cutover; case-insensitive comparisons may differ",
            "create the target database with the source's locale where that matters",
        )
    yield from _extensions(source, target)
    for side in (source, target):
        if abs(side.clock_offset) > CLOCK_SECONDS:
            yield warning(
                "clock",
                f"{side.side} {side.where}",
                f"its clock differs from this machine's by {side.clock_offset:+.1f} s",
                "lag in seconds is wrong by that much; nothing else depends on clocks",
                "synchronize the clocks (NTP)",
            )
    yield from check_target(target, pair)
    yield from check_local(contents.bytes, pair)


def _extensions(source: ServerFacts, target: ServerFacts) -> Iterator[Check]:
    wanted = sorted(source.extensions_installed - BUILT_IN - target.extensions_installed)
    missing = [name for name in wanted if name not in target.extensions]
    if missing:
        yield error(
            "extensions",
            f"target {target.where}",
            f"extensions of the source cannot be had here: {listed(missing)}",
            "types, functions and indexes that use them cannot be created",
            "install the extensions' packages on the target server, or leave out what uses them",
        )
    untrusted = [name for name in wanted if name in target.extensions and not target.extensions[name]]
    if untrusted and not target.superuser:
        statements = "; ".join(f"CREATE EXTENSION {quoted(name)}" for name in untrusted)
        yield error(
            "extensions_right",
            f"target {target.where}",
            f"only a superuser may create {listed(untrusted)}",
            "import schema stops at them",
            statements,
        )
    if not missing and (target.superuser or not untrusted):
        yield ok("extensions", f"target {target.where}", "all extensions of the source can be had")


def check_target(target: ServerFacts, pair: PairFacts) -> Iterator[Check]:
    """What must be true of the target whatever the source is."""
    subject = f"target {target.where}"
    for schema in pair.target_unusable_schemas:
        yield error(
            "target_schema",
            subject,
            f"{target.user} may not create tables in schema {schema}",
            "import schema stops",
            f"GRANT CREATE, USAGE ON SCHEMA {quoted(schema)} TO {quoted(target.user)}",
        )
    if pair.target_filled and not pair.started:
        yield error(
            "target_empty",
            subject,
            f"tables to migrate hold rows already: {listed(pair.target_filled)}",
            "the snapshot would collide with them, or rows that are not the source's would stay",
            "TRUNCATE or DROP them on the target, or give another database or target.schema",
        )
    else:
        yield ok("target_empty", subject, "the migration has begun" if pair.started else "no table to migrate holds rows")
    if not pair.fall_back:
        yield warning(
            "fall_back",
            subject,
            "the migration is configured without fall-back",
            "after the cutover there is no way back",
            "cutover: {prepare_for_fall_back: true}",
        )


def check_xml(target: ServerFacts, columns: Sequence[str], refusal: str, mend: str) -> Iterator[Check]:
    """Whether the target has type xml, where ``columns`` are of it there; ``refusal``: what it said to a value, '' when it took
    it. ``mend``: what spares it them."""
    subject = f"target {target.where}"
    if not columns:
        return
    if not refusal:
        yield ok("xml", subject, "it takes values of type xml")
        return
    yield error(
        "xml",
        subject,
        f"it takes no values of type xml ({refusal}), which these columns have there: {listed(columns)}",
        "the snapshot stops at the first row of their tables",
        f"{mend}, or give a target whose PostgreSQL is built with libxml",
    )


def check_local(source_bytes: int, pair: PairFacts) -> Iterator[Check]:
    """The export directory and the configuration. ``source_bytes``: of the source's tables."""
    if pair.export_free < pair.disk_reserve:
        yield error(
            "disk",
            pair.export_dir,
            f"{pair.export_free} bytes are free, less than changes.disk_reserve ({pair.disk_reserve})",
            "capture stops at once",
            "free space, or put export_dir on another file system",
        )
    elif pair.export_free < source_bytes:
        yield warning(
            "disk",
            pair.export_dir,
            f"{pair.export_free} bytes are free, the source's tables have {source_bytes}",
            "changes that wait to be applied are kept here; when it is full capture stops (nothing is lost)",
            "voyager-ops archive changes frees what has been applied",
        )
    else:
        yield ok("disk", pair.export_dir, f"{pair.export_free} bytes are free")
    if not pair.approvers:
        yield warning(
            "approvers",
            "configuration",
            "approvers is empty",
            "anyone whom Airflow lets may approve the cutover",
            "approvers: [user, …]",
        )
