import pytest

from judge.aggregate.profile import fit_profile
from judge.errors import ConfigError
from judge.records import plain
from judge.runs import pooling
from judge.runs.pooling import pooled
from judge.types import Pairwise


def rows(count: int) -> list[dict[str, object]]:
    made = []
    for k in range(count):
        lean = 0.5 + 0.4 * ((k * 7) % 10 - 5) / 10
        pairs = [
            Pairwise(0, 1, lean, 0.0, 1 - lean, log_odds=3 * lean - 1),
            Pairwise(1, 0, 1 - lean, 0.0, lean, log_odds=1 - 3 * lean),
        ]
        made.append({"key": f"{k:032x}", "values": [0, 1], "verdicts": plain(pairs)})
    return made


def test_it_is_the_profile_of_the_verdicts() -> None:
    given = rows(20)
    comparisons = [
        (2, [Pairwise(**v).comparison() for v in row["verdicts"]])  # type: ignore[attr-defined]
        for row in given
    ]
    assert pooled(given) == fit_profile(comparisons)
    assert pooled(reversed(given)) == pooled(given)


def test_of_many_groups_some_are_drawn_by_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooling, "MOST_GROUPS", 8)
    given = rows(30)
    assert pooled(given) == pooled(given[:8])
    assert pooled(given).n_groups == 8


def test_without_comparisons_there_is_none() -> None:
    with pytest.raises(ConfigError, match="the run has no comparisons"):
        pooled([{"key": "0", "values": [1], "verdicts": [{"kind": "pointwise"}]}])
