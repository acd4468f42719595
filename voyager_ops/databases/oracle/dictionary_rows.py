"""The rows of Oracle's dictionary as dataclasses: one class per view, one field per column, named as the view names it.

Text that is NULL is '' (Oracle itself knows no difference); a number that is NULL is None. Field order is the order of the query
in ``queries/dictionary.sql`` and of the CSV file. A field without a default must be in a CSV extract; others may be missing.
"""

from __future__ import annotations

from dataclasses import dataclass


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


@dataclass(frozen=True, slots=True)
class SequenceRow:
    """``last_number`` is the next value that Oracle would write to disk: at or after the next one to be given out."""

    sequence_owner: str
    sequence_name: str
    min_value: int | None = None
    max_value: int | None = None
    increment_by: int | None = None
    cycle_flag: str = "N"
    order_flag: str = "N"
    cache_size: int | None = None
    last_number: int | None = None


@dataclass(frozen=True, slots=True)
class ViewRow:
    owner: str
    view_name: str
    text: str
    type_text: str = ""
    oid_text: str = ""
    view_type_owner: str = ""
    view_type: str = ""
    superview_name: str = ""
    editioning_view: str = ""
    read_only: str = ""


@dataclass(frozen=True, slots=True)
class MaterializedViewRow:
    owner: str
    mview_name: str
    query: str
    container_name: str = ""
    updatable: str = ""
    rewrite_enabled: str = ""
    refresh_mode: str = ""
    refresh_method: str = ""
    build_mode: str = ""
    fast_refreshable: str = ""
    staleness: str = ""
    compile_state: str = ""


@dataclass(frozen=True, slots=True)
class MaterializedViewLogRow:
    log_owner: str
    master: str
    log_table: str


@dataclass(frozen=True, slots=True)
class TriggerRow:
    owner: str
    trigger_name: str
    trigger_type: str = ""
    triggering_event: str = ""
    table_owner: str = ""
    base_object_type: str = ""
    table_name: str = ""
    column_name: str = ""
    referencing_names: str = ""
    when_clause: str = ""
    status: str = ""
    description: str = ""
    action_type: str = ""
    trigger_body: str = ""


@dataclass(frozen=True, slots=True)
class SourceRow:
    owner: str
    name: str
    type: str
    line: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class SynonymRow:
    owner: str
    synonym_name: str
    table_owner: str = ""
    table_name: str = ""
    db_link: str = ""


@dataclass(frozen=True, slots=True)
class TypeRow:
    owner: str
    type_name: str
    typecode: str = ""
    attributes: int | None = None
    methods: int | None = None
    incomplete: str = ""
    final: str = ""
    instantiable: str = ""
    supertype_owner: str = ""
    supertype_name: str = ""


@dataclass(frozen=True, slots=True)
class TypeAttributeRow:
    owner: str
    type_name: str
    attr_name: str
    attr_type_mod: str = ""
    attr_type_owner: str = ""
    attr_type_name: str = ""
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    character_set_name: str = ""
    attr_no: int | None = None
    inherited: str = ""


@dataclass(frozen=True, slots=True)
class CollectionTypeRow:
    owner: str
    type_name: str
    coll_type: str = ""
    upper_bound: int | None = None
    elem_type_mod: str = ""
    elem_type_owner: str = ""
    elem_type_name: str = ""
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    character_set_name: str = ""


@dataclass(frozen=True, slots=True)
class NestedTableRow:
    owner: str
    table_name: str
    table_type_owner: str = ""
    table_type_name: str = ""
    parent_table_name: str = ""
    parent_table_column: str = ""


@dataclass(frozen=True, slots=True)
class LobRow:
    owner: str
    table_name: str
    column_name: str
    segment_name: str = ""
    index_name: str = ""
    chunk: int | None = None
    securefile: str = ""


@dataclass(frozen=True, slots=True)
class XmlColumnRow:
    owner: str
    table_name: str
    column_name: str
    storage_type: str = ""


@dataclass(frozen=True, slots=True)
class TableCommentRow:
    owner: str
    table_name: str
    table_type: str = ""
    comments: str = ""


@dataclass(frozen=True, slots=True)
class ColumnCommentRow:
    owner: str
    table_name: str
    column_name: str
    comments: str = ""


@dataclass(frozen=True, slots=True)
class MaterializedViewCommentRow:
    owner: str
    mview_name: str
    comments: str = ""


@dataclass(frozen=True, slots=True)
class DependencyRow:
    owner: str
    name: str
    type: str
    referenced_owner: str = ""
    referenced_name: str = ""
    referenced_type: str = ""
    referenced_link_name: str = ""


@dataclass(frozen=True, slots=True)
class QueueTableRow:
    owner: str
    queue_table: str
    type: str = ""
    object_type: str = ""


@dataclass(frozen=True, slots=True)
class ExternalTableRow:
    owner: str
    table_name: str
    type_name: str = ""
    default_directory_name: str = ""


@dataclass(frozen=True, slots=True)
class DatabaseLinkRow:
    owner: str
    db_link: str
    username: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True)
class LogGroupRow:
    """``log_group_type``: USER LOG GROUP, PRIMARY KEY LOGGING, UNIQUE KEY LOGGING, FOREIGN KEY LOGGING, ALL COLUMN LOGGING."""

    owner: str
    log_group_name: str
    table_name: str
    log_group_type: str = ""
    always: str = ""
    generated: str = ""


@dataclass(frozen=True, slots=True)
class SegmentRow:
    owner: str
    segment_name: str
    segment_type: str = ""
    partition_name: str = ""
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class TablePrivilegeRow:
    grantee: str
    owner: str
    table_name: str
    privilege: str
    grantor: str = ""
    grantable: str = ""


@dataclass(frozen=True, slots=True)
class ColumnPrivilegeRow:
    grantee: str
    owner: str
    table_name: str
    column_name: str
    privilege: str
    grantor: str = ""
    grantable: str = ""


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """Row-level security (VPD) on a table or view."""

    object_owner: str
    object_name: str
    policy_name: str
    function: str = ""
    enable: str = ""


@dataclass(frozen=True, slots=True)
class ParameterRow:
    """A row of NLS_DATABASE_PARAMETERS: character sets and the version (NLS_RDBMS_VERSION)."""

    parameter: str
    value: str = ""
