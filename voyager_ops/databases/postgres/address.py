"""Reading a database's URL, without ever telling what stands in it: a password that is not percent-encoded shifts everything."""

from __future__ import annotations

from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from voyager_ops.errors import ConfigError

SCHEMES: Final = frozenset({"postgresql", "postgres", "yugabytedb"})
_ENCODED: Final = "in user and password, what is no letter or digit is percent-encoded: @ is %40, / is %2F, % is %25"


def libpq_url(url: str) -> str:
    """``url`` as libpq takes it."""
    return "postgresql:" + url.removeprefix("yugabytedb:") if url.startswith("yugabytedb:") else url


def parse_url(url: str, *, key: str = "url") -> dict[str, Any]:
    """Parameters of a ``postgresql://`` or ``yugabytedb://`` URL by their libpq names. Raises ConfigError, never echoes it."""
    broken = ConfigError("not a valid database URL", key=key, next_step=_ENCODED)
    try:
        parts: dict[str, Any] = dict(conninfo_to_dict(libpq_url(url)))
    except psycopg.ProgrammingError:
        raise broken from None
    # libpq takes "user:pass/word@host" for the database "word@host" on the host "user".
    _, slash, path = url.partition("://")[2].partition("?")[0].partition("/")
    ports = str(parts.get("port") or "").split(",")
    if (slash and "@" in path) or not all(port == "" or (port.isascii() and port.isdigit()) for port in ports):
        raise broken
    return parts
