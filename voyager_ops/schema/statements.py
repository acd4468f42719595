"""SQL text to statements: split by the scanner of libpg_query, parse one by one, remember file and line."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from pglast import parser

_OPENING = {"ASCII_40", "ASCII_91"}
_CLOSING = {"ASCII_41", "ASCII_93"}
# After these a keyword is an ordinary name: ``t.case``, ``AS end``.
_LABEL_FOLLOWS = {"ASCII_46", "AS"}
COMMENT_TOKENS = frozenset({"SQL_COMMENT", "C_COMMENT"})


@dataclass(frozen=True)
class Token:
    """One token: ``start``/``end`` are character offsets into the statement (end exclusive)."""

    name: str
    start: int
    end: int


@dataclass(frozen=True)
class Statement:
    """One statement without its semicolon. ``node`` is None and ``error`` says why when it does not parse."""

    text: str
    line: int
    node: Any
    error: str | None = None
    file: str = ""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def tokens(text: str) -> list[Token]:
    """The tokens of one statement, comments left out."""
    return [Token(t.name, t.start, t.end + 1) for t in parser.scan(text) if t.name not in COMMENT_TOKENS]


def _boundaries(text: str) -> list[tuple[int, int]]:
    """Start and end of each statement. Semicolons inside parentheses (rules) and BEGIN ATOMIC bodies do not end a statement."""
    found: list[tuple[int, int]] = []
    depth = 0
    blocks = 0
    start: int | None = None
    end = 0
    previous = ""
    for token in parser.scan(text):
        if token.name in COMMENT_TOKENS:
            continue
        if token.name == "ASCII_59" and depth == 0 and blocks == 0:
            if start is not None:
                found.append((start, end))
            start, previous = None, ""
            continue
        if start is None:
            start = token.start
        end = token.end + 1
        if token.name in _OPENING:
            depth += 1
        elif token.name in _CLOSING:
            depth = max(0, depth - 1)
        elif token.name == "ATOMIC" and previous == "BEGIN_P":
            blocks += 1
        elif blocks and previous not in _LABEL_FOLLOWS:
            blocks += (token.name == "CASE") - (token.name == "END_P")
        previous = token.name
    if start is not None:
        found.append((start, end))
    return found


def parse(text: str, *, file: str = "") -> list[Statement]:
    """All statements of ``text``. Never raises: what cannot be split or parsed comes back as a statement with ``error``."""
    try:
        spans = _boundaries(text)
    except parser.ParseError as error:
        return [Statement(text.strip(), 1, None, _reason(error), file)]
    return [_parse_one(text[start:end], text.count("\n", 0, start) + 1, file) for start, end in spans]


def _parse_one(text: str, line: int, file: str) -> Statement:
    try:
        parsed = parser.parse_sql(text)
    except parser.ParseError as error:
        return Statement(text, line, None, _reason(error), file)
    if len(parsed) != 1:
        return Statement(text, line, None, "not one statement: a parenthesis or quote before it is not balanced", file)
    return Statement(text, line, parsed[0].stmt, None, file)


def _reason(error: Exception) -> str:
    return str(error.args[0]) if error.args else str(error)
