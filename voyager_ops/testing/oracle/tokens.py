"""Oracle SQL cut into tokens, and a cursor over them for the hand-written parsers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from voyager_ops.testing.oracle.engine import OracleError

Kind = Literal["word", "quoted", "string", "nstring", "number", "bind", "op", "end"]

_PATTERN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)
      | (?P<nq>[nN]?[qQ]')
      | (?P<nstring>[nN]'(?:[^']|'')*')
      | (?P<string>'(?:[^']|'')*')
      | (?P<quoted>"[^"]*")
      | (?P<number>(?:\d+(?:\.(?!\.)\d*)?|\.\d+)(?:[eE][+-]?\d+)?[fFdD]?(?:(?![\w$\#])|(?=[KMGTkmgt]\b)))
      | (?P<bind>:\s*(?:"[^"]+"|\w[\w$\#]*))
      | (?P<word>[^\W\d_][\w$\#]*)
      | (?P<op>\(\+\)|\|\||<>|!=|\^=|<=|>=|:=|=>|\*\*|\.\.|@|[-+*/=<>(),.;:%\[\]{}?|&!^~])
    """,
    re.S | re.X,
)
_CLOSING = {"[": "]", "(": ")", "{": "}", "<": ">"}


@dataclass(frozen=True, slots=True)
class Token:
    """``value``: of a word in upper case; of a quoted name or string what is between the quotes; else the text itself."""

    kind: Kind
    value: str
    start: int
    end: int

    @property
    def is_name(self) -> bool:
        """Whether it can be the name of something."""
        return self.kind in ("word", "quoted")


def tokenize(text: str) -> list[Token]:
    """The tokens of ``text``, comments and hints left out; the last one is of kind ``end``. ORA-00911, ORA-01756."""
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _PATTERN.match(text, position)
        if match is None:
            if text[position] == "'":
                raise OracleError(1756, "quoted string not properly terminated", position)
            digits = re.compile(r"\d+").match(text, position)
            if digits is not None:  # 1X is no number, and no name either
                tokens.append(Token("number", digits.group(), position, digits.end()))
                position = digits.end()
                continue
            if text[position] == '"':
                raise OracleError(1740, "missing double quote in identifier", position)
            raise OracleError(911, f"invalid character: {text[position]!r}", position)
        kind = match.lastgroup
        end = match.end()
        piece = match.group()
        if kind == "nq":
            opening = text[end : end + 1]
            stop = text.find(_CLOSING.get(opening, opening) + "'", end + 1)
            if not opening or stop < 0:
                raise OracleError(1756, "quoted string not properly terminated", position)
            tokens.append(Token("nstring" if piece[0] in "nN" else "string", text[end + 1 : stop], position, stop + 2))
            end = stop + 2
        elif kind == "word":
            tokens.append(Token("word", piece.upper(), position, end))
        elif kind == "quoted":
            if piece == '""':
                raise OracleError(1741, "illegal zero-length identifier", position)
            tokens.append(Token("quoted", piece[1:-1], position, end))
        elif kind == "string":
            tokens.append(Token("string", piece[1:-1].replace("''", "'"), position, end))
        elif kind == "nstring":
            tokens.append(Token("nstring", piece[2:-1].replace("''", "'"), position, end))
        elif kind == "number":
            tokens.append(Token("number", piece, position, end))
        elif kind == "bind":
            tokens.append(Token("bind", piece, position, end))
        elif kind == "op":
            tokens.append(Token("op", piece, position, end))
        if kind in ("word", "quoted") and len(tokens[-1].value.encode()) > 128:
            raise OracleError(972, "identifier is too long", position)
        position = end
    tokens.append(Token("end", "", len(text), len(text)))
    return tokens


class Cursor:
    """A place in a statement's tokens. ``fail`` makes the error a parser raises when it meets what it does not know."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.at = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def peek(self, offset: int = 1) -> Token:
        return self.tokens[min(self.at + offset, len(self.tokens) - 1)]

    @property
    def done(self) -> bool:
        token = self.token
        return token.kind == "end" or (token.value == ";" and self.peek().kind == "end")

    def is_word(self, *words: str) -> bool:
        """Whether the next tokens are these words."""
        return all(
            (t := self.peek(i)).value == word and (t.kind == "word" if word[0].isalpha() else t.kind == "op")
            for i, word in enumerate(words)
        )

    def accept(self, *words: str) -> bool:
        """Move past these words (or operators) if they come next."""
        if self.is_word(*words):
            self.at += len(words)
            return True
        return False

    def expect(self, *words: str) -> None:
        if not self.accept(*words):
            raise self.fail({"(": 906, ")": 907}.get(words[0], 905 if words[0].isalpha() else 922))

    def name(self) -> str:
        """The next name, folded."""
        token = self.token
        if not token.is_name:
            raise self.fail(903 if token.kind in ("end", "number", "string") else 900)
        self.at += 1
        return token.value

    def qualified(self) -> tuple[str | None, str]:
        """``[owner.]name``."""
        first = self.name()
        if self.accept("."):
            return first, self.name()
        return None, first

    def integer(self) -> int:
        negative = self.accept("-")
        token = self.token
        if token.kind != "number":
            raise self.fail()
        self.at += 1
        return -int(token.value) if negative else int(token.value)

    def string(self) -> str:
        token = self.token
        if token.kind not in ("string", "nstring"):
            raise self.fail()
        self.at += 1
        return token.value

    def parenthesised(self) -> str:
        """Past ``( … )``: the text between the parentheses."""
        self.expect("(")
        start = self.token.start
        stop = self.skip_to_close()
        return self.text[start:stop].strip()

    def skip_to_close(self) -> int:
        """Past the parenthesis that closes the one just opened; where it stands in the text."""
        depth = 1
        while True:
            token = self.token
            if token.kind == "end":
                raise self.fail(907)
            self.at += 1
            if token.kind == "op":
                depth += {"(": 1, ")": -1}.get(token.value, 0)
                if depth == 0:
                    return token.start

    def names(self) -> list[str]:
        """``(a, b, c)``."""
        self.expect("(")
        result = [self.name()]
        while self.accept(","):
            result.append(self.name())
        self.expect(")")
        return result

    def rest(self) -> str:
        """All that is left, without a closing semicolon."""
        start = self.token.start
        self.at = len(self.tokens) - 1
        return self.text[start:].strip().rstrip(";").rstrip()

    def fail(self, code: int = 922) -> OracleError:
        token = self.token
        messages = {
            900: "invalid SQL statement",
            903: "invalid table name",
            905: "missing keyword",
            906: "missing left parenthesis",
            907: "missing right parenthesis",
            933: "SQL command not properly ended",
            969: "missing ON keyword",
            990: "missing or invalid privilege",
            1737: "valid modes: [ROW] SHARE, [[SHARE] ROW] EXCLUSIVE, SHARE UPDATE",
        }
        near = self.text[token.start : token.start + 40]
        return OracleError(code, f"{messages.get(code, 'missing or invalid option')} (simulator: near {near!r})", token.start)
