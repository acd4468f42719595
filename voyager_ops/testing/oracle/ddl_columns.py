"""Columns: PostgreSQL's and their rows in the dictionary; sequences, which identity columns have too."""

from __future__ import annotations

from collections.abc import Mapping

from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.datatypes import CHARACTER, LOBS, NATIONAL, SUPPLIED, DataType
from voyager_ops.testing.oracle.ddl_context import LARGEST, NO_MAXVALUE, Context, add_object, relation
from voyager_ops.testing.oracle.ddl_model import Column, SequenceOptions
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.rewrite import literal, quote
from voyager_ops.testing.oracle.tokens import tokenize


def length_check(owner: str, table: str, column: str, kind: DataType) -> str | None:
    """The condition that keeps a value within the column's length, or raises ORA-12899 with names and numbers."""
    if kind.name not in CHARACTER and kind.name != "RAW":
        return None
    name = quote(column)
    if kind.name == "RAW":
        count = f"octet_length({name}::bytea)"
    else:
        count = f"{'ora.units' if kind.name in NATIONAL else 'char_length' if kind.chars else 'octet_length'}({name}::text)"
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


# PostgreSQL's type of an expression -> that of a virtual column that is declared without one.
_DERIVED = {
    "float4": DataType("BINARY_FLOAT"),
    "float8": DataType("BINARY_DOUBLE"),
    "bool": DataType("BOOLEAN"),
    "date": DataType("DATE"),
    "ts": DataType("TIMESTAMP", scale=9),
    "tstz": DataType("TIMESTAMP WITH TIME ZONE", scale=9),
    "tsltz": DataType("TIMESTAMP WITH LOCAL TIME ZONE", scale=9),
    "ids": DataType("INTERVAL DAY TO SECOND", precision=9, scale=9),
    "iym": DataType("INTERVAL YEAR TO MONTH", precision=9, scale=0),
    "raw": DataType("RAW", length=2000),
    "clob": DataType("CLOB"),
    "nclob": DataType("NCLOB"),
    "blob": DataType("BLOB"),
    "nvarchar2": DataType("NVARCHAR2", length=2000, chars=True),
    "nchar": DataType("NVARCHAR2", length=2000, chars=True),
    **dict.fromkeys(("char", "varchar2", "text", "bpchar", "unknown"), DataType("VARCHAR2", length=4000)),
}


def derived_type(context: Context, owner: str, table: str, expression: str, columns: Mapping[str, DataType]) -> DataType:
    """The type of an expression of a table's ``columns``, which are there already."""
    context.run(
        f"CREATE TEMPORARY VIEW of_expression AS SELECT ({context.expression(expression)}) AS v FROM {relation(owner, table)}"
    )
    row = context.connection.execute(
        "SELECT t.typname::text FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"
        " WHERE a.attrelid = 'pg_temp.of_expression'::regclass AND a.attname = 'v'"
    ).fetchone()
    context.run("DROP VIEW pg_temp.of_expression")
    assert row is not None
    kind = _DERIVED.get(str(row[0]), DataType("NUMBER"))
    if kind.name != "VARCHAR2":
        return kind
    length, sorts = 0, set()
    for token in tokenize(expression):
        if token.kind == "string":
            length += len(token.value.encode())
        elif token.is_name and token.value in columns and columns[token.value].name in CHARACTER:
            length += columns[token.value].length
            sorts.add(columns[token.value].chars)
        elif token.kind not in ("op", "end") and token.value not in (
            "UPPER",
            "LOWER",
            "INITCAP",
            "TRIM",
            "LTRIM",
            "RTRIM",
            "CONCAT",
        ):
            return kind
    return DataType("VARCHAR2", length=length, chars=sorts == {True}) if length and len(sorts) < 2 else kind


def check_identity(column: Column) -> None:
    """ORA-30675 for an identity column that cannot count."""
    if column.identity and column.identity != "DROP" and column.type is not None and column.type.name not in ("NUMBER", "FLOAT"):
        raise OracleError(30675, "identity column must be a numeric type")


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
        DATA_TYPE_OWNER=type_owner if kind.owner else SUPPLIED.get(kind.name),
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
    if minimum >= maximum:
        raise OracleError(4004, "MINVALUE must be less than MAXVALUE")
    cache = 20 if options.cache is None else options.cache
    if options.cache == 1:
        raise OracleError(4010, "the number of values to CACHE must be greater than 1")
    if increment and options.cycle and cache > (maximum - minimum) // abs(increment) + 1:
        raise OracleError(4013, "number to CACHE must be less than one cycle")
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
