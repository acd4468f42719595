"""Reading LogMiner's SQL_REDO: which row, which columns, and the literal of each, as the database printed it.

    insert into "OWN"."TAB"("C1","C2") values (V,V);
    update "OWN"."TAB" [a] set [a.]"C" = V, .. [where [a.]"C" = V and "C" IS NULL ..];
    delete from "OWN"."TAB" [a] [where ..];

One compiled expression walks over all the literals of a statement, in C and without backtracking into a literal, and the matches
must join without a gap. Only a statement that does not read so, or reads as nonsense (a column twice, more values than columns),
is looked at again by the slow reader (:mod:`.relaxed`), for LogMiner does not always double the quotes inside of a value.
A literal is not interpreted here (``values.from_literal`` does): it is the text between two separators, ``None`` for NULL.
Measured with benchmarks/micro_redo.py (rows of 12 columns, 2 vCPU 2.3 GHz class, Python 3.11): see there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from voyager_ops.model.changes import DELETE, INSERT, UPDATE

Literal = str | None

UNSUPPORTED: Final = "Unsupported Type"
"""Printed in place of a value of a type that LogMiner cannot print."""

# Groups are never possessive here: CPython before 3.11.5 (Debian 12 has 3.11.2) mistakes those that hold something to go back in.
QUOTED: Final = r"'[^']*+(?:''[^']*+)*'"
_CALL: Final = rf"[A-Za-z_][\w$.]*+\((?:{QUOTED}|[^'()]|\((?:{QUOTED}|[^'()])*\))*\)"
PLAIN: Final = rf"NULL|{UNSUPPORTED}|[-+]?(?:\d[\d.]*+|\.\d++)(?:[eE][-+]?\d++)?|-?(?:Inf|Nan)|TRUE|FALSE|:\w++"
"""Values without quotes. Numbers come quoted; a number without quotes is understood all the same."""
_ATOM: Final = rf"(?:{QUOTED}|{_CALL}|/\*[^*]*+\*/ ?{_CALL}|{PLAIN}|N{QUOTED}|(?:TIMESTAMP|DATE) ?{QUOTED})"
VALUE: Final = rf"{_ATOM}(?: ?\|\| ?{_ATOM})*"

_TABLE: Final = r'"([^"]++)"\."([^"]++)"'
# Expressions to read statements with; none of them is ever run.
INSERT_HEAD = re.compile(rf'insert into {_TABLE} ?\(("[^"]++"(?:, ?"[^"]++")*)\) values ?\(').match  # noqa: S608
UPDATE_HEAD = re.compile(rf"update {_TABLE}(?: (?!set )\w++)? set ").match  # noqa: S608
DELETE_HEAD = re.compile(rf"delete from {_TABLE}(?: (?!where )\w++)?(?: where |((?:\s*+;)?\s*+\Z))").match  # noqa: S608
_VALUES = re.compile(rf"({VALUE})(?:,|\)(?:\s*+;)?\s*+\Z)").findall
_SPACED_VALUES = re.compile(rf"(({VALUE})(?:, ?|\)(?:\s*+;)?\s*+\Z))").findall
CONDITION: Final = r'(?:\w++\.)?(?:"([^"]++)"|ROWID)'
_CONDITIONS = re.compile(
    rf"({CONDITION}(?: ?= ?({VALUE})| IS NULL)(, ?| and | where | for update\b.*+\Z|(?:\s*+;)?\s*+\Z))", re.DOTALL
).findall
_COLUMN = re.compile(r'"([^"]++)"').findall
_LOCATOR = re.compile(rf'\bselect (?:\w++\.)?"([^"]++)" (?:into \w++ )?from {_TABLE}(?: (?!where )\w++)? where ').search
_STATEMENT = re.compile(rf"\bStmt := ({QUOTED})").search

_columns_of: dict[str, tuple[str, ...]] = {}
"""Column lists of inserts seen so far: a table's is always the same text."""
_COLUMN_LISTS: Final = 4096


class Redo(NamedTuple):
    """One row change as printed. ``names`` and ``values`` belong together; empty where the operation has no such image.

    ``op``: INSERT, UPDATE or DELETE of ``model.changes``. ``new_*``: the values of an insert, or the SET clause. ``old_*``: the
    WHERE clause. Names are Oracle's own, unquoted.
    """

    op: int
    owner: str
    table: str
    new_names: tuple[str, ...]
    new_values: Sequence[Literal]
    old_names: tuple[str, ...]
    old_values: Sequence[Literal]


class Locator(NamedTuple):
    """What a LOB, XML or long-string row speaks of: one column of the row that the WHERE clause names."""

    owner: str
    table: str
    column: str
    names: tuple[str, ...]
    values: Sequence[Literal]


class RedoError(ValueError):
    """A statement which is not of LogMiner's forms, or which can be read in several ways."""


Accepts = Callable[[str, str], bool]
"""(column, literal) -> whether the column's type could print that literal: asked only where a statement has several readings."""


def parse(statement: str, accepts: Accepts | None = None) -> Redo:
    """Read one statement. Raises RedoError; nothing is ever guessed between two readings."""
    first = statement[:1]
    if first == "i":
        found = _insert(statement)
    elif first == "u":
        found = _update(statement)
    elif first == "d":
        found = _delete(statement)
    else:
        raise RedoError("it is neither insert, update nor delete")
    if found is not None:
        return found
    from voyager_ops.databases.oracle.logminer.relaxed import parse_relaxed

    return parse_relaxed(statement, accepts)


