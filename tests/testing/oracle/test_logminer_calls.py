"""Blocks of DBMS_LOGMNR calls as clients write them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from voyager_ops.testing.oracle.engine import BindValue, OracleError, Timestamp
from voyager_ops.testing.oracle.logminer import CONSTANTS
from voyager_ops.testing.oracle.logminer_calls import Call, number_argument, parse_block, time_argument


def parse(text: str, **binds: BindValue) -> list[Call] | None:
    return parse_block(text, binds, CONSTANTS)


def test_arguments_by_name_and_by_position() -> None:
    calls = parse(
        """BEGIN -- a comment
           sys.dbms_logmnr.add_logfile(LOGFILENAME => '/a''b.log', OPTIONS => DBMS_LOGMNR.ADDFILE);
           DBMS_LOGMNR.ADD_LOGFILE(:NAME, sys.dbms_logmnr.new); /* another */
           SYS.DBMS_LOGMNR.END_LOGMNR();
           dbms_logmnr.end_logmnr;
         END;""",
        NAME="x.log",
    )
    assert calls is not None
    assert [call.name for call in calls] == ["ADD_LOGFILE", "ADD_LOGFILE", "END_LOGMNR", "END_LOGMNR"]
    assert [call.argument("LOGFILENAME", 0) for call in calls] == ["/a'b.log", "x.log", None, None]
    assert [call.argument("OPTIONS", 1) for call in calls] == [Decimal(3), Decimal(1), None, None]


def test_options_are_sums_and_times_are_dates() -> None:
    calls = parse(
        "BEGIN DBMS_LOGMNR.START_LOGMNR(startScn => '12', endScn => 13,"
        " starttime => TO_DATE('2024-05-06 07:08:09', 'YYYY-MM-DD HH24:MI:SS'), endtime => NULL,"
        " options => DBMS_LOGMNR.DICT_FROM_ONLINE_CATALOG + DBMS_LOGMNR.NO_ROWID_IN_STMT + 4); END;"
    )
    assert calls is not None
    (call,) = calls
    assert number_argument(call.argument("STARTSCN", 0)) == 12
    assert number_argument(call.argument("ENDSCN", 1)) == 13
    assert call.argument("STARTTIME", 2) == Timestamp(2024, 5, 6, 7, 8, 9)
    assert time_argument(call.argument("ENDTIME", 3)) is None
    assert number_argument(call.argument("OPTIONS", 5)) == 16 + 2048 + 4
    assert parse("CALL DBMS_LOGMNR.END_LOGMNR()") == [Call("END_LOGMNR", (), {})]


@pytest.mark.parametrize(
    "text",
    [
        "BEGIN NULL; END;",
        "BEGIN END;",
        "BEGIN DBMS_LOGMNR.END_LOGMNR; x := 1; END;",
        "DECLARE n NUMBER; BEGIN DBMS_LOGMNR.END_LOGMNR; END;",
        "BEGIN DBMS_LOGMNR.END_LOGMNR; END; SELECT",
        "SELECT 1 FROM DUAL",
    ],
)
def test_blocks_of_others_are_left_to_them(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("BEGIN DBMS_LOGMNR.ADD_LOGFILE('a'", 6550),
        ("BEGIN DBMS_LOGMNR.ADD_LOGFILE(other); END;", 6550),
        ("BEGIN DBMS_LOGMNR.ADD_LOGFILE('a', DBMS_LOGMNR.MAYBE); END;", 6550),
        ("BEGIN DBMS_LOGMNR.ADD_LOGFILE(:missing); END;", 1008),
        ("BEGIN DBMS_LOGMNR.START_LOGMNR(starttime => TO_DATE('x', 'YYYY-MM-DD HH24:MI:SS')); END;", 1861),
        ("BEGIN DBMS_LOGMNR.START_LOGMNR(starttime => TO_DATE('1', 'J')); END;", 1821),
    ],
)
def test_errors(text: str, code: int) -> None:
    with pytest.raises(OracleError) as caught:
        parse(text)
    assert caught.value.code == code
    with pytest.raises(OracleError, match="ORA-06502"):
        number_argument("twelve")
