"""DDL statements sorted to those who carry them out, with the privileges they need.

Long because DDL has many statements: a module that sorts half of them would know no less.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from voyager_ops.testing.oracle import (
    ddl_alter,
    ddl_drop,
    ddl_grants,
    ddl_indexes,
    ddl_plsql,
    ddl_sequences,
    ddl_triggers,
    ddl_types,
    ddl_users,
    ddl_views,
)
from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.ddl_context import Context, add_object, check_free, relation, touch
from voyager_ops.testing.oracle.ddl_create import create_table
from voyager_ops.testing.oracle.ddl_model import Column
from voyager_ops.testing.oracle.ddl_numbers import forget_numbers, round_numbers
from voyager_ops.testing.oracle.ddl_tables import parse_create_table
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.rewrite import quote
from voyager_ops.testing.oracle.tokens import Cursor


@dataclass(slots=True)
class Outcome:
    """What a statement did. ``changed``/``dropped``: tables (owner, name). ``warning``: created with errors."""

    owner: str
    name: str
    kind: str
    changed: list[tuple[str, str]] = field(default_factory=list)
    dropped: list[tuple[str, str]] = field(default_factory=list)
    warning: bool = False


class Ddl:
    """Carries out one statement in the context's transaction. ``describe``: see ``ddl_views.Describe``. ``modern``: of 23ai."""

    def __init__(
        self, context: Context, describe: ddl_views.Describe, has: Callable[[str], bool], semantics: str = "BYTE", *, modern: bool
    ) -> None:
        self.modern = modern
        self.context = context
        self.describe = describe
        self.has = has
        self.semantics = semantics

    def run(self, text: str) -> Outcome:
        cursor = Cursor(text)
        verb = cursor.name()
        handler = getattr(self, f"_{verb.lower()}", None)
        if handler is None:
            raise OracleError(900, "invalid SQL statement")
        outcome = handler(cursor)
        assert isinstance(outcome, Outcome)
        if not cursor.done:
            raise cursor.fail(933)
        if outcome.kind == "TABLE":
            for owner, name in outcome.changed:
                round_numbers(self.context, owner, name)
        return outcome

    def _need(self, owner: str | None, own: str | None, anywhere: str) -> None:
        """ORA-01031 unless the user may do it: in the own schema with ``own`` (None: always), elsewhere with ``anywhere``."""
        mine = (owner is None and self.context.schema == self.context.user) or owner == self.context.user
        if (mine and (own is None or self.has(own))) or self.has(anywhere):
            return
        raise OracleError(1031, "insufficient privileges")

    def _peek_owner(self, cursor: Cursor) -> str | None:
        at = cursor.at
        while cursor.is_word("IF") or cursor.is_word("NOT") or cursor.is_word("EXISTS"):
            cursor.at += 1
        owner = cursor.qualified()[0]
        cursor.at = at
        return owner or (self.context.schema if self.context.schema != self.context.user else None)

    def _visible(self, owner: str | None, name: str, missing: int = 942) -> None:
        """ORA-00942 (for a sequence ORA-02289) for what the user may not even see."""
        real = owner or self.context.schema
        if real == self.context.user:
            return
        row = self.context.connection.execute("SELECT ora.sees(%s, %s)", (real, name)).fetchone()
        if row is None or not row[0]:
            raise OracleError(missing, "table or view does not exist" if missing == 942 else "sequence does not exist")

    # -- CREATE -----------------------------------------------------------------------------------------------------------

    def _create(self, cursor: Cursor) -> Outcome:
        context = self.context
        replace = cursor.accept("OR", "REPLACE")
        force = cursor.accept("FORCE")
        cursor.accept("NO", "FORCE") or cursor.accept("NOFORCE")
        cursor.accept("EDITIONABLE") or cursor.accept("NONEDITIONABLE")
        if cursor.accept("USER"):
            self._require("CREATE USER")
            name = cursor.token.value
            ddl_users.create_user(context, cursor)
            return Outcome("", name, "USER")
        if cursor.accept("ROLE"):
            self._require("CREATE ROLE")
            name = cursor.token.value
            ddl_users.create_role(context, cursor)
            return Outcome("", name, "ROLE")
        temporary = cursor.accept("GLOBAL", "TEMPORARY") or cursor.accept("PRIVATE", "TEMPORARY")
        cursor.accept("IMMUTABLE") or cursor.accept("BLOCKCHAIN") or cursor.accept("SHARDED") or cursor.accept("DUPLICATED")
        if cursor.accept("TABLE"):
            return self._create_table(cursor, temporary)
        unique, bitmap = cursor.accept("UNIQUE"), cursor.accept("BITMAP")
        if cursor.accept("INDEX"):
            self._need(self._peek_owner(cursor), None, "CREATE ANY INDEX")
            owner, name, table = ddl_indexes.create_index(context, cursor, unique=unique, bitmap=bitmap)
            return Outcome(owner, name, "INDEX", changed=[(owner, table)])
        if cursor.accept("SEQUENCE"):
            self._need(self._peek_owner(cursor), "CREATE SEQUENCE", "CREATE ANY SEQUENCE")
            return self._simple(cursor, "SEQUENCE", lambda: ddl_sequences.create_sequence_statement(context, cursor))
        if cursor.accept("VIEW"):
            self._need(self._peek_owner(cursor), "CREATE VIEW", "CREATE ANY VIEW")
            outcome = self._names(cursor, "VIEW")
            outcome.warning = not ddl_views.create_view(context, cursor, self.describe, replace=replace, force=force)
            return outcome
        if cursor.accept("MATERIALIZED", "VIEW", "LOG"):
            cursor.expect("ON")
            log_owner, master = cursor.qualified()
            dd.insert(
                context.connection,
                "MVIEW_LOGS",
                LOG_OWNER=log_owner or context.schema,
                MASTER=master,
                LOG_TABLE=f"MLOG$_{master}",
                ROWIDS="NO",
                PRIMARY_KEY="YES",
            )
            cursor.rest()
            return Outcome(log_owner or context.schema, master, "MATERIALIZED VIEW LOG")
        if cursor.accept("MATERIALIZED", "VIEW") or cursor.accept("SNAPSHOT"):
            self._need(self._peek_owner(cursor), "CREATE MATERIALIZED VIEW", "CREATE ANY MATERIALIZED VIEW")
            outcome = self._names(cursor, "MATERIALIZED VIEW")
            outcome.warning = not ddl_views.create_view(
                context, cursor, self.describe, replace=False, force=False, materialized=True
            )
            return outcome
        public = cursor.accept("PUBLIC")
        if cursor.accept("SYNONYM"):
            if public:
                self._require("CREATE PUBLIC SYNONYM")
            else:
                self._need(self._peek_owner(cursor), "CREATE SYNONYM", "CREATE ANY SYNONYM")
            return self._simple(
                cursor, "SYNONYM", lambda: ddl_sequences.create_synonym(context, cursor, public=public, replace=replace)
            )
        if cursor.accept("TRIGGER"):
            self._need(self._peek_owner(cursor), "CREATE TRIGGER", "CREATE ANY TRIGGER")
            outcome = self._names(cursor, "TRIGGER")
            ddl_plsql.create_trigger(context, cursor, replace=replace)
            cursor.rest()
            return outcome
        if cursor.accept("TYPE", "BODY") or cursor.accept("PACKAGE", "BODY"):
            kind = f"{cursor.tokens[cursor.at - 2].value} BODY"
            return self._simple(cursor, kind, lambda: ddl_plsql.create_unit(context, cursor, kind, replace=replace))
        if cursor.accept("TYPE"):
            self._need(self._peek_owner(cursor), "CREATE TYPE", "CREATE ANY TYPE")
            return self._simple(
                cursor, "TYPE", lambda: ddl_types.create_type(context, cursor, replace=replace, semantics=self.semantics)
            )
        for kind in ("PROCEDURE", "FUNCTION", "PACKAGE"):
            if cursor.accept(kind):
                self._need(self._peek_owner(cursor), "CREATE PROCEDURE", "CREATE ANY PROCEDURE")
                return self._simple(cursor, kind, partial(ddl_plsql.create_unit, context, cursor, kind, replace=replace))
        return self._create_rest(cursor, public)

    def _create_rest(self, cursor: Cursor, public: bool) -> Outcome:
        context = self.context
        if cursor.accept("DATABASE", "LINK"):
            name = cursor.name()
            rest = cursor.rest()
            host = rest.split("USING", 1)[1].strip().strip("'") if "USING" in rest else None
            dd.insert(
                context.connection,
                "DB_LINKS",
                OWNER="PUBLIC" if public else context.schema,
                DB_LINK=name,
                HOST=host,
                HIDDEN="NO",
                VALID="YES",
            )
            return Outcome(context.schema, name, "DATABASE LINK")
        if cursor.accept("DIRECTORY"):
            name = cursor.name()
            cursor.expect("AS")
            dd.delete(context.connection, "DIRECTORIES", DIRECTORY_NAME=name)
            dd.insert(context.connection, "DIRECTORIES", OWNER="SYS", DIRECTORY_NAME=name, DIRECTORY_PATH=cursor.string())
            return Outcome("SYS", name, "DIRECTORY")
        if cursor.accept("CLUSTER"):
            owner, name = cursor.qualified()
            dd.insert(
                context.connection,
                "CLUSTERS",
                OWNER=owner or context.schema,
                CLUSTER_NAME=name,
                TABLESPACE_NAME="USERS",
                CLUSTER_TYPE="INDEX",
            )
            cursor.rest()
            return Outcome(owner or context.schema, name, "CLUSTER")
        cursor.accept("BIGFILE") or cursor.accept("SMALLFILE")
        if cursor.accept("TABLESPACE") or cursor.accept("TEMPORARY", "TABLESPACE") or cursor.accept("UNDO", "TABLESPACE"):
            self._require("CREATE TABLESPACE")
            name = cursor.name()
            if dd.exists(context.connection, "TABLESPACES", TABLESPACE_NAME=name):
                raise OracleError(1543, f"tablespace '{name}' already exists")
            dd.insert(
                context.connection,
                "TABLESPACES",
                TABLESPACE_NAME=name,
                BLOCK_SIZE=8192,
                STATUS="ONLINE",
                CONTENTS="PERMANENT",
                LOGGING="LOGGING",
            )
            cursor.rest()
            return Outcome("", name, "TABLESPACE")
        if cursor.accept("PROFILE") or cursor.accept("CONTEXT"):
            name = cursor.name()
            cursor.rest()
            return Outcome("", name, "PROFILE")
        if cursor.accept("DIMENSION"):
            self._need(self._peek_owner(cursor), "CREATE DIMENSION", "CREATE ANY DIMENSION")
            outcome = self._names(cursor, "DIMENSION")
            check_free(context, outcome.owner, outcome.name)
            add_object(context, outcome.owner, outcome.name, "DIMENSION")
            cursor.rest()
            return outcome
        raise OracleError(901, "invalid CREATE command")

    def _create_table(self, cursor: Cursor, temporary: bool) -> Outcome:
        context = self.context
        owner = self._peek_owner(cursor)
        self._need(owner, "CREATE TABLE", "CREATE ANY TABLE")
        if cursor.is_word("IF") and not self.modern:
            raise cursor.fail(922)
        table = parse_create_table(cursor, self.semantics)
        if temporary and not table.temporary:
            table.temporary = "DELETE"
        if table.if_not_exists and dd.exists(
            context.connection, "TABLES", OWNER=table.owner or context.schema, TABLE_NAME=table.name
        ):
            return Outcome(table.owner or context.schema, table.name, "TABLE")
        postgres = ""
        if table.query is not None:
            given = table.columns
            if any(column.type is not None for column in given):
                raise OracleError(1773, "may not specify column datatypes in this CREATE TABLE")
            postgres, infos = self.describe(table.query, context.schema)
            if not given:
                ddl_views.named(infos)
            types = ddl_views.column_types(infos)
            if any(kind.name.startswith("LONG") for _, kind in types):
                raise OracleError(997, "illegal use of LONG datatype")
            if given and len(given) != len(types):
                raise OracleError(1730, "invalid number of column names specified")
            table.columns = []
            for number, (name, kind) in enumerate(types):
                column = given[number] if given else Column(name)
                column.type = column.type or kind
                table.columns.append(column)
        real, _ = create_table(context, table)
        if table.query is not None:
            columns = ", ".join(quote(c.name) for c in table.columns)
            round_numbers(context, real, table.name)
            context.run(f"INSERT INTO {relation(real, table.name)} ({columns}) {postgres}")
        return Outcome(real, table.name, "TABLE", changed=[(real, table.name)])

    def _names(self, cursor: Cursor, kind: str) -> Outcome:
        at = cursor.at
        owner, name = cursor.qualified()
        cursor.at = at
        return Outcome(owner or self.context.schema, name, kind)

    def _simple(self, cursor: Cursor, kind: str, action: Callable[[], object]) -> Outcome:
        outcome = self._names(cursor, kind)
        action()
        return outcome

    def _require(self, privilege: str) -> None:
        if not self.has(privilege):
            raise OracleError(1031, "insufficient privileges")

    # -- the rest ---------------------------------------------------------------------------------------------------------

    def _alter(self, cursor: Cursor) -> Outcome:
        context = self.context
        if cursor.accept("TABLE"):
            owner, name = cursor.qualified()
            cursor.at -= 1 if owner is None else 3
            self._visible(owner, name)
            self._object_privilege(owner, name, "ALTER", "ALTER ANY TABLE")
            before = (owner or context.schema, name)
            forget_numbers(context, *before)
            after = ddl_alter.alter_table(context, cursor, self.semantics)
            return Outcome(*after, "TABLE", changed=[after], dropped=[before] if before != after else [])
        if cursor.accept("INDEX"):
            return self._simple(cursor, "INDEX", lambda: ddl_indexes.alter_index(context, cursor))
        if cursor.accept("SEQUENCE"):
            owner, name = self._names(cursor, "SEQUENCE").owner, self._names(cursor, "SEQUENCE").name
            self._object_privilege(owner, name, "ALTER", "ALTER ANY SEQUENCE", missing=2289)
            return self._simple(cursor, "SEQUENCE", lambda: ddl_sequences.alter_sequence(context, cursor))
        if cursor.accept("TRIGGER"):
            owner, name = cursor.qualified()
            owner = owner or context.schema
            if owner != context.user and not self.has("ALTER ANY TRIGGER"):
                raise OracleError(1031, "insufficient privileges")
            if not dd.exists(context.connection, "TRIGGERS", OWNER=owner, TRIGGER_NAME=name):
                raise OracleError(4080, f"trigger '{name}' does not exist")
            if cursor.accept("ENABLE"):
                dd.update(context.connection, "TRIGGERS", {"OWNER": owner, "TRIGGER_NAME": name}, STATUS="ENABLED")
            elif cursor.accept("DISABLE"):
                dd.update(context.connection, "TRIGGERS", {"OWNER": owner, "TRIGGER_NAME": name}, STATUS="DISABLED")
            cursor.rest()
            ddl_triggers.install(context, owner, name)
            touch(context, owner, name)
            return Outcome(owner, name, "TRIGGER")
        if cursor.accept("USER"):
            if cursor.token.value != context.user:
                self._require("ALTER USER")
            name = cursor.token.value
            ddl_users.alter_user(context, cursor)
            return Outcome("", name, "USER")
        for kind in ("VIEW", "PROCEDURE", "FUNCTION", "PACKAGE", "TYPE"):
            if cursor.accept(kind):
                owner, name = cursor.qualified()
                if not dd.exists(
                    context.connection, "OBJECTS", OWNER=owner or context.schema, OBJECT_NAME=name, OBJECT_TYPE=kind
                ):
                    raise (
                        OracleError(942, "table or view does not exist")
                        if kind == "VIEW"
                        else OracleError(4043, f"object {name} does not exist")
                    )
                cursor.rest()
                return Outcome(context.schema, "", kind)
        for kind in ("MATERIALIZED", "DIMENSION", "SYNONYM", "PROFILE", "TABLESPACE", "ROLE", "PLUGGABLE"):
            if cursor.accept(kind):
                cursor.rest()
                return Outcome(context.schema, "", kind)
        raise OracleError(940, "invalid ALTER command")

    def _object_privilege(self, owner: str | None, name: str, privilege: str, anywhere: str, missing: int = 942) -> None:
        real = owner or self.context.schema
        if real == self.context.user or self.has(anywhere):
            return
        row = self.context.connection.execute(
            'SELECT FROM ora."TAB_PRIVS_" WHERE "OWNER" = %s::text AND "TABLE_NAME" = %s::text AND "PRIVILEGE" = %s::text AND'
            ' "GRANTEE"::text IN (SELECT ora.roles_of(%s))',
            (real, name, privilege, self.context.user),
        ).fetchone()
        if row is None:
            raise OracleError(1031, "insufficient privileges")

    def _drop(self, cursor: Cursor) -> Outcome:
        context = self.context
        if cursor.accept("TABLE"):
            if cursor.is_word("IF") and not self.modern:
                raise cursor.fail(933)
            self._may_drop(cursor, "DROP ANY TABLE", 942)
            at = cursor.at
            dropped = ddl_drop.drop_table(context, cursor)
            if dropped is None:
                cursor.at, end = at, cursor.at
                while cursor.is_word("IF") or cursor.is_word("EXISTS"):
                    cursor.at += 1
                owner, name = cursor.qualified()
                cursor.at = end
                return Outcome(owner or context.schema, name, "TABLE")
            return Outcome(*dropped, "TABLE", dropped=[dropped])
        if cursor.accept("USER"):
            self._require("DROP USER")
            name = cursor.token.value
            tables = ddl_users.drop_user(context, cursor)
            return Outcome("", name, "USER", dropped=[(name, t) for t in tables])
        if cursor.accept("ROLE"):
            name = cursor.name()
            if not dd.delete(context.connection, "ROLES", ROLE=name):
                raise OracleError(1919, f"role '{name}' does not exist")
            dd.delete(context.connection, "ROLE_PRIVS_", GRANTED_ROLE=name)
            for family in ("ROLE_PRIVS_", "SYS_PRIVS_", "TAB_PRIVS_"):
                dd.delete(context.connection, family, GRANTEE=name)
            return Outcome("", name, "ROLE")
        public = cursor.accept("PUBLIC")
        if cursor.accept("MATERIALIZED", "VIEW", "LOG"):
            cursor.expect("ON")
            owner, name = cursor.qualified()
            dd.delete(context.connection, "MVIEW_LOGS", LOG_OWNER=owner or context.schema, MASTER=name)
            return Outcome(owner or context.schema, name, "MATERIALIZED VIEW LOG")
        handlers: Sequence[tuple[tuple[str, ...], str, Callable[[], object]]] = (
            (("INDEX",), "DROP ANY INDEX", lambda: ddl_indexes.drop_index(context, cursor)),
            (("SEQUENCE",), "DROP ANY SEQUENCE", lambda: ddl_sequences.drop_sequence(context, cursor)),
            (
                ("MATERIALIZED", "VIEW"),
                "DROP ANY MATERIALIZED VIEW",
                lambda: ddl_views.drop_view(context, cursor, materialized=True),
            ),
            (("VIEW",), "DROP ANY VIEW", lambda: ddl_views.drop_view(context, cursor)),
            (("SYNONYM",), "DROP ANY SYNONYM", lambda: ddl_sequences.drop_synonym(context, cursor, public=public)),
            (("PROCEDURE",), "DROP ANY PROCEDURE", lambda: ddl_plsql.drop_unit(context, cursor, "PROCEDURE")),
            (("FUNCTION",), "DROP ANY PROCEDURE", lambda: ddl_plsql.drop_unit(context, cursor, "FUNCTION")),
            (("PACKAGE", "BODY"), "DROP ANY PROCEDURE", lambda: ddl_plsql.drop_unit(context, cursor, "PACKAGE BODY")),
            (("PACKAGE",), "DROP ANY PROCEDURE", lambda: ddl_plsql.drop_unit(context, cursor, "PACKAGE")),
            (("TYPE",), "DROP ANY TYPE", lambda: ddl_plsql.drop_unit(context, cursor, "TYPE")),
            (("TRIGGER",), "DROP ANY TRIGGER", lambda: self._drop_trigger(cursor)),
            (("DIMENSION",), "DROP ANY DIMENSION", lambda: self._drop_dimension(cursor)),
        )
        for words, privilege, action in handlers:
            if cursor.accept(*words):
                if not public:
                    self._may_drop(cursor, privilege, {"SEQUENCE": 2289, "VIEW": 942}.get(words[0]))
                outcome = self._simple(cursor, " ".join(words), action)
                cursor.rest()
                return outcome
        if cursor.accept("DATABASE", "LINK"):
            name = cursor.name()
            dd.delete(context.connection, "DB_LINKS", DB_LINK=name)
            return Outcome(context.schema, name, "DATABASE LINK")
        for kind, family, column in (
            ("DIRECTORY", "DIRECTORIES", "DIRECTORY_NAME"),
            ("TABLESPACE", "TABLESPACES", "TABLESPACE_NAME"),
            ("CLUSTER", "CLUSTERS", "CLUSTER_NAME"),
        ):
            if cursor.accept(kind):
                name = cursor.name()
                dd.delete(context.connection, family, **{column: name})
                cursor.rest()
                return Outcome("", name, kind)
        raise OracleError(950, "invalid DROP option")

    def _may_drop(self, cursor: Cursor, privilege: str, missing: int | None) -> None:
        """ORA-01031, but the error ``missing`` for what the user cannot even see."""
        try:
            self._need(self._peek_owner(cursor), None, privilege)
        except OracleError:
            if missing is not None:
                outcome = self._names(cursor, "")
                self._visible(outcome.owner, outcome.name, missing)
            raise

    def _drop_trigger(self, cursor: Cursor) -> None:
        owner, name = cursor.qualified()
        owner = owner or self.context.schema
        if not dd.exists(self.context.connection, "TRIGGERS", OWNER=owner, TRIGGER_NAME=name):
            raise OracleError(4080, f"trigger '{name}' does not exist")
        ddl_plsql.drop_trigger_rows(self.context, owner, name)
        ddl_triggers.remove(self.context, owner, name)

    def _drop_dimension(self, cursor: Cursor) -> None:
        owner, name = cursor.qualified()
        if not dd.delete(
            self.context.connection,
            "OBJECTS",
            OWNER=owner or self.context.schema,
            OBJECT_NAME=name,
            OBJECT_TYPE="DIMENSION",
        ):
            raise OracleError(30333, "dimension does not exist")

    def _truncate(self, cursor: Cursor) -> Outcome:
        cursor.expect("TABLE")
        owner, name = cursor.qualified()
        cursor.at -= 1 if owner is None else 3
        self._visible(owner, name)
        self._need(owner, None, "DROP ANY TABLE")
        owner, name = ddl_drop.truncate(self.context, cursor)
        return Outcome(owner, name, "TABLE")

    def _comment(self, cursor: Cursor) -> Outcome:
        cursor.expect("ON")
        at = cursor.at
        cursor.at += 1
        names = [cursor.name()]
        while cursor.accept("."):
            names.append(cursor.name())
        column = cursor.tokens[at].value == "COLUMN"
        cursor.at = at
        owner, commented = (names[:-1] if column else names)[-2:-1], (names[:-1] if column else names)[-1:]
        if owner and owner[0] != self.context.user and not self.has("COMMENT ANY TABLE"):
            self._visible(owner[0], commented[0] if commented else "")
            raise OracleError(1031, "insufficient privileges")
        ddl_sequences.comment(self.context, cursor)
        table = names[:-1] if column else names
        return Outcome(table[0] if len(table) > 1 else self.context.schema, table[-1] if table else "", "TABLE")

    def _grant(self, cursor: Cursor) -> Outcome:
        ddl_grants.grant(self.context, cursor)
        cursor.rest()
        return Outcome("", "", "GRANT")

    def _revoke(self, cursor: Cursor) -> Outcome:
        ddl_grants.revoke(self.context, cursor)
        cursor.rest()
        return Outcome("", "", "REVOKE")

    def _rename(self, cursor: Cursor) -> Outcome:
        old = cursor.name()
        cursor.expect("TO")
        new = cursor.name()
        schema = self.context.schema
        if not dd.exists(self.context.connection, "TABLES", OWNER=schema, TABLE_NAME=old):
            raise OracleError(4043, f"object {old} does not exist")
        ddl_drop.rename_table(self.context, schema, old, new)
        return Outcome(schema, new, "TABLE", changed=[(schema, new)], dropped=[(schema, old)])

    def _analyze(self, cursor: Cursor) -> Outcome:
        cursor.rest()
        return Outcome("", "", "ANALYZE")

    _audit = _noaudit = _purge = _associate = _analyze

    def _flashback(self, cursor: Cursor) -> Outcome:
        raise OracleError(3001, "unimplemented feature (simulator: FLASHBACK)")
