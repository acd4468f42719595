"""Rows that are large, wide, odd, in partitions, or without a key."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import LiteralString

from psycopg import sql

from voyager_ops.testing.actions.base import Connection, pick, run, text

# -- large, wide and odd rows --------------------------------------------------------------------------------------------


def touch_document(connection: Connection, rng: random.Random) -> int:
    """An update that leaves the large columns as they are: the log says nothing of them."""
    document = pick(connection, rng, "documents", "id")
    return run(connection, "UPDATE documents SET revision = revision + 1 WHERE id = %s", document)


def rewrite_document(connection: Connection, rng: random.Random) -> int:
    document = pick(connection, rng, "documents", "id")
    body = rng.choice([None, "", text(rng, rng.randint(3000, 60000))])
    return run(connection, "UPDATE documents SET body = %s WHERE id = %s", body, document)


def new_document(connection: Connection, rng: random.Random) -> int:
    if rng.random() < 0.5:
        document = pick(connection, rng, "documents", "id")
        return run(connection, "DELETE FROM documents WHERE id = %s", document)
    body = text(rng, rng.randint(10, 20000))
    return run(connection, "INSERT INTO documents (title, body, appendix) VALUES ('new', %s, %s)", body, "x" * 9000)


def change_images(connection: Connection, rng: random.Random) -> int:
    """Adds an image to a product, and turns the order of all its images round under a deferred unique key."""
    product = pick(connection, rng, "products", "id")
    connection.execute("SELECT FROM products WHERE id = %s FOR UPDATE", (product,))
    added = run(
        connection,
        "INSERT INTO product_images (product_id, sort_order, caption, content)"
        " SELECT %s, 1 + COALESCE(max(sort_order), 0), 'new', %s FROM product_images WHERE product_id = %s",
        *(product, rng.randbytes(rng.randint(100, 15000)), product),
    )
    return added + run(
        connection,
        "UPDATE product_images AS i SET sort_order = m.top - i.sort_order, caption = i.caption || '.'"
        " FROM (SELECT max(sort_order) AS top FROM product_images WHERE product_id = %s) AS m WHERE i.product_id = %s",
        *(product, product),
    )


def change_product(connection: Connection, rng: random.Random) -> int:
    product = pick(connection, rng, "products", "id")
    return run(
        connection,
        "UPDATE products SET price = %s, dimensions[2] = %s, attributes = jsonb_set(attributes, '{size}', %s::jsonb),"
        " thumbnail = %s WHERE id = %s",
        *(rng.randint(1, 99999) / 100, rng.random(), str(rng.randint(1, 60)), rng.randbytes(rng.randint(0, 64)), product),
    )


def change_survey(connection: Connection, rng: random.Random) -> int:
    if rng.random() < 0.3:
        return run(connection, "INSERT INTO survey_answers (q01, q09, q40) VALUES (1, %s, 7)", text(rng, 400))
    survey = pick(connection, rng, "survey_answers", "id")
    column = sql.Identifier(f"q{rng.randint(1, 8):02d}")
    statement = sql.SQL("UPDATE survey_answers SET {} = %s, q16 = %s, q33 = %s WHERE id = %s").format(column)
    return connection.execute(statement, (rng.randint(-9, 9), text(rng, 200), rng.random(), survey)).rowcount


def change_type_sample(connection: Connection, rng: random.Random) -> int:
    """Values that compare as equal and are not the same."""
    sample = pick(connection, rng, "type_samples", "id")
    changes: Sequence[LiteralString] = (
        "v_numeric = CASE v_numeric::text WHEN '1.0' THEN 1.00 ELSE 1.0 END",
        "v_interval = CASE v_interval::text WHEN '1 day' THEN interval '24 hours' ELSE interval '1 day' END",
        "v_double = CASE v_double::text WHEN '0' THEN '-0' ELSE '0' END::float8",
        "v_text = CASE WHEN v_text IS NULL THEN '' ELSE NULL END",
        "v_citext = CASE WHEN v_citext::text = 'x' THEN 'X' ELSE 'x' END",
        "v_text_array = v_text_array || NULL::text, v_enum_array = ARRAY['cart']::order_status[]",
        "v_timestamptz = clock_timestamp(), v_date = 'infinity'",
    )
    return run(connection, "UPDATE type_samples SET " + rng.choice(changes) + " WHERE id = %s", sample)


def stock(connection: Connection, rng: random.Random) -> int:
    """A run of rows in one statement."""
    first = pick(connection, rng, "products", "id")
    return run(
        connection,
        "UPDATE inventory SET quantity = reserved + %s WHERE warehouse = %s AND product_id BETWEEN %s AND %s",
        *(rng.randint(1, 500), rng.randint(1, 4), first, (first or 0) + rng.choice([0, 2, 30])),
    )


# -- partitions, and rows without a key ----------------------------------------------------------------------------------


def log_events(connection: Connection, rng: random.Random) -> int:
    return run(
        connection,
        "INSERT INTO events (occurred_at, region, kind, payload)"
        " SELECT timestamptz '2025-12-15 00:00+00' + %s * interval '1 day', %s, 'workload', jsonb_build_object('i', i)"
        " FROM generate_series(1, %s) AS i",
        *(rng.randint(0, 420), rng.choice(["eu", "uk", "us"]), rng.choice([1, 1, 1, 5, 100])),
    )


def move_event(connection: Connection, rng: random.Random) -> int:
    """The row goes to another partition, which the log shows as a delete and an insert."""
    event = pick(connection, rng, "events", "event_id")
    return run(
        connection,
        "UPDATE events SET occurred_at = timestamptz '2025-12-15 00:00+00' + %s * interval '1 day', region = %s"
        " WHERE event_id = %s",
        *(rng.randint(0, 420), rng.choice(["eu", "us"]), event),
    )


def forget_event(connection: Connection, rng: random.Random) -> int:
    event = pick(connection, rng, "events", "event_id")
    return run(connection, "DELETE FROM events WHERE event_id = %s", event)


def change_session(connection: Connection, rng: random.Random) -> int:
    if rng.random() < 0.5:
        return run(connection, "INSERT INTO sessions (token, client) VALUES (gen_random_uuid(), '192.0.2.9')")
    return run(
        connection,
        "UPDATE sessions SET token = gen_random_uuid(), data = NULL"
        " WHERE token = (SELECT token FROM sessions WHERE token >= %s::uuid ORDER BY token LIMIT 1)",
        rng.randbytes(16).hex(),
    )


def view_pages(connection: Connection, rng: random.Random) -> int:
    """The same row several times."""
    return run(
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
    return run(
        connection,
        change + " WHERE ctid = ANY (ARRAY(SELECT ctid FROM page_views WHERE path = %s ORDER BY viewed_at LIMIT %s))",
        *(f"/p/{rng.randrange(40)}", rng.randint(1, 3)),
    )


def truncate_leaf(connection: Connection, rng: random.Random) -> int:
    """One leaf of a partitioned table is emptied, and the others are not. Only on request: it eats the sessions."""
    connection.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(f"sessions_{rng.randrange(3)}")))
    return 1
