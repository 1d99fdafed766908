import numpy as np
import torch

from cirque import draws


def test_a_stream_is_that_of_its_item_whatever_was_drawn_before() -> None:
    first = draws.generator(0, "token", "a.png").normal(size=4)
    draws.generator(0, "token", "b.png").normal(size=7)
    assert np.array_equal(draws.generator(0, "token", "a.png").normal(size=4), first)


def test_seed_purpose_and_item_each_make_another_stream() -> None:
    keys = [(0, "ab", "c"), (0, "a", "bc"), (0, "abc"), (1, "ab", "c"), (0, "c", "ab"), (0, "ab", "c", 1), (0, "ab", 1)]
    values = {draws.generator(seed, *parts).integers(2**62) for seed, *parts in keys}
    assert len(values) == len(keys)


def test_streams_in_turn_are_those_of_each_item_whatever_was_drawn_between() -> None:
    items = [f"cc3m-{i}" for i in range(200)]
    for number, (item, stream) in enumerate(zip(items, draws.each(7, "noise", items, 3), strict=True)):
        alone = draws.generator(7, "noise", item, 3)
        assert str(stream.bit_generator.state) == str(alone.bit_generator.state)
        # an odd number of small draws leaves half a word behind
        assert np.array_equal(stream.integers(9, size=number % 7), alone.integers(9, size=number % 7))
        assert np.array_equal(stream.standard_normal(3, np.float32), alone.standard_normal(3, np.float32))
    assert list(draws.each(7, "noise", [])) == []


def test_streams_are_the_same_on_every_machine() -> None:
    assert draws.generator(42, "token", "a.png").integers(1000, size=5).tolist() == [40, 909, 774, 413, 600]
    assert draws.seed_of(42, "token", "a.png") == 2245470850249498877


def test_a_seed_fits_torch() -> None:
    for number in range(50):
        torch.manual_seed(draws.seed_of(0, number))
