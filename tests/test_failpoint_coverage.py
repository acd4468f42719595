"""No failpoint may be left that no test ever passes: it would be a durable effect that nobody crashes at."""

from __future__ import annotations

import importlib
import os
import pkgutil
from pathlib import Path

import pytest

import voyager_ops
from voyager_ops import failpoints


@pytest.mark.last
def test_every_failpoint_was_hit(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("file_or_dir") or request.config.getoption("keyword") or request.session.testsfailed:
        pytest.skip("only after a whole run without failures")
    for module in pkgutil.walk_packages(voyager_ops.__path__, "voyager_ops."):
        importlib.import_module(module.name)
    log = Path(os.environ[failpoints.LOG_ENV])
    hit = set(log.read_text(encoding="utf-8").split()) if log.exists() else set()
    missing = {name for name in failpoints.registered() if not name.startswith("test.")} - hit
    assert not missing, f"no test passed these failpoints: {', '.join(sorted(missing))}"
