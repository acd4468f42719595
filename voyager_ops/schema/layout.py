"""The schema directory: one file per object type, and the manifest that remembers what we wrote and in which order."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voyager_ops.errors import PreconditionError, SchemaError
from voyager_ops.failpoints import hit, register
from voyager_ops.schema.findings import Finding
from voyager_ops.schema.kinds import KIND_ORDER, Kind, Stage, kind_of_file
from voyager_ops.schema.statements import Statement, parse

BEFORE_PUBLISH = register("schema.export.before_publish", "schema.export.after_publish")
AFTER_PUBLISH = "schema.export.after_publish"

MANIFEST_NAME = "schema_manifest.json"
MANIFEST_VERSION = 1
_STAGE_WORDS = {
    Stage.BASE: "Imported first, before any data.",
    Stage.UNIQUE: "Imported at the seam point, after the snapshot: rows copied at different moments may clash before.",
    Stage.POST: "Imported after the seam point, before the cutover.",
    Stage.ADVICE: "Never imported: for you to read, adapt and run on the target.",
}


@dataclass(frozen=True)
class SchemaStatement:
    """One statement of the directory, with the kind and stage of its file and its place in the order of import."""

    statement: Statement
    kind: Kind
    place: float
    occurrence: int

    @property
    def stage(self) -> Stage:
        return self.kind.stage


@dataclass(frozen=True)
class Manifest:
    """What the export wrote. ``files``: path to sha256; ``order``: sha256 of a statement to its places in the dump's order."""

    files: dict[str, str] = field(default_factory=dict)
    order: dict[str, list[int]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    source_version: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "version": MANIFEST_VERSION,
            "source_version": self.source_version,
            "files": self.files,
            "order": self.order,
            "findings": [finding.to_json() for finding in self.findings],
        }


def default_manifest_path(schema_dir: Path) -> Path:
    """``metainfo/schema_manifest.json`` beside the schema directory."""
    return schema_dir.parent / "metainfo" / MANIFEST_NAME


def read_manifest(path: Path) -> Manifest | None:
    """The manifest at ``path``, None when there is none. Raises SchemaError when it cannot be read."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise SchemaError(
            f"the schema manifest {path} cannot be read: {error}",
            state="the schema files are as they were",
            next_step="export schema again with --start-clean",
        ) from error
    if data.get("version") != MANIFEST_VERSION:
        raise SchemaError(
            f"the schema manifest {path} is of version {data.get('version')}, this program writes {MANIFEST_VERSION}",
            state="the schema files are as they were",
            next_step="export schema again with --start-clean",
        )
    return Manifest(data["files"], data["order"], tuple(Finding(**f) for f in data["findings"]), data["source_version"])


def file_hashes(schema_dir: Path) -> dict[str, str]:
    """Path below the directory to sha256, for every SQL file there."""
    return {
        path.relative_to(schema_dir).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(schema_dir.rglob("*.sql"))
    }


def _next(manifest_path: Path) -> Path:
    return manifest_path.with_name(manifest_path.name + ".next")


def refuse_missing(schema_dir: Path) -> None:
    """Raise PreconditionError when nothing was ever exported to ``schema_dir`` and no file was put there by hand.

    An analysis without findings, or an import without errors, of nothing at all would read as success.
    """
    if not default_manifest_path(schema_dir).exists() and not file_hashes(schema_dir):
        raise PreconditionError(
            f"there is no exported schema in {schema_dir}",
            state="nothing was changed",
            next_step="voyager-ops export schema",
        )


def edited_files(schema_dir: Path, manifest_path: Path) -> list[str]:
    """The files that are not as the last export wrote them: changed, added or removed. Empty for a missing directory."""
    found = file_hashes(schema_dir) if schema_dir.is_dir() else {}
    if not found:
        return []
    known = [m for path in (manifest_path, _next(manifest_path)) if (m := read_manifest(path)) is not None]
    if any(manifest.files == found for manifest in known):
        return []
    before = known[0].files if known else {}
    return sorted(name for name in found.keys() | before.keys() if found.get(name) != before.get(name))


def refuse_edited(schema_dir: Path, manifest_path: Path) -> None:
    """Raises PreconditionError when an export would overwrite somebody's edits."""
    edited = edited_files(schema_dir, manifest_path)
    if edited:
        names = ", ".join(edited[:10]) + (f" and {len(edited) - 10} more" if len(edited) > 10 else "")
        raise PreconditionError(
            f"the schema directory {schema_dir} holds edits that an export would overwrite: {names}",
            state="nothing has been written",
            next_step="keep them and go on with analyze-schema, or export schema with --start-clean to discard them",
        )


