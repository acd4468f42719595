"""Columns, constraints, sequence options and storage clauses, parsed."""

from __future__ import annotations

from voyager_ops.testing.oracle.datatypes import parse_type
from voyager_ops.testing.oracle.ddl_checks import RESERVED
from voyager_ops.testing.oracle.ddl_model import Column, Constraint, SequenceOptions
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.tokens import Cursor


def expression(cursor: Cursor, *stops: str) -> str:
    """The text up to a comma, a closing parenthesis or one of the words ``stops``, all outside of parentheses."""
    start = cursor.token.start
    end = start
    depth = 0
    while cursor.token.kind != "end":
        token = cursor.token
        if token.kind == "op" and token.value == "(":
            depth += 1
        elif token.kind == "op" and token.value == ")":
            if depth == 0:
                break
            depth -= 1
        elif (depth == 0 and (token.value == "," or (token.value == ";" and token.kind == "op"))) or (
            depth == 0 and token.kind == "word" and token.value in stops and end > start
        ):
            break
        end = token.end
        cursor.at += 1
    return cursor.text[start:end]


_AFTER_DEFAULT = (
    "NOT",
    "NULL",
    "CONSTRAINT",
    "PRIMARY",
    "UNIQUE",
    "CHECK",
    "REFERENCES",
    "ENABLE",
    "DISABLE",
    "VISIBLE",
    "INVISIBLE",
    "ENCRYPT",
)


def check_column_name(cursor: Cursor) -> None:
    """ORA-00904 where no name of a column stands."""
    token = cursor.token
    if not token.is_name or (token.kind == "word" and token.value in RESERVED):
        raise OracleError(904, ": invalid identifier", token.start)


def parse_column(cursor: Cursor, semantics: str, *, altering: bool = False) -> Column:
    """A column definition; when ``altering``, the type may be missing."""
    column = Column(cursor.name())
    no_type = {
        "GENERATED",
        "AS",
        "DEFAULT",
        "NOT",
        "NULL",
        "CONSTRAINT",
        "CHECK",
        "VISIBLE",
        "INVISIBLE",
        "DROP",
        "PRIMARY",
        "UNIQUE",
        "ENCRYPT",
    }
    if cursor.token.is_name and not (cursor.token.kind == "word" and cursor.token.value in no_type):
        column.type = parse_type(cursor, semantics)
    elif not altering and not cursor.is_word("AS") and not cursor.is_word("GENERATED"):
        raise OracleError(902, "invalid datatype", cursor.token.start)
    while True:
        if cursor.accept("DEFAULT"):
            if cursor.accept("ON", "NULL"):
                column.on_null = "YES"
                if cursor.accept("FOR", "INSERT", "AND", "UPDATE"):
                    column.on_null = "UPDATE"
                else:
                    cursor.accept("FOR", "INSERT", "ONLY")
            column.default = expression(cursor, *_AFTER_DEFAULT)
            if not column.default:
                raise OracleError(936, "missing expression", cursor.token.start)
        elif cursor.accept("GENERATED"):
            _generated(cursor, column)
        elif cursor.accept("AS"):
            column.virtual = cursor.parenthesised()
            cursor.accept("VIRTUAL")
        elif cursor.accept("DROP", "IDENTITY"):
            column.identity = "DROP"
        elif cursor.accept("VISIBLE"):
            column.invisible = False
        elif cursor.accept("INVISIBLE"):
            column.invisible = True
        elif cursor.accept("SORT") or cursor.accept("VIRTUAL"):
            pass
        elif cursor.accept("COLLATE"):
            cursor.name()
        elif cursor.accept("ENCRYPT"):
            while cursor.is_word("USING") or cursor.is_word("SALT") or cursor.is_word("NO"):
                cursor.at += 1 if not cursor.is_word("USING") else 2
        else:
            constraint = parse_constraint(cursor, column.name)
            if constraint is None:
                return column
            if constraint.kind == "NULL":
                column.nullable = True
                continue
            if constraint.kind == "N" and constraint.mandatory:
                column.nullable = False
            column.constraints.append(constraint)


