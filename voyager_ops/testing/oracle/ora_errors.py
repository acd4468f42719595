"""PostgreSQL's errors as Oracle's."""

from __future__ import annotations

import re

import psycopg

from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.translated import INDEX_PREFIX, KEY_PREFIX, ROW_NUMBER

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
    "42712": (918, "column ambiguously defined"),
    "2201E": (1428, "argument is out of range"),
    "2201F": (1428, "argument is out of range"),
    "22025": (1425, "escape character must be character string of length 1"),
    "44000": (1402, "view WITH CHECK OPTION where-clause violation"),
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

_SAID = (
    ("column reference in DEFAULT expression", 984, "column not allowed here"),
    ("cannot use subquery in", 2251, "subquery not allowed here"),
    ('foreign key constraint "', 2267, "column type incompatible with referenced column type"),
    ("cannot affect row a second time", 30926, "unable to get a stable set of rows in the source tables"),
    ("window functions are not allowed", 30483, "window  functions are not allowed here"),
    ("subquery must return only one column", 913, "too many values"),
    ("subquery has too many columns", 913, "too many values"),
    ("subquery has too few columns", 947, "not enough values"),
    ("BY position", 1785, "ORDER BY item must be the number of a SELECT-list expression"),
    ("cannot update view", 1732, "data manipulation operation not legal on this view"),
    ("cannot insert into view", 1732, "data manipulation operation not legal on this view"),
    ("cannot delete from view", 1732, "data manipulation operation not legal on this view"),
    ("cannot update column", 1733, "virtual column not allowed here"),
    ("cannot insert into column", 1733, "virtual column not allowed here"),
    ("invalid hexadecimal digit", 1465, "invalid hex number"),
    ("odd number of digits", 1465, "invalid hex number"),
    ("operator does not exist: ora.date + ora.date", 975, "date + date not allowed"),
)


def _outside(text: str, statement: str) -> str:
    """The column of ``missing FROM-clause entry for table "X"``, as Oracle writes it."""
    found = re.search(r'table "([^"]+)"', text)
    table = found[1] if found else ""
    column = re.search(rf'(?<![\w$#."])"?{re.escape(table)}"?\s*\.\s*("[^"]+"|[\w$#]+)', statement, re.I)
    name = "" if column is None else column[1].strip('"') if column[1].startswith('"') else column[1].upper()
    return f'"{table}"."{name}"' if name else f'"{table}"'


def _unlike(state: str, text: str) -> OracleError | None:
    """Of types that cannot be compared (see ``sql/types.sql``): LOBs and LONG."""
    if state == "42809" and "requires operator to yield boolean" in text:
        return OracleError(932, "inconsistent datatypes: expected - got CLOB")
    compared = re.search(r"type (?:ora\.)?no_(\w+)", text)
    unsorted = re.search(r"could not identify an? \w+ operator for type (?:ora\.)?\"?(\w+)", text)
    found = compared or unsorted
    if state not in ("42883", "42804") or found is None:
        return None
    kind = found[1].upper().replace("_", " ")
    if unsorted is not None and kind.startswith("LONG"):
        return OracleError(997, "illegal use of LONG datatype")
    return OracleError(932, f"inconsistent datatypes: expected {'CHAR' if kind.startswith('LONG') else '-'} got {kind}")


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
    if state == "42703" and re.search(rf"tableoid|{re.escape(ROW_NUMBER)}", text):
        return OracleError(3001, "unimplemented feature (simulator: ROWID of what is not a table)")
    if state == "42P01" and "FROM-clause entry" in text:
        return OracleError(904, f"{_outside(text, statement)}: invalid identifier")
    if state == "42703":
        name = re.search(r'column "?([^"]+)"? ', text)
        if name and name[1].upper() == "LEVEL":
            return OracleError(1788, "CONNECT BY clause required in this query block")
        return OracleError(904, f'"{(name[1] if name else "").upper()}": invalid identifier')
    if state == "22P02":
        return (
            OracleError(1722, "invalid number")
            if "numeric" in text
            else OracleError(1861, "literal does not match format string")
        )
    if state == "42701" or "multiple assignments to same column" in text:
        return OracleError(957, "duplicate column name")
    sequence = re.search(r'(currval of|nextval: reached (maximum|minimum) value of) sequence "([^"]+)"', text)
    if sequence is not None and sequence[2] is None:
        return OracleError(8002, f"sequence {sequence[3]}.CURRVAL is not yet defined in this session")
    if sequence is not None:
        beyond = "exceeds MAXVALUE" if sequence[2] == "maximum" else "goes below MINVALUE"
        return OracleError(8004, f"sequence {sequence[3]}.NEXTVAL {beyond} and cannot be instantiated")
    unlike = _unlike(state, text)
    if unlike is not None:
        return unlike
    for words, code, message in _SAID:
        if words in text:
            return OracleError(code, message)
    if state == "0A000" and text.startswith("FOR UPDATE is not allowed"):
        if re.search(r"\b(GROUP\s+BY|DISTINCT|UNIQUE|UNION|MINUS|INTERSECT)\b", statement, re.I):
            return OracleError(1786, "FOR UPDATE of this query expression is not allowed")
        return OracleError(2014, "cannot select FOR UPDATE from view with DISTINCT, GROUP BY, etc.")
    if "UNION" in text or "INTERSECT" in text or "EXCEPT" in text:
        if state == "42601" and "same number of columns" in text:
            return OracleError(1789, "query block has incorrect number of result columns")
        if state == "42804":
            return OracleError(1790, "expression must have same datatype as corresponding expression")
    if state == "42803" and "cannot be nested" in text:
        if _GROUPED.search(statement):
            return OracleError(3001, "unimplemented feature (simulator: group functions within group functions)")
        return OracleError(978, "nested group function without GROUP BY")
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
    if state == "55000":
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
