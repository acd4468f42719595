"""Oracle DDL of test fixtures as dictionary rows: just enough of the language to write schemas down the way people know them.

It knows nothing of the conversion. Statements end with ``;`` at the end of a line, PL/SQL with a line that is ``/``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from voyager_ops.databases.oracle import dictionary_rows as rows
from voyager_ops.databases.oracle.dictionary import VIEWS, Dictionary

_TOKEN = re.compile(r"\s+|--[^\n]*|'(?:[^']|'')*'|\"[^\"]+\"|[\w$#]+|.", re.DOTALL)
_PLSQL = re.compile(r"CREATE (?:OR REPLACE )?(TRIGGER|PROCEDURE|FUNCTION|PACKAGE BODY|PACKAGE|TYPE BODY)\b", re.IGNORECASE)

# The states of a NOT NULL of which ALL_TAB_COLS says that the column is not NULLABLE.
_MANDATORY = ("ENABLED", "VALIDATED", "NOT DEFERRABLE")


def read_ddl(*paths: Path) -> Dictionary:
    """The dictionary of the schemas that the files create."""
    reader = _Reader()
    for path in paths:
        for statement in statements(path.read_text(encoding="utf-8")):
            reader.run(statement)
    return reader.dictionary()


def from_text(text: str) -> Dictionary:
    reader = _Reader()
    for statement in statements(text):
        reader.run(statement)
    return reader.dictionary()


def statements(text: str) -> Iterator[str]:
    """The statements of a fixture, without what ends them."""
    buffer: list[str] = []
    plsql = False
    for line in text.splitlines():
        if not buffer and (not line.strip() or line.startswith("--")):
            continue
        buffer.append(line)
        plsql = plsql or bool(_PLSQL.match(buffer[0].strip()))
        ended = line.strip() == "/" if plsql else line.rstrip().endswith(";")
        if ended:
            yield "\n".join(buffer[:-1] if plsql else buffer).rstrip().rstrip(";")
            buffer, plsql = [], False


class _Words:
    """The tokens of a statement, read from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        found = [(m[0], m.start(), m.end()) for m in _TOKEN.finditer(text)]
        self.tokens = [t for t in found if t[0].strip() and not t[0].startswith("--")]
        self.at = 0

    def peek(self, ahead: int = 0) -> str:
        return self.tokens[self.at + ahead][0].upper() if self.at + ahead < len(self.tokens) else ""

    def take(self, *words: str) -> bool:
        """Whether the words come next; then they are passed."""
        if all(self.peek(n) == word for n, word in enumerate(words)):
            self.at += len(words)
            return True
        return False

    def want(self, *words: str) -> None:
        assert self.take(*words), f"{' '.join(words)} expected at {self.rest()[:60]!r}"

    def next(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1][0]

    def name(self) -> str:
        token = self.next()
        return token[1:-1] if token.startswith('"') else token.upper()

    def qualified(self) -> tuple[str, str]:
        first = self.name()
        return (first, self.name()) if self.take(".") else ("", first)

    def names(self) -> list[str]:
        self.want("(")
        found = [self.name()]
        while self.take(","):
            found.append(self.name())
        self.want(")")
        return found

    def inside(self) -> str:
        """The text between the parenthesis that comes next and its partner."""
        self.want("(")
        start = self.tokens[self.at - 1][2]
        depth = 1
        while depth:
            token = self.next()
            depth += (token == "(") - (token == ")")
        return self.text[start : self.tokens[self.at - 1][1]].strip()

    def until(self, *stops: str) -> str:
        """The text up to a comma or one of the words on this level."""
        start = self.tokens[self.at][1] if self.at < len(self.tokens) else len(self.text)
        end = start
        depth = 0
        while self.peek() and not (depth == 0 and (self.peek() in stops or self.peek() in {",", ")"})):
            depth += (self.peek() == "(") - (self.peek() == ")")
            end = self.tokens[self.at][2]
            self.at += 1
        return self.text[start:end]

    def rest(self) -> str:
        return self.text[self.tokens[self.at][1] :] if self.at < len(self.tokens) else ""


