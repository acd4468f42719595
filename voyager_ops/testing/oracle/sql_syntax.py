"""What Oracle says of words that do not follow each other as they should, where sqlglot takes or blames them otherwise."""

from __future__ import annotations

import itertools

from sqlglot.errors import ParseError

from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.tokens import Token, tokenize

_MESSAGES = {
    903: "invalid table name",
    905: "missing keyword",
    923: "FROM keyword not found where expected",
    925: "missing INTO keyword",
    917: "missing comma",
    926: "missing VALUES keyword",
    927: "missing equal sign",
    928: "missing SELECT keyword",
    933: "SQL command not properly ended",
    936: "missing expression",
    971: "missing SET keyword",
    1747: "invalid user.table.column, table.column, or column specification",
}
# No table is called so unless quoted.
_NO_TABLE = frozenset(
    ["WHERE", "SET", "VALUES", "SELECT", "FROM", "GROUP", "ORDER", "HAVING", "UNION", "MINUS", "INTERSECT", "ON", "USING"]
)
# What sqlglot finds missing or too much, as Oracle says it.
_MISSING = (
    ("Expecting )", (907, "missing right parenthesis")),
    ("Unexpected token", (933, "SQL command not properly ended")),
    ("Required keyword: 'expression' missing", (936, "missing expression")),
    ("Required keyword: 'this' missing", (936, "missing expression")),
    ("Required keyword: 'on' missing", (969, "missing ON keyword")),
    ("Expected table name", (903, "invalid table name")),
)
_FROM_INSIDE = frozenset({"EXTRACT", "TRIM"})


def syntax_error(code: int, position: int = 0) -> OracleError:
    return OracleError(code, _MESSAGES[code], position)


def check_words(text: str, *, several_rows: bool) -> None:
    """Raise what Oracle raises for the words of a query or DML. ``several_rows``: INSERT takes several rows of VALUES (23ai)."""
    tokens = tokenize(text)
    _everywhere(tokens)
    match tokens[0].value if tokens[0].kind == "word" else "":
        case "INSERT":
            _insert(tokens, several_rows)
        case "UPDATE":
            _update(tokens)


def not_parsed(text: str, error: Exception) -> OracleError:
    """For what sqlglot says of a prepared text."""
    reason = str(error).split("\n", 1)[0].replace("\x1b[4m", "").replace("\x1b[0m", "")
    code, message = next((said for words, said in _MISSING if words in reason), (900, "invalid SQL statement"))
    if isinstance(error, ParseError) and code == 933 and _before_from(text, error.errors[0].get("col", 0)):
        return syntax_error(923)
    return OracleError(code, f"{message} (simulator: not understood: {reason})")


def _before_from(text: str, column: int) -> bool:
    """Whether ``column`` (from 1) is in a SELECT list."""
    lists = [False]
    for token in tokenize(text):
        if token.start >= column - 1:
            break
        if token.kind == "op" and token.value == "(":
            lists.append(False)
        elif token.kind == "op" and token.value == ")" and len(lists) > 1:
            lists.pop()
        elif token.kind == "word" and token.value in ("SELECT", "FROM"):
            lists[-1] = token.value == "SELECT"
    return lists[-1]


def _is(token: Token, *words: str) -> bool:
    return token.kind in ("word", "op") and token.value in words


def _everywhere(tokens: list[Token]) -> None:
    """What may not follow what, wherever it stands."""
    callers: list[str] = []
    cases = 0
    for at, token in enumerate(tokens[:-1]):
        after = tokens[at + 1]
        if _is(token, "("):
            callers.append(tokens[at - 1].value if at else "")
        elif _is(token, ")") and callers:
            callers.pop()
        elif _is(token, "CASE"):
            cases += 1
        elif _is(token, "END"):
            cases -= 1
        elif (
            _is(token, "FROM")
            and not (callers and callers[-1] in _FROM_INSIDE)
            and (after.kind in ("string", "number", "end") or _is(after, *_NO_TABLE, ")", ","))
        ):
            raise syntax_error(903, after.start)
        if _is(token, ",") and _is(after, "FROM", ","):
            raise syntax_error(936, after.start)
        if _is(token, "BY") and at and _is(tokens[at - 1], "ORDER", "GROUP") and (after.kind == "end" or _is(after, ")")):
            raise syntax_error(936, after.start)
        if _is(token, "IN") and _is(after, "(") and _is(tokens[min(at + 2, len(tokens) - 1)], ")"):
            raise syntax_error(936, after.start)
    if cases > 0:
        raise syntax_error(905, tokens[-1].start)


