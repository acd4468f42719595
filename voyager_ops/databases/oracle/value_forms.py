"""Per pair of an Oracle type and its target: how values are read, and by which functions they become text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any, Final

import numpy as np
import pyarrow as pa

from voyager_ops.databases.oracle import value_arrow, value_json, value_moments, value_text
from voyager_ops.databases.oracle.targets import Target
from voyager_ops.databases.oracle.types import (
    BINARY_FLOATS,
    DAY_TO_SECOND,
    LARGE_BYTES,
    LARGE_TEXTS,
    NUMBERS,
    ROW_IDS,
    TIMESTAMPS,
    TSTZ,
    YEAR_TO_MONTH,
    OracleType,
)

SIGNED: Final = "SYYYY-MM-DD HH24:MI:SS"
_DECIMAL_DIGITS: Final = 38
"""What fits into decimal128."""


@dataclass(frozen=True)
class Form:
    """How values of one Oracle type become those of one target type.

    ``expression``: SQL with ``{}`` (or ``{0}``, each time) for the column. ``arrow``: the type to ask the driver for.
    ``of_driver``: a single value of the driver's for that expression to Oracle's text (bytes stay bytes). ``of_text``: Oracle's
    text (or bytes) to the target's. ``of_arrow``: a whole column at once.
    """

    expression: str
    arrow: Any
    of_driver: Callable[[Any], Any]
    of_text: Callable[[Any], str]
    of_arrow: Callable[[Any], Any]
    measured: bool = False
    """Whether the LOB's length is read beside it (an empty LOB arrives as null)."""
    bytes_type: bool = False
    """Whether HEXTORAW in the redo is the value itself, not its internal form."""

    def scalar(self, value: Any) -> str:
        """From one value of the driver's."""
        return self.of_text(self.of_driver(value))


def _plain(value: Any) -> str:
    """A number of the driver's as text without exponent."""
    return format(value, "f") if isinstance(value, Decimal) else repr(value) if isinstance(value, float) else str(value)


def _form(expression: str, arrow: Any, of_driver: Any, of_text: Any, of_arrow: Any = None, **more: bool) -> Form:
    """``of_arrow`` is given the column and the function for one value; without it values go one by one."""
    form = Form(expression, arrow, of_driver, of_text, None, **more)  # type: ignore[arg-type]  # completed in the next line
    return replace(form, of_arrow=partial(of_arrow or value_arrow.each, scalar=form.scalar))


