"""What the workload does to the sample schema: one function per kind of transaction body.

Each takes a connection inside a transaction and a random source, and returns how many rows its statements changed (not
those of cascades and triggers). Values that must be unique come from the database's own sequences and ``gen_random_uuid``,
so any number of runs, threads and databases go together; a duplicate key hence means that a sequence went backwards.
Rows are locked in key order where several are touched, which keeps deadlocks rare.
"""

from __future__ import annotations

from collections.abc import Mapping

from voyager_ops.testing.actions import business, keys, rows
from voyager_ops.testing.actions.base import Action, Connection
from voyager_ops.testing.actions.business import transfer

__all__ = ["WEIGHTS", "Action", "Connection", "transfer"]

WEIGHTS: Mapping[Action, int] = {
    business.transfer: 20,
    business.place_order: 14,
    business.change_status: 8,
    business.ship_order: 2,
    business.move_order: 2,
    business.delete_order: 3,
    business.change_line: 6,
    business.sign_up: 4,
    business.change_customer: 8,
    business.leave: 1,
    business.swap_usernames: 3,
    keys.swap_seats: 3,
    keys.reuse_coupon: 6,
    keys.take_over_coupon: 3,
    keys.rename_login: 1,
    keys.reserve: 2,
    keys.swap_reservations: 2,
    keys.new_rates: 1,
    keys.swap_rates: 2,
    rows.touch_document: 4,
    rows.rewrite_document: 2,
    rows.new_document: 2,
    rows.change_images: 2,
    rows.change_product: 5,
    rows.change_survey: 3,
    rows.change_type_sample: 4,
    rows.stock: 6,
    rows.log_events: 8,
    rows.move_event: 4,
    rows.forget_event: 2,
    rows.change_session: 4,
    rows.view_pages: 4,
    rows.change_views: 4,
    rows.truncate_leaf: 0,
}
