import numpy as np
import pytest

from judge.curation.curate import Settings, curate, curated_row
from judge.curation.strength import Limits
from judge.curation.trusted import Trusted
from judge.errors import ConfigError

PAIRS, WIDTH, HELD_OUT = 240, 40, 2000


def logistic(x, chances, weights):
    """Ridge logistic regression of P(response 0 is better) on differences of features."""
    at = np.zeros(x.shape[1])
    for _ in range(25):
        p = 1.0 / (1.0 + np.exp(-x @ at))
        slope = x.T @ (weights * (p - chances)) + at
        curve = (x * (weights * p * (1.0 - p))[:, None]).T @ x + np.eye(len(at))
        at = at - np.linalg.solve(curve, slope)
    return at


class World:
    """Pairs with known winners, and five judges of whom each errs on every fifth pair or so.

    `shared` is the part of a judge's errors (standard deviation 1.5) that all of them make.
    """

    def __init__(self, seed, make_row, make_panel, noise, shared=0.0):
        rng = np.random.default_rng(seed)
        self.truth = rng.normal(size=WIDTH)
        self.x = rng.normal(size=(PAIRS, WIDTH))
        margins = self.x @ self.truth / np.sqrt(WIDTH)
        self.held_out = rng.normal(size=(HELD_OUT, WIDTH))
        self.right = (margins < 0.0).astype(int)
        wrong = rng.random(PAIRS) < noise
        self.given = np.where(wrong, 1 - self.right, self.right)
        own = rng.normal(0.0, np.sqrt(1.5**2 - shared**2), (PAIRS, 5))
        leads = 2.0 * margins[:, None] + own + rng.normal(0.0, 1.0, (PAIRS, 1)) * shared
        votes = 1.0 / (1.0 + np.exp(-leads))
        self.judges = np.mean((votes < 0.5) == self.right[:, None])
        self.rows = [make_row(at, int(label)) for at, label in enumerate(self.given)]
        self.panel = make_panel(self.rows, votes.tolist())

    def accuracy(self, labels, soft=1.0, weights=1.0):
        """On clean pairs that nothing was learned from."""
        chances = np.where(np.array(labels) == 0, soft, 1.0 - np.array(soft))
        found = logistic(self.x, chances, np.broadcast_to(weights, len(self.x)))
        return np.mean((self.held_out @ found > 0.0) == (self.held_out @ self.truth > 0.0))

    def curated(self, **limits):
        made, _ = curate(self.rows, self.panel, Settings(Limits(**limits)))
        kept = [one.weight * (one.action != "drop") for one in made]
        return self.accuracy([one.better for one in made], [m.soft_label for m in made], kept)


@pytest.mark.parametrize(
    ("shared", "how"),
    [(0.0, {}), (0.75, {}), (0.0, {"noisy": "drop"}), (0.0, {"ambiguous": "keep"})],
)
@pytest.mark.parametrize("noise", [0.1, 0.2, 0.4])
def test_most_of_the_accuracy_that_planted_noise_costs_is_recovered(
    make_row, make_panel, noise, shared, how
):
    clean, noisy, mended = [], [], []
    for seed in range(6):
        world = World(seed, make_row, make_panel, noise, shared)
        assert 0.7 < world.judges < 0.9
        clean.append(world.accuracy(world.right))
        noisy.append(world.accuracy(world.given))
        mended.append(world.curated(**how))
    lost, found = np.mean(clean) - np.mean(noisy), np.mean(mended) - np.mean(noisy)
    assert lost > 0.03
    assert found > 0.5 * lost


@pytest.mark.parametrize("shared", [0.0, 0.75])
def test_without_noise_hardly_a_label_is_changed(make_row, make_panel, shared):
    worlds = [World(seed, make_row, make_panel, 0.0, shared) for seed in range(6)]
    figures = [curate(world.rows, world.panel, Settings())[1] for world in worlds]
    assert sum(told.relabelled for told in figures) < 0.02 * PAIRS * len(worlds)
    for world, told in zip(worlds, figures, strict=True):
        assert told.agreement["judge 0"].value == pytest.approx(world.judges, abs=0.1)
        assert sum(told.actions.values()) == told.pairs == PAIRS


