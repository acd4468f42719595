"""What the workload does to the sample schema: one function per kind of transaction body.

Each takes a connection inside a transaction and a random source, and returns how many rows its statements changed (not
those of cascades and triggers). Values that must be unique come from the database's own sequences and ``gen_random_uuid``,
so any number of runs, threads and databases go together; a duplicate key hence means that a sequence went backwards.
Rows are locked in key order where several are touched, which keeps deadlocks rare.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, LiteralString

import psycopg
from psycopg import sql

Connection = psycopg.Connection[tuple[Any, ...]]
Action = Callable[[Connection, random.Random], int]

STATUSES = ("placed", "on hold", "paid", "shipped", "returned", "O'Connor check")
CURRENCIES = ("USD", "JPY", "GBP", "CHF")


def _run(connection: Connection, statement: LiteralString, *values: object) -> int:
    return connection.execute(statement, values).rowcount


def _pick(connection: Connection, rng: random.Random, table: str, key: str, condition: LiteralString = "true") -> Any:
    """The key of some row near a random place in the key order that fulfils the condition, or None."""
    statement = sql.SQL(
        "SELECT {key} FROM {table} WHERE {key} >= (SELECT (%s::float8 * max({key}))::bigint FROM {table}) AND "
        + condition
        + " ORDER BY {key} LIMIT 1"
    ).format(key=sql.Identifier(key), table=sql.Identifier(table))
    row = connection.execute(statement, (rng.random(),)).fetchone()
    return None if row is None else row[0]


def _text(rng: random.Random, length: int) -> str:
    """Text that does not compress well."""
    return rng.randbytes(length // 2).hex()


# -- the ledger -------------------------------------------------------------------------------------------------------


def transfer(connection: Connection, rng: random.Random) -> int:
    """Money from one account to another, and the journal row that says so."""
    last = connection.execute("SELECT max(account_no) FROM accounts").fetchone()
    debit, credit = rng.sample(range(1, last[0] + 1 if last else 3), 2)
    amount = rng.randint(1, 5000) / 100
    changed = 0
    for account, sign in sorted(((debit, -1), (credit, 1))):
        changed += _run(
            connection,
            "UPDATE accounts SET balance = balance + %s::numeric(18, 2) * %s WHERE account_no = %s",
            *(amount, sign, account),
        )
    return changed + _run(connection, "INSERT INTO journal (debit, credit, amount) VALUES (%s, %s, %s)", debit, credit, amount)


# -- parents and children ---------------------------------------------------------------------------------------------


def place_order(connection: Connection, rng: random.Random) -> int:
    customer, product = _pick(connection, rng, "customers", "id"), _pick(connection, rng, "products", "id")
    row = connection.execute(
        "INSERT INTO orders (customer_id, external_ref, currency, shipping, metadata)"
        " VALUES (%s, gen_random_uuid(), %s, ROW(%s, 'Town', NULL, 'NL'), %s::jsonb) RETURNING id",
        (customer, rng.choice(CURRENCIES), _text(rng, 20), rng.choice([None, '{"channel": "app"}'])),
    ).fetchone()
    assert row is not None
    changed = 1
    for line in range(1, rng.randint(2, 6)):
        changed += _run(
            connection,
            "INSERT INTO order_lines (order_id, line_no, product_id, quantity, unit_price, discount)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            *(row[0], line, product, rng.randint(1, 9), rng.randint(1, 9999) / 100, rng.choice([None, 0.1, 0.25])),
        )
    if rng.random() < 0.6:
        changed += _run(connection, "INSERT INTO invoices (order_id, amount) VALUES (%s, %s)", row[0], rng.randint(1, 999))
    return changed


def change_status(connection: Connection, rng: random.Random) -> int:
    """Fires a trigger that is enabled for replicas too."""
    order = _pick(connection, rng, "orders", "id")
    return _run(connection, "UPDATE orders SET status = %s WHERE id = %s", rng.choice(STATUSES), order)


def ship_order(connection: Connection, rng: random.Random) -> int:
    order = _pick(connection, rng, "orders", "id", "status = 'paid'")
    locked = connection.execute("SELECT status = 'paid' FROM orders WHERE id = %s FOR UPDATE", (order,)).fetchone()
    if locked != (True,):
        return 0
    connection.execute("CALL ship_order(%s)", (order,))
    return 1


def move_order(connection: Connection, rng: random.Random) -> int:
    """A new primary key for a parent, which its children follow."""
    order = _pick(connection, rng, "orders", "id")
    return _run(connection, "UPDATE orders SET id = nextval('orders_id_seq') WHERE id = %s", order)


def delete_order(connection: Connection, rng: random.Random) -> int:
    return _run(connection, "DELETE FROM orders WHERE id = %s", _pick(connection, rng, "orders", "id"))


def change_line(connection: Connection, rng: random.Random) -> int:
    order = _pick(connection, rng, "order_lines", "order_id")
    return _run(
        connection,
        "UPDATE order_lines SET quantity = %s, discount = %s WHERE order_id = %s AND line_no = %s",
        *(rng.randint(1, 99), rng.choice([None, 0, 0.5]), order, rng.randint(1, 3)),
    )


# -- customers --------------------------------------------------------------------------------------------------------


def sign_up(connection: Connection, rng: random.Random) -> int:
    return _run(
        connection,
        "INSERT INTO customers (id, email, username, name, tier, phone, tags, preferences)"
        " SELECT v, 'new' || v || '@example.org', 'new' || v, %s, %s::customer_tier, '+1' || lpad(v::text, 9, '0'),"
        " ARRAY[%s, 'ü'], jsonb_build_object('text', %s::text) FROM nextval('customers_id_seq') AS v",
        *(_text(rng, 30), rng.choice(["basic", "silver", "Gold+"]), _text(rng, 4), _text(rng, rng.choice([8, 3000]))),
    )


def change_customer(connection: Connection, rng: random.Random) -> int:
    """Arrays, jsonb, and changes that some types call none: the case of citext, the scale of a numeric."""
    customer = _pick(connection, rng, "customers", "id")
    changes: Sequence[LiteralString] = (
        "tags = (tags || clock_timestamp()::text)[1:6]",
        "preferences = preferences || jsonb_build_object('seen', clock_timestamp())",
        "preferences = preferences - 'seen'",
        "email = CASE WHEN email::text = lower(email::text) THEN upper(email::text) ELSE lower(email::text) END",
        "credit = credit + 0.0001, newsletter = NOT newsletter",
        "address = ROW('Side St \"2\"', 'City', NULL, 'BE')::postal_address",
        "name = name || 'x', phone = NULL",
    )
    return _run(connection, "UPDATE customers SET " + rng.choice(changes) + " WHERE id = %s", customer)


def leave(connection: Connection, rng: random.Random) -> int:
    """One of the latest customers, who have no orders yet, goes."""
    return _run(
        connection,
        "DELETE FROM customers WHERE id = (SELECT id FROM customers AS c"
        " WHERE id > (SELECT max(id) - %s FROM customers) AND NOT EXISTS (SELECT FROM orders WHERE customer_id = c.id)"
        " ORDER BY id LIMIT 1)",
        rng.randint(1, 300),
    )


def swap_usernames(connection: Connection, rng: random.Random) -> int:
    """A unique value moves from one row to another and back, in one transaction."""
    wanted = [_pick(connection, rng, "customers", "id") for _ in range(2)]
    rows = connection.execute(
        "SELECT id, username FROM customers WHERE id = ANY(%s) ORDER BY id FOR UPDATE", (wanted,)
    ).fetchall()
    if len(rows) < 2:
        return 0
    (one, first), (two, second) = rows
    rename: LiteralString = "UPDATE customers SET username = %s WHERE id = %s"
    moves = ((f"swap {one} {two}", one), (first, two), (second, one))
    return sum(_run(connection, rename, name, key) for name, key in moves)


# -- other keys and unique values -------------------------------------------------------------------------------------


def swap_seats(connection: Connection, rng: random.Random) -> int:
    wanted = [_pick(connection, rng, "seats", "id") for _ in range(2)]
    rows = connection.execute(
        "SELECT id, venue, place FROM seats WHERE id = ANY(%s) ORDER BY id FOR UPDATE", (wanted,)
    ).fetchall()
    if len(rows) < 2:
        return 0
    (one, *first), (two, *second) = rows
    move: LiteralString = "UPDATE seats SET venue = %s, place = %s WHERE id = %s"
    moves = ((-one, -two, one), (*first, two), (*second, one))
    return sum(_run(connection, move, *values) for values in moves)


def reuse_coupon(connection: Connection, rng: random.Random) -> int:
    """A few keys that come and go all the time, sometimes both at once."""
    code = f"K-{rng.randrange(40)}"
    changed = _run(connection, "DELETE FROM coupons WHERE code = %s", code)
    if changed == 0 or rng.random() < 0.5:
        changed += _run(
            connection,
            "INSERT INTO coupons (code, campaign, percent, valid_for)"
            " VALUES (%s, gen_random_uuid(), %s, daterange(CURRENT_DATE, NULL)) ON CONFLICT DO NOTHING",
            *(code, rng.randint(1, 99)),
        )
    return changed


def take_over_coupon(connection: Connection, rng: random.Random) -> int:
    """One row goes and another takes its key."""
    codes = sorted(f"K-{number}" for number in rng.sample(range(40), 2))
    rows = connection.execute("SELECT code FROM coupons WHERE code = ANY(%s) ORDER BY code FOR UPDATE", (codes,)).fetchall()
    if len(rows) < 2:
        return 0
    rng.shuffle(codes)
    return _run(connection, "DELETE FROM coupons WHERE code = %s", codes[0]) + _run(
        connection, "UPDATE coupons SET code = %s WHERE code = %s", *codes
    )


def rename_login(connection: Connection, rng: random.Random) -> int:
    login = connection.execute('SELECT "Login" FROM "user" ORDER BY "Login" OFFSET %s LIMIT 1', (rng.randrange(50),)).fetchone()
    return _run(
        connection,
        'UPDATE "user" SET "Login" = \'l\' || left(gen_random_uuid()::text, 20), "select" = NOT "select" WHERE "Login" = %s',
        login[0] if login else None,
    )


def reserve(connection: Connection, rng: random.Random) -> int:
    """Its times come from a sequence that counts down and belongs to no column: a wrong one breaks the exclusion."""
    return _run(
        connection,
        "INSERT INTO reservations (room, during, guest)"
        " SELECT 1, tstzrange(t, t + interval '30 minutes'), %s"
        " FROM (SELECT timestamptz '2030-01-01 00:00+00' - nextval('\"Ticket Countdown\"') * interval '1 hour' AS t) AS s",
        _text(rng, 10),
    )


def swap_reservations(connection: Connection, rng: random.Random) -> int:
    rows = connection.execute(
        "SELECT id, room, during::text FROM reservations WHERE room = %s AND upper(during) < '2030-01-01'"
        " ORDER BY id LIMIT 2 FOR UPDATE",
        (rng.randrange(20),),
    ).fetchall()
    if len(rows) < 2:
        return 0
    (one, room, first), (two, _, second) = rows
    move: LiteralString = "UPDATE reservations SET room = %s, during = %s::tstzrange WHERE id = %s"
    moves = ((-connection.info.backend_pid, first, one), (room, first, two), (room, second, one))
    return sum(_run(connection, move, *values) for values in moves)


def new_rates(connection: Connection, rng: random.Random) -> int:
    """TRUNCATE, and the table is filled again."""
    connection.execute("TRUNCATE exchange_rates")
    return _run(
        connection,
        "INSERT INTO exchange_rates SELECT c, date '2026-01-01' + d, 1 + d / %s::numeric"
        " FROM unnest(%s::text[]) AS c, generate_series(0, 24) AS d",
        *(rng.randint(2, 90), list(CURRENCIES)),
    )


def swap_rates(connection: Connection, rng: random.Random) -> int:
    """Two rows exchange their primary keys."""
    one, two = rng.sample(range(25), 2)
    currency = rng.choice(CURRENCIES)
    locked = connection.execute(
        "SELECT day FROM exchange_rates WHERE currency = %s AND day IN (date '2026-01-01' + %s, date '2026-01-01' + %s)"
        " ORDER BY day FOR UPDATE",
        (currency, one, two),
    ).fetchall()
    if len(locked) < 2:
        return 0
    move: LiteralString = (
        "UPDATE exchange_rates SET day = date '2026-01-01' + %s WHERE currency = %s AND day = date '2026-01-01' + %s"
    )
    moves = ((-1, one), (one, two), (two, -1))
    return sum(_run(connection, move, to, currency, now) for to, now in moves)


# -- large, wide and odd rows -----------------------------------------------------------------------------------------


def touch_document(connection: Connection, rng: random.Random) -> int:
    """An update that leaves the large columns as they are: the log says nothing of them."""
    document = _pick(connection, rng, "documents", "id")
    return _run(connection, "UPDATE documents SET revision = revision + 1 WHERE id = %s", document)


def rewrite_document(connection: Connection, rng: random.Random) -> int:
    document = _pick(connection, rng, "documents", "id")
    body = rng.choice([None, "", _text(rng, rng.randint(3000, 60000))])
    return _run(connection, "UPDATE documents SET body = %s WHERE id = %s", body, document)


def new_document(connection: Connection, rng: random.Random) -> int:
    if rng.random() < 0.5:
        document = _pick(connection, rng, "documents", "id")
        return _run(connection, "DELETE FROM documents WHERE id = %s", document)
    body = _text(rng, rng.randint(10, 20000))
    return _run(connection, "INSERT INTO documents (title, body, appendix) VALUES ('new', %s, %s)", body, "x" * 9000)


def change_images(connection: Connection, rng: random.Random) -> int:
    """Adds an image to a product, and turns the order of all its images round under a deferred unique key."""
    product = _pick(connection, rng, "products", "id")
    connection.execute("SELECT FROM products WHERE id = %s FOR UPDATE", (product,))
    added = _run(
        connection,
        "INSERT INTO product_images (product_id, sort_order, caption, content)"
        " SELECT %s, 1 + COALESCE(max(sort_order), 0), 'new', %s FROM product_images WHERE product_id = %s",
        *(product, rng.randbytes(rng.randint(100, 15000)), product),
    )
    return added + _run(
        connection,
        "UPDATE product_images AS i SET sort_order = m.top - i.sort_order, caption = i.caption || '.'"
        " FROM (SELECT max(sort_order) AS top FROM product_images WHERE product_id = %s) AS m WHERE i.product_id = %s",
        *(product, product),
    )


def change_product(connection: Connection, rng: random.Random) -> int:
    product = _pick(connection, rng, "products", "id")
    return _run(
        connection,
        "UPDATE products SET price = %s, dimensions[2] = %s, attributes = jsonb_set(attributes, '{size}', %s::jsonb),"
        " thumbnail = %s WHERE id = %s",
        *(rng.randint(1, 99999) / 100, rng.random(), str(rng.randint(1, 60)), rng.randbytes(rng.randint(0, 64)), product),
    )


def change_survey(connection: Connection, rng: random.Random) -> int:
    if rng.random() < 0.3:
        return _run(connection, "INSERT INTO survey_answers (q01, q09, q40) VALUES (1, %s, 7)", _text(rng, 400))
    survey = _pick(connection, rng, "survey_answers", "id")
    column = sql.Identifier(f"q{rng.randint(1, 8):02d}")
    statement = sql.SQL("UPDATE survey_answers SET {} = %s, q16 = %s, q33 = %s WHERE id = %s").format(column)
    return connection.execute(statement, (rng.randint(-9, 9), _text(rng, 200), rng.random(), survey)).rowcount


def change_type_sample(connection: Connection, rng: random.Random) -> int:
    """Values that compare as equal and are not the same."""
    sample = _pick(connection, rng, "type_samples", "id")
    changes: Sequence[LiteralString] = (
        "v_numeric = CASE v_numeric::text WHEN '1.0' THEN 1.00 ELSE 1.0 END",
        "v_interval = CASE v_interval::text WHEN '1 day' THEN interval '24 hours' ELSE interval '1 day' END",
        "v_double = CASE v_double::text WHEN '0' THEN '-0' ELSE '0' END::float8",
        "v_text = CASE WHEN v_text IS NULL THEN '' ELSE NULL END",
        "v_citext = CASE WHEN v_citext::text = 'x' THEN 'X' ELSE 'x' END",
        "v_text_array = v_text_array || NULL::text, v_enum_array = ARRAY['cart']::order_status[]",
        "v_timestamptz = clock_timestamp(), v_date = 'infinity'",
    )
    return _run(connection, "UPDATE type_samples SET " + rng.choice(changes) + " WHERE id = %s", sample)


def stock(connection: Connection, rng: random.Random) -> int:
    """A run of rows in one statement."""
    first = _pick(connection, rng, "products", "id")
    return _run(
        connection,
        "UPDATE inventory SET quantity = reserved + %s WHERE warehouse = %s AND product_id BETWEEN %s AND %s",
        *(rng.randint(1, 500), rng.randint(1, 4), first, (first or 0) + rng.choice([0, 2, 30])),
    )


# -- partitions, and rows without a key -------------------------------------------------------------------------------


def log_events(connection: Connection, rng: random.Random) -> int:
    return _run(
        connection,
        "INSERT INTO events (occurred_at, region, kind, payload)"
        " SELECT timestamptz '2025-12-15 00:00+00' + %s * interval '1 day', %s, 'workload', jsonb_build_object('i', i)"
        " FROM generate_series(1, %s) AS i",
        *(rng.randint(0, 420), rng.choice(["eu", "uk", "us"]), rng.choice([1, 1, 1, 5, 100])),
    )


def move_event(connection: Connection, rng: random.Random) -> int:
    """The row goes to another partition, which the log shows as a delete and an insert."""
    event = _pick(connection, rng, "events", "event_id")
    return _run(
        connection,
        "UPDATE events SET occurred_at = timestamptz '2025-12-15 00:00+00' + %s * interval '1 day', region = %s"
        " WHERE event_id = %s",
        *(rng.randint(0, 420), rng.choice(["eu", "us"]), event),
    )


def forget_event(connection: Connection, rng: random.Random) -> int:
    event = _pick(connection, rng, "events", "event_id")
    return _run(connection, "DELETE FROM events WHERE event_id = %s", event)


def change_session(connection: Connection, rng: random.Random) -> int:
    if rng.random() < 0.5:
        return _run(connection, "INSERT INTO sessions (token, client) VALUES (gen_random_uuid(), '192.0.2.9')")
    return _run(
        connection,
        "UPDATE sessions SET token = gen_random_uuid(), data = NULL"
        " WHERE token = (SELECT token FROM sessions WHERE token >= %s::uuid ORDER BY token LIMIT 1)",
        rng.randbytes(16).hex(),
    )


def view_pages(connection: Connection, rng: random.Random) -> int:
    """The same row several times."""
    return _run(
        connection,
        "INSERT INTO page_views (path, viewed_at, visitor) SELECT %s, '2026-05-05 05:05', '192.0.2.1'"
        " FROM generate_series(1, %s)",
        *(f"/p/{rng.randrange(40)}", rng.randint(1, 4)),
    )


def change_views(connection: Connection, rng: random.Random) -> int:
    """Some of several equal rows are changed or go, the others stay."""
    change: LiteralString = rng.choice(
        ("UPDATE page_views SET duration = '1 s', referrer = NULL", "UPDATE page_views SET path = path", "DELETE FROM page_views")
    )
    return _run(
        connection,
        change + " WHERE ctid = ANY (ARRAY(SELECT ctid FROM page_views WHERE path = %s ORDER BY viewed_at LIMIT %s))",
        *(f"/p/{rng.randrange(40)}", rng.randint(1, 3)),
    )


def truncate_leaf(connection: Connection, rng: random.Random) -> int:
    """One leaf of a partitioned table is emptied, and the others are not. Only on request: it eats the sessions."""
    connection.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(f"sessions_{rng.randrange(3)}")))
    return 1


WEIGHTS: Mapping[Action, int] = {
    transfer: 20,
    place_order: 14,
    change_status: 8,
    ship_order: 2,
    move_order: 2,
    delete_order: 3,
    change_line: 6,
    sign_up: 4,
    change_customer: 8,
    leave: 1,
    swap_usernames: 3,
    swap_seats: 3,
    reuse_coupon: 6,
    take_over_coupon: 3,
    rename_login: 1,
    reserve: 2,
    swap_reservations: 2,
    new_rates: 1,
    swap_rates: 2,
    touch_document: 4,
    rewrite_document: 2,
    new_document: 2,
    change_images: 2,
    change_product: 5,
    change_survey: 3,
    change_type_sample: 4,
    stock: 6,
    log_events: 8,
    move_event: 4,
    forget_event: 2,
    change_session: 4,
    view_pages: 4,
    change_views: 4,
    truncate_leaf: 0,
}
