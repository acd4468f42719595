"""PL/SQL blocks of the kinds that clients send: sequences of single statements and calls. Anything else is ORA-06550.

Known: ``NULL``, ``:x := expression``, ``SELECT … INTO :x …``, DML, COMMIT, ROLLBACK, SAVEPOINT, LOCK TABLE, ``EXECUTE IMMEDIATE
'…'``, DBMS_LOGMNR (the recorder's), and calls that have no effect here or on V$SESSION only.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from voyager_ops.testing.oracle import rds, session_settings
from voyager_ops.testing.oracle.ddl_context import relation
from voyager_ops.testing.oracle.engine import (
    Bind,
    BindValue,
    Direction,
    OracleError,
    Result,
    Statement,
    StatementKind,
    TypeNumber,
    Value,
)
from voyager_ops.testing.oracle.statements import parse
from voyager_ops.testing.oracle.tokens import Token, tokenize

if TYPE_CHECKING:
    from voyager_ops.testing.oracle.sql_session import SqlSession

# Calls that are accepted and do nothing.
_NOTHING = (
    "DBMS_STATS.",
    "DBMS_OUTPUT.",
    "DBMS_UTILITY.COMPILE_SCHEMA",
    "DBMS_SESSION.RESET_PACKAGE",
    "DBMS_LOCK.",
    "DBMS_METADATA.SET_TRANSFORM_PARAM",
    "DBMS_SESSION.MODIFY_PACKAGE_STATE",
)
_DML = {"INSERT", "UPDATE", "DELETE", "MERGE"}


class _Block:
    """One execution of a block: the binds by name, and which have been written."""

    def __init__(self, session: SqlSession, statement: Statement, binds: Sequence[Bind], row: Sequence[BindValue]) -> None:
        self.session = session
        self.names = {name: index for index, name in enumerate(statement.bind_names)}
        self.binds = list(binds)
        self.values: list[BindValue] = list(row) or [None] * len(binds)
        self.written: set[int] = set()

    def index(self, token: Token) -> int:
        name = token.value[1:].strip()
        return self.names[name.strip('"') if name.startswith('"') else name.upper()]

    def run(self, text: str) -> None:
        """A list of statements, each ended by a semicolon."""
        tokens = tokenize(text)
        start = 0
        depth = 0
        for at, token in enumerate(tokens):
            if token.kind == "op" and token.value in "()":
                depth += 1 if token.value == "(" else -1
            if depth == 0 and ((token.value == ";" and token.kind == "op") or token.kind == "end"):
                if at > start and token.kind == "end":
                    raise unfinished(text[tokens[start].start :])
                if at > start:
                    self._statement(text[tokens[start].start : token.start].rstrip(), tokens[start:at])
                start = at + 1
        if start < len(tokens):
            raise unknown(text[tokens[start].start :])

    def _statement(self, text: str, tokens: list[Token]) -> None:
        first = tokens[0]
        session = self.session
        if first.kind == "bind" and len(tokens) > 2 and tokens[1].value == ":=":
            self._store([self.index(first)], f"SELECT {text[tokens[2].start - first.start :]} FROM DUAL")
            return
        word = first.value
        if word == "NULL" and len(tokens) == 1:
            return
        if word in _DML:
            self._sql(text, StatementKind.DML)
        elif word in ("SELECT", "WITH"):
            self._select_into(text, tokens)
        elif word in ("COMMIT", "ROLLBACK", "SAVEPOINT", "LOCK", "SET"):
            session_settings.other(session, text)
        elif word == "EXECUTE" and len(tokens) > 2 and tokens[1].value == "IMMEDIATE":
            self._immediate(text, tokens)
        elif first.is_name:
            self._call(text, tokens)
        else:
            raise unknown(text)

    def _sql(self, text: str, kind: StatementKind) -> Result:
        parsed = parse(text)
        binds, row = self._values(parsed)
        try:
            result = self.session.execute(parsed, binds, [row])
        except OracleError as error:
            raise compiled(error) from error
        if parsed.returning_binds and result.returning:
            for name, values in zip(parsed.bind_names[-parsed.returning_binds :], result.returning[0], strict=False):
                self._write(self.names[name], values[0] if values else None)
        return result

    def _values(self, parsed: Statement) -> tuple[list[Bind], list[BindValue]]:
        indexes = [self.names[name] for name in parsed.bind_names]
        return [self.binds[i] for i in indexes], [self.values[i] for i in indexes]

    def _select_into(self, text: str, tokens: list[Token]) -> None:
        depth = 0
        for at, token in enumerate(tokens):
            if token.kind == "op":
                depth += {"(": 1, ")": -1}.get(token.value, 0)
            if depth == 0 and token.kind == "word" and token.value == "INTO":
                stop = at + 1
                targets = []
                while tokens[stop].kind == "bind":
                    targets.append(self.index(tokens[stop]))
                    stop += 1
                    if tokens[stop].value == ",":
                        stop += 1
                base = tokens[0].start
                self._store(targets, text[: token.start - base] + " " + text[tokens[stop].start - base :])
                return
        raise OracleError(6550, "line 1, column 1:\nPLS-00428: an INTO clause is expected in this SELECT statement")

    def _store(self, targets: list[int], query: str) -> None:
        parsed = parse(query)
        binds, row = self._values(parsed)
        try:
            result = self.session.execute(parsed, binds, [row])
        except OracleError as error:
            raise compiled(error) from error
        rows = list(result.rows)
        if not rows:
            raise OracleError(1403, "no data found")
        if len(rows) > 1:
            raise OracleError(1422, "exact fetch returns more than requested number of rows")
        for index, value in zip(targets, rows[0], strict=True):
            self._write(index, value)

    def _write(self, index: int, value: Value) -> None:
        if self.binds[index].type in (TypeNumber.VARCHAR2, TypeNumber.CHAR, TypeNumber.LONG) and isinstance(value, Decimal):
            value = format(value.normalize(), "f")
        elif self.binds[index].type in (TypeNumber.NUMBER, TypeNumber.BINARY_INTEGER) and isinstance(value, str):
            try:
                value = Decimal(value)
            except InvalidOperation as error:
                raise OracleError(
                    6502, "PL/SQL: numeric or value error: character to number conversion error\nORA-06512: at line 1"
                ) from error
        size = self.binds[index].size
        if isinstance(value, str) and self.binds[index].type is TypeNumber.VARCHAR2 and 0 < size < len(value.encode()):
            raise OracleError(6502, "PL/SQL: numeric or value error: character string buffer too small\nORA-06512: at line 1")
        self.values[index] = value
        self.written.add(index)

    def _immediate(self, text: str, tokens: list[Token]) -> None:
        if tokens[2].kind == "bind":
            inner = self.values[self.index(tokens[2])]
        elif tokens[2].kind == "string":
            inner = tokens[2].value
        else:
            raise unknown(text)
        using: list[int] = []
        targets: list[int] = []
        into = False
        for token in tokens[3:]:
            if token.kind == "word" and token.value in ("USING", "INTO"):
                into = token.value == "INTO"
            elif token.kind == "bind":
                (targets if into else using).append(self.index(token))
            elif token.value not in (",", "IN"):
                raise unknown(text)
        parsed = parse(str(inner))
        binds = [self.binds[i] for i in using]
        row = [self.values[i] for i in using]
        result = self.session.execute(parsed, binds, [row])
        if targets:
            rows = list(result.rows)
            if not rows:
                raise OracleError(1403, "no data found")
            for index, value in zip(targets, rows[0], strict=True):
                self._write(index, value)

    def _call(self, text: str, tokens: list[Token]) -> None:
        name = re.sub(r"\s+", "", text.split("(", 1)[0]).upper().removeprefix("SYS.")
        session = self.session
        if name in ("DBMS_STATS.GATHER_TABLE_STATS", "DBMS_STATS.GATHER_SCHEMA_STATS"):
            self._gather(self._arguments(tokens))
            return
        if name.startswith(_NOTHING) and name not in ("DBMS_LOCK.SLEEP",):
            self._outputs(tokens)
            return
        arguments = self._arguments(tokens)
        if session.engine.rds and name.startswith(rds.PACKAGE):
            rds.call(session, name.removeprefix(rds.PACKAGE), arguments)
            return
        match name:
            case "DBMS_APPLICATION_INFO.SET_MODULE":
                session.set_attributes(_text(arguments, 0, "MODULE_NAME"), _text(arguments, 1, "ACTION_NAME"), None, None)
            case "DBMS_APPLICATION_INFO.SET_ACTION":
                session.set_attributes(None, _text(arguments, 0, "ACTION_NAME"), None, None)
            case "DBMS_APPLICATION_INFO.SET_CLIENT_INFO":
                session.set_attributes(None, None, None, _text(arguments, 0, "CLIENT_INFO"))
            case "DBMS_SESSION.SET_IDENTIFIER":
                session.set_attributes(None, None, _text(arguments, 0, "CLIENT_ID"), None)
            case "DBMS_SESSION.CLEAR_IDENTIFIER":
                session.set_attributes(None, None, "", None)
            case "DBMS_SESSION.SLEEP" | "DBMS_LOCK.SLEEP":
                time.sleep(float(str(arguments.get(0, 0))))
            case "DBMS_UTILITY.DB_VERSION":
                version = ".".join(str(n) for n in session.engine.version)
                for token in tokens:
                    if token.kind == "bind":
                        self._write(self.index(token), version)
            case "DBMS_UTILITY.EXEC_DDL_STATEMENT":
                session.ddl(str(arguments.get(0)))
            case "DBMS_MVIEW.REFRESH" | "DBMS_FLASHBACK.DISABLE":
                pass
            case _:
                raise OracleError(
                    6550,
                    f"line 1, column 7:\nPLS-00201: identifier '{name}' must be declared (simulator: not among the calls that"
                    f" it knows)",
                )

    def _gather(self, arguments: dict[int | str, BindValue]) -> None:
        """NUM_ROWS, BLOCKS and LAST_ANALYZED of one table or of a schema's. DBMS_STATS commits."""
        session = self.session
        session.commit()
        owner, table = _text(arguments, 0, "OWNNAME") or session.settings.schema, _text(arguments, 1, "TABNAME")
        for (name,) in session.engine.catalog.query(
            'SELECT "TABLE_NAME"::text FROM ora."TABLES" WHERE "OWNER" = %s::text AND (%s = \'\' OR "TABLE_NAME" = %s::text)',
            owner,
            table,
            table,
        ):
            session.engine.catalog.query(
                f'UPDATE ora."TABLES" SET "NUM_ROWS" = (SELECT count(*) FROM {relation(owner, str(name))}), "LAST_ANALYZED" ='
                f" ora.sysdate(),"
                ' "BLOCKS" = ora.highest_row(%s, %s) / 100 + 1 WHERE "OWNER" = %s::text AND "TABLE_NAME" = %s::text RETURNING 1',
                owner,
                name,
                owner,
                name,
            )

    def _outputs(self, tokens: list[Token]) -> None:
        for token in tokens:
            if token.kind == "bind":
                self._write(
                    self.index(token), None if self.binds[self.index(token)].type is not TypeNumber.NUMBER else Decimal(1)
                )

    def _arguments(self, tokens: list[Token]) -> dict[int | str, BindValue]:
        """Literals and binds of a call, by position and by name."""
        result: dict[int | str, BindValue] = {}
        position = 0
        name: str | None = None
        for at, token in enumerate(tokens):
            if token.kind == "word" and at + 1 < len(tokens) and tokens[at + 1].value == "=>":
                name = token.value
            value: BindValue
            if token.kind == "string":
                value = token.value
            elif token.kind == "number":
                value = Decimal(token.value)
            elif token.kind == "bind":
                value = self.values[self.index(token)]
            elif token.kind == "word" and token.value == "NULL":
                value = None
            else:
                continue
            result[name if name is not None else position] = value
            position += 1
            name = None
        return result


