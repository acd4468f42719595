"""Rows with large values in capture: how much of them is in memory together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import oracledb
import pytest

from tests.conftest import Database
from tests.databases.oracle.capture_kit import Oracle, actual, capturing, context_of, replayed, wait_for_marker
from voyager_ops.databases.oracle import values
from voyager_ops.databases.oracle.frames import TableFrames
from voyager_ops.databases.oracle.logminer import lobs
from voyager_ops.databases.oracle.triggers import reading


@pytest.mark.parametrize("capture", ["logminer", "triggers"])
def test_rows_with_many_large_values_are_read_one_by_one(
    oracle: Oracle, target_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capture: str
) -> None:
    """Among small ones, one that is longer by one of its two LOBs, and some that are gone in the end."""
    together = 1000
    monkeypatch.setattr(lobs, "TOGETHER", together)
    monkeypatch.setattr(reading, "TOGETHER", together)
    oracle.many("CREATE TABLE D (ID NUMBER(5) PRIMARY KEY, C CLOB, B BLOB)")
    context = context_of(oracle, target_db, tmp_path, capture=capture)
    given = [
        (number, "é" * (together + 1) if number % 5 == 2 else f"text {number}", b"\x00" * (999 if number % 7 == 3 else 3))
        for number in range(60)
    ]
    fetched: list[list[int]] = []
    of_row = values.Plan.row

    def noted(plan: values.Plan, row: Sequence[Any]) -> list[bytes | None]:
        found = of_row(plan, row)
        if [column.name for column in plan.columns][-2:] == ["c", "b"] and found[-2] is not None:
            sizes.append(len(found[-2].decode()) + len(found[-1] or b"") // 2 - 1)
        return found

    sizes: list[int] = []
    rows_of = lobs.Reader._rows

    def counted(reader: lobs.Reader, frames: TableFrames, batch: list[lobs.Wanted]) -> Any:
        before = len(sizes)
        result = rows_of(reader, frames, batch)
        fetched.append(sizes[before:])
        return result

    with capturing(context) as running:
        monkeypatch.setattr(values.Plan, "row", noted)
        monkeypatch.setattr(lobs.Reader, "_rows", counted)
        with oracle.session().cursor() as cursor:
            cursor.setinputsizes(None, oracledb.DB_TYPE_CLOB, oracledb.DB_TYPE_BLOB)
            cursor.executemany("INSERT INTO D VALUES (:1, :2, :3)", given)
            cursor.execute("DELETE FROM D WHERE ID IN (1, 2, 30)")
        oracle.commit()
        wait_for_marker(context, running, 60)
    monkeypatch.undo()
    assert replayed(context, "d") == actual(context, "d")
    assert len(actual(context, "d")) == 57
    assert sum(size > together for size in sizes) == sum(
        len(text) + len(data) > together for number, text, data in given if number not in (1, 2, 30)
    )
    if capture == "logminer":
        assert all(len(some) == 1 for some in fetched if some and max(some) > together)
        assert any(len(some) > 1 for some in fetched)
