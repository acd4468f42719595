"""PL/SQL blocks of calls of DBMS_LOGMNR: which procedures, and what their arguments are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from voyager_ops.testing.oracle.engine import BindValue, OracleError, Timestamp

PROCEDURES = {"DBMS_LOGMNR": {"ADD_LOGFILE", "REMOVE_LOGFILE", "START_LOGMNR", "END_LOGMNR"}, "DBMS_LOGMNR_D": {"BUILD"}}
_TOKEN = re.compile(
    r"\s+|--[^\n]*|/\*.*?\*/|(?P<string>'(?:[^']|'')*')|(?P<number>\d+(?:\.\d+)?)|(?P<bind>:\w+)|(?P<word>[A-Za-z_][\w$#]*)"
    r"|(?P<mark>=>|.)",
    re.DOTALL,
)
_FORMATS = (("YYYY-MM-DD HH24:MI:SS", "%Y-%m-%d %H:%M:%S"), ("DD-MON-YYYY HH24:MI:SS", "%d-%b-%Y %H:%M:%S"))


@dataclass(frozen=True, slots=True)
class Call:
    """A call: the procedure, arguments by position and by name (upper case)."""

    name: str
    positional: tuple[BindValue, ...]
    named: Mapping[str, BindValue]

    def argument(self, name: str, position: int) -> BindValue:
        """An argument, None when it was not given."""
        if position < len(self.positional):
            return self.positional[position]
        return self.named.get(name)


def parse_block(text: str, binds: Mapping[str, BindValue], constants: Mapping[str, int]) -> list[Call] | None:
    """The calls of ``BEGIN calls END;`` or ``CALL …``; None when the block has anything but calls of ours.

    Raises OracleError ORA-06550 for an argument that is none, PLS-00302 for a procedure or constant that is not there.
    """
    return _Parser(text, binds, constants).block()


def number_argument(value: BindValue) -> int:
    """A whole number; 0 for none."""
    try:
        return int(Decimal(str(value))) if value is not None else 0
    except InvalidOperation:
        raise OracleError(6502, "PL/SQL: numeric or value error: character to number conversion error") from None


def time_argument(value: BindValue) -> datetime | None:
    """A DATE; None for none."""
    if value is None:
        return None
    if isinstance(value, Timestamp):
        return datetime(value.year, value.month, value.day, value.hour, value.minute, value.second)
    raise OracleError(6550, "PLS-00306: wrong number or types of arguments in call to 'START_LOGMNR'")


class _Parser:
    def __init__(self, text: str, binds: Mapping[str, BindValue], constants: Mapping[str, int]) -> None:
        self._tokens = [match for match in _TOKEN.finditer(text) if match.lastgroup]
        self._at = 0
        self._binds = binds
        self._constants = constants

    def block(self) -> list[Call] | None:
        calls = []
        opened = self._accept("BEGIN")
        if not opened:
            self._accept("CALL")
        while not (opened and self._accept("END")):
            call = self._call()
            if call is None:
                return None
            calls.append(call)
            ended = self._accept(";")
            if not opened:
                break
            if not ended:
                return None
        self._accept(";")
        return calls if self._at == len(self._tokens) and calls else None

    def _call(self) -> Call | None:
        self._skip_owner()
        package = self._word()
        if package not in PROCEDURES or not self._accept("."):
            return None
        name = self._word()
        if name not in PROCEDURES[package]:
            raise OracleError(6550, f"line 1, column 7:\nPLS-00302: component '{name}' must be declared")
        positional: list[BindValue] = []
        named: dict[str, BindValue] = {}
        if self._accept("(") and not self._accept(")"):
            while True:
                if self._peek(1) == "=>":
                    key = self._word()
                    self._at += 1
                    named[key] = self._expression()
                else:
                    positional.append(self._expression())
                if self._accept(")"):
                    break
                if not self._accept(","):
                    raise self._error()
        return Call(name, tuple(positional), named)

    def _expression(self) -> BindValue:
        value = self._term()
        while self._accept("+"):
            value = Decimal(str(value)) + Decimal(str(self._term()))
        return value

    def _term(self) -> BindValue:
        if self._at >= len(self._tokens):
            raise self._error()
        token = self._tokens[self._at]
        if token.lastgroup == "string":
            self._at += 1
            return token.group()[1:-1].replace("''", "'")
        if token.lastgroup == "number":
            self._at += 1
            return Decimal(token.group())
        if token.lastgroup == "bind":
            self._at += 1
            try:
                return self._binds[token.group()[1:].upper()]
            except KeyError:
                raise OracleError(1008, "not all variables bound") from None
        self._skip_owner()
        word = self._word()
        if word == "NULL":
            return None
        if word == "TO_DATE":
            return self._to_date()
        if word in PROCEDURES and self._accept("."):
            constant = self._word()
            if constant not in self._constants:
                raise OracleError(6550, f"line 1, column 7:\nPLS-00302: component '{constant}' must be declared")
            return Decimal(self._constants[constant])
        raise self._error()

    def _to_date(self) -> Timestamp:
        if not self._accept("("):
            raise self._error()
        text = str(self._expression())
        mask = str(self._expression()).upper() if self._accept(",") else _FORMATS[0][0]
        if not self._accept(")"):
            raise self._error()
        for name, pattern in _FORMATS:
            if name == mask:
                try:
                    moment = datetime.strptime(text, pattern)
                except ValueError:
                    raise OracleError(1861, "literal does not match format string") from None
                return Timestamp(moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
        raise OracleError(1821, "date format not recognized")

    def _skip_owner(self) -> None:
        if self._peek(0).upper() == "SYS" and self._peek(1) == ".":
            self._at += 2

    def _word(self) -> str:
        token = self._peek(0)
        self._at += 1
        return token.upper()

    def _peek(self, ahead: int) -> str:
        at = self._at + ahead
        return self._tokens[at].group() if at < len(self._tokens) else ""

    def _accept(self, text: str) -> bool:
        if self._peek(0).upper() != text:
            return False
        self._at += 1
        return True

    def _error(self) -> OracleError:
        found = self._peek(0) or "end-of-file"
        return OracleError(6550, f'line 1, column 7:\nPLS-00103: Encountered the symbol "{found}"')
