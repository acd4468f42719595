"""Sequences, synonyms and comments."""

from __future__ import annotations

from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.ddl_clauses import parse_sequence_options
from voyager_ops.testing.oracle.ddl_columns import clamp, create_sequence
from voyager_ops.testing.oracle.ddl_context import LARGEST, NO_MAXVALUE, Context, add_object, check_free, check_name, relation
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.tokens import Cursor


def create_sequence_statement(context: Context, cursor: Cursor) -> None:
    owner, name = cursor.qualified()
    owner = context.owner(owner)
    check_name(name)
    check_free(context, owner, name)
    options = parse_sequence_options(cursor)
    if not cursor.done:
        raise cursor.fail(933)
    create_sequence(context, owner, name, options)
    add_object(context, owner, name, "SEQUENCE")


def alter_sequence(context: Context, cursor: Cursor) -> None:
    owner, name = cursor.qualified()
    owner = owner or context.schema
    keys = {"SEQUENCE_OWNER": owner, "SEQUENCE_NAME": name}
    if not dd.exists(context.connection, "SEQUENCES_", **keys):
        raise OracleError(2289, "sequence does not exist")
    options = parse_sequence_options(cursor)
    if options.start is not None and not options.restart:
        raise OracleError(2283, "cannot alter starting sequence number")
    clauses = []
    for value, column, word, default in (
        (options.increment, "INCREMENT_BY", "INCREMENT", 1),
        (options.max_value, "MAX_VALUE", "MAXVALUE", NO_MAXVALUE),
        (options.min_value, "MIN_VALUE", "MINVALUE", 1),
    ):
        if value is not None:
            number = value if isinstance(value, int) else default
            dd.update(context.connection, "SEQUENCES_", keys, **{column: number})
            clauses.append(f"{word} {clamp(number)}")
    if options.cycle is not None:
        dd.update(context.connection, "SEQUENCES_", keys, CYCLE_FLAG="Y" if options.cycle else "N")
        clauses.append("CYCLE" if options.cycle else "NO CYCLE")
    if options.order is not None:
        dd.update(context.connection, "SEQUENCES_", keys, ORDER_FLAG="Y" if options.order else "N")
    if options.cache is not None:
        dd.update(context.connection, "SEQUENCES_", keys, CACHE_SIZE=options.cache)
    if options.start is not None or options.restart:
        ((start, minimum),) = dd.rows(context.connection, "SEQUENCES_", "START_WITH", "MIN_VALUE", **keys)
        restart = options.start if options.start is not None else int(minimum if minimum > -LARGEST else start)
        dd.update(context.connection, "SEQUENCES_", keys, START_WITH=restart)
        clauses.append(f"RESTART WITH {clamp(restart)}")
    if clauses:
        context.run(f"ALTER SEQUENCE {relation(owner, name)} {' '.join(clauses)}")


def drop_sequence(context: Context, cursor: Cursor) -> None:
    owner, name = cursor.qualified()
    owner = owner or context.schema
    if not dd.delete(context.connection, "SEQUENCES_", SEQUENCE_OWNER=owner, SEQUENCE_NAME=name):
        raise OracleError(2289, "sequence does not exist")
    dd.delete(context.connection, "OBJECTS", OWNER=owner, OBJECT_NAME=name, OBJECT_TYPE="SEQUENCE")
    context.run(f"DROP SEQUENCE {relation(owner, name)} CASCADE")


def create_synonym(context: Context, cursor: Cursor, *, public: bool, replace: bool) -> None:
    owner, name = cursor.qualified()
    owner = "PUBLIC" if public else context.owner(owner)
    cursor.expect("FOR")
    t_owner, t_name = cursor.qualified()
    link = None
    if cursor.accept("@"):
        link = cursor.name()
        while cursor.accept("."):
            link += "." + cursor.name()
    if dd.exists(context.connection, "SYNONYMS", OWNER=owner, SYNONYM_NAME=name):
        if not replace:
            raise OracleError(955, "name is already used by an existing object")
        dd.delete(context.connection, "SYNONYMS", OWNER=owner, SYNONYM_NAME=name)
        dd.delete(context.connection, "OBJECTS", OWNER=owner, OBJECT_NAME=name, OBJECT_TYPE="SYNONYM")
    elif not public:
        check_free(context, owner, name)
    dd.insert(
        context.connection,
        "SYNONYMS",
        OWNER=owner,
        SYNONYM_NAME=name,
        TABLE_OWNER=t_owner or (None if link else context.schema),
        TABLE_NAME=t_name,
        DB_LINK=link,
    )
    add_object(context, owner, name, "SYNONYM")


def drop_synonym(context: Context, cursor: Cursor, *, public: bool) -> None:
    owner, name = cursor.qualified()
    owner = "PUBLIC" if public else owner or context.schema
    if not dd.delete(context.connection, "SYNONYMS", OWNER=owner, SYNONYM_NAME=name):
        raise OracleError(1432 if public else 1434, f"{'public' if public else 'private'} synonym to be dropped does not exist")
    dd.delete(context.connection, "OBJECTS", OWNER=owner, OBJECT_NAME=name, OBJECT_TYPE="SYNONYM")


def comment(context: Context, cursor: Cursor) -> None:
    """After COMMENT ON."""
    if cursor.accept("TABLE") or cursor.accept("MATERIALIZED", "VIEW"):
        owner, name = cursor.qualified()
        cursor.expect("IS")
        text = cursor.string() or None
        if not dd.update(
            context.connection, "TAB_COMMENTS", {"OWNER": owner or context.schema, "TABLE_NAME": name}, COMMENTS=text
        ):
            raise OracleError(942, "table or view does not exist")
        return
    cursor.expect("COLUMN")
    parts = [cursor.name()]
    while cursor.accept("."):
        parts.append(cursor.name())
    cursor.expect("IS")
    text = cursor.string() or None
    owner = parts[0] if len(parts) == 3 else context.schema
    if not dd.exists(context.connection, "TAB_COMMENTS", OWNER=owner, TABLE_NAME=parts[-2]):
        raise OracleError(942, "table or view does not exist")
    if not dd.update(
        context.connection, "COL_COMMENTS", {"OWNER": owner, "TABLE_NAME": parts[-2], "COLUMN_NAME": parts[-1]}, COMMENTS=text
    ):
        raise OracleError(904, f'"{parts[-1]}": invalid identifier')
