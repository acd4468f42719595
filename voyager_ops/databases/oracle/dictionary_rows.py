"""The rows of Oracle's dictionary as dataclasses: one class per view, one field per column, named as the view names it.

Text that is NULL is '' (Oracle itself knows no difference); a number that is NULL is None. Field order is the order of the query
in ``queries/dictionary.sql`` and of the CSV file. A field without a default must be in a CSV extract; others may be missing.
"""

from __future__ import annotations

from dataclasses import dataclass

from voyager_ops.databases.oracle.dictionary_other_rows import (
    CollectionTypeRow,
    ColumnCommentRow,
    ColumnPrivilegeRow,
    DatabaseLinkRow,
    DependencyRow,
    ExternalTableRow,
    LobRow,
    LogGroupRow,
    MaterializedViewCommentRow,
    MaterializedViewLogRow,
    MaterializedViewRow,
    NestedTableRow,
    ParameterRow,
    PolicyRow,
    QueueTableRow,
    SegmentRow,
    SequenceRow,
    SourceRow,
    SynonymRow,
    TableCommentRow,
    TablePrivilegeRow,
    TriggerRow,
    TypeAttributeRow,
    TypeRow,
    ViewRow,
    XmlColumnRow,
)


@dataclass(frozen=True, slots=True)
class ObjectRow:
    owner: str
    object_name: str
    object_type: str
    subobject_name: str = ""
    object_id: int | None = None
    data_object_id: int | None = None
    status: str = ""
    temporary: str = ""
    generated: str = ""
    secondary: str = ""


@dataclass(frozen=True, slots=True)
class TableRow:
    owner: str
    table_name: str
    tablespace_name: str = ""
    cluster_name: str = ""
    iot_name: str = ""
    iot_type: str = ""
    status: str = ""
    num_rows: int | None = None
    blocks: int | None = None
    temporary: str = ""
    duration: str = ""
    nested: str = ""
    partitioned: str = ""
    secondary: str = ""
    dropped: str = ""
    row_movement: str = ""
    compression: str = ""
    read_only: str = ""


@dataclass(frozen=True, slots=True)
class ObjectTableRow:
    """A table of objects (``CREATE TABLE … OF type``); Oracle does not list these among the tables."""

    owner: str
    table_name: str
    table_type_owner: str = ""
    table_type: str = ""
    nested: str = ""
    temporary: str = ""


@dataclass(frozen=True, slots=True)
class ColumnRow:
    """``data_default`` is the text of the default, of a virtual column its expression. ``column_id`` is None when hidden."""

    owner: str
    table_name: str
    column_name: str
    data_type: str
    data_type_mod: str = ""
    data_type_owner: str = ""
    data_length: int | None = None
    data_precision: int | None = None
    data_scale: int | None = None
    nullable: str = "Y"
    column_id: int | None = None
    data_default: str = ""
    char_length: int | None = None
    char_used: str = ""
    hidden_column: str = "NO"
    virtual_column: str = "NO"
    segment_column_id: int | None = None
    internal_column_id: int | None = None
    qualified_col_name: str = ""
    default_on_null: str = "NO"
    identity_column: str = "NO"
    user_generated: str = "YES"
    collation: str = ""


@dataclass(frozen=True, slots=True)
class IdentityRow:
    owner: str
    table_name: str
    column_name: str
    generation_type: str = ""
    sequence_name: str = ""
    identity_options: str = ""


@dataclass(frozen=True, slots=True)
class ConstraintRow:
    """``constraint_type``: P, U, R (foreign key), C (check), V and O (check option and read only of views), H, F, S, …"""

    owner: str
    constraint_name: str
    constraint_type: str
    table_name: str
    search_condition: str = ""
    r_owner: str = ""
    r_constraint_name: str = ""
    delete_rule: str = ""
    status: str = "ENABLED"
    deferrable: str = "NOT DEFERRABLE"
    deferred: str = "IMMEDIATE"
    validated: str = "VALIDATED"
    generated: str = ""
    rely: str = ""
    index_owner: str = ""
    index_name: str = ""
    invalid: str = ""
    view_related: str = ""


