"""The tables of a lane as the side which is applied to has them: column types by name, key, equality of the key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files

from voyager_ops.databases.postgres.database import Connection
from voyager_ops.errors import PreconditionError
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.tables import QName, Table
from voyager_ops.state.stopped import left_out

_OPERATOR = re.compile(r"[+\-*/<>=~!@#%^&|`?]+")


@dataclass(frozen=True, slots=True)
class ApplyColumn:
    """``type`` is the type's own name without modifiers: a value that does not fit its column is an error, never cut."""

    name: str
    type: QName
    identity: str


@dataclass(frozen=True, slots=True)
class ApplyTable:
    """One root table on the apply side. ``columns`` are the capture side's data columns in the capture side's order: the
    canonical order of rows. ``key`` holds indexes into them (empty: rows are a multiset), ``equality`` an operator for each.
    ``source`` is the source's name of the table, ``leaves`` the apply side's physical tables (itself when not partitioned).
    """

    root: QName
    """As on the capture side."""
    name: QName
    source: QName
    columns: tuple[ApplyColumn, ...]
    key: tuple[int, ...]
    equality: tuple[QName, ...]
    toastable: tuple[int, ...]
    partitioned: bool

    @property
    def fixed(self) -> tuple[int, ...]:
        """Columns that an UPDATE may not set: identity ALWAYS outside the key."""
        return tuple(index for index, column in enumerate(self.columns) if column.identity == "a" and index not in self.key)

    @property
    def settable(self) -> tuple[int, ...]:
        """Columns an UPDATE sets: all but the key's."""
        return tuple(index for index in range(len(self.columns)) if index not in self.key)

    @property
    def must_rewrite(self) -> bool:
        """Changed rows cannot be updated in place: they are deleted and inserted."""
        return bool(self.fixed) or not self.settable


@dataclass(frozen=True, slots=True)
class _Described:
    partitioned: bool
    columns: Mapping[str, ApplyColumn]
    generated: frozenset[str]
    key: tuple[str, ...]
    equality: tuple[QName, ...]
    immediate: bool


def read_apply_tables(connection: Connection, context: LaneContext) -> dict[QName, ApplyTable]:
    """Every table of the lane by its name on the capture side. Raises PreconditionError when one is missing on the apply
    side, lacks a column, or has another primary key there; one that is left out is missing here then."""
    described = _describe(connection, [context.to_apply(table.name) for table in context.tables])
    without = left_out(context.state, context.lane)
    found: dict[QName, ApplyTable] = {}
    for table in context.tables:
        try:
            found[table.name] = _apply_table(table, described, context)
        except PreconditionError:
            if str(context.source_name(table.name)) not in without:
                raise
    return found


def _describe(connection: Connection, names: Iterable[QName]) -> dict[QName, _Described]:
    names = list(names)
    query = files(__package__).joinpath("queries", "apply_columns.sql").read_text(encoding="utf-8")
    rows: dict[QName, list[tuple[object, ...]]] = {}
    for row in connection.execute(query, ([name.schema for name in names], [name.name for name in names])):
        rows.setdefault(QName(row[0], row[1]), []).append(row)
    result = {}
    for name, items in rows.items():
        key = sorted((int(str(item[8])), str(item[3]), item[9], item[10]) for item in items if item[8])
        if any(item[8] and item[6] for item in items):
            key = []  # a generated key identifies nothing to us: its values are not moved (as read_tables has it)
        for _, column, _, operator in key:
            if operator is None or not _OPERATOR.fullmatch(str(operator)):
                raise PreconditionError(
                    f"no equality operator was found for the key column {column!r} of {name}",
                    state="nothing was applied",
                    next_step="give the table a primary key on ordinary types",
                )
        result[name] = _Described(
            bool(items[0][2]),
            {str(item[3]): ApplyColumn(str(item[3]), QName(str(item[4]), str(item[5])), str(item[7])) for item in items},
            frozenset(str(item[3]) for item in items if item[6]),
            tuple(column for _, column, _, _ in key),
            tuple(QName(str(schema), str(operator)) for _, _, schema, operator in key),
            bool(items[0][11]),
        )
    return result


def _apply_table(table: Table, described: Mapping[QName, _Described], context: LaneContext) -> ApplyTable:
    name = context.to_apply(table.name)
    where = f"the {context.apply_db.side} database {context.apply_db.where}"
    there = described.get(name)
    if there is None:
        raise PreconditionError(
            f"table {name} does not exist on {where}",
            state="nothing was applied",
            next_step="voyager-ops import schema, then start this command again",
        )
    names = [column.name for column in table.data_columns if column.name not in there.generated]
    missing = [column for column in names if column not in there.columns]
    if missing:
        raise PreconditionError(
            f"table {name} on {where} lacks the columns {', '.join(missing)}",
            state="nothing was applied",
            next_step="add them there, then start this command again",
        )
    if set(there.key) != set(table.key):
        raise PreconditionError(
            f"table {name} has the primary key ({', '.join(there.key)}) on {where}, but ({', '.join(table.key)}) on the other"
            " side",
            state="nothing was applied",
            next_step="give both sides the same primary key, then start this command again",
        )
    # A deferrable key may be held by two rows in the middle of a transaction: such rows are known by their whole content.
    keyed = bool(table.key) and there.immediate
    equality = dict(zip(there.key, there.equality, strict=True))
    toastable = {column.name for column in table.columns if column.toastable}
    return ApplyTable(
        table.name,
        name,
        context.source_name(table.name),
        tuple(there.columns[column] for column in names),
        tuple(names.index(column) for column in table.key) if keyed else (),
        tuple(equality[column] for column in table.key) if keyed else (),
        tuple(index for index, column in enumerate(names) if column in toastable),
        there.partitioned,
    )
