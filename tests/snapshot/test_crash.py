"""The snapshot killed at every failpoint and started again: the same rows on both sides, none twice."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.snapshot.test_copy import SMALL, TABLES, contents, make_context
from tests.snapshot.test_keys import keys_of
from voyager_ops.snapshot import copy, keys, plan
from voyager_ops.snapshot.copy import copy_chunks
from voyager_ops.snapshot.done import snapshot_complete

CHILD = """
import pickle, sys
from voyager_ops.snapshot.copy import copy_chunks
from voyager_ops.snapshot.plan import plan_chunks
from voyager_ops.state.store import State
from dataclasses import replace
from pathlib import Path
context, config, directory = pickle.load(sys.stdin.buffer)
context = replace(context, state=State.open("snap", directory=Path(directory)))
plan_chunks(context, config)
copy_chunks(context, config)
"""

POINTS = [
    f"{plan.BEFORE_PLAN}=crash",
    f"{plan.AFTER_PLAN}=crash",
    f"{copy.BEFORE_LOAD}=crash@4",
    f"{copy.BEFORE_DONE}=crash@3",
    f"{copy.BEFORE_COMMIT}=crash@5",
    f"{copy.AFTER_COMMIT}=crash@5",
    f"{copy.BEFORE_GROUP}=crash",
    f"{copy.AFTER_GROUP}=crash",
    f"{keys.BEFORE_ASIDE}=crash@2",
    f"{keys.BEFORE_ASIDE_COMMIT}=crash@3",
    f"{keys.AFTER_ASIDE}=crash",
    f"{keys.BEFORE_BUILD}=crash@2",
    f"{keys.BEFORE_BUILD_COMMIT}=crash",
    f"{keys.AFTER_BUILD}=crash@2",
]


@pytest.mark.parametrize("point", POINTS)
def test_killed_and_started_again(source_db: Database, target_db: Database, tmp_path: Path, point: str) -> None:
    context = make_context(source_db, target_db, tmp_path)
    keyed = keys_of(target_db)
    payload = pickle.dumps((replace(context, state=None), SMALL, str(tmp_path)))  # type: ignore[arg-type]
    child = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=payload,
        env={**os.environ, "VOYAGER_OPS_FAILPOINTS": point},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()
    plan.plan_chunks(context, SMALL)
    assert copy_chunks(context, SMALL).complete
    assert snapshot_complete(context)
    for table in TABLES:
        assert contents(source_db, table) == contents(target_db, table), table
    assert keys_of(target_db) == keyed
