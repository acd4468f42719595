"""SCN_TO_TIMESTAMP and TIMESTAMP_TO_SCN, if the engine's types are there: over pairs that a session is told before its query."""

from __future__ import annotations

import json
from typing import Any

import psycopg

from voyager_ops.testing.oracle.scn import ScnClock

FUNCTIONS = frozenset({"SCN_TO_TIMESTAMP", "TIMESTAMP_TO_SCN"})
"""Names that ``before_query`` takes beside those of views."""
PAIRS = 2000  # told to a session at most
_SQL = """
CREATE OR REPLACE FUNCTION ora.scn_to_timestamp(n numeric) RETURNS ora.ts LANGUAGE plpgsql STABLE STRICT AS $$
DECLARE
  found numeric;
BEGIN
  SELECT (p->>1)::numeric INTO found FROM jsonb_array_elements(current_setting('sim_redo.moments')::jsonb->'pairs') p
    WHERE (p->>0)::numeric <= n ORDER BY (p->>0)::numeric DESC LIMIT 1;
  IF found IS NULL OR n > (current_setting('sim_redo.moments')::jsonb->>'last')::numeric THEN
    RAISE EXCEPTION USING ERRCODE = 'ORA00', MESSAGE = 'ORA-08181: specified number is not a valid system change number';
  END IF;
  RETURN (found * 1000000)::ora.ts;
END $$;
CREATE OR REPLACE FUNCTION sim_redo.scn_at(milliseconds numeric) RETURNS numeric LANGUAGE plpgsql STABLE STRICT AS $$
DECLARE
  found numeric;
BEGIN
  SELECT (p->>0)::numeric INTO found FROM jsonb_array_elements(current_setting('sim_redo.moments')::jsonb->'pairs') p
    WHERE (p->>1)::numeric <= milliseconds ORDER BY (p->>0)::numeric DESC LIMIT 1;
  IF found IS NULL OR milliseconds > (current_setting('sim_redo.moments')::jsonb->>'now')::numeric + 1000 THEN
    RAISE EXCEPTION USING ERRCODE = 'ORA00', MESSAGE = 'ORA-08180: no snapshot found based on specified time';
  END IF;
  RETURN found;
END $$;
CREATE OR REPLACE FUNCTION ora.timestamp_to_scn(v ora.ts) RETURNS numeric LANGUAGE sql STABLE STRICT
  RETURN sim_redo.scn_at(v::numeric / 1000000);
CREATE OR REPLACE FUNCTION ora.timestamp_to_scn(v ora.tstz) RETURNS numeric LANGUAGE sql STABLE STRICT
  RETURN sim_redo.scn_at(ora.tstz_utc(v) / 1000000);
CREATE OR REPLACE FUNCTION ora.timestamp_to_scn(v ora.date) RETURNS numeric LANGUAGE sql STABLE STRICT
  RETURN sim_redo.scn_at(extract(epoch FROM v::timestamp) * 1000);
"""


def install_functions(connection: psycopg.Connection[Any]) -> None:
    """The functions in schema ``ora``; nothing without the engine's types."""
    row = connection.execute("SELECT pg_catalog.to_regtype('ora.tstz') IS NOT NULL").fetchone()
    if row is not None and row[0]:
        connection.execute(_SQL.encode())


def tell(connection: psycopg.Connection[Any], clock: ScnClock) -> None:
    """Tell the session which SCN was current when (UTC)."""
    last, now, pairs = clock.history(PAIRS)
    value = {"last": last, "now": int(now * 1000), "pairs": [[scn, int(moment * 1000)] for scn, moment in pairs]}
    connection.execute("SELECT pg_catalog.set_config('sim_redo.moments', %s, false)", (json.dumps(value),))
