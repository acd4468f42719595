"""What a translation starts from and gives."""

from __future__ import annotations

from dataclasses import dataclass, field

from voyager_ops.testing.oracle.engine import Bind, OracleError, TypeNumber

ROW_NUMBER = "ORA$RID"  # the hidden column behind ROWID
INDEX_PREFIX = "I$"  # of PostgreSQL's indexes: Oracle has a namespace of its own for them
KEY_PREFIX = "K$"  # of PostgreSQL's constraints for keys: an index may have been there before, by the same name
_BIND_TYPES = {
    TypeNumber.VARCHAR2: "ora.varchar2",
    TypeNumber.CHAR: "ora.char",
    TypeNumber.LONG: "ora.clob",
    TypeNumber.CLOB: "ora.clob",
    TypeNumber.NUMBER: "numeric",
    TypeNumber.BINARY_INTEGER: "numeric",
    TypeNumber.DATE: "ora.date",
    TypeNumber.TIMESTAMP: "ora.ts",
    TypeNumber.TIMESTAMP_TZ: "ora.tstz",
    TypeNumber.TIMESTAMP_LTZ: "ora.tsltz",
    TypeNumber.RAW: "ora.raw",
    TypeNumber.LONG_RAW: "ora.blob",
    TypeNumber.BLOB: "ora.blob",
    TypeNumber.BINARY_FLOAT: "float4",
    TypeNumber.BINARY_DOUBLE: "float8",
    TypeNumber.INTERVAL_DS: "ora.ids",
    TypeNumber.INTERVAL_YM: "ora.iym",
    TypeNumber.BOOLEAN: "boolean",
    TypeNumber.ROWID: "ora.rowid",
    TypeNumber.UROWID: "ora.rowid",
    TypeNumber.JSON: "ora.json",
}
_NATIONAL_BINDS = {TypeNumber.VARCHAR2: "ora.nvarchar2", TypeNumber.CHAR: "ora.nchar", TypeNumber.CLOB: "ora.nclob"}


def bind_type(bind: Bind) -> str:
    """The PostgreSQL type of a bind's values."""
    try:
        return _NATIONAL_BINDS.get(bind.type, _BIND_TYPES[bind.type]) if bind.national else _BIND_TYPES[bind.type]
    except KeyError:
        raise OracleError(932, f"inconsistent datatypes: the simulator takes no binds of type {bind.type.name}") from None


@dataclass(frozen=True, slots=True)
class Relation:
    """What a name in FROM stands for. ``schema`` None: found by name alone (V$ views). ``columns``: what ``*`` gives."""

    owner: str
    name: str
    schema: str | None
    columns: tuple[str, ...]
    kind: str
    insertable: tuple[str, ...] = ()
    always: tuple[str, ...] = ()
    """Identity columns GENERATED ALWAYS."""
    read_only: bool = False
    """A view WITH READ ONLY, a table that is READ ONLY."""


@dataclass(slots=True)
class Translated:
    """``sql`` with ``$n`` for the binds ``parameters`` (indexes from 0, in order of ``$n``). ``names`` of a query's columns.

    ``relations``: the tables read; ``target``: the table written. ``as_of``: a query giving the SCN, its ``$n``
    are ``as_of_parameters``.
    ``wait``: seconds that FOR UPDATE waits for locks; -1: no limit.
    """

    sql: str
    parameters: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    target: Relation | None = None
    as_of: str | None = None
    as_of_parameters: list[int] = field(default_factory=list)
    as_of_timestamp: bool = False
    wait: float = -1
    locks: bool = False
    unnamed: bool = False
    """Whether a column of the query is an expression without a name."""
    kind: str = "SELECT"
