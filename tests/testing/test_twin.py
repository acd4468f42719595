"""The Oracle twin of the sample shop holds every type that is migrated, in every form of it, and rows with all its values."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from voyager_ops.databases.oracle.types import MIGRATED, OracleType, reread, streamable
from voyager_ops.testing.oracle.simulator import Simulator
from voyager_ops.testing.postgres import Cluster
from voyager_ops.testing.twin import SCHEMA, load_samples
from voyager_ops.testing.twin.samples import SAMPLES, sample_rows
from voyager_ops.testing.twin.sessions import Typed, connect_oracle

Columns = dict[str, dict[str, OracleType]]

Form = Callable[[OracleType], bool]


def _exactly(name: str, **wanted: object) -> Form:
    return lambda type_: type_.name == name and all(getattr(type_, part) == value for part, value in wanted.items())


def _logged(name: str, *, again: bool) -> Form:
    return lambda type_: type_.name == name and reread(type_) == again


FORMS: dict[str, Form] = {
    **{f"NUMBER({digits})": _exactly("NUMBER", precision=digits, scale=0) for digits in (4, 9, 18, 19, 38)},
    "NUMBER": _exactly("NUMBER", precision=None, scale=None),
    "INTEGER": _exactly("NUMBER", precision=None, scale=0),
    "NUMBER(*,s)": _exactly("NUMBER", precision=None, scale=2),
    "NUMBER(p,s)": _exactly("NUMBER", precision=20, scale=6),
    "NUMBER(p,s), s > p": _exactly("NUMBER", precision=3, scale=5),
    "NUMBER(p,-s)": _exactly("NUMBER", precision=5, scale=-2),
    **{f"{name}, in the redo": _logged(name, again=False) for name in ("VARCHAR2", "NVARCHAR2", "RAW")},
    **{f"{name}, read again": _logged(name, again=True) for name in ("VARCHAR2", "NVARCHAR2", "RAW")},
    **{f"VARCHAR2, lengths in {used}": _exactly("VARCHAR2", char_used=used) for used in ("B", "C")},
    **{
        f"{name}({digits})": _exactly(name, scale=digits)
        for name in ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP WITH LOCAL TIME ZONE", "INTERVAL DAY TO SECOND")
        for digits in (6, 9)
    },
    "TIMESTAMP(0)": _exactly("TIMESTAMP", scale=0),
}
"""What the table of types treats in a way of its own beside the name."""


@pytest.fixture(scope="module")
def columns(source_cluster: Cluster) -> Columns:
    """Of the samples' tables, as the dictionary has them; without the keys."""
    found: Columns = {}
    with Simulator({SCHEMA: ""}, profile="23ai", cluster=source_cluster) as oracle:
        load_samples(oracle.url(SCHEMA), 0.01)
        connection = connect_oracle(oracle.url(SCHEMA))
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, DATA_LENGTH, DATA_PRECISION, DATA_SCALE, CHAR_LENGTH, CHAR_USED,"
                " DATA_TYPE_OWNER FROM USER_TAB_COLS WHERE USER_GENERATED = 'YES' AND COLUMN_NAME <> 'ID' ORDER BY 1, 2"
            )
            for table, column, *described in cursor:
                found.setdefault(table, {})[column] = OracleType.from_dictionary(*described)
        connection.close()
    return found


def all_types(columns: Columns) -> list[OracleType]:
    return [type_ for table in columns.values() for type_ in table.values()]


def test_every_type_that_is_captured_is_there(columns: Columns) -> None:
    wanted = {name for name in MIGRATED if streamable(OracleType(name), mined=True)}
    assert wanted - {type_.name for type_ in all_types(columns)} == set()


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_type_is_there(columns: Columns, form: str) -> None:
    assert [type_ for type_ in all_types(columns) if FORMS[form](type_)]


def test_every_column_is_written_by_the_application(columns: Columns) -> None:
    assert {table: {name: sample.type for name, sample in samples.items()} for table, samples in SAMPLES.items()} == {
        table: {name: type_.name for name, type_ in described.items()} for table, described in columns.items()
    }


@pytest.mark.parametrize("table", SAMPLES)
def test_the_first_rows_have_every_value_and_null(table: str) -> None:
    found: dict[str, list[object]] = {column: [] for column in SAMPLES[table]}
    for row in sample_rows(table, 0.01):
        for column, value in row.items():
            if isinstance(value, Typed):
                found[column].append(value.value)
    for column, sample in SAMPLES[table].items():
        missing = [repr(value)[:40] for value in (*sample.values, None) if value not in found[column]]
        assert missing == [], column
