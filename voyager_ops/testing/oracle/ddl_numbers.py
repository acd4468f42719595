"""NUMBER and FLOAT columns hold what Oracle's do: 20 pairs of digits, of FLOAT(b) as many digits as b bits are worth."""

from __future__ import annotations

from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.ddl_context import Context, relation
from voyager_ops.testing.oracle.rewrite import quote

# After B$ (virtual columns) and A$ (defaults), before the redo's companion: what is told to the redo is what is stored.
TRIGGER = "N$NUMBERS"
_SHORT = 40  # characters of a number that need no look: 39 digits fit always


def forget_numbers(context: Context, owner: str, table: str) -> None:
    """Without the trigger: PostgreSQL changes no column that one looks at."""
    context.run(f'DROP TRIGGER IF EXISTS "{TRIGGER}" ON {relation(owner, table)}')


def round_numbers(context: Context, owner: str, table: str) -> None:
    """The trigger that rounds what is written to the table's NUMBER (without precision) and FLOAT columns, if there are any."""
    forget_numbers(context, owner, table)
    rounded: list[str] = []
    needed: list[str] = []
    for name, kind, precision, scale, virtual in dd.rows(
        context.connection,
        "TAB_COLS",
        "COLUMN_NAME",
        "DATA_TYPE",
        "DATA_PRECISION",
        "DATA_SCALE",
        "VIRTUAL_COLUMN",
        OWNER=owner,
        TABLE_NAME=table,
    ):
        column = f"NEW.{quote(str(name))}"
        if virtual == "YES" or kind not in ("NUMBER", "FLOAT") or (kind == "NUMBER" and (precision or scale) is not None):
            continue
        if kind == "FLOAT":
            rounded.append(f"{column} := ora.to_float({column}, {int(str(precision))});")
            needed.append(f"{column} IS NOT NULL")
        else:
            rounded.append(f"{column} := ora.to_number20({column});")
            needed.append(f"octet_length({column}::text) > {_SHORT}")
    if not rounded:
        return
    function = f"ora.{quote('numbers_' + str(context.oid(owner, table)))}"
    context.run(
        f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $b$ BEGIN {' '.join(rounded)}"
        " RETURN NEW; END $b$"
    )
    context.run(
        f'CREATE TRIGGER "{TRIGGER}" BEFORE INSERT OR UPDATE ON {relation(owner, table)} FOR EACH ROW'
        f" WHEN ({' OR '.join(needed)}) EXECUTE FUNCTION {function}()"
    )
