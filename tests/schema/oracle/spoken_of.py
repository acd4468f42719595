"""What of a dictionary is neither on the target nor named: read from the statements' trees, not by looking for its name in text.

It shares nothing with the conversion but the rule of folding names.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pglast.enums import AlterTableType, ConstrType

from voyager_ops.databases.oracle import dictionary_rows as rows
from voyager_ops.databases.oracle.dictionary import Dictionary
from voyager_ops.databases.oracle.names import fold as folded
from voyager_ops.databases.oracle.names import shortened
from voyager_ops.schema.export import SchemaExport
from voyager_ops.schema.findings import Finding
from voyager_ops.schema.layout import read

Place = tuple[str, str]


def fold(name: str) -> str:
    """The name on the target where nobody else has it."""
    return shortened(folded(name))


# Parts of something else, which is converted or named itself.
_PARTS = {"LOB", "TABLE PARTITION", "TABLE SUBPARTITION", "INDEX PARTITION", "INDEX SUBPARTITION"}
_WHOLE = {"TABLE_LEFT_OUT", "TEMPORARY_TABLE", "VIEW_LEFT_OUT", "OBJECT_LEFT_OUT", "TYPE_LEFT_OUT"}
_NAMED = _WHOLE | {"SEQUENCE_LEFT_OUT", "SYNONYM"}
_PLAIN_NOT_NULL = re.compile(r'\s*"([^"]+)"\s+IS\s+NOT\s+NULL\s*', re.IGNORECASE)
_TYPES = {
    "P": {ConstrType.CONSTR_PRIMARY, ConstrType.CONSTR_UNIQUE},
    "U": {ConstrType.CONSTR_UNIQUE},
    "R": {ConstrType.CONSTR_FOREIGN},
    "C": {ConstrType.CONSTR_CHECK},
}


def not_spoken_of(dictionary: Dictionary, exported: SchemaExport) -> list[str]:
    """Objects, columns, constraints, indexes, comments and grants that are in no statement, finding or advice."""
    nodes = [item.statement.node for item in read(exported.directory)]
    advice = [path.read_text(encoding="utf-8") for path in sorted((exported.directory / "advice").glob("*.sql"))]
    return missing(dictionary, nodes, exported.findings, "\n".join(advice))


def missing(dictionary: Dictionary, nodes: Iterable[Any], findings: Iterable[Finding], advice: str) -> list[str]:
    """The same of parsed statements, findings and the text of the files of advice."""
    return sorted({*_Check(dictionary, nodes, findings, advice).missing()})


@dataclass
class _Emitted:
    """The statements by what they make. Names are PostgreSQL's; columns with the kinds of constraints they carry."""

    columns: dict[Place, dict[str, set[Any]]] = field(default_factory=dict)
    constraints: dict[Place, list[Any]] = field(default_factory=lambda: defaultdict(list))
    indexes: dict[Place, list[Any]] = field(default_factory=lambda: defaultdict(list))
    others: set[Place] = field(default_factory=set)
    comments: set[tuple[tuple[str, ...], str]] = field(default_factory=set)

    def take(self, node: Any) -> None:
        what = type(node).__name__
        if what == "CreateStmt":
            place = _place(node.relation)
            self.columns[place] = {}
            for item in node.tableElts or ():
                if type(item).__name__ == "Constraint":
                    self.constraints[place].append(item)
                else:
                    self.columns[place][item.colname] = {part.contype for part in item.constraints or ()}
        elif what == "ViewStmt":
            self.columns[_place(node.view)] = {name.sval: set() for name in node.aliases or ()}
            self.others.add(_place(node.view))
        elif what == "CreateTableAsStmt":
            self.columns[_place(node.into.rel)] = {name.sval: set() for name in node.into.colNames or ()}
        elif what == "CreateSeqStmt":
            self.others.add(_place(node.sequence))
        elif what == "CompositeTypeStmt":
            self.columns[_place(node.typevar)] = {item.colname: set() for item in node.coldeflist or ()}
        elif what == "CreateDomainStmt":
            self.others.add((node.domainname[0].sval, node.domainname[-1].sval))
        elif what == "IndexStmt":
            self.indexes[_place(node.relation)].append(node)
        elif what == "CommentStmt":
            self.comments.add((tuple(part.sval for part in node.object), node.comment))
        elif what == "AlterTableStmt":
            for command in node.cmds:
                if command.subtype == AlterTableType.AT_AddConstraint:
                    self.constraints[_place(node.relation)].append(command.def_)


def _place(node: Any) -> Place:
    return node.schemaname, node.relname


def _keys(constraint: Any) -> list[str]:
    return [item.sval for item in (constraint.fk_attrs or constraint.keys or ())]


