"""The map from Oracle's names to the target's: made when the schema is exported, kept beside it, and used from then on.

A name is folded (:func:`names.fold`) wherever that gives a name that PostgreSQL can have and that nobody else has. Else digits of
its hash are put behind it, and ``names:`` in the configuration says something better. Tables, views, sequences, types and
synonyms of a schema are one name space on the target, the columns of a table another. Schemas are folded only.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from voyager_ops.databases.oracle import dictionary_rows as rows
from voyager_ops.databases.oracle.dictionary import Dictionary, ObjectName
from voyager_ops.databases.oracle.names import fold, shortened, unusable
from voyager_ops.errors import ConfigError, PreconditionError
from voyager_ops.model.checks import listed
from voyager_ops.model.tables import QName, Table

VERSION: Final = 2
AGAIN: Final = "voyager-ops export schema --start-clean, look through what it wrote, and import it"


@dataclass(frozen=True)
class Names:
    """``objects``: of each object its name on the target; ``columns``: of each relation those of its columns. What is not in it
    is folded."""

    objects: Mapping[ObjectName, str] = field(default_factory=dict)
    columns: Mapping[ObjectName, Mapping[str, str]] = field(default_factory=dict)

    def at(self, owner: str, name: str) -> tuple[str, str]:
        """(schema, name) on the target."""
        return fold(owner), self.objects.get((owner, name)) or fold(name)

    def column(self, owner: str, table: str, column: str) -> str:
        return self.columns.get((owner, table), {}).get(column) or fold(column)


@dataclass(frozen=True)
class Kept:
    """The map as a file has it. ``tables``: those that an export made; ``by_object``, ``by_column``: what was wanted then."""

    names: Names
    tables: frozenset[ObjectName]
    by_object: Mapping[str, str]
    by_column: Mapping[str, str]


@dataclass(frozen=True)
class Naming:
    """How a migration names things. ``by_object`` (``OWNER.NAME``, exactly as Oracle spells them) and ``by_column``
    (``OWNER.TABLE.COLUMN``) to names on the target, of the configuration; ``file``: where the map is kept."""

    by_object: Mapping[str, str] = field(default_factory=dict)
    by_column: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = None

    def names(self, dictionary: Dictionary, *, anew: bool = False) -> Names:
        """The names of all there is: those that are kept, and for what came after them names that nobody has.

        ``anew``: for an export, which keeps what the configuration does not want otherwise, now or then. Raises ConfigError for
        two that are wanted alike, PreconditionError for a map that cannot be read.
        """
        kept = self.kept()
        old_objects, old_columns = _settled(kept, anew=anew)
        wanted, wanted_columns = _split(self if anew or kept is None else kept)
        found, found_columns = _objects(dictionary), _columns(dictionary)
        if anew:
            self._refuse_unknown(found, found_columns)
        else:  # also what this dictionary was not read for
            for owner, theirs in old_objects.items():
                found[owner] += theirs
            for place, its in old_columns.items():
                found_columns[place] += its
        objects: dict[ObjectName, str] = {}
        for owner, names in found.items():
            its_wanted = wanted.get(owner, {})
            given = {**old_objects.get(owner, {}), **its_wanted}
            for name, target in distinct(names, given, f"schema {owner}", own=its_wanted).items():
                objects[owner, name] = target
        columns: dict[ObjectName, dict[str, str]] = {}
        for place, names in found_columns.items():
            its_wanted = wanted_columns.get(place, {})
            given = {**old_columns.get(place, {}), **its_wanted}
            columns[place] = distinct(names, given, f"table {'.'.join(place)}", own=its_wanted, columns=True)
        return Names(objects, columns)

    def _refuse_unknown(self, objects: Mapping[str, list[str]], columns: Mapping[ObjectName, list[str]]) -> None:
        wanted, wanted_columns = _split(self)
        unknown = [f"{owner}.{name}" for owner, its in wanted.items() for name in its if name not in objects.get(owner, ())]
        unknown += [
            f"{'.'.join(place)}.{name}"
            for place, its in wanted_columns.items()
            for name in its
            if name not in columns.get(place, ())
        ]
        if unknown:
            raise ConfigError(
                f"{', '.join(unknown)}: there is no such thing on the source",
                key="names",
                next_step="mend the name: OWNER.NAME or OWNER.TABLE.COLUMN, exactly as Oracle's dictionary spells them",
            )

    def kept(self) -> Kept | None:
        """The map that an export kept; None where there has been none, or one of an older version: that folded all names.

        Raises PreconditionError when it cannot be read.
        """
        if self.file is None or not self.file.exists():
            return None
        try:
            data = json.loads(self.file.read_text(encoding="utf-8"))
            if data["version"] == 1:
                return None
            if data["version"] != VERSION:
                raise ValueError(f"it is of version {data['version']}")
            return Kept(
                Names(
                    {(owner, name): target for owner, found in data["objects"].items() for name, target in found.items()},
                    {(owner, name): columns for owner, found in data["columns"].items() for name, columns in found.items()},
                ),
                frozenset((owner, name) for owner, found in data["tables"].items() for name in found),
                data["wanted"]["by_object"],
                data["wanted"]["by_column"],
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise PreconditionError(
                f"the map of names {self.file} cannot be read: {error}",
                state="nothing was changed",
                next_step=f"put back the file that was there; or, before capture is prepared, remove it: {AGAIN}",
            ) from None

    def wants_otherwise(self, kept: Kept | None) -> bool:
        """Whether the configuration is not what it was when the map was ``kept``."""
        then = (dict(kept.by_object), dict(kept.by_column)) if kept is not None else ({}, {})
        return then != (dict(self.by_object), dict(self.by_column))

    def to_json(self, dictionary: Dictionary, names: Names, made: Iterable[ObjectName]) -> dict[str, Any]:
        """The map for :meth:`kept`. ``made``: the tables that are created on the target."""
        objects: dict[str, dict[str, str]] = defaultdict(dict)
        columns: dict[str, dict[str, Mapping[str, str]]] = defaultdict(dict)
        tables: dict[str, list[str]] = defaultdict(list)
        for (owner, name), target in sorted(names.objects.items()):
            objects[owner][name] = target
        for (owner, name), found in sorted(names.columns.items()):
            columns[owner][name] = found
        for owner, name in sorted(made):
            tables[owner].append(name)
        return {
            "version": VERSION,
            "schemas": {owner: fold(owner) for owner in dictionary.owners},
            "objects": objects,
            "columns": columns,
            "tables": tables,
            "wanted": {"by_object": dict(self.by_object), "by_column": dict(self.by_column)},
        }

    def disagreement(self, tables: Iterable[Table], chosen: Callable[[QName, QName], bool]) -> str:
        """What the map that is kept says otherwise than ``tables``, the migrated ones as the dictionary has them now; '' for
        nothing. ``chosen``: whether a table, by its name on the target and Oracle's, is wanted.

        Raises PreconditionError as :meth:`kept` does.
        """
        kept = self.kept()
        if kept is None:
            return f"there is no map of names ({self.file}), which export schema writes" if self.file is not None else ""
        if self.wants_otherwise(kept):
            return "names: in the configuration is not what it was when the schema was exported"
        there: set[ObjectName] = set()
        unknown: list[str] = []
        for table in tables:
            place = (table.native_name.schema, table.native_name.name)
            there.add(place)
            if place not in kept.names.objects:
                unknown.append(str(table.native_name))
                continue
            known = kept.names.columns.get(place, {})
            unknown += [f"{table.native_name}.{one.native_name}" for one in table.columns if one.native_name not in known]
        if unknown:
            return f"{listed(unknown)}: not there, or called otherwise, when the schema was exported"
        gone = [
            str(QName(*place)) for place in sorted(kept.tables - there) if chosen(QName(*kept.names.at(*place)), QName(*place))
        ]
        return f"{listed(gone)}: gone since the schema was exported, or called otherwise, or not to be seen" if gone else ""


def _split(wanted: Naming | Kept) -> tuple[dict[str, dict[str, str]], dict[ObjectName, dict[str, str]]]:
    """What is wanted of objects, by owner, and of columns, by table."""
    objects: dict[str, dict[str, str]] = defaultdict(dict)
    columns: dict[ObjectName, dict[str, str]] = defaultdict(dict)
    for key, target in wanted.by_object.items():
        owner, name = key.split(".", 1)
        objects[owner][name] = target
    for key, target in wanted.by_column.items():
        owner, table, column = key.split(".", 2)
        columns[owner, table][column] = target
    return objects, columns


def _settled(kept: Kept | None, *, anew: bool) -> tuple[dict[str, dict[str, str]], dict[ObjectName, dict[str, str]]]:
    """What a map has, as :func:`_split`. ``anew``: without what the configuration wanted then, which it may want no longer."""
    objects: dict[str, dict[str, str]] = defaultdict(dict)
    columns: dict[ObjectName, dict[str, str]] = defaultdict(dict)
    if kept is None:
        return objects, columns
    for (owner, name), target in kept.names.objects.items():
        if not anew or f"{owner}.{name}" not in kept.by_object:
            objects[owner][name] = target
    for (owner, table), found in kept.names.columns.items():
        for column, target in found.items():
            if not anew or f"{owner}.{table}.{column}" not in kept.by_column:
                columns[owner, table][column] = target
    return objects, columns


def distinct(
    names: Iterable[str],
    given: Mapping[str, str] | None = None,
    where: str = "",
    *,
    own: Mapping[str, str] | None = None,
    columns: bool = False,
) -> dict[str, str]:
    """The target's names for Oracle's ``names`` of one name space, which come first as they stand, those in upper case before
    others. ``given``: settled before, of which those of ``own`` come first; a name of it that is taken is settled anew.

    Raises ConfigError when two of ``own`` are alike, or cannot be.
    """
    names = tuple(dict.fromkeys(names))
    ordered = sorted(names, key=lambda name: name != name.upper())  # stable
    result: dict[str, str] = {}
    taken: dict[str, str] = {}
    for name in (*(name for name in ordered if name in (own or {})), *(name for name in ordered if name in (given or {}))):
        target = (given or {})[name]
        if name in result:
            continue
        if target not in taken and not unusable(target, column=columns):
            result[name] = target
            taken[target] = name
        elif name in (own or {}):
            why = unusable(target, column=columns) or f"{taken[target]} is to be called so already"
            raise ConfigError(f"{where}: {name} cannot be called {target}: {why}", key="names", next_step="choose another name")
    for name in ordered:
        if name not in result:
            target = next(choice for choice in _choices(name) if choice not in taken and not unusable(choice, column=columns))
            result[name] = target
            taken[target] = name
    return {name: result[name] for name in names}


def _choices(name: str) -> Iterator[str]:
    folded = fold(name)
    yield shortened(folded)
    digest = hashlib.sha256(name.encode()).hexdigest()
    head = folded.encode()[: 63 - 9].decode(errors="ignore")
    yield f"{head}_{digest[:8]}"
    number = 2
    while True:
        yield f"{folded.encode()[: 63 - 12].decode(errors='ignore')}_{digest[:8]}_{number}"
        number += 1


def is_users(row: rows.ColumnRow) -> bool:
    """Whether a user made the column: invisible ones are hidden too. Not those of Oracle's own, nor unused ones."""
    own = row.column_name.startswith("SYS_") and row.column_name.endswith("$")
    return row.hidden_column != "YES" or (row.user_generated == "YES" and not own)


def _objects(dictionary: Dictionary) -> dict[str, list[str]]:
    """By owner, in the order in which they are settled: a table does not lose its name to a synonym."""
    d = dictionary
    found: dict[str, list[str]] = defaultdict(list)
    places: Iterable[ObjectName] = (
        *((row.owner, row.table_name) for row in d.tables),
        *((row.owner, row.view_name) for row in d.views),
        *((row.owner, row.mview_name) for row in d.mviews),
        *((row.sequence_owner, row.sequence_name) for row in d.sequences),
        *((row.owner, row.type_name) for row in d.types),
        *((row.owner, row.synonym_name) for row in d.synonyms if row.owner != "PUBLIC"),
    )
    for owner, name in places:
        found[owner].append(name)
    return found


def _columns(dictionary: Dictionary) -> dict[ObjectName, list[str]]:
    found: dict[ObjectName, list[str]] = defaultdict(list)
    for row in dictionary.tab_cols:
        if is_users(row):
            found[row.owner, row.table_name].append(row.column_name)
    return found
