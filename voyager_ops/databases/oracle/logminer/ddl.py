"""What a DDL statement on a captured table means for capture. Pure.

The dictionary that LogMiner reads with is the one of now: after a change of structure, redo from before it comes without names.
So structure is frozen while a lane runs; what leaves rows and columns as they are may be done, and TRUNCATE is a change like any
other (but for CASCADE, which does not say which tables it empties).
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final, Literal

Meaning = Literal["truncate", "harmless", "change"]

_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)
_NAME: Final = r'(?:"[^"]+"|[\w$#]+)(?:\s*\.\s*(?:"[^"]+"|[\w$#]+))?'
_PART: Final = r'("[^"]+"|[\w$#]+)'
_QUALIFIED: Final = rf"(?:{_PART}\s*\.\s*)?{_PART}"
_RENAME = re.compile(rf"RENAME\s+{_PART}\s+TO\s+{_PART}", re.IGNORECASE).fullmatch
_ALTER_RENAME = re.compile(rf"ALTER\s+TABLE\s+{_QUALIFIED}\s+RENAME\s+TO\s+{_QUALIFIED}", re.IGNORECASE).fullmatch
_EXCHANGE = re.compile(rf"ALTER\s+TABLE\s.*\bEXCHANGE\s.*\bWITH\s+TABLE\s+{_QUALIFIED}\b.*", re.IGNORECASE).fullmatch
_TRUNCATE = re.compile(r"TRUNCATE\s+TABLE\b", re.IGNORECASE).match
_ALTER_TABLE = re.compile(rf"ALTER\s+TABLE\s+{_NAME}\s+(.*)", re.IGNORECASE | re.DOTALL).fullmatch
_HARMLESS = re.compile(
    r"(?:COMMENT\s+ON|GRANT|REVOKE|ANALYZE|AUDIT|NOAUDIT|LOCK|(?:CREATE|ALTER|DROP)(?:\s+OR\s+REPLACE)?"
    r"(?:\s+(?:UNIQUE|BITMAP|EDITIONABLE|NONEDITIONABLE|FORCE|PUBLIC|MULTIVALUE))*"
    r"\s+(?:INDEX|TRIGGER|VIEW|SYNONYM|MATERIALIZED\s+VIEW|PROCEDURE|FUNCTION|PACKAGE|SEQUENCE|STATISTICS))\b",
    re.IGNORECASE,
).match
_HARMLESS_CLAUSE = re.compile(
    r"(?:ADD\s+SUPPLEMENTAL\s+LOG|ENABLE\b|DISABLE\s+(?:ALL\s+TRIGGERS|TABLE\s+LOCK|ROW\s+MOVEMENT|(?:NOVALIDATE\s+|VALIDATE\s+)?CONSTRAINT)|"
    r"READ\s+(?:ONLY|WRITE)|PARALLEL|NOPARALLEL|CACHE|NOCACHE|MOVE\b|SHRINK\b|COALESCE\s+PARTITION|LOGGING\b|MONITORING|NOMONITORING|"
    r"ADD\s*\(?\s*(?:CONSTRAINT|CHECK|UNIQUE|FOREIGN\s+KEY)\b|ADD\s+(?:SUB)?PARTITION\b|SPLIT\s+(?:SUB)?PARTITION\b|"
    r"MERGE\s+(?:SUB)?PARTITIONS\b|RENAME\s+(?:(?:SUB)?PARTITION|CONSTRAINT)\b|MODIFY\s+(?:DEFAULT\s+ATTRIBUTES|CONSTRAINT)\b|"
    r"PCTFREE|PCTUSED|INITRANS|STORAGE|COMPRESS|NOCOMPRESS|ROW\s+STORE|INMEMORY|NO\s+INMEMORY|RESULT_CACHE|ALLOCATE\s+EXTENT|"
    r"DEALLOCATE\s+UNUSED)",
    re.IGNORECASE,
).match
_STRING = re.compile(r"'[^']*'")
_TOKEN = re.compile(r'"[^"]*"|[(),]|[^\s(),"]+').findall
_NO_COLUMN: Final = frozenset({"CONSTRAINT", "CHECK", "UNIQUE", "FOREIGN", "SUPPLEMENTAL", "PARTITION", "SUBPARTITION"})
"""First words of what may be added without adding a column."""
_GOES_ON: Final = {
    "MODIFY": {"CONSTRAINT", "DEFAULT"},
    "RENAME": {"CONSTRAINT", "PARTITION", "SUBPARTITION"},
    "DROP": {"INDEX"},
    "INCLUDING": {"INDEXES"},
    "SET": {"NULL"},
}
"""Reserved words (so none is a name) behind which a clause goes on, and what may follow them: a harmless clause may be followed
by one that is not, and INCLUDING ROWS, of MOVE, SPLIT and MERGE, deletes the rows that it does not include."""
_DISABLED = re.compile(rf"\bDISABLE\s+(?:(?:NO)?VALIDATE\s+)?(?:PRIMARY\s+KEY|CONSTRAINT\s+{_PART})", re.IGNORECASE).findall
_MODIFIED = re.compile(rf"\bMODIFY\s+CONSTRAINT\s+{_PART}\s.*\bDISABLE\b", re.IGNORECASE).findall
_DROP_USER = re.compile(rf"DROP\s+USER\s+(?:IF\s+EXISTS\s+)?{_PART}\s+CASCADE\b.*", re.IGNORECASE).fullmatch
_CLUSTER = re.compile(
    rf"(?:TRUNCATE\s+CLUSTER|DROP\s+CLUSTER(?:\s+IF\s+EXISTS)?(?=.*\sINCLUDING\s+TABLES\b))\s+{_QUALIFIED}(?:\s.*)?",
    re.IGNORECASE,
).fullmatch


def meaning(statement: str, key: str = "") -> Meaning:
    """``truncate``: all rows of the table are gone. ``harmless``: rows and columns are as before. ``change``: anything else.

    ``key``: the constraint of the table's primary key ('' none, or not known). Without it rows could come twice.
    """
    text = _plain(statement)
    if _TRUNCATE(text):
        return "change" if text.upper().endswith(" CASCADE") else "truncate"
    altered = _ALTER_TABLE(text)
    if altered is not None:
        clause = altered.group(1)
        harmless = (
            _HARMLESS_CLAUSE(clause) and not _disables(clause, key) and _added(clause) <= _NO_COLUMN and not _goes_on(clause)
        )
        return "harmless" if harmless else "change"
    return "harmless" if _HARMLESS(text) else "change"


def also_named(statement: str, owner: str) -> list[tuple[str, str]]:
    """Tables (owner, name) that it changes beside the one that its row names, which of a table that is renamed may be the new
    name, and of an exchange is the partitioned one. ``owner``: of names that are not qualified."""
    text = _plain(statement)
    if (found := _RENAME(text)) is not None:
        return [(owner, _name(part)) for part in found.groups()]
    if (found := _ALTER_RENAME(text)) is not None:
        first, old, second, new = found.groups()
        return [
            (_name(first) if first else owner, _name(old)),
            (_name(second or first) if second or first else owner, _name(new)),
        ]
    if (found := _EXCHANGE(text)) is not None:
        return [(_name(found.group(1)) if found.group(1) else owner, _name(found.group(2)))]
    return []


def dropped_user(statement: str) -> str:
    """The user all of whose tables go; '' for any other statement."""
    found = _DROP_USER(_plain(statement))
    return _name(found.group(1)) if found is not None else ""


def emptied_cluster(statement: str) -> tuple[str, str] | None:
    """The cluster (owner, '' when it is not said, and name) whose tables are emptied or go."""
    found = _CLUSTER(_plain(statement))
    if found is None:
        return None
    owner, name = found.groups()
    return (_name(owner) if owner else "", _name(name))


def _disables(clause: str, key: str) -> bool:
    """Whether the primary key is no longer enforced; a clause for it may follow any other."""
    plain = _STRING.sub("''", clause)
    names = [_name(name) if name else key for name in (*_DISABLED(plain), *_MODIFIED(plain))]
    return bool(key) and key in names


def _goes_on(clause: str) -> bool:
    """Whether there is anything behind the first word that changes columns or rows."""
    words = [word.upper() for word in _TOKEN(_STRING.sub("''", clause))]
    return any(word in _GOES_ON and following not in _GOES_ON[word] for word, following in pairwise([*words, ""]))


def _added(clause: str) -> set[str]:
    """The first word of everything that is added: one may add a column after a constraint, in one list or by a further ADD."""
    found: set[str] = set()
    depth, listing, first, before = 0, False, False, ""
    for word in _TOKEN(_STRING.sub("''", clause)):
        if word == "(":
            if depth == 0:
                listing = first = before == "ADD"
            depth += 1
        elif word == ")":
            depth -= 1
            listing = listing and depth > 0
        elif word == ",":
            first = listing and depth == 1
        elif first or (depth == 0 and before == "ADD"):
            found.add(word.upper())
            first = False
        before = word.upper()
    return found


def _plain(statement: str) -> str:
    return " ".join(_COMMENT.sub(" ", statement).split()).rstrip("; ")


def _name(part: str) -> str:
    return part[1:-1] if part.startswith('"') else part.upper()
