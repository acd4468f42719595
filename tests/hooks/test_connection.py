"""Airflow connections become URLs that libpq reads back as what was entered."""

from __future__ import annotations

import json
from dataclasses import dataclass

import oracledb
import pytest
from psycopg.conninfo import conninfo_to_dict

from voyager_ops.databases.oracle.address import parse_url
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


DESCRIPTOR = "(DESCRIPTION=(ADDRESS=(PROTOCOL=TCPS)(HOST=db)(PORT=2484))(CONNECT_DATA=(SERVICE_NAME=pdb1)))"


def oracle(**fields: object) -> dict[str, object]:
    entered = Entered(**{"conn_type": "oracle", "port": None, "schema": None, **fields})  # type: ignore[arg-type]
    return parse_url(to_url("hr", entered)).driver_parameters()


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"schema": "PDB1"}, {"host": "db.example", "port": 1521, "service_name": "PDB1"}),
        (
            {"port": 1522, "extra": '{"service_name": "PDB1"}', "schema": "HR"},
            {"host": "db.example", "port": 1522, "service_name": "PDB1"},
        ),
        ({"extra": '{"sid": "ORCL"}', "schema": "HR"}, {"host": "db.example", "port": 1521, "sid": "ORCL"}),
        ({"host": None, "extra": json.dumps({"dsn": DESCRIPTOR})}, {"dsn": DESCRIPTOR}),
        ({"host": "prod_high"}, {"dsn": "prod_high"}),
        ({"host": "db.example:1523/pdb1"}, {"dsn": "db.example:1523/pdb1"}),
        (
            {"schema": "P", "extra": json.dumps({"wallet_location": "/w", "wallet_password": "x&=", "ssl_server_dn_match": 1})},
            {"host": "db.example", "port": 1521, "service_name": "P", "wallet_location": "/w", "wallet_password": "x&=",
             "ssl_server_dn_match": True},
        ),
        (
            {"schema": "P", "extra": '{"mode": "SYSDBA", "purity": "self", "cclass": "c", "events": false, "expire_time": 2}'},
            {"host": "db.example", "port": 1521, "service_name": "P", "mode": oracledb.AuthMode.SYSDBA,
             "purity": oracledb.Purity.SELF, "cclass": "c", "events": False, "expire_time": 2},
        ),
    ],
)  # fmt: skip
def test_oracle(fields: dict[str, object], wanted: dict[str, object]) -> None:
    assert oracle(**fields) == {"user": "mover", "password": "secret", **wanted}


def test_oracle_thick() -> None:
    entered = Entered("oracle", schema="P", extra='{"thick_mode": true, "thick_mode_lib_dir": "/opt/client"}')
    address = parse_url(to_url("hr", entered))
    assert (address.thick, address.thick_lib_dir) == (True, "/opt/client")


@pytest.mark.parametrize(
    ("entered", "word"),
    [
        (Entered("oracle", schema=None), "not named"),
        (Entered("oracle", extra='{"sid": "S", "service_name": "P"}'), "more than one way: a service name and a SID"),
        (Entered("oracle", extra='{"dsn": "alias", "service_name": "P"}'), "more than one way"),
        (Entered("oracle", extra='{"dsn": "alias"}'), "a host is given beside"),
        (Entered("oracle", extra='{"sit": "S"}'), "'sit'"),
        (Entered("oracle", extra='{"mode": "emperor"}'), "mode: one of"),
    ],
)
def test_an_oracle_connection_names_its_instance_once(entered: Entered, word: str) -> None:
    with pytest.raises(ConfigError, match=word) as caught:
        to_url("hr", entered)
    assert "'hr'" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_from_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_FROM_TEST", "postgresql://mover:p%40ss@db.example:5555/shop?sslmode=require")
    result = conninfo_to_dict(resolve("from_test"))
    assert (result["password"], result["port"], result["sslmode"]) == ("p@ss", "5555", "require")


def test_a_missing_connection_says_how_to_add_it() -> None:
    with pytest.raises(ConfigError, match="airflow connections add nowhere_to_be_found"):
        resolve("nowhere_to_be_found")
