"""Comments, grants, and the last look: whatever the dictionary has that nobody has spoken of is named."""

from __future__ import annotations

from collections import defaultdict

from sqlglot import exp

from voyager_ops.databases.oracle.dictionary_rows import ColumnPrivilegeRow, TablePrivilegeRow
from voyager_ops.databases.oracle.names import fold
from voyager_ops.schema.kinds import Kind as FileKind
from voyager_ops.schema.oracle.dialect import Node, identifier, table, text
from voyager_ops.schema.oracle.output import Output
from voyager_ops.schema.oracle.scope import target_of
from voyager_ops.schema.oracle.source import Source

_PRIVILEGES = {
    **{name: name for name in ("SELECT", "INSERT", "UPDATE", "DELETE", "REFERENCES", "EXECUTE")},
    "READ": "SELECT",
}
# Parts of something else that is converted or named itself.
_PARTS = {
    *(
        "LOB",
        "LOB PARTITION",
        "LOB SUBPARTITION",
        "INDEX PARTITION",
        "INDEX SUBPARTITION",
        "TABLE PARTITION",
        "TABLE SUBPARTITION",
    ),
}
_ADVICE = {
    "DATABASE LINK": "a database link: postgres_fdw may take its place",
    "JOB": "a scheduler job: set it up on the target (pg_cron), or in Airflow",
    "SCHEDULE": "a schedule of the scheduler: its jobs are to be set up anew",
    "PROGRAM": "a program of the scheduler: its jobs are to be set up anew",
    "QUEUE": "a queue (advanced queuing) has no counterpart on the target",
    "CLUSTER": "a cluster stores tables together; on the target they are ordinary tables",
    "CONTEXT": "an application context: settings of the session may take its place",
    "DIRECTORY": "a directory of the database server",
    "TABLE": "Oracle does not list it among the ordinary tables: it is one of objects or of XML documents, say",
    "DIMENSION": "a dimension only helps the optimizer of the source",
}


def convert_comments(source: Source, output: Output) -> None:
    """COMMENT ON for every relation and column that is on the target."""
    d = source.dictionary
    of_mviews = {(row.owner, row.mview_name): row.comments for row in d.mview_comments}
    for comment in d.tab_comments:
        place = (comment.owner, comment.table_name)
        if comment.comments and place in source.relations and place not in source.mviews:
            kind = "VIEW" if place in source.views else "TABLE"
            output.add(exp.Comment(this=_target(source, place), kind=kind, expression=text(comment.comments)))
    for place, words in sorted(of_mviews.items()):
        if words and place in source.relations:
            output.add(exp.Comment(this=_target(source, place), kind="MATERIALIZED VIEW", expression=text(words)))
    for column in d.col_comments:
        place = (column.owner, column.table_name)
        relation = source.relations.get(place)
        if column.comments and relation is not None and column.column_name in relation.columns:
            name = exp.Column(
                this=identifier(target_of(relation.columns, column.column_name)),
                table=identifier(relation.name),
                db=identifier(relation.schema),
            )
            output.add(exp.Comment(this=name, kind="COLUMN", expression=text(column.comments)))


def _target(source: Source, place: tuple[str, str]) -> exp.Table:
    return table(*source.names.at(*place))


