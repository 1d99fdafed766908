"""Fuzzing: whatever bytes a reader gets, it gives a valid result or one sentence that names the file.

    python -m tests.fuzz --runs 20000 --seed 1 zip phi   # `make fuzz RUNS=20000` runs all
    pytest tests/fuzz                                    # a bounded number of runs, with a fixed seed

A target (`tests/fuzz/targets`) is a reader with a few valid files; the modules of that folder are found by name. Two
drivers change these files: atheris, which sees what code a change reaches, for formats of bytes, and hypothesis for
annotation files. `harness` judges what a reader did, `mutations` knows how formats are changed.
"""