def test_labels_by_people_stand_and_the_figures_say_how_right_the_panel_is(make_row, make_panel):
    world = World(0, make_row, make_panel, 0.2)
    seen = range(0, PAIRS, 3)
    people = [make_row(at, int(world.right[at])) for at in seen]
    trusted = Trusted(people, world.panel)
    made, told = curate(world.rows, world.panel, Settings(), trusted)
    assert [made[at].better for at in seen] == [world.right[at] for at in seen]
    assert {made[at].why for at in seen} == {"labelled by people"}
    assert told.panel_right.n == told.labels_before.n == len(seen)
    assert told.labels_before.value == np.mean([world.given[a] == world.right[a] for a in seen])
    assert told.labels_after.value > told.labels_before.value
    assert told.panel_right.low < told.panel_right.value < told.panel_right.high


def test_a_label_stands_where_the_panel_errs_on_similar_pairs(make_row, make_panel):
    rows = [make_row(at, 0, f"cooking soup {at}") for at in range(6)]
    rows += [make_row(at, 0, f"capital of country {at}") for at in range(6, 12)]
    votes = [[0.1, 0.1]] * 5 + [[0.9, 0.9]] + [[0.1, 0.1]] + [[0.9, 0.9]] * 5
    panel = make_panel(rows, votes)
    people = rows[1:6] + rows[7:]  # on soup the panel is wrong, on capitals right
    made, _ = curate(rows, panel, Settings(similar=4), Trusted(people, panel))
    assert made[0].action == "keep"
    assert "right on 1 of 4 similar" in made[0].why or "right on 0 of 4 similar" in made[0].why
    assert made[6].action == "flip"
    assert "right on 4 of 4 similar" in made[6].why


def test_a_peer_review_halves_and_drops(make_row, make_panel):
    rows = [make_row(at, 0) for at in range(4)] + [make_row(4, None)]
    votes = [[0.9, 0.9], [0.8, 0.6], [0.6, 0.8], [0.55, 0.55], [0.9, 0.9]]
    off = Limits(noisy="keep", ambiguous="keep")
    made, told = curate(rows, make_panel(rows, votes), Settings(off, review=0.5))
    assert [one.weight for one in made[:3]] == [1.0, 0.5, 0.5]
    assert [one.action for one in made] == ["keep", "keep", "keep", "drop", "unlabelled"]
    assert told.relabelled == 0
    one = make_panel(rows, [[v[0]] for v in votes])
    with pytest.raises(ConfigError, match="two judges, not 1"):
        curate(rows, one, Settings(Limits(least_votes=1), review=0.5))


def test_consistency_becomes_the_soft_label(make_row, make_panel):
    rows = [make_row(0, 0, "a"), make_row(1, 0, "a"), make_row(2, 0, "b")]
    votes = [[0.9, 0.9], [0.9, 0.2], [0.9, 0.8]]
    made, _ = curate(rows, make_panel(rows, votes), Settings(soft_label="consistency"))
    assert [one.soft_label for one in made] == [0.5, 0.5, 1.0]


def test_a_panel_that_contradicts_most_labels_is_not_believed(make_row, make_panel):
    rows = [make_row(at, 1) for at in range(4)]
    with pytest.raises(ConfigError, match="contradicts 3 of 4 labels"):
        curate(rows, make_panel(rows, [[0.9, 0.9]] * 3 + [[0.1, 0.1]]), Settings())
    with pytest.raises(ConfigError, match="no labelled pair has 2 votes"):
        curate(rows, make_panel(rows, [[0.9, None]] * 4), Settings())


def test_a_row_keeps_what_it_says_beside_the_decision(make_row, make_panel):
    row = make_row(0, 1)
    row.raw["weight"] = 0.5
    row.raw["extra"] = {"deep": [1]}
    rows = [row, make_row(1, 0), make_row(2, 0), make_row(3, None)]
    votes = [[0.9, 0.9], [0.9, 0.9], [0.5, 0.5], [0.9, 0.9]]
    made, _ = curate(rows, make_panel(rows, votes), Settings())
    flipped, kept, soft, unknown = map(curated_row, rows, made)
    assert flipped["extra"] == {"deep": [1]}
    assert (flipped["label"], flipped["weight"], flipped["action"]) == (0, 0.5, "flip")
    assert flipped["strength"] == pytest.approx(-0.8)
    assert (kept["label"], kept["weight"], kept["soft_label"]) == (0, 1.0, 1.0)
    assert (soft["soft_label"], soft["votes"], soft["spread"]) == (0.5, 2, 0.0)
    assert unknown["label"] is None
    assert unknown["why"]
