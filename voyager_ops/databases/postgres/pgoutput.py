"""Frames of PostgreSQL's ``pgoutput`` plugin, protocol version 1, in text format.

A frame is one message of the plugin without the replication protocol's own header. Decoding is pure and in slices: a value is the
bytes the server sent, no typed object is ever made. Measured with benchmarks/micro_change_log.py (2 vCPU 2.3 GHz class, Python
3.11, rows of 3 and 4 columns, three changes a transaction): 300-340k decoded changes per CPU second, 720k left unread; capture
(frames to published segments) 360-390k, with zstd the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from struct import Struct
from typing import Final, NamedTuple

from voyager_ops.errors import ChangeLogDamaged
from voyager_ops.model.changes import DELETE, INSERT, TRUNCATE, UNCHANGED, UPDATE, Change, RawChanges, Relation, Value
from voyager_ops.model.tables import QName

BEGIN: Final = 66
COMMIT: Final = 67
RELATION: Final = 82
TYPE: Final = 89
ORIGIN: Final = 79
MESSAGE: Final = 77

_U16 = Struct(">H").unpack_from
_U32 = Struct(">I").unpack_from
_VALUE = Struct(">BI").unpack_from
_PAD: Final = bytes(4)
"""A value's kind and length are read at once, also where a NULL's kind is the last byte there is."""
_BEGIN = Struct(">QqI").unpack_from
_COMMIT = Struct(">BQQq").unpack_from
BEGIN_LSN_AT: Final = 1
BEGIN_MOMENT_AT: Final = 9
BEGIN_XID_AT: Final = 17
COMMIT_END_AT: Final = 10
"""Offsets of what :func:`begin` and :func:`commit_end` read, for many frames at once."""
POSTGRES_EPOCH: Final = 946_684_800.0
"""2000-01-01 UTC in Unix seconds: the zero of the server's timestamps, which count microseconds."""

_TEXT, _NULL, _UNCHANGED = 116, 110, 117
_NEW, _KEY, _OLD = 78, 75, 79
LEFT_OUT: Final = 2
"""Flag of a column in the Relation frames we keep (the plugin itself only knows flag 1): stored generated columns, which the
server insists on publishing where a row's old image is the whole row, and which the other side computes by itself."""
BLOCK: Final = 1 << 20
"""Bytes read at once while a large transaction is decoded."""


class Begin(NamedTuple):
    """``commit_lsn`` is where the commit record begins; ``xid`` has 32 bits; ``committed_at`` is in Unix seconds."""

    commit_lsn: int
    committed_at: float
    xid: int


def begin(frame: bytes) -> Begin:
    lsn, moment, xid = _BEGIN(frame, 1)
    return Begin(lsn, POSTGRES_EPOCH + moment / 1e6, xid)


def commit_end(frame: bytes) -> int:
    """Where the stream resumes after this commit."""
    return int(_COMMIT(frame, 1)[2])


def widen(xid: int, reference: int) -> int:
    """The 64-bit transaction id whose low 32 bits are ``xid``, nearest to ``reference`` (within 2^31 either way)."""
    delta = (xid - reference) & 0xFFFFFFFF
    if delta >= 1 << 31:
        delta -= 1 << 32
    return reference + delta


def relation(frame: bytes) -> Relation:
    """A Relation ('R') frame, whole. An empty schema stands for pg_catalog."""
    return _relation(frame)[0]


def _relation(frame: bytes) -> tuple[Relation, list[int]]:
    """The relation, and the places of columns marked by :func:`leave_out`, which it still has."""
    oid = _U32(frame, 1)[0]
    schema, position = _string(frame, 5)
    name, position = _string(frame, position)
    identity = frame[position]
    count = _U16(frame, position + 1)[0]
    position += 3
    columns: list[str] = []
    key: list[bool] = []
    types: list[int] = []
    marked: list[int] = []
    for place in range(count):
        flag = frame[position]
        if flag & LEFT_OUT:
            marked.append(place)
        column, position = _string(frame, position + 1)
        types.append(_U32(frame, position)[0])
        position += 8
        columns.append(column)
        key.append(bool(flag & 1))
    full = identity == ord("f")
    return Relation(oid, QName(schema or "pg_catalog", name), tuple(columns), tuple(key), tuple(types), full), marked


def leave_out(frame: bytes, names: Collection[str]) -> bytes:
    """The Relation frame with the columns ``names`` marked: the decoder leaves them and their values out."""
    result = bytearray(frame)
    _, position = _string(frame, 5)
    _, position = _string(frame, position)
    count = _U16(frame, position + 1)[0]
    position += 3
    for _ in range(count):
        flag_at = position
        column, position = _string(frame, position + 1)
        position += 8
        if column in names:
            result[flag_at] |= LEFT_OUT
    return bytes(result)


def _string(frame: bytes, position: int) -> tuple[str, int]:
    end = frame.index(0, position)
    return frame[position:end].decode("utf-8"), end + 1


def truncated(frame: bytes) -> tuple[int, ...]:
    """OIDs of the physical tables of a Truncate ('T') frame."""
    count = _U32(frame, 1)[0]
    return tuple(_U32(frame, 6 + 4 * index)[0] for index in range(count))


def first_value(frame: bytes) -> Value:
    """The first column of the first tuple of an Insert, Update or Delete frame (all our own tables have the migration there)."""
    values, _ = _tuple(frame + _PAD, 6)
    return values[0]


