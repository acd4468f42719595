from __future__ import annotations

import oracledb
import pytest

from voyager_ops.databases.oracle.address import parse_url, to_url
from voyager_ops.databases.oracle.database import SIGNED_YEARS, OracleDatabase, alter_settings
from voyager_ops.errors import ConfigError
from voyager_ops.model.positions import Side

DESCRIPTOR = (
    "(DESCRIPTION=(ADDRESS=(PROTOCOL=TCPS)(HOST=db.example)(PORT=2484))(CONNECT_DATA=(SERVICE_NAME=pdb1.example))"
    "(SECURITY=(MY_WALLET_DIRECTORY=/wallet)))"
)


def test_service() -> None:
    address = parse_url("oracle://c%23%23mig:p%40ss%2F@db.example:1522/ORCLPDB1")
    assert address.driver_parameters() == {
        "user": "c##mig",
        "password": "p@ss/",
        "host": "db.example",
        "port": 1522,
        "service_name": "ORCLPDB1",
    }
    assert address.where == "db.example:1522/ORCLPDB1"


def test_sid_alias_and_descriptor() -> None:
    assert parse_url("oracle://u:p@h?sid=ORCL").driver_parameters() == {
        "user": "u", "password": "p", "host": "h", "port": 1521, "sid": "ORCL"
    }  # fmt: skip
    assert parse_url("oracle://u:p@?dsn=prod_high&config_dir=/tns").driver_parameters() == {
        "user": "u", "password": "p", "dsn": "prod_high", "config_dir": "/tns"
    }  # fmt: skip
    url = to_url(user="u", password="p", parameters={"dsn": DESCRIPTOR, "wallet_password": "w&=#"})
    address = parse_url(url)
    assert address.dsn == DESCRIPTOR
    assert address.options == {"wallet_password": "w&=#"}
    assert address.where == "db.example:2484/pdb1.example"


def test_each_description_of_a_list_names_the_instance_in_its_own_way() -> None:
    one = "(DESCRIPTION=(ADDRESS=(HOST={})(PORT=1521))(CONNECT_DATA=({}=S)(INSTANCE_NAME=S1)))"
    both = f"(DESCRIPTION_LIST={one.format('a', 'SERVICE_NAME')}{one.format('b', 'SID')})"
    assert parse_url(to_url(user="u", password="p", parameters={"dsn": both})).dsn == both


@pytest.mark.parametrize("port", [1, 65535])
def test_the_first_and_the_last_port(port: int) -> None:
    assert parse_url(f"oracle://u:p@h:{port}/S").port == port


def test_options_have_types() -> None:
    address = parse_url("oracle://u:p@h/S?protocol=TCPS&ssl_server_dn_match=no&expire_time=5&mode=sysdba&purity=new")
    assert address.options == {
        "protocol": "tcps",
        "ssl_server_dn_match": False,
        "expire_time": 5,
        "mode": oracledb.AuthMode.SYSDBA,
        "purity": oracledb.Purity.NEW,
    }


def test_the_root_is_another_service() -> None:
    address = parse_url("oracle://u:p@h/PDB?cdb_service=CDB")
    assert address.driver_parameters(root=True)["service_name"] == "CDB"
    assert address.driver_parameters()["service_name"] == "PDB"
    address = parse_url(to_url(user="u", parameters={"dsn": DESCRIPTOR, "cdb_service": "cdb1"}))
    assert "(SERVICE_NAME=cdb1)" in address.driver_parameters(root=True)["dsn"]


