"""Oracle's names and ours.

Everywhere outside this package a name is the target's: Oracle's ``HR.EMPLOYEES`` is ``hr.employees``. A name that Oracle holds in
anything but upper case was quoted when it was created, and stays exactly as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from voyager_ops.errors import PreconditionError

LONGEST_ON_TARGET: Final = 63
"""Bytes of a name that PostgreSQL keeps."""
_SYSTEM_COLUMNS: Final = frozenset({"tableoid", "cmax", "xmax", "cmin", "xmin", "ctid"})


def fold(name: str) -> str:
    """The target's name of an Oracle name: lower case if it is all upper case, else as it is (it was quoted on purpose).

    Only letters that fold to one letter and back are folded, so that ``unfold`` of an untouched name always finds it again.
    """
    lower = name.lower()
    return lower if name == name.upper() and lower.upper() == name else name


def unfold(name: str) -> str:
    """The Oracle name that an unquoted ``name`` would get: what a user means who writes ``hr`` in the configuration.

    A name with both cases is taken as it is.
    """
    upper = name.upper()
    return upper if name == name.lower() and upper.lower() == name else name


def quote(name: str) -> str:
    """``"NAME"``. Raises PreconditionError for what cannot be an Oracle identifier (a double quote or NUL in it, or empty)."""
    if not name or '"' in name or "\0" in name:
        raise PreconditionError(
            f"{name!r} cannot be the name of anything in an Oracle database",
            state="nothing was changed",
            next_step="mend the name in the configuration",
        )
    return f'"{name}"'


def qualified(owner: str, name: str) -> str:
    """``"OWNER"."NAME"``."""
    return f"{quote(owner)}.{quote(name)}"


def literal(text: str) -> str:
    """``'text'`` as an Oracle string literal, for the few places that take no bind (DDL, DBMS_LOGMNR on old drivers).

    Raises PreconditionError for a NUL character, which no literal can hold.
    """
    if "\0" in text:
        raise PreconditionError("a NUL character cannot be part of a statement", state="nothing was changed")
    return "'" + text.replace("'", "''") + "'"


def too_long(name: str) -> bool:
    return len(name.encode()) > LONGEST_ON_TARGET


def shortened(name: str) -> str:
    """``name``, cut and made distinct again by a few digits of its hash when PostgreSQL would cut it."""
    if not too_long(name):
        return name
    digits = hashlib.sha256(name.encode()).hexdigest()[:8]
    head = name.encode()[: LONGEST_ON_TARGET - 9].decode(errors="ignore")
    return f"{head}_{digits}"


def folded_unique(names: Iterable[str], what: str) -> dict[str, str]:
    """Oracle name to folded name for names that live in one name space.

    Raises PreconditionError when two of them become one (``EMP`` and ``emp``): neither may silently win.
    """
    result: dict[str, str] = {}
    seen: dict[str, str] = {}
    for name in names:
        folded = fold(name)
        other = seen.setdefault(folded, name)
        if other != name:
            raise PreconditionError(
                f"{what}: {quote(other)} and {quote(name)} would both be called {folded} on the target",
                state="nothing was changed",
                next_step="rename one of them on the source, or leave it out (tables.exclude)",
            )
        result[name] = folded
    return result


def owner_names(schemas: Iterable[str]) -> dict[str, str]:
    """The model's name of each schema that the configuration writes (``hr`` or ``HR``), to Oracle's: ``{"hr": "HR"}``.

    Raises PreconditionError when two are the same.
    """
    return {folded: owner for owner, folded in folded_unique(dict.fromkeys(map(unfold, schemas)), "source.schemas").items()}


def unusable(folded: str, *, column: bool = False) -> str:
    """Why PostgreSQL has no table, or column, of this name; '' when it may have one."""
    if too_long(folded):
        return f"its name is longer than {LONGEST_ON_TARGET} bytes"
    return f"{folded} is a column that every table of PostgreSQL has" if column and folded in _SYSTEM_COLUMNS else ""
