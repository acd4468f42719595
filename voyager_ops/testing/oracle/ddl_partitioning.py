"""PARTITION BY and its partitions, parsed."""

from __future__ import annotations

from voyager_ops.testing.oracle.ddl_model import Partition, Partitioning
from voyager_ops.testing.oracle.tokens import Cursor


def parse_partitioning(cursor: Cursor) -> Partitioning:
    kind = cursor.name()
    if kind == "REFERENCE":
        cursor.expect("(")
        reference = cursor.name()
        cursor.expect(")")
        result = Partitioning(kind, [], reference=reference)
    elif kind == "SYSTEM":
        result = Partitioning(kind, [])
        if cursor.accept("PARTITIONS"):
            result.partitions = [Partition(None) for _ in range(cursor.integer())]
    else:
        result = Partitioning(kind, cursor.names())
    if cursor.accept("INTERVAL"):
        result.interval = cursor.parenthesised()
    if cursor.accept("AUTOMATIC"):
        result.autolist = True
    if cursor.accept("STORE", "IN"):
        cursor.parenthesised()
    if cursor.accept("SUBPARTITION", "BY"):
        result.sub_kind = cursor.name()
        result.sub_columns = cursor.names()
        if cursor.accept("SUBPARTITION", "TEMPLATE"):
            result.template = _partitions(cursor, "SUBPARTITION")
        elif cursor.accept("SUBPARTITIONS"):
            result.template = [Partition(None) for _ in range(cursor.integer())]
        if cursor.accept("STORE", "IN"):
            cursor.parenthesised()
    if cursor.accept("PARTITIONS"):
        result.partitions = [Partition(None) for _ in range(cursor.integer())]
        if cursor.accept("STORE", "IN"):
            cursor.parenthesised()
    elif cursor.is_word("("):
        result.partitions = _partitions(cursor, "PARTITION")
    return result


def _partitions(cursor: Cursor, word: str) -> list[Partition]:
    if cursor.token.kind == "number":
        return [Partition(None) for _ in range(cursor.integer())]
    result = []
    cursor.expect("(")
    while True:
        cursor.expect(word)
        result.append(parse_partition(cursor))
        if cursor.accept(","):
            continue
        cursor.expect(")")
        return result


def parse_partition(cursor: Cursor) -> Partition:
    """After PARTITION: name, bound, subpartitions."""
    partition = Partition(None)
    if cursor.token.is_name and cursor.token.value not in ("VALUES", "TABLESPACE"):
        partition.name = cursor.name()
    if cursor.accept("VALUES", "LESS", "THAN") or cursor.accept("VALUES"):
        partition.high_value = cursor.parenthesised()
    while cursor.token.kind != "end" and not cursor.is_word(",") and not cursor.is_word(")"):
        if cursor.accept("SUBPARTITIONS"):
            partition.children = [Partition(None) for _ in range(cursor.integer())]
        elif cursor.is_word("(", "SUBPARTITION"):
            partition.children = _partitions(cursor, "SUBPARTITION")
        elif cursor.is_word("("):
            cursor.parenthesised()
        elif cursor.done:
            break
        else:
            cursor.at += 1
    return partition
