"""What Oracle refuses in expressions, keys and bounds of DDL before it looks at rows."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal

from voyager_ops.testing.oracle.datatypes import LOBS
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.tokens import tokenize

_IMPURE = frozenset(
    [
        "SYSDATE",
        "SYSTIMESTAMP",
        "CURRENT_DATE",
        "CURRENT_TIMESTAMP",
        "LOCALTIMESTAMP",
        "USER",
        "UID",
        "USERENV",
        "ROWNUM",
        "LEVEL",
    ]
)
_FAMILIES = {
    **dict.fromkeys(("CHAR", "VARCHAR2", "NCHAR", "NVARCHAR2"), "string"),
    **dict.fromkeys(("NUMBER", "FLOAT", "BINARY_FLOAT", "BINARY_DOUBLE"), "number"),
    "DATE": "moment",
    "RAW": "bytes",
}
# What no table or column is called unless quoted.
RESERVED = frozenset(
    [
        *("ACCESS", "ADD", "ALL", "ALTER", "AND", "ANY", "AS", "ASC", "AUDIT", "BETWEEN", "BY", "CHAR", "CHECK"),
        *("CLUSTER", "COLUMN", "COMMENT", "COMPRESS", "CONNECT", "CREATE", "CURRENT", "DATE", "DECIMAL", "DEFAULT"),
        *("DELETE", "DESC", "DISTINCT", "DROP", "ELSE", "EXCLUSIVE", "EXISTS", "FILE", "FLOAT", "FOR", "FROM", "GRANT"),
        *("GROUP", "HAVING", "IDENTIFIED", "IMMEDIATE", "IN", "INCREMENT", "INDEX", "INITIAL", "INSERT", "INTEGER"),
        *("INTERSECT", "INTO", "IS", "LEVEL", "LIKE", "LOCK", "LONG", "MAXEXTENTS", "MINUS", "MLSLABEL", "MODE"),
        *("MODIFY", "NOAUDIT", "NOCOMPRESS", "NOT", "NOWAIT", "NULL", "NUMBER", "OF", "OFFLINE", "ON", "ONLINE"),
        *("OPTION", "OR", "ORDER", "PCTFREE", "PRIOR", "PUBLIC", "RAW", "RENAME", "RESOURCE", "ROW", "ROWID", "ROWNUM"),
        *("ROWS", "SELECT", "SESSION", "SET", "SHARE", "SIZE", "SMALLINT", "START", "SUCCESSFUL", "SYNONYM", "SYSDATE"),
        *("TABLE", "THEN", "TO", "TRIGGER", "UID", "UNION", "UNIQUE", "UPDATE", "USER", "VALIDATE", "VALUES", "VARCHAR"),
        *("VARCHAR2", "VIEW", "WHENEVER", "WHERE", "WITH"),
    ]
)


def mentions(text: str, names: Iterable[str]) -> bool:
    """Whether one of ``names`` stands in an expression."""
    wanted = set(names)
    return any(token.is_name and token.value in wanted for token in tokenize(text))


def impure(text: str) -> bool:
    """Whether an expression depends on when or by whom it is looked at."""
    return any(token.kind == "word" and token.value in _IMPURE for token in tokenize(text))


def check_condition(condition: str, columns: Sequence[str], known: Iterable[str]) -> None:
    """Of a CHECK at the one of ``columns``, or of the table: ORA-02436, ORA-02438, ORA-00936."""
    if not condition.strip():
        raise OracleError(936, "missing expression")
    if impure(condition):
        raise OracleError(2436, "date or system variable wrongly specified in CHECK constraint")
    if columns and mentions(condition, set(known) - set(columns)):
        raise OracleError(2438, "Column check constraint cannot reference other columns")


def check_virtual(expression: str, virtual: Iterable[str]) -> None:
    """ORA-54002, ORA-54012 for a virtual column's expression; ``virtual``: the others of its table."""
    if impure(expression):
        raise OracleError(54002, "only pure functions can be specified in a virtual column expression")
    if mentions(expression, virtual):
        raise OracleError(54012, "virtual column is referenced in a column expression")


def check_key(types: Sequence[str], columns: Sequence[str]) -> None:
    """Of a unique or primary key whose columns have these types: ORA-00957, ORA-02329, ORA-02269."""
    if len(set(columns)) < len(columns):
        raise OracleError(957, "duplicate column name")
    for kind in types:
        if kind in LOBS:
            raise OracleError(2329, "column of datatype LOB cannot be unique or a primary key")
        if kind.startswith("LONG"):
            raise OracleError(2269, "key column cannot be of LONG datatype")


def check_alike(types: Sequence[str], referenced: Sequence[str]) -> None:
    """ORA-02267 for columns that refer to others of another kind."""
    for own, other in zip(types, referenced, strict=True):
        if own in _FAMILIES and other in _FAMILIES and _FAMILIES[own] != _FAMILIES[other]:
            raise OracleError(2267, "column type incompatible with referenced column type")


def check_ascending(partitions: Sequence[tuple[str, str]], *, added: bool = False) -> None:
    """Names and bounds of RANGE partitions: ORA-14037, of one that is added ORA-14074. What cannot be compared here is not."""
    for (name, lower), (_, higher) in itertools.pairwise(partitions):
        below, above = _bound(lower), _bound(higher)
        if below is None or above is None or len(below) != len(above) or below < above:
            continue
        if added:
            raise OracleError(14074, "partition bound must collate higher than that of the last partition")
        raise OracleError(14037, f'partition bound of partition "{name}" is too high')


def _bound(text: str) -> tuple[tuple[int, Decimal, str], ...] | None:
    """Values that can be compared with those of another bound of the same table; None: they cannot."""
    values = []
    for part in re.findall(r"(?:TO_DATE\s*\([^)]*\)|'[^']*'|[^,'])+", text):
        value = part.strip()
        number = re.fullmatch(r"[+-]?\d+(\.\d*)?", value)
        literal = re.fullmatch(r"(?:TO_DATE\s*\(|TIMESTAMP)?\s*'([^']*)'.*", value, re.S)
        if value.upper() == "MAXVALUE":
            values.append((1, Decimal(0), ""))
        elif number is not None:
            values.append((0, Decimal(value), ""))
        elif literal is not None:
            values.append((0, Decimal(0), literal[1]))
        else:
            return None
    return tuple(values) or None
