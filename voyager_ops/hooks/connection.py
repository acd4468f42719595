"""From an Airflow connection to a database URL.

Host, port, login and password are what they are called; ``schema`` is the database's name; extra holds parameters of libpq.
Of an Oracle connection ``schema`` is the service name where the extras name neither a service nor a SID nor a DSN, as
Airflow's own hook has it; extra holds what that hook knows, of which we take what is about reaching the database.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote, urlencode

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from psycopg import pq

from voyager_ops.databases.oracle.address import OPTIONS, parse_url
from voyager_ops.databases.oracle.address import to_url as to_oracle_url
from voyager_ops.errors import ConfigError

SCHEMES: Mapping[str, str] = {"postgres": "postgresql", "postgresql": "postgresql", "yugabytedb": "yugabytedb"}
"""Connection types we take, and the scheme of the URL each becomes."""

ORACLE = "oracle"
ORACLES_EXTRAS: Mapping[str, str] = {
    **{name: name for name in OPTIONS},
    **{name: name for name in ("sid", "dsn", "cdb", "cdb_service", "instances")},
    "thick_mode": "thick",
    "thick_mode_lib_dir": "thick_lib_dir",
    "thick_mode_config_dir": "thick_config_dir",
}
"""Extras of an Oracle connection, and the URL's parameter each becomes."""
ORACLES_OWN = frozenset({"module", "pool_name", "fetch_decimals", "fetch_lobs", "threaded", "encoding", "nencoding"})
"""Extras that say how Airflow's hook shall fetch or call itself: our sessions do that their own way."""

OTHERS_USE = frozenset({"cursor", "engine"})
"""Extras which are not libpq's: ``cursor`` belongs to Airflow's own PostgreSQL hook, ``engine: yugabytedb`` to us."""


class AirflowConnection(Protocol):
    """What we read of an Airflow connection."""

    conn_type: str | None
    host: str | None
    port: int | None
    login: str | None
    password: str | None
    schema: str | None
    extra: str | None


def resolve(conn_id: str) -> str:
    """The URL of an Airflow connection. Holds the password: never log it. Raises ConfigError, which names no secret."""
    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        raise _missing(conn_id) from None
    return to_url(conn_id, connection)


async def resolve_async(conn_id: str) -> str:
    """As :func:`resolve`, where an event loop runs (triggers)."""
    try:
        connection = await BaseHook.aget_connection(conn_id)
    except AirflowNotFoundException:
        raise _missing(conn_id) from None
    return to_url(conn_id, connection)


def to_url(conn_id: str, connection: AirflowConnection) -> str:
    """The URL of ``connection``. Raises ConfigError when it cannot be that of an Oracle, PostgreSQL or YugabyteDB database."""
    if connection.conn_type == ORACLE:
        return _oracle_url(conn_id, connection)
    scheme = SCHEMES.get(connection.conn_type or "")
    if scheme is None:
        raise _unusable(conn_id, f"is of type {connection.conn_type!r}, not oracle, postgres or yugabytedb")
    if not connection.host or not connection.schema:
        raise _unusable(conn_id, f"has no {'host' if not connection.host else 'database (its field schema)'}")
    extra = _extra(conn_id, connection.extra)
    if extra.pop("engine", "") == "yugabytedb":
        scheme = "yugabytedb"
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    for name in list(extra):
        if name in OTHERS_USE:
            del extra[name]
        elif name not in known:
            raise _unusable(conn_id, f"has the extra {name!r}, which is not a parameter of libpq")
    user = quote(connection.login or "", safe="")
    if connection.password:
        user += ":" + quote(connection.password, safe="")
    # A directory is a Unix socket's; in a URL it has to be written as a parameter.
    host, port = connection.host, connection.port or 5432
    if host.startswith("/"):
        extra |= {"host": host, "port": str(port)}
        place = ""
    else:
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    query = f"?{urlencode(extra, quote_via=quote)}" if extra else ""
    return f"{scheme}://{user}{'@' if user else ''}{place}/{quote(connection.schema, safe='')}{query}"


def _oracle_url(conn_id: str, connection: AirflowConnection) -> str:
    extra = _extra(conn_id, connection.extra)
    service = extra.pop("service_name", "")
    for name in extra:
        if name not in ORACLES_EXTRAS and name not in ORACLES_OWN:
            raise _unusable(conn_id, f"has the extra {name!r}, which is not known of an Oracle connection")
    parameters = {ORACLES_EXTRAS[name]: value for name, value in extra.items() if name in ORACLES_EXTRAS}
    host = connection.host or ""
    if not service and "sid" not in parameters and "dsn" not in parameters:
        service = connection.schema or ""
        if host and not service and connection.port is None:
            parameters["dsn"], host = host, ""  # an alias or an Easy Connect text in the place of the host
    url = to_oracle_url(
        user=connection.login or "",
        password=connection.password or "",
        host=host,
        port=connection.port,
        service=service,
        parameters=parameters,
    )
    try:
        parse_url(url)
    except ConfigError as error:
        raise _unusable(conn_id, f"cannot be used: {error.reason}", error.next_step) from None
    return url


def _extra(conn_id: str, text: str | None) -> dict[str, str]:
    if not text:
        return {}
    try:
        extra = json.loads(text)
    except json.JSONDecodeError:
        raise _unusable(conn_id, "has an extra which is not JSON") from None
    if not isinstance(extra, dict):
        raise _unusable(conn_id, "has an extra which is not a JSON object")
    return {str(key): str(value) for key, value in extra.items() if value is not None}


def _missing(conn_id: str) -> ConfigError:
    return ConfigError(
        f"there is no Airflow connection {conn_id!r}",
        key="conn_id",
        next_step=f"airflow connections add {conn_id} --conn-type postgres …, or mend the configuration",
    )


def _unusable(conn_id: str, why: str, next_step: str = "") -> ConfigError:
    return ConfigError(f"the Airflow connection {conn_id!r} {why}", key="conn_id", next_step=next_step or "mend the connection")
