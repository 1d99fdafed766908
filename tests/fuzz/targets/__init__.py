"""Readers that are fuzzed: each module has `TARGETS`."""
