"""Triggers, rules and foreign keys as the guard sees them: reading them, and the exact SQL that holds them off and puts back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from typing import Any, Literal

from psycopg import sql

from voyager_ops.databases.postgres.database import Connection, qualified
from voyager_ops.errors import PreconditionError
from voyager_ops.model.tables import QName

FENCE_TRIGGER = "voyager_ops_fence"

Mode = Literal["session", "tables"]
Kind = Literal["trigger", "rule", "foreign key"]

_ENABLE = {"O": "ENABLE", "A": "ENABLE ALWAYS", "R": "ENABLE REPLICA", "D": "DISABLE"}
_FIRES: dict[Mode, str] = {"session": "AR", "tables": "OA"}
"""Which pg_trigger.tgenabled fire in a session of ours: as a replica, or as an ordinary one."""


@dataclass(frozen=True)
class Part:
    """A foreign key on a partition which belongs to one on its root but has a name of its own."""

    table: QName
    name: str
    definition: str


@dataclass(frozen=True)
class Held:
    """One object that fires or checks on writes. ``letter``: tgenabled/ev_enabled of triggers and rules.

    ``definition`` (pg_get_constraintdef), ``validated``, ``comment``, ``partitioned`` and ``parts`` are a foreign key's."""

    kind: Kind
    table: QName
    name: str
    letter: str = ""
    definition: str = ""
    validated: bool = True
    comment: str | None = None
    partitioned: bool = False
    parts: tuple[Part, ...] = ()

    @property
    def identity(self) -> tuple[str, QName, str]:
        return (self.kind, self.table, self.name)

    def __str__(self) -> str:
        return f"{self.kind} {self.name} of {self.table}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Held:
        parts = tuple(Part(QName(*part["table"]), part["name"], part["definition"]) for part in data["parts"])
        return cls(**{**data, "table": QName(*data["table"]), "parts": parts})

    def hold_off_sql(self) -> list[str]:
        """What takes it out of the way."""
        if self.kind == "foreign key":
            return [_text("ALTER TABLE {} DROP CONSTRAINT {}", qualified(self.table), sql.Identifier(self.name))]
        return [self._switch("D")]

    def restore_sql(self) -> list[list[str]]:
        """What puts it back exactly as it was: transactions of statements."""
        if self.kind != "foreign key":
            return [[self._switch(self.letter)]]
        table, name = qualified(self.table), sql.Identifier(self.name)
        add = [_add(part.table, part.name, part.definition) for part in self.parts]
        # A foreign key of a partitioned table cannot be added NOT VALID (before PostgreSQL 18).
        late = self.validated and not self.partitioned
        add.append(_add(self.table, self.name, self.definition) + (" NOT VALID" if late else ""))
        if self.comment is not None:
            add.append(_text("COMMENT ON CONSTRAINT {} ON {} IS {}", name, table, sql.Literal(self.comment)))
        return [add, [_text("ALTER TABLE {} VALIDATE CONSTRAINT {}", table, name)]] if late else [add]

    def _switch(self, letter: str) -> str:
        only = "ONLY " if self.kind == "trigger" else ""  # a root's switch would reach its partitions' triggers
        return _text(
            f"ALTER TABLE {only}{{}} {_ENABLE[letter]} {self.kind.upper()} {{}}", qualified(self.table), sql.Identifier(self.name)
        )


def _text(template: str, *parts: sql.Composable) -> str:
    return sql.SQL(template).format(*parts).as_string()


def _add(table: QName, name: str, definition: str) -> str:
    return _text("ALTER TABLE {} ADD CONSTRAINT {} ", qualified(table), sql.Identifier(name)) + definition


def _query(name: str) -> str:
    return files(__package__).joinpath("queries", name).read_text(encoding="utf-8")


