"""Tables, keys and unique indexes from Oracle's dictionary into the model: names folded, types those of the target."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Final

import oracledb

from voyager_ops.databases.oracle import dictionary_rows as rows
from voyager_ops.databases.oracle.column_types import oracle_type, target_types
from voyager_ops.databases.oracle.dictionary import Dictionary, ObjectName, read_dictionary
from voyager_ops.databases.oracle.name_map import is_users
from voyager_ops.databases.oracle.names import fold, folded_unique
from voyager_ops.databases.oracle.overrides import SKIP, Overrides
from voyager_ops.databases.oracle.targets import parse_target
from voyager_ops.databases.oracle.types import reread
from voyager_ops.model.tables import Column, Leaf, QName, Table, UniqueIndex, matches

VIEWS: Final = (
    "objects",
    "tables",
    "object_tables",
    "tab_cols",
    "tab_identity_cols",
    "constraints",
    "cons_columns",
    "indexes",
    "ind_columns",
    "mviews",
    "mview_logs",
    "nested_tables",
    "lobs",
    "queue_tables",
    "external_tables",
    "segments",
)
"""The dictionary's views that the tables are read from."""

_TEXTS: Final = frozenset({"text", "varchar", "bpchar"})
_BLOCK: Final = 8192
"""Bytes of a block, for a table's size where segments may not be read; nearly every database is made with it."""


def read_tables(
    connection: oracledb.Connection,
    owners: Collection[str],
    include: Iterable[str] = ("*",),
    exclude: Iterable[str] = (),
    overrides: Overrides | None = None,
) -> list[Table]:
    """The tables of ``owners`` (Oracle's names) as :func:`tables_of` has them.

    Raises PreconditionError for a schema that is not there or not to be seen, and for names that fold to the same.
    """
    return tables_of(read_dictionary(connection, tuple(owners), VIEWS), include, exclude, overrides)


def tables_of(
    dictionary: Dictionary, include: Iterable[str] = ("*",), exclude: Iterable[str] = (), overrides: Overrides | None = None
) -> list[Table]:
    """The tables to migrate, sorted by the model's name; globs are held against that, or against Oracle's.

    Left out: temporary, external and object tables, queues, what Oracle made for itself (materialized views and their logs,
    nested tables' storage, overflow), and tables without a column to move. A column whose type has no counterpart stays, with
    the type '' (preflight names it); one that the configuration skips does not.
    """
    return _Catalog(dictionary, overrides or Overrides()).tables(tuple(include), tuple(exclude))


