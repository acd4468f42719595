"""The file of one segment: a header, records, a footer with the checksum of all before it.

    magic | u32 n | header JSON (n bytes) | body | footer JSON (n bytes) | u32 n | u32 crc32 of all before | magic

The body (one zstd frame when the header says so) is a row of records:

* ``R``: u32 length, then frames which describe relations and which later transactions of the segment need;
* ``T``: flags, changes, commit end, transaction id, commit time, u64 length, then the transaction's frames.

A frame is a u32 length and the bytes the source sent. So a segment can be read on its own, and a transaction skipped unread.
"""

from __future__ import annotations

import io
import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import IO, Any, BinaryIO, Final, cast

import numpy as np
import numpy.typing as npt
import zstandard

from voyager_ops.errors import ChangeLogDamaged

Numbers = npt.NDArray[Any]
MAGIC: Final = b"VOSEG\x01\r\n"
END_MAGIC: Final = b"GESOV\x01\r\n"
VERSION: Final = 1
FRAME = Struct(">I")
_RELATIONS = Struct(">cI")
_TRANSACTION = Struct(">cBQQQdQ")
_TAIL = Struct(">II8s")
DESCRIBES_RELATIONS: Final = 1
"""Flag of a transaction: its frames describe relations too, so that skipping it means looking through it."""
_TAG: Final = ord("T")
WHOLE_BODY: Final = 32 << 20
"""A body up to so many bytes is read at once: most transactions hold a few changes, and two reads for each cost more than all
that is done with them. A larger one holds a transaction that did not fit in memory, and is read as it is asked for."""
RUN_BYTES: Final = 1 << 20
_WRITE: Final = 1 << 20
"""Bytes gathered before they are written; 0.25 to 1 MB were the same speed, less was slower (Python 3.11, ext4)."""
ZSTD_LEVEL: Final = 1
"""0.4 us per event and a quarter of the bytes of raw frames; higher levels cost more than they save."""


@dataclass(slots=True)
class TransactionHead:
    """What stands before a transaction's frames. ``end``: the integer of its position; ``length``: bytes of its frames."""

    flags: int
    count: int
    end: int
    xid: int
    committed_at: float
    length: int


RECORD_HEAD: Final = _TRANSACTION.size
_HEADS: Final = np.dtype(
    [("tag", "S1"), ("flags", "u1"), ("count", ">u8"), ("end", ">u8"), ("xid", ">u8"), ("committed_at", ">f8"), ("length", ">u8")]
)
"""``_TRANSACTION``, many at once."""


def record_heads(count: Numbers, end: Numbers, xid: Numbers, committed_at: Numbers, length: Numbers) -> list[bytes]:
    """What stands before the frames of each of some transactions that describe no relation, :data:`RECORD_HEAD` bytes each."""
    heads = np.zeros(len(count), _HEADS)
    heads["tag"] = b"T"
    for name, values in (("count", count), ("end", end), ("xid", xid), ("committed_at", committed_at), ("length", length)):
        heads[name] = values
    data = heads.tobytes()
    return [data[start : start + RECORD_HEAD] for start in range(0, len(data), RECORD_HEAD)]