def _generated(cursor: Cursor, column: Column) -> None:
    column.identity = "ALWAYS"
    if cursor.accept("BY", "DEFAULT"):
        column.identity = "BY DEFAULT"
        if cursor.accept("ON", "NULL"):
            column.on_null = "YES"
            cursor.accept("FOR", "INSERT", "ONLY")
    else:
        cursor.accept("ALWAYS")
    cursor.expect("AS")
    if cursor.accept("IDENTITY"):
        column.sequence = SequenceOptions()
        if cursor.accept("("):
            column.sequence = parse_sequence_options(cursor)
            cursor.expect(")")
        elif not cursor.is_word(",") and not cursor.is_word(")"):
            column.sequence = parse_sequence_options(cursor)
    else:
        column.identity = ""
        column.virtual = cursor.parenthesised()
        cursor.accept("VIRTUAL")


def parse_sequence_options(cursor: Cursor) -> SequenceOptions:
    """START WITH, INCREMENT BY and so on, as many as there are."""
    options = SequenceOptions()
    while True:
        if cursor.accept("START", "WITH") or cursor.accept("RESTART", "START", "WITH"):
            options.restart = cursor.tokens[cursor.at - 3].value == "RESTART"
            if cursor.accept("LIMIT", "VALUE"):
                options.start_limit = True
            else:
                options.start = cursor.integer()
        elif cursor.accept("RESTART"):
            options.restart = True
        elif cursor.accept("INCREMENT", "BY"):
            options.increment = cursor.integer()
        elif cursor.accept("MAXVALUE"):
            options.max_value = cursor.integer()
        elif cursor.accept("NOMAXVALUE"):
            options.max_value = "none"
        elif cursor.accept("MINVALUE"):
            options.min_value = cursor.integer()
        elif cursor.accept("NOMINVALUE"):
            options.min_value = "none"
        elif cursor.accept("CYCLE"):
            options.cycle = True
        elif cursor.accept("NOCYCLE"):
            options.cycle = False
        elif cursor.accept("CACHE"):
            options.cache = cursor.integer()
        elif cursor.accept("NOCACHE"):
            options.cache = 0
        elif cursor.accept("ORDER"):
            options.order = True
        elif cursor.accept("NOORDER"):
            options.order = False
        elif any(
            cursor.accept(w)
            for w in (
                "KEEP",
                "NOKEEP",
                "SCALE",
                "NOSCALE",
                "EXTEND",
                "NOEXTEND",
                "GLOBAL",
                "SESSION",
                "NOPARTITION",
                "SHARD",
                "NOSHARD",
            )
        ):
            pass
        else:
            return options


def parse_constraint(cursor: Cursor, column: str | None = None) -> Constraint | None:
    """A constraint at ``column``, or of the table when None; None when there is none. Kind ``NULL``: the word NULL."""
    name = cursor.name() if cursor.accept("CONSTRAINT") else None
    own = [column] if column is not None else []
    if column is not None and cursor.accept("NOT", "NULL"):
        constraint = Constraint("N", name, own, condition=f'"{column}" IS NOT NULL')
    elif column is not None and cursor.accept("NULL"):
        return Constraint("NULL")
    elif cursor.accept("PRIMARY", "KEY"):
        constraint = Constraint("P", name, own or cursor.names())
    elif cursor.accept("UNIQUE"):
        constraint = Constraint("U", name, own or cursor.names())
    elif cursor.accept("CHECK"):
        constraint = Constraint("C", name, own, condition=cursor.parenthesised())
    elif cursor.is_word("FOREIGN") or (column is not None and cursor.is_word("REFERENCES")):
        columns = own
        if cursor.accept("FOREIGN", "KEY"):
            columns = cursor.names()
        cursor.expect("REFERENCES")
        owner, table = cursor.qualified()
        constraint = Constraint("R", name, columns, r_owner=owner, r_table=table)
        if cursor.is_word("("):
            constraint.r_columns = cursor.names()
        if cursor.accept("ON", "DELETE"):
            if cursor.accept("CASCADE"):
                constraint.delete_rule = "CASCADE"
            else:
                cursor.expect("SET", "NULL")
                constraint.delete_rule = "SET NULL"
    elif name is not None:
        raise cursor.fail(904)
    else:
        return None
    parse_constraint_state(cursor, constraint)
    return constraint


