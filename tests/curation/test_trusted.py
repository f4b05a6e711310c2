from judge.curation.trusted import Trusted


def test_people_settle_their_pairs_in_either_order(make_row, make_panel):
    rows = [make_row(at, at % 2) for at in range(4)]
    trusted = Trusted(rows, make_panel(rows, [[0.9]] * 4))
    assert [trusted.better(row.group) for row in rows] == [0, 1, 0, 1]
    turned = rows[0].group
    turned = type(turned).of(turned.prompt, turned.responses[::-1])
    assert trusted.better(turned) == 1
    assert trusted.better(make_row(9, 0).group) is None
    assert trusted.right.tolist() == [1.0, 0.0, 1.0, 0.0]


def test_reliability_is_that_on_similar_pairs_and_never_on_the_pair_itself(make_row, make_panel):
    rows = [make_row(at, 0, f"cooking soup number {at}") for at in range(3)]
    rows += [make_row(at, 0, f"capital of country {at}") for at in range(3, 6)]
    rows += [make_row(6, None)]  # nobody says who is better
    votes = [[0.9]] * 3 + [[0.1]] * 3 + [[0.9]]
    trusted = Trusted(rows, make_panel(rows, votes))
    assert trusted.reliability(rows[0].group, 2) == (2.0, 2)
    assert trusted.reliability(rows[3].group, 2) == (0.0, 2)
    assert trusted.reliability(make_row(9, 0, "cooking soup").group, 3) == (3.0, 3)
    assert trusted.better(rows[6].group) is None


def test_without_votes_or_labels_nothing_is_known(make_row, make_panel):
    rows = [make_row(at, 0) for at in range(2)]
    trusted = Trusted(rows, make_panel(rows, [[None]] * 2))
    assert trusted.reliability(rows[0].group, 3) == (0.0, 0)
    assert trusted.better(rows[0].group) == 0
    assert len(Trusted([], make_panel(rows, [[0.5]] * 2)).right) == 0
