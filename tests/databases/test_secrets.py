"""Every password in a URL is known, however it is written."""

from __future__ import annotations

import pytest

from voyager_ops.databases.secrets import passwords_in


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("postgresql://u:p%40ss@h/d", {"p%40ss", "p@ss"}),
        ("postgresql://u@h/d?password=p%40ss", {"p%40ss", "p@ss"}),
        ("postgresql://a:x#[?y@h/d", {"x#[?y"}),
        ("postgresql+psycopg://u:word@h/d", {"word"}),
        ("oracle://u:word@h/S?wallet_password=wall%2Fet", {"word", "wall%2Fet", "wall/et"}),
        ("postgresql://u@h/d", set()),
    ],
)
def test_passwords(url: str, secrets: set[str]) -> None:
    assert passwords_in(url) == secrets
