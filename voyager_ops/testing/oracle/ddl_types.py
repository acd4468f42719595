"""Object and collection types."""

from __future__ import annotations

import re

from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.datatypes import parse_type
from voyager_ops.testing.oracle.ddl_context import Context, add_object, check_free
from voyager_ops.testing.oracle.ddl_plsql import drop_unit, record_source
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.tokens import Cursor


def create_type(context: Context, cursor: Cursor, *, replace: bool, semantics: str = "BYTE") -> None:
    """After CREATE [OR REPLACE] TYPE."""
    owner, name = cursor.qualified()
    owner = context.owner(owner)
    if dd.exists(context.connection, "OBJECTS", OWNER=owner, OBJECT_NAME=name, OBJECT_TYPE="TYPE"):
        incomplete = dd.exists(context.connection, "TYPES", OWNER=owner, TYPE_NAME=name, INCOMPLETE="YES")
        if not replace and not incomplete:
            raise OracleError(955, "name is already used by an existing object")
        drop_unit(context, Cursor(f'"{owner}"."{name}"'), "TYPE")
    check_free(context, owner, name)
    if cursor.accept("OID"):
        cursor.string()
    if cursor.accept("FORCE"):
        pass
    supertype: tuple[str, str] | None = None
    add_object(context, owner, name, "TYPE")
    source = cursor.text.strip().rstrip("/").rstrip()
    match = re.search(r"(?i)\btype\b", source)
    record_source(context, owner, name, "TYPE", source[match.start() :] if match else source)
    if cursor.done:
        dd.insert(
            context.connection,
            "TYPES",
            OWNER=owner,
            TYPE_NAME=name,
            TYPECODE="OBJECT",
            ATTRIBUTES=0,
            METHODS=0,
            PREDEFINED="NO",
            INCOMPLETE="YES",
            FINAL="YES",
            INSTANTIABLE="YES",
        )
        return
    if cursor.accept("UNDER"):
        s_owner, s_name = cursor.qualified()
        supertype = (s_owner or owner, s_name)
    else:
        if not cursor.accept("AS"):
            cursor.expect("IS")
        if cursor.accept("TABLE", "OF") or cursor.is_word("VARRAY") or cursor.is_word("VARYING"):
            _collection(context, cursor, owner, name, semantics)
            return
        cursor.expect("OBJECT")
    inherited = _inherit(context, owner, name, supertype) if supertype else 0
    attributes, methods = _attributes(context, cursor, owner, name, semantics, inherited)
    final = not re.search(r"(?i)\bNOT\s+FINAL\b", cursor.text)
    dd.insert(
        context.connection,
        "TYPES",
        OWNER=owner,
        TYPE_NAME=name,
        TYPECODE="OBJECT",
        ATTRIBUTES=attributes,
        METHODS=methods,
        PREDEFINED="NO",
        INCOMPLETE="NO",
        FINAL="YES" if final else "NO",
        INSTANTIABLE="YES",
        SUPERTYPE_OWNER=supertype[0] if supertype else None,
        SUPERTYPE_NAME=supertype[1] if supertype else None,
        LOCAL_ATTRIBUTES=attributes - inherited if supertype else None,
    )


def _inherit(context: Context, owner: str, name: str, supertype: tuple[str, str]) -> int:
    """Give the type the attributes of its supertype; how many they are."""
    found = context.connection.execute(
        'INSERT INTO ora."TYPE_ATTRS" ("OWNER", "TYPE_NAME", "ATTR_NAME", "ATTR_TYPE_MOD", "ATTR_TYPE_OWNER", "ATTR_TYPE_NAME",'
        ' "LENGTH", "PRECISION", "SCALE", "CHARACTER_SET_NAME", "ATTR_NO", "INHERITED", "CHAR_USED")'
        ' SELECT %s::text, %s::text, "ATTR_NAME", "ATTR_TYPE_MOD", "ATTR_TYPE_OWNER", "ATTR_TYPE_NAME", "LENGTH", "PRECISION",'
        ' "SCALE", "CHARACTER_SET_NAME", "ATTR_NO", \'YES\', "CHAR_USED" FROM ora."TYPE_ATTRS" WHERE "OWNER" = %s::text'
        ' AND "TYPE_NAME" = %s::text',
        (owner, name, *supertype),
    )
    return found.rowcount


