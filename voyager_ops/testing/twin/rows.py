"""The twin's rows but those of its samples of types (samples.py), made from row numbers: the same ones every time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import oracledb

NAMES = ("Ada", "Grace", "Edsger", "Barbara", "Łukasz", "李 小龍", "O'Neil", "Zoë 😀")
EPOCH = datetime(2020, 1, 1)


@dataclass(frozen=True)
class Rows:
    """``columns``: names, with the driver's type where it would guess another; ``make``: a row number (from 1) to its values."""

    table: str
    count: int
    columns: Mapping[str, Any]
    make: Callable[[int], tuple[object, ...]]

    def all(self) -> Iterator[tuple[object, ...]]:
        return (self.make(number) for number in range(1, self.count + 1))

    @property
    def statement(self) -> str:
        binds = ", ".join(f":{place}" for place in range(1, len(self.columns) + 1))
        return f"INSERT INTO {self.table} ({', '.join(self.columns)}) VALUES ({binds})"


def _digest(number: int, salt: str = "") -> str:
    return hashlib.md5(f"{salt}{number}".encode(), usedforsecurity=False).hexdigest()


def _moment(number: int) -> datetime:
    return EPOCH + timedelta(minutes=37 * number, microseconds=number * 1001)


def rows(scale: float) -> list[Rows]:
    """Every table's, parents first. ``scale`` 1.0 makes some 120,000 rows, smaller ones fewer, a few dozen a table at least."""

    def some(least: int, full: int) -> int:
        return max(least, int(full * scale))

    customers, products, orders = some(200, 12000), some(100, 3000), some(200, 24000)
    stamp, zone = oracledb.DB_TYPE_TIMESTAMP, oracledb.DB_TYPE_TIMESTAMP
    single, double = oracledb.DB_TYPE_BINARY_FLOAT, oracledb.DB_TYPE_BINARY_DOUBLE
    clob, blob, raw = oracledb.DB_TYPE_CLOB, oracledb.DB_TYPE_BLOB, oracledb.DB_TYPE_RAW
    national = oracledb.DB_TYPE_NVARCHAR
    return [
        Rows(
            "CUSTOMERS",
            customers,
            {
                "USERNAME": None,
                "FULL_NAME": None,
                "CITY": national,
                "TIER": None,
                "CREDIT": None,
                "NEWSLETTER": None,
                "REFERRED_BY": None,
                "SIGNED_UP": zone,
                "UPDATED_AT": None,
                "NOTES": clob,
            },
            lambda i: (  # ids come from the identity, in this order
                f"user{i}",
                f"{NAMES[i % 8]} {_digest(i)[:8]}",
                ("Zürich", "Kraków", None, "東京")[i % 4],
                ("basic", "silver", "Gold+")[i % 3],
                Decimal(i % 100000) / 16,
                (None, "Y", "N")[i % 3],
                1 + i % 10 if i > 10 and i % 7 == 0 else None,
                _moment(i),
                EPOCH + timedelta(hours=i),
                (None, "", f"note {i}", _digest(i) * 200)[i % 4] if i % 50 else "ü😀" * 3000,
            ),
        ),
        Rows(
            "PRODUCTS",
            products,
            {
                "ID": None,
                "SKU": None,
                "TITLE": None,
                "DESCRIPTION": clob,
                "PRICE": None,
                "WEIGHT": single,
                "RATING": double,
                "WARRANTY": oracledb.DB_TYPE_INTERVAL_YM,
                "RELEASED": None,
                "THUMBNAIL": raw,
                "IMAGE": blob,
            },
            lambda i: (
                i,
                f"SKU-{i:08d}",
                f"Product {i}",
                None if i % 10 == 0 else f"Lorem {_digest(i)} " * (1 + i % 6),
                Decimal(i * 37 % 50000) / 100,
                (i % 1000) / 3.0,
                i / 7.0,
                oracledb.IntervalYM(i % 30, i % 12) if i % 4 else None,
                datetime(2015, 1, 1) + timedelta(days=i % 4000),
                bytes.fromhex(_digest(i)) if i % 3 else None,
                bytes(range(256)) * (i % 40) if i % 20 == 0 else None,
            ),
        ),
        Rows(
            "INVENTORY",
            products * 3,
            {"WAREHOUSE": None, "PRODUCT_ID": None, "QUANTITY": None, "RESERVED": None},
            lambda i: (1 + i % 3, 1 + (i - 1) // 3, 10 + i % 90, i % 10),
        ),
        Rows(
            "ORDERS",
            orders,
            {"ID": None, "CUSTOMER_ID": None, "STATUS": None, "CURRENCY": None, "PLACED_AT": stamp, "LEAD_TIME": None},
            lambda i: (
                i,
                1 + i % customers,
                ("placed", "paid", "on hold", "shipped")[i % 4],
                ("EUR", "CHF")[i % 2],
                _moment(i),
                timedelta(days=i % 30, microseconds=i * 997) if i % 5 else None,
            ),
        ),
        Rows(
            "ORDER_LINES",
            orders * 2,
            {"ORDER_ID": None, "LINE_NO": None, "PRODUCT_ID": None, "QUANTITY": None, "UNIT_PRICE": None, "DISCOUNT": None},
            lambda i: (
                1 + (i - 1) // 2,
                1 + i % 2,
                1 + i % products,
                1 + i % 9,
                Decimal(i % 9999) / 100,
                (None, Decimal("0.0500"), Decimal("0.1"))[i % 3],
            ),
        ),
        Rows(
            "ACCOUNTS",
            some(40, 500),
            {"ACCOUNT_NO": None, "HOLDER": None, "OPENING": None, "BALANCE": None},
            lambda i: (i, f"Holder {i}", Decimal(i * 100), Decimal(i * 100)),
        ),
        Rows(
            "COUPONS",
            some(30, 2000),
            {"CODE": None, "CUSTOMER_ID": None, "PERCENT_OFF": None},
            lambda i: (f"C-{i}", None if i % 3 else i, Decimal(1 + i % 99) / 10),
        ),
        Rows(
            "SEATS",
            60,
            {"ID": None, "VENUE": None, "PLACE": None, "LABEL": None},
            lambda i: (i, 1 + (i - 1) // 20, 1 + (i - 1) % 20, f"seat {i}"),
        ),
        Rows(
            "EVENTS",
            some(100, 24000),
            {"EVENT_ID": None, "HAPPENED_ON": None, "REGION": None, "PAYLOAD": None},
            lambda i: (
                i,
                datetime(2025, 6, 1) + timedelta(minutes=i * 53 % 1_000_000),
                ("eu", "uk", "us")[i % 3],
                (None, "tab\there \\ and\nnewline", f"'{_digest(i)}'' || ' , \"C\" = ")[i % 3],
            ),
        ),
        Rows(
            "PAGE_VIEWS",
            some(60, 5000),
            {"PATH": None, "VIEWED_ON": None, "VISITOR": None, "SECONDS_SPENT": None},
            lambda i: (f"/p/{i % 30}", EPOCH + timedelta(days=i % 5), (None, "v1")[i % 2], Decimal(i % 4) / 3 if i % 3 else None),
        ),
        Rows(
            "DOCUMENTS",
            some(60, 200),
            {"ID": None, "TITLE": None, "BODY": clob, "APPENDIX": blob, "REVISION": None},
            lambda i: (
                i,
                f"Document {i}",
                (None, "", _digest(i) * (i * 20))[i % 3],
                (None, b"\x00\xff" * (i * 50))[i % 2],
                1 + i % 5,
            ),
        ),
        Rows('"USER"', 30, {'"Login"': None, '"select"': None, '"Group"': None}, lambda i: (_digest(i)[:16], i % 2, None)),
    ]
