"""Triggers, policies, functions, collations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pglast import ast
from pglast.enums import ObjectType, RoleSpecType

from voyager_ops.schema.names import of_range
from voyager_ops.schema.rules.base import Check, Hit, SchemaModel, Subject

# Bits of CreateTrigStmt.timing as PostgreSQL's catalog/pg_trigger.h defines them.
_TIMING_BEFORE = 1 << 1


def check_trigger(model: SchemaModel, subject: Subject) -> Iterator[Hit]:
    node = subject.node
    if not isinstance(node, ast.CreateTrigStmt):
        return
    if node.isconstraint:
        yield Hit("CONSTRAINT_TRIGGER")
    if node.transitionRels:
        yield Hit("REFERENCING_CLAUSE_IN_TRIGGER")
    table = model.tables.get(of_range(node.relation))
    if node.row and (node.timing or 0) & _TIMING_BEFORE and table is not None and table.partition_strategy:
        yield Hit("BEFORE_ROW_TRIGGER_ON_PARTITIONED_TABLE")


def check_policy(model: SchemaModel, subject: Subject) -> Iterator[Hit]:
    if isinstance(subject.node, ast.CreatePolicyStmt):
        named = [str(role.rolename) for role in subject.node.roles or () if role.roletype == RoleSpecType.ROLESPEC_CSTRING]
        if named:
            yield Hit("POLICY_WITH_ROLES", ", ".join(named))


def check_function(model: SchemaModel, subject: Subject) -> Iterator[Hit]:
    if isinstance(subject.node, ast.CreateFunctionStmt) and subject.node.sql_body is not None:
        yield Hit("SQL_BODY_IN_FUNCTION")


def check_collation(model: SchemaModel, subject: Subject) -> Iterator[Hit]:
    node = subject.node
    if not isinstance(node, ast.DefineStmt) or node.kind != ObjectType.OBJECT_COLLATION:
        return
    for option in node.definition or ():
        if option.defname == "deterministic":
            value: Any = option.arg
            text = str(getattr(value, "sval", getattr(value, "boolval", ""))).lower()
            yield Hit("NON_DETERMINISTIC_COLLATION" if text == "false" else "DETERMINISTIC_OPTION_WITH_COLLATION")


CHECKS: tuple[Check, ...] = (check_trigger, check_policy, check_function, check_collation)
