"""Samples of every Oracle type that is migrated: per table and column the values at the type's extremes, and what writes them.

The columns' names and types are those of samples.sql and samples_23ai.sql; the rows that a twin begins with, and what its
application inserts and changes, are made of these values.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from voyager_ops.testing.twin.sessions import Session, Typed

RECENT: Final = "TYPE_RECENT"
"""The table of what Oracle has since 23ai."""
FEWEST, MOST = 30, 120
"""Rows of each table, by the twin's scale."""
FACE = "\U0001f600"
NINES = 10**38 - 1
HIGHEST_DOUBLE, LOWEST_DOUBLE = 1.7976931348623157e308, 5e-324
HIGHEST_SINGLE = 3.4028234663852886e38
INFINITY, NAN = float("inf"), float("nan")
AWKWARD = ("plain", "it's", "\\N", "a\\b\tc\nd\r", '\', "C" = NULL --', "UNISTR('x') || 'y'", " blanks ", "NULL")


@dataclass(frozen=True)
class Sample:
    """``type``: as the dictionary names it, without lengths. ``values``: what is bound; text of moments, intervals, documents,
    vectors and row ids in Oracle's form (:class:`Typed`)."""

    type: str
    values: tuple[object, ...]


def _both(*values: Decimal | int) -> tuple[Decimal, ...]:
    """Each with its negative, and zero: without arithmetic, which would round to 28 digits."""
    numbers = [Decimal(value) for value in values]
    return (*numbers, *(number.copy_negate() for number in numbers), Decimal(0))


_DATES = (
    "2020-02-29 23:59:59",
    "9999-12-31 23:59:59",
    "0001-01-01 00:00:00",
    "-4712-01-01 00:00:00",
    "-0044-03-15 12:00:00",
    "1582-10-15 00:00:00",
    "1969-12-31 23:59:59",
)
_FRACTIONS = ("000000000", "000000001", "999999999", "123456789", "000001000", "999999000", "500000000")


def _moments(digits: int, zones: tuple[str, ...] = ("",)) -> tuple[str, ...]:
    """The dates with fractions of as many digits that are not zero."""
    return tuple(
        f"{moment}.{fraction[:digits].ljust(9, '0')}{zones[place % len(zones)]}"
        for place, (moment, fraction) in enumerate(zip(_DATES, _FRACTIONS, strict=True))
    )


_ZONES = ("+05:30", "+00:00", "+14:00", "+00:00", "-03:00", "-12:00", "+01:00")
_ROW_IDS = ("AAAR3sAAEAAAACXAAA", "AAAR3sAAEAAAACXAAB", "AAAAAAAAAAAAAAAAAA")

