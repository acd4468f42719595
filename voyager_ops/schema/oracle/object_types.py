"""Object types as composite types, collections as domains over arrays."""

from __future__ import annotations

from sqlglot import exp

from voyager_ops.databases.oracle import dictionary_rows as rows
from voyager_ops.databases.oracle.name_map import distinct
from voyager_ops.databases.oracle.types import OracleType, target_type, why_not
from voyager_ops.schema.oracle.dialect import Node, Refused, data_type, generate, identifier, table
from voyager_ops.schema.oracle.output import Output
from voyager_ops.schema.oracle.source import Source

_NAMES = {
    **dict.fromkeys(("DECIMAL", "INTEGER", "SMALLINT"), "NUMBER"),
    **dict.fromkeys(("REAL", "DOUBLE PRECISION"), "FLOAT"),
    "VARCHAR": "VARCHAR2",
    "TIMESTAMP WITH TZ": "TIMESTAMP WITH TIME ZONE",
    "TIMESTAMP WITH LOCAL TZ": "TIMESTAMP WITH LOCAL TIME ZONE",
}
"""How the dictionary spells types of attributes and elements, where it has other names for those of columns."""


class ObjectTypes:
    """Converts types, each after those it is made of."""

    def __init__(self, source: Source, output: Output) -> None:
        self.source = source
        self.output = output
        self.types = {(row.owner, row.type_name): row for row in source.dictionary.types}
        self.collections = {(row.owner, row.type_name): row for row in source.dictionary.coll_types}
        self.done: dict[tuple[str, str], str] = {}
        """Type to '' when it is on the target, else why it is not."""

    def convert_all(self) -> None:
        for place in sorted(self.types):
            self._convert(place)

    def _convert(self, place: tuple[str, str]) -> None:
        """Raises Refused when the type is being made already: it contains itself."""
        if place in self.done:
            return
        self.done[place] = "it contains itself"
        row = self.types[place]
        self.output.account("TYPE", *place)
        try:
            if row.typecode == "COLLECTION":
                self._collection(row)
            elif row.typecode == "OBJECT":
                self._object(row)
            else:
                raise Refused(f"a type of kind {row.typecode or 'unknown'} has no counterpart on the target")
        except Refused as refused:
            self.done[place] = refused.reason
            self.output.find("TYPE_LEFT_OUT", "type", *place, f"the type is left out: {refused.reason}")
            return
        self.done[place] = ""

    def _object(self, row: rows.TypeRow) -> None:
        attributes = sorted(self.source.attributes.get((row.owner, row.type_name), []), key=lambda item: item.attr_no or 0)
        if not attributes or row.incomplete == "YES":
            raise Refused("it has no attributes")
        columns: list[Node] = []
        names = distinct((attribute.attr_name for attribute in attributes), columns=True)
        for attribute in attributes:
            if attribute.attr_type_mod:
                raise Refused(f"its attribute {attribute.attr_name} is a {attribute.attr_type_mod}")
            sql = self._type(
                attribute.attr_type_owner, attribute.attr_type_name, attribute.length, attribute.precision, attribute.scale
            )
            columns.append(exp.ColumnDef(this=identifier(names[attribute.attr_name]), kind=data_type(sql)))
        body = exp.Schema(expressions=columns)
        name = table(*self.source.names.at(row.owner, row.type_name))
        # sqlglot knows no CREATE TYPE … AS (…) as a tree of its own; its parts are.
        self.output.statements.append(f"CREATE TYPE {generate(name)} AS {generate(body)}")
        if row.methods:
            message = f"its {row.methods} methods are not converted (see the type's body)"
            self.output.find("TYPE_METHODS", "type", row.owner, row.type_name, message)
        if row.supertype_name:
            message = f"a subtype of {row.supertype_name}: it has the inherited attributes, but is no such type to PostgreSQL"
            self.output.find("TYPE_INHERITANCE", "type", row.owner, row.type_name, message)

    def _collection(self, row: rows.TypeRow) -> None:
        found = self.collections.get((row.owner, row.type_name))
        if found is None:
            raise Refused("what it is a collection of is not known")
        if found.elem_type_mod:
            raise Refused(f"its elements are {found.elem_type_mod}s")
        element = self._type(found.elem_type_owner, found.elem_type_name, found.length, found.precision, found.scale)
        name = table(*self.source.names.at(row.owner, row.type_name))
        limit = f" CHECK (cardinality(VALUE) <= {found.upper_bound})" if found.upper_bound else ""
        self.output.statements.append(f"CREATE DOMAIN {generate(name)} AS {element}[]{limit}")

    def _type(self, owner: str, name: str, length: int | None, precision: int | None, scale: int | None) -> str:
        place = (owner, name)
        if place in self.types:
            self._convert(place)
            if self.done[place]:
                raise Refused(f"{owner}.{name} is not on the target ({self.done[place]})")
            return generate(table(*self.source.names.at(owner, name)))
        plain = _NAMES.get(name, name)
        if name in ("INTEGER", "SMALLINT"):
            precision, scale = 38, 0
        oracle = OracleType.from_dictionary(plain, length, precision, scale, length, "", owner)
        sql = target_type(oracle)
        if sql is None:
            raise Refused(f"{oracle.sql}: {why_not(oracle)}")
        return sql
