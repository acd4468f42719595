from __future__ import annotations

import pytest

from voyager_ops.databases.oracle.positions import LAST_ORDINAL, LAST_SCN, ordinal_of, position, scn_of, scn_of_text, text
from voyager_ops.model.positions import START


def test_order_is_that_of_commits() -> None:
    moments = [(1, 0), (1, 1), (1, LAST_ORDINAL), (2, 0), (10**10, 0), (LAST_SCN, LAST_ORDINAL)]
    numbers = [position(*moment) for moment in moments]
    texts = [text(*moment) for moment in moments]
    assert numbers == sorted(numbers)
    assert texts == sorted(texts)
    assert [(scn_of(number), ordinal_of(number)) for number in numbers] == moments
    assert [scn_of_text(item) for item in texts] == [scn for scn, _ in moments]
    assert all(len(item) == 16 for item in texts)


def test_the_start_is_before_everything() -> None:
    assert scn_of_text(START) == 0
    assert text(0) > START


def test_what_does_not_fit_is_refused() -> None:
    for scn, ordinal in ((-1, 0), (LAST_SCN + 1, 0), (1, LAST_ORDINAL + 1)):
        with pytest.raises(ValueError):
            position(scn, ordinal)
