"""Preflight's checks of the migration user's rights: every one that ``prepare source`` gives is looked for. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from voyager_ops.databases.oracle.check_facts import Name, OracleFacts, Plan
from voyager_ops.databases.oracle.prepare_sql import Right, Statement, role_grant, statements, table_grant
from voyager_ops.model.checks import Check, error, listed, ok
from voyager_ops.model.tables import Table

_SHOWN: Final = 3
"""So many statements of one kind stand in a finding."""
_TRIED: Final = frozenset({"SET CONTAINER", "SELECT ANY DICTIONARY"})
"""What they are for is tried itself, and there are other ways to it: a session in the root, the views."""
_MINES: Final = frozenset({"LOGMINING", "SELECT ANY TRANSACTION"})
"""Wanted where mining runs."""
_IDS: Final = {"SELECT": "select", "FLASHBACK ANY TABLE": "flashback"}
_ALSO: Final = {"SELECT": ("READ",)}
"""Privileges on a table that are as good."""


def check_rights(facts: OracleFacts, tables: Sequence[Table], plan: Plan, subject: str) -> Iterator[Check]:
    """Whether the user has, by whatever way, each right that ``prepare source`` gives it."""
    names = [(table.native_name.schema, table.native_name.name) for table in tables]
    seen: set[str] = set()
    by_table: dict[str, list[Right]] = {}
    for statement in statements(facts.wanted({owner for owner, _ in names}, mines=plan.mines, fall_back=plan.fall_back)):
        for right in statement.rights:
            if right.on:
                by_table.setdefault(right.name, []).append(right)
            elif right.name not in seen | _TRIED:
                seen.add(right.name)
                yield from _system(facts, right, statement, names, subject)
    for name, rights in by_table.items():
        if name != "ALTER" or plan.fall_back:  # else it is wanted where columns are not logged only: there it is looked for
            yield _on_tables(facts, rights, names, subject)


def _system(facts: OracleFacts, right: Right, statement: Statement, names: list[Name], subject: str) -> Iterator[Check]:
    id_ = _IDS.get(right.name) or f"privilege_{right.name.lower().replace(' ', '_')}"
    if right.name in (facts.mining_privileges if right.name in _MINES else facts.privileges):
        yield ok(id_, subject, f"{facts.user} has {right.name}")
    elif right.name != "FLASHBACK ANY TABLE":
        yield error(id_, subject, f"{facts.user} lacks {right.name}", right.breaks, statement.sql)
    elif found := lacking(facts, "FLASHBACK", names):
        yield error(
            id_,
            subject,
            f"{facts.user} may not read as of an earlier moment {_listed(found)}",
            right.breaks,
            f"{statement.sql}; or GRANT FLASHBACK ON … for each of them",
        )
    else:
        yield ok(id_, subject, f"{facts.user} may read all tables as of an earlier moment")


def _on_tables(facts: OracleFacts, rights: Sequence[Right], names: Sequence[Name], subject: str) -> Check:
    """``rights``: the same one, in each schema."""
    right = rights[0]
    id_ = _IDS.get(right.name) or f"write_back_{right.name.lower()}"
    found = lacking(facts, right.name, names)
    if not found:
        return ok(id_, subject, f"{facts.user} has {right.name} on all tables")
    return error(
        id_,
        subject,
        f"{facts.user} lacks {right.name} on {_listed(found)}",
        right.breaks,
        f"{_mends(facts, rights, found)} (voyager-ops prepare source --print)",
    )


def alter_mends(facts: OracleFacts, names: Sequence[Name]) -> str:
    """The statements that let the user alter tables, as ``prepare source`` without a way back gives the right."""
    owners = {owner for owner, _ in names}
    given = statements(facts.wanted(owners, mines=True, fall_back=False))
    return _mends(facts, [right for statement in given for right in statement.rights if right.name == "ALTER"], names)


def _mends(facts: OracleFacts, rights: Sequence[Right], names: Sequence[Name]) -> str:
    by_owner = {right.on: right for right in rights}
    found = list(dict.fromkeys(mend for name in names for mend in _mends_of(facts, by_owner[name[0]], name)))
    return "; ".join(found[:_SHOWN]) + (" …" if len(found) > _SHOWN else "")


def _mends_of(facts: OracleFacts, right: Right, name: Name) -> Iterator[str]:
    """To the role that ``prepare source`` gives it to, where there is one, which has to be the user's; else to the user."""
    held = facts.other_roles.get(right.to)
    if held is not None:
        yield role_grant(facts.wanted((), mines=True, fall_back=False), right.to).sql
    if held is None or (right.name, name) not in held:
        yield table_grant(right, name[1], right.to if held is not None or right.to in facts.roles else facts.user)


def lacking(facts: OracleFacts, privilege: str, names: Sequence[Name]) -> list[Name]:
    """The tables of others on which the user has not the privilege, nor one that is as good, nor one on any table."""
    wanted = (privilege, *_ALSO.get(privilege, ()))
    if facts.privileges.intersection(f"{one} ANY TABLE" for one in wanted):
        return []
    return [
        name
        for name in names
        if name[0] != facts.user and not facts.object_privileges.get(name, frozenset()).intersection(wanted)
    ]


def _listed(names: Sequence[Name]) -> str:
    return listed(".".join(name) for name in names)
