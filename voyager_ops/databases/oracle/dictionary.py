"""Oracle's dictionary, read once: one query per view and schema, no round trip per object.

The rows are evidence (``to_csv``) and the input of schema conversion, catalog and preflight; as CSV also of tests and simulator.
"""

from __future__ import annotations

import csv
import dataclasses
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar, Protocol, get_args, get_type_hints

import oracledb

from voyager_ops.databases.oracle import dictionary_rows as rows
from voyager_ops.databases.oracle.dictionary_internal import OWNER_FIELDS, internal, name_of, owner_of
from voyager_ops.errors import PreconditionError

ObjectName = tuple[str, str]
"""(owner, name), as Oracle spells them."""


class _Row(Protocol):
    """Any of the row classes."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


@dataclass(frozen=True)
class Excluded:
    """An object of Oracle's own making (or of ours) that is not migrated as such, and why."""

    owner: str
    name: str
    reason: str


@dataclass(frozen=True)
class Dictionary:
    """The dictionary of ``owners``: one tuple of rows per view, the view's name without ALL_/DBA_ being the field's name.

    Rows of objects that Oracle made for itself are left out and listed in ``excluded``; ``missing``: unreadable views.
    """

    owners: tuple[str, ...]
    objects: tuple[rows.ObjectRow, ...] = ()
    tables: tuple[rows.TableRow, ...] = ()
    object_tables: tuple[rows.ObjectTableRow, ...] = ()
    tab_cols: tuple[rows.ColumnRow, ...] = ()
    tab_identity_cols: tuple[rows.IdentityRow, ...] = ()
    constraints: tuple[rows.ConstraintRow, ...] = ()
    cons_columns: tuple[rows.ConstraintColumnRow, ...] = ()
    indexes: tuple[rows.IndexRow, ...] = ()
    ind_columns: tuple[rows.IndexColumnRow, ...] = ()
    ind_expressions: tuple[rows.IndexExpressionRow, ...] = ()
    part_tables: tuple[rows.PartitionedTableRow, ...] = ()
    part_indexes: tuple[rows.PartitionedIndexRow, ...] = ()
    tab_partitions: tuple[rows.PartitionRow, ...] = ()
    tab_subpartitions: tuple[rows.SubpartitionRow, ...] = ()
    part_key_columns: tuple[rows.PartitionKeyRow, ...] = ()
    subpart_key_columns: tuple[rows.PartitionKeyRow, ...] = ()
    subpartition_templates: tuple[rows.SubpartitionTemplateRow, ...] = ()
    sequences: tuple[rows.SequenceRow, ...] = ()
    views: tuple[rows.ViewRow, ...] = ()
    mviews: tuple[rows.MaterializedViewRow, ...] = ()
    mview_logs: tuple[rows.MaterializedViewLogRow, ...] = ()
    triggers: tuple[rows.TriggerRow, ...] = ()
    source: tuple[rows.SourceRow, ...] = ()
    synonyms: tuple[rows.SynonymRow, ...] = ()
    types: tuple[rows.TypeRow, ...] = ()
    type_attrs: tuple[rows.TypeAttributeRow, ...] = ()
    coll_types: tuple[rows.CollectionTypeRow, ...] = ()
    nested_tables: tuple[rows.NestedTableRow, ...] = ()
    lobs: tuple[rows.LobRow, ...] = ()
    xml_tab_cols: tuple[rows.XmlColumnRow, ...] = ()
    tab_comments: tuple[rows.TableCommentRow, ...] = ()
    col_comments: tuple[rows.ColumnCommentRow, ...] = ()
    mview_comments: tuple[rows.MaterializedViewCommentRow, ...] = ()
    dependencies: tuple[rows.DependencyRow, ...] = ()
    queue_tables: tuple[rows.QueueTableRow, ...] = ()
    external_tables: tuple[rows.ExternalTableRow, ...] = ()
    db_links: tuple[rows.DatabaseLinkRow, ...] = ()
    log_groups: tuple[rows.LogGroupRow, ...] = ()
    segments: tuple[rows.SegmentRow, ...] = ()
    tab_privs: tuple[rows.TablePrivilegeRow, ...] = ()
    col_privs: tuple[rows.ColumnPrivilegeRow, ...] = ()
    policies: tuple[rows.PolicyRow, ...] = ()
    nls_database_parameters: tuple[rows.ParameterRow, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    missing: tuple[str, ...] = field(default=(), compare=False)

    @property
    def version(self) -> tuple[int, ...]:
        """The server's version, (19, 0, 0, 0, 0); (0,) when the extract does not say."""
        text = self.parameters.get("NLS_RDBMS_VERSION", "")
        return tuple(int(part) for part in re.findall(r"\d+", text)) or (0,)

    @property
    def parameters(self) -> Mapping[str, str]:
        """NLS_DATABASE_PARAMETERS: name to value."""
        return {row.parameter: row.value for row in self.nls_database_parameters}

    def to_csv(self, directory: Path) -> None:
        """Write one file per view, ``tab_cols.csv`` and so on, with the view's column names as the header; NULL is empty."""
        directory.mkdir(parents=True, exist_ok=True)
        for view in VIEWS:
            _write(directory / f"{view}.csv", _fields(ROW_CLASSES[view]), getattr(self, view))
        _write(directory / "excluded.csv", _fields(Excluded), self.excluded)

    @classmethod
    def from_csv(cls, directory: Path, owners: Sequence[str] = ()) -> Dictionary:
        """Read an extract. ``owners``: only these (default: every owner of a table, view, sequence or other object).

        A file may be called after its view with or without ALL_, DBA_ or USER_, in any case; columns that we do not know are
        skipped. Raises PreconditionError when there are no files, or a file lacks a column that cannot be done without.
        """
        found = _csv_files(directory)
        if "tab_cols" not in found:
            raise PreconditionError(
                f"{directory} holds no dictionary extract: there is no tab_cols.csv (ALL_TAB_COLS)",
                state="nothing has been read",
                next_step="give the directory of an extract, one CSV file per dictionary view",
            )
        read = {view: tuple(_read(found[view], ROW_CLASSES[view])) for view in VIEWS if view in found}
        wanted = tuple(owners) or _owners(read)
        chosen = {view: tuple(row for row in all_rows if _belongs(view, row, wanted)) for view, all_rows in read.items()}
        earlier = tuple(_read(found["excluded"], Excluded)) if "excluded" in found else ()
        return _without_internal(wanted, chosen, missing=tuple(view for view in VIEWS if view not in found), earlier=earlier)


def _row_classes() -> dict[str, type[Any]]:
    hints = get_type_hints(Dictionary)
    others = {"owners", "excluded", "missing"}
    return {item.name: get_args(hints[item.name])[0] for item in dataclasses.fields(Dictionary) if item.name not in others}


ROW_CLASSES: Mapping[str, type[Any]] = _row_classes()
VIEWS: tuple[str, ...] = tuple(ROW_CLASSES)
"""The views by their names without prefix, in lower case."""
_REQUIRED = {"objects", "tables", "tab_cols", "constraints", "cons_columns", "indexes", "ind_columns", "sequences", "views"}
_ALIASES = {"tab_columns": "tab_cols", "view": "views", "nls_database_params": "nls_database_parameters"}


def _fields(row_class: type[Any]) -> tuple[str, ...]:
    return tuple(item.name for item in dataclasses.fields(row_class))


# ------------------------------------------------------------------------------------------------ from the database


def queries() -> dict[str, str]:
    """View to its query, with ``{views}`` and ``{privilege_owner}`` still to be filled in; the owner is the bind ``:owner``."""
    text = files(__package__).joinpath("queries", "dictionary.sql").read_text(encoding="utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True))


def read_dictionary(connection: oracledb.Connection, owners: Sequence[str], views: Collection[str] = VIEWS) -> Dictionary:
    """Read every view (or only those of ``views``) for ``owners`` (Oracle's spelling). DBA_ views where we may, else ALL_.

    Raises PreconditionError when an owner has nothing that we can see, or a view that we need cannot be read; errors of the
    driver pass as they are. Every query sees the moment it starts at: DDL meanwhile is not guarded against.
    """
    texts = queries()
    wanted = tuple(dict.fromkeys(owners))
    prefixes = ("DBA", "ALL") if sees_everything(connection) else ("ALL",)
    read: dict[str, tuple[Any, ...]] = {}
    missing: list[str] = []
    for view in VIEWS:
        if view not in views and view != "objects":
            continue
        found = _read_view(connection, view, texts[view], prefixes, wanted)
        if found is not None:
            read[view] = found
        elif view in _REQUIRED:
            raise PreconditionError(
                f"the source does not let us read its dictionary view ALL_{view.upper()}",
                state="nothing has been exported",
                next_step="grant what voyager-ops prepare source --print lists (SELECT ANY DICTIONARY)",
            )
        else:
            missing.append(view)
    nothing = [owner for owner in wanted if not any(row.owner == owner for row in read["objects"])]
    if nothing or not wanted:
        raise PreconditionError(
            f"the source has no schema {', '.join(nothing)}, or we may see none of its objects"
            if nothing
            else "no source schema is named",
            state="nothing has been exported",
            next_step="mend source.schemas, or grant the privileges that voyager-ops prepare source --print lists",
        )
    return _without_internal(wanted, read, missing=tuple(missing))


def sees_everything(connection: oracledb.Connection) -> bool:
    """Whether the DBA_ views may be read. ALL_ views show only what was granted to us, one by one or by an ANY privilege."""
    with connection.cursor() as cursor:
        try:
            cursor.execute("SELECT 1 FROM DBA_OBJECTS WHERE ROWNUM = 0").fetchall()
        except oracledb.DatabaseError as error:
            if not _no_such_view(error):
                raise
            return False
    return True


def _no_such_view(error: oracledb.DatabaseError) -> bool:
    """ORA-00942 (no such table, or none that we may see), ORA-01031 (insufficient privileges)."""
    return getattr(error.args[0] if error.args else None, "code", None) in {942, 1031, 41900}


def _read_view(
    connection: oracledb.Connection, view: str, text: str, prefixes: Sequence[str], owners: Sequence[str]
) -> tuple[Any, ...] | None:
    row_class = ROW_CLASSES[view]
    convert = _converter(row_class)
    for prefix in prefixes:
        statement = text.format(views=prefix, privilege_owner="OWNER" if prefix == "DBA" else "TABLE_SCHEMA")
        found: list[Any] = []
        try:
            for owner in owners if ":owner" in statement else ("",):
                found.extend(convert(row) for row in _fetch(connection, statement, owner))
        except oracledb.DatabaseError as error:
            if not _no_such_view(error):
                raise
            continue
        return tuple(dict.fromkeys(found))  # a public synonym belongs to one owner's answer only, but be sure
    return None


def _fetch(connection: oracledb.Connection, statement: str, owner: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.arraysize = 1000
        cursor.outputtypehandler = _exact
        fetched: list[tuple[Any, ...]] = cursor.execute(statement, {"owner": owner} if owner else {}).fetchall()
        return fetched


def _exact(cursor: oracledb.Cursor, metadata: oracledb.FetchInfo) -> oracledb.Var | None:
    """Numbers without the detour over float (the bounds of a sequence have 28 digits), long text as str."""
    if metadata.type_code is oracledb.DB_TYPE_NUMBER:
        return cursor.var(Decimal, arraysize=cursor.arraysize)
    if metadata.type_code is oracledb.DB_TYPE_CLOB:
        return cursor.var(oracledb.DB_TYPE_LONG, arraysize=cursor.arraysize)
    return None


def _converter(row_class: type[Any]) -> Callable[[Iterable[Any]], Any]:
    numeric = [hint != (str,) for hint in _kinds(row_class)]

    def convert(values: Iterable[Any]) -> Any:
        return row_class(*(_number(v) if is_number else _text(v) for v, is_number in zip(values, numeric, strict=True)))

    return convert


def _kinds(row_class: type[Any]) -> list[tuple[Any, ...]]:
    hints = get_type_hints(row_class)
    return [get_args(hints[name]) or (hints[name],) for name in _fields(row_class)]


def _number(value: Any) -> int | None:
    return None if value is None or value == "" else int(Decimal(value))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


# ------------------------------------------------------------------------------------------------------------ CSV


def _write(path: Path, names: Sequence[str], written: Iterable[_Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([name.upper() for name in names])
        for row in written:
            writer.writerow(["" if (value := getattr(row, name)) is None else value for name in names])


def _csv_files(directory: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(directory.iterdir()) if directory.is_dir() else ():
        if path.suffix.lower() == ".csv":
            name = re.sub(r"^(all|dba|user)_", "", path.stem.lower())
            found.setdefault(_ALIASES.get(name, name), path)
    return found


def _read(path: Path, row_class: type[Any]) -> Iterator[Any]:
    """The rows of a file; none of an empty one (a tool that writes no header where there is no row)."""
    csv.field_size_limit(1 << 30)
    line = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            first = stream.readline()
            stream.seek(0)
            reader = csv.reader(stream, delimiter=max(",;\t|", key=first.count))
            header = {name.strip().lower(): at for at, name in enumerate(next(reader, []))}
            if not header:
                return
            parts = _parts(path, header, row_class)
            for row in reader:
                line = reader.line_num
                if row:
                    yield row_class(**{name: _number(row[at]) if is_number else row[at] for name, at, is_number in parts})
    except (UnicodeDecodeError, IndexError, ArithmeticError, ValueError, csv.Error) as error:
        why = "too few values" if isinstance(error, IndexError) else str(error) or type(error).__name__
        if isinstance(error, ArithmeticError):
            why = "what should be a number is none (NULL is written as nothing at all)"
        raise PreconditionError(
            f"{path} cannot be read, at or after line {line}: {why}",
            state="nothing has been read",
            next_step="extract the view anew, as UTF-8, with a header and NULL as an empty field",
        ) from None


def _parts(path: Path, header: dict[str, int], row_class: type[Any]) -> list[tuple[str, int, bool]]:
    """(name, place, whether it is a number) of the fields that the file has. Raises PreconditionError for one that is missing."""
    if "table_schema" in header:
        header.setdefault("owner", header["table_schema"])
    parts: list[tuple[str, int, bool]] = []
    for item, kind in zip(dataclasses.fields(row_class), _kinds(row_class), strict=True):
        if item.name in header:
            parts.append((item.name, header[item.name], kind != (str,)))
        elif item.default is dataclasses.MISSING:
            raise PreconditionError(
                f"{path} lacks the column {item.name.upper()}", state="nothing has been read", next_step="extract the whole view"
            )
    return parts


def _owners(read: Mapping[str, Sequence[Any]]) -> tuple[str, ...]:
    views = ("objects", "tables", "tab_cols", "views", "sequences")
    found = {owner_of(view, row) for view in views for row in read.get(view, ())}
    return tuple(sorted(found - {"PUBLIC", "SYS", "SYSTEM", ""}))


def _belongs(view: str, row: Any, owners: Sequence[str]) -> bool:
    if view == "synonyms" and row.owner == "PUBLIC":
        return row.table_owner in owners
    return OWNER_FIELDS.get(view) == "" or owner_of(view, row) in owners


def _without_internal(
    owners: tuple[str, ...],
    read: Mapping[str, tuple[Any, ...]],
    *,
    missing: tuple[str, ...],
    earlier: tuple[Excluded, ...] = (),
) -> Dictionary:
    reasons = internal(read)
    containers = {(row.owner, row.container_name or row.mview_name) for row in read.get("mviews", ())}

    def kept(view: str, row: Any) -> bool:
        owner, name = owner_of(view, row), name_of(view, row)
        if view == "indexes" and (row.owner, row.index_name) in reasons:
            return False
        if (view == "tables" or (view == "objects" and row.object_type == "TABLE")) and (owner, name) in containers:
            return False
        return (owner, name) not in reasons

    filtered: dict[str, Any] = {view: tuple(row for row in all_rows if kept(view, row)) for view, all_rows in read.items()}
    named = (Excluded(owner, name, reason) for (owner, name), reason in reasons.items())
    excluded = tuple(sorted({*earlier, *named}, key=lambda item: (item.owner, item.name)))
    return Dictionary(owners, excluded=excluded, missing=missing, **filtered)
