"""Which column a name means: relations of the dictionary, sub-queries and their aliases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from voyager_ops.databases.oracle.name_map import distinct
from voyager_ops.databases.oracle.names import LONGEST_ON_TARGET, fold, too_long
from voyager_ops.schema.oracle.dialect import Refused
from voyager_ops.schema.oracle.typed import Kind


@dataclass(frozen=True)
class Relation:
    """Something with columns. ``columns``: Oracle's name to kind, in order.

    ``schema`` and ``name`` are the target's; both empty for a sub-query.
    """

    columns: Mapping[str, Kind]
    schema: str = ""
    name: str = ""


class Names(Protocol):
    """What a dictionary knows of the names an expression may use. All raise Refused for what is not (to be) on the target."""

    def relation(self, owner: str, name: str) -> Relation:
        """The table or view, synonyms followed; ``owner`` is '' where the statement does not say."""

    def sequence(self, owner: str, name: str) -> tuple[str, str]:
        """(schema, name) of a sequence on the target."""


class Nothing:
    """No names at all: for constants."""

    def relation(self, owner: str, name: str) -> Relation:
        raise Refused(f"the table {name} is not known")

    def sequence(self, owner: str, name: str) -> tuple[str, str]:
        raise Refused(f"the sequence {name} is not known")


@dataclass
class Scope:
    """The sources of one SELECT by alias (Oracle's spelling), inside of those of the query around it."""

    sources: dict[str, Relation] = field(default_factory=dict)
    parent: Scope | None = None
    merged: set[str] = field(default_factory=set)
    """Columns of USING: one name for both sides."""
    queries: dict[str, Relation] = field(default_factory=dict)
    """Named by WITH."""
    numbered: bool = False
    """Whether ROWNUM here is the number of a row of the result."""

    def add(self, alias: str, relation: Relation) -> None:
        if any(fold(alias) == fold(other) for other in self.sources):
            raise Refused(f"two tables are called {fold(alias)}")
        if too_long(fold(alias)):
            raise Refused(f"{alias} is longer than the {LONGEST_ON_TARGET} bytes of a name on the target")
        self.sources[alias] = relation

    def parent_of_sources(self) -> Scope:
        """What a sub-query in FROM sees: the names of WITH and the queries around, not the sources beside it."""
        return Scope(parent=self.parent, queries=self.queries)

    def query(self, name: str) -> Relation | None:
        """What WITH calls ``name`` here or around here."""
        if name in self.queries:
            return self.queries[name]
        return self.parent.query(name) if self.parent is not None else None

    def find(self, alias: str, column: str) -> tuple[str, Kind] | None:
        """(alias, kind) of a column; None when nobody has it. Raises Refused when several have."""
        if alias:
            if alias in self.sources:
                relation = self.sources[alias]
                if column in relation.columns:
                    return alias, relation.columns[column]
                raise Refused(f"the column {alias}.{column} is not known, or not converted")
        else:
            holders = [name for name, relation in self.sources.items() if column in relation.columns]
            if len(holders) > 1 and column not in self.merged:
                raise Refused(f"the column {column} is in {' and in '.join(holders)}")
            if holders:
                return holders[0], self.sources[holders[0]].columns[column]
        return self.parent.find(alias, column) if self.parent is not None else None


def target_of(columns: Mapping[str, Kind], name: str) -> str:
    """The name on the target of a column."""
    return columns[name].target or fold(name)


def named(columns: Mapping[str, Kind], names: Mapping[str, str] | None = None) -> dict[str, Kind]:
    """The columns of a query, each with a name of its own on the target: ``names`` has them, else they are settled here."""
    targets = distinct(columns) if names is None else names
    return {name: replace(kind, target=targets[name]) for name, kind in columns.items()}


def of_table(columns: Mapping[str, Kind], name: str = "") -> Scope:
    """The scope of an expression that belongs to one table (a default, a check, an index)."""
    return Scope({name: Relation(columns)})
