"""Rows of the dictionary about all that is no table: sequences, views, programs, types, comments, grants, storage.

As ``dictionary_rows.py``, where they are all to be had.
"""

from __future__ import annotations

from dataclasses import dataclass


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
