"""A live migration: schema, snapshot and a stream of changes from source to target, up to the cutover a human approves."""

from __future__ import annotations

from airflow.sdk import DAG

from voyager_ops.operators.approvals import ApproveCutoverOperator, ApproveSchemaOperator
from voyager_ops.operators.cutover import CutoverOperator
from voyager_ops.operators.defaults import LONG_RUNS, choice, default_args, flag, migration_param
from voyager_ops.operators.phases import (
    AnalyzeSchemaOperator,
    ExportSchemaOperator,
    ImportSchemaOperator,
    PlanSnapshotOperator,
    PreflightOperator,
    PrepareCaptureOperator,
    SnapshotOperator,
    VerifyOperator,
)
from voyager_ops.operators.runs import BeginOperator, TriggerFallBackOperator
from voyager_ops.operators.streams import ExportDataOperator, ImportDataOperator
from voyager_ops.sensors.migration import CaughtUpSensor, LaneAliveSensor, SeamSensor

FALL_BACK = "{{ params.prepare_for_fall_back }}"

with DAG(
    "live_migration",
    description="Live migration with fall-back: from preflight to the cutover to the target",
    doc_md=__doc__,
    default_args=default_args(),
    params={
        "migration": migration_param(),
        "prepare_for_fall_back": choice(
            "Prepare for fall-back",
            "Keep the source in step with the target after the cutover: the way back. As configured: as the migration's file says"
            " (`cutover.prepare_for_fall_back`, yes where it says nothing).",
        ),
        "start_clean": flag(False, "Export the schema anew", "Discards edits made to the schema files of an earlier export."),
    },
    **LONG_RUNS,
):
    begin = BeginOperator(task_id="begin")
    preflight = PreflightOperator(task_id="preflight", fall_back=FALL_BACK)
    export_schema = ExportSchemaOperator(task_id="export_schema", start_clean="{{ params.start_clean }}")
    analyze_schema = AnalyzeSchemaOperator(task_id="analyze_schema")
    approve_schema = ApproveSchemaOperator(task_id="approve_schema")
    import_schema = ImportSchemaOperator(task_id="import_schema", stage="base")

    # From here on nothing that happens on the source is lost.
    start_capture = PrepareCaptureOperator(task_id="start_capture", lane="forward")
    export_stream = ExportDataOperator(task_id="export_data_from_source", lane="forward", priority_weight=100)
    plan_snapshot = PlanSnapshotOperator(task_id="plan_snapshot")
    snapshot = SnapshotOperator.partial(task_id="snapshot").expand(bin=plan_snapshot.output)
    import_stream = ImportDataOperator(task_id="import_data_to_target", lane="forward", priority_weight=100)

    wait_for_seam = SeamSensor(task_id="wait_for_seam")
    post_schema = ImportSchemaOperator(task_id="import_schema_post_data", stage="post")
    verify = VerifyOperator(task_id="verify")

    # The way back is alive before the cutover opens the target, or there is none and the approval says so.
    start_fall_back = TriggerFallBackOperator(task_id="start_fall_back", wanted=FALL_BACK)
    fall_back_alive = LaneAliveSensor(task_id="wait_for_fall_back", lane="fallback")
    caught_up = CaughtUpSensor(task_id="wait_until_caught_up", trigger_rule="none_failed_min_one_success")
    approve_cutover = ApproveCutoverOperator(task_id="approve_cutover", fall_back=FALL_BACK)
    cutover = CutoverOperator(
        task_id="cutover_to_target",
        direction="target",
        approval_task_id="approve_cutover",
        approval=ApproveCutoverOperator.APPROVE,
        fall_back=FALL_BACK,
    )
    verify_after = VerifyOperator(task_id="verify_after_cutover", after_cutover=True)

    begin >> preflight >> export_schema >> analyze_schema >> approve_schema >> import_schema >> start_capture
    start_capture >> export_stream
    start_capture >> plan_snapshot >> snapshot >> [import_stream, wait_for_seam]
    wait_for_seam >> post_schema >> verify >> start_fall_back >> fall_back_alive
    [verify, fall_back_alive] >> caught_up >> approve_cutover >> cutover >> verify_after
