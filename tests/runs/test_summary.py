from judge.runs.summary import Summary

REWARD = {"value": 0.5, "status": "ok", "coverage": 1.0, "reason": None}
USAGE = {"calls": 2, "prompt_tokens": 10, "completion_tokens": 4, "seconds": 1.0}


def verdict(first: int, second: int, p_first: float, mass: float | None = 0.5) -> dict[str, object]:
    return {
        "kind": "pairwise",
        "first": first,
        "second": second,
        "p_first": p_first,
        "p_tie": 0.0,
        "p_second": 1.0 - p_first,
        "parts": [{"label_mass": mass}],
    }


def row(values: list[float | None], label: int | None, *verdicts: dict[str, object]) -> dict:  # type: ignore[type-arg]
    rewards = [
        REWARD
        if value is not None
        else {"value": None, "status": "failed", "coverage": 0.0, "reason": {"kind": "cut"}}
        for value in values
    ]
    return {
        "values": values,
        "rewards": rewards,
        "label": label,
        "verdicts": list(verdicts),
        "failures": [],
        "metrics": {},
        "usage": USAGE,
    }


def test_a_tie_is_not_right_and_an_unjudged_pair_is_not_counted() -> None:
    told = Summary.of(
        [row([0.9, 0.1], 0), row([0.5, 0.5], 0), row([0.1, 0.9], 0), row([None, 0.9], 1)]
    ).as_dict()
    assert (told["labelled"], told["accuracy"], told["ties"]) == (3, 1 / 3, 1 / 3)
    assert (told["unjudged"], told["failures"]) == (1, {"cut": 1})
    low, high = told["accuracy_interval"]
    assert 0.06 < low < 1 / 3 < high < 0.8


def test_the_best_of_many_must_be_strictly_best() -> None:
    told = Summary.of([row([0.2, 0.9, 0.9], 1), row([0.2, 0.9, 0.8], 1)]).as_dict()
    assert (told["accuracy"], told["ties"]) == (0.5, 0.5)


def test_orders_positions_and_mass_are_pooled_over_verdicts() -> None:
    told = Summary.of(
        [
            row([0.6, 0.4], 0, verdict(0, 1, 0.9), verdict(1, 0, 0.7, 0.1)),
            row([0.6, 0.4], 0, verdict(0, 1, 0.8), verdict(1, 0, 0.2, None)),
        ]
    ).as_dict()
    assert told["first_share"] == 0.75
    assert told["order_consistency"] == 0.5
    assert told["flip_rate"] == 0.5
    assert told["accuracy_one_order"] == 0.75
    assert abs(told["label_mass"] - (0.5 + 0.1 + 0.5) / 3) < 1e-12
    assert (told["calls"], told["comparisons"]) == (4, 4)


def test_nothing_gives_no_shares() -> None:
    told = Summary().as_dict()
    assert told["accuracy"] is told["first_share"] is told["coverage"] is None


def test_answers_cut_or_refused_are_shares_of_all_answers() -> None:
    one = row([0.5], None, {**verdict(0, 1, 0.9), "call": "a"}, {**verdict(1, 0, 0.9), "call": "b"})
    one["failures"] = [{"kind": kind, "call": "x"} for kind in ("cut", "low_mass", "timeout")]
    # Neither a failure without a call nor the tie of two equal responses is an answer.
    one["failures"].append({"kind": "cut", "call": None})
    one["verdicts"].append({**verdict(2, 3, 0.5), "call": ""})
    told = Summary.of([one]).as_dict()
    assert (told["truncated"], told["low_mass"]) == (0.2, 0.2)
    nothing = Summary.of([row([0.5], None)]).as_dict()
    assert (nothing["truncated"], nothing["low_mass"]) == (None, None)


def test_thinking_that_its_budget_ended_is_a_share_of_thinking_and_of_all_answers() -> None:
    said = {**verdict(0, 1, 0.9), "call": "a"}
    thought = {**said, "thinking": "so"}
    one = row([0.5], None, said, thought, {**thought, "thinking_cut": True})
    one["failures"] = [{"kind": kind, "call": "x"} for kind in ("cut", "thinking_cut")]
    told = Summary.of([one]).as_dict()
    assert told["thinking_cut"] == 2 / 3
    assert told["truncated"] == 3 / 5
    plain = Summary.of([row([0.5], None, said)]).as_dict()
    assert (plain["thinking_cut"], plain["truncated"]) == (None, 0.0)


def test_the_length_correlation_is_the_mean_of_the_groups_that_have_one() -> None:
    rows = [row([0.5], None) for _ in range(3)]
    for one, value in zip(rows, (0.8, None, 0.2), strict=True):
        one["metrics"] = {"length_correlation": value}
    assert Summary.of(rows).as_dict()["length_correlation"] == 0.5
    assert Summary.of(rows[1:2]).as_dict()["length_correlation"] is None
