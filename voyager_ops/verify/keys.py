"""Verification of given rows of one table."""

from __future__ import annotations

from collections.abc import Iterable

from voyager_ops.databases.base import Database
from voyager_ops.model.tables import NameMap, Table
from voyager_ops.verify.confirm import Settle
from voyager_ops.verify.findings import Detail
from voyager_ops.verify.report import TableVerification
from voyager_ops.verify.tables import verify_selected


def verify_keys(
    source: Database,
    target: Database,
    table: Table,
    names: NameMap,
    keys: Iterable[tuple[bytes, ...]],
    *,
    settle: Settle | None = None,
    detail: Detail | None = None,
) -> TableVerification:
    """Compare the rows of ``table`` (the source's) that have these keys (text bytes in the order of ``Table.key``) on both sides.

    A table without key is compared whole. A key that is on neither side is equal. All keys are held in memory.
    """
    wanted = {tuple(value.decode() for value in key) for key in keys}
    report = verify_selected(
        source, target, [table], names, {table.name: wanted} if table.key else {}, settle=settle, detail=detail
    )
    return report.tables[0]
