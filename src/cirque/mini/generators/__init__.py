"""Generators of the mini world's data, found by name: each module writes one data set in its official layout.

A module has `generate(*, seed, …, data_root)`, whose parameters are keys of the configuration's section `world`. A data
set of images and queries (`cirque.datasets`) knows its own files; any other generator says what it writes below the
data root: `FILES`, and `FOLDERS` of pictures.
"""
