"""PostgreSQL's errors as Oracle's."""

from __future__ import annotations

import re

import psycopg

from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.translated import INDEX_PREFIX, KEY_PREFIX

_CODES: dict[str, tuple[int, str]] = {
    "40001": (8177, "can't serialize access for this transaction"),
    "40P01": (60, "deadlock detected while waiting for resource"),
    "55P03": (54, "resource busy and acquire with NOWAIT specified or timeout expired"),
    "57014": (1013, "user requested cancel of current operation"),
    "42P07": (955, "name is already used by an existing object"),
    "42710": (955, "name is already used by an existing object"),
    "42701": (1430, "column being added already exists in table"),
    "42P01": (942, "table or view does not exist"),
    "42601": (900, "invalid SQL statement"),
    "42803": (979, "not a GROUP BY expression"),
    "42702": (918, "column ambiguously defined"),
    "22012": (1476, "divisor is equal to zero"),
    "22003": (1438, "value larger than specified precision allowed for this column"),
    "22008": (1841, "(full) year must be between -4713 and +9999, and not be 0"),
    "22007": (1861, "literal does not match format string"),
    "22001": (12899, "value too large for column"),
    "21000": (1427, "single-row subquery returns more than one row"),
    "42883": (932, "inconsistent datatypes"),
    "42804": (932, "inconsistent datatypes"),
    "42846": (932, "inconsistent datatypes"),
    "42725": (932, "inconsistent datatypes"),
    "55000": (8002, "sequence CURRVAL is not yet defined in this session"),
    "2200H": (8004, "sequence NEXTVAL exceeds MAXVALUE and cannot be instantiated"),
    "25006": (1456, "may not perform insert/delete/update operation inside a READ ONLY transaction"),
    "3B001": (1086, "savepoint never established in this session or is invalid"),
    "42P10": (1791, "not a SELECTed expression"),
    "57P01": (28, "your session has been killed"),
    "57P03": (1033, "ORACLE initialization or shutdown in progress"),
    "53300": (20, "maximum number of processes exceeded"),
    "54000": (3001, "unimplemented feature (simulator: a limit of PostgreSQL)"),
}
_GROUPED = re.compile(r"\bGROUP\s+BY\b", re.I)
_OWN = re.compile(r"ORA-(\d{5}): (.*)", re.S)


def oracle_error(error: psycopg.Error, verb: str = "", statement: str = "") -> OracleError:
    """``error`` of a statement beginning with ``verb``, as Oracle would say it; what PostgreSQL said follows in brackets."""
    state = error.sqlstate or ""
    diag = error.diag
    text = (diag.message_primary or str(error)).strip()
    own = _OWN.match(text)
    if own is not None:
        return OracleError(int(own[1]), own[2])
    where = f"{diag.schema_name}.{(diag.constraint_name or '').removeprefix(INDEX_PREFIX).removeprefix(KEY_PREFIX)}"
    if state == "23505" or state == "23P01":
        return OracleError(1, f"unique constraint ({where}) violated")
    if state == "23502":
        column = f'"{diag.schema_name}"."{diag.table_name}"."{diag.column_name}"'
        if verb == "UPDATE":
            return OracleError(1407, f"cannot update ({column}) to NULL")
        return OracleError(1400, f"cannot insert NULL into ({column})")
    if state == "23503":
        child = "is still referenced" in (diag.message_detail or "")
        return (
            OracleError(2292, f"integrity constraint ({where}) violated - child record found")
            if child
            else OracleError(2291, f"integrity constraint ({where}) violated - parent key not found")
        )
    if state == "23514":
        return OracleError(2290, f"check constraint ({where}) violated")
    if state == "42703":
        name = re.search(r'column "?([^"]+)"? ', text)
        return OracleError(904, f'"{(name[1] if name else "").upper()}": invalid identifier')
    if state == "22P02":
        return (
            OracleError(1722, "invalid number")
            if "numeric" in text
            else OracleError(1861, "literal does not match format string")
        )
    if state == "42701" and verb in ("INSERT", "UPDATE"):
        return OracleError(957, "duplicate column name")
    if "UNION" in text or "INTERSECT" in text or "EXCEPT" in text:
        if state == "42601" and "same number of columns" in text:
            return OracleError(1789, "query block has incorrect number of result columns")
        if state == "42804":
            return OracleError(1790, "expression must have same datatype as corresponding expression")
    if state == "42803" and "not allowed" in text:
        return OracleError(934, "group function is not allowed here")
    if state == "42803" and statement and not _GROUPED.search(statement):
        return OracleError(937, "not a single-group group function")
    if state == "428C9" and verb == "UPDATE":  # an identity column is found by the translation
        return OracleError(54017, "UPDATE operation disallowed on virtual columns")
    if state == "428C9":
        if "identity" in (diag.message_detail or ""):
            return OracleError(32795, "cannot insert into a generated always identity column")
        return OracleError(54013, "INSERT operation disallowed on virtual columns")
    if state == "55000" and "currval" not in text and "lastval" not in text:  # it speaks of many things
        return OracleError(3001, f"unimplemented feature (simulator: {text})")
    if state.startswith("08") or (not state and isinstance(error, psycopg.OperationalError)):
        return OracleError(3113, "end-of-file on communication channel")
    if state == "42601" and text.startswith("INSERT has more "):
        few = text.startswith("INSERT has more target")
        return OracleError(947, "not enough values") if few else OracleError(913, "too many values")
    code, message = _CODES.get(state, (3001, f"unimplemented feature (simulator: {state})"))
    return OracleError(
        code,
        f"{message} [{text}]" if state in ("42883", "42804", "42601", "42846", "42725", "42P01") or code == 3001 else message,
    )
