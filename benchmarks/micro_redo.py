"""How fast SQL_REDO is read, on one core: ``python -m benchmarks.micro_redo [seconds]``. CPU time, best of three.

Two figures each: the statement taken apart, and all the way to the frame that the change log keeps, which is what capture does.
Rows of 12 columns: numbers, texts (one with a doubled quote), dates, timestamps, RAW, UNISTR, NULL. An update changes two columns
and has all twelve in its WHERE clause (supplemental logging of ALL columns).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from tests.databases.oracle.model_kit import column, table
from voyager_ops.databases.oracle.frames import TableFrames
from voyager_ops.databases.oracle.logminer.redo import parse
from voyager_ops.databases.oracle.values import literal_decoder

LITERALS = (
    "'123456'",
    "'some text here'",
    "TO_DATE('2024-01-01 10:00:00', 'YYYY-MM-DD HH24:MI:SS')",
    "TO_TIMESTAMP('2024-01-01 10:00:00.123456')",
    "'12.50'",
    "NULL",
    "HEXTORAW('DEADBEEF')",
    "'O''Brien''s'",
    "'x'",
    "'99999999999'",
    "UNISTR('\\0412\\0413')",
    "'a longer text, with a comma and parentheses ()'",
)
TYPES = (
    "NUMBER(10,0)",
    "VARCHAR2(50)",
    "DATE",
    "TIMESTAMP(6)",
    "NUMBER(12,2)",
    "VARCHAR2(20)",
    "RAW(16)",
    "VARCHAR2(50)",
    "VARCHAR2(10)",
    "NUMBER(15,0)",
    "NVARCHAR2(50)",
    "VARCHAR2(200)",
)
COLUMNS = tuple(f"COLUMN_{number}" for number in range(12))


def frames() -> TableFrames:
    """Of the table, whose key is the first column."""
    columns = [column(name, native) for name, native in zip(COLUMNS, TYPES, strict=True)]
    return TableFrames(table("HR", "EMPLOYEES", 77, columns, ("column_0",)), "hr.employees", literal_decoder)


def statements() -> dict[str, str]:
    """One of each operation."""
    where = " and ".join(
        f'"{name}" IS NULL' if literal == "NULL" else f'"{name}" = {literal}'
        for name, literal in zip(COLUMNS, LITERALS, strict=True)
    )
    columns = ",".join(f'"{name}"' for name in COLUMNS)
    return {
        "insert": f'insert into "HR"."EMPLOYEES"({columns}) values ({",".join(LITERALS)});',
        "update": f'update "HR"."EMPLOYEES" set "COLUMN_1" = \'new\', "COLUMN_4" = \'13\' where {where};',
        "delete": f'delete from "HR"."EMPLOYEES" where {where};',
    }


def rate(statement: str, seconds: float, read: Callable[[str], object]) -> float:
    """Statements that ``read`` takes per second of CPU."""
    best = 0.0
    for _ in range(3):
        count, start = 0, time.process_time()
        while (spent := time.process_time() - start) < seconds:
            for _ in range(1000):
                read(statement)
            count += 1000
        best = max(best, count / spent)
    return best


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    to = frames()

    def framed(statement: str) -> bytes:
        return to.encode(to.change(parse(statement, to.accepts)))

    for name, statement in statements().items():
        read, whole = rate(statement, seconds, parse), rate(statement, seconds, framed)
        print(f"{name}: {read:,.0f} rows/s, {read * len(statement) / 1e6:.1f} MB/s; as frames {whole:,.0f} rows/s")


if __name__ == "__main__":
    main()
