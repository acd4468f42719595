"""The shop's business: the ledger, orders with their children, customers."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import LiteralString

from voyager_ops.testing.actions.base import CURRENCIES, Connection, pick, run, text

STATUSES = ("placed", "on hold", "paid", "shipped", "returned", "O'Connor check")


# -- the ledger ----------------------------------------------------------------------------------------------------------


def transfer(connection: Connection, rng: random.Random) -> int:
    """Money from one account to another, and the journal row that says so."""
    last = connection.execute("SELECT max(account_no) FROM accounts").fetchone()
    debit, credit = rng.sample(range(1, last[0] + 1 if last else 3), 2)
    amount = rng.randint(1, 5000) / 100
    changed = 0
    for account, sign in sorted(((debit, -1), (credit, 1))):
        changed += run(
            connection,
            "UPDATE accounts SET balance = balance + %s::numeric(18, 2) * %s WHERE account_no = %s",
            *(amount, sign, account),
        )
    return changed + run(connection, "INSERT INTO journal (debit, credit, amount) VALUES (%s, %s, %s)", debit, credit, amount)


# -- parents and children ------------------------------------------------------------------------------------------------


def place_order(connection: Connection, rng: random.Random) -> int:
    customer, product = pick(connection, rng, "customers", "id", keep=True), pick(connection, rng, "products", "id", keep=True)
    if customer is None or product is None:  # gone while we waited for it
        return 0
    row = connection.execute(
        "INSERT INTO orders (customer_id, external_ref, currency, shipping, metadata)"
        " VALUES (%s, gen_random_uuid(), %s, ROW(%s, 'Town', NULL, 'NL'), %s::jsonb) RETURNING id",
        (customer, rng.choice(CURRENCIES), text(rng, 20), rng.choice([None, '{"channel": "app"}'])),
    ).fetchone()
    assert row is not None
    changed = 1
    for line in range(1, rng.randint(2, 6)):
        changed += run(
            connection,
            "INSERT INTO order_lines (order_id, line_no, product_id, quantity, unit_price, discount)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            *(row[0], line, product, rng.randint(1, 9), rng.randint(1, 9999) / 100, rng.choice([None, 0.1, 0.25])),
        )
    if rng.random() < 0.6:
        changed += run(connection, "INSERT INTO invoices (order_id, amount) VALUES (%s, %s)", row[0], rng.randint(1, 999))
    return changed


def change_status(connection: Connection, rng: random.Random) -> int:
    """Fires a trigger that is enabled for replicas too."""
    order = pick(connection, rng, "orders", "id")
    return run(connection, "UPDATE orders SET status = %s WHERE id = %s", rng.choice(STATUSES), order)


def ship_order(connection: Connection, rng: random.Random) -> int:
    order = pick(connection, rng, "orders", "id", "status = 'paid'")
    locked = connection.execute("SELECT status = 'paid' FROM orders WHERE id = %s FOR UPDATE", (order,)).fetchone()
    if locked != (True,):
        return 0
    connection.execute("CALL ship_order(%s)", (order,))
    return 1


def move_order(connection: Connection, rng: random.Random) -> int:
    """A new primary key for a parent, which its children follow."""
    order = pick(connection, rng, "orders", "id")
    return run(connection, "UPDATE orders SET id = nextval('orders_id_seq') WHERE id = %s", order)


def delete_order(connection: Connection, rng: random.Random) -> int:
    return run(connection, "DELETE FROM orders WHERE id = %s", pick(connection, rng, "orders", "id"))


def change_line(connection: Connection, rng: random.Random) -> int:
    order = pick(connection, rng, "order_lines", "order_id")
    return run(
        connection,
        "UPDATE order_lines SET quantity = %s, discount = %s WHERE order_id = %s AND line_no = %s",
        *(rng.randint(1, 99), rng.choice([None, 0, 0.5]), order, rng.randint(1, 3)),
    )


# -- customers -----------------------------------------------------------------------------------------------------------


def sign_up(connection: Connection, rng: random.Random) -> int:
    return run(
        connection,
        "INSERT INTO customers (id, email, username, name, tier, phone, tags, preferences)"
        " SELECT v, 'new' || v || '@example.org', 'new' || v, %s, %s::customer_tier, '+1' || lpad(v::text, 9, '0'),"
        " ARRAY[%s, 'ü'], jsonb_build_object('text', %s::text) FROM nextval('customers_id_seq') AS v",
        *(text(rng, 30), rng.choice(["basic", "silver", "Gold+"]), text(rng, 4), text(rng, rng.choice([8, 3000]))),
    )


def change_customer(connection: Connection, rng: random.Random) -> int:
    """Arrays, jsonb, and changes that some types call none: the case of citext, the scale of a numeric."""
    customer = pick(connection, rng, "customers", "id")
    changes: Sequence[LiteralString] = (
        "tags = (tags || clock_timestamp()::text)[1:6]",
        "preferences = preferences || jsonb_build_object('seen', clock_timestamp())",
        "preferences = preferences - 'seen'",
        "email = CASE WHEN email::text = lower(email::text) THEN upper(email::text) ELSE lower(email::text) END",
        "credit = credit + 0.0001, newsletter = NOT newsletter",
        "address = ROW('Side St \"2\"', 'City', NULL, 'BE')::postal_address",
        "name = name || 'x', phone = NULL",
    )
    return run(connection, "UPDATE customers SET " + rng.choice(changes) + " WHERE id = %s", customer)


def leave(connection: Connection, rng: random.Random) -> int:
    """One of the latest customers, who have no orders yet, goes."""
    found = connection.execute(
        "SELECT id FROM customers AS c"
        " WHERE id > (SELECT max(id) - %s FROM customers) AND NOT EXISTS (SELECT FROM orders WHERE customer_id = c.id)"
        " ORDER BY id LIMIT 1 FOR UPDATE",
        (rng.randint(1, 300),),
    ).fetchone()
    if found is None:
        return 0
    # Looked at again under the lock, by a statement of its own: somebody's order may have come in while we waited for it.
    return run(
        connection,
        "DELETE FROM customers AS c WHERE id = %s AND NOT EXISTS (SELECT FROM orders WHERE customer_id = c.id)",
        found[0],
    )


def swap_usernames(connection: Connection, rng: random.Random) -> int:
    """A unique value moves from one row to another and back, in one transaction."""
    wanted = [pick(connection, rng, "customers", "id") for _ in range(2)]
    rows = connection.execute(
        "SELECT id, username FROM customers WHERE id = ANY(%s) ORDER BY id FOR UPDATE", (wanted,)
    ).fetchall()
    if len(rows) < 2:
        return 0
    (one, first), (two, second) = rows
    rename: LiteralString = "UPDATE customers SET username = %s WHERE id = %s"
    moves = ((f"swap {one} {two}", one), (first, two), (second, one))
    return sum(run(connection, rename, name, key) for name, key in moves)