class _Check:
    def __init__(self, dictionary: Dictionary, nodes: Iterable[Any], findings: Iterable[Finding], advice: str) -> None:
        self.dictionary = dictionary
        self.emitted = _Emitted()
        for node in nodes:
            self.emitted.take(node)
        self.named: dict[str, set[str]] = defaultdict(set)
        self.programs: set[Place] = set()
        for finding in findings:
            self.named[finding.object_name].add(finding.code)
            if finding.code in ("PLSQL", "PLSQL_CONVERTED"):
                self.programs.add((finding.object_type, finding.object_name))
        self.advice = advice.replace('"', "").lower().splitlines()
        self.left_out = {name for name, codes in self.named.items() if codes & _WHOLE}

    def missing(self) -> Iterator[str]:
        d = self.dictionary
        for row in d.objects:
            if not self.object(row):
                yield f"{row.object_type} {row.owner}.{row.object_name}"
        for column in d.tab_cols:
            if not self.column(column):
                yield f"column {column.owner}.{column.table_name}.{column.column_name}"
        for constraint in d.constraints:
            if not self.constraint(constraint):
                name = f"{constraint.owner}.{constraint.table_name}.{constraint.constraint_name}"
                yield f"constraint {constraint.constraint_type} {name}"
        for index in d.indexes:
            if not self.index(index):
                yield f"index {index.owner}.{index.table_name}.{index.index_name}"
        yield from self.comments()
        yield from self.grants()

    def whole(self, owner: str, name: str) -> bool:
        """Whether a table, view or other relation is named as left out, and everything on it with it."""
        return _dotted(owner, name) in self.left_out

    def object(self, row: rows.ObjectRow) -> bool:
        place = (fold(row.owner), fold(row.object_name))
        identity = any(
            (item.owner, item.sequence_name) == (row.owner, row.object_name) for item in self.dictionary.tab_identity_cols
        )
        if row.object_type in _PARTS or row.object_type == "INDEX" or identity:
            return True  # indexes have rows of their own
        if self.named[_dotted(*place)] & _NAMED or (row.object_type.lower(), _dotted(*place)) in self.programs:
            return True
        return place in self.emitted.columns or place in self.emitted.others

    def column(self, row: rows.ColumnRow) -> bool:
        place = (fold(row.owner), fold(row.table_name))
        archived = row.column_name == "ORA_ARCHIVE_STATE" and "ROW_ARCHIVAL" in self.named[_dotted(*place)]
        own = row.hidden_column == "YES" and (row.column_name.startswith("SYS_") or archived)
        if own or self.whole(row.owner, row.table_name):
            return True
        codes = self.named[_dotted(row.owner, row.table_name, row.column_name)]
        if codes & {"COLUMN_LEFT_OUT", "VIRTUAL_COLUMN"}:
            return True
        carried = self.emitted.columns.get(place, {}).get(fold(row.column_name))
        if carried is None:
            return False
        if not any((table.owner, table.table_name) == (row.owner, row.table_name) for table in self.dictionary.tables):
            return True
        valued = {ConstrType.CONSTR_DEFAULT, ConstrType.CONSTR_IDENTITY, ConstrType.CONSTR_GENERATED}
        if (
            row.data_default.strip().upper() not in ("", "NULL", "''")
            and not carried & valued
            and "DEFAULT_LEFT_OUT" not in codes
        ):
            return False
        return row.nullable != "N" or ConstrType.CONSTR_NOTNULL in carried

    def constraint(self, row: rows.ConstraintRow) -> bool:
        place = (fold(row.owner), fold(row.table_name))
        if row.constraint_type in ("S", "?") or self.whole(row.owner, row.table_name):
            return True
        if row.constraint_type in ("V", "O"):
            read_only = "VIEW_READ_ONLY" in self.named[_dotted(*place)]
            return read_only or place in self.emitted.others
        codes = self.named[_dotted(row.owner, row.table_name, row.constraint_name)]
        if any(code.endswith("_LEFT_OUT") for code in codes) or codes & {"CONSTRAINT_DISABLED"}:
            return True
        if row.status != "ENABLED":
            return False
        emitted = self.emitted.constraints[place]
        given = [c.column_name for c in self._columns(row)]
        found = _PLAIN_NOT_NULL.fullmatch(row.search_condition) if row.constraint_type == "C" else None
        if found is not None and row.validated == "VALIDATED":
            left_out = {"COLUMN_LEFT_OUT", "VIRTUAL_COLUMN"} & self.named[_dotted(row.owner, row.table_name, found[1])]
            return bool(left_out) or ConstrType.CONSTR_NOTNULL in self.emitted.columns.get(place, {}).get(fold(found[1]), ())
        alike = [item for item in emitted if item.contype in _TYPES[row.constraint_type]]
        if row.constraint_type != "C":
            alike = [item for item in alike if _keys(item) == [fold(name) for name in given]]
        if row.constraint_type == "R":
            to = next(
                c for c in self.dictionary.constraints if (c.owner, c.constraint_name) == (row.r_owner, row.r_constraint_name)
            )
            alike = [item for item in alike if _place(item.pktable) == (fold(to.owner), fold(to.table_name))]
        if row.generated == "GENERATED NAME":
            same = [
                other
                for other in self.dictionary.constraints
                if (other.owner, other.table_name, other.constraint_type) == (row.owner, row.table_name, row.constraint_type)
                and other.generated == row.generated
                and [c.column_name for c in self._columns(other)] == given
                and not _PLAIN_NOT_NULL.fullmatch(other.search_condition)
                and not self.named[_dotted(other.owner, other.table_name, other.constraint_name)]
            ]
            nameless = [item for item in alike if not item.conname]
            return len(nameless) >= len(same)
        renamed = "RENAMED" in self.named[_dotted(row.owner, row.constraint_name)]
        return any(item.conname == fold(row.constraint_name) for item in alike) or (renamed and bool(alike))

    def _columns(self, row: rows.ConstraintRow) -> list[rows.ConstraintColumnRow]:
        found = [c for c in self.dictionary.cons_columns if (c.owner, c.constraint_name) == (row.owner, row.constraint_name)]
        return sorted(found, key=lambda c: c.position or 0)

    def index(self, row: rows.IndexRow) -> bool:
        place = (fold(row.table_owner), fold(row.table_name))
        if row.index_type in ("LOB", "IOT - TOP") or self.whole(row.table_owner, row.table_name):
            return True
        if "INDEX_LEFT_OUT" in self.named[_dotted(row.owner, row.table_name, row.index_name)]:
            return True
        renamed = "RENAMED" in self.named[_dotted(row.owner, row.index_name)]
        ordered = sorted(
            (c for c in self.dictionary.ind_columns if (c.index_owner, c.index_name) == (row.owner, row.index_name)),
            key=lambda c: c.column_position or 0,
        )
        for statement in self.emitted.indexes[place]:
            same = statement.idxname == fold(row.index_name) or renamed
            if same and len(statement.indexParams) == len(ordered) and bool(statement.unique) == (row.uniqueness == "UNIQUE"):
                return True
        # An index of a key that is there, or that is named as left out itself.
        for key in self.dictionary.constraints:
            of_key = key.constraint_type in ("P", "U") and (key.index_owner or key.owner, key.index_name) == (
                row.owner,
                row.index_name,
            )
            if of_key and [c.column_name for c in ordered] == [c.column_name for c in self._columns(key)]:
                return key.status == "ENABLED" and self.constraint(key)
        return False

    def comments(self) -> Iterator[str]:
        mviews = {(row.owner, row.mview_name) for row in self.dictionary.mviews}
        wanted = [((row.owner, row.table_name), row.comments) for row in self.dictionary.tab_comments]
        # Oracle gives the table behind a materialized view a comment by itself.
        wanted = [(place, words) for place, words in wanted if place not in mviews]
        wanted += [((row.owner, row.mview_name), row.comments) for row in self.dictionary.mview_comments]
        for place, words in wanted:
            if words and not self.whole(*place) and (tuple(map(fold, place)), words) not in self.emitted.comments:
                yield f"comment on {'.'.join(place)}"
        for row in self.dictionary.col_comments:
            name = (row.owner, row.table_name, row.column_name)
            gone = self.whole(*name[:2]) or self.named[_dotted(*name)] & {"COLUMN_LEFT_OUT", "VIRTUAL_COLUMN"}
            if row.comments and not gone and (tuple(map(fold, name)), row.comments) not in self.emitted.comments:
                yield f"comment on {'.'.join(name)}"

    def grants(self) -> Iterator[str]:
        for row in self.dictionary.tab_privs:
            if not self.granted(row.privilege, (row.owner, row.table_name), row.grantee, row.grantable):
                yield f"grant of {row.privilege} on {row.owner}.{row.table_name} to {row.grantee}"
        for column in self.dictionary.col_privs:
            privilege = f"{column.privilege}({fold(column.column_name)})"
            if not self.granted(privilege, (column.owner, column.table_name), column.grantee, column.grantable):
                yield f"grant of {privilege} on {column.owner}.{column.table_name} to {column.grantee}"

    def granted(self, privilege: str, on: Place, to: str, grantable: str) -> bool:
        accepted = {privilege.lower(), {"READ": "select"}.get(privilege, privilege.lower())}
        for line in self.advice:
            found = re.fullmatch(r"-- grant (.+) on (?:table |sequence )?([^ ]+) to ([^ ]+?)( with grant option)?;", line)
            if found is None or found[2] != _dotted(*on).lower() or found[3] != to.lower():
                continue
            if bool(found[4]) == (grantable == "YES") and accepted & {part.strip() for part in found[1].split(",")}:
                return True
        return False


def _dotted(*parts: str) -> str:
    return ".".join(fold(part) for part in parts)