def _tuple(data: bytes, position: int) -> tuple[list[Value], int]:
    """The values of a tuple, and where it ends. ``data`` goes on for at least ``len(_PAD)`` bytes after it."""
    values: list[Value] = []
    append = values.append
    count = data[position] << 8 | data[position + 1]
    position += 2
    for _ in range(count):
        kind, length = _VALUE(data, position)
        if kind == _TEXT:
            start = position + 5
            position = start + length
            append(data[start:position])
        elif kind == _NULL:
            append(None)
            position += 1
        elif kind == _UNCHANGED:
            append(UNCHANGED)
            position += 1
        else:
            raise ChangeLogDamaged(
                f"a pgoutput tuple holds a value of unknown kind {kind}",
                state="nothing of this transaction was applied",
                next_step="report it with the server's version; only protocol version 1 in text format is understood",
            )
    return values, position


def _nothing(_size: int) -> bytes:
    return b""


def decode(raw: RawChanges) -> Iterator[Change]:
    """The changes of ``raw``, one by one; nothing is done before the first is asked for."""
    yield from Decoder(raw.relations).changes_of(raw.data)


class Decoder:
    """Turns the frames of one segment into changes; knows the relations seen so far in it."""

    def __init__(self, relations: Mapping[int, Relation] | None = None) -> None:
        self.relations: Mapping[int, Relation] = relations or {}
        """By OID. A new description makes a new mapping, so that what was read before keeps its own."""
        self._kept: dict[int, list[int]] = {}
        """Places of the columns to keep, for relations of which some are left out."""

    def describe(self, frame: bytes) -> None:
        """Take in a Relation frame; Type frames tell us nothing that the catalog does not and are passed over."""
        if frame[0] == RELATION:
            described, marked = _relation(frame)
            self._kept.pop(described.oid, None)
            if marked:
                kept = [place for place in range(len(described.columns)) if place not in marked]
                self._kept[described.oid] = kept
                described = replace(
                    described,
                    columns=tuple(described.columns[place] for place in kept),
                    key=tuple(described.key[place] for place in kept),
                    type_oids=tuple(described.type_oids[place] for place in kept),
                )
            self.relations = {**self.relations, described.oid: described}

    @property
    def plain(self) -> bool:
        """No relation known so far has columns that are left out."""
        return not self._kept

    def _without_left_out(self, change: Change) -> Change:
        kept = self._kept[change.relation.oid]
        if change.old is not None:
            change.old = [change.old[place] for place in kept]
        if change.new is not None:
            change.new = [change.new[place] for place in kept]
        return change

    def changes_of(self, data: bytes, *, redescribes: bool = False) -> Iterator[Change]:
        """As :meth:`changes`, for frames that are in memory already."""
        return self._wanted(self._changes(_nothing, 0, data), redescribes)

    def changes(self, read: Callable[[int], bytes], length: int, *, redescribes: bool = False) -> Iterator[Change]:
        """Decode ``length`` bytes of frames (u32 length and payload each) which ``read(n)`` hands out, n bytes at most a call.

        ``redescribes``: the frames describe relations, too. Never holds more than a block and one frame. Raises ChangeLogDamaged
        when the bytes are not what they must be.
        """
        return self._wanted(self._changes(read, length, b""), redescribes)

    def _wanted(self, changes: Iterator[Change], redescribes: bool) -> Iterator[Change]:
        if not self._kept and not redescribes:
            return changes
        return (self._without_left_out(change) if change.relation.oid in self._kept else change for change in changes)

    def _changes(self, read: Callable[[int], bytes], length: int, data: bytes) -> Iterator[Change]:
        position, end = 0, len(data)
        data += _PAD
        remaining = length
        relations = self.relations
        while True:
            wanted = BLOCK
            while end - position >= 4:
                size = _U32(data, position)[0]
                start = position + 4
                stop = start + size
                if stop > end:
                    wanted = max(wanted, stop - end)
                    break
                kind = data[start]
                position = stop
                if kind == INSERT:
                    new, _ = _tuple(data, start + 6)
                    yield Change(INSERT, relations[_U32(data, start + 1)[0]], None, new)
                elif kind == UPDATE:
                    described = relations[_U32(data, start + 1)[0]]
                    if data[start + 5] == _NEW:
                        new, _ = _tuple(data, start + 6)
                        yield Change(UPDATE, described, None, new)
                    else:
                        old, after = _tuple(data, start + 6)
                        new, _ = _tuple(data, after + 1)
                        yield Change(UPDATE, described, old, new)
                elif kind == DELETE:
                    old, _ = _tuple(data, start + 6)
                    yield Change(DELETE, relations[_U32(data, start + 1)[0]], old, None)
                elif kind == TRUNCATE:
                    together = tuple(relations[oid] for oid in truncated(data[start:stop]))
                    for each in together:
                        yield Change(TRUNCATE, each, None, None, together)
                else:
                    self.describe(data[start:stop])
                    relations = self.relations
            if remaining == 0:
                break
            chunk = read(min(remaining, wanted))
            if not chunk:
                break
            remaining -= len(chunk)
            data = b"".join((data[position:end], chunk, _PAD))
            position, end = 0, len(data) - len(_PAD)
        if remaining or position != end:
            raise ChangeLogDamaged(
                "a transaction in the change log ends in the middle of a frame",
                state="nothing of it was applied",
                next_step="restore the segment's file from a copy; see the error of the segment's checksum",
            )
