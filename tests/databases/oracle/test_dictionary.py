from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from voyager_ops.databases.oracle.dictionary import ROW_CLASSES, VIEWS, Dictionary, _without_internal, queries
from voyager_ops.databases.oracle.dictionary_rows import (
    ColumnRow,
    IndexRow,
    ObjectRow,
    SequenceRow,
    TableRow,
    TriggerRow,
    ViewRow,
)
from voyager_ops.errors import PreconditionError


def _write(path: Path, header: list[str], *lines: list[str]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *lines])


def test_every_view_has_a_query_that_names_the_fields_of_its_class() -> None:
    texts = queries()
    assert set(texts) == set(VIEWS)
    for view, text in texts.items():
        found = re.search(r"SELECT (.*?)\nFROM", text, re.DOTALL)
        assert found is not None
        names = [item.strip().split(" AS ")[-1].strip('"').lower() for item in found[1].split(",")]
        assert names == list(ROW_CLASSES[view].__dataclass_fields__), view
        assert "ORDER BY" in text
        assert (":owner" in text) == (view != "nls_database_parameters"), view


def test_csv_keeps_long_text_null_and_long_numbers(tmp_path: Path) -> None:
    view = ViewRow("HR", "V", "SELECT \"a,b\"\nFROM t WHERE x = '\r\n'")
    written = Dictionary(
        owners=("HR",),
        objects=(ObjectRow("HR", "V", "VIEW", object_id=7),),
        tab_cols=(ColumnRow("HR", "V", "A", "NUMBER", column_id=1),),
        sequences=(SequenceRow("HR", "S", 1, 9999999999999999999999999999, 1, last_number=21),),
        views=(view,),
    )
    written.to_csv(tmp_path)
    read = Dictionary.from_csv(tmp_path)
    assert read == written
    assert read.missing == ()
    assert read.sequences[0].cache_size is None


def test_an_extract_made_by_others_is_read(tmp_path: Path) -> None:
    header = ["TABLE_NAME", "OWNER", "COLUMN_NAME", "DATA_TYPE", "NUM_BUCKETS", "COLUMN_ID"]
    _write(tmp_path / "ALL_TAB_COLS.CSV", header, ["T", "HR", "A", "NUMBER", "254", "1"], ["U", "SH", "B", "DATE", "", "1"])
    _write(tmp_path / "DBA_tables.csv", ["OWNER", "TABLE_NAME"], ["HR", "T"], ["SH", "U"])
    read = Dictionary.from_csv(tmp_path, ["HR"])
    assert read.tab_cols == (ColumnRow("HR", "T", "A", "NUMBER", column_id=1),)
    assert read.tables == (TableRow("HR", "T"),)
    assert "views" in read.missing
    assert Dictionary.from_csv(tmp_path).owners == ("HR", "SH")


def test_an_extract_without_what_is_needed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PreconditionError, match="no dictionary extract"):
        Dictionary.from_csv(tmp_path)
    _write(tmp_path / "tab_cols.csv", ["OWNER", "TABLE_NAME"], ["HR", "T"])
    with pytest.raises(PreconditionError, match="COLUMN_NAME"):
        Dictionary.from_csv(tmp_path)


def test_an_extract_with_other_separators_and_empty_files_is_read(tmp_path: Path) -> None:
    for separator in ";\t|":
        (tmp_path / "tab_cols.csv").write_text(
            separator.join(("OWNER", "TABLE_NAME", "COLUMN_NAME", "DATA_TYPE", "DATA_DEFAULT"))
            + "\n"
            + separator.join(("HR", "T", "C", "VARCHAR2", "\"'a,b'\""))
            + "\n"
        )
        (tmp_path / "views.csv").write_text("")
        read = Dictionary.from_csv(tmp_path, ["HR"])
        assert [(row.column_name, row.data_default) for row in read.tab_cols] == [("C", "'a,b'")]
        assert read.views == ()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"OWNER,TABLE_NAME,COLUMN_NAME,DATA_TYPE,COLUMN_ID\nHR,T,C,DATE,NULL\n", "NULL is written as nothing"),
        (b"OWNER,TABLE_NAME,COLUMN_NAME,DATA_TYPE,COLUMN_ID\nHR,T\n", "too few values"),
        (b"OWNER,TABLE_NAME,COLUMN_NAME,DATA_TYPE,COLUMN_ID\nHR,T,\xe9,DATE,1\n", "utf-8"),
    ],
)
def test_an_extract_that_is_damaged_is_refused_with_its_file(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "tab_cols.csv").write_bytes(content)
    with pytest.raises(PreconditionError, match=rf"tab_cols\.csv cannot be read.*{words}"):
        Dictionary.from_csv(tmp_path)


