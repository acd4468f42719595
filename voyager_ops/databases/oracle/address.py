"""Where an Oracle database is: from an ``oracle://`` URL to the driver's parameters, and from parts to such a URL.

``oracle://user:password@host:1521/SERVICE?wallet_location=/wallet&protocol=tcps``. The instance is named in exactly one way: the
path is a service name; ``?sid=`` a SID; ``?dsn=`` a whole TNS descriptor, an alias of tnsnames.ora or an Easy Connect text, and
then there is no host.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import oracledb

from voyager_ops.errors import ConfigError

SCHEME: Final = "oracle"
DEFAULT_PORT: Final = 1521
Root = Literal["auto", "no", "switch"]


def _flag(text: str) -> bool:
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off"):
        return False
    raise ValueError("true or false is wanted")


def _names(members: type[Enum]) -> list[str]:
    return [name.lower() for name in members.__members__]


def _mode(text: str) -> oracledb.AuthMode:
    try:
        return oracledb.AuthMode[text.upper().removeprefix("AUTH_MODE_")]
    except KeyError:
        raise ValueError(f"one of {', '.join(_names(oracledb.AuthMode))} is wanted") from None


def _purity(text: str) -> oracledb.Purity:
    try:
        return oracledb.Purity[text.upper()]
    except KeyError:
        raise ValueError(f"one of {', '.join(_names(oracledb.Purity))} is wanted") from None


def _protocol(text: str) -> str:
    if text.lower() not in ("tcp", "tcps"):
        raise ValueError("tcp or tcps is wanted")
    return text.lower()


OPTIONS: Final[Mapping[str, Callable[[str], Any]]] = {
    "protocol": _protocol,
    "wallet_location": str,
    "wallet_password": str,
    "ssl_server_dn_match": _flag,
    "ssl_server_cert_dn": str,
    "use_sni": _flag,
    "config_dir": str,
    "tcp_connect_timeout": float,
    "expire_time": int,
    "retry_count": int,
    "retry_delay": int,
    "https_proxy": str,
    "https_proxy_port": int,
    "cclass": str,
    "purity": _purity,
    "mode": _mode,
    "sdu": int,
    "stmtcachesize": int,
    "disable_oob": _flag,
    "events": _flag,
    "edition": str,
}
"""Parameters of the driver that a URL may hold, and how each is read."""

OURS: Final = frozenset({"sid", "dsn", "thick", "thick_lib_dir", "thick_config_dir", "cdb", "cdb_service", "instances"})
_FOR_NETWORK: Final = frozenset({"protocol", "https_proxy", "https_proxy_port"})
"""What a descriptor says itself."""


@dataclass(frozen=True)
class Address:
    """A database's place and who connects to it. Exactly one of ``service``, ``sid`` and ``dsn`` is not ''.

    ``root``: how a session in CDB$ROOT is had for mining. ``auto``: by ALTER SESSION SET CONTAINER where the user is a common one
    in a pluggable database; ``no``: never; ``switch``: always. ``root_service`` ('' none) is a service of the root to connect to
    instead. ``instances``: of a cluster, where each of them is: host:port, or beside ``dsn`` what else may stand there.
    """

    user: str
    password: str = field(default="", repr=False)
    host: str = ""
    port: int = DEFAULT_PORT
    service: str = ""
    sid: str = ""
    dsn: str = field(default="", repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    thick: bool = False
    thick_lib_dir: str = ""
    thick_config_dir: str = ""
    root: Root = "auto"
    root_service: str = ""
    instances: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """For messages: host:port/service, the alias, or what of a descriptor names the instance. No user, no secret."""
        if not self.dsn:
            host = f"[{self.host}]" if ":" in self.host else self.host
            return f"{host}:{self.port}/{self.service}" if self.service else f"{host}:{self.port}:{self.sid}"
        if "(" not in self.dsn:
            return self.dsn.rpartition("@")[2]
        parts = {key: _within(self.dsn, key) for key in ("HOST", "PORT", "SERVICE_NAME", "SID")}
        return f"{parts['HOST'] or 'descriptor'}:{parts['PORT'] or DEFAULT_PORT}/{parts['SERVICE_NAME'] or parts['SID'] or ''}"

    def driver_parameters(self, *, root: bool = False, instance: str = "") -> dict[str, Any]:
        """Arguments of ``oracledb.connect`` that say where and who. They hold the password: never print them. ``instance``: one
        of :attr:`instances`, '' for any."""
        if instance:
            place = {"dsn": instance} if self.dsn else dict(zip(("host", "port"), _place(instance), strict=True))
            return replace(self, **place).driver_parameters()
        parameters: dict[str, Any] = {"user": self.user or None, "password": self.password or None, **self.options}
        if not self.user:
            parameters["externalauth"] = True
        if root and self.root_service:
            if self.dsn:
                parameters["dsn"] = _other_service(self.dsn, self.root_service)
            else:
                parameters |= {"host": self.host, "port": self.port, "service_name": self.root_service}
        elif self.dsn:
            parameters["dsn"] = self.dsn
        else:
            parameters |= {"host": self.host, "port": self.port}
            parameters |= {"service_name": self.service} if self.service else {"sid": self.sid}
        return parameters


def _place(instance: str) -> tuple[str, int]:
    """Host and port. Raises ValueError."""
    parts = urlsplit(f"//{instance}")
    if not parts.hostname or parts.path or parts.query or parts.username is not None:
        raise ValueError("host:port is wanted, several separated by commas")
    return parts.hostname, _port(parts.port)


def _port(port: int | None) -> int:
    """1 to 65535; Oracle's where none is given. Raises ValueError."""
    if port is None:
        return DEFAULT_PORT
    if not 0 < port < 1 << 16:
        raise ValueError("a port is 1 to 65535")
    return port