def grants(source: Source, output: Output) -> list[str]:
    """GRANT statements as advice: roles are another database's, and the user's decision."""
    wanted: dict[tuple[str, str, str, bool], list[str]] = defaultdict(list)
    other: dict[str, list[str]] = defaultdict(list)
    for row in source.dictionary.tab_privs:
        place = (row.owner, row.table_name)
        privilege = _PRIVILEGES.get(row.privilege)
        if place in source.sequences and privilege == "SELECT":
            privilege = "USAGE, SELECT"
        elif place not in source.relations or privilege in (None, "EXECUTE"):
            other[row.owner].append(_original(row, row.privilege))
            continue
        assert privilege is not None
        wanted[(*place, row.grantee, row.grantable == "YES")].append(privilege)
    given: dict[str, list[str]] = defaultdict(list)
    for (owner, name, grantee, grantable), privileges in sorted(wanted.items()):
        given[owner].append(_grant(source, owner, name, grantee, sorted(set(privileges)), grantable).sql("postgres"))
    for column in source.dictionary.col_privs:
        place = (column.owner, column.table_name)
        relation = source.relations.get(place)
        if relation is None or column.column_name not in relation.columns or column.privilege not in _PRIVILEGES:
            other[column.owner].append(_original(column, f"{column.privilege}({column.column_name})"))
            continue
        node = _grant(source, *place, column.grantee, [column.privilege], column.grantable == "YES")
        node.args["privileges"][0].set("expressions", [identifier(target_of(relation.columns, column.column_name))])
        given[column.owner].append(node.sql("postgres"))
    for owner, originals in sorted(other.items()):
        message = (
            f"{len(originals)} grants on it have no counterpart on the target (on programs or on what is not there, ALTER, INDEX,"
            " DEBUG …). They are in advice/omitted.sql"
        )
        output.find("GRANTS_LEFT_OUT", "schema", owner, "", message)
        for original in originals:
            output.keep(FileKind.OMITTED, original)
    for owner, statements in sorted(given.items()):
        message = f"{len(statements)} grants to look at and run are in advice/grant.sql"
        output.find("GRANTS", "schema", owner, "", message)
    return [statement for owner in sorted(given) for statement in given[owner]]


def _original(row: TablePrivilegeRow | ColumnPrivilegeRow, privilege: str) -> str:
    """The grant as Oracle has it."""
    option = " WITH GRANT OPTION" if row.grantable == "YES" else ""
    return f"GRANT {privilege} ON {row.owner}.{row.table_name} TO {row.grantee}{option}"


def _grant(source: Source, owner: str, name: str, grantee: str, privileges: list[str], grantable: bool) -> Node:
    names = [exp.GrantPrivilege(this=exp.Var(this=item)) for privilege in privileges for item in privilege.split(", ")]
    return exp.Grant(
        privileges=names,
        kind="SEQUENCE" if (owner, name) in source.sequences else "TABLE",
        securable=_target(source, (owner, name)),
        principals=[exp.GrantPrincipal(this=exp.Var(this="PUBLIC") if grantee == "PUBLIC" else identifier(fold(grantee)))],
        grant_option=grantable,
    )


def last_look(source: Source, output: Output) -> None:
    """A finding for every object that was neither converted nor named, and for policies, links and views we could not read."""
    d = source.dictionary
    of_mviews = {(row.owner, row.container_name or row.mview_name) for row in d.mviews}
    for row in d.objects:
        key = (row.object_type, row.owner, row.object_name)
        if key in output.accounted or row.object_type in _PARTS:
            continue
        if row.object_type == "TABLE" and (row.owner, row.object_name) in of_mviews:
            continue
        output.account(*key)
        reason = _ADVICE.get(row.object_type, "it is of a kind that is not migrated")
        output.find("OBJECT_LEFT_OUT", row.object_type.lower(), row.owner, row.object_name, reason)
    for link in d.db_links:
        if ("DATABASE LINK", link.owner, link.db_link) not in output.accounted:
            output.account("DATABASE LINK", link.owner, link.db_link)
            output.find("OBJECT_LEFT_OUT", "database link", link.owner, link.db_link, _ADVICE["DATABASE LINK"])
    for policy in d.policies:
        message = f"the policy {policy.policy_name} decides who sees which of its rows: write one for the target (CREATE POLICY)"
        output.find("POLICY_LEFT_OUT", "policy", policy.object_owner, policy.object_name, message)
    if d.excluded:
        reasons: dict[tuple[str, str], int] = defaultdict(int)
        for item in d.excluded:
            reasons[(item.owner, item.reason)] += 1
        for (owner, reason), count in sorted(reasons.items()):
            output.find("INTERNAL", "schema", owner, "", f"{count} objects of Oracle's own are not migrated: {reason}")
    if d.missing:
        message = f"these dictionary views could not be read, their objects are not looked at: {', '.join(sorted(d.missing))}"
        output.find("NOT_READ", "dictionary", "", "", message)
