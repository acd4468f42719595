"""A lane over TLS, certificates verified: snapshot (asyncpg), capture (replication) and apply, on the system's PostgreSQL 15."""

from __future__ import annotations

import datetime
import ipaddress
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.conftest import Database, create_database, drop_database
from tests.lane.seam import SeamLane
from voyager_ops.databases.postgres.database import PostgresDatabase
from voyager_ops.errors import ConnectionFailed
from voyager_ops.model.positions import Side
from voyager_ops.testing.postgres import Cluster, system_installations


@dataclass(frozen=True)
class TlsDatabase(Database):
    """A database whose URL insists on TLS and on the certificate."""

    root: Path

    @property
    def url(self) -> str:
        return f"{self.cluster.dsn(self.name)}?sslmode=verify-full&sslrootcert={self.root}"


def certificate(directory: Path) -> tuple[bytes, bytes]:
    """A self-signed certificate for the loopback address, and its key (PEM)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "voyager-ops test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (directory / "root.crt").write_bytes(pem)
    return pem, secret


@pytest.fixture(scope="module")
def tls_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cluster, Path]]:
    bin_dir = system_installations().get(15)
    if bin_dir is None:
        pytest.skip("PostgreSQL 15 with OpenSSL is not installed on this system")
    directory = tmp_path_factory.mktemp("tls")
    pem, secret = certificate(directory)
    with Cluster("tls", bin_dir=bin_dir) as cluster:
        owner = os.stat(cluster.data)
        for name, content in (("server.crt", pem), ("server.key", secret)):
            path = cluster.data / name
            path.write_bytes(content)
            path.chmod(0o600)
            if os.geteuid() == 0:
                os.chown(path, owner.st_uid, owner.st_gid)
        cluster.settings["ssl"] = "on"
        cluster.restart()
        yield cluster, directory / "root.crt"


@pytest.fixture
def databases(tls_cluster: tuple[Cluster, Path]) -> Iterator[tuple[Database, Database]]:
    cluster, root = tls_cluster
    made = [create_database(cluster) for _ in range(2)]
    source, target = (TlsDatabase(cluster, database.name, root) for database in made)
    yield source, target
    for database in made:
        drop_database(database)


def test_a_lane_over_tls(databases: tuple[Database, Database], tmp_path: Path) -> None:
    setup = "CREATE TABLE items (id int PRIMARY KEY, v text); INSERT INTO items SELECT i, 'v' FROM generate_series(1, 2000) i"
    lane = SeamLane(*databases, tmp_path, setup, "", chunk_size=32 << 10)
    lane.prepare()
    chunks = lane.plan()
    lane.copy(chunks[:1])
    lane.source("UPDATE items SET v = 'w' WHERE id % 10 = 0")
    lane.copy(chunks[1:])
    with lane.streaming():
        lane.source("DELETE FROM items WHERE id % 7 = 0")
        with databases[0].connect() as connection:
            sessions = connection.execute(
                "SELECT application_name, ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
                " WHERE application_name LIKE 'voyager-ops/%'"
            ).fetchall()
        assert sessions
        assert all(ssl for _, ssl in sessions), sessions
    assert lane.differences() == {}


def test_a_certificate_that_does_not_fit_is_refused(databases: tuple[Database, Database], tmp_path: Path) -> None:
    certificate(tmp_path)  # another root
    url = databases[0].url.rpartition("=")[0] + f"={tmp_path / 'root.crt'}"
    database = PostgresDatabase.from_url(url, side=Side.SOURCE, migration="tls")
    with pytest.raises(ConnectionFailed, match="certificate verify failed"):
        database.connect("test")
    assert psycopg.connect(databases[0].url).info.get_parameters()["sslmode"] == "verify-full"
