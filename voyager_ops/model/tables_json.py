"""Tables to JSON and back, for the frozen baseline."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from voyager_ops.model.tables import Column, Leaf, QName, Table, UniqueIndex


def table_to_json(table: Table) -> dict[str, Any]:
    """A JSON-able form; names become [schema, name] pairs."""
    return asdict(table)


def table_from_json(data: dict[str, Any]) -> Table:
    """Inverse of :func:`table_to_json`, also after a trip through JSON text."""
    return Table(
        name=QName(*data["name"]),
        oid=data["oid"],
        columns=tuple(Column(**column) for column in data["columns"]),
        key=tuple(data["key"]),
        leaves=tuple(
            Leaf(**{**leaf, "name": QName(*leaf["name"]), "native": _native(leaf.get("native"))}) for leaf in data["leaves"]
        ),
        unique_indexes=tuple(
            UniqueIndex(**{**index, "name": QName(*index["name"]), "columns": tuple(index["columns"])})
            for index in data["unique_indexes"]
        ),
        partitioned=data["partitioned"],
        native=_native(data.get("native")),
    )


def _native(pair: list[str] | None) -> QName | None:
    return QName(*pair) if pair else None
