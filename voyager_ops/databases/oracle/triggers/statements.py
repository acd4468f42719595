"""The objects of capture by triggers, as statements. Pure.

All of them are in the migration user's own schema: a sequence, a table of batches, and for each captured table a table of changes
and a trigger. A trigger runs with its owner's rights, so nobody who writes to a table needs any on ours. Its body cannot fail but
for want of room: each value goes into a column of its own type that may be NULL, and large values are not copied at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from voyager_ops.databases.oracle.frames import TableFrames, is_large
from voyager_ops.databases.oracle.names import qualified, quote
from voyager_ops.databases.oracle.types import CHARACTERS, OracleType
from voyager_ops.model.tables import Column, Table

SEQUENCE: Final = "VOYAGER_OPS_CHANGE_SEQ"
BATCHES: Final = "VOYAGER_OPS_BATCH"

CREATE_SEQUENCE: Final = f"CREATE SEQUENCE {SEQUENCE} MINVALUE 1 MAXVALUE 9999999999999999999999999999 CACHE 1000 ORDER"
"""Ordered: of two changes of one row the later one has the greater number, on all instances of a cluster."""
CREATE_BATCHES: Final = (
    f"CREATE TABLE {BATCHES} (N NUMBER(20) NOT NULL, FROM_SCN NUMBER(20) NOT NULL, SCN NUMBER(20) NOT NULL,"
    " CLAIMED_AT NUMBER NOT NULL,"
    f" CONSTRAINT {BATCHES}_PK PRIMARY KEY (N))"
)


@dataclass(frozen=True)
class ChangeTable:
    """Where the changes of one captured table go. ``owner``: our schema, native spelling."""

    frames: TableFrames
    owner: str

    @property
    def name(self) -> str:
        return f"VOYAGER_OPS_C{self.frames.oid}"

    @property
    def trigger(self) -> str:
        return f"VOYAGER_OPS_T{self.frames.oid}"

    @property
    def native(self) -> str:
        """The captured table, quoted."""
        return qualified(*self.frames.table.native_name)

    @property
    def shown(self) -> str:
        return qualified(self.owner, self.name)

    @property
    def kept(self) -> tuple[int, ...]:
        """Places of the columns whose new values are in the table of changes."""
        return tuple(place for place in range(len(self.frames.columns)) if place not in self.frames.large)

    @property
    def key_columns(self) -> tuple[Column, ...]:
        """The old row's key."""
        columns = (self.frames.columns[place] for place in self.frames.key)
        return tuple(replace(column, native=f"K_{number}") for number, column in enumerate(columns, 1))

    @property
    def row_columns(self) -> tuple[Column, ...]:
        """The new row, without its large values."""
        return tuple(replace(self.frames.columns[place], native=row_column(place)) for place in self.kept)

    def create_table(self) -> str:
        columns = [f"{quote(column.native_name)} {_type(column)}" for column in (*self.key_columns, *self.row_columns)]
        head = "SEQ NUMBER NOT NULL, BATCH NUMBER(20) NOT NULL, OP CHAR(1 BYTE) NOT NULL"
        # What is not claimed yet is batch 0: found by the index, as NULL would not be.
        return f"CREATE TABLE {self.shown} ({', '.join([head, *columns])}, PRIMARY KEY (BATCH, SEQ))"

    def create_trigger(self) -> str:
        """Disabled: one that did not compile would fail every statement on the table."""
        return (
            f"CREATE OR REPLACE TRIGGER {qualified(self.owner, self.trigger)} AFTER INSERT OR UPDATE OR DELETE ON {self.native}"
            " FOR EACH ROW DISABLE\n"
            "BEGIN\n"
            f"  IF INSERTING THEN {self._insert('I')}\n"
            f"  ELSIF UPDATING THEN {self._insert('U')}\n"
            f"  ELSE {self._insert('D')}\n"
            "  END IF;\n"
            "END;"
        )

    def enable_trigger(self) -> str:
        return f"ALTER TRIGGER {qualified(self.owner, self.trigger)} ENABLE"

    def _insert(self, op: str) -> str:
        names = ["SEQ", "BATCH", "OP"]
        values = [f"{qualified(self.owner, SEQUENCE)}.NEXTVAL", "0", f"'{op}'"]
        if op != "I":
            names += [quote(column.native_name) for column in self.key_columns]
            values += [f":OLD.{quote(self.frames.columns[place].native_name)}" for place in self.frames.key]
        if op != "D":
            names += [quote(column.native_name) for column in self.row_columns]
            values += [f":NEW.{quote(self.frames.columns[place].native_name)}" for place in self.kept]
        return f"INSERT INTO {self.shown} ({', '.join(names)}) VALUES ({', '.join(values)});"  # noqa: S608 -- quoted names


def change_table_width(table: Table) -> int:
    """Columns of the table of changes that ``table`` would have."""
    return 3 + len(table.key) + sum(not is_large(column) for column in table.data_columns)


def row_column(place: int) -> str:
    """Name of the column with the new value of the table's data column at ``place``."""
    return f"C_{place + 1}"


def _type(column: Column) -> str:
    type_ = OracleType.from_json(column.native_type)
    if type_.name in CHARACTERS and type_.name[0] != "N" and type_.char_used != "C":
        # Said, or it would depend on the session: a CHAR of as many characters is padded to another length.
        return f"{type_.sql.removesuffix(')')} BYTE)"
    return type_.sql


def drop(kind: str, owner: str, name: str) -> str:
    """Of a TRIGGER, TABLE or SEQUENCE."""
    return f"DROP {kind} {qualified(owner, name)}{' PURGE' if kind == 'TABLE' else ''}"
