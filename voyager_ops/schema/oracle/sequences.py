"""Sequences, and schemas."""

from __future__ import annotations

from sqlglot import exp

from voyager_ops.databases.oracle.names import fold
from voyager_ops.schema.oracle.columns import Bounds, sequence_bounds, sequence_properties
from voyager_ops.schema.oracle.dialect import Node, Refused, identifier, table
from voyager_ops.schema.oracle.output import Output
from voyager_ops.schema.oracle.source import Source, is_identity_sequence


def convert_schemas(source: Source, output: Output) -> None:
    for owner in source.dictionary.owners:
        output.add(exp.Create(this=exp.Table(this=identifier(fold(owner))), kind="SCHEMA", exists=True))


def convert_sequences(source: Source, output: Output) -> None:
    """Every sequence but those of identity columns, which make their own."""
    of_columns = {(row.owner, row.sequence_name) for row in source.dictionary.tab_identity_cols}
    for (owner, name), row in sorted(source.sequences.items()):
        output.account("SEQUENCE", owner, name)
        if (owner, name) in of_columns or is_identity_sequence(name):
            continue
        try:
            bounds = sequence_bounds(row)
        except Refused as refused:
            output.find("SEQUENCE_LEFT_OUT", "sequence", owner, name, f"the sequence is left out: {refused.reason}")
            continue
        if bounds.exhausted:
            output.find("SEQUENCE_EXHAUSTED", "sequence", owner, name, "it has no values left on the source")
        output.add(_create(source.names.at(owner, name), bounds))


def _create(place: tuple[str, str], bounds: Bounds) -> Node:
    properties = exp.Properties(expressions=[sequence_properties(bounds)])
    return exp.Create(this=table(*place), kind="SEQUENCE", properties=properties)
