"""What names stand for and who may do what, read from the dictionary tables and kept until the next DDL statement."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg

from voyager_ops.testing.oracle import pg_values
from voyager_ops.testing.oracle.column_types import data_type
from voyager_ops.testing.oracle.datatypes import DataType
from voyager_ops.testing.oracle.ddl_context import relation as quoted
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.recorder import VIEWS, ColumnRole, RedoColumn, RedoTable
from voyager_ops.testing.oracle.translated import ROW_NUMBER, Relation

# Of SYS, what everybody sees; the rest needs SELECT ANY DICTIONARY, SELECT_CATALOG_ROLE or a grant.
_PUBLIC = ("ALL_", "USER_", "NLS_", "SESSION_", "ROLE_")
_PUBLIC_NAMES = {
    "DUAL",
    "DATABASE_PROPERTIES",
    "V$VERSION",
    "PRODUCT_COMPONENT_VERSION",
    "V$NLS_PARAMETERS",
    "V$TIMEZONE_NAMES",
    "V$OPTION",
}


@dataclass(slots=True)
class _Caches:
    relations: dict[tuple[str, str], Relation | None] = field(default_factory=dict)
    synonyms: dict[tuple[str, str], tuple[str | None, str] | None] = field(default_factory=dict)
    privileges: dict[str, frozenset[str]] = field(default_factory=dict)
    roles: dict[str, frozenset[str]] = field(default_factory=dict)
    granted: dict[tuple[str, str, str], frozenset[str]] = field(default_factory=dict)
    columns: dict[int, Mapping[int, tuple[DataType, bool]]] = field(default_factory=dict)


class Catalog:
    """Cached lookups over a connection of its own. ``version`` grows with every DDL statement."""

    def __init__(self, dsn: str) -> None:
        self.connection: psycopg.Connection[Any] = psycopg.connect(dsn, autocommit=True)
        self.connection.execute('SET search_path TO pg_catalog, ora, "SYS"')
        self.lock = threading.RLock()
        self.version = 0
        self._shared = _Caches()
        self._local = threading.local()
        self.functions: Mapping[str, tuple[int, int]] = {
            str(name): (int(fewest), int(most))
            for name, fewest, most in self.connection.execute(
                "SELECT proname, min(pronargs - pronargdefaults), max(pronargs) FROM pg_proc"
                " WHERE pronamespace = 'ora'::regnamespace GROUP BY proname"
            ).fetchall()
        }
        """How few and how many arguments each takes."""

    def changed(self) -> None:
        """After DDL: forget everything."""
        with self.lock:
            self.version += 1
            self._shared = _Caches()

    @contextlib.contextmanager
    def seen_by(self, connection: psycopg.Connection[Any]) -> Iterator[None]:
        """Within the block this thread looks through ``connection``, which sees what it has not committed yet."""
        self._local.connection, self._local.caches = connection, _Caches()
        try:
            yield
        finally:
            self._local.connection = self._local.caches = None

    @property
    def _caches(self) -> _Caches:
        return getattr(self._local, "caches", None) or self._shared

    def query(self, statement: str, *given: object) -> list[tuple[Any, ...]]:
        """``given``: parameters in order, or one mapping of them."""
        parameters = given[0] if len(given) == 1 and isinstance(given[0], dict) else given
        own = getattr(self._local, "connection", None)
        if own is not None:
            return list(own.execute(statement.encode(), parameters).fetchall())
        with self.lock:
            return self.connection.execute(statement.encode(), parameters).fetchall()

    # -- names --------------------------------------------------------------------------------------------------------------

    def relation(self, owner: str, name: str) -> Relation | None:
        """The table or view ``owner.name``, None when there is none."""
        key = (owner, name)
        with self.lock:
            if key not in self._caches.relations:
                self._caches.relations[key] = self._system(name) if owner == "SYS" else self._user_relation(owner, name)
            return self._caches.relations[key]

    def _system(self, name: str) -> Relation | None:
        plain = name.replace("GV_$", "GV$").replace("V_$", "V$")
        columns = self.query(
            "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER"
            " BY attnum",
            f'"SYS"."{plain}"',
        )
        if not columns and plain.startswith("GV$"):
            return self._system(plain[1:])
        if not columns:
            return None
        return Relation("SYS", plain, None if plain in VIEWS else "SYS", tuple(str(c) for (c,) in columns), "SYSTEM")

    def _user_relation(self, owner: str, name: str) -> Relation | None:
        found = self.query(
            'SELECT "OBJECT_TYPE"::text, "STATUS"::text FROM ora."OBJECTS" WHERE "OWNER" = %s::text AND "OBJECT_NAME" = %s::text'
            " AND \"OBJECT_TYPE\"::text IN ('TABLE', 'VIEW', 'MATERIALIZED VIEW')",
            owner,
            name,
        )
        if not found:
            return None
        if not self.query("SELECT 1 WHERE to_regclass(%s) IS NOT NULL", quoted(owner, name)):
            if found[0][1] == "INVALID":
                raise OracleError(4063, f'view "{owner}.{name}" has errors')
            raise OracleError(3001, f"unimplemented feature (simulator: the query of {owner}.{name} could not be translated)")
        columns = self.query(
            'SELECT "COLUMN_NAME"::text, "VIRTUAL_COLUMN"::text FROM ora."TAB_COLS" WHERE "OWNER" = %s::text AND "TABLE_NAME"'
            " = %s::text"
            ' AND "HIDDEN_COLUMN"::text = \'NO\' ORDER BY "COLUMN_ID"',
            owner,
            name,
        )
        return Relation(
            owner,
            name,
            owner,
            tuple(str(c) for c, _ in columns),
            str(found[0][0]),
            tuple(str(c) for c, virtual in columns if virtual == "NO"),
            tuple(
                str(c)
                for (c,) in self.query(
                    'SELECT "COLUMN_NAME"::text FROM ora."TAB_IDENTITY_COLS" WHERE "OWNER" = %s::text AND "TABLE_NAME" = %s::text'
                    " AND \"GENERATION_TYPE\"::text = 'ALWAYS'",
                    owner,
                    name,
                )
            ),
            bool(
                self.query(
                    'SELECT FROM ora."VIEWS" WHERE "OWNER" = %(o)s::text AND "VIEW_NAME" = %(n)s::text AND "READ_ONLY"::text ='
                    ' \'Y\' UNION ALL SELECT FROM ora."TABLES" WHERE "OWNER" = %(o)s::text AND "TABLE_NAME" = %(n)s::text AND'
                    " \"READ_ONLY\"::text = 'YES'",
                    {"o": owner, "n": name},
                )
            ),
        )

    def synonym(self, owner: str, name: str) -> tuple[str | None, str] | None:
        with self.lock:
            key = (owner, name)
            if key not in self._caches.synonyms:
                found = self.query(
                    'SELECT "TABLE_OWNER"::text, "TABLE_NAME"::text, "DB_LINK"::text FROM ora."SYNONYMS" WHERE "OWNER" ='
                    ' %s::text AND "SYNONYM_NAME" = %s::text',
                    owner,
                    name,
                )
                self._caches.synonyms[key] = (found[0][0], found[0][1]) if found and found[0][2] is None else None
            return self._caches.synonyms[key]

    def resolve(self, schema: str, user: str, owner: str | None, name: str) -> Relation:
        """As Oracle does: the schema's own, private synonyms, public ones, SYS. ORA-00942 when not there or not visible."""
        found = self._resolve(schema, owner, name)
        if found is None or not self.visible(user, found):
            raise OracleError(942, "table or view does not exist")
        return found

    def _resolve(self, schema: str, owner: str | None, name: str, depth: int = 0) -> Relation | None:
        if depth > 8:
            raise OracleError(1775, "looping chain of synonyms")
        for where in [owner] if owner is not None else [schema, "PUBLIC", "SYS"]:
            found = self.relation(where, name) if where != "PUBLIC" else None
            if found is not None:
                return found
            target = self.synonym(where, name)
            if target is not None:
                found = self._resolve(target[0] or where, target[0] or where, target[1], depth + 1)
                if found is None:
                    raise OracleError(980, "synonym translation is no longer valid")
                return found
        return None

    def sequence(self, schema: str, user: str, text: str) -> str:
        """The quoted, qualified name of a sequence given as ``"NAME"`` or ``"OWNER"."NAME"``. ORA-02289."""
        parts = text.strip('"').split('"."')
        owner, name = (parts[0], parts[1]) if len(parts) == 2 else (schema, parts[0])
        for _ in range(8):
            if self.query(
                'SELECT FROM ora."SEQUENCES_" WHERE "SEQUENCE_OWNER" = %s::text AND "SEQUENCE_NAME" = %s::text', owner, name
            ):
                if (
                    owner != user
                    and "SELECT" not in self.granted(user, owner, name)
                    and "SELECT ANY SEQUENCE" not in self.privileges(user)
                ):
                    break
                return quoted(owner, name)
            target = self.synonym(owner, name) or self.synonym("PUBLIC", name)
            if target is None:
                break
            owner, name = target[0] or owner, target[1]
        raise OracleError(2289, "sequence does not exist")

    # -- privileges ---------------------------------------------------------------------------------------------------------

    def privileges(self, user: str) -> frozenset[str]:
        """System privileges, those of roles included."""
        with self.lock:
            if user not in self._caches.privileges:
                self._caches.privileges[user] = frozenset(
                    str(p) for (p,) in self.query("SELECT DISTINCT p FROM ora.sys_privileges(%s) p", user)
                )
            return self._caches.privileges[user]

    def roles(self, user: str) -> frozenset[str]:
        with self.lock:
            if user not in self._caches.roles:
                self._caches.roles[user] = frozenset(
                    str(p) for (p,) in self.query("SELECT DISTINCT p FROM ora.roles_of(%s) p", user)
                )
            return self._caches.roles[user]

    def granted(self, user: str, owner: str, name: str) -> frozenset[str]:
        """Object privileges, those of roles and of PUBLIC included."""
        key = (user, owner, name)
        with self.lock:
            if key not in self._caches.granted:
                found = self.query(
                    'SELECT DISTINCT "PRIVILEGE"::text FROM ora."TAB_PRIVS_" WHERE "OWNER" = %s::text AND "TABLE_NAME" = ANY'
                    ' (%s) AND "GRANTEE"::text IN (SELECT ora.roles_of(%s))'
                    ' UNION SELECT "PRIVILEGE"::text FROM ora."COL_PRIVS_" WHERE "OWNER" = %s::text AND "TABLE_NAME" = ANY'
                    ' (%s) AND "GRANTEE"::text IN (SELECT ora.roles_of(%s))',
                    owner,
                    [name, name.replace("V$", "V_$")],
                    user,
                    owner,
                    [name, name.replace("V$", "V_$")],
                    user,
                )
                self._caches.granted[key] = frozenset(str(p) for (p,) in found)
            return self._caches.granted[key]

    def has_dictionary(self, user: str) -> bool:
        return user == "SYS" or "SELECT ANY DICTIONARY" in self.privileges(user) or "SELECT_CATALOG_ROLE" in self.roles(user)

    def visible(self, user: str, found: Relation) -> bool:
        if found.owner == user:
            return True
        if found.owner == "SYS":
            return (
                found.name.startswith(_PUBLIC)
                or found.name in _PUBLIC_NAMES
                or self.has_dictionary(user)
                or bool(self.granted(user, "SYS", found.name))
            )
        any_table = {"SELECT ANY TABLE", "READ ANY TABLE", "INSERT ANY TABLE", "UPDATE ANY TABLE", "DELETE ANY TABLE"}
        return bool(any_table & self.privileges(user)) or bool(self.granted(user, found.owner, found.name))

    def check(self, user: str, found: Relation, privilege: str, *, locking: bool = False) -> None:
        """ORA-01031 unless the user has ``privilege`` (SELECT, INSERT, …) on a relation it can see; READ does not lock rows."""
        if found.owner in (user, "SYS"):
            return
        granted, system = self.granted(user, found.owner, found.name), self.privileges(user)
        names = {privilege} | ({"READ"} if privilege == "SELECT" and not locking else set())
        if not (names & granted or {f"{n} ANY TABLE" for n in names} & system):
            raise OracleError(1031, "insufficient privileges")

    # -- columns ------------------------------------------------------------------------------------------------------------

    def columns(self, oid: int) -> Mapping[int, tuple[DataType, bool]]:
        """The columns of a table or view by PostgreSQL's number: type, nullable. Empty for what is not in the dictionary."""
        with self.lock:
            if oid not in self._caches.columns:
                found = self.query(
                    'SELECT a.attnum, c."DATA_TYPE"::text, c."DATA_LENGTH", c."DATA_PRECISION", c."DATA_SCALE",'
                    ' c."CHAR_LENGTH", c."CHAR_USED"::text, c."NULLABLE"::text, c."DATA_TYPE_OWNER"::text'
                    " FROM pg_attribute a JOIN pg_class r ON r.oid = a.attrelid JOIN pg_namespace n ON n.oid = r.relnamespace"
                    ' JOIN ora."TAB_COLS" c ON c."OWNER"::text = n.nspname AND c."TABLE_NAME"::text = r.relname AND'
                    ' c."COLUMN_NAME"::text = a.attname'
                    " WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped",
                    oid,
                )
                self._caches.columns[oid] = {
                    int(n): (data_type(*rest), nullable != "N")
                    for n, *rest, nullable, owner in found
                    for rest in [[*rest, owner]]
                }
            return self._caches.columns[oid]

    def redo_table(self, owner: str, name: str, connection: psycopg.Connection[Any]) -> RedoTable | None:
        """The table for the recorder, as ``connection`` sees it."""
        oid_row = connection.execute(
            "SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = %s AND relname = %s AND"
            " relkind = 'r'",
            (owner, name),
        ).fetchone()
        if oid_row is None:
            return None
        found = connection.execute(
            'SELECT a.attname::text, c."DATA_TYPE"::text, c."DATA_LENGTH", c."DATA_PRECISION", c."DATA_SCALE",'
            ' c."CHAR_LENGTH", c."CHAR_USED"::text, c."DATA_TYPE_OWNER"::text, c."VIRTUAL_COLUMN"::text'
            ' FROM pg_attribute a LEFT JOIN ora."TAB_COLS" c ON c."OWNER" = %s::text AND c."TABLE_NAME" = %s::text AND'
            ' c."COLUMN_NAME"::text = a.attname'
            " WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
            (owner, name, oid_row[0]),
        ).fetchall()
        columns = []
        for column, kind, length, precision, scale, chars, used, type_owner, virtual in found:
            if column == ROW_NUMBER:
                columns.append(RedoColumn(column, "NUMBER", int_of, role=ColumnRole.ROWID))
                continue
            shown = data_type(kind, length, precision, scale, chars, used, type_owner)
            columns.append(
                RedoColumn(
                    column,
                    shown.name,
                    pg_values.decoder(shown.info("").type),
                    length=shown.length if shown.name in ("CHAR", "NCHAR") else shown.bytes,
                    precision=shown.precision,
                    scale=shown.scale,
                    role=ColumnRole.SILENT if virtual == "YES" else ColumnRole.LOGGED,
                    in_bytes=shown.name == "CHAR" and not shown.chars,
                )
            )
        keys: dict[str, dict[str, list[str]]] = {"P": {}, "U": {}, "R": {}}
        for kind, constraint, column in connection.execute(
            'SELECT k."CONSTRAINT_TYPE"::text, k."CONSTRAINT_NAME"::text, c."COLUMN_NAME"::text FROM ora."CONSTRAINTS" k JOIN'
            ' ora."CONS_COLUMNS" c USING ("OWNER", "CONSTRAINT_NAME")'
            " WHERE k.\"OWNER\" = %s::text AND k.\"TABLE_NAME\" = %s::text AND k.\"CONSTRAINT_TYPE\"::text IN ('P', 'U', 'R')"
            ' AND k."STATUS"::text = \'ENABLED\' ORDER BY 2, c."POSITION"',
            (owner, name),
        ).fetchall():
            keys[kind].setdefault(constraint, []).append(column)
        groups = connection.execute(
            'SELECT "LOG_GROUP_NAME"::text, "LOG_GROUP_TYPE"::text, "ALWAYS"::text FROM ora."LOG_GROUPS" WHERE "OWNER" ='
            ' %s::text AND "TABLE_NAME" = %s::text',
            (owner, name),
        ).fetchall()
        names = {
            "ALL COLUMN LOGGING": "ALL",
            "PRIMARY KEY LOGGING": "PRIMARY KEY",
            "UNIQUE KEY LOGGING": "UNIQUE",
            "FOREIGN KEY LOGGING": "FOREIGN KEY",
        }
        always = []
        for group, kind, when in groups:
            if kind == "USER LOG GROUP" and when == "ALWAYS":
                always.append(
                    tuple(
                        str(c)
                        for (c,) in connection.execute(
                            'SELECT "COLUMN_NAME"::text FROM ora."LOG_GROUP_COLUMNS" WHERE "OWNER" = %s::text AND'
                            ' "LOG_GROUP_NAME" = %s::text ORDER BY "POSITION"',
                            (owner, group),
                        ).fetchall()
                    )
                )
        temporary = connection.execute(
            'SELECT "TEMPORARY"::text FROM ora."TABLES" WHERE "OWNER" = %s::text AND "TABLE_NAME" = %s::text', (owner, name)
        ).fetchone()
        return RedoTable(
            owner,
            name,
            int(oid_row[0]),
            int(oid_row[0]),
            (owner, name),
            tuple(columns),
            key=tuple(next(iter(keys["P"].values()), ())),
            unique=tuple(tuple(v) for v in keys["U"].values()),
            foreign=tuple(tuple(v) for v in keys["R"].values()),
            supplemental=frozenset(names[k] for _, k, _ in groups if k in names),
            log_groups=tuple(always),
            temporary=temporary is not None and temporary[0] == "Y",
        )


def int_of(text: str) -> Any:
    return int(text)
