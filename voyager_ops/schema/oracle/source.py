"""The dictionary's rows by what they belong to, and which column of which relation is what on the target."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from voyager_ops.databases.oracle import dictionary_rows as rows
from voyager_ops.databases.oracle.column_types import oracle_type, target_types
from voyager_ops.databases.oracle.dictionary import Dictionary, ObjectName
from voyager_ops.databases.oracle.name_map import is_users
from voyager_ops.databases.oracle.names import folded_unique
from voyager_ops.databases.oracle.overrides import SKIP, Overrides
from voyager_ops.databases.oracle.types import OracleType, why_not
from voyager_ops.schema.oracle.dialect import Refused
from voyager_ops.schema.oracle.scope import Relation
from voyager_ops.schema.oracle.typed import Kind, kind_of_target

_Row = TypeVar("_Row")
_NOT_NULL = re.compile(r'\s*"([^"]+)"\s+IS\s+NOT\s+NULL\s*', re.IGNORECASE)
_BINARY = ("", "BINARY", "USING_NLS_COMP")
"""Collations of columns that compare bytes (the last one unless a session wants otherwise)."""


@dataclass(frozen=True)
class ColumnType:
    """A column and its type on both sides; ``sql`` is None when it has none on the target, ``why`` says why."""

    row: rows.ColumnRow
    oracle: OracleType
    sql: str | None
    kind: Kind
    why: str = ""

    @property
    def name(self) -> str:
        """Its name on the target."""
        return self.kind.target


def _by(found: Iterable[_Row], *names: str) -> dict[Any, list[_Row]]:
    result: dict[Any, list[_Row]] = defaultdict(list)
    for row in found:
        key = tuple(getattr(row, name) for name in names)
        result[key].append(row)
    return result


@dataclass
class Source:
    """An indexed dictionary. ``relations``: what is on the target by now, by Oracle's name: views come in as they are made."""

    dictionary: Dictionary
    overrides: Overrides = field(default_factory=Overrides)
    relations: dict[ObjectName, Relation] = field(default_factory=dict)
    refused: dict[ObjectName, str] = field(default_factory=dict)
    on_demand: Callable[[str, str], None] | None = None
    """Called for a relation that is not there yet (a view on a view)."""

    def __post_init__(self) -> None:
        d = self.dictionary
        self.tables: Mapping[ObjectName, rows.TableRow] = {(row.owner, row.table_name): row for row in d.tables}
        self.columns = _by(d.tab_cols, "owner", "table_name")
        self.identities: Mapping[tuple[str, str, str], rows.IdentityRow] = {
            (row.owner, row.table_name, row.column_name): row for row in d.tab_identity_cols
        }
        self.constraints = _by(d.constraints, "owner", "table_name")
        self.constraint: Mapping[ObjectName, rows.ConstraintRow] = {(r.owner, r.constraint_name): r for r in d.constraints}
        self._constraint_columns = _by(d.cons_columns, "owner", "constraint_name")
        self.indexes = _by(d.indexes, "table_owner", "table_name")
        self._index_columns = _by(d.ind_columns, "index_owner", "index_name")
        self.index_expressions: Mapping[tuple[str, str, int | None], str] = {
            (row.index_owner, row.index_name, row.column_position): row.column_expression for row in d.ind_expressions
        }
        self.sequences: Mapping[ObjectName, rows.SequenceRow] = {
            (row.sequence_owner, row.sequence_name): row for row in d.sequences
        }
        self.views: Mapping[ObjectName, rows.ViewRow] = {(row.owner, row.view_name): row for row in d.views}
        self.mviews: Mapping[ObjectName, rows.MaterializedViewRow] = {(row.owner, row.mview_name): row for row in d.mviews}
        self.synonyms: Mapping[ObjectName, rows.SynonymRow] = {(row.owner, row.synonym_name): row for row in d.synonyms}
        self.external = {(row.owner, row.table_name): row for row in d.external_tables}
        self.queues = {(row.owner, row.queue_table) for row in d.queue_tables}
        self.object_tables = {(row.owner, row.table_name) for row in d.object_tables}
        self.partitioned: Mapping[ObjectName, rows.PartitionedTableRow] = {(r.owner, r.table_name): r for r in d.part_tables}
        self.partitioned_indexes: Mapping[ObjectName, rows.PartitionedIndexRow] = {
            (row.owner, row.index_name): row for row in d.part_indexes
        }
        self._partitions = _by(d.tab_partitions, "table_owner", "table_name")
        self._subpartitions = _by(d.tab_subpartitions, "table_owner", "table_name", "partition_name")
        self.partition_keys = _by(d.part_key_columns, "owner", "name")
        self.subpartition_keys = _by(d.subpart_key_columns, "owner", "name")
        self.attributes = _by(d.type_attrs, "owner", "type_name")
        self.types = target_types(d, self.overrides)
        folded_unique(d.owners, "schemas")
        self.names = self.overrides.naming.names(d, anew=True)

    def visible(self, owner: str, table: str) -> list[rows.ColumnRow]:
        """The columns a user made, in order; invisible ones last."""
        found = [row for row in self.columns.get((owner, table), ()) if is_users(row)]
        return sorted(found, key=lambda row: (row.column_id is None, row.column_id or row.internal_column_id or 0))

    def typed(self, row: rows.ColumnRow) -> ColumnType:
        """The column with its type on the target."""
        oracle = oracle_type(row)
        sql = self.types[(row.owner, row.table_name, row.column_name)]
        target = self.names.column(row.owner, row.table_name, row.column_name)
        if sql is None:
            return ColumnType(row, oracle, None, Kind("other", target=target), why_not(oracle))
        if sql == SKIP:
            why = "the configuration leaves it out (types.by_column)"
            return ColumnType(row, oracle, None, Kind("other", target=target), why)
        kind = kind_of_target(sql, oracle.name)
        if row.collation not in _BINARY:
            kind = Kind("other", sql=kind.sql, collation=row.collation)
        return ColumnType(row, oracle, sql, replace(kind, target=target))

    def is_key(self, row: rows.ConstraintRow) -> bool:
        """Whether rows are known by this primary key: the catalog has the same rule. Others become unique constraints."""
        columns = self.constraint_columns(row.owner, row.constraint_name)
        own = {c.column_name: c for c in self.columns.get((row.owner, row.table_name), ())}
        moved = all(name in own and own[name].virtual_column != "YES" for name in columns)
        return row.constraint_type == "P" and row.status == "ENABLED" and row.validated == "VALIDATED" and moved

    def partitions(self, owner: str, name: str) -> list[rows.PartitionRow]:
        return sorted(self._partitions.get((owner, name), []), key=lambda row: row.partition_position or 0)

    def subpartitions(self, owner: str, name: str, partition: str) -> list[rows.SubpartitionRow]:
        return sorted(self._subpartitions.get((owner, name, partition), []), key=lambda row: row.subpartition_position or 0)

    def constraint_columns(self, owner: str, name: str) -> list[str]:
        found = self._constraint_columns.get((owner, name), [])
        return [row.column_name for row in sorted(found, key=lambda row: row.position or 0)]

    def index_columns(self, owner: str, name: str) -> list[rows.IndexColumnRow]:
        return sorted(self._index_columns.get((owner, name), []), key=lambda row: row.column_position or 0)

    # ------------------------------------------------------------------------------- Names: what expressions may speak of

    def resolve(self, owner: str, name: str, default: str) -> ObjectName:
        """The object that ``owner.name`` means in schema ``default``: synonyms followed, private ones first."""
        place = (owner or default, name)
        for _ in range(8):
            if place in self.tables or place in self.views or place in self.mviews or place in self.sequences:
                return place
            synonym = self.synonyms.get(place) or (None if owner else self.synonyms.get(("PUBLIC", place[1])))
            if synonym is None:
                return place
            if synonym.db_link:
                raise Refused(f"{name} is behind the database link {synonym.db_link}")
            place = (synonym.table_owner or place[0], synonym.table_name)
        raise Refused(f"the synonym {name} goes round in a circle")


@dataclass
class NamesOf:
    """The names an expression in schema ``owner`` may use."""

    source: Source
    owner: str

    def relation(self, owner: str, name: str) -> Relation:
        place = self.source.resolve(owner, name, self.owner)
        if place not in self.source.relations and place not in self.source.refused and self.source.on_demand is not None:
            self.source.on_demand(*place)
        if place in self.source.relations:
            return self.source.relations[place]
        if place in self.source.refused:
            raise Refused(f"it reads {place[0]}.{place[1]}, which is not converted ({self.source.refused[place]})")
        raise Refused(f"it reads {place[0]}.{place[1]}, which is not among what is migrated")

    def sequence(self, owner: str, name: str) -> tuple[str, str]:
        place = self.source.resolve(owner, name, self.owner)
        if place not in self.source.sequences:
            raise Refused(f"the sequence {name} is not among what is migrated")
        return self.source.names.at(*place)


def not_null_column(row: rows.ConstraintRow) -> str:
    """The column of which a check constraint says no more than that it is not NULL, else ''."""
    found = _NOT_NULL.fullmatch(row.search_condition) if row.constraint_type == "C" else None
    return found[1] if found else ""


def is_identity_sequence(name: str) -> bool:
    return name.startswith("ISEQ$$_")
