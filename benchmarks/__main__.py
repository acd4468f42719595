"""``python -m benchmarks [--quick] [--scale S] [--rounds N] [LINE …]``: run the lines named (or whose names begin so), or all."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from pathlib import Path

from benchmarks import bench_changes, bench_growth, bench_live, bench_many, bench_snapshot, bench_verify
from benchmarks.report import Row, as_table, write_json
from benchmarks.stage import QUICK, Sizes, Stage

MODULES = (bench_snapshot, bench_many, bench_verify, bench_changes, bench_live, bench_growth)
ON_REQUEST = frozenset({"capture.mix", "parallel.fifty_tables"})
"""Lines that are only run when they are named."""


def main() -> int:
    """0 when every line ran and every content was equal (figures are shown, never asserted)."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("lines", nargs="*", metavar="LINE", help="names, or beginnings of names; default: all but a few")
    parser.add_argument("--quick", action="store_true", help="small sizes, one round: shows that it runs, not how fast")
    parser.add_argument("--scale", type=float, default=1.0, help="times the full sizes")
    parser.add_argument("--rounds", type=int, help="rounds a line (medians are taken)")
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"), help="where the figures go")
    parser.add_argument("--list", action="store_true", help="names of the lines")
    options = parser.parse_args()
    known = [name for module in MODULES for names in module.LINES for name in names]
    if options.list:
        print("\n".join(known))
        return 0
    prefixes = tuple(options.lines)
    unknown = [prefix for prefix in prefixes if not any(name.startswith(prefix) for name in known)]
    if unknown:
        parser.error(f"no line begins with {', '.join(unknown)}; see --list")
    sizes = QUICK if options.quick else Sizes().scaled(options.scale)
    if options.rounds:
        sizes = sizes.with_rounds(options.rounds)
    rows, failed = run(sizes, prefixes, quick=options.quick, json=options.json)
    print("\n" + as_table(rows))
    for name in failed:
        print(f"{name} failed: see above")
    return 0 if not failed and all(row.holds for row in rows if row.name.endswith(".content")) else 1


def run(sizes: Sizes, prefixes: tuple[str, ...], *, quick: bool, json: Path) -> tuple[list[Row], list[str]]:
    """Run the lines; returns the rows, and the names of lines that failed. The others are run all the same, and the file is
    written after every row."""
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:6.1f} s] {text}", file=sys.stderr, flush=True)

    rows: list[Row] = []
    failed: list[str] = []
    with Stage(sizes, quick=quick, say=say) as stage:
        for module in MODULES:
            for together in module.LINES:
                names = [name for name in together if (name.startswith(prefixes) if prefixes else name not in ON_REQUEST)]
                if not names:
                    continue
                say(", ".join(names))
                try:
                    for row in module.run(stage, names.__contains__):
                        rows.append(row)
                        say(as_table([row]).splitlines()[-1])
                        write_json(json, rows)
                except Exception:  # noqa: BLE001 -- shown, told at the end, and the exit code
                    failed += names
                    say(traceback.format_exc())
    return rows, failed


if __name__ == "__main__":
    sys.exit(main())
