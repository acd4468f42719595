"""CREATE TABLE carried out: the PostgreSQL table behind it, and its rows in the dictionary."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.datatypes import CHARACTER, LOBS, NATIONAL, DataType
from voyager_ops.testing.oracle.ddl_tables import Column, Constraint, CreateTable, Partition, Partitioning, SequenceOptions
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.ora_errors import oracle_error
from voyager_ops.testing.oracle.rewrite import literal, quote
from voyager_ops.testing.oracle.translate import ROW_NUMBER

Connection = psycopg.Connection[Any]
INDEX_PREFIX = "I$"  # of PostgreSQL's indexes: Oracle has a namespace of its own for them
MAX_NAME = 60
LARGEST = 9223372036854775807
NO_MAXVALUE = 9999999999999999999999999999


@dataclass(frozen=True, slots=True)
class Context:
    """What carrying out DDL needs: the connection in its transaction, who runs it, how expressions are translated."""

    connection: Connection
    user: str
    schema: str
    expression: Callable[[str], str]
    extended_strings: bool = False

    def owner(self, owner: str | None) -> str:
        """``owner`` or the current schema; ORA-01918 when there is no such user."""
        name = owner or self.schema
        if not dd.exists(self.connection, "USERS", USERNAME=name):
            raise OracleError(1918, f"user '{name}' does not exist")
        return name

    def run(self, statement: str) -> None:
        """One statement on PostgreSQL; its errors as Oracle's."""
        try:
            self.connection.execute(statement.encode())
        except psycopg.Error as error:
            raise oracle_error(error) from error

    def next_id(self) -> int:
        row = self.connection.execute("SELECT nextval('ora.object_ids')").fetchone()
        assert row is not None
        return int(row[0])

    def oid(self, owner: str, name: str) -> int:
        row = self.connection.execute("SELECT format('%%I.%%I', %s::text, %s::text)::regclass::oid", (owner, name)).fetchone()
        assert row is not None
        return int(row[0])


def relation(owner: str, name: str) -> str:
    return f"{quote(owner)}.{quote(name)}"


def check_name(name: str) -> None:
    """ORA-00972 for a name beyond what PostgreSQL can hold (Oracle's own limit is 128 bytes)."""
    if len(name.encode()) > MAX_NAME:
        raise OracleError(972, f"identifier is too long (simulator: more than {MAX_NAME} bytes)")


def check_free(context: Context, owner: str, name: str) -> None:
    """ORA-00955 when a table, view, sequence, synonym or such of that name exists."""
    taken = context.connection.execute(
        'SELECT FROM ora."OBJECTS" WHERE "OWNER" = %s::text AND "OBJECT_NAME" = %s::text AND "OBJECT_TYPE"::text'
        " NOT IN ('INDEX', 'TRIGGER', 'LOB', 'PACKAGE BODY', 'TYPE BODY', 'TABLE PARTITION', 'TABLE SUBPARTITION', 'INDEX"
        " PARTITION')",
        (owner, name),
    ).fetchone()
    if taken is not None:
        raise OracleError(955, "name is already used by an existing object")


def add_object(
    context: Context,
    owner: str,
    name: str,
    kind: str,
    object_id: int | None = None,
    *,
    status: str = "VALID",
    generated: bool = False,
    temporary: bool = False,
    sub: str | None = None,
) -> int:
    """The row of DBA_OBJECTS."""
    number = object_id if object_id is not None else context.next_id()
    stored = kind in ("TABLE", "INDEX", "LOB", "TABLE PARTITION", "TABLE SUBPARTITION", "CLUSTER")
    dd.insert(
        context.connection,
        "OBJECTS",
        OWNER=owner,
        OBJECT_NAME=name,
        SUBOBJECT_NAME=sub,
        OBJECT_ID=number,
        DATA_OBJECT_ID=number if stored else None,
        OBJECT_TYPE=kind,
        STATUS=status,
        TEMPORARY="Y" if temporary else "N",
        GENERATED="Y" if generated else "N",
        SECONDARY="N",
        NAMESPACE=1,
        ORACLE_MAINTAINED="N",
        SHARING="NONE",
    )
    context.connection.execute(
        'UPDATE ora."OBJECTS" SET "CREATED" = ora.sysdate(), "LAST_DDL_TIME" = ora.sysdate(),'
        ' "TIMESTAMP" = to_char(ora.sysdate()::timestamp, \'YYYY-MM-DD:HH24:MI:SS\') WHERE "OBJECT_ID" = %s',
        (number,),
    )
    return number


