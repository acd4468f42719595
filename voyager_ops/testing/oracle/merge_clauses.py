"""MERGE in the pieces that the rewriter has made of it."""

from __future__ import annotations


def merge_clauses(pieces: list[str]) -> list[str]:
    """MERGE with its WHERE clauses as conditions of WHEN, as PostgreSQL has it; DELETE WHERE as a branch of its own.

    Oracle decides about DELETE WHERE after the update, this does before.
    """
    starts = [n for n, p in enumerate(pieces) if p == "WHEN" and pieces[n + 1] in ("MATCHED", '"MATCHED"', "NOT")]
    result = pieces[: starts[0]] if starts else pieces
    for start, stop in zip(starts, [*starts[1:], len(pieces)], strict=True):
        clause = pieces[start:stop]
        then = clause.index("THEN")
        deleting = _at_top(clause, "DELETE")
        condition = clause[deleting + 2 :] if deleting else []
        rest = clause[:deleting] if deleting else clause
        where = _at_top(rest, "WHERE")
        when = [w.strip('"') for w in clause[:then]] + (["AND", "(", *rest[where + 1 :], ")"] if where else [])
        if condition:
            result += [*when, "AND", "(", *condition, ")", "THEN", "DELETE"]
        result += [*when, *rest[then : where or len(rest)]]
    return result


def _at_top(pieces: list[str], word: str) -> int:
    """Where ``word`` stands outside of parentheses; 0: nowhere."""
    depth = 0
    for number, piece in enumerate(pieces):
        if piece in ("(", ")"):
            depth += 1 if piece == "(" else -1
        elif depth == 0 and piece == word:
            return number
    return 0
