"""The client against an API that refuses for a while, as Airflow's does while another process writes to its SQLite."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from voyager_ops.testing import airflow_client
from voyager_ops.testing.airflow_client import AirflowApiError, AirflowClient

BUSY = (500, {"detail": {"reason": "Database error", "statement": "hidden", "orig_error": "hidden"}})


@contextmanager
def server(*answers: tuple[int, object]) -> Iterator[tuple[str, list[str]]]:
    """Its address, and what it was asked; answers each call but the login with the next of ``answers``."""
    asked: list[str] = []
    left = iter(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            login = self.path == "/auth/token"
            status, body = (201, {"access_token": "t"}) if login else next(left)
            if not login:
                asked.append(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}", asked
        finally:
            http.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_client, "BUSY_SECONDS", (0.0, 0.0))


def test_what_a_busy_database_refuses_is_sent_again() -> None:
    with server(BUSY, BUSY, (200, {"dag_run_id": "run"})) as (url, asked), AirflowClient(url, "admin", "p") as client:
        assert client.trigger("live_migration", {}) == "run"
    assert len(asked) == 3


@pytest.mark.parametrize(
    "refused", [(500, {"detail": "it failed"}), (409, {"detail": {"reason": "Unique constraint violation"}})]
)
def test_what_else_is_refused_is_not(refused: tuple[int, object]) -> None:
    with server(refused) as (url, asked), AirflowClient(url, "admin", "p") as client, pytest.raises(AirflowApiError) as caught:
        client.trigger("live_migration", {})
    assert (caught.value.status, len(asked)) == (refused[0], 1)


def test_a_database_that_stays_busy_is_an_error() -> None:
    with (
        server(BUSY, BUSY, BUSY) as (url, asked),
        AirflowClient(url, "admin", "p") as client,
        pytest.raises(AirflowApiError, match="Database error"),
    ):
        client.trigger("live_migration", {})
    assert len(asked) == 3
