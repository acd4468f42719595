"""What a statement is: its kind, the object it makes, the relation it hangs on, and whether we leave it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pglast import ast
from pglast.enums import AlterTableType as At
from pglast.enums import ConstrType, ObjectType

from voyager_ops.schema.kinds import Kind
from voyager_ops.schema.names import Name, of_range, of_strings, of_type, shown, strings


@dataclass(frozen=True)
class Classified:
    """``creates``: the relation, index or sequence that comes into being; ``relation``: what the statement hangs on.

    ``session``: a setting of the dump's own session, of no interest. ``omit``: why an object is left out of the import.
    """

    kind: Kind
    name: str = ""
    creates: Name | None = None
    relation: Name | None = None
    session: bool = False
    omit: str = ""


_TRIGGER_STATES = {
    At.AT_EnableTrig,
    At.AT_EnableAlwaysTrig,
    At.AT_EnableReplicaTrig,
    At.AT_DisableTrig,
    At.AT_EnableTrigAll,
    At.AT_DisableTrigAll,
    At.AT_EnableTrigUser,
    At.AT_DisableTrigUser,
}
_RULE_STATES = {At.AT_EnableRule, At.AT_EnableAlwaysRule, At.AT_EnableReplicaRule, At.AT_DisableRule}
_ROW_SECURITY = {
    At.AT_EnableRowSecurity,
    At.AT_DisableRowSecurity,
    At.AT_ForceRowSecurity,
    At.AT_NoForceRowSecurity,
}
_ALTER_KIND = {
    At.AT_AttachPartition: Kind.PARTITION,
    At.AT_AddInherit: Kind.PARTITION,
    At.AT_ReplicaIdentity: Kind.REPLICA_IDENTITY,
    At.AT_ClusterOn: Kind.CLUSTER,
    At.AT_DropCluster: Kind.CLUSTER,
    **dict.fromkeys(_TRIGGER_STATES, Kind.TRIGGER),
    **dict.fromkeys(_RULE_STATES, Kind.RULE),
    **dict.fromkeys(_ROW_SECURITY, Kind.POLICY),
}
_ALTER_OBJECT = {
    ObjectType.OBJECT_INDEX: Kind.INDEX,
    ObjectType.OBJECT_SEQUENCE: Kind.SEQUENCE,
    ObjectType.OBJECT_VIEW: Kind.VIEW,
    ObjectType.OBJECT_MATVIEW: Kind.MATERIALIZED_VIEW,
    ObjectType.OBJECT_FOREIGN_TABLE: Kind.FOREIGN_TABLE,
    ObjectType.OBJECT_TYPE: Kind.TYPE,
}
_DEFINE_KIND = {
    ObjectType.OBJECT_AGGREGATE: Kind.AGGREGATE,
    ObjectType.OBJECT_OPERATOR: Kind.OPERATOR,
    ObjectType.OBJECT_TYPE: Kind.TYPE,
    ObjectType.OBJECT_COLLATION: Kind.COLLATION,
    ObjectType.OBJECT_TSPARSER: Kind.TEXT_SEARCH,
    ObjectType.OBJECT_TSDICTIONARY: Kind.TEXT_SEARCH,
    ObjectType.OBJECT_TSTEMPLATE: Kind.TEXT_SEARCH,
    ObjectType.OBJECT_TSCONFIGURATION: Kind.TEXT_SEARCH,
}
_COMMENT_ON_RELATION = {
    ObjectType.OBJECT_TABLE,
    ObjectType.OBJECT_VIEW,
    ObjectType.OBJECT_MATVIEW,
    ObjectType.OBJECT_SEQUENCE,
    ObjectType.OBJECT_FOREIGN_TABLE,
    ObjectType.OBJECT_INDEX,
}
_COMMENT_ON_PART = {
    ObjectType.OBJECT_COLUMN,
    ObjectType.OBJECT_TABCONSTRAINT,
    ObjectType.OBJECT_TRIGGER,
    ObjectType.OBJECT_RULE,
    ObjectType.OBJECT_POLICY,
}
# The objects of these come later than the base stage, so their comments do too.
_COMMENT_LATER = {
    ObjectType.OBJECT_INDEX,
    ObjectType.OBJECT_TABCONSTRAINT,
    ObjectType.OBJECT_DOMCONSTRAINT,
    ObjectType.OBJECT_TRIGGER,
    ObjectType.OBJECT_RULE,
    ObjectType.OBJECT_POLICY,
    ObjectType.OBJECT_STATISTIC_EXT,
    ObjectType.OBJECT_EVENT_TRIGGER,
}
_COMMENT_OMITTED = {
    ObjectType.OBJECT_EXTENSION: "",  # every dump repeats the extension's own comment, and only its owner may set it
    ObjectType.OBJECT_DATABASE: "the comment is on the source database itself",
    ObjectType.OBJECT_LARGEOBJECT: "large objects are not migrated",
    ObjectType.OBJECT_ROLE: "roles are not migrated",
    ObjectType.OBJECT_TABLESPACE: "tablespaces are not migrated",
    ObjectType.OBJECT_PUBLICATION: "publications are not migrated",
    ObjectType.OBJECT_SUBSCRIPTION: "subscriptions are not migrated",
}


def constraint_kind(constraint: Any) -> Kind:
    """The kind of a constraint that is added on its own (``ALTER TABLE … ADD CONSTRAINT``)."""
    if constraint.contype == ConstrType.CONSTR_FOREIGN:
        return Kind.FOREIGN_KEY
    if constraint.contype == ConstrType.CONSTR_UNIQUE:
        return Kind.UNIQUE_CONSTRAINT
    if constraint.contype == ConstrType.CONSTR_EXCLUSION:
        return Kind.EXCLUSION_CONSTRAINT
    if constraint.contype == ConstrType.CONSTR_PRIMARY:
        return Kind.TABLE
    return Kind.CONSTRAINT_NOT_VALID if constraint.skip_validation else Kind.CONSTRAINT


def primary_key(node: Any) -> Any | None:
    """The Constraint node when the statement does nothing but add a primary key, else None."""
    commands: Any = node.cmds if isinstance(node, ast.AlterTableStmt) else ()
    if len(commands) != 1 or commands[0].subtype != At.AT_AddConstraint:
        return None
    constraint = commands[0].def_
    return constraint if constraint.contype == ConstrType.CONSTR_PRIMARY else None


def _alter_table(node: Any) -> Classified:
    relation = of_range(node.relation)
    command = node.cmds[0]
    by_object = _ALTER_OBJECT.get(node.objtype, Kind.TABLE)
    if command.subtype == At.AT_AddConstraint:
        constraint = command.def_
        label = f"{constraint.conname or 'constraint'} on {shown(relation)}"
        creates = (relation[0], constraint.conname) if constraint.conname else None
        return Classified(constraint_kind(constraint), label, creates, relation)
    if command.subtype in {At.AT_ChangeOwner, At.AT_SetTableSpace}:
        return Classified(Kind.OMITTED, shown(relation), None, relation, session=True)
    if command.subtype == At.AT_AttachPartition and node.objtype == ObjectType.OBJECT_INDEX:
        return Classified(Kind.INDEX, shown(of_range(command.def_.name)), None, relation)
    if command.subtype == At.AT_AttachPartition:
        return Classified(Kind.PARTITION, shown(of_range(command.def_.name)), None, relation)
    return Classified(_ALTER_KIND.get(command.subtype, by_object), shown(relation), None, relation)


def _index(node: Any) -> Classified:
    relation = of_range(node.relation)
    kind = Kind.UNIQUE_INDEX if node.unique else Kind.INDEX
    creates = (relation[0], node.idxname) if node.idxname else None
    return Classified(kind, f"{node.idxname or 'index'} on {shown(relation)}", creates, relation)


def _comment(node: Any) -> Classified:
    if node.objtype in _COMMENT_OMITTED:
        reason = _COMMENT_OMITTED[node.objtype]
        return Classified(Kind.OMITTED, "comment", session=not reason, omit=reason)
    kind = Kind.COMMENT_POST if node.objtype in _COMMENT_LATER else Kind.COMMENT
    parts = strings(node.object) if isinstance(node.object, tuple) else []
    relation: Name | None = None
    if node.objtype in _COMMENT_ON_RELATION:
        relation = of_strings(node.object)
    elif node.objtype in _COMMENT_ON_PART and len(parts) > 1:
        relation = (parts[-3] if len(parts) > 2 else "", parts[-2])
    return Classified(kind, ".".join(parts) or "comment", None, relation)


def _define(node: Any) -> Classified:
    return Classified(_DEFINE_KIND.get(node.kind, Kind.OTHER), shown(of_strings(node.defnames)))


def _function(node: Any) -> Classified:
    parameters = ", ".join(shown(of_type(p.argType)) for p in node.parameters or () if p.mode.value in "dibv")
    kind = Kind.PROCEDURE if node.is_procedure else Kind.FUNCTION
    return Classified(kind, f"{shown(of_strings(node.funcname))}({parameters})")


def _relation(kind: Kind) -> Callable[[Any], Classified]:
    def classified(node: Any) -> Classified:
        name = of_range(node.relation)
        return Classified(kind, shown(name), name, name)

    return classified


def _table(node: Any) -> Classified:
    name = of_range(node.relation)
    return Classified(Kind.PARTITION if node.partbound else Kind.TABLE, shown(name), name, name)


def _foreign_table(node: Any) -> Classified:
    name = of_range(node.base.relation)
    return Classified(Kind.FOREIGN_TABLE, shown(name), name, name)


def _sequence(node: Any) -> Classified:
    name = of_range(node.sequence)
    return Classified(Kind.SEQUENCE, shown(name), name if isinstance(node, ast.CreateSeqStmt) else None, name)


def _view(node: Any) -> Classified:
    name = of_range(node.view)
    return Classified(Kind.VIEW, shown(name), name, name)


def _create_as(node: Any) -> Classified:
    name = of_range(node.into.rel)
    kind = Kind.MATERIALIZED_VIEW if node.objtype == ObjectType.OBJECT_MATVIEW else Kind.TABLE
    return Classified(kind, shown(name), name, name)


def _on_relation(kind: Kind, attribute: str, relation: str = "relation") -> Callable[[Any], Classified]:
    def classified(node: Any) -> Classified:
        name = of_range(getattr(node, relation))
        return Classified(kind, f"{getattr(node, attribute)} on {shown(name)}", None, name)

    return classified


def _named(kind: Kind, attribute: str) -> Callable[[Any], Classified]:
    def classified(node: Any) -> Classified:
        value = getattr(node, attribute, None)
        name = value if isinstance(value, str) else shown(of_strings(value))
        return Classified(kind, name)

    return classified


def _alter_domain(node: Any) -> Classified:
    kind = Kind.CONSTRAINT_NOT_VALID if node.def_ is not None and node.def_.skip_validation else Kind.DOMAIN
    return Classified(kind, shown(of_strings(node.typeName)))


def _statistics(node: Any) -> Classified:
    relation = next((of_range(item) for item in node.relations or () if isinstance(item, ast.RangeVar)), None)
    return Classified(Kind.STATISTICS, shown(of_strings(node.defnames)), None, relation)


def _select(node: Any) -> Classified:
    calls = [of_strings(target.val.funcname)[1] for target in node.targetList or () if isinstance(target.val, ast.FuncCall)]
    return Classified(Kind.OTHER, session="set_config" in calls)


def _omitted(reason: str, attribute: str = "") -> Callable[[Any], Classified]:
    return lambda node: Classified(Kind.OMITTED, str(getattr(node, attribute, "") or ""), omit=reason)


def _refresh(node: Any) -> Classified:
    return Classified(Kind.MATERIALIZED_VIEW_REFRESH, shown(of_range(node.relation)), None, of_range(node.relation))


_SESSION: Callable[[Any], Classified] = lambda node: Classified(Kind.OMITTED, session=True)  # noqa: E731

_CLASSIFIERS: dict[str, Callable[[Any], Classified]] = {
    "AlterTableStmt": _alter_table,
    "IndexStmt": _index,
    "CommentStmt": _comment,
    "DefineStmt": _define,
    "CreateFunctionStmt": _function,
    "AlterFunctionStmt": lambda node: Classified(Kind.FUNCTION, shown(of_strings(node.func.objname))),
    "CreateStmt": _table,
    "CreateForeignTableStmt": _foreign_table,
    "CreateSeqStmt": _sequence,
    "AlterSeqStmt": _sequence,
    "ViewStmt": _view,
    "CreateTableAsStmt": _create_as,
    "RefreshMatViewStmt": _refresh,
    "CompositeTypeStmt": lambda node: Classified(Kind.TYPE, shown(of_range(node.typevar))),
    "CreateEnumStmt": _named(Kind.TYPE, "typeName"),
    "AlterEnumStmt": _named(Kind.TYPE, "typeName"),
    "CreateRangeStmt": _named(Kind.TYPE, "typeName"),
    "AlterTypeStmt": _named(Kind.TYPE, "typeName"),
    "CreateDomainStmt": _named(Kind.DOMAIN, "domainname"),
    "AlterDomainStmt": _alter_domain,
    "CreateSchemaStmt": _named(Kind.SCHEMA, "schemaname"),
    "CreateExtensionStmt": _named(Kind.EXTENSION, "extname"),
    "CreatePLangStmt": _named(Kind.LANGUAGE, "plname"),
    "CreateAmStmt": _named(Kind.ACCESS_METHOD, "amname"),
    "CreateOpClassStmt": _named(Kind.OPERATOR_CLASS, "opclassname"),
    "CreateOpFamilyStmt": _named(Kind.OPERATOR_CLASS, "opfamilyname"),
    "AlterOpFamilyStmt": _named(Kind.OPERATOR_CLASS, "opfamilyname"),
    "AlterOperatorStmt": lambda node: Classified(Kind.OPERATOR, shown(of_strings(node.opername.objname))),
    "CreateCastStmt": lambda node: Classified(
        Kind.CAST, f"{shown(of_type(node.sourcetype))} AS {shown(of_type(node.targettype))}"
    ),
    "CreateConversionStmt": _named(Kind.CONVERSION, "conversion_name"),
    "CreateTransformStmt": lambda node: Classified(Kind.TRANSFORM, f"{shown(of_type(node.type_name))} {node.lang}"),
    "AlterTSConfigurationStmt": _named(Kind.TEXT_SEARCH, "cfgname"),
    "AlterTSDictionaryStmt": _named(Kind.TEXT_SEARCH, "dictname"),
    "CreateFdwStmt": _named(Kind.FOREIGN_SERVER, "fdwname"),
    "CreateForeignServerStmt": _named(Kind.FOREIGN_SERVER, "servername"),
    "CreateTrigStmt": _on_relation(Kind.TRIGGER, "trigname"),
    "RuleStmt": _on_relation(Kind.RULE, "rulename"),
    "CreatePolicyStmt": _on_relation(Kind.POLICY, "policy_name", "table"),
    "CreateEventTrigStmt": _named(Kind.EVENT_TRIGGER, "trigname"),
    "AlterEventTrigStmt": _named(Kind.EVENT_TRIGGER, "trigname"),
    "CreateStatsStmt": _statistics,
    "AlterStatsStmt": _named(Kind.STATISTICS, "defnames"),
    "GrantStmt": lambda node: Classified(Kind.GRANT),
    "GrantRoleStmt": lambda node: Classified(Kind.GRANT),
    "AlterDefaultPrivilegesStmt": lambda node: Classified(Kind.GRANT),
    "AlterOwnerStmt": _SESSION,
    "SecLabelStmt": _SESSION,
    "VariableSetStmt": _SESSION,
    "AlterDatabaseSetStmt": _omitted("settings of the source database are not migrated", "dbname"),
    "AlterRoleSetStmt": _omitted("settings of roles are not migrated"),
    "SelectStmt": _select,
    "CreatePublicationStmt": _omitted("publications are not migrated", "pubname"),
    "AlterPublicationStmt": _omitted("publications are not migrated", "pubname"),
    "CreateSubscriptionStmt": _omitted("subscriptions are not migrated", "subname"),
    "CreateUserMappingStmt": _omitted("user mappings carry passwords and are not migrated", "servername"),
}


def classify(node: Any) -> Classified:
    """The classification of one parsed statement. Statements of a kind we do not know are ``OTHER``: imported as they are."""
    classifier = _CLASSIFIERS.get(type(node).__name__)
    return classifier(node) if classifier is not None else Classified(Kind.OTHER, type(node).__name__)
