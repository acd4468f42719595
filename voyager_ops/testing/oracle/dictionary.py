"""Oracle's data dictionary: its rows in tables of schema ``ora``, its views in ``SYS``, from ``sql/dictionary.txt``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import psycopg

Connection = psycopg.Connection[Any]

_TYPES = {"n": "numeric", "l": "ora.long", "d": "ora.date", "r": "ora.raw", "c": "ora.clob"}


def resource(name: str) -> str:
    """The text of a file beside this module."""
    return files("voyager_ops.testing.oracle").joinpath("sql", name).read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Family:
    """A family of views: ``columns`` name -> PostgreSQL type; ``owner``: the column that USER_ views fix."""

    name: str
    columns: Mapping[str, str]
    owner: str | None = None
    object: str | None = None
    table_owner: str | None = None
    views: bool = True
    options: frozenset[str] = field(default_factory=frozenset)


def _families() -> Iterator[Family]:
    for line in resource("dictionary.txt").splitlines():
        if not line or line.startswith("#"):
            continue
        head, columns = line.split(": ", 1)
        name, _, options = head.partition(" | ")
        given = dict(o.split("=", 1) for o in options.split() if "=" in o)
        words = frozenset(o for o in options.split() if "=" not in o)
        types = {}
        for column in columns.split():
            column_name, _, letter = column.partition(":")
            types[column_name] = (
                f"ora.varchar2({letter[1:]})" if letter.startswith("v") else _TYPES.get(letter, "ora.varchar2(128)")
            )
        yield Family(
            name, types, given.get("owner"), given.get("object"), given.get("table_owner"), not name.endswith("_"), words
        )


FAMILIES: Mapping[str, Family] = {family.name: family for family in _families()}


def create(connection: Connection) -> None:
    """Types, functions, dictionary tables and views, on an empty database."""
    for name in ("types.sql", "functions.sql"):
        connection.execute(resource(name).encode())
    connection.execute('CREATE SCHEMA "SYS"')
    statements = []
    for family in FAMILIES.values():
        columns = ", ".join(f'"{c}" {t}' for c, t in family.columns.items())
        statements.append(f'CREATE TABLE ora."{family.name}" ({columns});')
    connection.execute("\n".join(statements).encode())
    connection.execute(resource("access.sql").encode())
    connection.execute("\n".join(v for f in FAMILIES.values() if f.views for v in _views(f)).encode())
    connection.execute(resource("views.sql").encode())


def _views(family: Family) -> Iterator[str]:
    base = f'ora."{family.name}"'
    yield f'CREATE VIEW "SYS"."DBA_{family.name}" AS SELECT * FROM {base};'
    if "none" in family.options or family.owner is None:
        return
    owner = family.table_owner or family.owner
    if "synonym" in family.options:
        seen = '"OWNER" = \'PUBLIC\' OR "OWNER" = ora.me() OR ora.sees("TABLE_OWNER"::text, "TABLE_NAME"::text)'
    elif family.object:
        seen = f'ora.sees("{owner}"::text, "{family.object}"::text)'
    else:
        seen = f'"{owner}" = ora.me() OR ora.sees_all()' if family.name != "USERS" else "true"
    if family.name == "OBJECTS":  # a right on a table is none on its partitions
        seen = f'({seen}) AND ("OBJECT_TYPE"::text NOT LIKE \'%PARTITION\' OR "{owner}" = ora.me() OR ora.sees_all())'
    yield f'CREATE VIEW "SYS"."ALL_{family.name}" AS SELECT * FROM {base} WHERE {seen};'
    own = ", ".join(f'"{c}"' for c in family.columns if c != family.owner or family.name == "USERS")
    yield f'CREATE VIEW "SYS"."USER_{family.name}" AS SELECT {own} FROM {base} WHERE "{family.owner}" = ora.me();'


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _parameter(family: str, column: str) -> str:
    """``%s`` as the type of the column, without its length."""
    return "%s::" + re.sub(r"\(\d+\)", "", FAMILIES[family].columns[column])


def insert(connection: Connection, family: str, **values: object) -> None:
    """A row of ``family``; columns that are not given are NULL."""
    columns = ", ".join(_name(c) for c in values)
    marks = ", ".join(_parameter(family, c) for c in values)
    statement = f"INSERT INTO ora.{_name(family)} ({columns}) VALUES ({marks})"
    connection.execute(statement.encode(), [v if v is None or isinstance(v, (str, int)) else str(v) for v in values.values()])


def _where(keys: Mapping[str, object]) -> str:
    return " AND ".join(f"{_name(c)} IS NOT DISTINCT FROM %s{'::text' if isinstance(v, str) else ''}" for c, v in keys.items())


def update(connection: Connection, family: str, keys: Mapping[str, object], **values: object) -> int:
    """Set ``values`` in the rows with ``keys``; how many there are."""
    pairs = ", ".join(f"{_name(c)} = {_parameter(family, c)}" for c in values)
    statement = f"UPDATE ora.{_name(family)} SET {pairs} WHERE {_where(keys)}"
    return connection.execute(statement.encode(), [*values.values(), *keys.values()]).rowcount


def delete(connection: Connection, family: str, **keys: object) -> int:
    """Delete the rows with ``keys``; how many there were."""
    return connection.execute(f"DELETE FROM ora.{_name(family)} WHERE {_where(keys)}".encode(), list(keys.values())).rowcount


def rows(connection: Connection, family: str, *columns: str, order: str | None = None, **keys: object) -> list[tuple[Any, ...]]:
    """The ``columns`` of the rows with ``keys``."""
    listed = ", ".join(_name(c) for c in columns)
    statement = f"SELECT {listed} FROM ora.{_name(family)} WHERE {_where(keys) if keys else 'true'}"
    if order:
        statement += f" ORDER BY {_name(order)}"
    return connection.execute(statement.encode(), list(keys.values())).fetchall()


def exists(connection: Connection, family: str, **keys: object) -> bool:
    return bool(rows(connection, family, next(iter(FAMILIES[family].columns)), order=None, **keys))
