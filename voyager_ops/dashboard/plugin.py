"""The plugin: a page of all migrations in the navigation, and the migration of a run as a tab of that run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from airflow.plugins_manager import AirflowPlugin
from airflow.sdk import conf

Scope = MutableMapping[str, Any]
Channel = Callable[..., Awaitable[Any]]


class LazyApp:
    """Builds the application at the first request: every task's process loads plugins too, and has no use for a web server."""

    def __init__(self) -> None:
        self._app: Callable[[Scope, Channel, Channel], Awaitable[None]] | None = None

    async def __call__(self, scope: Scope, receive: Channel, send: Channel) -> None:
        if self._app is None:
            from voyager_ops.dashboard.web import create_app

            self._app = create_app()
        await self._app(scope, receive, send)


def _root() -> str:
    """Airflow may live below a path of its server."""
    return urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")


APPS: list[Any] = [{"app": LazyApp(), "url_prefix": "/voyager-ops", "name": "Voyager Ops"}]
VIEWS: list[Any] = [
    {"name": "Migrations", "href": f"{_root()}/voyager-ops/", "destination": "nav", "url_route": "migrations"},
    {
        "name": "Migration",
        "href": f"{_root()}/voyager-ops/?dag={{DAG_ID}}&run={{RUN_ID}}",
        "destination": "dag_run",
        "url_route": "migration",
    },
]


class VoyagerOpsPlugin(AirflowPlugin):
    """Found through the provider's entry point, and in ``plugins/`` of a checkout; Airflow loads it once by its name."""

    name = "voyager_ops"
    fastapi_apps = APPS
    external_views = VIEWS
