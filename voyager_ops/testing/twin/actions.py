"""What the application does, in SQL that Oracle and PostgreSQL both understand. Each returns how many rows were changed."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from voyager_ops.testing.actions.base import text
from voyager_ops.testing.twin.samples import change_sample, delete_sample, insert_sample
from voyager_ops.testing.twin.sessions import Session

Action = Callable[[Session, random.Random], int]
LINES = 3
SEATS, VENUES = 20, 3
PATHS = 30


def _thread() -> int:
    """The number of the workload's thread that calls."""
    return int(threading.current_thread().name.rpartition("-")[2])


def pick(session: Session, rng: random.Random, table: str, key: str, most: int) -> object:
    """Some key of ``table`` at or after a random one below ``most``, or None."""
    found = session.row(f"SELECT MIN({key}) FROM {table} WHERE {key} >= :low", low=rng.randrange(most))
    return None if found is None else found[0]


def transfer(session: Session, rng: random.Random) -> int:
    """The sum of all balances never changes, and every balance is the opening one plus what the journal says."""
    accounts = session.row("SELECT MAX(ACCOUNT_NO) FROM ACCOUNTS")
    assert accounts is not None
    debit, credit = sorted(rng.sample(range(1, int(accounts[0]) + 1), 2))
    amount = Decimal(rng.randint(1, 99999)) / 100
    changed = session.execute("UPDATE ACCOUNTS SET BALANCE = BALANCE - :amount WHERE ACCOUNT_NO = :no", amount=amount, no=debit)
    changed += session.execute("UPDATE ACCOUNTS SET BALANCE = BALANCE + :amount WHERE ACCOUNT_NO = :no", amount=amount, no=credit)
    return changed + session.execute(
        "INSERT INTO JOURNAL (DEBIT, CREDIT, AMOUNT) VALUES (:debit, :credit, :amount)", debit=debit, credit=credit, amount=amount
    )


def place_order(session: Session, rng: random.Random) -> int:
    customer = pick(session, rng, "CUSTOMERS", "ID", 200)
    product = pick(session, rng, "PRODUCTS", "ID", 100)
    if customer is None or product is None:
        return 0
    number = rng.getrandbits(50)
    changed = session.execute(
        "INSERT INTO ORDERS (ID, CUSTOMER_ID, CURRENCY, LEAD_TIME) VALUES (:id, :customer, :currency, :lead)",
        id=number,
        customer=customer,
        currency=rng.choice(["EUR", "CHF", "JPY"]),
        lead=timedelta(days=rng.randint(0, 40), microseconds=rng.randrange(10**9)),
    )
    for line in range(1, 1 + rng.randint(1, LINES)):
        changed += session.execute(
            "INSERT INTO ORDER_LINES (ORDER_ID, LINE_NO, PRODUCT_ID, QUANTITY, UNIT_PRICE, DISCOUNT)"
            " VALUES (:id, :line, :product, :quantity, :price, :discount)",
            id=number,
            line=line,
            product=product,
            quantity=rng.randint(1, 9),
            price=Decimal(rng.randint(1, 999999)) / 100,
            discount=rng.choice([None, Decimal("0.1"), Decimal("0.1250")]),
        )
    return changed


def change_status(session: Session, rng: random.Random) -> int:
    order = pick(session, rng, "ORDERS", "ID", 1 << 50)
    status = rng.choice(["paid", "on hold", "shipped", "O'Connor check", "a, \"B\" = 'c' and d"])
    return session.execute("UPDATE ORDERS SET STATUS = :status WHERE ID = :id", status=status, id=order)


def delete_order(session: Session, rng: random.Random) -> int:
    """Its lines go with it, by the foreign key."""
    order = pick(session, rng, "ORDERS", "ID", 1 << 50)
    return session.execute("DELETE FROM ORDERS WHERE ID = :id", id=order)


def sign_up(session: Session, rng: random.Random) -> int:
    return session.execute(
        "INSERT INTO CUSTOMERS (USERNAME, FULL_NAME, CITY, NOTES) VALUES (:username, :name, :city, :notes)",
        username=f"u{rng.getrandbits(80):x}",
        name=rng.choice(["Łukasz", "李 小龍", "O'Neil", "Zoë 😀"]),
        city=rng.choice(["Zürich", "Kraków", "東京", None]),
        notes=rng.choice([None, "short", text(rng, 6000)]),
    )


def change_customer(session: Session, rng: random.Random) -> int:
    customer = pick(session, rng, "CUSTOMERS", "ID", 200)
    change, value = rng.choice(
        [
            ("TIER = :value", rng.choice(["basic", "silver", "Gold+"])),
            ("CREDIT = :value", Decimal(rng.randint(0, 10**9)) / 10000),
            ("NEWSLETTER = :value", rng.choice(["Y", "N", None])),
            ("NOTES = :value", rng.choice([None, "x", text(rng, 9000)])),
            ("CITY = :value", rng.choice(["Zürich", None])),
        ]
    )
    return session.execute(f"UPDATE CUSTOMERS SET {change} WHERE ID = :id", value=value, id=customer)


def swap_seats(session: Session, rng: random.Random) -> int:
    """Two unique values change places in one statement, in the thread's own venue: nobody else swaps one of them meanwhile."""
    venue, (one, other) = 1 + _thread() % VENUES, rng.sample(range(1, SEATS + 1), 2)
    return session.execute(
        "UPDATE SEATS SET PLACE = :both - PLACE, LABEL = :label WHERE VENUE = :venue AND PLACE IN (:one, :other)",
        both=one + other,
        label=text(rng, 10),
        venue=venue,
        one=one,
        other=other,
    )


