"""docs/reliability.md: what it says is shown by tests that there are, and every kind of file is in its counts."""

import re

from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs/reliability.md").read_text(encoding="utf-8")


def test_every_test_that_the_page_names_is_there():
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)
    assert len(named) > 15
    for file, function in named:
        assert f"def {function}" in (REPOSITORY / file).read_text(encoding="utf-8"), f"{file}::{function}"


def test_the_page_can_be_found_from_the_readme():
    assert "(docs/reliability.md)" in (REPOSITORY / "README.md").read_text(encoding="utf-8")
