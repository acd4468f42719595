"""Triggers that run: after each row, of nothing but INSERTs of the row's values, of literals and of sequences' next numbers.

Such a body becomes a trigger function of PostgreSQL's, which runs in the user's own transaction. Every other trigger stays text.
"""

from __future__ import annotations

import hashlib
from typing import Final

from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.ddl_context import Context, relation
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.rewrite import quote
from voyager_ops.testing.oracle.tokens import Cursor

_EVENTS: Final = {"INSERT", "UPDATE", "DELETE"}
_PREDICATES: Final = {"INSERTING": "INSERT", "UPDATING": "UPDATE", "DELETING": "DELETE"}


class _Unknown(Exception):
    """The body has something else in it."""


def install(context: Context, owner: str, name: str) -> None:
    """Have PostgreSQL do what the trigger does, as the dictionary has it now: nothing when it is disabled or of another kind."""
    remove(context, owner, name)
    found = dd.rows(
        context.connection,
        "TRIGGERS",
        "TRIGGER_TYPE",
        "TRIGGERING_EVENT",
        "TABLE_OWNER",
        "TABLE_NAME",
        "WHEN_CLAUSE",
        "STATUS",
        "TRIGGER_BODY",
        OWNER=owner,
        TRIGGER_NAME=name,
    )
    if not found:
        return
    kind, event, t_owner, table, when, status, body = found[0]
    events = str(event).split(" OR ")
    columns = dd.exists(context.connection, "TRIGGER_COLS", TRIGGER_OWNER=owner, TRIGGER_NAME=name)
    if kind != "AFTER EACH ROW" or status != "ENABLED" or when or columns or not _EVENTS.issuperset(events):
        return
    try:
        statements = _Body(str(body), owner).translated()
    except (_Unknown, OracleError):
        return
    function = f"ora.{quote(_function(owner, name))}"
    context.run(f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $b$ BEGIN {statements} RETURN NULL; END $b$")
    context.run(
        # After the redo's own trigger (0_redo): the row's redo comes before that of what it makes.
        f"CREATE TRIGGER {quote('1_' + _function(owner, name))} AFTER {' OR '.join(events)} ON"
        f" {relation(str(t_owner), str(table))} FOR EACH ROW EXECUTE FUNCTION {function}()"
    )


def remove(context: Context, owner: str, name: str) -> None:
    """Idempotent."""
    context.run(f"DROP FUNCTION IF EXISTS ora.{quote(_function(owner, name))} CASCADE")


def _function(owner: str, name: str) -> str:
    digest = hashlib.md5(f"{owner}.{name}".encode(), usedforsecurity=False).hexdigest()
    return f"trigger_{digest[:24]}"


class _Body:
    def __init__(self, text: str, owner: str) -> None:
        self._cursor = Cursor(text)
        self._owner = owner

    def translated(self) -> str:
        self._expect("BEGIN")
        statements = self._statements()
        self._expect("END")
        if self._cursor.token.is_name:
            self._cursor.at += 1
        if not self._cursor.done:
            raise _Unknown
        return statements

    def _expect(self, *words: str) -> None:
        if not self._cursor.accept(*words):
            raise _Unknown

    def _statements(self) -> str:
        """Up to END, ELSE or ELSIF."""
        parts: list[str] = []
        cursor = self._cursor
        while not (cursor.is_word("END") or cursor.is_word("ELSE") or cursor.is_word("ELSIF")):
            if cursor.accept("NULL", ";"):
                parts.append("NULL;")
            elif cursor.accept("IF"):
                parts.append(self._if())
            elif cursor.accept("INSERT", "INTO"):
                parts.append(self._insert())
            else:
                raise _Unknown
        return " ".join(parts)

    def _if(self) -> str:
        parts = [f"IF {self._condition()} THEN {self._statements()}"]
        while self._cursor.accept("ELSIF"):
            parts.append(f"ELSIF {self._condition()} THEN {self._statements()}")
        if self._cursor.accept("ELSE"):
            parts.append(f"ELSE {self._statements()}")
        self._expect("END", "IF", ";")
        return " ".join([*parts, "END IF;"])

    def _condition(self) -> str:
        words = []
        while True:
            event = _PREDICATES.get(self._cursor.token.value)
            if event is None:
                raise _Unknown
            self._cursor.at += 1
            words.append(f"TG_OP = '{event}'")
            if not self._cursor.accept("OR"):
                break
        self._expect("THEN")
        return " OR ".join(words)

    def _insert(self) -> str:
        cursor = self._cursor
        owner, table = cursor.qualified()
        columns = cursor.names()
        self._expect("VALUES", "(")
        values = [self._value()]
        while cursor.accept(","):
            values.append(self._value())
        self._expect(")", ";")
        names = ", ".join(map(quote, columns))
        return f"INSERT INTO {relation(owner or self._owner, table)} ({names}) VALUES ({', '.join(values)});"

    def _value(self) -> str:
        cursor = self._cursor
        token = cursor.token
        cursor.at += 1
        if token.kind == "bind" and token.value[1:].strip().upper() in ("NEW", "OLD"):
            self._expect(".")
            return f"{token.value[1:].strip().upper()}.{quote(cursor.name())}"
        if token.kind == "string":
            return "'" + token.value.replace("'", "''") + "'"
        if token.kind == "number":
            return token.value
        if token.kind == "word" and token.value == "NULL":
            return "NULL"
        if token.is_name:
            names = [token.value]
            while cursor.accept("."):
                names.append(cursor.name())
            if names[-1] == "NEXTVAL" and len(names) in (2, 3):
                owner = names[0] if len(names) == 3 else self._owner
                literal = relation(owner, names[-2]).replace("'", "''")
                return f"nextval('{literal}')"
        raise _Unknown
