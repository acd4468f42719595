"""What a conversion has to say: statements for the target, originals that could not become any, and findings."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from voyager_ops.databases.oracle.dictionary_rows import ConstraintRow
from voyager_ops.databases.oracle.name_map import Names
from voyager_ops.databases.oracle.names import fold, shortened
from voyager_ops.schema.findings import Finding
from voyager_ops.schema.kinds import Kind
from voyager_ops.schema.oracle.dialect import generate


@dataclass
class Output:
    """``statements``: PostgreSQL text in an order that imports. ``kept``: (kind, original text) for the reader, never run.

    ``accounted``: (object type, owner, name) as the dictionary has them: everything that was converted or named.
    """

    statements: list[str] = field(default_factory=list)
    kept: list[tuple[Kind, str]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    accounted: set[tuple[str, str, str]] = field(default_factory=set)
    _names: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _constraints: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    names: Names = field(default_factory=Names)
    mapped: dict[tuple[str, str, str], str] = field(default_factory=dict)
    """(what, owner, Oracle's name) to the name on the target, for all that is not simply folded."""

    def add(self, node: Any, *, pretty: bool = False, suffix: str = "") -> None:
        """One statement. Raises Refused when it cannot be said in PostgreSQL's language."""
        self.statements.append(generate(node, pretty=pretty) + suffix)

    def keep(self, kind: Kind, original: str) -> None:
        self.kept.append((kind, original.strip()))

    def find(self, code: str, object_type: str, owner: str, name: str, message: str) -> None:
        """A finding about an object of the source, under its name on the target."""
        self.findings.append(Finding(code, object_type, self._shown(owner, name), message))

    def _shown(self, owner: str, name: str) -> str:
        """``owner.name`` as the target has it; behind a table's name one of its columns, or of what else it has."""
        for at in (place for place, letter in enumerate(f"{name}.") if letter == "."):
            if (owner, name[:at]) in self.names.objects:
                rest = name[at + 1 :]
                parts = [*self.names.at(owner, name[:at]), self.names.column(owner, name[:at], rest) if rest else ""]
                return ".".join(part for part in parts if part)
        return ".".join(fold(part) for part in (owner, *name.split(".")) if part)

    def account(self, object_type: str, owner: str, name: str) -> None:
        self.accounted.add((object_type, owner, name))

    def claim(self, owner: str, name: str) -> None:
        """``name`` (the target's) is taken by a table, view or sequence: it cannot be an index or partition too."""
        self._names[owner].add(name)

    def constraint_name(self, row: ConstraintRow) -> str:
        """A name for a constraint that has no index: folded, short enough, and no other's of its table."""
        taken = self._constraints[(row.owner, row.table_name)]
        plain = fold(row.constraint_name)
        name, number = shortened(plain), 1
        while name in taken:
            number += 1
            name = shortened(f"{plain}_{number}")
        taken.add(name)
        self._called("constraint", row.owner, row.constraint_name, plain, name)
        return name

    def taken(self, owner: str, name: str) -> bool:
        """Whether a table, view, sequence, index or type has this name (the target's)."""
        return name in self._names[owner]

    def free_name(self, what: str, owner: str, native: str, *, wanted: str = "", suffix: str = "key") -> str:
        """A name on the target for an index, constraint or partition: folded, short enough, and nobody else's."""
        plain = wanted or fold(native)
        name = shortened(plain)
        if name in self._names[owner]:
            name = shortened(f"{plain}_{suffix}")
        number = 1
        while name in self._names[owner]:
            number += 1
            name = shortened(f"{plain}_{suffix}{number}")
        self._names[owner].add(name)
        self._called(what, owner, native, plain, name)
        if wanted:
            self.mapped[(what, owner, native)] = name
        return name

    def _called(self, what: str, owner: str, native: str, wanted: str, name: str) -> None:
        if name != wanted:
            self.mapped[(what, owner, native)] = name
            self.find("RENAMED", what, owner, native, f"it is called {name} on the target: its own name is too long or taken")