class SegmentFile:
    """A segment being written aside. Every byte goes to the disk through a checksum; nothing is kept but the last megabyte."""

    def __init__(self, path: Path, header: dict[str, Any], compression: str) -> None:
        self.path = path
        self._file: BinaryIO = open(path, "wb", buffering=0)  # noqa: SIM115 -- closed by finish or abandon
        self._checksum = 0
        self.bytes = 0
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self.body_bytes = 0
        self._compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compressobj() if compression == "zstd" else None
        text = json.dumps({**header, "version": VERSION, "compression": compression}).encode()
        self._put(MAGIC + FRAME.pack(len(text)) + text)

    def relations(self, frames: list[bytes]) -> None:
        data = b"".join(FRAME.pack(len(frame)) + frame for frame in frames)
        self._body(_RELATIONS.pack(b"R", len(data)) + data)

    def transaction(self, head: TransactionHead, blocks: list[bytes] | Iterator[bytes]) -> None:
        """``blocks``: the transaction's frames with their lengths, ``head.length`` bytes in all; a list is small."""
        start = _TRANSACTION.pack(b"T", head.flags, head.count, head.end, head.xid, head.committed_at, head.length)
        if isinstance(blocks, list):
            self._pending.append(start)
            self._pending += blocks
            self._pending_bytes += len(start) + head.length
            self.body_bytes += len(start) + head.length
            if self._pending_bytes >= _WRITE:
                self._flush()
            return
        self._body(start)
        for block in blocks:
            self._body(block)

    def records(self, blocks: list[bytes], size: int) -> None:
        """Whole records of transactions (:func:`record_heads` and frames), ``size`` bytes in all."""
        self._pending += blocks
        self._pending_bytes += size
        self.body_bytes += size
        if self._pending_bytes >= _WRITE:
            self._flush()

    def _body(self, data: bytes) -> None:
        self._pending.append(data)
        self._pending_bytes += len(data)
        self.body_bytes += len(data)
        if self._pending_bytes >= _WRITE:
            self._flush()

    def _flush(self) -> None:
        data = b"".join(self._pending)
        self._pending.clear()
        self._pending_bytes = 0
        if data:
            self._put(self._compressor.compress(data) if self._compressor else data)

    def _put(self, data: bytes) -> None:
        self._checksum = zlib.crc32(data, self._checksum)
        self.bytes += len(data)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]

    def finish(self, footer: dict[str, Any]) -> str:
        """Write the rest and close, not yet fsynced; returns the checksum as 8 hex digits."""
        self._flush()
        if self._compressor:
            self._put(self._compressor.flush())
        text = json.dumps(footer).encode()
        self._put(text)
        checksum = self._checksum
        self._put(_TAIL.pack(len(text), checksum, END_MAGIC))
        os.fsync(self._file.fileno())
        self._file.close()
        return f"{checksum:08x}"

    def abandon(self) -> None:
        """Close and delete."""
        self._file.close()
        self.path.unlink(missing_ok=True)


def damaged(path: Path, why: str) -> ChangeLogDamaged:
    return ChangeLogDamaged(
        f"segment {path}: {why}",
        state="everything before this segment is applied or still readable; nothing of it or after it was applied",
        next_step="restore this file from a backup or from where it was moved, and start the import again; "
        "if it is gone for good, end this migration and start it anew",
    )


