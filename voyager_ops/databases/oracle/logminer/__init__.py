"""Capture from Oracle's redo logs through LogMiner."""
