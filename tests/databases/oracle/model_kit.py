"""Oracle tables of the model, made by hand."""

from __future__ import annotations

from collections.abc import Sequence

from voyager_ops.databases.oracle.names import fold
from voyager_ops.databases.oracle.targets import parse_target
from voyager_ops.databases.oracle.types import OracleType, reread, target_type
from voyager_ops.model.tables import Column, Leaf, QName, Table


def column(name: str, type_: OracleType | str, *, generated: bool = False, not_null: bool = False) -> Column:
    """A column of that type, by its native name."""
    found = OracleType.parse(type_) if isinstance(type_, str) else type_
    spelled = target_type(found)
    assert spelled is not None
    target = parse_target(spelled)
    assert target is not None
    return Column(
        fold(name),
        target.sql,
        target.oid,
        target.oid,
        target.kind,
        not_null,
        generated,
        toastable=reread(found),
        native=name,
        native_type=found.to_json(),
    )


def table(owner: str, name: str, oid: int, columns: Sequence[Column], key: Sequence[str] = ()) -> Table:
    """``key``: folded names."""
    folded = QName(fold(owner), fold(name))
    native = QName(owner, name)
    leaf = Leaf(folded, oid, "d" if key else "f", "", -1, 0, bool(key), native)
    return Table(folded, oid, tuple(columns), tuple(key), (leaf,), native=native)
