"""PL/SQL: an inventory with its complexity. Converting it is other programs' and people's work; nothing of it is forgotten."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from voyager_ops.schema.oracle.source import Source

_NOISE = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.DOTALL)
# What makes a program hard to bring to PL/pgSQL, and how much it weighs.
_CONSTRUCTS: tuple[tuple[str, int, re.Pattern[str]], ...] = tuple(
    (name, weight, re.compile(pattern, re.IGNORECASE))
    for name, weight, pattern in (
        ("dynamic SQL", 3, r"\bEXECUTE\s+IMMEDIATE\b|\bDBMS_SQL\b|\bOPEN\s+\w+\s+FOR\s+\w+\b"),
        ("autonomous transaction", 8, r"\bPRAGMA\s+AUTONOMOUS_TRANSACTION\b"),
        ("bulk operation", 3, r"\bBULK\s+COLLECT\b|\bFORALL\b"),
        ("collection type", 3, r"\bTYPE\s+\w+\s+IS\s+(?:TABLE|VARRAY)\b|\bINDEX\s+BY\b"),
        ("cursor", 1, r"\bCURSOR\s+\w+|\bREF\s+CURSOR\b|\bSYS_REFCURSOR\b"),
        ("exception handler", 1, r"\bEXCEPTION\s+WHEN\b"),
        ("transaction control", 5, r"\bCOMMIT\b|\bROLLBACK\b|\bSAVEPOINT\b"),
        ("supplied package", 5, r"\b(?:DBMS|UTL|APEX|OWA|HTP|CTX)_?\w*\.\w+"),
        ("CONNECT BY", 3, r"\bCONNECT\s+BY\b"),
        ("outer join (+)", 1, r"\(\+\)"),
        ("ROWNUM", 1, r"\bROWNUM\b"),
        ("MERGE", 1, r"\bMERGE\s+INTO\b"),
        ("database link", 8, r"\b\w+@\w+"),
        ("compound trigger", 8, r"\bCOMPOUND\s+TRIGGER\b"),
        ("pipelined function", 5, r"\bPIPELINED\b"),
        ("object type", 3, r"\bTREAT\s*\(|\bIS\s+OF\s+\("),
        ("conditional compilation", 5, r"\$(?:IF|THEN|END)\b"),
        ("GOTO", 5, r"\bGOTO\b"),
    )
)
_ROUTINES = re.compile(r"\b(?:PROCEDURE|FUNCTION)\s+\w+", re.IGNORECASE)


@dataclass(frozen=True)
class Program:
    """A piece of PL/SQL. ``lines`` counts those with code; ``statements``: semicolons outside of quotes and comments.

    ``constructs``: what needs attention, and how often; ``score`` adds them up by weight.
    """

    owner: str
    name: str
    kind: str
    text: str
    status: str = ""
    lines: int = 0
    statements: int = 0
    routines: int = 0
    constructs: tuple[tuple[str, int], ...] = ()
    score: int = 0

    @property
    def complexity(self) -> str:
        return "low" if self.score < 10 else "medium" if self.score < 40 else "high"

    @property
    def summary(self) -> str:
        """One line for the report."""
        uses = ", ".join(f"{name} ({count})" for name, count in self.constructs) or "nothing unusual"
        routines = f", {self.routines} routines" if self.routines > 1 else ""
        return f"{self.lines} lines, {self.statements} statements{routines}, complexity {self.complexity} ({self.score}): {uses}"

    def to_json(self) -> dict[str, Any]:
        data = asdict(self)
        del data["text"]
        return data | {"constructs": dict(self.constructs), "complexity": self.complexity}


def measured(owner: str, name: str, kind: str, text: str, status: str = "") -> Program:
    """A program with its metrics."""
    code = _NOISE.sub(lambda found: " " if not found[0].startswith("'") else "''", text)
    found = [(label, len(pattern.findall(code)), weight) for label, weight, pattern in _CONSTRUCTS]
    present = tuple((label, count) for label, count, _ in found if count)
    statements = code.count(";")
    return Program(
        owner,
        name,
        kind,
        text,
        status,
        lines=sum(bool(line.strip()) for line in code.splitlines()),
        statements=statements,
        routines=len(_ROUTINES.findall(code)),
        constructs=present,
        score=statements // 5 + sum(count * weight for _, count, weight in found),
    )


def programs(source: Source) -> Iterator[Program]:
    """Every function, procedure, package, type body, trigger and Java source, with its text as the dictionary has it."""
    texts: dict[tuple[str, str, str], list[tuple[int, str]]] = defaultdict(list)
    for row in source.dictionary.source:
        texts[(row.owner, row.name, row.type)].append((row.line or 0, row.text))
    for (owner, name, kind), lines in sorted(texts.items(), key=lambda item: (item[0][0], _order(item[0][2]), item[0][1])):
        # A type without methods is a declaration: object_types.py has it. Triggers come from their own view.
        if kind not in ("TYPE", "TRIGGER"):
            text = "".join(line if line.endswith("\n") else line + "\n" for _, line in sorted(lines))
            yield measured(owner, name, kind, f"CREATE OR REPLACE {text}")
    for trigger in source.dictionary.triggers:
        when = f"WHEN ({trigger.when_clause})\n" if trigger.when_clause else ""
        head = trigger.description.strip() or _described(trigger)
        text = f"CREATE OR REPLACE TRIGGER {head}\n{when}{trigger.trigger_body}"
        yield measured(trigger.owner, trigger.trigger_name, "TRIGGER", text, trigger.status)


def _described(trigger: Any) -> str:
    return (
        f"{trigger.owner}.{trigger.trigger_name} {trigger.trigger_type} {trigger.triggering_event}"
        f" ON {trigger.table_owner}.{trigger.table_name}"
    )


def _order(kind: str) -> int:
    kinds = ("FUNCTION", "PROCEDURE", "PACKAGE", "PACKAGE BODY", "TYPE BODY")
    return kinds.index(kind) if kind in kinds else len(kinds)