def columns_of(text: str) -> tuple[str, ...]:
    """The names in an insert's column list."""
    names = _columns_of.get(text)
    if names is None:
        if len(_columns_of) >= _COLUMN_LISTS:
            _columns_of.clear()
        names = tuple(_COLUMN(text))
        if len(set(names)) != len(names):
            raise RedoError("it names a column twice")
        _columns_of[text] = names
    return names


def _null(value: str) -> Literal:
    return None if value in ("NULL", "") else value


def _insert(statement: str) -> Redo | None:
    head = INSERT_HEAD(statement)
    if head is None:
        raise RedoError("the insert does not begin as LogMiner's do")
    owner, table, text = head.groups()
    names = columns_of(text)
    start = head.end()
    values: list[Literal] = _VALUES(statement, start)
    count = len(values)
    end = len(statement) - 1
    if statement[end] != ")":
        end = statement.rindex(")") if ")" in statement else start
    if count != len(names) or sum(map(len, values)) + count - 1 != end - start:  # type: ignore[arg-type]
        spaced = _SPACED_VALUES(statement, start)
        if len(spaced) != len(names) or sum(len(whole) for whole, _ in spaced) != len(statement) - start:
            return None
        values = [value for _, value in spaced]
    if "NULL" in values:
        values = [None if value == "NULL" else value for value in values]
    return Redo(INSERT, owner, table, names, values, (), ())


def conditions(statement: str, start: int) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]] | None:
    """Names, values ('' for IS NULL) and what follows each, from ``start`` to the end; None when there is a gap."""
    found = _CONDITIONS(statement, start)
    if not found:
        return None
    wholes, names, values, separators = zip(*found, strict=True)
    last = separators[-1]
    if sum(map(len, wholes)) != len(statement) - start or last[:1] == "," or last in (" and ", " where "):
        return None
    return names, values, separators


def _more(last: str) -> bool:
    """Whether more stands at the end than the delimiter: FOR UPDATE, or a blank before what was cut off."""
    return last[:1] == " " and last.strip() != ";"


def _update(statement: str) -> Redo | None:
    head = UPDATE_HEAD(statement)
    if head is None:
        raise RedoError("the update does not begin as LogMiner's do")
    owner, table = head.groups()
    read = conditions(statement, head.end())
    if read is None:
        return None
    names, values, separators = read
    if _more(separators[-1]):  # nothing follows an update
        return None
    count = len(names)
    split = separators.index(" where ") + 1 if " where " in separators else count
    commas = separators.count(", ") + separators.count(",")
    if commas != split - 1 or separators.count(" and ") != max(count - split - 1, 0) or " and " in separators[:split]:
        return None
    return _updated(owner, table, names, values, split)


def _updated(owner: str, table: str, names: tuple[str, ...], values: Sequence[str], split: int) -> Redo | None:
    literals: Sequence[Literal] = values
    if "" in values or "NULL" in values:
        literals = [_null(value) for value in values]
    new_names, old_names = names[:split], names[split:]
    old_values = literals[split:]
    if "" in old_names:  # ROWID, which tells us nothing
        old_names, old_values = _without_row_id(old_names, old_values)
    if len(set(new_names)) != split or len(set(old_names)) != len(old_names) or "" in new_names:
        return None
    return Redo(UPDATE, owner, table, new_names, literals[:split], old_names, old_values)


def _without_row_id(names: tuple[str, ...], values: Sequence[Literal]) -> tuple[tuple[str, ...], Sequence[Literal]]:
    kept = [(name, value) for name, value in zip(names, values, strict=True) if name]
    return tuple(name for name, _ in kept), [value for _, value in kept]


def _delete(statement: str) -> Redo | None:
    head = DELETE_HEAD(statement)
    if head is None:
        raise RedoError("the delete does not begin as LogMiner's do")
    owner, table, over = head.groups()
    if over is not None:
        return Redo(DELETE, owner, table, (), (), (), ())
    read = where(statement, head.end(), locking=False)
    return None if read is None else Redo(DELETE, owner, table, (), (), *read)


def where(statement: str, start: int, *, locking: bool = True) -> tuple[tuple[str, ...], Sequence[Literal]] | None:
    """The conditions of a WHERE clause that reaches to the statement's end. ``locking``: FOR UPDATE may follow it."""
    read = conditions(statement, start)
    if read is None:
        return None
    names, values, separators = read
    if separators.count(" and ") != len(names) - 1 or (_more(separators[-1]) and not locking):
        return None
    literals: Sequence[Literal] = [_null(value) for value in values] if "" in values or "NULL" in values else values
    if "" in names:
        names, literals = _without_row_id(names, literals)
    return (names, literals) if len(set(names)) == len(names) else None


def parse_locator(text: str) -> Locator:
    """Of SELECT_LOB_LOCATOR (9), XML DOC BEGIN (68) and 32K begin (91). Raises RedoError."""
    statement = text.strip()
    if (wrapped := _STATEMENT(statement)) is not None:
        update = wrapped.group(1)[1:-1].replace("''", "'")
        redo = parse(update)
        if redo.op != UPDATE or len(redo.new_names) != 1:
            raise RedoError("the statement for a long string is not an update of one column")
        return Locator(redo.owner, redo.table, redo.new_names[0], redo.old_names, redo.old_values)
    if statement.startswith("update "):
        redo = parse(statement)
        if len(redo.new_names) == 1:
            return Locator(redo.owner, redo.table, redo.new_names[0], redo.old_names, redo.old_values)
    head = _LOCATOR(statement)
    if head is None:
        raise RedoError("it names no column of one row")
    column, owner, table = head.groups()
    found = where(statement, head.end())
    if found is None:
        raise RedoError("its WHERE clause is not of LogMiner's form")
    return Locator(owner, table, column, *found)