def test_the_instances_of_a_cluster() -> None:
    address = parse_url("oracle://u:p@scan:1521/PDB?instances=one,two:1522,[fe80::1]:1523")
    assert address.instances == ("one", "two:1522", "[fe80::1]:1523")
    places = [address.driver_parameters(instance=each) for each in address.instances]
    assert [(place["host"], place["port"], place["service_name"]) for place in places] == [
        ("one", 1521, "PDB"),
        ("two", 1522, "PDB"),
        ("fe80::1", 1523, "PDB"),
    ]
    assert address.driver_parameters()["host"] == "scan"
    address = parse_url("oracle://u:p@?dsn=prod&instances=prod1,prod2")
    assert [address.driver_parameters(instance=each)["dsn"] for each in address.instances] == ["prod1", "prod2"]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("oracle://u:s3cret@h/SERVICE?sid=S", "named in more than one way: a service name and a SID"),
        ("oracle://u:s3cret@h/?sid=S&dsn=ALIAS", "a SID and a TNS descriptor or alias"),
        ("oracle://u:s3cret@h/SERVICE?dsn=ALIAS", "more than one way"),
        ("oracle://u:s3cret@h?dsn=ALIAS", "a host is given beside"),
        ("oracle://u:s3cret@h", "not named"),
        ("oracle://u:s3cret@/SERVICE", "no host"),
        ("oracle://h/SERVICE", "no user"),
        ("oracle://u:s3cret@h/S?nonsense=1", "'nonsense', which is not known"),
        ("oracle://u:s3cret@h/S?expire_time=soon", "expire_time: a number is wanted"),
        ("oracle://u:s3cret@h/S?mode=emperor", "mode: one of"),
        ("oracle://u:s3cret@h/S?instances=a,b/S", "instances: host:port is wanted"),
        ("oracle://u:s3cret@h/S?instances=a:x", "instances: "),
        ("oracle://u:s3cret@h/S?instances=u:s3cret@a", "instances: host:port is wanted"),
        ("oracle://u:s3cret@?dsn=prod&instances=prod1,u/s3cret@prod2", "instances holds an @"),
        ("oracle://u:s3cret@?dsn=u/s3cret@prod", "dsn holds an @"),
        ("oracle://u:s3cret@h/S?sid=a&sid=b", "twice"),
        ("oracle://u:s3cret@?dsn=A&protocol=tcps", "protocol beside"),
        ("oracle://u:s3cret@h/S?thick_lib_dir=/x", "without thick=true"),
        ("oracle://u:s3cret@h/S?cdb=maybe", "auto, no or switch"),
        ("oracle://u:s3cret@h:port/S", "port is not one"),
        ("oracle://u:s3cret@h:0/S", "port is not one: 1 to 65535"),
        ("oracle://u:s3cret@h:65536/S", "port is not one: 1 to 65535"),
        (to_url(user="u", password="s3cret", host="h", port=0, service="S"), "port is not one: 1 to 65535"),
        ("oracle://u:s3cret@h/S?instances=a:1521,b:0", "instances: a port is 1 to 65535"),
        ("oracle://u:s3cret@[h/S", "not a valid"),
        (
            "oracle://u:s3cret@?dsn=(DESCRIPTION=(ADDRESS=(HOST=h))(CONNECT_DATA=(SID=A)(SERVICE_NAME=B)))",
            "descriptor names the instance in more than one way: SERVICE_NAME and SID",
        ),
        ("oracle://u:s3cret@?dsn=(CONNECT_DATA=( service_name = B)(sid =A))", "in more than one way: SERVICE_NAME and SID"),
        ("oracle://u:s3cret#x@h/S", "port is not one"),
        ("postgresql://u:s3cret@h/S", "must begin with oracle://"),
    ],
)
def test_what_is_wrong_is_said_without_the_secret(url: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        OracleDatabase.from_url(url, side=Side.SOURCE, migration="m")
    assert "s3cret" not in str(raised.value)
    assert "source.url" in str(raised.value)


def test_no_secret_in_repr() -> None:
    database = OracleDatabase.from_url("oracle://u:s3cret@h/S?wallet_password=w4llet", side=Side.SOURCE, migration="m")
    for text in (repr(database), str(database), database.where):
        assert "s3cret" not in text
        assert "w4llet" not in text
    assert database.user == "u"


def test_settings_are_one_statement() -> None:
    assert "NLS_TIMESTAMP_TZ_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM'" in alter_settings()
    assert "NLS_DATE_FORMAT = 'SYYYY-MM-DD HH24:MI:SS'" in alter_settings(SIGNED_YEARS)
    assert alter_settings(SIGNED_YEARS).count("NLS_DATE_FORMAT") == 1


@pytest.mark.parametrize(("user", "common"), [("c##mig", True), ('"C##MIG"', True), ("mig", False)])
def test_common_users(user: str, common: bool) -> None:
    database = OracleDatabase.from_parameters(side=Side.SOURCE, migration="m", user=user, password="p", host="h", service="s")
    assert database.common_user is common
