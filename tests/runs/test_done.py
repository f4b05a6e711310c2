import pytest

from judge.runs.done import Done


def test_a_row_is_done_under_its_key_alone() -> None:
    done = Done()
    key, other = "ab" * 16, "cd" * 16
    for number in (1, 2, 5000):
        done.add("a", number, key)
        assert done.has("a", number, key)
        assert not done.has("a", number, other)
        assert not done.has("b", number, key)
    assert not done.has("a", 3, key)
    assert not done.has("a", 10**6, key)
    assert not done.has("a", 3, "0" * 32)


def test_a_row_that_changed_is_not_done_under_its_old_key() -> None:
    done = Done()
    done.add("a", 1, "ab" * 16)
    done.add("a", 1, "cd" * 16)
    assert (done.has("a", 1, "cd" * 16), done.has("a", 1, "ab" * 16)) == (True, False)


def test_a_key_is_hexadecimal() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        Done().add("a", 1, "not a digest")
