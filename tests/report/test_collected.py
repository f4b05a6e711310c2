from judge.report.collected import BEST, LOST, NEITHER, OTHER, WORST, Collected


def test_what_has_no_reward_is_counted_and_not_a_number(make_row):
    found = Collected.of([make_row(1, [0.5, None, 0.0])])
    assert list(found.values) == [0.5, 0.0]
    assert found.summary.responses == 3
    assert found.stages[LOST, "engine", "timeout"] == 1


def test_labels_stand_beside_their_values(make_row):
    rows = [make_row(1, [0.5, None, 0.1], label=2), make_row(2, [0.3])]
    found = Collected.of(rows)
    assert list(found.labels) == [OTHER, BEST, NEITHER]
    assert found.told == 1


def test_the_largest_disagreements_with_labels_come_first(make_row):
    rows = [make_row(k, [k / 100.0, 0.0], label=1) for k in range(WORST + 5)]
    found = Collected.of(rows)
    assert [one.group for one in found.against_label] == [f"g{k}" for k in range(14, 4, -1)]
    assert {(one.better, one.worse) for one in found.against_label} == {(1, 0)}


def test_agreement_ties_and_missing_rewards_are_no_disagreement(make_row):
    rows = [
        make_row(1, [0.9, 0.1], label=0),
        make_row(2, [0.5, 0.5], label=1),
        make_row(3, [0.5, None], label=1),
        make_row(4, [0.9, 0.1]),
    ]
    assert Collected.of(rows).against_label == []


def test_pairs_that_turn_with_the_order_are_found(make_row, make_pair):
    turned = make_row(1, [0.5, 0.5], verdicts=[make_pair(0, 1, 0.9), make_pair(1, 0, 0.7)])
    steady = make_row(2, [0.9, 0.1], verdicts=[make_pair(0, 1, 0.9), make_pair(1, 0, 0.2)])
    once = make_row(3, [0.9, 0.1], verdicts=[make_pair(0, 1, 0.9)])
    (found,) = Collected.of([turned, steady, once]).against_itself
    assert (found.group, found.better, found.worse) == ("g1", 0, 1)
    assert abs(found.size - 0.4) < 1e-9


def test_the_record_holds_every_digest_but_no_rubric_that_was_written(make_row):
    rows = [make_row(k, [0.5], record={"engine": f"e{k % 2}", "written": "{}"}) for k in range(4)]
    assert Collected.of(rows).record == {"engine": {"e0", "e1"}}