def reuse_coupon(session: Session, rng: random.Random) -> int:
    """A key that goes and comes back within one transaction, and that no other thread takes meanwhile."""
    code = f"C-{_thread()}-{rng.randrange(20)}"
    changed = session.execute("DELETE FROM COUPONS WHERE CODE = :code", code=code)
    return changed + session.execute(
        "INSERT INTO COUPONS (CODE, CUSTOMER_ID, PERCENT_OFF) VALUES (:code, :customer, :off)",
        code=code,
        customer=rng.choice([None, 1, 2]),
        off=Decimal(rng.randint(1, 999)) / 10,
    )


def rename_login(session: Session, rng: random.Random) -> int:
    """A key that changes."""
    users = session.name("USER")
    found = session.row(f'SELECT MIN("Login") FROM {users} WHERE "Login" >= :low', low=f"{rng.getrandbits(16):04x}")
    login = None if found is None else found[0]
    return session.execute(
        f'UPDATE {users} SET "Login" = :fresh, "select" = 1 - "select", "Group" = :grp WHERE "Login" = :login',
        fresh=f"{rng.getrandbits(64):016x}",
        grp=rng.choice(["a", None]),
        login=login,
    )


def stock(session: Session, rng: random.Random) -> int:
    """A run of rows in one statement."""
    first = rng.randrange(100)
    return session.execute(
        "UPDATE INVENTORY SET QUANTITY = RESERVED + :more WHERE WAREHOUSE = :warehouse AND PRODUCT_ID BETWEEN :low AND :high",
        more=rng.randint(1, 500),
        warehouse=rng.randint(1, 3),
        low=first,
        high=first + rng.choice([0, 2, 20]),
    )


def log_event(session: Session, rng: random.Random) -> int:
    return session.execute(
        "INSERT INTO EVENTS (EVENT_ID, HAPPENED_ON, REGION, PAYLOAD) VALUES (:id, :happened, :region, :payload)",
        id=rng.getrandbits(50),
        happened=datetime(2025, 6, 1) + timedelta(seconds=rng.randrange(800 * 86400)),
        region=rng.choice(["eu", "uk", "us"]),
        payload=rng.choice([None, "\\ \t\n", text(rng, 3000)]),
    )


def move_event(session: Session, rng: random.Random) -> int:
    """Part of the key changes, and the row may go to another partition."""
    event = pick(session, rng, "EVENTS", "EVENT_ID", 1 << 50)
    return session.execute(
        "UPDATE EVENTS SET HAPPENED_ON = :happened, REGION = :region WHERE EVENT_ID = :id",
        happened=datetime(2025, 6, 1) + timedelta(seconds=rng.randrange(800 * 86400)),
        region=rng.choice(["eu", "us"]),
        id=event,
    )


def view_page(session: Session, rng: random.Random) -> int:
    """The same row several times, in a table without a key."""
    changed = 0
    path = f"/p/{rng.randrange(PATHS)}"
    for _ in range(rng.randint(1, 3)):
        changed += session.execute(
            "INSERT INTO PAGE_VIEWS (PATH, VIEWED_ON, VISITOR, SECONDS_SPENT) VALUES (:path, :viewed, NULL, :spent)",
            path=path,
            viewed=datetime(2026, 5, 5, 5, 5, 5),
            spent=rng.choice([None, Decimal(1) / 3]),
        )
    return changed


def change_views(session: Session, rng: random.Random) -> int:
    path = f"/p/{rng.randrange(PATHS)}"
    if rng.random() < 0.3:
        return session.execute("DELETE FROM PAGE_VIEWS WHERE PATH = :path AND SECONDS_SPENT IS NULL", path=path)
    return session.execute("UPDATE PAGE_VIEWS SET VISITOR = :visitor WHERE PATH = :path", visitor=text(rng, 8), path=path)


def touch_document(session: Session, rng: random.Random) -> int:
    """An update that leaves the large columns as they are: the log says nothing of them."""
    document = pick(session, rng, "DOCUMENTS", "ID", 60)
    return session.execute("UPDATE DOCUMENTS SET REVISION = REVISION + 1 WHERE ID = :id", id=document)


def rewrite_document(session: Session, rng: random.Random) -> int:
    document = pick(session, rng, "DOCUMENTS", "ID", 60)
    return session.execute(
        "UPDATE DOCUMENTS SET BODY = :body, APPENDIX = :appendix WHERE ID = :id",
        body=rng.choice([None, "ü😀", text(rng, rng.randint(3000, 40000))]),
        appendix=rng.choice([None, b"\x00\xff", rng.randbytes(rng.randint(3000, 20000))]),
        id=document,
    )


WEIGHTS: Mapping[Action, int] = {
    transfer: 20,
    place_order: 14,
    change_status: 8,
    delete_order: 3,
    sign_up: 4,
    change_customer: 8,
    swap_seats: 3,
    reuse_coupon: 6,
    rename_login: 2,
    stock: 5,
    log_event: 8,
    move_event: 4,
    view_page: 4,
    change_views: 3,
    touch_document: 4,
    rewrite_document: 3,
    insert_sample: 10,
    change_sample: 10,
    delete_sample: 4,
}
