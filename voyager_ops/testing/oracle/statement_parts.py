"""Parts of a statement found in its tokens: RETURNING … INTO, the texts of a query's columns."""

from __future__ import annotations

from voyager_ops.testing.oracle.engine import Statement
from voyager_ops.testing.oracle.tokens import Token, tokenize


def split_returning(statement: Statement) -> tuple[str, str]:
    """(the statement without RETURNING … INTO …, what it returns); the second is empty when it returns nothing."""
    if not statement.returning_binds:
        return statement.text, ""
    tokens = tokenize(statement.text)
    depth = 0
    start = into = None
    for token in tokens:
        if token.kind == "op":
            depth += {"(": 1, ")": -1}.get(token.value, 0)
        elif token.kind == "word" and depth == 0 and token.value in ("RETURNING", "RETURN"):
            start, into = token, None
        elif token.kind == "word" and depth == 0 and token.value == "INTO" and start is not None:
            into = token
    if start is None or into is None:
        return statement.text, ""
    # Blanks keep the offsets of the binds.
    returned = " " * start.end + statement.text[start.end : into.start]
    return statement.text[: start.start], returned


def projection_texts(text: str) -> list[str]:
    """What Oracle calls the columns of a plain SELECT that have no name: their text in upper case, without blanks."""
    tokens = tokenize(text)
    if tokens[0].value != "SELECT":
        return []
    at = 1
    while tokens[at].kind == "word" and tokens[at].value in ("DISTINCT", "ALL", "UNIQUE"):
        at += 1
    items: list[list[Token]] = [[]]
    depth = 0
    for token in tokens[at:]:
        if token.kind == "op":
            depth += {"(": 1, ")": -1}.get(token.value, 0)
        if depth == 0 and token.kind == "op" and token.value == ",":
            items.append([])
            continue
        if token.kind == "end" or (depth == 0 and token.kind == "word" and token.value == "FROM"):
            break
        items[-1].append(token)
    return [
        "".join(
            text[t.start : t.end] if t.kind in ("string", "nstring", "quoted") else text[t.start : t.end].upper() for t in item
        )
        for item in items
    ]


def insert_all(text: str) -> list[str]:
    """INSERT ALL without conditions as one INSERT … SELECT per INTO; empty for any other statement.

    Each executes the query anew, so a query with side effects (sequences) is not the same.
    """
    tokens = tokenize(text)
    if [t.value for t in tokens[:2]] != ["INSERT", "ALL"] or tokens[2].value != "INTO":
        return []
    branches: list[tuple[str, str]] = []
    at = 2
    while tokens[at].value == "INTO":
        start = tokens[at].start
        at += 1
        while tokens[at].value not in ("VALUES", "INTO", "SELECT", "WITH"):
            at = _past(tokens, at)
        target = text[start : tokens[at].start]
        values = "*"
        if tokens[at].value == "VALUES":
            begin = tokens[at + 1].end
            at = _past(tokens, at + 1)
            values = text[begin : tokens[at - 1].start]
        branches.append((target, values))
    query = text[tokens[at].start :].rstrip().rstrip(";")
    return [f"INSERT {target} SELECT {values} FROM ({query})" for target, values in branches]


def _past(tokens: list[Token], at: int) -> int:
    """Past one token, or past a whole parenthesis."""
    if tokens[at].value != "(" or tokens[at].kind != "op":
        return at + 1
    depth = 0
    while True:
        if tokens[at].kind == "op":
            depth += {"(": 1, ")": -1}.get(tokens[at].value, 0)
        at += 1
        if depth == 0:
            return at
