"""What a check gets and gives: the schema as its statements describe it, one statement, and hits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from voyager_ops.schema.kinds import Kind
from voyager_ops.schema.names import Name
from voyager_ops.schema.statements import Statement


@dataclass(frozen=True)
class ColumnInfo:
    """``type``: (schema, name) as written; ``array``: any number of dimensions."""

    name: str
    type: Name
    array: bool
    not_null: bool


@dataclass(frozen=True)
class KeyInfo:
    """A primary key, unique constraint or index: ``columns`` in order, "" for an expression."""

    name: str
    columns: tuple[str, ...]
    unique: bool
    primary: bool
    partial: bool = False
    method: str = "btree"
    constraint: bool = False


@dataclass
class TableInfo:
    """``partition_strategy`` is "", "l", "r" or "h"; ``partition_columns`` holds "" for an expression."""

    name: Name
    columns: dict[str, ColumnInfo] = field(default_factory=dict)
    keys: list[KeyInfo] = field(default_factory=list)
    partition_strategy: str = ""
    partition_columns: tuple[str, ...] = ()
    parent: Name | None = None

    @property
    def primary_key(self) -> KeyInfo | None:
        return next((key for key in self.keys if key.primary), None)


@dataclass
class SchemaModel:
    """The schema as far as checks look across statements."""

    tables: dict[Name, TableInfo] = field(default_factory=dict)
    domains: dict[Name, tuple[Name, bool]] = field(default_factory=dict)
    user_types: set[Name] = field(default_factory=set)

    def resolve(self, column: ColumnInfo) -> tuple[Name, bool]:
        """The type of a column below any domain, and whether it is an array."""
        name, array = column.type, column.array
        seen = set()
        while name in self.domains and name not in seen:
            seen.add(name)
            name, inner = self.domains[name]
            array = array or inner
        return name, array

    def column(self, table: Name, column: str) -> ColumnInfo | None:
        info = self.tables.get(table)
        while info is not None:
            if column in info.columns:
                return info.columns[column]
            info = self.tables.get(info.parent) if info.parent is not None else None
        return None


@dataclass(frozen=True)
class Hit:
    """``issue``: an id of the catalog; ``detail`` is put after its general reason; ``name`` replaces the object's name."""

    issue: str
    detail: str = ""
    name: str = ""


@dataclass(frozen=True)
class Subject:
    """One statement under examination."""

    statement: Statement
    kind: Kind
    name: str
    node: Any


Check = Callable[[SchemaModel, Subject], Iterator[Hit]]