def verify(path: Path, expected_bytes: int, expected_checksum: str) -> tuple[int, int, dict[str, Any]]:
    """Check the whole file against its record; returns where its body begins and ends, and its header.

    Reads a megabyte at a time (crc32 runs at about 1 GB/s, so this costs far less than decoding). Raises ChangeLogDamaged.
    """
    try:
        with open(path, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size != expected_bytes:
                raise damaged(path, f"it has {size} bytes where {expected_bytes} were published")
            checksum, left = 0, size - _TAIL.size
            while left > 0:
                block = stream.read(min(_WRITE, left))
                if not block:
                    raise damaged(path, "it ended while it was read")
                checksum = zlib.crc32(block, checksum)
                left -= len(block)
            tail = stream.read(_TAIL.size)
            footer_size, stored, end_magic = _TAIL.unpack(tail)
            if end_magic != END_MAGIC or stored != checksum or f"{checksum:08x}" != expected_checksum:
                raise damaged(
                    path, f"its checksum is {checksum:08x}; {stored:08x} stands in it, {expected_checksum} in its record"
                )
            stream.seek(0)
            if stream.read(len(MAGIC)) != MAGIC:
                raise damaged(path, "it does not begin as a segment does")
            header_size = FRAME.unpack(stream.read(FRAME.size))[0]
            header: dict[str, Any] = json.loads(stream.read(header_size))
            if header["version"] != VERSION:
                raise damaged(path, f"its format is version {header['version']}, this package reads version {VERSION}")
            return stream.tell(), size - _TAIL.size - footer_size, header
    except FileNotFoundError:
        raise damaged(path, "the file is not there") from None


class _Part(io.RawIOBase):
    """The bytes of an open file from where it stands up to ``end``."""

    def __init__(self, stream: BinaryIO, end: int) -> None:
        self._stream, self._end = stream, end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._end - self._stream.tell()
        data = self._stream.read(min(len(buffer), left))
        buffer[: len(data)] = data
        return len(data)


class SegmentBody:
    """Reading the records of a verified segment in order. Close it, or use it as a context manager."""

    def __init__(self, path: Path, start: int, end: int, header: dict[str, Any]) -> None:
        self.path = path
        self._file = open(path, "rb")  # noqa: SIM115 -- closed by close()
        self._file.seek(start)
        self._start, self._size = start, end - start
        self._at = 0
        self._skipped_to = 0
        self._stream: IO[bytes] = self._file
        self._compressed = header["compression"] == "zstd"
        self._whole: bytes | None = None
        if self._compressed:
            self._stream = self._decompressing(end)
        data = self._stream.read(WHOLE_BODY + 1 if self._compressed else min(self._size, WHOLE_BODY + 1))
        if len(data) <= WHOLE_BODY:
            self._whole = data
            if not self._compressed and len(data) != self._size:
                raise damaged(path, "it ended while it was read")
            self._size = len(data)
            return
        self._file.seek(start)
        if self._compressed:
            self._stream = self._decompressing(end)

    def _decompressing(self, end: int) -> IO[bytes]:
        part = io.BufferedReader(_Part(cast("BinaryIO", self._file), end))
        decompressor = zstandard.ZstdDecompressor().stream_reader(part, read_size=_WRITE)
        return io.BufferedReader(cast("io.RawIOBase", decompressor), _WRITE)

    def run(self, head: TransactionHead, most: int) -> tuple[list[TransactionHead], list[bytes]]:
        """The transaction whose head was read, and those after it that are small and describe nothing, with their frames: about
        ``most`` changes at most, and nothing beyond the first when the body is not in memory."""
        heads, data = [head], [self.read(head.length)]
        whole, at = self._whole, self._at
        if whole is None:
            return heads, data
        count, size, end = head.count, head.length, self._size
        unpack, header = _TRANSACTION.unpack_from, _TRANSACTION.size
        while at < end and whole[at] == _TAG:
            _, flags, changes, position, xid, committed_at, length = unpack(whole, at)
            count += changes
            size += length
            if flags or count > most or size > RUN_BYTES:
                break
            heads.append(TransactionHead(flags, changes, position, xid, committed_at, length))
            at += header
            data.append(whole[at : at + length])
            at += length
        self._at = at
        return heads, data

    def read(self, size: int) -> bytes:
        if self._whole is not None:
            data = self._whole[self._at : self._at + size]
            self._at += len(data)
            return data
        data = self._stream.read(size)
        self._at += len(data)
        return data

    def next_head(self) -> TransactionHead | bytes | None:
        """The head of the next transaction, or the frames of a relations record, or None at the end."""
        if self._at >= self._size and (self._whole is not None or not self._compressed):
            return None
        if self._whole is not None and self._whole[self._at] == _TAG:
            fields = _TRANSACTION.unpack_from(self._whole, self._at)
            self._at += _TRANSACTION.size
            return TransactionHead(*fields[1:])
        tag = self.read(1)
        if not tag:
            return None
        if tag == b"R":
            size = FRAME.unpack(self.read(FRAME.size))[0]
            return self.read(size)
        if tag != b"T":
            raise damaged(self.path, f"a record of unknown kind {tag!r}")
        fields = _TRANSACTION.unpack(tag + self.read(_TRANSACTION.size - 1))
        return TransactionHead(*fields[1:])

    @property
    def at(self) -> int:
        """Bytes of the body that were read."""
        return self._at

    def skip_to(self, place: int) -> None:
        """Pass over the body up to ``place`` (as :attr:`at` counts)."""
        if self._at == place:
            return
        if self._whole is not None:
            if place > self._size:
                raise damaged(self.path, "its compressed body ends too soon")
            self._at = place
            return
        if not self._compressed:
            self._file.seek(self._start + place)
            self._at = place
            return
        while self._at < place:
            if not self.read(min(_WRITE, place - self._at)):
                raise damaged(self.path, "its compressed body ends too soon")

    def close(self) -> None:
        self._stream.close()
        self._file.close()

    def __enter__(self) -> SegmentBody:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def frames(data: bytes) -> Iterator[bytes]:
    """The frames of a relations record."""
    at = 0
    while at < len(data):
        size = FRAME.unpack_from(data, at)[0]
        yield data[at + 4 : at + 4 + size]
        at += 4 + size
