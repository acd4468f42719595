"""Which changes must follow a quarantined one: those of its keys, of keys it moved to, and of unique values it holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from voyager_ops.model.changes import TRUNCATE, UNCHANGED, Change, Relation, Row, Value
from voyager_ops.model.tables import QName, Table

_Mark = tuple[QName, str, tuple[Value, ...]]


@dataclass
class Held:
    """Keys and unique values of quarantined changes. Names and rows are the capture side's."""

    _marks: set[_Mark] = field(default_factory=set)
    _tables: set[QName] = field(default_factory=set)
    _whole: set[QName] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self._tables)

    def touches(self, table: Table, change: Change) -> bool:
        if table.name not in self._tables:
            return False
        if table.name in self._whole or change.op == TRUNCATE:
            return True
        return any(mark in self._marks for mark in marks(table, change))

    def add(self, table: Table, change: Change) -> None:
        self._tables.add(table.name)
        if change.op == TRUNCATE:
            self._whole.add(table.name)
        self._marks.update(marks(table, change))


def marks(table: Table, change: Change) -> Iterable[_Mark]:
    """What a change holds: its keys before and after (whole rows for key-less tables), and its unique values."""
    names = change.relation.columns
    for row in (change.old, change.new):
        if row is None:
            continue
        values = dict(zip(names, row, strict=True))
        key = table.key or tuple(column.name for column in table.data_columns)
        if all(values.get(name) is not UNCHANGED for name in key):
            yield table.name, "key", tuple(values.get(name) for name in key)
        for index in table.unique_indexes:
            held = tuple(values.get(name, UNCHANGED) for name in index.columns)
            if held and all(isinstance(value, bytes) for value in held):
                yield table.name, str(index.name), held


def change_to_json(change: Change) -> dict[str, Any]:
    """The change with everything needed to apply it later; values as text."""
    relation = change.relation
    return {
        "op": change.op,
        "relation": [relation.oid, *relation.name],
        "columns": list(relation.columns),
        "key": list(relation.key),
        "type_oids": list(relation.type_oids),
        "full": relation.full,
        "old": _row_to_json(change.old),
        "new": _row_to_json(change.new),
    }


def change_from_json(data: dict[str, Any]) -> Change:
    oid, schema, name = data["relation"]
    relation = Relation(
        oid, QName(schema, name), tuple(data["columns"]), tuple(data["key"]), tuple(data["type_oids"]), data["full"]
    )
    together = (relation,) if data["op"] == TRUNCATE else ()
    return Change(data["op"], relation, _row_from_json(data["old"]), _row_from_json(data["new"]), together)


def _row_to_json(row: Row | None) -> list[Any] | None:
    if row is None:
        return None
    return [value.decode("utf-8") if isinstance(value, bytes) else ({} if value is UNCHANGED else None) for value in row]


def _row_from_json(row: list[Any] | None) -> Row | None:
    if row is None:
        return None
    return [value.encode("utf-8") if isinstance(value, str) else (UNCHANGED if value == {} else None) for value in row]