@dataclass(frozen=True, slots=True)
class ConstraintColumnRow:
    owner: str
    constraint_name: str
    table_name: str
    column_name: str
    position: int | None = None


@dataclass(frozen=True, slots=True)
class IndexRow:
    owner: str
    index_name: str
    index_type: str
    table_owner: str
    table_name: str
    table_type: str = ""
    uniqueness: str = "NONUNIQUE"
    compression: str = ""
    partitioned: str = ""
    temporary: str = ""
    generated: str = ""
    secondary: str = ""
    status: str = ""
    ityp_owner: str = ""
    ityp_name: str = ""
    parameters: str = ""
    funcidx_status: str = ""
    join_index: str = ""
    visibility: str = ""


@dataclass(frozen=True, slots=True)
class IndexColumnRow:
    index_owner: str
    index_name: str
    table_owner: str
    table_name: str
    column_name: str
    column_position: int | None = None
    descend: str = "ASC"


@dataclass(frozen=True, slots=True)
class IndexExpressionRow:
    index_owner: str
    index_name: str
    table_owner: str
    table_name: str
    column_expression: str
    column_position: int | None = None


@dataclass(frozen=True, slots=True)
class PartitionedTableRow:
    owner: str
    table_name: str
    partitioning_type: str
    subpartitioning_type: str = "NONE"
    partition_count: int | None = None
    def_subpartition_count: int | None = None
    partitioning_key_count: int | None = None
    subpartitioning_key_count: int | None = None
    ref_ptn_constraint_name: str = ""
    interval: str = ""
    autolist: str = ""


@dataclass(frozen=True, slots=True)
class PartitionedIndexRow:
    owner: str
    index_name: str
    table_name: str
    partitioning_type: str = ""
    locality: str = ""
    alignment: str = ""


@dataclass(frozen=True, slots=True)
class PartitionRow:
    table_owner: str
    table_name: str
    partition_name: str
    high_value: str = ""
    partition_position: int | None = None
    composite: str = "NO"
    subpartition_count: int | None = None
    num_rows: int | None = None
    interval: str = ""


@dataclass(frozen=True, slots=True)
class SubpartitionRow:
    table_owner: str
    table_name: str
    partition_name: str
    subpartition_name: str
    high_value: str = ""
    subpartition_position: int | None = None
    num_rows: int | None = None


@dataclass(frozen=True, slots=True)
class PartitionKeyRow:
    """Also of sub-partition keys. ``object_type``: TABLE or INDEX."""

    owner: str
    name: str
    object_type: str
    column_name: str
    column_position: int | None = None


@dataclass(frozen=True, slots=True)
class SubpartitionTemplateRow:
    user_name: str
    table_name: str
    subpartition_name: str
    subpartition_position: int | None = None
    high_bound: str = ""


__all__ = [
    "CollectionTypeRow",
    "ColumnCommentRow",
    "ColumnPrivilegeRow",
    "ColumnRow",
    "ConstraintColumnRow",
    "ConstraintRow",
    "DatabaseLinkRow",
    "DependencyRow",
    "ExternalTableRow",
    "IdentityRow",
    "IndexColumnRow",
    "IndexExpressionRow",
    "IndexRow",
    "LobRow",
    "LogGroupRow",
    "MaterializedViewCommentRow",
    "MaterializedViewLogRow",
    "MaterializedViewRow",
    "NestedTableRow",
    "ObjectRow",
    "ObjectTableRow",
    "ParameterRow",
    "PartitionKeyRow",
    "PartitionRow",
    "PartitionedIndexRow",
    "PartitionedTableRow",
    "PolicyRow",
    "QueueTableRow",
    "SegmentRow",
    "SequenceRow",
    "SourceRow",
    "SubpartitionRow",
    "SubpartitionTemplateRow",
    "SynonymRow",
    "TableCommentRow",
    "TablePrivilegeRow",
    "TableRow",
    "TriggerRow",
    "TypeAttributeRow",
    "TypeRow",
    "ViewRow",
    "XmlColumnRow",
]
