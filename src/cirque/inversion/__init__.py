"""Pseudo tokens by optimisation, found by name."""