class _Catalog:
    def __init__(self, dictionary: Dictionary, overrides: Overrides) -> None:
        self._dictionary = dictionary
        self._overrides = overrides
        self._types = target_types(dictionary, overrides)
        self._names = overrides.naming.names(dictionary)
        self._columns: dict[ObjectName, list[rows.ColumnRow]] = defaultdict(list)
        for row in dictionary.tab_cols:
            if is_users(row):
                self._columns[row.owner, row.table_name].append(row)
        self._identities: Mapping[tuple[str, str, str], str] = {
            (row.owner, row.table_name, row.column_name): "a" if row.generation_type == "ALWAYS" else "d"
            for row in dictionary.tab_identity_cols
        }
        self._constraints: dict[ObjectName, list[rows.ConstraintRow]] = defaultdict(list)
        for constraint in dictionary.constraints:
            self._constraints[constraint.owner, constraint.table_name].append(constraint)
        self._constraint_columns = _in_order(
            ((row.owner, row.constraint_name), row.position, row.column_name) for row in dictionary.cons_columns
        )
        self._indexes: dict[ObjectName, list[rows.IndexRow]] = defaultdict(list)
        for index in dictionary.indexes:
            self._indexes[index.table_owner, index.table_name].append(index)
        self._index_columns = _in_order(
            ((row.index_owner, row.index_name), row.column_position, row.column_name) for row in dictionary.ind_columns
        )
        self._object_ids = {
            (row.owner, row.object_name): row.object_id or 0
            for row in dictionary.objects
            if row.object_type == "TABLE" and not row.subobject_name
        }
        self._bytes: dict[ObjectName, int] = defaultdict(int)
        for segment in dictionary.segments:
            self._bytes[segment.owner, segment.segment_name] += segment.bytes or 0
        self._lobs: dict[ObjectName, list[str]] = defaultdict(list)
        for lob in dictionary.lobs:
            self._lobs[lob.owner, lob.table_name].append(lob.segment_name)

    def tables(self, include: tuple[str, ...], exclude: tuple[str, ...]) -> list[Table]:
        others = self._not_migrated()
        found = [
            row
            for row in self._dictionary.tables
            if (row.owner, row.table_name) not in others and row.temporary != "Y" and row.dropped != "YES"
        ]
        folded_unique(dict.fromkeys(row.owner for row in found), "the schemas")
        result = []
        for row in found:
            native, name = QName(row.owner, row.table_name), QName(*self._names.at(row.owner, row.table_name))
            chosen = matches(name, include) or matches(native, include)
            if chosen and not (matches(name, exclude) or matches(native, exclude)):
                table = self._table(row, name, native)
                if table.data_columns:
                    result.append(table)
        return sorted(result, key=lambda table: table.name)

    def _not_migrated(self) -> set[ObjectName]:
        d = self._dictionary
        return {
            *((row.owner, row.table_name) for row in d.external_tables),
            *((row.owner, row.queue_table) for row in d.queue_tables),
            *((row.owner, row.table_name) for row in d.object_tables),
            *((row.owner, row.container_name or row.mview_name) for row in d.mviews),
        }

    def _table(self, row: rows.TableRow, name: QName, native: QName) -> Table:
        place = (row.owner, row.table_name)
        ordered = sorted(self._columns[place], key=_place)
        columns = tuple(column for item in ordered if (column := self._column(item)) is not None)
        key = self._key(place, columns)
        oid = self._object_ids.get(place, 0)
        leaf = Leaf(
            name,
            oid,
            "d" if key else "f",
            "",
            -1 if row.num_rows is None else row.num_rows,
            self._size(row),
            bool(key),
            native,
        )
        return Table(name, oid, columns, key, (leaf,), tuple(self._unique(place, columns)), False, native)

    def _column(self, row: rows.ColumnRow) -> Column | None:
        type_ = self._overrides.with_policy(oracle_type(row))
        identity = self._identities.get((row.owner, row.table_name, row.column_name), "")
        sql = self._types[row.owner, row.table_name, row.column_name]
        if sql == SKIP:
            return None
        target = parse_target(sql) if sql is not None else None
        return Column(
            name=self._names.column(row.owner, row.table_name, row.column_name),
            type_sql=sql or "",
            type_oid=target.oid if target else 0,
            base_oid=target.oid if target else 0,
            type_name=target.type_name if target else "",
            not_null=row.nullable == "N",
            generated=row.virtual_column == "YES",
            identity=identity,
            # Oracle orders text by its character set and NLS settings, the target by its collation.
            collation_exact=target is None or target.kind not in _TEXTS,
            toastable=reread(type_),
            array_of=target.element_oid if target else 0,
            native=row.column_name,
            native_type=type_.to_json(),
        )

    def _key(self, place: ObjectName, columns: tuple[Column, ...]) -> tuple[str, ...]:
        """The primary key that the database vouches for: enabled and validated, and of columns whose values are moved."""
        for constraint in self._constraints[place]:
            if constraint.constraint_type == "P" and constraint.status == "ENABLED" and constraint.validated == "VALIDATED":
                return self._folded(self._constraint_columns.get((constraint.owner, constraint.constraint_name), []), columns)
        return ()

    @staticmethod
    def _folded(names: list[str], columns: tuple[Column, ...]) -> tuple[str, ...]:
        """The model's names; none at all when one of them is no column whose values are moved (virtual, hidden, skipped)."""
        known = {column.native: column.name for column in columns if not column.generated}
        return tuple(known[name] for name in names) if all(name in known for name in names) else ()

    def _unique(self, place: ObjectName, columns: tuple[Column, ...]) -> Iterable[UniqueIndex]:
        taken: set[ObjectName] = set()
        for constraint in self._constraints[place]:
            if constraint.constraint_type not in ("P", "U"):
                continue
            taken.add((constraint.index_owner or constraint.owner, constraint.index_name))
            if constraint.constraint_type == "U" and constraint.status == "ENABLED":
                names = self._constraint_columns.get((constraint.owner, constraint.constraint_name), [])
                yield UniqueIndex(
                    QName(fold(constraint.owner), fold(constraint.constraint_name)),
                    self._folded(names, columns),
                    False,
                    False,
                    constraint.deferrable == "DEFERRABLE",
                )
        for index in self._indexes[place]:
            if index.uniqueness == "UNIQUE" and (index.owner, index.index_name) not in taken and index.index_type != "LOB":
                names = self._index_columns.get((index.owner, index.index_name), [])
                yield UniqueIndex(
                    QName(fold(index.owner), fold(index.index_name)), self._folded(names, columns), False, False, False
                )

    def _size(self, row: rows.TableRow) -> int:
        place = (row.owner, row.table_name)
        if not self._dictionary.segments:
            return (row.blocks or 0) * _BLOCK
        names = [row.table_name, *self._lobs[place]]
        if row.iot_type == "IOT":
            names += [index.index_name for index in self._indexes[place] if index.index_type == "IOT - TOP"]
        return sum(self._bytes[row.owner, name] for name in names)


def _place(row: rows.ColumnRow) -> tuple[bool, int]:
    """Invisible columns have no number of their own and come last."""
    return row.column_id is None, row.column_id or row.internal_column_id or 0


def _in_order(found: Iterable[tuple[ObjectName, int | None, str]]) -> dict[ObjectName, list[str]]:
    result: dict[ObjectName, list[tuple[int, str]]] = defaultdict(list)
    for place, position, name in found:
        result[place].append((position or 0, name))
    return {place: [name for _, name in sorted(items, key=lambda item: item[0])] for place, items in result.items()}