def touch(context: Context, owner: str, name: str) -> None:
    context.connection.execute(
        'UPDATE ora."OBJECTS" SET "LAST_DDL_TIME" = ora.sysdate() WHERE "OWNER" = %s::text AND "OBJECT_NAME" = %s::text',
        (owner, name),
    )


# -- columns -------------------------------------------------------------------------------------------------------------


def length_check(owner: str, table: str, column: str, kind: DataType) -> str | None:
    """The condition that keeps a value within the column's length, or raises ORA-12899 with names and numbers."""
    if kind.name not in CHARACTER and kind.name != "RAW":
        return None
    name = quote(column)
    count = f"octet_length({name}::bytea)" if kind.name == "RAW" else f"{'char' if kind.chars else 'octet'}_length({name}::text)"
    where = ", ".join(literal(x) for x in (owner, table, column))
    return f"coalesce({count} <= {kind.length}, true) OR ora.too_long({where}, {count}, {kind.length})"


def add_postgres_column(context: Context, owner: str, table: str, column: Column) -> str:
    """The definition of ``column`` for CREATE TABLE or ALTER TABLE ADD."""
    assert column.type is not None
    parts = [quote(column.name), column.type.postgres]
    if column.virtual is not None:
        parts.append(f"GENERATED ALWAYS AS (({context.expression(column.virtual)})::{column.type.postgres}) STORED")
    elif column.default is not None and column.default.strip().upper() != "NULL":
        parts.append(f"DEFAULT {context.expression(column.default)}")
    check = length_check(owner, table, column.name, column.type)
    if check is not None:
        parts.append(f"CONSTRAINT {quote('L$' + column.name[:50])} CHECK ({check})")
    if column.nullable is False:
        parts.append("NOT NULL")
    return " ".join(parts)