def parse_constraint_state(cursor: Cursor, constraint: Constraint) -> None:
    """[NOT] DEFERRABLE, INITIALLY, RELY, USING INDEX, ENABLE/DISABLE, VALIDATE/NOVALIDATE, EXCEPTIONS INTO."""
    while True:
        if cursor.accept("NOT", "DEFERRABLE"):
            constraint.deferrable = False
        elif cursor.accept("DEFERRABLE"):
            constraint.deferrable = True
        elif cursor.accept("INITIALLY", "DEFERRED"):
            constraint.deferred = constraint.deferrable = True
        elif cursor.accept("INITIALLY", "IMMEDIATE"):
            constraint.deferred = False
        elif cursor.accept("RELY"):
            constraint.rely = True
        elif cursor.accept("NORELY"):
            constraint.rely = False
        elif cursor.accept("ENABLE"):
            constraint.enabled = True
        elif cursor.accept("DISABLE"):
            constraint.enabled = False
        elif cursor.accept("VALIDATE"):
            constraint.validated = True
        elif cursor.accept("NOVALIDATE"):
            constraint.validated = False
        elif cursor.accept("USING", "INDEX"):
            if cursor.is_word("("):
                constraint.create_index = cursor.parenthesised()
            elif cursor.token.is_name and cursor.token.value not in (
                *_PHYSICAL,
                "ENABLE",
                "DISABLE",
                "RELY",
                "NORELY",
                "VALIDATE",
                "NOVALIDATE",
                "LOCAL",
                "GLOBAL",
                "REVERSE",
                "NOSORT",
                "SORT",
                "VISIBLE",
                "INVISIBLE",
                "DEFERRABLE",
                "INITIALLY",
            ):
                constraint.using_index = cursor.qualified()[1]
            skip_physical(cursor)
        elif cursor.accept("EXCEPTIONS", "INTO"):
            cursor.qualified()
        else:
            return


_PHYSICAL = (
    "PCTFREE",
    "PCTUSED",
    "INITRANS",
    "MAXTRANS",
    "STORAGE",
    "TABLESPACE",
    "LOGGING",
    "NOLOGGING",
    "COMPUTE",
    "NOCOMPRESS",
    "COMPRESS",
    "PARALLEL",
    "NOPARALLEL",
)


def skip_physical(cursor: Cursor) -> str | None:
    """Past what says where and how it is stored; the tablespace if one is named."""
    tablespace = None
    while True:
        if cursor.accept("TABLESPACE"):
            tablespace = cursor.name()
        elif any(cursor.accept(word) for word in ("PCTFREE", "PCTUSED", "INITRANS", "MAXTRANS")):
            cursor.integer()
        elif cursor.accept("STORAGE"):
            cursor.parenthesised()
        elif cursor.accept("COMPRESS") or cursor.accept("PARALLEL"):
            if cursor.token.kind == "number":
                cursor.integer()
        elif cursor.accept("COMPUTE", "STATISTICS") or any(
            cursor.accept(w)
            for w in ("LOGGING", "NOLOGGING", "NOCOMPRESS", "NOPARALLEL", "REVERSE", "LOCAL", "GLOBAL", "NOSORT", "SORT")
        ):
            pass
        else:
            return tablespace


def parse_log_group(cursor: Cursor) -> tuple[str, list[str], bool]:
    """After SUPPLEMENTAL LOG: (kind or group name, columns, always). Kinds: ALL, PRIMARY KEY, UNIQUE, FOREIGN KEY."""
    if cursor.accept("GROUP"):
        name = cursor.name()
        columns = []
        cursor.expect("(")
        while True:
            columns.append(cursor.name())
            cursor.accept("NO", "LOG")
            if not cursor.accept(","):
                break
        cursor.expect(")")
        return name, columns, cursor.accept("ALWAYS")
    cursor.expect("DATA")
    cursor.expect("(")
    kinds = []
    while not cursor.accept(")"):
        word = cursor.name()
        if word in ("PRIMARY", "FOREIGN"):
            cursor.expect("KEY")
            word += " KEY"
        cursor.accept("INDEX")
        kinds.append(word)
        cursor.accept(",")
    cursor.accept("COLUMNS")
    return ",".join(kinds), [], True