def _text(arguments: dict[int | str, BindValue], position: int, name: str) -> str:
    value = arguments.get(name, arguments.get(position))
    return "" if value is None else str(value)


def unfinished(text: str) -> OracleError:
    """A statement without its semicolon."""
    return OracleError(6550, f"line 1, column 1:\nPL/SQL: ORA-00933: SQL command not properly ended (simulator: {text[:80]!r})")


def compiled(error: OracleError) -> OracleError:
    """Of a statement in a block: what Oracle finds when it compiles the block is ORA-06550, what happens then is as it is."""
    if 900 <= error.code < 1000 or error.code in (1789, 1790, 2289):
        return OracleError(6550, f"line 1, column 7:\nPL/SQL: ORA-{error.code:05}: {error.message}")
    return error


def unknown(text: str) -> OracleError:
    return OracleError(6550, f"line 1, column 1:\nPLS-00103: the simulator does not know this PL/SQL: {text[:80]!r}")


def run_block(session: SqlSession, statement: Statement, binds: Sequence[Bind], rows: Sequence[Sequence[BindValue]]) -> Result:
    """Execute a block once per row of binds; OUT values are those of the last."""
    result = Result()
    text = statement.text
    last = next((token for token in reversed(tokenize(text)) if token.kind != "end"), None)
    if last is not None and last.kind == "word" and last.value == "END":
        raise OracleError(
            6550,
            'line 1, column 1:\nPLS-00103: Encountered the symbol "end-of-file" when expecting one of the following:\n\n   ;'
            " <an identifier> <a double-quoted delimited-identifier>",
        )
    if re.search(r"\bDBMS_LOGMNR(_D)?\b", text, re.I) and _log_miner(session, statement, binds, rows):
        return Result(directions=[Direction.IN] * len(binds), out=[None] * len(binds))
    body = _body(text)
    for row in rows or [[]]:
        block = _Block(session, statement, binds, row)
        try:
            block.run(body)
        except OracleError as error:
            if error.code == 6550 and "PLS-00201" in error.message and text.lstrip()[:4].upper() == "CALL":
                raise OracleError(6576, "not a valid function or procedure name") from error
            raise
        result = Result(
            directions=[Direction.OUT if i in block.written else Direction.IN for i in range(len(binds))],
            out=[block.values[i] if i in block.written else None for i in range(len(binds))],
        )
    return result


