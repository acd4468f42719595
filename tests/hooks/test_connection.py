"""Airflow connections become URLs that libpq reads back as what was entered."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from psycopg.conninfo import conninfo_to_dict

from voyager_ops.errors import ConfigError
from voyager_ops.hooks.connection import resolve, to_url


@dataclass
class Entered:
    conn_type: str | None = "postgres"
    host: str | None = "db.example"
    port: int | None = 5433
    login: str | None = "mover"
    password: str | None = "secret"
    schema: str | None = "shop"
    extra: str | None = None


def parsed(entered: Entered) -> dict[str, object]:
    return dict(conninfo_to_dict(to_url("shop", entered).replace("yugabytedb:", "postgresql:")))


def test_plain() -> None:
    assert parsed(Entered()) == {
        "host": "db.example",
        "port": "5433",
        "user": "mover",
        "password": "secret",
        "dbname": "shop",
    }


@pytest.mark.parametrize("awkward", ["p@ss:w/rd?&#%", "ä ö", "100%", "'\"\\"])
def test_awkward_characters_come_through(awkward: str) -> None:
    result = parsed(Entered(login=awkward, password=awkward, schema=awkward))
    assert (result["user"], result["password"], result["dbname"]) == (awkward,) * 3


def test_extra_parameters_ipv6_and_default_port() -> None:
    extra = json.dumps({"sslmode": "verify-full", "sslrootcert": "/etc/a b.pem", "cursor": "dictcursor"})
    result = parsed(Entered(host="::1", port=None, extra=extra))
    assert (result["host"], result["port"]) == ("::1", "5432")
    assert (result["sslmode"], result["sslrootcert"]) == ("verify-full", "/etc/a b.pem")
    assert "cursor" not in result


def test_socket_directory() -> None:
    assert parsed(Entered(host="/run/postgresql"))["host"] == "/run/postgresql"


@pytest.mark.parametrize(
    "entered", [Entered(conn_type="yugabytedb"), Entered(extra='{"engine": "yugabytedb"}')], ids=["type", "extra"]
)
def test_yugabytedb(entered: Entered) -> None:
    assert to_url("shop", entered).startswith("yugabytedb://")


@pytest.mark.parametrize(
    ("entered", "word"),
    [
        (Entered(conn_type="mysql"), "mysql"),
        (Entered(host=""), "host"),
        (Entered(schema=None), "database"),
        (Entered(extra='{"sslmod": "require"}'), "sslmod"),
        (Entered(extra="not json"), "JSON"),
        (Entered(extra="[1]"), "JSON object"),
    ],
)
def test_what_cannot_be_used_is_named_without_its_secret(entered: Entered, word: str) -> None:
    with pytest.raises(ConfigError, match=word) as caught:
        to_url("shop", entered)
    assert "shop" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_from_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_FROM_TEST", "postgresql://mover:p%40ss@db.example:5555/shop?sslmode=require")
    result = conninfo_to_dict(resolve("from_test"))
    assert (result["password"], result["port"], result["sslmode"]) == ("p@ss", "5555", "require")


def test_a_missing_connection_says_how_to_add_it() -> None:
    with pytest.raises(ConfigError, match="airflow connections add nowhere_to_be_found"):
        resolve("nowhere_to_be_found")
