"""How a value of Oracle's becomes the text PostgreSQL prints for it: the one place that knows, for every type.

A value comes to us in three ways: in an Arrow column of a snapshot, as a single value of the driver's, and as a literal of the
redo log. All three end in the same function of the value's text (``value_forms`` says which), so they give the same bytes;
Arrow's kernels do the usual shapes of it for whole columns (``value_arrow``).

Nothing lossy happens in the driver: what it would shorten (dates before Christ, nine-digit fractions, zones, NUMBER without
precision) is read as text that Oracle itself writes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

import pyarrow as pa

from voyager_ops.databases.oracle import internal_format, literals, value_arrow
from voyager_ops.databases.oracle.fast_literals import fast_of
from voyager_ops.databases.oracle.names import quote
from voyager_ops.databases.oracle.targets import parse_target
from voyager_ops.databases.oracle.types import OracleType
from voyager_ops.databases.oracle.value_forms import Form, form_of
from voyager_ops.errors import ValueRefused
from voyager_ops.model.tables import Column

_LARGE: Final = (pa.large_string(), pa.large_binary())
_UNMEASURABLE: Final = frozenset({"LONG", "LONG RAW"})


@lru_cache(maxsize=4096)
def form(native_type: str, type_sql: str) -> Form:
    """The form of a column with these. Raises ValueError when it is not one of an Oracle catalog."""
    target = parse_target(type_sql)
    if not native_type or target is None:
        raise ValueError(f"{type_sql} is not the type of a column that comes from Oracle")
    return form_of(OracleType.from_json(native_type), target)


def _of(column: Column) -> Form:
    return form(column.native_type, column.type_sql)


def _refused(column: Column, reason: object) -> ValueRefused:
    return ValueRefused(
        f"a value of column {column.name} ({OracleType.from_json(column.native_type).sql}) cannot become {column.type_sql}",
        reason=str(reason),
        state="nothing of it was written",
        next_step="mend the value, or give the column another type (types.by_column in the configuration)",
    )


# ------------------------------------------------------------------------------------------------------------ reading


def select_expression(column: Column, alias: str = "") -> str:
    """The SQL by which the column is read. ``alias``: of its table, unquoted ('' none)."""
    name = quote(column.native_name)
    return _of(column).expression.format(f"{alias}.{name}" if alias else name)


def length_expression(column: Column, alias: str = "") -> str:
    """The SQL that tells an empty LOB from NULL, '' where the value itself does. To be read beside the value."""
    if not _of(column).measured:
        return ""
    name = quote(column.native_name)
    return f"DBMS_LOB.GETLENGTH({alias}.{name})" if alias else f"DBMS_LOB.GETLENGTH({name})"


def arrow_type(column: Column) -> Any:
    """The Arrow type to ask the driver for."""
    return _of(column).arrow


def text_of(column: Column, value: object, length: int | None = None) -> bytes | None:
    """The canonical text of one value that the driver gave for :func:`select_expression` (fetch_decimals, fetch_lobs off).

    ``length``: what :func:`length_expression` gave. Raises ValueRefused.
    """
    found = _of(column)
    if value is None:
        if not found.measured or length != 0:
            return None
        value = b"" if found.bytes_type else ""
    try:
        return found.scalar(value).encode()
    except ValueError as error:
        raise _refused(column, error) from None


class Plan:
    """Reading rows of some columns: the select list, the Arrow schema to ask for, and the way from a batch to text.

    The select list is ``c0 … cn`` in the columns' order, followed by the lengths of those LOBs that need one.
    """

    def __init__(self, columns: Sequence[Column], alias: str = "") -> None:
        self.columns = tuple(columns)
        self._forms = [_of(column) for column in self.columns]
        self._measured = [index for index, found in enumerate(self._forms) if found.measured]
        expressions = [select_expression(column, alias) for column in self.columns]
        lengths = [length_expression(self.columns[index], alias) for index in self._measured]
        names = [f"c{index}" for index in range(len(expressions) + len(lengths))]
        self.expressions: tuple[str, ...] = tuple(expressions + lengths)
        self.select_list = ", ".join(f'{text} AS "{name}"' for text, name in zip(self.expressions, names, strict=True))
        types = [found.arrow for found in self._forms] + [pa.int64()] * len(lengths)
        self.schema: Any = pa.schema(list(zip(names, types, strict=True)))

    @property
    def has_lobs(self) -> bool:
        """Whether values may be large, so that batches must be small."""
        return any(found.arrow in _LARGE for found in self._forms)

    @property
    def lob_size(self) -> str:
        """SQL of what a row's large values hold together, in characters (of UTF-16) and bytes; never NULL.

        '' where there is nothing to ask, or no asking: of a LONG the server does not tell its length.
        """
        large = [place for place, found in enumerate(self._forms) if found.arrow in _LARGE]
        if any(OracleType.from_json(self.columns[place].native_type).name in _UNMEASURABLE for place in large):
            return ""
        return " + ".join(f"NVL(DBMS_LOB.GETLENGTH({self.expressions[place]}), 0)" for place in large)

    def texts(self, batch: Any) -> list[Any]:
        """One ``large_string`` array per column (null = NULL) of a record batch or table fetched by the select list.

        Raises ValueRefused, which names the column.
        """
        count = len(self.columns)
        result = []
        for index, (column, found) in enumerate(zip(self.columns, self._forms, strict=True)):
            values = _whole(batch.column(index))
            try:
                if found.measured:
                    lengths = _whole(batch.column(count + self._measured.index(index)))
                    values = value_arrow.empty_where_measured(values, lengths, b"" if found.bytes_type else "")
                result.append(found.of_arrow(values))
            except ValueError as error:
                raise _refused(column, error) from None
        return result

    def row(self, values: Sequence[object]) -> list[bytes | None]:
        """One row fetched by the select list without Arrow. Raises ValueRefused, which names the column."""
        count = len(self.columns)
        lengths: dict[int, Any] = {index: values[count + place] for place, index in enumerate(self._measured)}
        return [
            text_of(column, value, lengths.get(index))
            for index, (column, value) in enumerate(zip(self.columns, values[:count], strict=True))
        ]


def _whole(values: Any) -> Any:
    if isinstance(values, pa.ChunkedArray):
        return values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)
    return values


# --------------------------------------------------------------------------------------------------------------- redo


def literal_decoder(
    column: Column, charsets: internal_format.Charsets = internal_format.UNICODE
) -> Callable[[str], bytes | None]:
    """A function from SQL_REDO literals of the column to canonical text, made once and called for every value.

    ``charsets``: what text in the database's own bytes is written in; LogMiner prints that where its dictionary does not fit.
    It raises ValueRefused for what cannot be brought over, literals.UnsupportedRedo where LogMiner does not write the value.
    """
    found, type_ = _of(column), OracleType.from_json(column.native_type)
    target = parse_target(column.type_sql)
    fast = fast_of(type_, target) if target is not None else None

    def decode(literal: str) -> bytes | None:
        try:
            if fast is not None and (usual := fast(literal)) is not None:
                return usual
            return _decoded(found, type_, literal, charsets)
        except literals.UnsupportedRedo:
            raise
        except ValueError as error:
            raise _refused(column, error) from None

    return decode


def from_literal(type_: OracleType, literal: str, target: str) -> bytes | None:
    """One literal of a column of ``type_`` whose target type is ``target``. Raises ValueError."""
    parsed = parse_target(target)
    if parsed is None:
        raise ValueError(f"{target} is not a type that Oracle's values are brought into")
    return _decoded(form_of(type_, parsed), type_, literal)


def _decoded(
    found: Form, type_: OracleType, literal: str, charsets: internal_format.Charsets = internal_format.UNICODE
) -> bytes | None:
    parsed = literals.parse(literal)
    if parsed.kind == "null":
        return None
    if parsed.kind == "empty":
        return found.of_text(b"" if found.bytes_type else "").encode()
    data: str | bytes = parsed.text
    if parsed.kind == "bytes":
        data = parsed.data if found.bytes_type or not parsed.data else internal_format.to_text(type_, parsed.data, charsets)
    elif found.bytes_type:
        data = bytes.fromhex(parsed.text)
    # Oracle has no empty text or RAW: '' and HEXTORAW('') are NULL.
    return found.of_text(data).encode() if data else None