def relations(connection: Connection, roots: Iterable[QName]) -> dict[int, QName]:
    """OIDs and names of ``roots`` and of everything below them in their partition trees.

    Raises PreconditionError naming the tables that do not exist.
    """
    names = list(roots)
    rows = connection.execute(
        _query("relations.sql"), ([name.schema for name in names], [name.name for name in names])
    ).fetchall()
    missing = [str(QName(row[0], row[1])) for row in rows if row[2] is None]
    if missing:
        raise PreconditionError(
            f"no such table: {', '.join(missing)}",
            state="nothing was changed",
            next_step="import the schema, or mend source.schemas and tables.include/exclude",
        )
    return {int(row[2]): QName(row[3], row[4]) for row in rows}


def read_switches(connection: Connection, oids: Sequence[int]) -> list[Held]:
    """All triggers of users and all rules of these tables, whatever their state."""
    rows = connection.execute(_query("switches.sql"), {"oids": list(oids), "fence": FENCE_TRIGGER})
    return [Held(row[0], QName(row[1], row[2]), row[3], row[4]) for row in rows]


def read_foreign_keys(connection: Connection, oids: Sequence[int]) -> list[tuple[Held, str]]:
    """Foreign keys of and to these tables (partitions' copies left out), each with the set of states of its internal triggers."""
    above: dict[int, tuple[int, str]] = {}
    parts: list[tuple[int, Part]] = []
    tops: dict[int, tuple[Held, str]] = {}
    for row in connection.execute(_query("foreign_keys.sql"), {"oids": list(oids)}):
        oid, parent, schema, table, name, definition, validated, comment, partitioned, letters = row
        above[oid] = (parent, name)
        if parent:
            parts.append((oid, Part(QName(schema, table), name, definition)))
        else:
            held = Held("foreign key", QName(schema, table), name, "", definition, validated, comment, partitioned)
            tops[oid] = (held, str(letters))
    own_names: dict[int, list[tuple[int, Part]]] = {}
    for oid, part in parts:
        chain = _chain(oid, above)
        if part.name != above.get(above[oid][0], (0, ""))[1]:
            own_names.setdefault(chain[-1], []).append((len(chain), part))
    found = []
    for oid, (held, letters) in tops.items():
        # The deepest first: a key added to a partition takes over those that its own partitions already have.
        own = sorted(own_names.get(oid, ()), key=lambda item: (-item[0], item[1].table))
        found.append((replace(held, parts=tuple(part for _, part in own)), letters))
    return found


def _chain(oid: int, above: Mapping[int, tuple[int, str]]) -> list[int]:
    """``oid`` and its ancestors, the topmost last."""
    chain = [oid]
    while parent := above.get(chain[-1], (0, ""))[0]:
        chain.append(parent)
    return chain


def in_the_way(connection: Connection, oids: Sequence[int], mode: Mode) -> list[Held]:
    """What would fire or check in a session that applies in ``mode``.

    Raises PreconditionError for foreign keys set to ALWAYS in session mode (only a superuser could have done that).
    """
    fires = _FIRES[mode]
    found = [held for held in read_switches(connection, oids) if held.letter in fires]
    keys = [held for held, letters in read_foreign_keys(connection, oids) if set(letters) & set(fires)]
    if mode == "session" and keys:
        raise PreconditionError(
            f"foreign keys that are enforced even for replicas: {', '.join(str(held) for held in keys)}",
            state="nothing was changed",
            next_step="ALTER TABLE … ENABLE TRIGGER ALL on their tables as a superuser, then run the command again",
        )
    return found + keys


def current(connection: Connection, held: Held) -> Held | None:
    """The object as the catalog has it now, or None when it does not exist."""
    if not table_exists(connection, held.table):
        return None
    oids = list(relations(connection, [held.table]))
    if held.kind == "foreign key":
        candidates: Iterable[Held] = (found for found, _ in read_foreign_keys(connection, oids))
    else:
        candidates = read_switches(connection, oids)
    return next((found for found in candidates if found.identity == held.identity), None)


def table_exists(connection: Connection, name: QName) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (qualified(name).as_string(connection),)).fetchone()
    return bool(row and row[0])
