"""Folding the changes of one table all at once: what :class:`~voyager_ops.changes.netchange.TableFold` does one by one, for the
changes that nearly all are: inserts, updates that keep their key, deletes by key.

Keys are compared as bytes by a dict, everything else is arithmetic on arrays, and only rows that survive have their columns
found. Anything else (a key that moves, an old image of the whole row, changes that contradict each other) is left to TableFold:
the result is None then, and the table's changes of the batch are folded one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from voyager_ops.changes.cells import Buffer, Cells, Places
from voyager_ops.changes.netchange import NetChange
from voyager_ops.databases.postgres.pgoutput_bulk import KEY, NEW, OLD, cells
from voyager_ops.model.changes import DELETE, INSERT, UPDATE

Flags = npt.NDArray[np.bool_]
MOST_OPEN = 60
"""Columns with values that were not sent which one batch may have: they are bits of one number."""


def fold(
    buffer: Buffer,
    at: Places,
    operations: npt.NDArray[np.uint8],
    kinds: npt.NDArray[np.uint8],
    places: Sequence[int],
    width: int,
    key: Sequence[int],
) -> NetChange | None:
    """The net change of frames in order, all of one table and one layout; None when they must be folded one by one.

    ``places``: per canonical column, its place in the tuples, which have ``width`` columns; ``key`` is as TableFold
    has it. Strict: only right after the seam point.
    """
    inserted, deleted = operations == INSERT, operations == DELETE
    tuples = np.where(deleted, (kinds == KEY) | (kinds == OLD), kinds == NEW)
    if not tuples.all() or not (inserted | deleted | (operations == UPDATE)).all():
        return None
    if not key:
        return _only_inserts(buffer, at, places, width) if inserted.all() else None
    count = len(at)
    key_places = [places[index] for index in key]
    heads = cells(buffer, at, width, max(key_places) + 1)
    if heads is None:
        return None
    identities = heads.only(key_places)
    if any((starts < 0).any() or (starts == buffer.null).any() for starts in identities.starts):
        return None
    keys: list[Any] = identities.values(0)
    if len(key) > 1:
        keys = list(zip(*(identities.values(column) for column in range(len(key))), strict=True))
    last = dict(zip(keys, range(count), strict=True))
    if len(last) == count:
        final, existed = np.arange(count), ~inserted
    else:
        groups = _groups(keys, last, inserted, deleted)
        if groups is None:
            return None
        final, existed = groups
    order = identities.take(final).order()  # rows near each other are found in pages that are at hand
    final, existed = final[order], existed[order]
    present = ~deleted[final]
    net = NetChange()
    gone = final[~present & existed]
    if len(gone):
        net.deletes = identities.take(gone)
    there = final[present]
    if not len(there):
        return net
    rows = cells(buffer, at[there], width)
    if rows is None:
        return None
    rows = rows.only(places)
    open_columns = _open_columns(rows)
    if open_columns and len(last) != count:
        holes = _holes(rows, open_columns)
        earlier = _earlier(keys, [keys[place] for place in there[holes]])
        if not _filled(rows, np.flatnonzero(holes), earlier, (buffer, at, places, width), open_columns):
            return None
        open_columns = _open_columns(rows)
    was = existed[present]
    holes = _holes(rows, open_columns)
    if open_columns:
        if len(open_columns) > MOST_OPEN or (holes & ~was).any():
            return None
        _partial(net, rows.take(holes), open_columns)
    _whole(net, rows, was, holes)
    return net


def _only_inserts(buffer: Buffer, at: Places, places: Sequence[int], width: int) -> NetChange | None:
    rows = cells(buffer, at, width)
    if rows is None:
        return None
    return NetChange(inserts=rows.only(places))


def _whole(net: NetChange, rows: Cells, was: Flags, holes: Flags) -> None:
    if not holes.any():
        if was.all():
            net.updates = rows
            return
        if not was.any():
            net.inserts = rows
            return
    updates, inserts = was & ~holes, ~was & ~holes
    if updates.any():
        net.updates = rows.take(updates)
    if inserts.any():
        net.inserts = rows.take(inserts)


def _groups(keys: Sequence[Any], last: dict[Any, int], inserted: Flags, deleted: Flags) -> tuple[Places, Flags] | None:
    """Per key, in the order in which they came first: its last change, and whether its row was there before the first one.

    None when two changes of a key contradict each other: an insert must follow a delete, and nothing but an insert may.
    """
    count = len(keys)
    final = np.fromiter(last.values(), np.int64, len(last))
    if not inserted.any() and not deleted.any():
        return final, np.ones(len(final), np.bool_)
    own_last = np.fromiter(map(last.__getitem__, keys), np.int64, count)
    order = np.argsort(own_last, kind="stable")
    same = own_last[order[1:]] == own_last[order[:-1]]
    before, after = order[:-1][same], order[1:][same]
    if (deleted[before] != inserted[after]).any():
        return None
    first = np.empty(count, np.int64)
    begins = order[np.concatenate(([True], ~same))]
    first[own_last[begins]] = begins
    return final, ~inserted[first[final]]


def _open_columns(rows: Cells) -> list[int]:
    """Columns of which some value was not sent."""
    return [column for column, starts in enumerate(rows.starts) if (starts < 0).any()]


def _holes(rows: Cells, columns: Sequence[int]) -> Flags:
    """Rows with a value in ``columns`` that was not sent."""
    found = np.zeros(len(rows), np.bool_)
    for column in columns:
        found |= rows.unchanged(column)
    return found


def _earlier(keys: Sequence[Any], wanted: Sequence[Any]) -> list[list[int]]:
    """Per wanted key, its changes but the last one, latest first."""
    places: dict[Any, list[int]] = {key: [] for key in wanted}
    for place, key in enumerate(keys):
        found = places.get(key)
        if found is not None:
            found.append(place)
    return [places[key][-2::-1] for key in wanted]


def _filled(
    rows: Cells,
    which: Places,
    earlier: list[list[int]],
    source: tuple[Buffer, Places, Sequence[int], int],
    columns: Sequence[int],
) -> bool:
    """Give values that were not sent the place of the same column in the latest earlier change of their row that had it.

    False when tuples are not as they must be.
    """
    buffer, at, places, width = source
    flat = np.array([place for one in earlier for place in one], np.int64)
    if not len(flat):
        return True
    found = cells(buffer, at[flat], width)
    if found is None:
        return False
    found = found.only(places)
    for column in columns:  # the arrays may be another column's, or read only
        rows.starts[column], rows.ends[column] = rows.starts[column].copy(), rows.ends[column].copy()
    base = 0
    for row, before in zip(which.tolist(), earlier, strict=True):
        for column in columns:
            starts, ends = rows.starts[column], rows.ends[column]
            for place in range(base, base + len(before)):
                if starts[row] >= 0:
                    break
                starts[row], ends[row] = found.starts[column][place], found.ends[column][place]
        base += len(before)
    return True


def _partial(net: NetChange, rows: Cells, columns: Sequence[int]) -> None:
    """Rows that keep some of their large values, by the columns they have values for; ``columns`` are those with holes."""
    pattern = np.zeros(len(rows), np.int64)
    for place, column in enumerate(columns):
        pattern |= rows.unchanged(column).astype(np.int64) << place
    for number in np.unique(pattern).tolist():
        missing = {column for place, column in enumerate(columns) if number >> place & 1}
        present = tuple(column for column in range(len(rows.starts)) if column not in missing)
        net.partial[present] = rows.take(pattern == number)