def _without_scalar(function: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda values, scalar: function(values)


# --------------------------------------------------------------------------------------------------------- the forms


def _number_form(type_: OracleType, target: Target) -> Form:
    kind = target.kind
    if kind == "float8":
        return _form("TO_CHAR({}, 'TM9')", pa.string(), _plain, value_text.double_of_text)
    if kind == "float4":
        return _form("TO_CHAR({}, 'TM9')", pa.string(), _plain, value_text.single_of_text)
    if kind == "bool":
        return _form("TO_CHAR({}, 'TM9')", pa.string(), _plain, value_text.boolean_of_number)
    whole, digits = _whole_digits(type_)
    if kind in ("int2", "int4", "int8"):
        if whole and digits <= 18:
            return _form("{}", pa.int64(), _plain, value_text.integer, _without_scalar(value_arrow.integers))
        numbers = partial(value_arrow.number_texts, pattern="^-?(?:0|[1-9][0-9]*)$")
        return _form("TO_CHAR({}, 'TM9')", pa.string(), _plain, value_text.integer, numbers)
    if kind == "numeric" and target.precision is not None:
        scale = target.scale or 0
        of_text = partial(value_text.fixed_number, scale=scale)
        fits = type_.name == "NUMBER" and digits and (type_.scale or 0) <= scale and scale >= 0
        if fits and digits + scale - max(type_.scale or 0, 0) <= _DECIMAL_DIGITS and scale <= _DECIMAL_DIGITS:
            return _form("{}", pa.decimal128(_DECIMAL_DIGITS, scale), _plain, of_text, value_arrow.decimals)
        return _form("TO_CHAR({}, 'TM9')", pa.string(), _plain, of_text)
    return _form("TO_CHAR({}, 'TM9')", pa.string(), _plain, value_text.plain_number, value_arrow.number_texts)


def _whole_digits(type_: OracleType) -> tuple[bool, int]:
    """(whole numbers only, digits before and behind the point at most; 0 unknown)."""
    if type_.name != "NUMBER" or (type_.precision is None and type_.scale is None):
        return False, 0
    precision, scale = type_.precision or 38, type_.scale or 0
    if scale < 0:
        return True, precision - scale
    return scale == 0, max(precision, scale)


def _binary_form(type_: OracleType, target: Target) -> Form:
    narrow = type_.name == "BINARY_FLOAT"
    kind = target.kind
    of_driver: Callable[[Any], str] = (lambda value: str(np.float32(value))) if narrow else repr
    own = value_text.single_of_text if narrow else value_text.double_of_text
    form = partial(_form, "{}", pa.float32() if narrow else pa.float64(), of_driver)
    if kind == ("float4" if narrow else "float8"):
        return form(own, partial(value_arrow.floats, limit=1e6 if narrow else 1e15))
    # The redo writes more digits than the number has: first to the number, then to what it is in the other type.
    if kind == "float8":
        return form(lambda text: value_text.double(float(np.float32(own(text)))))
    if kind == "float4":
        return form(lambda text: value_text.single_of_text(own(text)))
    if kind in ("int2", "int4", "int8"):
        return form(lambda text: value_text.integer(own(text)))
    if kind == "bool":
        return form(lambda text: value_text.boolean_of_number(own(text)))
    if kind == "numeric" and target.precision is not None:
        return form(lambda text: value_text.fixed_number(own(text), target.scale or 0))
    return form(lambda text: value_text.plain_number(own(text)))


def _text_form(type_: OracleType, target: Target) -> Form:
    name, kind, policy = type_.name, target.kind, type_.nul
    expression, arrow, measured = "{}", pa.string(), False
    if name in LARGE_TEXTS:
        arrow, measured = pa.large_string(), name != "LONG"
    elif name in ROW_IDS:
        expression = "ROWIDTOCHAR({})" if name == "ROWID" else "CAST({} AS VARCHAR2(4000))"
    elif name == "SDO_GEOMETRY":
        # Whether the function takes NULL is nowhere said.
        expression = "CASE WHEN {0} IS NOT NULL THEN SDO_UTIL.TO_WKTGEOMETRY({0}) END"
        arrow = pa.large_string()
    elif name == "XMLTYPE":
        expression, arrow = "XMLSERIALIZE(CONTENT {} AS CLOB)", pa.large_string()
    elif name == "JSON":
        expression, arrow = "JSON_SERIALIZE({} RETURNING CLOB)", pa.large_string()
    if kind == "jsonb":
        return _form(expression, arrow, str, value_json.jsonb, measured=measured)
    of_text = partial(value_text.without_nul, policy=policy)
    if kind == "xml":
        return _form(expression, arrow, str, lambda text: value_text.xml(of_text(text)), measured=measured)
    if kind == "bpchar":
        length = target.precision or 1
        padded = partial(value_arrow.padded_texts, length=length)
        return _form(expression, arrow, str, lambda text: of_text(text).ljust(length), padded, measured=measured)
    return _form(expression, arrow, str, of_text, value_arrow.texts, measured=measured)


def _bytes_form(type_: OracleType, target: Target) -> Form:
    if target.kind == "uuid":
        return _form("{}", pa.binary(), bytes, value_text.uuid_of, value_arrow.uuids, bytes_type=True)
    large = type_.name in LARGE_BYTES
    return _form(
        "{}",
        pa.large_binary() if large else pa.binary(),
        bytes,
        value_text.hex_bytes,
        _without_scalar(value_arrow.hexed),
        measured=type_.name == "BLOB",
        bytes_type=True,
    )


def _moment_form(type_: OracleType, target: Target) -> Form:
    name = type_.name
    digits = min(6 if target.precision is None else target.precision, 6)
    whole = name == "DATE"
    fraction = "" if whole else ".FF9"
    if name == TSTZ:
        return _form(
            f"TO_CHAR({{}}, '{SIGNED}{fraction}TZH:TZM')",
            pa.string(),
            str,
            partial(value_moments.timestamptz, digits=digits),
            partial(value_arrow.zoned_moments, digits=digits),
        )
    expression = f"TO_CHAR({{}}, '{SIGNED}{fraction}')"
    if target.kind == "date":
        return _form(expression, pa.string(), str, value_moments.date, value_arrow.dates)
    if target.kind == "timestamptz":
        moments = partial(value_arrow.moments, digits=digits, zone="+00")
        return _form(expression, pa.string(), str, partial(value_moments.timestamptz, digits=digits, whole=whole), moments)
    moments = partial(value_arrow.moments, digits=digits, zone="")
    return _form(expression, pa.string(), str, partial(value_moments.timestamp, digits=digits, whole=whole), moments)


def _boolean_form(target: Target) -> Form:
    if target.kind == "bool":
        return _form("{}", pa.bool_(), str, value_text.boolean, lambda values, scalar: value_arrow.truths(values, "t", "f"))
    to_digit = {"t": "1", "f": "0"}
    return _form(
        "{}",
        pa.bool_(),
        str,
        lambda text: to_digit[value_text.boolean(text)],
        lambda values, scalar: value_arrow.truths(values, "1", "0"),
    )


def form_of(type_: OracleType, target: Target) -> Form:
    """Raises ValueError for a pair that :func:`types.target_type` would not have given."""
    name = type_.name
    if name in NUMBERS:
        return _number_form(type_, target)
    if name in BINARY_FLOATS:
        return _binary_form(type_, target)
    if name == "DATE" or name in TIMESTAMPS:
        return _moment_form(type_, target)
    if name in (YEAR_TO_MONTH, DAY_TO_SECOND):
        digits = min(6 if target.precision is None else target.precision, 6)
        convert = value_moments.year_to_month if name == YEAR_TO_MONTH else partial(value_moments.day_to_second, digits=digits)
        return _form("TO_CHAR({})", pa.string(), str, convert)
    if name == "RAW" or name in LARGE_BYTES:
        return _bytes_form(type_, target)
    if name == "BOOLEAN":
        return _boolean_form(target)
    if name == "VECTOR":
        element = value_text.double_of_text if target.kind == "float8[]" else value_text.single_of_text
        return _form("VECTOR_SERIALIZE({} RETURNING CLOB)", pa.large_string(), str, partial(value_text.vector, element=element))
    if name in ("BFILE",) or target.kind not in ("text", "varchar", "bpchar", "json", "jsonb", "xml"):
        raise ValueError(f"no value of {type_.sql} can become {target.sql}")
    return _text_form(type_, target)
