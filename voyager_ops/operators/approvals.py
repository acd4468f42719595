"""Where a human decides: only the configuration's approvers, with the evidence before them, and never a default answer.

Who may answer is known when the task runs (the migration is a Param), so it is set there; Airflow itself enforces it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import BranchMixIn, Context, ExceptionRetryPolicy, RetryAction, RetryRule, SkipMixin

from voyager_ops.errors import VoyagerOpsError
from voyager_ops.hooks.settings import open_migration
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane, Side
from voyager_ops.operators import evidence
from voyager_ops.operators.base import MIGRATION, MigrationLink, airflow_errors, as_wanted
from voyager_ops.operators.runs import request_stops
from voyager_ops.phases import analyze_schema, cutover, status
from voyager_ops.phases.base import EXPORT_ROLE, IMPORT_ROLE, last_result
from voyager_ops.state.processes import processes
from voyager_ops.triggers.migration import REJECTED

ASKED_MOST = 10_000
"""Times one question may be asked again: each is a try of the task, and the answers stay in its history."""

LEFT_MOST = 20
"""Issues which the log names after another analysis; the reports name them all."""


class AskAgain(VoyagerOpsError):
    """Not an error: the answer was to be asked again."""

    retryable = True


class Question(HITLOperator):
    """A question about one migration. Subclasses say the subject and the evidence, and what an answer does."""

    template_fields: Collection[str] = (*HITLOperator.template_fields, "migration")
    operator_extra_links = (MigrationLink(),)
    inherits_from_skipmixin = True
    ui_color = "#fff8e1"

    def __init__(self, *, migration: str = MIGRATION, **arguments: Any) -> None:
        arguments.setdefault("subject", "-")
        arguments.setdefault("retries", ASKED_MOST)
        arguments.setdefault(
            "retry_policy",
            ExceptionRetryPolicy([RetryRule(exception=AskAgain, action=RetryAction.RETRY, retry_delay=timedelta(seconds=2))]),
        )
        super().__init__(**arguments)
        self.migration = migration

    def ask(self, migration: Migration, context: Context) -> tuple[str, str] | None:
        """Subject and body (Markdown); None: there is nothing to ask."""
        raise NotImplementedError

    def execute(self, context: Context) -> Any:
        with airflow_errors():
            migration = open_migration(self.migration)
            question = self.ask(migration, context)
        if question is None:
            self.log.info("Nothing to decide.")
            return {"chosen_options": [], "params_input": {}, "responded_by_user": None}
        self.subject, body = question
        # Airflow keeps the first text of a question when it is asked again (cleared, or after "keep waiting"): hence its time
        # in the text, and the way to the figures of now. The cutover looks at the evidence again by itself.
        live = MigrationLink().get_link(self, ti_key=None)
        self.body = f"{body}\n\n[The figures of now]({live})"
        self.assigned_users = [{"id": user, "name": user} for user in migration.config.approvers]
        if not self.assigned_users:
            self.log.warning("The configuration names no approvers: anyone whom Airflow lets may answer.")
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        answer = super().execute_complete(context, event)
        # At once: whoever skips other tasks leaves by an exception, and Airflow then forgets what was returned.
        context["ti"].xcom_push(key="return_value", value=answer)
        return answer

    def _skip_downstream(self, context: Context) -> None:
        """All that depends on the answer is skipped; the run ends without it."""
        SkipMixin().skip(ti=context["ti"], tasks=list(context["task"].get_direct_relatives(upstream=False)))  # type: ignore[no-untyped-call]


class ApproveSchemaOperator(Question):
    """Asks only when the analysis found issues or the export left something out; lets people edit the files and analyse again."""

    AGAIN, IMPORT, STOP = "Analyse again", "Import as it is", "Stop"

    def __init__(self, **arguments: Any) -> None:
        super().__init__(options=[self.AGAIN, self.IMPORT, self.STOP], **arguments)

    def ask(self, migration: Migration, context: Context) -> tuple[str, str] | None:
        analysis = last_result(migration, "analyze_schema") or {}
        if not analysis.get("issue_count") and not analysis.get("left_out"):
            return None
        # No number: the subject, too, stays that of the first time.
        subject = f"{migration.name}: import the schema, although it has issues?"
        return subject, evidence.schema_issues(migration.name, analysis, str(migration.export_dir.schema))

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        answer = super().execute_complete(context, event)
        if answer["chosen_options"] == [self.STOP]:
            self._skip_downstream(context)
        elif answer["chosen_options"] == [self.AGAIN]:
            with airflow_errors():
                found = analyze_schema.run(open_migration(self.migration))
            if found.issue_count or found.left_out:
                left = [
                    f"{issue['name']}: {issue['object_name']} ({issue['file']}:{issue['line']})"
                    for issue in found.issues
                    if issue["family"] != "note"
                ]
                left += [f"left out: {item['object_type']} {item['object_name']}" for item in found.left_out]
                raise AskAgain(
                    f"{len(left)} issue(s) are left after another analysis: {'; '.join(left[:LEFT_MOST])}",
                    next_step=f"edit the files, or decide; all of them: {found.reports['txt']}",
                )
            self.log.info("No issue is left.")
        return answer


class ApproveCutoverOperator(Question):
    """Approve or reject opening the target. A rejection stops the streams, so that the run ends; nothing else changes."""

    APPROVE, REJECT = "Approve", "Reject"
    template_fields: Collection[str] = (*Question.template_fields, "fall_back")

    def __init__(self, *, fall_back: bool | str, **arguments: Any) -> None:
        super().__init__(options=[self.APPROVE, self.REJECT], **arguments)
        self.fall_back = fall_back

    def ask(self, migration: Migration, context: Context) -> tuple[str, str] | None:
        if cutover.status(migration).cutover_to_target == "COMPLETED":
            return None
        wanted = migration.wants_fall_back(as_wanted(self.fall_back))
        cutover.record_evidence(migration, Side.TARGET, prepare_for_fall_back=wanted)
        body = evidence.cutover_to_target(
            migration.name,
            verification=last_result(migration, "verify"),
            lag=status.lag(migration, Lane.FORWARD).to_json(),
            preflight=last_result(migration, "preflight"),
            fall_back_wanted=wanted,
            fall_back_alive=status.alive(migration, Lane.FALLBACK),
            quiesce=migration.config.cutover.quiesce,
        )
        return f"{migration.name}: cut over to the target?", body

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        answer = super().execute_complete(context, event)
        if answer["chosen_options"] == [self.REJECT]:
            with airflow_errors():
                migration = open_migration(self.migration)
                migration.state.put(REJECTED, {"run_id": context["ti"].run_id, "by": answer["responded_by_user"]})
                request_stops(migration, (*EXPORT_ROLE.values(), *IMPORT_ROLE.values()))
            self.log.warning("Rejected: the streams were asked to stop. Their slots keep what they need to resume.")
            self._skip_downstream(context)
        return answer


class ChooseFallBackOperator(Question, BranchMixIn):
    """Cut over to source, end the fall-back, or keep waiting (which asks again)."""

    CUT_OVER, END, WAIT = "Cut over to source", "End fall-back", "Keep waiting"

    def __init__(self, *, cut_over_task_id: str, end_task_id: str, **arguments: Any) -> None:
        super().__init__(options=[self.CUT_OVER, self.END, self.WAIT], **arguments)
        self.branches = {self.CUT_OVER: cut_over_task_id, self.END: end_task_id}

    def ask(self, migration: Migration, context: Context) -> tuple[str, str] | None:
        cutover.record_evidence(migration, Side.SOURCE, prepare_for_fall_back=False)
        export, apply = status.alive(migration, Lane.FALLBACK)
        body = evidence.fall_back_choice(
            migration.name,
            verification=last_result(migration, "verify"),
            lag=status.lag(migration, Lane.FALLBACK).to_json(),
            lag_of_source="both alive" if export and apply else f"**export alive: {export}, import alive: {apply}**",
            quiesce=migration.config.cutover.quiesce,
        )
        return f"{migration.name}: stay on the target, or go back to the source?", body

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        if event.get("chosen_options") == [self.WAIT]:
            raise AskAgain("Keep waiting: the question is asked again")
        answer = super().execute_complete(context, event)
        self.do_branch(context, [self.branches[option] for option in answer["chosen_options"]])
        return answer


class ApproveEndOperator(Question):
    """Approve or reject ending the migration for good. ``options``: the DAG's Params (templated)."""

    APPROVE, REJECT = "Approve", "Reject"
    template_fields: Collection[str] = (*Question.template_fields, "end_options")

    def __init__(self, *, end_options: dict[str, Any], **arguments: Any) -> None:
        super().__init__(options=[self.APPROVE, self.REJECT], **arguments)
        self.end_options = end_options

    def ask(self, migration: Migration, context: Context) -> tuple[str, str] | None:
        running: Sequence[str] = [role for role, info in processes(migration.state).items() if info.alive]
        statuses = cutover.status(migration).to_json()
        options = {name: _plain(value) for name, value in self.end_options.items()}
        body = evidence.end_migration(migration.name, statuses=statuses, options=options, streams=running)
        return f"{migration.name}: end the migration for good?", body

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        answer = super().execute_complete(context, event)
        if answer["chosen_options"] == [self.REJECT]:
            self._skip_downstream(context)
        return answer


def _plain(value: object) -> object:
    """A templated Param as what it was: Jinja makes text of everything."""
    text = str(value)
    return {"True": True, "False": False, "None": None, "": None}.get(text, text)
