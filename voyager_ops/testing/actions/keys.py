"""Keys and unique values that move from row to row, come back, or are all gone at once."""

from __future__ import annotations

import random
from typing import LiteralString

from voyager_ops.testing.actions.base import CURRENCIES, Connection, pick, run, text

# -- other keys and unique values ----------------------------------------------------------------------------------------


def swap_seats(connection: Connection, rng: random.Random) -> int:
    wanted = [pick(connection, rng, "seats", "id") for _ in range(2)]
    rows = connection.execute(
        "SELECT id, venue, place FROM seats WHERE id = ANY(%s) ORDER BY id FOR UPDATE", (wanted,)
    ).fetchall()
    if len(rows) < 2:
        return 0
    (one, *first), (two, *second) = rows
    move: LiteralString = "UPDATE seats SET venue = %s, place = %s WHERE id = %s"
    moves = ((-one, -two, one), (*first, two), (*second, one))
    return sum(run(connection, move, *values) for values in moves)


def reuse_coupon(connection: Connection, rng: random.Random) -> int:
    """A few keys that come and go all the time, sometimes both at once."""
    code = f"K-{rng.randrange(40)}"
    changed = run(connection, "DELETE FROM coupons WHERE code = %s", code)
    if changed == 0 or rng.random() < 0.5:
        changed += run(
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
    return run(connection, "DELETE FROM coupons WHERE code = %s", codes[0]) + run(
        connection, "UPDATE coupons SET code = %s WHERE code = %s", *codes
    )


def rename_login(connection: Connection, rng: random.Random) -> int:
    login = connection.execute('SELECT "Login" FROM "user" ORDER BY "Login" OFFSET %s LIMIT 1', (rng.randrange(50),)).fetchone()
    return run(
        connection,
        'UPDATE "user" SET "Login" = \'l\' || left(gen_random_uuid()::text, 20), "select" = NOT "select" WHERE "Login" = %s',
        login[0] if login else None,
    )


def reserve(connection: Connection, rng: random.Random) -> int:
    """Its times come from a sequence that counts down and belongs to no column: a wrong one breaks the exclusion."""
    return run(
        connection,
        "INSERT INTO reservations (room, during, guest)"
        " SELECT 1, tstzrange(t, t + interval '30 minutes'), %s"
        " FROM (SELECT timestamptz '2030-01-01 00:00+00' - nextval('\"Ticket Countdown\"') * interval '1 hour' AS t) AS s",
        text(rng, 10),
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
    return sum(run(connection, move, *values) for values in moves)


def new_rates(connection: Connection, rng: random.Random) -> int:
    """TRUNCATE, and the table is filled again."""
    connection.execute("TRUNCATE exchange_rates")
    return run(
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
    return sum(run(connection, move, to, currency, now) for to, now in moves)