def _past(tokens: list[Token], at: int) -> int:
    """Past a parenthesis that opens at ``at``; the end when it is not closed."""
    depth = 0
    while tokens[at].kind != "end":
        if tokens[at].kind == "op":
            depth += {"(": 1, ")": -1}.get(tokens[at].value, 0)
        at += 1
        if depth == 0:
            break
    return at


def _named(tokens: list[Token], at: int) -> int:
    """Past ``[owner.]table``. ORA-00903 when there is none."""
    if not tokens[at].is_name or _is(tokens[at], *_NO_TABLE):
        raise syntax_error(903, tokens[at].start)
    at += 1
    while _is(tokens[at], ".", "@") and tokens[at + 1].is_name:
        at += 2
    return at


def _insert(tokens: list[Token], several_rows: bool) -> None:
    if _is(tokens[1], "ALL", "FIRST"):
        return
    if not _is(tokens[1], "INTO"):
        raise syntax_error(925, tokens[1].start)
    if _is(tokens[2], "("):
        return
    at = _named(tokens, 2)
    if _is(tokens[at], "PARTITION", "SUBPARTITION"):
        return
    if tokens[at].is_name and not _is(tokens[at], "VALUES", "VALUE", "SELECT", "WITH"):
        at += 1
    if _is(tokens[at], "(") and not _is(tokens[at + 1], "SELECT", "WITH", "("):
        stop = _past(tokens, at)
        _commas(tokens[at:stop], "word", "quoted")
        for token in tokens[at + 2 : stop]:
            if token.kind in ("string", "number", "bind"):
                raise syntax_error(1747, token.start)
        if not tokens[at + 1].is_name:
            raise syntax_error(928, tokens[at + 1].start)
        if any(_is(a, ",") and _is(b, ")") for a, b in zip(tokens[at:stop], tokens[at + 1 : stop], strict=False)):
            raise syntax_error(1747, tokens[stop - 1].start)
        at = stop
    if not _is(tokens[at], "VALUES", "SELECT", "WITH", "("):
        raise syntax_error(926, tokens[at].start)
    if _is(tokens[at], "VALUES") and _is(tokens[at + 1], "("):
        stop = _past(tokens, at + 1)
        _commas(tokens[at:stop], "string", "number", "bind")
        if any(_is(a, ",") and _is(b, ")") for a, b in zip(tokens[at:stop], tokens[at + 1 : stop], strict=False)):
            raise syntax_error(936, tokens[stop - 1].start)
        if _is(tokens[stop], ",") and not several_rows:
            raise syntax_error(933, tokens[stop].start)


def _commas(tokens: list[Token], *kinds: str) -> None:
    """ORA-00917 for two of ``kinds`` beside each other."""
    for token, after in itertools.pairwise(tokens):
        if token.kind in kinds and after.kind in kinds:
            raise syntax_error(917, after.start)


def _update(tokens: list[Token]) -> None:
    if _is(tokens[1], "(", "ONLY"):
        return
    at = _named(tokens, 1)
    if _is(tokens[at], "PARTITION", "SUBPARTITION"):
        return
    if tokens[at].is_name and not _is(tokens[at], "SET"):
        at += 1
    if not _is(tokens[at], "SET"):
        raise syntax_error(971, tokens[at].start)
    at += 1
    if _is(tokens[at], "("):
        return
    if not tokens[at].is_name or _is(tokens[at], *_NO_TABLE):
        raise syntax_error(1747, tokens[at].start)
    while tokens[at].is_name and _is(tokens[at + 1], "."):
        at += 2
    if not _is(tokens[at + 1], "="):
        raise syntax_error(927, tokens[at + 1].start)
