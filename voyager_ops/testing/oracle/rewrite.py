"""A statement made ready for sqlglot, token by token: what its Oracle parser lacks, misreads or would translate by itself.

Names are folded and quoted, binds become ``:B1 …``, literals of moments and intervals, CAST, EXTRACT, packages' functions and
sequences become calls of functions named ``ORA_…``, AS OF SCN is taken out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from voyager_ops.testing.oracle.datatypes import DataType, parse_type
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.merge_clauses import merge_clauses
from voyager_ops.testing.oracle.tokens import Cursor, Token

# Words that are syntax wherever they stand unquoted (Oracle's reserved words, and SQL's own that nobody uses as a name).
RESERVED = frozenset(
    [
        "ALL",
        "ALTER",
        "AND",
        "ANY",
        "AS",
        "ASC",
        "BETWEEN",
        "BY",
        "CASE",
        "CONNECT",
        "CREATE",
        "CROSS",
        "CURRENT",
        "DEFAULT",
        "DELETE",
        "DESC",
        "DISTINCT",
        "DROP",
        "ELSE",
        "END",
        "ESCAPE",
        "EXCEPT",
        "EXISTS",
        "FOR",
        "FROM",
        "FULL",
        "GROUP",
        "HAVING",
        "IN",
        "INNER",
        "INSERT",
        "INTERSECT",
        "INTO",
        "IS",
        "JOIN",
        "LEFT",
        "LIKE",
        "MERGE",
        "MINUS",
        "NATURAL",
        "NOT",
        "NULL",
        "ON",
        "OR",
        "ORDER",
        "OUTER",
        "OVER",
        "PRIOR",
        "RIGHT",
        "SELECT",
        "SET",
        "START",
        "THEN",
        "UNION",
        "UNIQUE",
        "UPDATE",
        "USING",
        "VALUES",
        "WHEN",
        "WHERE",
        "WITH",
    ]
)
# Words that are syntax only where one of these stands before or after them.
_BEFORE: Mapping[str, frozenset[str]] = {
    "PARTITION": frozenset({"(", ",", "BY"}),
    "ROWS": frozenset(["ONLY", "WITH", "FETCH", "BETWEEN", "UNBOUNDED", "CURRENT"]),
    "ROW": frozenset(["ONLY", "WITH", ",", ")", "AND"]),
    "RANGE": frozenset({"BETWEEN", "UNBOUNDED"}),
    "UNBOUNDED": frozenset({"PRECEDING", "FOLLOWING"}),
    "FETCH": frozenset({"FIRST", "NEXT"}),
    "OFFSET": frozenset(),
    "NULLS": frozenset({"FIRST", "LAST"}),
    "WITHIN": frozenset({"GROUP"}),
    "KEEP": frozenset({"("}),
    "SKIP": frozenset({"LOCKED"}),
    "MATCHED": frozenset({"THEN", "AND"}),
}
_AFTER: Mapping[str, frozenset[str]] = {
    "FIRST": frozenset({"FETCH", "NULLS", "DENSE_RANK"}),
    "NEXT": frozenset({"FETCH"}),
    "LAST": frozenset({"NULLS", "DENSE_RANK"}),
    "ROW": frozenset({"CURRENT", "ROWS"}),
    "PRECEDING": frozenset({"UNBOUNDED"}),
    "FOLLOWING": frozenset({"UNBOUNDED"}),
    "LOCKED": frozenset({"SKIP"}),
    "SIBLINGS": frozenset({"ORDER"}),
    "TIES": frozenset({"WITH"}),
    "ONLY": frozenset({"ROWS", "ROW"}),
}
_NO_PARENTHESES = {
    "SYSDATE": "ORA_SYSDATE()",
    "SYSTIMESTAMP": "ORA_SYSTIMESTAMP()",
    "USER": "ORA_USER()",
    "UID": "ORA_UID()",
    "CURRENT_DATE": "ORA_CURRENT_DATE()",
    "CURRENT_TIMESTAMP": "ORA_CURRENT_TIMESTAMP()",
    "LOCALTIMESTAMP": "ORA_LOCALTIMESTAMP()",
    "SESSIONTIMEZONE": "ORA_SESSIONTIMEZONE()",
    "DBTIMEZONE": "ORA_DBTIMEZONE()",
    "BINARY_DOUBLE_NAN": "ORA_TO_BINARY_DOUBLE('NaN')",
    "BINARY_DOUBLE_INFINITY": "ORA_TO_BINARY_DOUBLE('Inf')",
    "BINARY_FLOAT_NAN": "ORA_TO_BINARY_FLOAT('NaN')",
    "BINARY_FLOAT_INFINITY": "ORA_TO_BINARY_FLOAT('Inf')",
}
_PACKAGES = {
    "DBMS_LOB",
    "UTL_RAW",
    "DBMS_ROWID",
    "DBMS_FLASHBACK",
    "DBMS_METADATA",
    "DBMS_XMLGEN",
    "DBMS_CRYPTO",
    "UTL_I18N",
    "DBMS_RANDOM",
    "SDO_UTIL",
}
_OWNED = {"SYS": _PACKAGES, "MDSYS": {"SDO_GEOMETRY", "SDO_UTIL"}}
_INTERVAL_UNITS = ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND")


@dataclass(slots=True)
class Prepared:
    """``text`` for sqlglot; ``casts``: the types of ``ORA_CAST(x, n)``; ``as_of``: the SCN's expression, prepared like the text,
    or that of a timestamp."""

    text: str = ""
    casts: list[DataType] = field(default_factory=list)
    as_of: str | None = None
    as_of_timestamp: bool = False


def quote(name: str) -> str:
    """``name`` as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class Rewriter:
    """``bind_number(start) -> n``: which bind (from 1) stands at that offset."""

    def __init__(self, text: str, bind_number: Callable[[int], int]) -> None:
        self.cursor = Cursor(text)
        self.bind_number = bind_number
        self.result = Prepared()

    def run(self) -> Prepared:
        merge = self.cursor.is_word("MERGE")
        pieces = self._until_end()
        self.result.text = " ".join(merge_clauses(pieces) if merge else pieces)
        return self.result

    def _until_end(self, closing: bool = False) -> list[str]:
        """Pieces up to the end, or up to the closing parenthesis that belongs here (not consumed)."""
        pieces: list[str] = []
        depth = 0
        cursor = self.cursor
        while cursor.token.kind != "end":
            token = cursor.token
            if token.kind == "op":
                if token.value == "(":
                    depth += 1
                elif token.value == ")":
                    if depth == 0 and closing:
                        return pieces
                    depth -= 1
                elif token.value == ";" and depth == 0:
                    if cursor.peek().kind != "end":
                        raise OracleError(933, "SQL command not properly ended", token.start)
                    cursor.at += 1
                    continue
            pieces.append(self._piece(token))
        return pieces

    def _piece(self, token: Token) -> str:
        cursor = self.cursor
        if token.kind == "word":
            return self._word(token)
        cursor.at += 1
        if token.kind == "quoted":
            return self._name(quote(token.value))
        if token.kind == "string":
            return literal(token.value)
        if token.kind == "nstring":
            return f"ORA_N_LITERAL({literal(token.value)})"
        if token.kind == "bind":
            return f":B{self.bind_number(token.start)}"
        if token.kind == "number":
            if token.value[-1] in "fFdD":
                return f"ORA_TO_BINARY_{'FLOAT' if token.value[-1] in 'fF' else 'DOUBLE'}({token.value[:-1]})"
            return token.value
        return {"^=": "<>", "!=": "<>"}.get(token.value, token.value)

    def _name(self, quoted: str) -> str:
        """After a name (in ``quoted`` form): the dotted rest of it that has to be seen at once."""
        cursor = self.cursor
        if cursor.is_word(".") and cursor.peek().is_name:
            last = cursor.peek()
            if last.value in ("NEXTVAL", "CURRVAL") and last.kind == "word":
                cursor.at += 2
                return f"ORA_{last.value}({literal(quoted)})"
            after = cursor.peek(2)
            if after.kind == "op" and after.value == "." and cursor.peek(3).value in ("NEXTVAL", "CURRVAL"):
                function = cursor.peek(3).value
                cursor.at += 4
                return f"ORA_{function}({literal(quoted + '.' + quote(last.value))})"
        return quoted

    def _word(self, token: Token) -> str:
        cursor = self.cursor
        word = token.value
        previous = cursor.tokens[cursor.at - 1] if cursor.at else None
        after_dot = previous is not None and previous.kind == "op" and previous.value == "."
        following = cursor.peek()
        if not after_dot:
            special = self._special(word, following)
            if special is not None:
                return special
        cursor.at += 1
        if not after_dot:
            if word in RESERVED:
                return word
            if following.value in _BEFORE.get(word, ()) or (previous is not None and previous.value in _AFTER.get(word, ())):
                return word
            if word == "OFFSET" and (following.kind in ("number", "bind")):
                return word
            if word in ("NOWAIT", "WAIT", "OF") and self._in_for_update():
                return word
            if following.kind == "op" and following.value == "(":
                return word
        elif following.kind == "op" and following.value == "(":
            return word  # a method: x.getClobVal()
        return self._name(quote(word))

    def _in_for_update(self) -> bool:
        recent = [t.value for t in self.cursor.tokens[max(0, self.cursor.at - 14) : self.cursor.at]]
        return "FOR" in recent and "UPDATE" in recent

    def _special(self, word: str, following: Token) -> str | None:
        cursor = self.cursor
        if word in _NO_PARENTHESES and not (following.kind == "op" and following.value in (".", "(", "=")):
            cursor.at += 1
            return _NO_PARENTHESES[word]
        if word in ("CURRENT_TIMESTAMP", "LOCALTIMESTAMP") and following.value == "(":
            cursor.at += 1
            cursor.parenthesised()
            return _NO_PARENTHESES[word]
        if word == "ROWNUM" or word == "LEVEL" or word == "ROWID":
            cursor.at += 1
            return quote(word)
        if word == "DATE" and following.kind == "string":
            cursor.at += 2
            return f"ORA_DATE_LITERAL({literal(following.value)})"
        if word == "TIMESTAMP" and following.kind == "string":
            cursor.at += 2
            zone = "_TZ" if following.value.rstrip()[-6:-5] in ("+", "-") or following.value.rstrip()[-1:].isalpha() else ""
            return f"ORA_TIMESTAMP{zone}_LITERAL({literal(following.value)})"
        if word == "INTERVAL" and following.kind == "string":
            return self._interval(following.value)
        if word == "CAST" and following.value == "(":
            return self._cast()
        if word == "EXTRACT" and following.value == "(" and cursor.peek(3).value == "FROM":
            unit = cursor.peek(2).value
            cursor.at += 4
            inner = " ".join(self._until_end(closing=True))
            cursor.expect(")")
            return f"ORA_EXTRACT({literal(unit)}, {inner})"
        if word in ("XMLSERIALIZE", "JSON_SERIALIZE", "VECTOR_SERIALIZE") and following.value == "(":
            return self._serialize(word)
        if word == "AS" and following.value == "OF" and cursor.peek(2).value in ("SCN", "TIMESTAMP"):
            return self._as_of()
        if word == "AT" and following.value == "TIME":
            cursor.expect("AT", "TIME", "ZONE")
            return "AT TIME ZONE"
        if word == "AT" and following.value == "LOCAL":
            cursor.expect("AT", "LOCAL")
            return "AT TIME ZONE ORA_SESSIONTIMEZONE()"
        if following.value == "." and cursor.peek(2).value in _OWNED.get(word, ()):
            cursor.at += 2
            return self._special(cursor.token.value, cursor.peek()) or self._word(cursor.token)
        if word in _PACKAGES and following.value == ".":
            function = cursor.peek(2).value
            cursor.at += 3
            arguments = "" if cursor.is_word("(") else "()"
            return f"ORA_{word}__{function}{arguments}"
        if word == "JSON" and cursor.at and cursor.tokens[cursor.at - 1].value in ("IS", "NOT"):
            cursor.at += 1
            return "JSON"
        if word == "SAMPLE" and following.value in ("(", "BLOCK"):
            cursor.at += 1
            block = cursor.accept("BLOCK")
            return f"TABLESAMPLE {'SYSTEM' if block else 'BERNOULLI'}"
        if word == "DELETE" and cursor.at == 0 and following.value != "FROM":
            cursor.at += 1
            return "DELETE FROM"
        return None

    def _interval(self, value: str) -> str:
        cursor = self.cursor
        cursor.at += 2
        first = cursor.name()
        last = first
        if cursor.is_word("("):
            cursor.parenthesised()
        if cursor.accept("TO"):
            last = cursor.name()
            if cursor.is_word("("):
                cursor.parenthesised()
        if first not in _INTERVAL_UNITS or last not in _INTERVAL_UNITS:
            raise OracleError(30089, "missing or invalid <datetime field>", cursor.token.start)
        function = "MONTHS" if first in ("YEAR", "MONTH") else "LITERAL"
        return f"ORA_INTERVAL_{function}({literal(value)}, {literal(first)}, {literal(last)})"

    def _cast(self) -> str:
        cursor = self.cursor
        cursor.at += 2
        pieces: list[str] = []
        depth = 0
        while not (depth == 0 and cursor.is_word("AS")):
            token = cursor.token
            if token.kind == "end":
                raise cursor.fail(907)
            if token.kind == "op":
                depth += {"(": 1, ")": -1}.get(token.value, 0)
            pieces.append(self._piece(token))
        cursor.expect("AS")
        self.result.casts.append(parse_type(cursor))
        while not cursor.is_word(")"):  # DEFAULT … ON CONVERSION ERROR, a format
            cursor.at += 1
        cursor.expect(")")
        return f"ORA_CAST({' '.join(pieces)}, {len(self.result.casts) - 1})"

    def _serialize(self, function: str) -> str:
        """Without what it returns: that is always a CLOB."""
        cursor = self.cursor
        cursor.at += 2
        cursor.accept("CONTENT") or cursor.accept("DOCUMENT")
        pieces: list[str] = []
        depth = 0
        ends = ("AS", ")", "NO", "VERSION", "RETURNING", "PRETTY")
        while not (depth == 0 and any(cursor.is_word(end) for end in ends)):
            token = cursor.token
            if token.kind == "op":
                depth += {"(": 1, ")": -1}.get(token.value, 0)
            pieces.append(self._piece(token))
        cursor.skip_to_close()
        return f"ORA_{function}({' '.join(pieces)})"

    def _as_of(self) -> str:
        cursor = self.cursor
        cursor.expect("AS", "OF")
        timestamp = cursor.accept("TIMESTAMP")
        if not timestamp:
            cursor.expect("SCN")
        pieces = self._operand()
        while cursor.token.kind == "op" and cursor.token.value in ("+", "-", "*", "/"):
            pieces += [self._piece(cursor.token), *self._operand()]
        found = " ".join(pieces)
        self.result.as_of_timestamp = timestamp
        self.result.as_of = found if self.result.as_of is None else self.result.as_of
        return ""

    def _operand(self) -> list[str]:
        """A value, a call, an interval literal, or an expression in parentheses."""
        cursor = self.cursor
        if cursor.accept("("):
            pieces = ["(", *self._until_end(closing=True), ")"]
            cursor.expect(")")
            return pieces
        interval = cursor.is_word("INTERVAL")
        pieces = [self._piece(cursor.token)]
        if interval and cursor.token.kind == "string":
            pieces += [self._piece(cursor.token), self._piece(cursor.token)]
        elif pieces[0].isidentifier() and cursor.is_word("("):
            pieces += [self._piece(cursor.token), *self._until_end(closing=True), ")"]
            cursor.expect(")")
        return pieces
