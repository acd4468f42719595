"""No failpoint may be left that no test ever passes: it would be a durable effect that nobody crashes at.

Looked at when a whole run ends (``tests/conftest.py``), since the tests run in several processes.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
from pathlib import Path

import pytest

import voyager_ops
from voyager_ops import failpoints

WHOLE_RUN = "not soak"


def is_whole_run(config: pytest.Config) -> bool:
    """Whether nothing was left out by a path, a keyword or a marker."""
    option = config.option
    return not option.file_or_dir and not option.keyword and option.markexpr == WHOLE_RUN


def never_hit() -> set[str]:
    """The failpoints of all modules that no process of this run has passed."""
    for module in pkgutil.walk_packages(voyager_ops.__path__, "voyager_ops."):
        importlib.import_module(module.name)
    log = Path(os.environ[failpoints.LOG_ENV])
    hit = set(log.read_text(encoding="utf-8").split()) if log.exists() else set()
    return {name for name in failpoints.registered() if not name.startswith("test.")} - hit