def _within(descriptor: str, key: str) -> str:
    found = re.search(rf"\(\s*{key}\s*=\s*([^()]*?)\s*\)", descriptor, re.IGNORECASE)
    return found[1] if found else ""


def _ways(descriptor: str) -> list[str]:
    """How the CONNECT_DATA of a descriptor that names the instance in most ways does so; none where it has none."""
    named = [
        [key for key in ("SERVICE_NAME", "SID") if re.search(rf"\(\s*{key}\s*=", data, re.IGNORECASE)]
        for data in re.split(r"\(\s*CONNECT_DATA\s*=", descriptor, flags=re.IGNORECASE)[1:]
    ]
    return max(named, key=len, default=[])


def _other_service(dsn: str, service: str) -> str:
    """The descriptor with another service; an alias or Easy Connect text cannot be changed, so ``service`` is one itself."""
    changed, count = re.subn(r"\(\s*SERVICE_NAME\s*=[^()]*\)", lambda _: f"(SERVICE_NAME={service})", dsn, flags=re.IGNORECASE)
    return changed if count else service


def parse_url(url: str, *, key: str = "url") -> Address:
    """Read an ``oracle://`` URL. Raises ConfigError, which names ``key`` and never echoes the URL."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise ConfigError("not a valid database URL", key=key) from None
    try:
        port = _port(parts.port)
    except ValueError:
        why = "the URL's port is not one: 1 to 65535 is wanted"
        raise ConfigError(why, key=key, next_step="in a password, / ? and # are written as %2F %3F %23") from None
    if parts.scheme != SCHEME:
        raise ConfigError("url must begin with oracle://", key=key)
    if parts.fragment:
        raise ConfigError("a # in a URL must be written as %23", key=key)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    query = dict(pairs)
    if len(query) != len(pairs):
        raise ConfigError("a parameter of the URL is given twice", key=key)
    for name in query:
        if name not in OPTIONS and name not in OURS:
            raise ConfigError(f"the URL has the parameter {name!r}, which is not known", key=key, next_step=_known())
    values: dict[str, Any] = {name: _read(OPTIONS[name], name, query[name], key) for name in query if name in OPTIONS}
    root = query.get("cdb", "auto")
    if root not in ("auto", "no", "switch"):
        raise ConfigError("the URL's parameter cdb: auto, no or switch is wanted", key=key)
    address = Address(
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        host=unquote(host),
        port=port,
        service=unquote(parts.path.removeprefix("/")),
        sid=query.get("sid", ""),
        dsn=query.get("dsn", ""),
        options=values,
        thick=_read(_flag, "thick", query.get("thick", "false"), key),
        thick_lib_dir=query.get("thick_lib_dir", ""),
        thick_config_dir=query.get("thick_config_dir", ""),
        root=root,  # type: ignore[arg-type]  # one of the three, looked at just above
        root_service=query.get("cdb_service", ""),
        instances=tuple(each.strip() for each in query.get("instances", "").split(",") if each.strip()),
    )
    check(address, key)
    return address


def _read(reader: Callable[[str], Any], name: str, value: str, key: str) -> Any:
    try:
        return reader(value)
    except ValueError as error:
        why = "a number is wanted" if reader in (int, float) else str(error)
        raise ConfigError(f"the URL's parameter {name}: {why}", key=key) from None


def _known() -> str:
    return f"known are {', '.join(sorted([*OPTIONS, *OURS]))}"


def check(address: Address, key: str) -> None:
    """Raise ConfigError unless the instance is named in exactly one way and nothing contradicts that."""
    named = {"a service name": address.service, "a SID": address.sid, "a TNS descriptor or alias": address.dsn}
    ways = [way for way, name in named.items() if name]
    wanted = "name the instance in one way: a service name (the URL's path), ?sid=, or ?dsn= (a TNS descriptor or alias)"
    if len(ways) > 1:
        raise ConfigError(f"the instance is named in more than one way: {' and '.join(ways)}", key=key, next_step=wanted)
    if not ways:
        raise ConfigError(
            "the instance is not named: no service name, no SID, no TNS descriptor or alias", key=key, next_step=wanted
        )
    if len(ways := _ways(address.dsn)) > 1:
        what = f"the descriptor names the instance in more than one way: {' and '.join(ways)}"
        raise ConfigError(what, key=key, next_step="leave one of them in its CONNECT_DATA")
    if address.dsn and address.host:
        raise ConfigError(
            "a host is given beside a TNS descriptor or alias, which says the host itself", key=key, next_step=wanted
        )
    if not address.dsn and not address.host:
        raise ConfigError("there is no host", key=key, next_step="write oracle://user:password@host:1521/SERVICE")
    if address.dsn and (clash := sorted(_FOR_NETWORK & address.options.keys())):
        raise ConfigError(f"{', '.join(clash)} beside a TNS descriptor or alias, which says that itself", key=key)
    for instance in () if address.dsn else address.instances:
        _read(_place, "instances", instance, key)
    for name, texts in (("dsn", (address.dsn,)), ("instances", address.instances)):
        if any("@" in text for text in texts):  # such texts are shown when what they name cannot be reached
            raise ConfigError(
                f"the URL's parameter {name} holds an @: user and password stand at the URL's beginning, and nowhere else",
                key=key,
            )
    if not address.user and not address.thick:
        raise ConfigError("there is no user", key=key, next_step="write oracle://user:password@host:1521/SERVICE")
    if (address.thick_lib_dir or address.thick_config_dir) and not address.thick:
        raise ConfigError("thick_lib_dir and thick_config_dir mean nothing without thick=true", key=key)


def to_url(
    *,
    user: str,
    password: str = "",
    host: str = "",
    port: int | None = None,
    service: str = "",
    parameters: Mapping[str, str] | None = None,
) -> str:
    """Compose a URL that :func:`parse_url` reads back. Holds the password: never log it."""
    login = quote(user, safe="")
    if password:
        login += ":" + quote(password, safe="")
    place = f"[{host}]" if ":" in host else quote(host, safe="")
    if host:
        place += f":{DEFAULT_PORT if port is None else port}"
    query = f"?{urlencode(dict(parameters), quote_via=quote)}" if parameters else ""
    return f"{SCHEME}://{login}{'@' if login else ''}{place}/{quote(service, safe='')}{query}"
