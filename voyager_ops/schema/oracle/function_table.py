"""What a table of functions holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from voyager_ops.schema.oracle.typed import Typed

if TYPE_CHECKING:
    from voyager_ops.schema.oracle.expressions import Translator

Args = list[Typed]
Function = Callable[["Translator", Args], Typed]
Table = dict[str, tuple[Function, int, int]]
"""Oracle's name of a function to its translation and how many arguments it takes at least and at most."""
