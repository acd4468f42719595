"""How fast the engine is, each figure next to a peer measured in the same run. ``python -m benchmarks --help``."""
