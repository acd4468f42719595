"""CREATE TABLE, parsed."""

from __future__ import annotations

from voyager_ops.testing.oracle.ddl_checks import RESERVED
from voyager_ops.testing.oracle.ddl_clauses import check_column_name, parse_column, parse_constraint, parse_log_group
from voyager_ops.testing.oracle.ddl_model import Column, CreateTable
from voyager_ops.testing.oracle.ddl_partitioning import parse_partitioning
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.tokens import Cursor

# Words with which begins how and where a table is stored: what follows is taken and forgotten.
_STORED = {
    *("ANNOTATIONS", "CACHE", "CLUSTERING", "COLUMN", "COMPRESS", "DEFAULT", "DISABLE", "ELEMENT", "ENABLE"),
    *("FLASHBACK", "FOR", "IDENTIFIER", "ILM", "INCLUDING", "INDEXING", "INITRANS", "INMEMORY", "JSON"),
    *("LOGGING", "MAPPING", "MAXTRANS", "MEMOPTIMIZE", "MONITORING", "NO", "NOCACHE", "NOCOMPRESS"),
    *("NOLOGGING", "NOMAPPING", "NOMONITORING", "NOPARALLEL", "NOROWDEPENDENCIES", "OBJECT", "OIDINDEX"),
    *("OVERFLOW", "PARALLEL", "PARENT", "PCTFREE", "PCTINCREASE", "PCTTHRESHOLD", "PCTUSED", "READ"),
    *("REJECT", "RESULT_CACHE", "RETURN", "ROW", "ROWDEPENDENCIES", "SEGMENT", "STORAGE", "STORE"),
    *("SUBSTITUTABLE", "USAGE", "VARRAY", "WITH", "XMLSCHEMA", "XMLTYPE"),
}


def parse_create_table(cursor: Cursor, semantics: str = "BYTE") -> CreateTable:
    """From after CREATE … TABLE."""
    exists = cursor.accept("IF", "NOT", "EXISTS")
    if cursor.token.kind == "word" and cursor.token.value in RESERVED:
        raise cursor.fail(903)
    if not cursor.token.is_name:
        raise cursor.fail(903)
    owner, name = cursor.qualified()
    table = CreateTable(owner, name, if_not_exists=exists)
    if cursor.accept("SHARING", "="):
        cursor.name()
    if cursor.accept("OF"):
        table.of_type = cursor.qualified()
        if table.of_type[1] == "XMLTYPE":
            table.of_type = (None, "XMLTYPE")
    if cursor.is_word("(") and not cursor.is_word("(", "SELECT"):
        typed = not _selects(cursor)
        cursor.expect("(")
        _relational(cursor, table, semantics, typed=typed)
    elif cursor.done and table.of_type is None:
        raise cursor.fail(906)
    _table_properties(cursor, table)
    return table


def _selects(cursor: Cursor) -> bool:
    """Whether AS SELECT follows the columns, which then have no types of their own."""
    start = cursor.at
    cursor.parenthesised()
    while not cursor.done and not _query(cursor):
        _stored(cursor)
    found = not cursor.done
    cursor.at = start
    return found


def _query(cursor: Cursor) -> bool:
    return any(cursor.is_word("AS", word) for word in ("SELECT", "WITH", "("))


def _stored(cursor: Cursor) -> None:
    """Past a word, or what stands in parentheses, of how rows are stored; past its AS too, which begins no query."""
    if cursor.accept("STORE", "AS"):
        cursor.accept("SECUREFILE") or cursor.accept("BASICFILE")
        cursor.accept("LOB")
        return
    if cursor.accept("RETURN", "AS") or cursor.accept("RETURN", "LOCAL", "AS"):
        return
    if cursor.is_word("("):
        cursor.parenthesised()
    else:
        cursor.at += 1


def _relational(cursor: Cursor, table: CreateTable, semantics: str, *, typed: bool) -> None:
    while True:
        if cursor.accept("SUPPLEMENTAL", "LOG"):
            table.log_groups.append(parse_log_group(cursor))
        elif cursor.token.kind == "word" and (
            cursor.token.value == "CONSTRAINT"
            or (cursor.token.value in ("PRIMARY", "FOREIGN") and cursor.peek().value == "KEY")
            or (cursor.token.value in ("UNIQUE", "CHECK") and cursor.peek().value == "(")
        ):
            constraint = parse_constraint(cursor)
            assert constraint is not None
            table.constraints.append(constraint)
        elif table.query is None and cursor.token.is_name and cursor.peek().value in (",", ")"):
            table.columns.append(Column(cursor.name()))  # CREATE TABLE t (a, b) AS SELECT
        else:
            check_column_name(cursor)
            column = parse_column(cursor, semantics, altering=table.of_type is not None or not typed)
            table.columns.append(column)
        if cursor.accept(","):
            continue
        cursor.expect(")")
        return


def _table_properties(cursor: Cursor, table: CreateTable) -> None:
    storing = False
    while not cursor.done:
        if cursor.accept("ON", "COMMIT"):
            table.temporary = "PRESERVE" if cursor.accept("PRESERVE") else "DELETE"
            cursor.accept("DELETE")
            cursor.expect("ROWS")
        elif cursor.accept("ORGANIZATION"):
            table.organization = cursor.name()
            if table.organization == "EXTERNAL":
                table.external = cursor.parenthesised()
        elif cursor.accept("TABLESPACE"):
            table.tablespace = cursor.name()
        elif cursor.accept("CLUSTER"):
            table.cluster = cursor.qualified()[1]
            cursor.parenthesised()
        elif cursor.accept("NESTED", "TABLE"):
            column = cursor.name()
            while not cursor.accept("STORE", "AS"):
                cursor.at += 1
            table.nested.append((column, cursor.qualified()[1]))
        elif cursor.accept("LOB"):
            cursor.parenthesised()
        elif cursor.accept("PARTITION", "BY"):
            table.partitioning = parse_partitioning(cursor)
        elif cursor.is_word("ROW", "ARCHIVAL"):
            raise OracleError(3001, "unimplemented feature (simulator: rows that are archived and not seen)", cursor.token.start)
        elif cursor.accept("AS"):
            table.query = cursor.rest()
            if not table.query:
                raise OracleError(928, "missing SELECT keyword")
        elif cursor.is_word("(") or storing or cursor.token.value in _STORED:
            storing = True
            _stored(cursor)
            continue
        else:
            raise cursor.fail(922)
        storing = False
