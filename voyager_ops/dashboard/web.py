"""The page's server side: nothing is answered without the right to read runs of ``live_migration``.

Airflow does not authenticate applications of plugins by itself; the check below is its own, from a module which is not a
documented interface: this is the one place that knows it.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import Depends, FastAPI
from fastapi.responses import HTMLResponse

from voyager_ops.dashboard.overview import overview
from voyager_ops.hooks.settings import config_dir

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
    "frame-ancestors 'self'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
"""The page needs nothing from anywhere else, and says so to the browser."""


def create_app() -> FastAPI:
    """The application mounted at ``/voyager-ops``."""
    allowed = requires_access_dag(method="GET", access_entity=DagAccessEntity.RUN, param_dag_id="live_migration")
    app = FastAPI(title="Voyager Ops", dependencies=[Depends(allowed)], docs_url=None, redoc_url=None, openapi_url=None)
    page = files("voyager_ops.dashboard").joinpath("page.html").read_text(encoding="utf-8")

    @app.get("/", response_class=HTMLResponse)
    def show() -> HTMLResponse:
        return HTMLResponse(page, headers=HEADERS)

    @app.get("/api/migrations")
    def migrations() -> list[dict[str, Any]]:
        return overview(config_dir())

    return app
