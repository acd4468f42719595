"""What in a database's URL must never be shown (I6)."""

from __future__ import annotations

import contextlib
from urllib.parse import unquote, urlsplit

from voyager_ops.databases.postgres.address import parse_url
from voyager_ops.errors import ConfigError


def passwords_in(url: str) -> set[str]:
    """The passwords in the URL of any engine, those in its parameters (a wallet's) too, each as written and decoded."""
    found: list[str | None] = []
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        found.append(parts.password)
        parameters = (item.partition("=") for item in parts.query.split("&"))
        found += [value for name, _, value in parameters if "password" in name]
    with contextlib.suppress(ConfigError):  # it may stand after the question mark, or hold what ends a URL elsewhere
        found.append(parse_url(url).get("password"))
    return {text for password in found if password for text in (password, unquote(password))}
