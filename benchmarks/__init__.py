"""Benchmarks: each row compares two arms of one run, so that the machine's speed cancels out."""
