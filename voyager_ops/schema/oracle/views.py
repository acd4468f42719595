"""Views, materialized views and synonyms, each after what it reads."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from sqlglot import exp

from voyager_ops.databases.oracle.names import fold
from voyager_ops.schema.kinds import Kind as FileKind
from voyager_ops.schema.oracle.aggregates import is_aggregate
from voyager_ops.schema.oracle.dialect import Refused, identifier, parse_query, table
from voyager_ops.schema.oracle.expressions import Translator
from voyager_ops.schema.oracle.gate import accepted
from voyager_ops.schema.oracle.nulls import settled
from voyager_ops.schema.oracle.output import Output
from voyager_ops.schema.oracle.scope import Relation, named, target_of
from voyager_ops.schema.oracle.source import NamesOf, Source
from voyager_ops.schema.oracle.typed import Kind


@dataclass
class Views:
    """Converts views on demand, so that one that reads another comes after it."""

    source: Source
    output: Output
    under_way: list[tuple[str, str]] = field(default_factory=list)
    made_mviews: dict[tuple[str, str], dict[str, Kind]] = field(default_factory=dict)
    writable: set[tuple[str, str]] = field(default_factory=set)
    """Tables, and views that PostgreSQL can write through, by their names on the target."""
    names: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many objects have a name on the target: (Oracle's owner, name)."""

    def convert_all(self) -> None:
        source = self.source
        self.writable |= {source.names.at(*place) for place in source.tables}
        self.source.on_demand = self.convert
        for place in (*sorted(self.source.views), *sorted(self.source.mviews)):
            if place not in self.source.relations and place not in self.source.refused:
                self.convert(*place)
        self.source.on_demand = None
        for place in sorted(self.source.synonyms):
            self._synonym(*place)

    def convert(self, owner: str, name: str) -> None:
        """Make one view or materialized view, or refuse it; nothing for other names. Raises Refused for a circle."""
        place = (owner, name)
        if place in self.under_way:
            raise Refused(f"{owner}.{name} reads itself")
        if place not in self.source.views and place not in self.source.mviews:
            return
        self.under_way.append(place)
        materialized = place in self.source.mviews
        try:
            self._create(owner, name, materialized)
        except Refused as refused:
            self._refuse(owner, name, materialized, refused.reason)
        finally:
            self.under_way.pop()

    def _refuse(self, owner: str, name: str, materialized: bool, reason: str) -> None:
        kind = "materialized view" if materialized else "view"
        self.source.refused[(owner, name)] = reason
        text = self.source.mviews[(owner, name)].query if materialized else self.source.views[(owner, name)].text
        self.output.account(kind.upper(), owner, name)
        self.output.keep(FileKind.OMITTED, f"CREATE {kind.upper()} {owner}.{name} AS\n{text}")
        message = f"the {kind} is left out: {reason}. Its text is in advice/omitted.sql"
        self.output.find("VIEW_LEFT_OUT", kind, owner, name, message)

    def _create(self, owner: str, name: str, materialized: bool) -> None:
        view = self.source.views.get((owner, name))
        if view is not None and view.view_type:
            raise Refused("a view of objects has no counterpart on the target")
        text = self.source.mviews[(owner, name)].query if materialized or view is None else view.text
        text, clause = _split(text)
        query, found = Translator(NamesOf(self.source, owner), owner).query(parse_query(text), None)
        accepted(query)
        columns = self._columns(owner, name, found)
        target = self.source.names.at(owner, name)
        head = exp.Schema(this=table(*target), expressions=[identifier(target_of(columns, column)) for column in columns])
        kind = "MATERIALIZED VIEW" if materialized else "VIEW"
        statement = exp.Create(kind=kind, this=head, expression=query)
        self.output.add(statement, pretty=True, suffix=self._suffix(owner, name, materialized, query, clause))
        self.output.account(kind, owner, name)
        self.source.relations[(owner, name)] = Relation(columns, *target)
        if materialized:
            self._materialized(owner, name, columns)

    def _columns(self, owner: str, name: str, found: dict[str, Kind]) -> dict[str, Kind]:
        """The view's own names for the columns of its query, which the dictionary has."""
        columns = [row.column_name for row in self.source.visible(owner, name)] or list(found)
        if len(columns) != len(found):
            raise Refused(f"it has {len(columns)} columns, its query {len(found)}")
        targets = {column: self.source.names.column(owner, name, column) for column in columns}
        return named(settled(dict(zip(columns, found.values(), strict=True))), targets)

    def _suffix(self, owner: str, name: str, materialized: bool, query: exp.Query, clause: str) -> str:
        if materialized:
            return "\nWITH NO DATA"
        writable = self._updatable(query)
        if writable:
            self.writable.add(self.source.names.at(owner, name))
        types = {row.constraint_type for row in self.source.constraints.get((owner, name), ())} | {clause}
        if "O" in types:
            message = "WITH READ ONLY: PostgreSQL has no such views; grant no right to write on it"
            self.output.find("VIEW_READ_ONLY", "view", owner, name, message)
        if "V" not in types:
            return ""
        if writable:
            return "\nWITH CHECK OPTION"
        message = "WITH CHECK OPTION is left out: on the target nobody can write through this view"
        self.output.find("VIEW_CHECK_OPTION", "view", owner, name, message)
        return ""

    def _updatable(self, query: exp.Query) -> bool:
        """Whether PostgreSQL can write through a view of this query: one table, nothing computed from several rows."""
        if not isinstance(query, exp.Select) or query.args.get("joins"):
            return False
        if any(query.args.get(name) for name in ("distinct", "group", "having", "limit", "offset", "with_")):
            return False
        source = query.args.get("from_")
        if source is None or not isinstance(source.this, exp.Table) or query.find(exp.Window) is not None:
            return False
        plain = [item.this if isinstance(item, exp.Alias) else item for item in query.expressions]
        if not any(isinstance(item, exp.Column) for item in plain) or any(map(is_aggregate, query.find_all(exp.Anonymous))):
            return False
        return (source.this.db, source.this.name) in self.writable

    def _materialized(self, owner: str, name: str, columns: dict[str, Kind]) -> None:
        row = self.source.mviews[(owner, name)]
        self.made_mviews[(owner, name)] = columns
        how = f"{row.refresh_method or 'COMPLETE'} ON {row.refresh_mode or 'DEMAND'}"
        message = f"refreshed {how} on the source; on the target only by REFRESH MATERIALIZED VIEW, which reads everything again"
        self.output.find("REFRESH", "materialized view", owner, name, message)
        if row.updatable == "Y":
            self.output.find("UPDATABLE", "materialized view", owner, name, "it can be written to on the source only")

    def refreshes(self) -> list[str]:
        """The statements that fill the materialized views, in the order of creation."""
        return [f"REFRESH MATERIALIZED VIEW {table(*self.source.names.at(*place)).sql('postgres')}" for place in self.made_mviews]

    # ------------------------------------------------------------------------------------------------------- synonyms

    def _synonym(self, owner: str, name: str) -> None:
        row = self.source.synonyms[(owner, name)]
        self.output.account("SYNONYM", owner, name)
        shown = f"{row.table_owner}.{row.table_name}" + (f"@{row.db_link}" if row.db_link else "")
        try:
            place = self.source.resolve("", name, owner) if owner != "PUBLIC" else ("", "")
        except Refused:
            place = ("", "")
        relation = self.source.relations.get(place)
        if owner == "PUBLIC":
            message = f"a public synonym of {shown}: put {fold(row.table_owner)} into the search_path of those who use it"
        elif relation is None:
            message = f"a synonym of {shown}, which is not on the target as a table or view: name that itself, or the search_path"
        else:
            columns = [identifier(target_of(relation.columns, column)) for column in relation.columns]
            query = exp.Select(expressions=[exp.Column(this=column.copy()) for column in columns])
            query.set("from_", exp.From(this=table(relation.schema, relation.name)))
            self.output.add(
                exp.Create(kind="VIEW", this=table(*self.source.names.at(owner, name)), expression=query), pretty=True
            )
            self.source.relations[(owner, name)] = Relation(relation.columns, *self.source.names.at(owner, name))
            message = f"a synonym of {shown}: a view with the same columns on the target"
        self.output.find("SYNONYM", "synonym", owner, name, message)


_CLAUSE = re.compile(r"\s+WITH\s+(READ\s+ONLY|CHECK\s+OPTION)(\s+CONSTRAINT\s+(\"[^\"]+\"|[\w$#]+))?\s*;?\s*$", re.IGNORECASE)


def _split(text: str) -> tuple[str, str]:
    """The query, and the clause after it by the type of its constraint: O (read only), V (check option) or ''."""
    found = _CLAUSE.search(text)
    if found is None:
        return text, ""
    return text[: found.start()], "O" if found[1].upper().startswith("READ") else "V"