class _Reader:
    def __init__(self) -> None:
        self.rows: dict[str, list[Any]] = defaultdict(list)
        self.counter = 0

    def dictionary(self) -> Dictionary:
        owners = sorted({row.owner for row in self.rows["objects"] if row.owner != "PUBLIC"})
        valid = {
            (row.owner, row.constraint_name)
            for row in self.rows["constraints"]
            if (row.constraint_type, row.status, row.validated) == ("P", "ENABLED", "VALIDATED")
        }
        keys = {
            (row.owner, row.table_name, row.column_name)
            for row in self.rows["cons_columns"]
            if (row.owner, row.constraint_name) in valid
        }
        self.rows["tab_cols"] = [
            replace(row, nullable="N") if (row.owner, row.table_name, row.column_name) in keys else row
            for row in self.rows["tab_cols"]
        ]
        return Dictionary(tuple(owners), **{view: tuple(self.rows[view]) for view in VIEWS})

    def object(self, owner: str, name: str, kind: str) -> None:
        self.counter += 1
        self.rows["objects"].append(rows.ObjectRow(owner, name, kind, object_id=self.counter, status="VALID"))

    def generated(self) -> str:
        self.counter += 1
        return f"SYS_C{self.counter:07}"

    def run(self, text: str) -> None:
        words = _Words(text)
        if _PLSQL.match(text.strip()):
            self.plsql(text.strip())
        elif words.take("CREATE"):
            self.create(words)
        elif words.take("ALTER", "TABLE"):
            owner, name = words.qualified()
            words.want("ADD")
            self.constraint(words, owner, name)
        elif words.take("COMMENT", "ON"):
            self.comment(words)
        elif words.take("GRANT"):
            self.grant(words)
        else:
            raise AssertionError(f"unknown statement {text[:60]!r}")

    def create(self, words: _Words) -> None:
        words.take("OR", "REPLACE")
        words.take("FORCE")
        words.take("EDITIONABLE")
        temporary = words.take("GLOBAL", "TEMPORARY")
        if words.take("TABLE"):
            self.table(words, temporary)
        elif words.take("VIEW"):
            self.view(words)
        elif words.take("MATERIALIZED", "VIEW"):
            self.materialized_view(words)
        elif words.take("SEQUENCE"):
            self.sequence(words)
        elif words.take("TYPE"):
            self.type(words)
        elif words.take("SYNONYM") or words.take("PUBLIC", "SYNONYM"):
            self.synonym(words, public=words.peek(-2) == "PUBLIC")
        elif words.take("DATABASE", "LINK"):
            owner, name = words.qualified()
            self.object(owner, name, "DATABASE LINK")
            self.rows["db_links"].append(rows.DatabaseLinkRow(owner, name))
        else:
            self.index(words)

    # ------------------------------------------------------------------------------------------------------- tables

    def table(self, words: _Words, temporary: bool) -> None:
        owner, name = words.qualified()
        self.object(owner, name, "TABLE")
        words.want("(")
        position = 0
        while True:
            if words.peek() in {"CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK"}:
                self.constraint(words, owner, name)
            else:
                position += 1
                self.column(words, owner, name, position)
            if not words.take(","):
                break
        words.want(")")
        row = rows.TableRow(owner, name, temporary="Y" if temporary else "N", partitioned="NO", nested="NO", status="VALID")
        while words.peek():
            if words.take("ON", "COMMIT"):
                row = replace(row, duration="SYS$SESSION" if words.next().upper() == "PRESERVE" else "SYS$TRANSACTION")
                words.want("ROWS")
            elif words.take("ORGANIZATION", "INDEX"):
                row = replace(row, iot_type="IOT")
            elif words.take("ORGANIZATION", "EXTERNAL"):
                self.rows["external_tables"].append(rows.ExternalTableRow(owner, name))
                words.inside()
            elif words.take("CLUSTER"):
                row = replace(row, cluster_name=words.name())
                words.inside()
            else:
                words.want("PARTITION", "BY")
                row = replace(row, partitioned="YES")
                self.partitions(words, owner, name)
        self.rows["tables"].append(row)

    def column(self, words: _Words, owner: str, table: str, position: int) -> None:
        name = words.name()
        row = rows.ColumnRow(owner, table, name, "", column_id=position, internal_column_id=position, segment_column_id=position)
        row = self.typed(words, row) if words.peek() not in {"AS", "GENERATED"} else replace(row, data_type="NUMBER")
        while words.peek() not in {",", ")", ""}:
            if words.take("DEFAULT"):
                on_null = words.take("ON", "NULL")
                text = words.until("NOT", "CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "REFERENCES", "INVISIBLE", "NULL")
                text = text or words.next()
                row = replace(row, data_default=text, default_on_null="YES" if on_null else "NO")
            elif words.peek() in {"GENERATED", "AS"}:
                row = self.computed(words, row)
            elif words.take("INVISIBLE"):
                row = replace(row, hidden_column="YES", column_id=None)
            elif words.take("NULL"):
                continue
            else:
                self.constraint(words, owner, table, column=name)
                made = self.rows["constraints"][-1]
                states = (made.status, made.validated, made.deferrable)
                if made.search_condition == f'"{name}" IS NOT NULL' and states == _MANDATORY:
                    row = replace(row, nullable="N")
        self.rows["tab_cols"].append(row)

    def typed(self, words: _Words, row: rows.ColumnRow) -> rows.ColumnRow:
        name = words.next().upper()
        if name == "LONG" and words.take("RAW"):
            name = "LONG RAW"
        if words.take("."):
            return replace(row, data_type_owner=name, data_type=words.name(), data_length=1)
        if name == "INTERVAL":
            text = " ".join(words.until("NOT", "CONSTRAINT", "DEFAULT").upper().split())
            return replace(row, data_type=f"INTERVAL {text}", data_length=11)
        arguments = words.inside().upper() if words.peek() == "(" else ""
        numbers = [part.split()[0] for part in arguments.split(",")] if arguments else []
        if name in {"VARCHAR2", "NVARCHAR2", "CHAR", "NCHAR"}:
            length = int(numbers[0]) if numbers else 1
            used = "C" if arguments.endswith("CHAR") or name.startswith("N") else "B"
            return replace(row, data_type=name, data_length=length, char_length=length, char_used=used)
        if name in {"INTEGER", "INT"}:
            return replace(row, data_type="NUMBER", data_length=22, data_scale=0)
        if name == "TIMESTAMP":
            digits = numbers[0] if numbers else "6"
            zone = " WITH LOCAL TIME ZONE" if words.take("WITH", "LOCAL", "TIME", "ZONE") else ""
            zone = zone or (" WITH TIME ZONE" if words.take("WITH", "TIME", "ZONE") else "")
            return replace(row, data_type=f"TIMESTAMP({digits}){zone}", data_length=11, data_scale=int(digits))
        if name == "RAW":
            return replace(row, data_type=name, data_length=int(numbers[0]))
        row = replace(row, data_type=name, data_length=22)
        if name == "NUMBER" and numbers:
            precision = None if numbers[0] == "*" else int(numbers[0])
            row = replace(row, data_precision=precision, data_scale=int(numbers[1]) if len(numbers) > 1 else 0)
        if name in {"SDO_GEOMETRY", "XMLTYPE"}:
            row = replace(row, data_type_owner="MDSYS" if name == "SDO_GEOMETRY" else "SYS")
        if name == "FLOAT":
            row = replace(row, data_precision=int(numbers[0]) if numbers else 126)
        return row

    def computed(self, words: _Words, row: rows.ColumnRow) -> rows.ColumnRow:
        always = words.take("GENERATED", "ALWAYS")
        if not always and words.take("GENERATED", "BY", "DEFAULT") and words.take("ON", "NULL"):
            row = replace(row, default_on_null="YES")
        words.want("AS")
        if words.take("IDENTITY"):
            options = words.inside() if words.peek() == "(" else ""
            sequence = f"ISEQ$$_{self.counter}"
            kind = "ALWAYS" if always else "BY DEFAULT"
            self.rows["tab_identity_cols"].append(rows.IdentityRow(row.owner, row.table_name, row.column_name, kind, sequence))
            start = int((re.search(r"START WITH (\d+)", options.upper()) or ["", "1"])[1])
            self.object(row.owner, sequence, "SEQUENCE")
            self.rows["sequences"].append(rows.SequenceRow(row.owner, sequence, 1, 10**28 - 1, 1, "N", "N", 20, start))
            return replace(row, identity_column="YES", nullable="N", data_default=f'"{row.owner}"."{sequence}".nextval')
        row = replace(row, data_default=words.inside(), virtual_column="YES", segment_column_id=None)
        words.take("VIRTUAL")
        return row

    # -------------------------------------------------------------------------------------------------- constraints

    def constraint(self, words: _Words, owner: str, table: str, column: str = "") -> None:
        named = words.name() if words.take("CONSTRAINT") else ""
        name = named or self.generated()
        given = [column] if column else []
        more: dict[str, Any] = {}
        if words.take("NOT", "NULL"):
            kind, columns, more = "C", given, {"check": f'"{column}" IS NOT NULL'}
        elif words.take("PRIMARY", "KEY"):
            kind, columns = "P", given or words.names()
            self.backing_index(owner, table, name, columns)
        elif words.take("UNIQUE"):
            kind, columns = "U", given or words.names()
            self.backing_index(owner, table, name, columns)
        elif words.take("CHECK"):
            kind, columns, more = "C", given, {"check": words.inside()}
        else:
            if words.take("FOREIGN", "KEY"):
                given = words.names()
            words.want("REFERENCES")
            kind, columns = "R", given
            to_owner, to = words.qualified()
            keys = words.names() if words.peek() == "(" else []
            more = {"reference": self.key_of(to_owner or owner, to, keys)}
            if words.take("ON", "DELETE"):
                more["delete"] = "CASCADE" if words.take("CASCADE") else "SET NULL"
                if more["delete"] == "SET NULL":
                    words.want("SET", "NULL")
        self.add_constraint(owner, table, name, kind, columns, generated=not named, **more)
        self.states(words)

    def states(self, words: _Words) -> None:
        row = self.rows["constraints"][-1]
        while words.peek() not in {",", ")", ""}:
            if words.take("DISABLE"):
                row = replace(row, status="DISABLED", validated="NOT VALIDATED")
            elif words.take("NOVALIDATE"):
                row = replace(row, validated="NOT VALIDATED")
            elif words.take("DEFERRABLE"):
                row = replace(row, deferrable="DEFERRABLE")
            elif words.take("INITIALLY", "DEFERRED"):
                row = replace(row, deferred="DEFERRED")
            elif words.take("RELY"):
                row = replace(row, rely="RELY")
            elif not (words.take("ENABLE") or words.take("VALIDATE") or words.take("USING", "INDEX")):
                break
        self.rows["constraints"][-1] = row

    def add_constraint(
        self,
        owner: str,
        table: str,
        name: str,
        kind: str,
        columns: list[str],
        *,
        generated: bool,
        check: str = "",
        reference: tuple[str, str] = ("", ""),
        delete: str = "",
    ) -> None:
        self.rows["constraints"].append(
            rows.ConstraintRow(
                owner,
                name,
                kind,
                table,
                search_condition=check,
                r_owner=reference[0],
                r_constraint_name=reference[1],
                delete_rule=delete or ("NO ACTION" if kind == "R" else ""),
                generated="GENERATED NAME" if generated else "USER NAME",
                index_name=name if kind in "PU" else "",
            )
        )
        for position, column in enumerate(columns, 1):
            self.rows["cons_columns"].append(rows.ConstraintColumnRow(owner, name, table, column, position))

    def key_of(self, owner: str, table: str, columns: list[str]) -> tuple[str, str]:
        for row in self.rows["constraints"]:
            if (row.owner, row.table_name) != (owner, table) or row.constraint_type not in "PU":
                continue
            own = [
                c.column_name for c in self.rows["cons_columns"] if (c.owner, c.constraint_name) == (owner, row.constraint_name)
            ]
            if columns == own or (not columns and row.constraint_type == "P"):
                return owner, row.constraint_name
        raise AssertionError(f"{owner}.{table} has no key {columns}")

    def backing_index(self, owner: str, table: str, name: str, columns: list[str]) -> None:
        self.object(owner, name, "INDEX")
        self.rows["indexes"].append(rows.IndexRow(owner, name, "NORMAL", owner, table, "TABLE", "UNIQUE", status="VALID"))
        for position, column in enumerate(columns, 1):
            self.rows["ind_columns"].append(rows.IndexColumnRow(owner, name, owner, table, column, position))

    def index(self, words: _Words) -> None:
        unique, bitmap = words.take("UNIQUE"), words.take("BITMAP")
        words.want("INDEX")
        owner, name = words.qualified()
        words.want("ON")
        _, table = words.qualified()
        self.object(owner, name, "INDEX")
        words.want("(")
        function_based = False
        position = 0
        while True:
            position += 1
            text = words.until("ASC", "DESC")
            descending = words.take("DESC")
            words.take("ASC")
            plain = re.fullmatch(r"[\w$#]+|\"[^\"]+\"", text)
            column = (text.strip('"') if text.startswith('"') else text.upper()) if plain else f"SYS_NC{position:05}$"
            if not plain or descending:
                function_based = True
                expression = text if not plain else f'"{column}"'
                column = f"SYS_NC{position:05}$"
                self.rows["ind_expressions"].append(rows.IndexExpressionRow(owner, name, owner, table, expression, position))
            direction = "DESC" if descending else "ASC"
            self.rows["ind_columns"].append(rows.IndexColumnRow(owner, name, owner, table, column, position, direction))
            if not words.take(","):
                break
        words.want(")")
        kind = ("FUNCTION-BASED " if function_based else "") + ("BITMAP" if bitmap else "NORMAL")
        domain = {}
        if words.take("INDEXTYPE", "IS"):
            ityp_owner, ityp = words.qualified()
            kind, domain = "DOMAIN", {"ityp_owner": ityp_owner, "ityp_name": ityp}
        elif words.take("REVERSE"):
            kind += "/REV"
        uniqueness = "UNIQUE" if unique else "NONUNIQUE"
        self.rows["indexes"].append(rows.IndexRow(owner, name, kind, owner, table, "TABLE", uniqueness, status="VALID", **domain))

    # --------------------------------------------------------------------------------------------------- partitions

    def partitions(self, words: _Words, owner: str, table: str) -> None:
        kind = words.next().upper()
        keys = words.names()
        interval = words.inside() if words.take("INTERVAL") else ""
        autolist = words.take("AUTOMATIC")
        sub, template = "NONE", []
        if words.take("SUBPARTITION", "BY"):
            sub = words.next().upper()
            for position, key in enumerate(words.names(), 1):
                self.rows["subpart_key_columns"].append(rows.PartitionKeyRow(owner, table, "TABLE", key, position))
            if words.take("SUBPARTITIONS"):
                template = [(f"SP{n}", "") for n in range(1, int(words.next()) + 1)]
            elif words.take("SUBPARTITION", "TEMPLATE"):
                words.want("(")
                template = list(self.parts(words, "SUBPARTITION"))
        self.rows["part_tables"].append(
            rows.PartitionedTableRow(owner, table, kind, sub, interval=interval, autolist="YES" if autolist else "NO")
        )
        for position, key in enumerate(keys, 1):
            self.rows["part_key_columns"].append(rows.PartitionKeyRow(owner, table, "TABLE", key, position))
        if words.take("PARTITIONS"):
            parts = [(f"SYS_P{n}", "") for n in range(1, int(words.next()) + 1)]
        else:
            words.want("(")
            parts = list(self.parts(words, "PARTITION"))
        for position, (name, high) in enumerate(parts, 1):
            self.rows["tab_partitions"].append(rows.PartitionRow(owner, table, name, high, position))
            for at, (sub_name, sub_high) in enumerate(template, 1):
                self.rows["tab_subpartitions"].append(
                    rows.SubpartitionRow(owner, table, name, f"{name}_{sub_name}", sub_high, at)
                )

    def parts(self, words: _Words, word: str) -> Iterator[tuple[str, str]]:
        while True:
            words.want(word)
            name = words.name()
            high = ""
            if words.take("VALUES"):
                words.take("LESS", "THAN")
                high = words.inside()
            yield name, high
            if not words.take(","):
                break
        words.want(")")

    # ------------------------------------------------------------------------------------------------------- others

    def view(self, words: _Words) -> None:
        owner, name = words.qualified()
        self.object(owner, name, "VIEW")
        self.view_columns(words, owner, name)
        words.want("AS")
        text = words.rest()
        for suffix, kind in (("WITH READ ONLY", "O"), ("WITH CHECK OPTION", "V")):
            if text.upper().endswith(suffix):
                text = text[: -len(suffix)].rstrip()
                self.add_constraint(owner, name, self.generated(), kind, [], generated=True)
        self.rows["views"].append(rows.ViewRow(owner, name, text))

    def view_columns(self, words: _Words, owner: str, name: str) -> None:
        for position, column in enumerate(words.names() if words.peek() == "(" else [], 1):
            self.rows["tab_cols"].append(
                rows.ColumnRow(owner, name, column, "NUMBER", column_id=position, internal_column_id=position)
            )

    def materialized_view(self, words: _Words) -> None:
        owner, name = words.qualified()
        self.object(owner, name, "MATERIALIZED VIEW")
        self.object(owner, name, "TABLE")
        self.view_columns(words, owner, name)
        words.until("AS")
        words.want("AS")
        self.rows["mviews"].append(
            rows.MaterializedViewRow(owner, name, words.rest(), name, refresh_mode="DEMAND", refresh_method="FORCE")
        )

    def sequence(self, words: _Words) -> None:
        owner, name = words.qualified()
        self.object(owner, name, "SEQUENCE")
        text = " ".join(words.rest().upper().split())

        def of(word: str, default: int) -> int:
            found = re.search(rf"\b{word} (-?\d+)", text)
            return int(found[1]) if found else default

        step = of("INCREMENT BY", 1)
        low, high = (1, 10**28 - 1) if step > 0 else (-(10**27) + 1, -1)
        cache = 0 if "NOCACHE" in text else of("CACHE", 20)
        cycle = "Y" if " CYCLE" in f" {text}" else "N"
        start = of("START WITH", 1 if step > 0 else -1)
        self.rows["sequences"].append(
            rows.SequenceRow(owner, name, of("MINVALUE", low), of("MAXVALUE", high), step, cycle, "N", cache, start)
        )

    def type(self, words: _Words) -> None:
        owner, name = words.qualified()
        self.object(owner, name, "TYPE")
        words.take("AS")
        words.take("IS")
        if words.take("OBJECT"):
            words.want("(")
            position = 0
            while True:
                position += 1
                attribute = words.name()
                column = self.typed(words, rows.ColumnRow(owner, name, attribute, ""))
                self.rows["type_attrs"].append(
                    rows.TypeAttributeRow(
                        owner,
                        name,
                        attribute,
                        attr_type_owner=column.data_type_owner,
                        attr_type_name=column.data_type.split("(")[0],
                        length=column.char_length or None,
                        precision=column.data_precision,
                        scale=column.data_scale,
                        attr_no=position,
                    )
                )
                if not words.take(","):
                    break
            words.want(")")
            self.rows["types"].append(rows.TypeRow(owner, name, "OBJECT", position, 0, "NO"))
            return
        bound = int(words.inside()) if words.take("VARRAY") else None
        if bound is None:
            words.want("TABLE")
        words.want("OF")
        element = self.typed(words, rows.ColumnRow(owner, name, "X", ""))
        self.rows["types"].append(rows.TypeRow(owner, name, "COLLECTION", 0, 0, "NO"))
        self.rows["coll_types"].append(
            rows.CollectionTypeRow(
                owner,
                name,
                "TABLE" if bound is None else "VARYING ARRAY",
                bound,
                elem_type_owner=element.data_type_owner,
                elem_type_name=element.data_type,
                length=element.char_length,
                precision=element.data_precision,
                scale=element.data_scale,
            )
        )

    def synonym(self, words: _Words, public: bool) -> None:
        owner, name = words.qualified()
        words.want("FOR")
        to_owner, to = words.qualified()
        link = words.name() if words.take("@") else ""
        self.object("PUBLIC" if public else owner, name, "SYNONYM")
        self.rows["synonyms"].append(rows.SynonymRow("PUBLIC" if public else owner, name, to_owner, to, link))

    def comment(self, words: _Words) -> None:
        column = words.take("COLUMN")
        if not column:
            words.want("TABLE")
        owner, name = words.qualified()
        part = words.name() if words.take(".") else ""
        words.want("IS")
        text = words.next()[1:-1].replace("''", "'")
        if column:
            self.rows["col_comments"].append(rows.ColumnCommentRow(owner, name, part, text))
        else:
            self.rows["tab_comments"].append(rows.TableCommentRow(owner, name, "TABLE", text))

    def grant(self, words: _Words) -> None:
        privileges = [words.name()]
        while words.take(","):
            privileges.append(words.name())
        words.want("ON")
        owner, name = words.qualified()
        words.want("TO")
        grantee = words.name()
        for privilege in privileges:
            self.rows["tab_privs"].append(rows.TablePrivilegeRow(grantee, owner, name, privilege))

    def plsql(self, text: str) -> None:
        found = _PLSQL.match(text)
        assert found is not None
        kind = found[1].upper()
        words = _Words(text[found.end() :])
        owner, name = words.qualified()
        self.object(owner, name, kind)
        if kind == "TRIGGER":
            head, body = re.split(r"(?=\b(?:DECLARE|BEGIN)\b)", text[found.end() :].strip(), maxsplit=1)
            table = re.search(r"\bON\s+(\w+)\.(\w+)", head, re.IGNORECASE)
            assert table is not None
            self.rows["triggers"].append(
                rows.TriggerRow(
                    owner,
                    name,
                    table_owner=table[1].upper(),
                    table_name=table[2].upper(),
                    base_object_type="TABLE",
                    status="ENABLED",
                    description=head,
                    trigger_body=body,
                )
            )
            return
        source = text[found.start(1) :]
        for number, line in enumerate(source.splitlines(keepends=True), 1):
            self.rows["source"].append(rows.SourceRow(owner, name, kind, number, line))