def add_virtual_column(context: Context, owner: str, table: str, column: Column) -> None:
    """As a generated column; one whose expression depends on the session (conversions by NLS) is computed by a trigger."""
    context.connection.execute("SAVEPOINT a_column")
    try:
        context.run(f"ALTER TABLE {relation(owner, table)} ADD {add_postgres_column(context, owner, table, column)}")
    except OracleError as error:
        context.connection.execute("ROLLBACK TO a_column")
        if "42P17" not in error.message:
            raise
        assert column.type is not None
        assert column.virtual is not None
        kind = column.type.postgres
        context.run(f"ALTER TABLE {relation(owner, table)} ADD {quote(column.name)} {kind}")
        function = f"ora.{quote(f'virtual_{context.next_id()}')}"
        value = f"SELECT ({context.expression(column.virtual)})::{kind} INTO NEW.{quote(column.name)} FROM (SELECT NEW.*) AS r"
        context.run(f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $b$ BEGIN {value}; RETURN NEW; END $b$")
        context.run(
            f"CREATE TRIGGER {quote('B$' + column.name[:50])} BEFORE INSERT OR UPDATE ON {relation(owner, table)}"
            f" FOR EACH ROW EXECUTE FUNCTION {function}()"
        )
    context.connection.execute("RELEASE a_column")


def check_type(context: Context, column: Column) -> None:
    kind = column.type
    assert kind is not None
    limit = 32767 if context.extended_strings else (4000 if kind.name != "RAW" else 2000)
    if kind.name in ("VARCHAR2", "NVARCHAR2", "RAW") and (kind.length * (2 if kind.name in NATIONAL else 1)) > limit:
        raise OracleError(910, "specified length too long for its datatype")
    if kind.owner == "?":
        found = dd.rows(context.connection, "TYPES", "OWNER", TYPE_NAME=kind.name)
        if not found and not kind.name.startswith(("SDO_", "ANY", "URI", "HTTPURI", "DBURI", "ORD")):
            raise OracleError(902, "invalid datatype")


def record_column(
    context: Context, owner: str, table: str, column: Column, column_id: int | None, internal: int, *, nullable: bool = True
) -> None:
    """The row of TAB_COLS, and those of LOBS and TAB_IDENTITY_COLS."""
    kind = column.type
    assert kind is not None
    type_owner = None
    if kind.owner:
        found = dd.rows(context.connection, "TYPES", "OWNER", TYPE_NAME=kind.name)
        type_owner = (
            kind.owner
            if kind.owner != "?"
            else (str(found[0][0]) if found else "MDSYS" if kind.name.startswith("SDO_") else "SYS")
        )
    default = column.virtual if column.virtual is not None else column.default
    hidden = bool(column.invisible)
    national = kind.name in NATIONAL
    dd.insert(
        context.connection,
        "TAB_COLS",
        OWNER=owner,
        TABLE_NAME=table,
        COLUMN_NAME=column.name,
        DATA_TYPE=kind.dictionary_name,
        DATA_TYPE_OWNER="SYS" if kind.name == "XMLTYPE" else type_owner,
        DATA_LENGTH=kind.dictionary_length,
        DATA_PRECISION=kind.precision
        if kind.name in ("NUMBER", "FLOAT", "INTERVAL DAY TO SECOND", "INTERVAL YEAR TO MONTH")
        else None,
        DATA_SCALE=kind.scale if kind.name == "NUMBER" or kind.name.startswith(("TIMESTAMP", "INTERVAL")) else None,
        NULLABLE="Y" if nullable else "N",
        COLUMN_ID=column_id,
        DEFAULT_LENGTH=len(default) if default else None,
        DATA_DEFAULT=default,
        CHARACTER_SET_NAME="NCHAR_CS"
        if national
        else "CHAR_CS"
        if kind.name in CHARACTER or kind.name in ("CLOB", "LONG")
        else None,
        CHAR_COL_DECL_LENGTH=kind.bytes if kind.name in CHARACTER else 4000 if kind.name in ("CLOB", "NCLOB") else None,
        CHAR_LENGTH=kind.length if kind.name in CHARACTER else 0,
        CHAR_USED=("C" if kind.chars else "B") if kind.name in CHARACTER else None,
        V80_FMT_IMAGE="NO",
        DATA_UPGRADED="YES",
        HIDDEN_COLUMN="YES" if hidden else "NO",
        VIRTUAL_COLUMN="YES" if column.virtual is not None else "NO",
        SEGMENT_COLUMN_ID=None if column.virtual is not None else internal,
        INTERNAL_COLUMN_ID=internal,
        HISTOGRAM="NONE",
        QUALIFIED_COL_NAME=column.name,
        USER_GENERATED="YES",
        DEFAULT_ON_NULL="YES" if column.on_null else "NO",
        IDENTITY_COLUMN="YES" if column.identity else "NO",
        COLLATION="USING_NLS_COMP" if kind.name in CHARACTER else None,
        GLOBAL_STATS="NO",
        USER_STATS="NO",
    )
    if kind.name in LOBS:
        segment = f"SYS_LOB{context.next_id():010}C{internal:05}$$"
        dd.insert(
            context.connection,
            "LOBS",
            OWNER=owner,
            TABLE_NAME=table,
            COLUMN_NAME=column.name,
            SEGMENT_NAME=segment,
            TABLESPACE_NAME="USERS",
            INDEX_NAME=segment.replace("LOB", "IL"),
            CHUNK=8192,
            CACHE="NO",
            LOGGING="YES",
            IN_ROW="YES",
            PARTITIONED="NO",
            SECUREFILE="YES",
        )
    if kind.name == "XMLTYPE":
        dd.insert(
            context.connection,
            "XML_TAB_COLS",
            OWNER=owner,
            TABLE_NAME=table,
            COLUMN_NAME=column.name,
            STORAGE_TYPE="BINARY",
            ANYSCHEMA="NO",
            NONSCHEMA="NO",
        )


def clamp(number: int) -> int:
    """Within what PostgreSQL's sequences can count."""
    return max(-LARGEST, min(LARGEST, number))


def create_sequence(context: Context, owner: str, name: str, options: SequenceOptions) -> None:
    """The sequence on PostgreSQL and in the dictionary."""
    increment = options.increment if options.increment is not None else 1
    maximum = options.max_value if isinstance(options.max_value, int) else (NO_MAXVALUE if increment > 0 else -1)
    minimum = options.min_value if isinstance(options.min_value, int) else (1 if increment > 0 else -NO_MAXVALUE)
    start = options.start if options.start is not None else (minimum if increment > 0 else maximum)
    if start < minimum:
        raise OracleError(4006, "START WITH cannot be less than MINVALUE")
    if start > maximum:
        raise OracleError(4008, "START WITH cannot be more than MAXVALUE")
    if increment == 0:
        raise OracleError(4002, "INCREMENT must be a non-zero integer")
    context.run(
        f"CREATE SEQUENCE {relation(owner, name)} INCREMENT {clamp(increment)} MINVALUE {clamp(minimum)} MAXVALUE"
        f" {clamp(maximum)}"
        f" START {clamp(start)} {'CYCLE' if options.cycle else ''}"
    )
    dd.insert(
        context.connection,
        "SEQUENCES_",
        SEQUENCE_OWNER=owner,
        SEQUENCE_NAME=name,
        MIN_VALUE=minimum,
        MAX_VALUE=maximum,
        INCREMENT_BY=increment,
        CYCLE_FLAG="Y" if options.cycle else "N",
        ORDER_FLAG="Y" if options.order else "N",
        CACHE_SIZE=20 if options.cache is None else options.cache,
        START_WITH=start,
        SCALE_FLAG="N",
        EXTEND_FLAG="N",
        SHARDED_FLAG="N",
        SESSION_FLAG="N",
        KEEP_VALUE="N",
    )


def make_identity(context: Context, owner: str, table: str, object_id: int, column: Column) -> None:
    """The sequence of an identity column, as its default."""
    name = f"ISEQ$$_{object_id}"
    options = column.sequence or SequenceOptions()
    create_sequence(context, owner, name, options)
    add_object(context, owner, name, "SEQUENCE", generated=True)
    column.default = f'"{owner}"."{name}".nextval'
    dd.insert(
        context.connection,
        "TAB_IDENTITY_COLS",
        OWNER=owner,
        TABLE_NAME=table,
        COLUMN_NAME=column.name,
        GENERATION_TYPE=column.identity,
        SEQUENCE_NAME=name,
        IDENTITY_OPTIONS=(
            f"START WITH: {options.start if options.start is not None else 1}, INCREMENT BY: {options.increment or 1}, "
            f"MAX_VALUE: {options.max_value if isinstance(options.max_value, int) else NO_MAXVALUE}, MIN_VALUE:"
            f" {options.min_value if isinstance(options.min_value, int) else 1}, "
            f"CYCLE_FLAG: {'Y' if options.cycle else 'N'}, CACHE_SIZE: {20 if options.cache is None else options.cache},"
            f" ORDER_FLAG: {'Y' if options.order else 'N'}"
        ),
    )


def on_null_trigger(context: Context, owner: str, table: str) -> None:
    """DEFAULT ON NULL: a trigger that puts the default in place of NULL."""
    found = context.connection.execute(
        'SELECT "COLUMN_NAME"::text, "DATA_DEFAULT"::text FROM ora."TAB_COLS" WHERE "OWNER" = %s::text AND "TABLE_NAME" ='
        " %s::text AND \"DEFAULT_ON_NULL\"::text = 'YES'",
        (owner, table),
    ).fetchall()
    function = f"ora.{quote('on_null_' + str(context.oid(owner, table)))}"
    context.run(f'DROP TRIGGER IF EXISTS "A$ON_NULL" ON {relation(owner, table)}')
    if not found:
        return
    body = " ".join(f"IF NEW.{quote(c)} IS NULL THEN NEW.{quote(c)} := {context.expression(d)}; END IF;" for c, d in found)
    context.run(
        f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $b$ BEGIN {body} RETURN NEW; END $b$"
    )
    context.run(
        f'CREATE TRIGGER "A$ON_NULL" BEFORE INSERT ON {relation(owner, table)} FOR EACH ROW EXECUTE FUNCTION {function}()'
    )


# -- tables --------------------------------------------------------------------------------------------------------------


def create_table(context: Context, table: CreateTable) -> tuple[str, int]:
    """Create it, its constraints too; (owner, object id). Its rows, for AS SELECT, are the caller's."""
    from voyager_ops.testing.oracle.ddl_constraints import add_constraint

    owner = context.owner(table.owner)
    name = table.name
    check_name(name)
    check_free(context, owner, name)
    _typed_columns(context, table)
    if not table.columns:
        raise OracleError(904, ": invalid identifier") if table.of_type is None else OracleError(902, "invalid datatype")
    seen: set[str] = set()
    for column in table.columns:
        check_name(column.name)
        if column.name in seen:
            raise OracleError(957, "duplicate column name")
        seen.add(column.name)
        if column.type is None:
            column.type = DataType("NUMBER") if column.virtual is not None else column.type
        check_type(context, column)
    if sum(c.type is not None and c.type.name in ("LONG", "LONG RAW") for c in table.columns) > 1:
        raise OracleError(1754, "a table may contain only one column of type LONG")
    primary = {
        c
        for k in [*table.constraints, *(k for col in table.columns for k in col.constraints)]
        if k.kind == "P"
        for c in k.columns
    }
    context.run(f'CREATE TABLE {relation(owner, name)} ("{ROW_NUMBER}" bigint GENERATED BY DEFAULT AS IDENTITY)')
    object_id = context.oid(owner, name)
    add_object(context, owner, name, "TABLE", object_id, temporary=bool(table.temporary))
    visible = 0
    for column in table.columns:
        if column.identity:
            make_identity(context, owner, name, object_id, column)
            column.nullable = False if column.nullable is None else column.nullable
        if column.on_null:
            column.nullable = False
    definitions = [add_postgres_column(context, owner, name, c) for c in table.columns if c.virtual is None]
    if definitions:
        context.run(f"ALTER TABLE {relation(owner, name)} " + ", ".join("ADD " + d for d in definitions))
    for column in table.columns:
        if column.virtual is not None:
            add_virtual_column(context, owner, name, column)
    context.run(f"CREATE UNIQUE INDEX ON {relation(owner, name)} ({quote(ROW_NUMBER)})")
    for internal, column in enumerate(table.columns, 1):
        if not column.invisible:
            visible += 1
        nullable = column.nullable is not False and column.name not in primary
        record_column(context, owner, name, column, None if column.invisible else visible, internal, nullable=nullable)
    _record_table(context, owner, table, object_id)
    if any(c.on_null for c in table.columns):
        on_null_trigger(context, owner, name)
    inline = [k for c in table.columns for k in c.constraints]
    for column in table.columns:
        if column.nullable is False and not any(k.kind == "N" for k in column.constraints):
            inline.append(Constraint("N", None, [column.name], condition=f'"{column.name}" IS NOT NULL'))
    for constraint in sorted([*inline, *table.constraints], key=lambda k: "NPUCR".index(k.kind)):
        add_constraint(context, owner, name, constraint)
    if table.partitioning is not None:
        record_partitions(context, owner, name, table.partitioning)
    for group, columns, always in table.log_groups:
        record_log_group(context, owner, name, group, columns, always)
    return owner, object_id


def _typed_columns(context: Context, table: CreateTable) -> None:
    if table.of_type is None:
        return
    if table.of_type == (None, "XMLTYPE"):
        table.columns = [Column("SYS_NC_ROWINFO$", DataType("XMLTYPE"))]
        return
    owner = table.of_type[0] or context.schema
    own = {c.name: c for c in table.columns}
    attributes = dd.rows(
        context.connection,
        "TYPE_ATTRS",
        "ATTR_NAME",
        "ATTR_TYPE_NAME",
        "LENGTH",
        "PRECISION",
        "SCALE",
        order="ATTR_NO",
        OWNER=owner,
        TYPE_NAME=table.of_type[1],
    )
    columns = []
    for name, kind, length, precision, scale in attributes:
        column = own.get(str(name)) or Column(str(name))
        column.type = DataType(
            str(kind),
            length=int(length or 0),
            precision=None if precision is None else int(precision),
            scale=None if scale is None else int(scale),
        )
        columns.append(column)
    table.columns = columns


def _record_table(context: Context, owner: str, table: CreateTable, object_id: int) -> None:
    nested = "NO"
    dd.insert(
        context.connection,
        "TABLES",
        OWNER=owner,
        TABLE_NAME=table.name,
        TABLESPACE_NAME=None if table.temporary or table.partitioning else table.tablespace or "USERS",
        CLUSTER_NAME=table.cluster,
        STATUS="VALID",
        PCT_FREE=10,
        INI_TRANS=1,
        MAX_TRANS=255,
        LOGGING="NO" if table.temporary else "YES",
        BACKED_UP="N",
        DEGREE="1",
        INSTANCES="1",
        CACHE="N",
        TABLE_LOCK="ENABLED",
        PARTITIONED="YES" if table.partitioning else "NO",
        IOT_TYPE="IOT" if table.organization == "INDEX" else None,
        TEMPORARY="Y" if table.temporary else "N",
        SECONDARY="N",
        NESTED=nested,
        BUFFER_POOL="DEFAULT",
        ROW_MOVEMENT="DISABLED",
        GLOBAL_STATS="NO",
        USER_STATS="NO",
        DURATION={"DELETE": "SYS$TRANSACTION", "PRESERVE": "SYS$SESSION"}.get(table.temporary),
        MONITORING="YES",
        DEPENDENCIES="DISABLED",
        COMPRESSION="DISABLED",
        DROPPED="NO",
        READ_ONLY="NO",
        SEGMENT_CREATED="YES",
        RESULT_CACHE="DEFAULT",
        HAS_IDENTITY="YES" if any(c.identity for c in table.columns) else "NO",
        CONTAINER_DATA="NO",
        EXTERNAL="YES" if table.external else "NO",
        HYBRID="NO",
    )
    dd.insert(context.connection, "TAB_COMMENTS", OWNER=owner, TABLE_NAME=table.name, TABLE_TYPE="TABLE")
    for column in table.columns:
        dd.insert(context.connection, "COL_COMMENTS", OWNER=owner, TABLE_NAME=table.name, COLUMN_NAME=column.name)
    if table.external:
        directory = next(
            (
                t
                for t in table.external.replace(",", " ").split()
                if t.isidentifier() and t.upper() not in ("TYPE", "DEFAULT", "DIRECTORY", "ORACLE_LOADER")
            ),
            None,
        )
        dd.insert(
            context.connection,
            "EXTERNAL_TABLES",
            OWNER=owner,
            TABLE_NAME=table.name,
            TYPE_OWNER="SYS",
            TYPE_NAME="ORACLE_LOADER",
            DEFAULT_DIRECTORY_OWNER="SYS",
            DEFAULT_DIRECTORY_NAME=directory.upper() if directory else None,
            REJECT_LIMIT="0",
            ACCESS_TYPE="CLOB",
            ACCESS_PARAMETERS=table.external,
        )
    for column_name, storage in table.nested:
        dd.insert(
            context.connection,
            "NESTED_TABLES",
            OWNER=owner,
            TABLE_NAME=storage,
            PARENT_TABLE_NAME=table.name,
            PARENT_TABLE_COLUMN=column_name,
        )
        dd.insert(
            context.connection,
            "TABLES",
            OWNER=owner,
            TABLE_NAME=storage,
            STATUS="VALID",
            NESTED="YES",
            TEMPORARY="N",
            PARTITIONED="NO",
            EXTERNAL="NO",
            SECONDARY="N",
            DROPPED="NO",
        )
        add_object(context, owner, storage, "TABLE")
    if table.of_type is not None:
        if table.of_type[1] == "XMLTYPE":
            dd.insert(context.connection, "XML_TABLES", OWNER=owner, TABLE_NAME=table.name, STORAGE_TYPE="BINARY")
        else:
            dd.insert(
                context.connection,
                "OBJECT_TABLES",
                OWNER=owner,
                TABLE_NAME=table.name,
                STATUS="VALID",
                TABLE_TYPE_OWNER=table.of_type[0] or context.schema,
                TABLE_TYPE=table.of_type[1],
                TEMPORARY="N",
                NESTED="NO",
            )


def record_log_group(context: Context, owner: str, table: str, group: str, columns: Sequence[str], always: bool) -> None:
    """LOG_GROUPS rows of ADD SUPPLEMENTAL LOG. ORA-32588 when it is there already."""
    kinds = {
        "ALL": "ALL COLUMN LOGGING",
        "PRIMARY KEY": "PRIMARY KEY LOGGING",
        "UNIQUE": "UNIQUE KEY LOGGING",
        "FOREIGN KEY": "FOREIGN KEY LOGGING",
    }
    if columns:
        if dd.exists(context.connection, "LOG_GROUPS", OWNER=owner, LOG_GROUP_NAME=group):
            raise OracleError(32588, f"supplemental logging attribute {group} exists")
        dd.insert(
            context.connection,
            "LOG_GROUPS",
            OWNER=owner,
            LOG_GROUP_NAME=group,
            TABLE_NAME=table,
            LOG_GROUP_TYPE="USER LOG GROUP",
            ALWAYS="ALWAYS" if always else "CONDITIONAL",
            GENERATED="USER NAME",
        )
        for position, column in enumerate(columns, 1):
            dd.insert(
                context.connection,
                "LOG_GROUP_COLUMNS",
                OWNER=owner,
                LOG_GROUP_NAME=group,
                TABLE_NAME=table,
                COLUMN_NAME=column,
                POSITION=position,
                LOGGING_PROPERTY="LOG",
            )
        return
    for kind in group.split(","):
        if dd.exists(context.connection, "LOG_GROUPS", OWNER=owner, TABLE_NAME=table, LOG_GROUP_TYPE=kinds[kind]):
            raise OracleError(32588, f"supplemental logging attribute {kind.lower()} column exists")
        dd.insert(
            context.connection,
            "LOG_GROUPS",
            OWNER=owner,
            LOG_GROUP_NAME=f"SYS_C{context.next_id():06}",
            TABLE_NAME=table,
            LOG_GROUP_TYPE=kinds[kind],
            ALWAYS="CONDITIONAL" if kind in ("UNIQUE", "FOREIGN KEY") else "ALWAYS",
            GENERATED="GENERATED NAME",
        )


def record_partitions(context: Context, owner: str, table: str, spec: Partitioning) -> None:
    """PART_TABLES, key columns, partitions and subpartitions."""
    connection = context.connection
    dd.insert(
        connection,
        "PART_TABLES",
        OWNER=owner,
        TABLE_NAME=table,
        PARTITIONING_TYPE=spec.kind,
        SUBPARTITIONING_TYPE=spec.sub_kind,
        PARTITION_COUNT=1048575 if spec.interval else len(spec.partitions),
        DEF_SUBPARTITION_COUNT=len(spec.template),
        PARTITIONING_KEY_COUNT=len(spec.columns),
        SUBPARTITIONING_KEY_COUNT=len(spec.sub_columns),
        STATUS="VALID",
        DEF_TABLESPACE_NAME="USERS",
        REF_PTN_CONSTRAINT_NAME=spec.reference,
        INTERVAL=spec.interval,
        AUTOLIST="YES" if spec.autolist else "NO",
        IS_NESTED="NO",
    )
    for position, column in enumerate(spec.columns, 1):
        dd.insert(
            connection,
            "PART_KEY_COLUMNS",
            OWNER=owner,
            NAME=table,
            OBJECT_TYPE="TABLE",
            COLUMN_NAME=column,
            COLUMN_POSITION=position,
        )
    for position, column in enumerate(spec.sub_columns, 1):
        dd.insert(
            connection,
            "SUBPART_KEY_COLUMNS",
            OWNER=owner,
            NAME=table,
            OBJECT_TYPE="TABLE",
            COLUMN_NAME=column,
            COLUMN_POSITION=position,
        )
    for position, template in enumerate(spec.template, 1):
        if template.name is not None:
            dd.insert(
                connection,
                "SUBPARTITION_TEMPLATES",
                USER_NAME=owner,
                TABLE_NAME=table,
                SUBPARTITION_NAME=template.name,
                SUBPARTITION_POSITION=position,
                HIGH_BOUND=template.high_value,
            )
    for position, partition in enumerate(spec.partitions, 1):
        record_partition(context, owner, table, partition, position, composite=spec.sub_kind != "NONE", template=spec.template)


def record_partition(
    context: Context,
    owner: str,
    table: str,
    partition: Partition,
    position: int,
    *,
    composite: bool,
    template: Sequence[Partition] = (),
) -> None:
    connection = context.connection
    name = partition.name or f"SYS_P{context.next_id()}"
    children = partition.children or (list(template) or [Partition(None)] if composite else [])
    high = _canonical_bound(partition.high_value)
    dd.insert(
        connection,
        "TAB_PARTITIONS",
        TABLE_OWNER=owner,
        TABLE_NAME=table,
        COMPOSITE="YES" if composite else "NO",
        PARTITION_NAME=name,
        SUBPARTITION_COUNT=len(children),
        HIGH_VALUE=high,
        HIGH_VALUE_LENGTH=len(high),
        PARTITION_POSITION=position,
        TABLESPACE_NAME="USERS",
        INTERVAL="NO",
        SEGMENT_CREATED="YES",
    )
    add_object(context, owner, table, "TABLE PARTITION", sub=name)
    for number, child in enumerate(children, 1):
        child_name = (
            f"{name}_{child.name}" if child.name and not partition.children else child.name or f"SYS_SUBP{context.next_id()}"
        )
        bound = _canonical_bound(child.high_value)
        dd.insert(
            connection,
            "TAB_SUBPARTITIONS",
            TABLE_OWNER=owner,
            TABLE_NAME=table,
            PARTITION_NAME=name,
            SUBPARTITION_NAME=child_name,
            HIGH_VALUE=bound,
            HIGH_VALUE_LENGTH=len(bound),
            PARTITION_POSITION=position,
            SUBPARTITION_POSITION=number,
            TABLESPACE_NAME="USERS",
            INTERVAL="NO",
        )
        add_object(context, owner, table, "TABLE SUBPARTITION", sub=child_name)


def _canonical_bound(text: str) -> str:
    """A partition's bound as HIGH_VALUE has it: dates as TO_DATE calls with the calendar."""

    def date(match: re.Match[str]) -> str:
        year, month, day = match[2].split("-")
        moment = f" {int(year):04}-{int(month):02}-{int(day):02} 00:00:00"
        return f"TO_DATE('{moment}', 'SYYYY-MM-DD HH24:MI:SS', 'NLS_CALENDAR=GREGORIAN')"

    text = re.sub(r"(?i)\b(DATE\s*)'(\d+-\d+-\d+)'", date, text)
    text = re.sub(r"(?i)\b(TO_DATE\s*\(\s*)'(\d{4}-\d{1,2}-\d{1,2})'\s*,\s*'S?YYYY-MM-DD'\s*\)", date, text)
    text = re.sub(r"(?i)\b(TIMESTAMP\s*)'(\d+-\d+-\d+) (\d+:\d+:\d+)'", lambda m: f"TIMESTAMP' {m[2]} {m[3]}'", text)
    if text.upper() in ("MAXVALUE", "DEFAULT"):
        return text.upper()
    return text
