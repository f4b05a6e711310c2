from hypothesis import given
from hypothesis import strategies as st

from judge.runs.seen import Seen


@given(st.lists(st.text(max_size=3), max_size=200))
def test_a_text_is_known_from_its_second_time_on(texts: list[str]) -> None:
    seen, before = Seen(), set()
    for text in texts:
        assert seen.add(text) is (text in before)
        before.add(text)


def test_it_grows() -> None:
    seen = Seen()
    assert not any(seen.add(str(k)) for k in range(5000))
    assert all(seen.add(str(k)) for k in range(5000))