SAMPLES: Final[Mapping[str, Mapping[str, Sample]]] = {
    "TYPE_SAMPLES": {
        "N_ANY": Sample(
            "NUMBER",
            (*_both(Decimal("1E-130"), Decimal("9.99E125"), NINES), Decimal(1) / 3, Decimal("-0.5"), Decimal(10**39 + 7)),
        ),
        "N_4": Sample("NUMBER", _both(9999, 1)),
        "N_9": Sample("NUMBER", _both(999999999)),
        "N_18": Sample("NUMBER", _both(10**18 - 1)),
        "N_19": Sample("NUMBER", _both(10**19 - 1, 2**63)),
        "N_38": Sample("NUMBER", _both(NINES)),
        "N_SCALED": Sample("NUMBER", _both(Decimal("99999999999999.999999"), Decimal("0.000001"), Decimal("1.5"))),
        "N_BELOW": Sample("NUMBER", _both(Decimal("0.00999"), Decimal("0.00001"))),
        "N_NEGATIVE": Sample("NUMBER", _both(9999900, 100)),
        "N_STAR": Sample("NUMBER", _both(Decimal("9" * 36 + ".99"), Decimal("0.01"))),
        "N_INTEGER": Sample("NUMBER", _both(NINES)),
        "N_FLOAT": Sample("FLOAT", _both(Decimal("3.1415926535897932384626433832795028842"), Decimal("1.2345678901E-5"))),
        "N_HIDDEN": Sample("NUMBER", _both(123456789)),
        "B_FLOAT": Sample("BINARY_FLOAT", (0.1, INFINITY, -INFINITY, NAN, -0.0, HIGHEST_SINGLE, 1e-45, 123456.0)),
        "B_DOUBLE": Sample("BINARY_DOUBLE", (0.1, INFINITY, -INFINITY, NAN, -0.0, HIGHEST_DOUBLE, LOWEST_DOUBLE, 1e15)),
        "V_BYTE": Sample("VARCHAR2", (*AWKWARD, "é" * 60, None)),
        "V_CHAR": Sample("VARCHAR2", (FACE * 30, f"é€{FACE}", "'", None)),
        "V_LONGEST": Sample("VARCHAR2", (FACE * 1000, "'" * 4000, "x", None)),
        "V_NATIONAL": Sample("NVARCHAR2", ("ŁĄ", "日本語", "Ж\\z", FACE * 15, "it's é", "a'b", None)),
        "C_FIXED": Sample("CHAR", ("a", "abcdefgh", "é", " ", None)),
        "C_NATIONAL": Sample("NCHAR", ("Łx", "日本語日本語日本", "a", None)),
        "T_CLOB": Sample("CLOB", ("", "x" * 5000, f"{FACE}é\n" * 900, "in the row", None)),
        "T_NCLOB": Sample("NCLOB", ("ł" * 2000, "", FACE, f"{FACE}ł'" * 3000, None)),
        "R_RAW": Sample("RAW", (b"\x00\xff" * 1000, bytes(range(32)), b"\x00", None)),
        "R_BLOB": Sample("BLOB", (b"\x00\xff", b"", bytes(range(256)) * 40, b"'\\" * 1900, None)),
        "D_DATE": Sample("DATE", _DATES),
        "D_STAMP": Sample("TIMESTAMP", _moments(6)),
        "D_STAMP_0": Sample("TIMESTAMP", _moments(0)),
        "D_STAMP_9": Sample("TIMESTAMP", _moments(9)),
        "D_ZONE": Sample("TIMESTAMP WITH TIME ZONE", _moments(6, _ZONES)),
        "D_ZONE_9": Sample("TIMESTAMP WITH TIME ZONE", _moments(9, _ZONES)),
        "D_LOCAL": Sample("TIMESTAMP WITH LOCAL TIME ZONE", _moments(6)),
        "D_LOCAL_9": Sample("TIMESTAMP WITH LOCAL TIME ZONE", _moments(9)),
        "I_MONTHS": Sample("INTERVAL YEAR TO MONTH", ("+000000002-03", "-178000000-11", "+178000000-11", "-000000000-01")),
        "I_SECONDS": Sample(
            "INTERVAL DAY TO SECOND",
            ("+9999 23:59:59.999999", "-9999 23:59:59.999999", "+0000 00:00:00.000000", "-0002 00:00:00"),
        ),
        "I_SECONDS_9": Sample(
            "INTERVAL DAY TO SECOND",
            ("+999999999 23:59:59.999999999", "-999999999 23:59:59.999999999", "-000000000 00:00:00.000001"),
        ),
        "ROW_PLACE": Sample("ROWID", (*_ROW_IDS, None)),
        "ROW_PLACE_U": Sample("UROWID", (*_ROW_IDS, None)),
    },
    "TYPE_LARGE": {
        "NOTE": Sample("VARCHAR2", ("a", "b", None)),
        "V_EXTENDED": Sample("VARCHAR2", ("short", "é" * 16383, FACE * 2000, "'" * 4001, None)),
        "V_EXTENDED_N": Sample("NVARCHAR2", ("ł", FACE * 8000, "'\\" * 1000, None)),
        "R_EXTENDED": Sample("RAW", (b"\x00", b"\x00\xff" * 16383, bytes(range(256)) * 8, None)),
        "X_DOCUMENT": Sample(
            "XMLTYPE",
            ("<a/>", f'<?xml version="1.0" encoding="UTF-8"?>\n<a b="it\'s">é{FACE}</a>', f"<x>{'<y>ł</y>' * 2000}</x>", None),
        ),
    },
    "TYPE_LONG": {
        "NOTE": Sample("VARCHAR2", ("a", "b", None)),
        "T_LONG": Sample("LONG", ("it's", "x" * 30000, f"{FACE}é\n" * 900, None)),
    },
    "TYPE_LONG_RAW": {
        "NOTE": Sample("VARCHAR2", ("a", "b", None)),
        "R_LONG": Sample("LONG RAW", (b"\x00", b"\x00\xff" * 15000, None)),
    },
    RECENT: {
        "NOTE": Sample("VARCHAR2", ("a", "b", None)),
        "B_BOOLEAN": Sample("BOOLEAN", (True, False, None)),
        "J_JSON": Sample(
            "JSON",
            (
                '{"bb":1.50,"a":[1E5,null,true,{}],"a":"\\u00e9\\n/","c":-0.0}',
                "[]",
                '"text"',
                f'{{"long":"{"ł" * 5000}","number":12345678901234567890.123}}',
                None,
            ),
        ),
        "V_VECTOR": Sample("VECTOR", ("[1.0E+000,-2.5E+000,1.0E-010]", "[0]", str([place / 7 for place in range(500)]), None)),
    },
}


