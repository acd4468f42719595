"""Tables as the phases see them: pure data read from a catalog."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import NamedTuple


class QName(NamedTuple):
    """A qualified name, unquoted, exactly as the catalog holds it."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    @classmethod
    def parse(cls, text: str) -> QName:
        """Inverse of ``str`` for names without a dot in the schema."""
        schema, _, name = text.partition(".")
        return cls(schema, name)


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``type_sql`` is the type as DDL writes it (schema-qualified where not built in), ``base_oid`` the OID
    under any domain, ``category`` pg_type.typcategory of that base type; ``collation_exact`` is False for a text column whose
    collation's order may differ between servers (everything but C, POSIX and PostgreSQL's builtin provider)."""

    name: str
    type_sql: str
    type_oid: int
    base_oid: int
    type_name: str
    not_null: bool
    generated: bool = False
    identity: str = ""
    """'' none, 'a' ALWAYS, 'd' BY DEFAULT."""
    collation_exact: bool = True
    collation_deterministic: bool = True
    toastable: bool = False
    is_enum: bool = False
    array_of: int = 0
    """Element type OID for arrays, else 0."""
    builtin: bool = True
    """The type's OID is below 10000: the same on every server."""
    native: str = ""
    """The name as the engine's catalog spells it where that differs (Oracle: before folding); '' = the same."""
    native_type: str = ""
    """The engine's own type where it is not PostgreSQL's (Oracle: OracleType as JSON); '' for PostgreSQL."""

    @property
    def native_name(self) -> str:
        """The name by which the column's own database knows it."""
        return self.native or self.name


@dataclass(frozen=True, slots=True)
class Leaf:
    """One physical table: the table itself, or a leaf partition."""

    name: QName
    oid: int
    replica_identity: str
    """pg_class.relreplident: d default, n nothing, f full, i index."""
    replica_index: str
    """Index name when replica_identity is 'i', else ''."""
    rows: int
    """Planner's estimate, -1 unknown."""
    bytes: int
    has_key: bool
    """The physical table itself has the primary key of the root."""
    native: QName | None = None
    """As :attr:`Table.native`."""

    @property
    def native_name(self) -> QName:
        """The name by which the physical table's own database knows it."""
        return self.native or self.name


@dataclass(frozen=True, slots=True)
class UniqueIndex:
    """A unique or exclusion index other than the primary key."""

    name: QName
    columns: tuple[str, ...]
    """Plain key columns; empty when any is an expression."""
    partial: bool
    exclusion: bool
    deferrable: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A table to migrate: a plain table, or the root of a partition tree with its leaves."""

    name: QName
    oid: int
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    """Primary key columns in key order; empty: rows are a multiset."""
    leaves: tuple[Leaf, ...]
    unique_indexes: tuple[UniqueIndex, ...] = ()
    partitioned: bool = False
    native: QName | None = None
    """The name as the engine's catalog spells it where that differs (Oracle: before folding); None = the same."""

    @property
    def native_name(self) -> QName:
        """The name by which the table's own database knows it."""
        return self.native or self.name

    @property
    def data_columns(self) -> tuple[Column, ...]:
        """The columns whose values are moved (generated ones are computed by each side)."""
        return tuple(column for column in self.columns if not column.generated)

    def column(self, name: str) -> Column:
        """The column called ``name``; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def rows(self) -> int:
        return sum(max(leaf.rows, 0) for leaf in self.leaves)

    @property
    def bytes(self) -> int:
        return sum(leaf.bytes for leaf in self.leaves)


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence with the column that owns it, if any."""

    name: QName
    owner: tuple[QName, str] | None
    last_value: int
    is_called: bool
    increment: int
    minimum: int
    maximum: int
    cycle: bool
    cache: int


@dataclass(frozen=True)
class NameMap:
    """Names on the source to names on the target. Only the schema may differ (``schemas``: source name to target name)."""

    schemas: Mapping[str, str] = field(default_factory=dict)

    def to_target(self, name: QName) -> QName:
        return QName(self.schemas.get(name.schema, name.schema), name.name)

    def to_source(self, name: QName) -> QName:
        back = {target: source for source, target in self.schemas.items()}
        return QName(back.get(name.schema, name.schema), name.name)


def matches(name: QName, patterns: Iterable[str]) -> bool:
    """Whether a glob of ``patterns`` fits ``name``: a pattern with a dot is held against ``schema.table``, others the name."""
    return any(fnmatchcase(str(name) if "." in pattern else name.name, pattern) for pattern in patterns)
