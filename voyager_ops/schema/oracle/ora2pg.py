"""ora2pg as a subprocess: it converts PL/SQL where somebody has installed it and asked for it."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pglast import ast, parser
from pglast.stream import RawStream

from voyager_ops.databases.oracle.names import fold
from voyager_ops.errors import PreconditionError
from voyager_ops.schema.names import walk
from voyager_ops.schema.oracle.programs import Program

_KINDS = {
    "FUNCTION": "FUNCTION",
    "PROCEDURE": "PROCEDURE",
    "TRIGGER": "TRIGGER",
    "PACKAGE BODY": "PACKAGE",
}
_SETTINGS = re.compile(r"^\s*(?:\\set|SET|SELECT pg_catalog\.set_config|CREATE SCHEMA|--)[^\n]*$", re.MULTILINE | re.IGNORECASE)
_SECONDS = 120
_CONFIGURATION = """\
PLSQL_PGSQL 1
FILE_PER_FUNCTION 0
STOP_ON_ERROR 0
PG_VERSION 11
PACKAGE_AS_SCHEMA 0
DEFAULT_NUMERIC numeric
PG_NUMERIC_TYPE 0
"""
"""By itself ora2pg makes a NUMBER a bigint, which would round; 11 is the oldest that a target speaks."""
_GLOBALS = "global_variables.conf"
"""Where ora2pg writes the variables of a package, which a server would have to be configured with."""


def find_ora2pg(given: Path | None = None) -> Path:
    """The program. Raises PreconditionError when it is not there."""
    found = str(given) if given is not None else shutil.which("ora2pg")
    if found is None or shutil.which(found) is None:
        raise PreconditionError(
            f"ora2pg is not installed{f' at {given}' if given is not None else ''}, and the configuration asks for it",
            state="nothing has been exported",
            next_step="install ora2pg on this machine, or set schema.plsql to keep",
        )
    return Path(found)


@dataclass(frozen=True)
class Ora2pg:
    """Converts one program at a time, offline: it sees nothing but its text."""

    program: Path

    def convert(self, item: Program) -> str:
        """PL/pgSQL, '' when ora2pg cannot or what it wrote is not PostgreSQL's syntax: the original is kept as work to do."""
        kind = _KINDS.get(item.kind)
        if kind is None or (item.kind == "TRIGGER" and item.status == "DISABLED"):  # what is made over there would fire
            return ""
        with tempfile.TemporaryDirectory(prefix="voyager-ops-ora2pg-") as directory:
            given = Path(directory) / "input.sql"
            given.write_text(f"{_without_owner(item).strip()}\n/\n", encoding="utf-8")
            settings = Path(directory) / "ora2pg.conf"
            settings.write_text(_CONFIGURATION, encoding="utf-8")
            command = [str(self.program), "-q", "-p", "-c", str(settings), "-t", kind, "-i", str(given), "-o", "output.sql"]
            try:
                done = subprocess.run(
                    [*command, "-b", directory], capture_output=True, text=True, timeout=_SECONDS, check=False, cwd=directory
                )
            except subprocess.TimeoutExpired:
                return ""
            output = Path(directory) / "output.sql"
            if done.returncode != 0 or not output.exists() or (Path(directory) / _GLOBALS).exists():
                return ""
            return _usable(output.read_text(encoding="utf-8", errors="replace"), fold(item.owner))


def _without_owner(item: Program) -> str:
    """The text; a trigger's without the owner before its name and its table, of which ora2pg would make a function's name."""
    if item.kind != "TRIGGER":
        return item.text
    owner = rf'(?:"{re.escape(item.owner)}"|\b(?i:{re.escape(item.owner)}))\s*\.\s*'
    head, begins, body = re.split(r"(\bFOR\s+EACH\s+ROW\b|\bDECLARE\b|\bBEGIN\b|\Z)", item.text, maxsplit=1, flags=re.IGNORECASE)
    return re.sub(rf"(\bTRIGGER\s+|\bON\s+){owner}", r"\1", head, flags=re.IGNORECASE) + begins + body


def _usable(text: str, schema: str) -> str:
    """The statements without settings of the session, their names in ``schema``; '' when they do not parse, PL/pgSQL included.

    ora2pg leaves names without a schema; the import has no search_path. Names inside of bodies are the reader's to check.
    """
    body = _SETTINGS.sub("", text).strip()
    try:
        statements = parser.parse_sql(body) if body else ()
        if not statements:
            return ""
        parser.parse_plpgsql_json(body)
    except parser.ParseError:
        return ""
    # A trigger's is dropped first, which an import into an empty schema does not need.
    nodes: list[Any] = [statement.stmt for statement in statements if not isinstance(statement.stmt, ast.DropStmt)]
    for node in nodes:
        _qualify(node, schema)
    return ";\n\n".join(RawStream()(node) for node in nodes)


def _qualify(node: Any, schema: str) -> None:
    for item in walk(node):
        if isinstance(item, ast.RangeVar) and not item.schemaname:
            item.schemaname = schema
        elif isinstance(item, (ast.CreateFunctionStmt, ast.CreateTrigStmt)):
            name = item.funcname or ()
            item.funcname = (ast.String(sval=schema), *name) if len(name) == 1 else name
