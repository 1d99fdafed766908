import os
import subprocess
import sys

from cirque.mini.draws import draws


def test_draws_belong_to_seed_and_item():
    assert draws(0, "a", 1).random() == draws(0, "a", 1).random()
    assert len({draws(s, name, n).random() for s in (0, 1) for name in "ab" for n in (0, 1)}) == 8


def test_draws_do_not_depend_on_the_hash_seed_of_python():
    def first(hash_seed):
        code = "from cirque.mini.draws import draws; print(draws(0, 'item', 7).random())"
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        return subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        ).stdout

    assert first("0") == first("1")
