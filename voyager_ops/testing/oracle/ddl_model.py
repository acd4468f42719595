"""What the parsers of CREATE and ALTER TABLE make of a statement."""

from __future__ import annotations

from dataclasses import dataclass, field

from voyager_ops.testing.oracle.datatypes import DataType


@dataclass(slots=True)
class SequenceOptions:
    """None: not given. ``max_value``/``min_value`` "none": NOMAXVALUE, NOMINVALUE."""

    start: int | None = None
    start_limit: bool = False
    increment: int | None = None
    max_value: int | str | None = None
    min_value: int | str | None = None
    cycle: bool | None = None
    cache: int | None = None
    order: bool | None = None
    restart: bool = False


@dataclass(slots=True)
class Constraint:
    """``kind``: P, U, R, C; N is a NOT NULL written at the column (a C in the dictionary)."""

    kind: str
    name: str | None = None
    columns: list[str] = field(default_factory=list)
    condition: str = ""
    r_owner: str | None = None
    r_table: str = ""
    r_columns: list[str] = field(default_factory=list)
    delete_rule: str = "NO ACTION"
    enabled: bool = True
    validated: bool | None = None
    deferrable: bool = False
    deferred: bool = False
    rely: bool = False
    using_index: str | None = None
    create_index: str = ""

    @property
    def mandatory(self) -> bool:
        """Of a NOT NULL: whether its column is one that holds no NULL (NULLABLE is N). In any other state it is but a check."""
        return self.enabled and self.validated is not False and not self.deferrable


@dataclass(slots=True)
class Column:
    name: str
    type: DataType | None = None
    default: str | None = None
    on_null: str = ""
    identity: str = ""
    """ALWAYS, BY DEFAULT, or nothing."""
    sequence: SequenceOptions | None = None
    virtual: str | None = None
    invisible: bool | None = None
    nullable: bool | None = None
    constraints: list[Constraint] = field(default_factory=list)


@dataclass(slots=True)
class Partition:
    name: str | None
    high_value: str = ""
    children: list[Partition] = field(default_factory=list)


@dataclass(slots=True)
class Partitioning:
    kind: str
    columns: list[str]
    interval: str | None = None
    autolist: bool = False
    reference: str | None = None
    sub_kind: str = "NONE"
    sub_columns: list[str] = field(default_factory=list)
    partitions: list[Partition] = field(default_factory=list)
    template: list[Partition] = field(default_factory=list)


@dataclass(slots=True)
class CreateTable:
    owner: str | None
    name: str
    columns: list[Column] = field(default_factory=list)
    constraints: list[Constraint] = field(default_factory=list)
    log_groups: list[tuple[str, list[str], bool]] = field(default_factory=list)
    temporary: str = ""
    """DELETE or PRESERVE ROWS on commit, or nothing."""
    organization: str = "HEAP"
    external: str = ""
    partitioning: Partitioning | None = None
    nested: list[tuple[str, str]] = field(default_factory=list)
    of_type: tuple[str | None, str] | None = None
    tablespace: str | None = None
    cluster: str | None = None
    query: str | None = None
    if_not_exists: bool = False
