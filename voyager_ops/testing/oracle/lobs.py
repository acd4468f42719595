"""LOB locators of a session: what a client holds of a CLOB or BLOB value, and reads and writes in pieces."""

from __future__ import annotations

import struct
from collections import OrderedDict
from dataclasses import dataclass

from voyager_ops.testing.oracle.engine import OracleError, TypeNumber

LOCATOR_SIZE = 40
CHUNK_SIZE = 8060
FLAG_BLOB, FLAG_CLOB = 0x01, 0x02
FLAG_INITIALIZED = 0x08
FLAG_UTF16 = 0x80
FLAG_TEMPORARY = 0x01
# A client holds locators of values it has fetched for as long as it likes and does not say when it drops them.
BUDGET = 512 << 20


@dataclass(slots=True)
class Lob:
    """``data``: bytes of a BLOB, UTF-16 (big endian) of a CLOB. Lengths and offsets count ``width`` bytes.

    ``charged``: the bytes that it counts for in its store.
    """

    type: TypeNumber
    data: bytearray
    open: bool = False
    charged: int = 0

    @property
    def width(self) -> int:
        return 1 if self.type is TypeNumber.BLOB else 2

    @property
    def length(self) -> int:
        return len(self.data) // self.width

    @property
    def value(self) -> str | bytes:
        return bytes(self.data) if self.type is TypeNumber.BLOB else self.data.decode("utf-16-be", "surrogatepass")

    def read(self, offset: int, amount: int) -> bytes:
        """``amount`` units from ``offset`` (from 1)."""
        start = (offset - 1) * self.width
        return bytes(self.data[start : start + amount * self.width])

    def write(self, offset: int, data: bytes) -> int:
        """Write at ``offset`` (from 1), padding a gap as Oracle does (blanks, zeros); the number of units written."""
        start = (offset - 1) * self.width
        gap = start - len(self.data)
        if gap > 0:
            self.data += bytes(gap) if self.type is TypeNumber.BLOB else b"\x00 " * (gap // 2)
        self.data[start : start + len(data)] = data
        return len(data) // self.width

    def trim(self, length: int) -> None:
        del self.data[length * self.width :]


class LobStore:
    """The LOBs behind the locators of one session; the longest unused ones go when they exceed ``budget`` bytes."""

    def __init__(self, budget: int = BUDGET) -> None:
        self._lobs: OrderedDict[bytes, Lob] = OrderedDict()
        self._next = 1
        self._size = 0
        self._budget = budget

    def __len__(self) -> int:
        return len(self._lobs)

    def add(self, kind: TypeNumber, value: str | bytes, *, temporary: bool = False) -> tuple[bytes, Lob]:
        """A new LOB; its locator of 40 bytes."""
        data = value.encode("utf-16-be", "surrogatepass") if isinstance(value, str) else bytes(value)
        lob = Lob(kind, bytearray(data), charged=len(data))
        key = struct.pack(">Q", self._next)
        self._next += 1
        self._lobs[key] = lob
        self._size += len(data)
        while self._size > self._budget and len(self._lobs) > 1:
            _, oldest = self._lobs.popitem(last=False)
            self._size -= oldest.charged
        blob = kind is TypeNumber.BLOB
        head = (0, LOCATOR_SIZE - 2, 0, 4, FLAG_BLOB if blob else FLAG_CLOB, FLAG_INITIALIZED)
        flags = (0 if blob else FLAG_UTF16, FLAG_TEMPORARY if temporary else 0)
        return (bytes(head + flags) + key).ljust(LOCATOR_SIZE, b"\0"), lob

    def get(self, locator: bytes) -> Lob:
        """The LOB of a locator. ORA-22922 when it is not known (any more)."""
        key = locator[8:16]
        lob = self._lobs.get(key)
        if lob is None:
            raise OracleError(22922, "nonexistent LOB value")
        self._lobs.move_to_end(key)
        return lob

    def free(self, locator: bytes) -> None:
        lob = self._lobs.pop(locator[8:16], None)
        if lob is not None:
            self._size -= lob.charged