def _log_miner(session: SqlSession, statement: Statement, binds: Sequence[Bind], rows: Sequence[Sequence[BindValue]]) -> bool:
    catalog = session.engine.catalog
    user = session.user
    allowed = (
        user == "SYS" or "EXECUTE_CATALOG_ROLE" in catalog.roles(user) or "EXECUTE" in catalog.granted(user, "SYS", "DBMS_LOGMNR")
    )
    if not allowed and not re.search(r"\bDBMS_LOGMNR\b", statement.text, re.I):
        allowed = "EXECUTE" in catalog.granted(user, "SYS", "DBMS_LOGMNR_D")
    if not allowed:
        raise OracleError(6550, "line 1, column 7:\nPLS-00201: identifier 'SYS.DBMS_LOGMNR' must be declared")
    if user != "SYS" and not {"LOGMINING", "SELECT ANY TRANSACTION"} & catalog.privileges(user):
        raise OracleError(1031, "insufficient privileges")
    values = dict(zip(statement.bind_names, rows[0] if rows else [], strict=False))
    return session.recorder.run_block(statement.text, values)


def _body(text: str) -> str:
    tokens = tokenize(text)
    words = [t for t in tokens if t.kind != "end"]
    if words and words[0].value == "CALL":
        return text[words[1].start :] + ";"
    if not words or words[0].value != "BEGIN":
        raise unknown(text)
    last = len(words) - 1
    while last > 0 and words[last].value in (";", "/"):
        last -= 1
    if words[last].value != "END":
        raise unknown(text)
    inside = words[1:last]
    for token in inside:
        if (
            token.kind == "word"
            and token.value in ("EXCEPTION", "LOOP", "IF", "DECLARE", "FOR", "WHILE", "BEGIN")
            and not (token.value == "FOR" and "UPDATE" in text.upper())
        ):
            raise unknown(text)
    return text[words[0].end : words[last].start]
