from __future__ import annotations

import pytest

from voyager_ops.databases.oracle.names import fold, folded_unique, literal, qualified, quote, unfold
from voyager_ops.errors import PreconditionError


@pytest.mark.parametrize(
    ("oracle", "ours"),
    [
        ("EMPLOYEES", "employees"),
        ("EMP_2$#", "emp_2$#"),
        ("Employees", "Employees"),
        ("employees", "employees"),
        ("ÉTÉ", "été"),
        ("STRAßE", "STRAßE"),  # not all upper case: it was quoted
        ("123", "123"),
    ],
)
def test_fold(oracle: str, ours: str) -> None:
    assert fold(oracle) == ours


def test_unfold_finds_what_fold_made() -> None:
    for name in ("EMPLOYEES", "Employees", "ÉTÉ", "A B"):
        assert unfold(fold(name)) == name


def test_quote() -> None:
    assert qualified("HR", "Order Items") == '"HR"."Order Items"'
    for wrong in ('A"B', "", "A\0"):
        with pytest.raises(PreconditionError):
            quote(wrong)


def test_literal() -> None:
    assert literal("it's") == "'it''s'"
    with pytest.raises(PreconditionError):
        literal("\0")


def test_a_collision_is_an_error_that_names_both() -> None:
    assert folded_unique(["EMP", "Dept"], "HR") == {"EMP": "emp", "Dept": "Dept"}
    with pytest.raises(PreconditionError, match=r'HR: "EMP" and "emp" would both be called emp'):
        folded_unique(["EMP", "emp"], "HR")
