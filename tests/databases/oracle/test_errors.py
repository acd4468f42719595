from __future__ import annotations

import socket

import oracledb
import pytest

from voyager_ops.databases.oracle.database import OracleDatabase
from voyager_ops.databases.oracle.errors import is_disconnect, is_passing, message_of, ora_code, translate
from voyager_ops.errors import ConnectionFailed, PreconditionError, RetryableError, VoyagerOpsError
from voyager_ops.model.positions import Side


class Details:
    """The shape of what the driver puts into an exception's first argument."""

    def __init__(self, full_code: str, message: str) -> None:
        self.full_code = full_code
        self.message = message


def failure(full_code: str, message: str = "") -> oracledb.Error:
    return oracledb.DatabaseError(Details(full_code, message or f"{full_code}: words"))


@pytest.mark.parametrize(
    ("full_code", "code", "passing", "becomes"),
    [
        ("ORA-00942", 942, False, PreconditionError),
        ("ORA-01017", 1017, False, PreconditionError),
        ("ORA-01555", 1555, True, RetryableError),
        ("ORA-00060", 60, True, RetryableError),
        ("ORA-01291", 1291, True, RetryableError),
        ("ORA-03113", 3113, True, ConnectionFailed),
        ("DPY-4011", None, True, ConnectionFailed),
        ("ORA-00001", 1, False, VoyagerOpsError),
        ("DPY-3022", None, False, VoyagerOpsError),
    ],
)
def test_codes(full_code: str, code: int | None, passing: bool, becomes: type[VoyagerOpsError]) -> None:
    error = failure(full_code)
    assert ora_code(error) == code
    assert is_passing(error) is passing
    translated = translate(error, "reading hr.t", "nothing was changed", "again")
    assert type(translated) is becomes
    assert f"reading hr.t: {full_code}" in str(translated)


def test_the_listeners_refusal_inside_the_drivers_own_error() -> None:
    error = failure("DPY-6005", "DPY-6005: cannot connect to database.\nORA-12514: no such service\nHelp: https://example/")
    assert ora_code(error) == 12514
    assert is_disconnect(error)
    assert "Help" not in message_of(error)


def test_what_is_not_oracles() -> None:
    assert ora_code(ValueError("ORA-00942")) is None
    assert is_disconnect(ConnectionResetError())


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    database = OracleDatabase.from_url(f"oracle://u:s3cret@127.0.0.1:{port}/S", side=Side.SOURCE, migration="m")
    with pytest.raises(ConnectionFailed, match=f"cannot connect to the source database 127.0.0.1:{port}/S") as raised:
        database.connect("test")
    assert "s3cret" not in str(raised.value)
