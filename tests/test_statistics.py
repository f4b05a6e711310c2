import pytest

from judge.statistics import wilson


def test_wilson_is_the_published_interval() -> None:
    # 10 of 20 at 95 %: (0.299, 0.701), Wilson 1927.
    low, high = wilson(10, 20)
    assert (round(low, 4), round(high, 4)) == (0.2993, 0.7007)


@pytest.mark.parametrize(("hits", "n"), [(0, 5), (5, 5), (0, 0)])
def test_wilson_stays_in_the_unit_interval(hits: int, n: int) -> None:
    low, high = wilson(hits, n)
    assert 0.0 <= low <= high <= 1.0
    assert high - low > 0.1
