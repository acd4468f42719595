"""Oracle's sequences and identities, and where they stand."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import oracledb

from voyager_ops.databases.oracle.names import fold, unfold
from voyager_ops.model.tables import QName, Sequence

_SEQUENCES: Final = (
    "SELECT SEQUENCE_OWNER, SEQUENCE_NAME, MIN_VALUE, MAX_VALUE, INCREMENT_BY, CYCLE_FLAG, CACHE_SIZE, LAST_NUMBER"
    " FROM ALL_SEQUENCES WHERE SEQUENCE_OWNER = :owner ORDER BY SEQUENCE_NAME"
)
_IDENTITIES: Final = "SELECT SEQUENCE_NAME, TABLE_NAME, COLUMN_NAME FROM ALL_TAB_IDENTITY_COLS WHERE OWNER = :owner"
_IDENTITY_PREFIX: Final = "ISEQ$$_"


def read_sequences(connection: oracledb.Connection, schemas: Collection[str]) -> list[Sequence]:
    """All sequences of ``schemas`` (the model's names), identities' own with the column that owns them; sorted by name."""
    found: list[Sequence] = []
    with connection.cursor() as cursor:
        for schema in schemas:
            owner = unfold(schema)
            owned = {
                str(name): (QName(fold(owner), fold(str(table))), fold(str(column)))
                for name, table, column in cursor.execute(_IDENTITIES, owner=owner).fetchall()
            }
            for row in cursor.execute(_SEQUENCES, owner=owner).fetchall():
                name = str(row[1])
                if name not in owned and name.startswith(_IDENTITY_PREFIX):
                    continue  # of a table in the recycle bin
                found.append(_sequence(row, owned.get(name)))
    return sorted(found, key=lambda sequence: sequence.name)


def _sequence(row: tuple[Any, ...], owner: tuple[QName, str] | None) -> Sequence:
    """LAST_NUMBER is the first number that no session can have been given yet, whatever it has cached."""
    schema, name, least, most, increment, cycles, cache, following = row
    step, next_one = int(increment), int(following)
    last = next_one - step
    called = (last >= int(least)) if step > 0 else (last <= int(most))
    return Sequence(
        QName(fold(str(schema)), fold(str(name))),
        owner,
        last if called else next_one,
        called,
        step,
        int(least),
        int(most),
        cycles == "Y",
        max(int(cache), 1),
    )