def test_what_oracle_made_for_itself_is_left_out_and_listed(tmp_path: Path) -> None:
    internal = ["MLOG$_T", "DR$IX$I", "BIN$abc==$0", "SYS_IOT_OVER_77", "AQ$_Q_S", "MDRS_1F2A$", "SYS_FBA_TCRV_77"]
    internal += ["SYS_JOURNAL_78", "SYS_RESERVJRNL_77", "VECTOR$IX$77_78_0$IVF_FLAT_CENTROIDS"]
    Dictionary(
        owners=("HR",),
        objects=tuple(ObjectRow("HR", name, "TABLE") for name in ("T", "MV", *internal)),
        tables=(
            TableRow("HR", "T"),
            TableRow("HR", "MV"),
            TableRow("HR", "NT", nested="YES"),
            *(TableRow("HR", i) for i in internal),
        ),
        tab_cols=tuple(ColumnRow("HR", name, "A", "NUMBER") for name in ("T", "MV", "NT", *internal)),
        indexes=(IndexRow("HR", "I_SNAP$_MV", "NORMAL", "HR", "MV"), IndexRow("HR", "I", "NORMAL", "HR", "MV")),
    ).to_csv(tmp_path)
    _write(tmp_path / "mviews.csv", ["OWNER", "MVIEW_NAME", "QUERY"], ["HR", "MV", "SELECT 1 FROM dual"])
    read = Dictionary.from_csv(tmp_path)
    assert [row.table_name for row in read.tables] == ["T"]
    assert [row.object_name for row in read.objects] == ["T"]
    assert [row.table_name for row in read.tab_cols] == ["T", "MV"]
    assert [row.index_name for row in read.indexes] == ["I"]
    assert {item.name for item in read.excluded} == {"NT", "I_SNAP$_MV", *internal}
    read.to_csv(tmp_path / "again")
    assert Dictionary.from_csv(tmp_path / "again") == read


def test_what_a_table_brought_back_out_of_the_recycle_bin_with_it_is_the_users() -> None:
    """FLASHBACK TABLE … TO BEFORE DROP gives the table its name again, its indexes and triggers keep the bin's."""
    dropped, index, of_dropped, trigger = (f"BIN${n}abc==$0" for n in range(4))
    read = _without_internal(
        ("HR",),
        {
            "objects": (
                *(ObjectRow("HR", name, "TABLE") for name in ("T", dropped)),
                *(ObjectRow("HR", name, "INDEX") for name in (index, of_dropped)),
                ObjectRow("HR", trigger, "TRIGGER"),
            ),
            "tables": (TableRow("HR", "T"),),
            "tab_cols": (ColumnRow("HR", "T", "A", "NUMBER"), ColumnRow("HR", dropped, "A", "NUMBER")),
            "indexes": (
                IndexRow("HR", index, "NORMAL", "HR", "T"),
                IndexRow("HR", of_dropped, "NORMAL", "HR", dropped),
            ),
            "triggers": (TriggerRow("HR", trigger, table_owner="HR", table_name="T"),),
        },
        missing=(),
    )
    assert {row.object_name for row in read.objects} == {"T", index, trigger}
    assert [row.index_name for row in read.indexes] == [index]
    assert [row.trigger_name for row in read.triggers] == [trigger]
    assert {item.name for item in read.excluded} == {dropped, of_dropped}
