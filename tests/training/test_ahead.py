import threading
import time

import pytest

from cirque.errors import CirqueError
from cirque.training.ahead import AHEAD, made_ahead


def test_items_come_in_order_and_are_made_one_by_one_in_one_other_thread() -> None:
    threads: set[int] = set()
    inside: list[int] = []

    def make(number: int) -> int:
        assert not inside
        inside.append(number)
        threads.add(threading.get_ident())
        time.sleep(0.001)
        inside.remove(number)
        return 10 * number

    with made_ahead(make, range(3, 20)) as items:
        assert list(items) == [10 * number for number in range(3, 20)]
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_no_more_are_made_than_are_soon_asked_for() -> None:
    made: list[int] = []
    with made_ahead(made.append, range(100)) as items:
        for number in range(5):
            next(items)
            time.sleep(0.02)
            assert len(made) <= number + 1 + AHEAD
    assert len(made) <= 5 + AHEAD


@pytest.mark.parametrize("ahead", [1, 2, 3])
def test_as_many_are_made_ahead_while_one_is_in_use(ahead: int) -> None:
    started = [threading.Event() for _ in range(10)]
    with made_ahead(lambda number: started[number].set(), range(10), ahead=ahead) as items:
        for number in range(4):
            next(items)
            assert started[number + ahead].wait(timeout=10)
            time.sleep(0.02)
            assert not started[number + ahead + 1].is_set()


def test_an_error_comes_with_its_own_message_where_its_item_is_due() -> None:
    def make(number: int) -> int:
        if number == 2:
            raise CirqueError("caption 7: its words are gone")
        return number

    seen: list[int] = []
    with made_ahead(make, range(50)) as items, pytest.raises(CirqueError, match="caption 7: its words are gone"):
        seen.extend(items)
    assert seen == [0, 1]


@pytest.mark.parametrize("error", [KeyboardInterrupt, CirqueError])
def test_the_thread_ends_with_the_block_whatever_ends_it(error: type[BaseException]) -> None:
    def broken() -> None:
        with made_ahead(lambda number: number, range(10**9)) as items:
            next(items)
            raise error

    with pytest.raises(error):
        broken()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


def test_nothing_is_made_where_nothing_is_asked_for() -> None:
    with made_ahead(lambda number: number, range(0)) as items:
        assert not list(items)
