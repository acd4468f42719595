"""The demo with Oracle as its source: a simulated one, with the shop's twin; streams are killed on the way; no way back yet."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from voyager_ops.model.positions import Lane, Side
from voyager_ops.phases import prepare, status
from voyager_ops.phases.base import EXPORT_ROLE, IMPORT_ROLE
from voyager_ops.state.cutovers import COMPLETED, UNDER_WAY
from voyager_ops.state.processes import processes
from voyager_ops.testing.airflow_client import Question
from voyager_ops.testing.demo_stage import APPLICATION, DATABASE, NAME, Stage, Tell, Urls, application_database
from voyager_ops.testing.demo_story import ON_TARGET_SECONDS, Story
from voyager_ops.testing.demo_watch import cutover_word, events
from voyager_ops.testing.oracle.simulator import Simulator
from voyager_ops.testing.postgres import Cluster
from voyager_ops.testing.twin import SCHEMA, load_twin
from voyager_ops.testing.twin.compare import twin_digests
from voyager_ops.testing.twin.workload import TwinWorkload, check_twin_ledger
from voyager_ops.testing.writers import Writers

MIGRATION_USER = "VOYAGER"
ORACLE_RATE = 20.0
"""Transactions per second: the simulator shares two cores with everything else."""
PROFILE = "23ai"
"""That has every type."""
KILLS = 2
"""Times that both streams are killed while they run."""
KILL_SECONDS = 6.0
"""Between a stream's begin and its end by us."""

CONFIG = """\
# Written by the demo. Your own looks the same: see README.md.
name: {name}
export_dir: {export_dir}
source: {{conn_id: shop_source, schemas: [{schema}]}}
target: {{conn_id: shop_target}}
approvers: [{approvers}]
snapshot: {{bins: 2, parallelism: 2}}
changes: {{heartbeat: 1s}}
cutover: {{quiesce: manual, lag_seconds: 10s, prepare_for_fall_back: false}}
"""


@dataclass(frozen=True)
class OracleUrls:
    """Of an Oracle database, with passwords: as the application (whose schema is empty), the migration's user, and a DBA."""

    application: str = field(repr=False)
    migration: str = field(repr=False)
    privileged: str = field(repr=False)


class OracleStage(Stage):
    """As :class:`Stage`, the source being an Oracle: ``oracle``, or a simulated one. ``scale`` 1.0 is about 120,000 rows."""

    def __init__(self, tell: Tell, *, oracle: OracleUrls | None = None, **options: Any) -> None:
        super().__init__(tell, **options)
        self._oracle = oracle

    def set_up_databases(self) -> None:
        simulated = "" if self._oracle else "a simulated Oracle 23ai, the source, and "
        self.tell(f"Starting {simulated}a PostgreSQL cluster, the target")
        self.oracle = self._oracle or self._simulated()
        self.target_cluster = self._stack.enter_context(Cluster("demo-target"))
        self.urls = Urls(self.oracle.application, application_database(self.target_cluster))
        self.admin_urls = Urls(self.oracle.migration, self.target_cluster.dsn(DATABASE))
        with psycopg.connect(self.admin_urls.target, autocommit=True) as connection:
            for kind in ("TABLES", "SEQUENCES", "FUNCTIONS", "SCHEMAS"):
                connection.execute(
                    sql.SQL("ALTER DEFAULT PRIVILEGES GRANT ALL ON {} TO {}").format(sql.SQL(kind), sql.Identifier(APPLICATION))
                )

    def _simulated(self) -> OracleUrls:
        simulator = self._stack.enter_context(Simulator({SCHEMA: "", MIGRATION_USER: ""}, profile=PROFILE))
        return OracleUrls(simulator.url(SCHEMA), simulator.url(MIGRATION_USER), simulator.url())

    def config(self, approvers: str) -> str:
        return CONFIG.format(name=NAME, export_dir=self.directory / "export", schema=SCHEMA, approvers=approvers)

    def load(self) -> int:
        """Fill the twin, then let the migration's user in: by the statements of ``prepare source``."""
        rows = load_twin(self.urls.source, self.scale)
        prepare.run(self.migration(), Side.SOURCE, fall_back=False, execute=True, privileged_url=self.oracle.privileged)
        return rows


class OracleStory(Story):
    """One whole migration from Oracle. The application is stopped by hand at the cutover, as ``quiesce: manual`` wants it."""

    dags = ("live_migration",)

    def __init__(self, stage: OracleStage, tell: Callable[[str], None], **options: Any) -> None:
        super().__init__(stage, tell, **options)
        self._stopped = False
        self._kills: dict[str, int] = {}
        self._running_since: dict[tuple[str, int], float] = {}

    def make_workload(self, rate: float) -> Writers[Any]:
        return TwinWorkload(self.stage.urls.source, seed=7, threads=2, rate=rate)

    def _step(self) -> None:
        super()._step()
        self._kill_streams()

    def _kill_streams(self) -> None:
        """Both streams are ended by SIGKILL some seconds after they began; Airflow starts them again."""
        found = processes(self._migration.state)
        for role in (EXPORT_ROLE[Lane.FORWARD], IMPORT_ROLE[Lane.FORWARD]):
            info = found.get(role)
            if info is None or not info.alive or self._kills.get(role, 0) >= KILLS or cutover_word(self._migration, Side.TARGET):
                continue
            since = self._running_since.setdefault((role, info.pid), time.monotonic())
            if time.monotonic() - since >= KILL_SECONDS:
                os.kill(info.pid, signal.SIGKILL)
                self._kills[role] = self._kills.get(role, 0) + 1
                self.outcome.killed += 1
                self.tell(f"Killed the process of {role!r} (kill -9, {self._kills[role]} of {KILLS})")

    def _may_answer(self, question: Question, waited: float) -> bool:
        if question.task.task_id == "approve_cutover":
            killed = all(self._kills.get(role[Lane.FORWARD], 0) >= KILLS for role in (EXPORT_ROLE, IMPORT_ROLE))
            if not killed or not all(status.alive(self._migration, Lane.FORWARD)):
                return False
        return super()._may_answer(question, waited)

    def _move_application(self) -> None:
        word = cutover_word(self._migration, Side.TARGET)
        if self._target_since is not None:
            if time.monotonic() - self._target_since >= ON_TARGET_SECONDS:
                self._home = True
            return
        if word == COMPLETED:
            self._note_cutover("target")
            self.tell("The target is open: both sides are compared")
            self.outcome.after_target = twin_digests(self.stage.urls.source, self.stage.admin_urls.target)
            self.workload.retarget(self.stage.urls.target)
            self._target_since = time.monotonic()
            self.tell("The application writes to the target")
        elif word in UNDER_WAY and not self._stopped:
            self.workload.pause()
            self._stopped = True
            self.tell("The cutover is under way: the application is stopped")
        elif word not in UNDER_WAY and self._stopped:
            self.workload.resume()
            self._stopped = False
            self.tell("The cutover was undone: the application goes on")

    def _compare_at_home(self) -> None:
        self.workload.pause()
        self.outcome.events = {str(Lane.FORWARD): events(self._migration, Lane.FORWARD)}
        result = self._admin.xcom("live_migration", self._runs["live_migration"], "verify_after_cutover")
        self.outcome.verified["live_migration"] = sum(max(table["rows_source"], 0) for table in result["tables"])
        for side, url in (("source", self.stage.urls.source), ("target", self.stage.urls.target)):
            check_twin_ledger(url)
            self.tell(f"The ledger of the {side} adds up")

    def compared(self) -> bool:
        return bool(self.outcome.after_target)
