"""From decided suspects to a table's findings: kinds, counts, and which columns differ."""

from __future__ import annotations

from dataclasses import dataclass

from voyager_ops.verify.confirm import Suspects
from voyager_ops.verify.digests import Identity
from voyager_ops.verify.report import Kind, RowDifference, TableVerification
from voyager_ops.verify.sides import BothSides, Look, Row

VALUE_LIMIT = 500
"""Characters of a value that are shown when values were asked for."""


@dataclass(frozen=True)
class Detail:
    """How much to say about the rows that differ."""

    samples: int = 20
    """Rows a table whose differing columns are named."""
    values: bool = False
    """Show the values too: they may be private, hence not by default."""


def add_findings(both: BothSides, suspects: Suspects, result: TableVerification, detail: Detail) -> None:
    """Put what became of ``suspects`` into ``result``."""
    key = suspects.statements.pair.key
    seen: set[tuple[object, object]] = set()
    rows: dict[Identity, RowDifference] = {}
    for identity, (ours, theirs) in sorted(suspects.different.items(), key=lambda item: [value or "" for value in item[0]]):
        if key and ours is not None and theirs is not None:
            if (ours, theirs) in seen:
                continue  # one row under two spellings of its key (1.0 and 1.00)
            seen.add((ours, theirs))
        row = _keyed(key, identity, ours, theirs) if key else _counted(identity, ours, theirs)
        rows[identity] = row
        match row.kind:
            case Kind.MISSING_ON_TARGET:
                result.missing_on_target += row.count
            case Kind.MISSING_ON_SOURCE:
                result.missing_on_source += row.count
            case _:
                result.different += row.count
    for identity in sorted(suspects.pending, key=lambda item: [value or "" for value in item]):
        changing = identity in suspects.changing
        rows[identity] = RowDifference(_named(key, identity), Kind.CHANGING if changing else Kind.UNSETTLED)
        result.changing += changing
        result.unsettled += not changing
    result.differences = list(rows.values())
    if key:
        sampled = [identity for identity, row in rows.items() if row.kind not in (Kind.UNSETTLED, Kind.CHANGING)][
            : detail.samples
        ]
        _name_columns(both, suspects, {identity: rows[identity] for identity in sampled}, detail)


def _named(key: tuple[str, ...], identity: Identity) -> dict[str, str | None]:
    return dict(zip(key or ("md5 of the row",), identity, strict=True))


def _keyed(key: tuple[str, ...], identity: Identity, ours: object, theirs: object) -> RowDifference:
    kind = (
        Kind.DIFFERENT
        if ours is not None and theirs is not None
        else (Kind.MISSING_ON_SOURCE if ours is None else Kind.MISSING_ON_TARGET)
    )
    return RowDifference(_named(key, identity), kind)


def _counted(identity: Identity, ours: str | int | None, theirs: str | int | None) -> RowDifference:
    surplus = int(ours or 0) - int(theirs or 0)
    kind = Kind.MISSING_ON_TARGET if surplus > 0 else Kind.MISSING_ON_SOURCE
    return RowDifference(_named((), identity), kind, count=abs(surplus))


def _name_columns(both: BothSides, suspects: Suspects, rows: dict[Identity, RowDifference], detail: Detail) -> None:
    if not rows:
        return
    identities = list(rows)
    statements = suspects.statements
    names = statements.pair.names
    ours, theirs = _look(both, suspects, lambda reader: reader.column_digests(statements, identities), identities)
    for identity, row in rows.items():
        if identity in ours and identity in theirs:
            pairs = zip(names, ours[identity], theirs[identity], strict=True)
            row.columns = [name for name, first, second in pairs if first != second]
    if detail.values:
        ours, theirs = _look(both, suspects, lambda reader: reader.values(statements, identities, VALUE_LIMIT), identities)
        for identity, row in rows.items():
            shown = row.columns or list(names)
            for held, side in ((ours, "source"), (theirs, "target")):
                if identity in held:
                    values = dict(zip(names, held[identity], strict=True))
                    setattr(row, side, {name: values[name] for name in shown})


def _look(
    both: BothSides, suspects: Suspects, look: Look, identities: list[Identity]
) -> tuple[dict[Identity, Row], dict[Identity, Row]]:
    source, target = both.run(look, on=suspects.name)
    first, second = ({identities[int(row[0]) - 1]: row[1:] for row in rows} for rows in (source, target))
    return first, second
