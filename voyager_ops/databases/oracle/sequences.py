"""Oracle's sequences and identities, and where they stand."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import oracledb

from voyager_ops.databases.oracle.dictionary import read_dictionary
from voyager_ops.databases.oracle.dictionary_other_rows import SequenceRow
from voyager_ops.databases.oracle.name_map import Names, Naming
from voyager_ops.databases.oracle.names import unfold
from voyager_ops.model.tables import QName, Sequence

_VIEWS: Final = ("sequences", "tab_identity_cols")
_IDENTITY_PREFIX: Final = "ISEQ$$_"


def read_sequences(connection: oracledb.Connection, schemas: Collection[str], naming: Naming | None = None) -> list[Sequence]:
    """All sequences of ``schemas`` (the model's names), identities' own with the column that owns them; sorted by name.

    As the export finds them: also those that nobody let us use (one made after the grants, say), which ALL_SEQUENCES hides.
    Raises PreconditionError for a schema that is not there.
    """
    dictionary = read_dictionary(connection, [unfold(schema) for schema in schemas], _VIEWS)
    names = (naming or Naming()).names(dictionary)
    owned = {
        (row.owner, row.sequence_name): (
            QName(*names.at(row.owner, row.table_name)),
            names.column(row.owner, row.table_name, row.column_name),
        )
        for row in dictionary.tab_identity_cols
    }
    found = [
        _sequence(row, names, owned.get((row.sequence_owner, row.sequence_name)))
        for row in dictionary.sequences
        # an identity's that no table owns is of one in the recycle bin
        if (row.sequence_owner, row.sequence_name) in owned or not row.sequence_name.startswith(_IDENTITY_PREFIX)
    ]
    return sorted(found, key=lambda sequence: sequence.name)


def _sequence(row: SequenceRow, names: Names, owner: tuple[QName, str] | None) -> Sequence:
    """LAST_NUMBER is the first number that no session can have been given yet, whatever it has cached."""
    step, following = row.increment_by or 1, row.last_number or 0
    least, most = row.min_value or 0, row.max_value or 0
    last = following - step
    called = (last >= least) if step > 0 else (last <= most)
    return Sequence(
        QName(*names.at(row.sequence_owner, row.sequence_name)),
        owner,
        last if called else following,
        called,
        step,
        least,
        most,
        row.cycle_flag == "Y",
        max(row.cache_size or 0, 1),
    )
