"""One schema under another name: the qualifier is replaced where it stands, token by token, never by searching text.

Which ``sales.`` is a schema and which a table alias is told by the parse tree: a column reference of two parts starts with
an alias, everything else that is followed by a dot and not preceded by one is a schema. Bodies in quotes are done as well as
can be (SQL bodies by the same rules, other languages by their tokens) and reported: a name put together at run time is not seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pglast import ast, parser
from pglast.enums import ObjectType

from voyager_ops.schema.findings import Finding
from voyager_ops.schema.names import of_strings, quoted, split_dotted, walk
from voyager_ops.schema.statements import Statement, Token, parse, tokens

_NAMING = {
    f"reg{what}" for what in ("class", "proc", "procedure", "type", "oper", "config", "dictionary", "collation", "namespace")
}

_SEQUENCE_FUNCTIONS = {"nextval", "currval", "setval"}

Edit = tuple[int, int, str]


def rename_schema(statements: list[Statement], old: str, new: str) -> tuple[list[Statement], list[Finding]]:
    """Every statement with schema ``old`` called ``new``, and findings on function bodies that were changed or need a look."""
    renamed: list[Statement] = []
    findings: list[Finding] = []
    members = frozenset(name for statement in statements for name in _members(statement, old))
    for statement in statements:
        text, remarks = rename_text(statement.text, old, new, node=statement.node, members=members)
        findings.extend(remarks)
        renamed.append(replace(parse(text)[0], file=statement.file, line=statement.line) if text != statement.text else statement)
    return renamed, findings


def rename_text(
    text: str, old: str, new: str, *, node: Any = None, members: frozenset[str] | None = None
) -> tuple[str, list[Finding]]:
    """One statement; ``node`` is its parse tree when the caller has it. ``members``: the names of the schema's objects, which
    tell a schema from an alias where there is no parse tree (bodies in quotes); None when they are not known."""
    tree = node if node is not None else parser.parse_sql(text)[0].stmt
    scanned = tokens(text)
    edits: dict[int, Edit] = {}
    _qualifiers(text, scanned, tree, old, new, edits)
    _bare_names(text, scanned, tree, old, new, edits)
    _naming_constants(text, scanned, old, new, edits)
    findings = _bodies(text, scanned, tree, old, new, edits, members)
    return _applied(text, edits), findings


def _applied(text: str, edits: dict[int, Edit]) -> str:
    for start, end, replacement in sorted(edits.values(), reverse=True):
        text = text[:start] + replacement + text[end:]
    return text


def _identifier(text: str, token: Token) -> str | None:
    """The name that a token stands for, None when it is no name."""
    if token.name == "SCONST":
        return None
    parts = split_dotted(text[token.start : token.end])
    return parts[0] if parts and len(parts) == 1 else None


def _alias_positions(tree: Any, old: str) -> set[int]:
    """Where ``old`` stands as an alias or a column of a composite type, not as a schema."""
    positions: set[int] = set()
    for item in walk(tree):
        alias = isinstance(item, ast.ColumnRef) and len(item.fields or ()) == 2
        composite = isinstance(item, ast.ResTarget) and item.name == old and item.indirection
        if (alias or composite) and item.location is not None:
            positions.add(item.location)
    return positions


def _qualifier_positions(text: str, scanned: list[Token], tree: Any, old: str) -> Iterator[int]:
    """Indexes into ``scanned`` where ``old`` stands as a schema."""
    aliases = _alias_positions(tree, old)
    for position, token in enumerate(scanned[:-2]):
        followed = scanned[position + 1].name == "ASCII_46"
        preceded = position > 0 and scanned[position - 1].name == "ASCII_46"
        if followed and not preceded and token.start not in aliases and _identifier(text, token) == old:
            yield position


def _members(statement: Statement, old: str) -> Iterator[str]:
    scanned = tokens(statement.text)
    for position in _qualifier_positions(statement.text, scanned, statement.node, old):
        name = _identifier(statement.text, scanned[position + 2])
        if name is not None:
            yield name


def _qualifiers(
    text: str,
    scanned: list[Token],
    tree: Any,
    old: str,
    new: str,
    edits: dict[int, Edit],
    members: frozenset[str] | None = None,
) -> None:
    for position in _qualifier_positions(text, scanned, tree, old):
        token = scanned[position]
        if members is None or _identifier(text, scanned[position + 2]) in members:
            edits[token.start] = (token.start, token.end, quoted(new))


def _bare_names(text: str, scanned: list[Token], tree: Any, old: str, new: str, edits: dict[int, Edit]) -> None:
    """The schema's name where no dot follows: statements about the schema itself, and ``WITH SCHEMA``."""
    about = (
        isinstance(tree, (ast.CreateSchemaStmt, ast.CreateExtensionStmt, ast.AlterDefaultPrivilegesStmt))
        or (isinstance(tree, ast.CommentStmt) and tree.objtype == ObjectType.OBJECT_SCHEMA)
        or (isinstance(tree, ast.GrantStmt) and tree.objtype == ObjectType.OBJECT_SCHEMA)
    )
    if not about:
        return
    seen = False
    for token in scanned:
        if token.name == "SCHEMA":
            seen = True
        elif seen and token.name in {"TO", "FROM", "IS", "AUTHORIZATION"}:
            return
        elif seen and _identifier(text, token) == old:
            edits[token.start] = (token.start, token.end, quoted(new))