def _rendered(kind: Kind, statements: Iterable[Statement]) -> str:
    head = f"-- {kind.value.replace('_', ' ').capitalize()} statements. {_STAGE_WORDS[kind.stage]}\n\n"
    body = "".join(f"{statement.text};\n\n" for statement in statements)
    if kind.stage is Stage.ADVICE:
        body = "".join(f"-- {line}".rstrip() + "\n" for line in body.splitlines())
    return head + body


def write(
    schema_dir: Path,
    manifest_path: Path,
    ordered: Sequence[tuple[Kind, Statement]],
    *,
    findings: Sequence[Finding],
    source_version: int,
) -> Manifest:
    """Write the directory and its manifest; ``ordered`` is in an order that imports. The old directory goes in one rename.

    A crash leaves either the old directory, none, or the new one; each is recognized by the next export.
    """
    by_kind: dict[Kind, list[Statement]] = defaultdict(list)
    order: dict[str, list[int]] = defaultdict(list)
    for place, (kind, statement) in enumerate(ordered):
        by_kind[kind].append(statement)
        order[statement.sha256].append(place)
    fresh = schema_dir.with_name(schema_dir.name + ".new")
    old = schema_dir.with_name(schema_dir.name + ".old")
    for leftover in (fresh, old):
        if leftover.exists():
            shutil.rmtree(leftover)
    fresh.mkdir(parents=True)
    for kind, statements in by_kind.items():
        path = fresh / kind.info.path
        path.parent.mkdir(exist_ok=True)
        _durable(path, _rendered(kind, statements))
    manifest = Manifest(file_hashes(fresh), dict(order), tuple(findings), source_version)
    manifest_path.parent.mkdir(parents=True, exist_ok=True)
    upcoming = _next(manifest_path)
    _durable(upcoming, json.dumps(manifest.to_json(), indent=1))
    hit(BEFORE_PUBLISH)
    if schema_dir.exists():
        schema_dir.rename(old)
    fresh.rename(schema_dir)
    upcoming.replace(manifest_path)
    hit(AFTER_PUBLISH)
    if old.exists():
        shutil.rmtree(old)
    return manifest


def _durable(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def read(schema_dir: Path, manifest_path: Path | None = None) -> list[SchemaStatement]:
    """Every statement of the directory in the order of import, those that do not parse included.

    The order is the dump's for what is unchanged; an edited or added statement follows the one before it in its file. A file
    that belongs to no known directory raises SchemaError: silently leaving it out would lose what its author meant.
    """
    if not schema_dir.is_dir():
        raise PreconditionError(
            f"there is no schema directory {schema_dir}", state="nothing has been touched", next_step="export schema"
        )
    manifest = read_manifest(manifest_path or default_manifest_path(schema_dir)) or Manifest()
    loaded: list[SchemaStatement] = []
    seen: Counter[str] = Counter()
    for path in sorted(schema_dir.rglob("*.sql")):
        relative = path.relative_to(schema_dir).as_posix()
        kind = kind_of_file(relative)
        if kind is None:
            raise SchemaError(
                f"{path} is in no directory that an import knows",
                state="nothing has been touched",
                next_step="move the file into the directory of its object type, such as tables/ or functions/",
            )
        loaded.extend(_placed(parse(path.read_text(encoding="utf-8"), file=relative), kind, manifest, seen))
    return sorted(loaded, key=_sort_key)


def _placed(statements: Sequence[Statement], kind: Kind, manifest: Manifest, seen: Counter[str]) -> Iterable[SchemaStatement]:
    place: float | None = None
    known = [places[0] for s in statements if (places := manifest.order.get(s.sha256))]
    before_all = float(known[0]) - 0.5 if known else float("inf")
    for statement in statements:
        occurrence = seen[statement.sha256]
        seen[statement.sha256] += 1
        places = manifest.order.get(statement.sha256, [])
        if occurrence < len(places):
            place = float(places[occurrence])
        # Else it takes the place of the statement before it: equal places keep the order of the file.
        yield SchemaStatement(statement, kind, before_all if place is None else place, occurrence)


def _sort_key(item: SchemaStatement) -> tuple[int, float, int, str, int]:
    """By stage; the base stage in the dump's order, later stages by kind first (indexes before foreign keys before triggers)."""
    stage = list(Stage).index(item.stage)
    order = KIND_ORDER[item.kind]
    if item.stage is Stage.BASE:
        return (stage, item.place, order, item.statement.file, item.statement.line)
    return (stage, float(order), int(min(item.place, 2**31)), item.statement.file, item.statement.line)
