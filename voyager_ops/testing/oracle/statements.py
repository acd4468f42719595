"""What the protocol makes both ends find out from a statement's text: its kind and its bind placeholders."""

from __future__ import annotations

import re
from functools import lru_cache

from voyager_ops.testing.oracle.engine import Statement, StatementKind

KINDS = {
    **dict.fromkeys(("SELECT", "WITH"), StatementKind.QUERY),
    **dict.fromkeys(("INSERT", "UPDATE", "DELETE", "MERGE"), StatementKind.DML),
    **dict.fromkeys(("BEGIN", "DECLARE", "CALL"), StatementKind.PLSQL),
    **dict.fromkeys(("CREATE", "ALTER", "DROP", "GRANT", "REVOKE", "ANALYZE", "AUDIT", "COMMENT", "TRUNCATE"), StatementKind.DDL),
}
CLOSING = {"[": "]", "{": "}", "<": ">", "(": ")"}
TOKEN = re.compile(
    r"""(?P<quote>[nN]?[qQ]')
      | (?P<string>'[^']*')
      | (?P<identifier>"[^"]*")
      | (?P<comment>--[^\n]*|/\*.*?\*/)
      | :\s*(?:"(?P<quoted>[^"]*)"|(?P<digits>\d+)|(?P<name>[^\W\d_][\w$#]*))
      | (?P<word>[^\W\d_]+)
      | (?P<space>\s+)
      | .""",
    re.VERBOSE | re.DOTALL,
)


@lru_cache(maxsize=1024)
def parse(text: str) -> Statement:
    """Kind and binds of a statement, found as the client finds them (it sends values in this order and number).

    A word is a run of letters only. A colon after a string literal is JSON's, not a bind's. Binds after RETURNING … INTO of
    a DML are returning binds.
    """
    kind: StatementKind | None = None
    names: list[str] = []
    spans: list[tuple[int, int, int]] = []
    returning = into = False
    returning_binds = 0
    after_string = False
    position = 0
    while position < len(text):
        match = TOKEN.match(text, position)
        assert match is not None  # the last alternative takes any character
        group = match.lastgroup
        position = match.end()
        if group == "quote":
            position = _end_of_quote(text, position)
            after_string = True
        elif group == "string":
            after_string = True
        elif group in ("quoted", "digits", "name"):
            if after_string:
                position = match.start() + 1
                after_string = False
                continue
            name = match[group].upper() if group == "name" else match[group]
            if kind is StatementKind.PLSQL and name in names:
                index = names.index(name)
            else:
                index = len(names)
                names.append(name)
                returning_binds += into
            spans.append((match.start(), match.end(), index))
        elif group == "word":
            after_string = False
            word = match[group].upper()
            if kind is None:
                kind = KINDS.get(word, StatementKind.OTHER)
                if kind is StatementKind.DDL:
                    break
            elif kind is StatementKind.DML:
                returning = returning or word == "RETURNING"
                into = into or (returning and word == "INTO")
        elif group != "space":
            after_string = False
    return Statement(text, kind or StatementKind.OTHER, tuple(names), returning_binds, tuple(spans))


def _end_of_quote(text: str, start: int) -> int:
    """The end of the literal q'[…]' whose separator is at ``start``; the end of the text when it is not closed."""
    if start >= len(text):
        return start
    end = text.find(CLOSING.get(text[start], text[start]) + "'", start + 1)
    return len(text) if end < 0 else end + 2
