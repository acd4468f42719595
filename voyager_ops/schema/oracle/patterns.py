"""Regular expressions and number masks: which of Oracle's mean the same on the target, and how they are written there."""

from __future__ import annotations

import re

from voyager_ops.schema.oracle.dialect import Refused

_CLASS = re.compile(r"\[:(?:alnum|alpha|blank|cntrl|digit|graph|lower|print|punct|space|upper|xdigit):\]")
_REPEATED = re.compile(r"[*+?]|\{(\d+)(?:,(\d*))?\}")
_MOST = 255
"""Repetitions that PostgreSQL counts."""
_ESCAPES = frozenset(r"\.*+?()[]{}|^$/-_@#%&=!<>~`'\":;, ")


def advanced(pattern: str, flags: str) -> tuple[str, bool]:
    """The pattern for PostgreSQL's ``~`` and whether it ignores case. Raises Refused for what is not known to match the same.

    Oracle's dot does not match a line feed unless flag n is given; PostgreSQL's does. Inside brackets a backslash is itself to
    Oracle and an escape to PostgreSQL.
    """
    if set(flags) - set("icn"):
        raise Refused(f"the regular expression {pattern!r} has flags {flags!r}")
    ignore = flags.replace("n", "")[-1:] == "i"
    out: list[str] = []
    at = 0
    while at < len(pattern):
        letter = pattern[at]
        if letter == "\\":
            out.append(_escape(pattern, at))
            at += 2
        elif letter == "[":
            taken, end = _bracket(pattern, at)
            out.append(taken)
            at = end
        elif letter == "." and "n" not in flags:
            out.append(r"[^\n]")
            at += 1
        elif letter in "*+?{":
            if not out or out[-1] in ("(", "|", "^", "$"):
                raise Refused(f"the regular expression {pattern!r} repeats what is not there")
            taken, at = _repetition(pattern, at)
            out.append(taken)
        else:
            out.append(letter)
            at += 1
    if _depth(out):
        raise Refused(f"the regular expression {pattern!r} has a parenthesis without its partner")
    return "".join(out), ignore


def _depth(pieces: list[str]) -> int:
    """How many parentheses have no partner."""
    depth = wrong = 0
    for piece in pieces:
        depth += (piece == "(") - (piece == ")")
        wrong += depth < 0
    return depth or wrong


def _repetition(pattern: str, at: int) -> tuple[str, int]:
    """How often what stands before is repeated, and where that ends. Raises Refused for what the target does not compile."""
    found = _REPEATED.match(pattern, at)
    if found is None:
        raise Refused(f"the regular expression {pattern!r} repeats by a number that is not understood")
    numbers = [int(number) for number in found.groups() if number]
    end = found.end() + (pattern[found.end() : found.end() + 1] == "?")
    if pattern[end : end + 1] in ("*", "+", "?", "{"):
        raise Refused(f"the regular expression {pattern!r} repeats a repetition")
    if numbers != sorted(numbers) or any(number > _MOST for number in numbers):
        raise Refused(f"the regular expression {pattern!r} repeats more often than the target counts")
    return pattern[at:end], end


def _escape(pattern: str, at: int) -> str:
    following = pattern[at + 1 : at + 2]
    if following and (following in _ESCAPES or following in "dDwWsS"):
        return "\\" + following
    raise Refused(f"the regular expression {pattern!r} uses \\{following}")


def _bracket(pattern: str, at: int) -> tuple[str, int]:
    """The bracket expression that begins at ``at`` for the target, and where it ends."""
    out = ["["]
    position = at + 1
    if pattern[position : position + 1] == "^":
        out.append("^")
        position += 1
    if pattern[position : position + 1] == "]":
        out.append("]")
        position += 1
    while position < len(pattern):
        letter = pattern[position]
        named = _CLASS.match(pattern, position)
        if named:
            out.append(named[0])
            position = named.end()
        elif letter == "]":
            return "".join(out) + "]", position + 1
        elif letter == "[" and pattern[position + 1 : position + 2] in {".", "=", ":"}:
            raise Refused(f"the regular expression {pattern!r} uses collation elements, or a class that is not known")
        else:
            out.append("\\\\" if letter == "\\" else letter)
            position += 1
    raise Refused(f"the regular expression {pattern!r} has an open bracket")


def number_mask(mask: str) -> str:
    """A mask of TO_CHAR for numbers that both write alike. Raises Refused for others (currency, exponents, NLS characters)."""
    if re.fullmatch(r"(FM)?[90,]*[90](\.[90]+)?", mask.upper()):
        return mask
    raise Refused(f"a number is written as {mask!r}, which the target may write differently")