def _naming_constants(text: str, scanned: list[Token], old: str, new: str, edits: dict[int, Edit]) -> None:
    """Names inside constants: ``'sales.order_id_seq'::regclass``, ``nextval('sales.q')``, ``SET search_path TO 'sales'``."""
    words = [_identifier(text, token) for token in scanned]
    for position, token in enumerate(scanned):
        if words[position] == "search_path":
            _search_path(text, scanned[position + 1 :], old, new, edits)
        if token.name == "SCONST":
            about = _named_type(scanned, words, position)
            if about is not None:
                value = _renamed_path(_content(text, token), old, new, alone=about == "regnamespace")
                if value is not None:
                    edits[token.start] = (token.start, token.end, _literal(value))


def _named_type(scanned: list[Token], words: list[str | None], position: int) -> str | None:
    """The reg… type that makes a name of the constant at ``position``; None when it is ordinary text."""
    after = position + 1
    if after < len(scanned) and scanned[after].name in {"TYPECAST", "AS"}:
        after += 1
        if after + 1 < len(scanned) and scanned[after + 1].name == "ASCII_46":
            after += 2
        word = words[after] if after < len(scanned) else None
        return word if word in _NAMING else None
    before = words[position - 1] if position else None
    if before in _NAMING:
        return before
    opened = position > 1 and scanned[position - 1].name == "ASCII_40"
    return "regclass" if opened and words[position - 2] in _SEQUENCE_FUNCTIONS else None


def _search_path(text: str, following: list[Token], old: str, new: str, edits: dict[int, Edit]) -> None:
    """The items of ``search_path TO a, 'b'`` (or ``=``) that are the schema."""
    if not following or following[0].name not in {"TO", "ASCII_61"}:
        return
    for token in following[1:]:
        if token.name == "SCONST":
            if _content(text, token) == old:
                edits[token.start] = (token.start, token.end, _literal(new))
        elif token.name != "ASCII_44":
            word = _identifier(text, token)
            if word is None:
                return
            if word == old:
                edits[token.start] = (token.start, token.end, quoted(new))


def _renamed_path(value: str, old: str, new: str, *, alone: bool) -> str | None:
    head, separator, arguments = value.partition("(")
    parts = split_dotted(head)
    if not parts or parts[0] != old or (len(parts) == 1 and not alone):
        return None
    return quoted(new, *parts[1:]) + separator + arguments


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _bodies(
    text: str,
    scanned: list[Token],
    tree: Any,
    old: str,
    new: str,
    edits: dict[int, Edit],
    members: frozenset[str] | None,
) -> list[Finding]:
    """Bodies of functions and DO blocks, which the parser hands over as one string."""
    if not isinstance(tree, ast.CreateFunctionStmt):
        return []
    options = {option.defname: option.arg for option in tree.options or ()}
    source, language = options.get("as"), options.get("language")
    if source is None or language is None or language.sval in {"c", "internal"}:
        return []
    body = source[0].sval
    token = next((t for t in scanned if t.name == "SCONST" and _content(text, t) == body), None)
    name = ".".join(part for part in of_strings(tree.funcname) if part)
    changed = _renamed_body(body, old, new, language.sval, members)
    if changed is None or token is None:
        if old.casefold() not in body.casefold():
            return []
        message = f"its body may name schema {old} and was not changed (language {language.sval}): change it by hand to {new}"
        return [Finding("FUNCTION_BODY_NOT_RENAMED", "function", name, message)]
    findings: list[Finding] = []
    if changed != body:
        edits[token.start] = (token.start, token.end, _dollar_quoted(changed))
        message = f"schema {old} was renamed to {new} in its body, which no parser can prove right: have a look"
        findings.append(Finding("FUNCTION_BODY_RENAMED", "function", name, message))
    elif old.casefold() in body.casefold():
        message = f"its body contains the word {old} where it is not a qualifier: if it means the schema, change it to {new}"
        findings.append(Finding("FUNCTION_BODY_MENTIONS_SCHEMA", "function", name, message))
    return findings


def _renamed_body(body: str, old: str, new: str, language: str, members: frozenset[str] | None) -> str | None:
    """The body with the schema renamed, None when the language cannot be scanned as SQL."""
    if language not in {"sql", "plpgsql"}:
        return None
    try:
        scanned = tokens(body)
    except parser.ParseError:
        return None
    edits: dict[int, Edit] = {}
    if language == "sql":
        parsed = parse(body)
        if parsed and all(statement.error is None for statement in parsed):
            cursor = 0
            for statement in parsed:
                start = body.index(statement.text, cursor)
                cursor = start + len(statement.text)
                inner: dict[int, Edit] = {}
                own = tokens(statement.text)
                _qualifiers(statement.text, own, statement.node, old, new, inner)
                _naming_constants(statement.text, own, old, new, inner)
                edits |= {start + at: (start + a, start + b, value) for at, (a, b, value) in inner.items()}
            return _applied(body, edits)
    _qualifiers(body, scanned, (), old, new, edits, members)
    _naming_constants(body, scanned, old, new, edits)
    return _applied(body, edits)


def _content(text: str, token: Token) -> str:
    """What a string constant token holds."""
    raw = text[token.start : token.end]
    if raw.startswith("$"):
        tag = raw[: raw.index("$", 1) + 1]
        return raw[len(tag) : -len(tag)]
    if raw.startswith("'"):
        return raw[1:-1].replace("''", "'")
    return raw


def _dollar_quoted(body: str) -> str:
    tag, number = "$_$", 0
    while tag in body or tag[:-1] in body:
        number += 1
        tag = f"$_{number}$"
    return f"{tag}{body}{tag}"