def _collection(context: Context, cursor: Cursor, owner: str, name: str, semantics: str) -> None:
    bound = None
    if cursor.accept("VARRAY") or cursor.accept("VARYING", "ARRAY"):
        cursor.expect("(")
        bound = cursor.integer()
        cursor.expect(")", "OF")
    reference = cursor.accept("REF")
    kind = parse_type(cursor, semantics)
    dd.insert(
        context.connection,
        "TYPES",
        OWNER=owner,
        TYPE_NAME=name,
        TYPECODE="COLLECTION",
        ATTRIBUTES=0,
        METHODS=0,
        PREDEFINED="NO",
        INCOMPLETE="NO",
        FINAL="YES",
        INSTANTIABLE="YES",
    )
    dd.insert(
        context.connection,
        "COLL_TYPES",
        OWNER=owner,
        TYPE_NAME=name,
        COLL_TYPE="VARYING ARRAY" if bound is not None else "TABLE",
        UPPER_BOUND=bound,
        ELEM_TYPE_MOD="REF" if reference else None,
        ELEM_TYPE_OWNER=(owner if kind.owner == "?" else kind.owner) if kind.owner else None,
        ELEM_TYPE_NAME=kind.name,
        LENGTH=kind.length or None,
        PRECISION=kind.precision,
        SCALE=kind.scale,
        CHARACTER_SET_NAME="CHAR_CS" if kind.length and kind.name != "RAW" else None,
        NULLS_STORED="YES",
        CHAR_USED=("C" if kind.chars else "B") if kind.length else None,
    )
    cursor.rest()


def _attributes(context: Context, cursor: Cursor, owner: str, name: str, semantics: str, inherited: int = 0) -> tuple[int, int]:
    attributes, methods = inherited, 0
    if not cursor.accept("("):
        return attributes, 0
    while True:
        if any(
            cursor.is_word(w)
            for w in ("MEMBER", "STATIC", "CONSTRUCTOR", "MAP", "ORDER", "FINAL", "NOT", "OVERRIDING", "INSTANTIABLE", "PRAGMA")
        ):
            method = ""
            depth = 0
            while not (depth == 0 and (cursor.is_word(",") or cursor.is_word(")"))):
                if cursor.token.value in ("FUNCTION", "PROCEDURE") and not method:
                    method = cursor.peek().value
                depth += 1 if cursor.is_word("(") else -1 if cursor.is_word(")") else 0
                cursor.at += 1
            methods += 1
            dd.insert(
                context.connection,
                "TYPE_METHODS",
                OWNER=owner,
                TYPE_NAME=name,
                METHOD_NAME=method,
                METHOD_NO=methods,
                METHOD_TYPE="PUBLIC",
            )
        else:
            attributes += 1
            attribute = cursor.name()
            reference = cursor.accept("REF")
            kind = parse_type(cursor, semantics)
            dd.insert(
                context.connection,
                "TYPE_ATTRS",
                OWNER=owner,
                TYPE_NAME=name,
                ATTR_NAME=attribute,
                ATTR_TYPE_MOD="REF" if reference else None,
                ATTR_TYPE_OWNER=(owner if kind.owner == "?" else kind.owner) if kind.owner else None,
                ATTR_TYPE_NAME=kind.name if kind.owner else kind.dictionary_name,
                LENGTH=kind.length or None,
                PRECISION=kind.precision,
                SCALE=kind.scale,
                CHARACTER_SET_NAME="CHAR_CS" if kind.length and kind.name != "RAW" else None,
                ATTR_NO=attributes,
                INHERITED="NO",
                CHAR_USED=("C" if kind.chars else "B") if kind.length else None,
            )
        if cursor.accept(","):
            continue
        cursor.expect(")")
        cursor.rest()
        return attributes, methods
