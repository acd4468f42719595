"""The names of the streams, as leases and people know them."""

from __future__ import annotations

from voyager_ops.model.positions import Lane

EXPORT_ROLE = {Lane.FORWARD: "export data from source", Lane.FALLBACK: "export data from target"}
IMPORT_ROLE = {Lane.FORWARD: "import data to target", Lane.FALLBACK: "import data to source"}
CUTOVER_ROLE = "cutover"