def sample_rows(table: str, scale: float) -> Iterator[dict[str, object]]:
    """The rows that a table begins with: every value of every column, every tenth row NULL but for its key."""
    for number in range(1, 1 + max(FEWEST, int(MOST * scale))):
        values: dict[str, object] = {"ID": number}
        for place, (column, sample) in enumerate(SAMPLES[table].items()):
            chosen = sample.values[(number + number // 10 + place) % len(sample.values)] if number % 10 else None
            values[column] = Typed(sample.type, chosen)
        yield values


def insert(session: Session, table: str, values: Mapping[str, object]) -> int:
    """Returns how many rows that made: one."""
    columns, binds = ", ".join(values), ", ".join(f":{column.lower()}" for column in values)
    return session.execute(
        f"INSERT INTO {table} ({columns}) VALUES ({binds})", **{column.lower(): value for column, value in values.items()}
    )


def insert_sample(session: Session, rng: random.Random) -> int:
    """A row with some value of each type."""
    table = _some_table(session, rng)
    values = {column: Typed(sample.type, rng.choice((*sample.values, None))) for column, sample in SAMPLES[table].items()}
    return insert(session, table, {"ID": rng.randrange(1000, 10**9), **values})


def change_sample(session: Session, rng: random.Random) -> int:
    """Up to three columns of some row; large ones beside may stay as they are."""
    table = _some_table(session, rng)
    samples = SAMPLES[table]
    columns = rng.sample(sorted(samples), rng.randint(1, min(3, len(samples))))
    changes = ", ".join(f"{column} = :{column.lower()}" for column in columns)
    values = {column.lower(): Typed(samples[column].type, rng.choice(samples[column].values)) for column in columns}
    return session.execute(f"UPDATE {table} SET {changes} WHERE ID = :id", id=_some_row(session, rng, table), **values)


def delete_sample(session: Session, rng: random.Random) -> int:
    table = _some_table(session, rng)
    return session.execute(f"DELETE FROM {table} WHERE ID = :id", id=_some_row(session, rng, table))


def _some_table(session: Session, rng: random.Random) -> str:
    return rng.choice([table for table in SAMPLES if session.has(table)])


def _some_row(session: Session, rng: random.Random, table: str) -> object:
    """The key at or after some key, None past the last. Half of the time one of those that the table began with."""
    low = rng.randrange(FEWEST if rng.random() < 0.5 else 10**9)
    found = session.row(f"SELECT MIN(ID) FROM {table} WHERE ID >= :low", low=low)
    return None if found is None else found[0]
