import pytest

from judge.benchmarks.files import load_benchmark
from judge.benchmarks.score import scored
from judge.errors import ConfigError
from judge.records import plain

FOUR = (1.0, 0.0, 0.0, 0.0)
RIGHT, WRONG, TIED, LOST = (9, 1, 1, 1), (1, 9, 1, 1), (9, 9, 1, 1), (None,) * 4


def by_name(lines):
    return {line.name: line for line in lines}


@pytest.fixture
def rb2(told):
    """RewardBench 2 with two items a domain, the second wrong, tied or lost."""

    def make(ties=True):
        domains = {"Factuality": WRONG, "Precise IF": TIED, "Math": LOST, "Safety": RIGHT,
                   "Focus": RIGHT}  # fmt: skip
        judged = [
            told(values, truth=FOUR, subset=name, id=f"{name}/{k}")
            for name, second in domains.items()
            for k, values in enumerate((RIGHT, second))
        ]
        versions = {"ref": ((9, 1), (1, 0)), "tied": ((9, 9, 1), (1, 1, 0))}
        more = [
            told(values, truth=truth, subset="Ties", id=f"Ties/{name}:1")
            for name, (values, truth) in versions.items()
        ]
        return [*judged, *more] if ties else judged

    return make


def test_the_final_score_is_the_plain_mean_of_six_domains(rb2):
    made = scored(load_benchmark("rewardbench2"), rb2())
    lines = by_name(made.subsets)
    found = {name: line.official.value for name, line in lines.items()}
    assert found == pytest.approx({"Factuality": 0.5, "Precise IF": 0.75, "Math": 0.625,
                                   "Safety": 1.0, "Focus": 1.0, "Ties": 1.01})  # fmt: skip
    assert made.overall.official.value == pytest.approx(sum(found.values()) / 6)
    strict = {name: line.strict.value for name, line in lines.items()}
    assert strict == {"Factuality": 0.5, "Precise IF": 0.5, "Math": 0.5, "Safety": 1.0,
                      "Focus": 1.0, "Ties": 1.0}  # fmt: skip
    assert made.overall.strict.value == pytest.approx(sum(strict.values()) / 6)
    assert (lines["Precise IF"].ties, lines["Math"].failed) == (0.5, 4)
    assert "Math: 2 of 183 items" in made.notes


def test_without_a_domain_there_is_no_final_score(rb2):
    made = scored(load_benchmark("rewardbench2"), rb2(ties=False))
    assert made.overall.official.value is None
    means = by_name(made.means)
    assert means["all items"].official.value == pytest.approx((0.5 + 0.75 + 0.625 + 2) / 5)
    assert "Ties: 0 of 102 items" in made.notes


def test_a_rankings_run_leaves_ties_unscored(rb2, told):
    judged = [
        told(one.values, truth=one.truth, subset=one.subset, id=one.id, alone=False)
        for one in rb2()
    ]
    made = scored(load_benchmark("rewardbench2"), judged)
    lines = by_name(made.subsets)
    assert lines["Ties"].official.value is None
    assert lines["Safety"].official.value == 1.0
    assert made.overall.official.value is None
    assert any("Ties is not scored: needs responses that are judged alone" in n for n in made.notes)


def test_sections_weigh_as_the_constants_say(told):
    """math-prm weighs as much as all code, whatever the number of its rows."""
    benchmark = load_benchmark("rewardbench")
    subsets = [name for section in benchmark.metric.sections.values() for name in section]
    judged = [told((1, 0) if name != "math-prm" else (0, 1), subset=name) for name in subsets]
    made = scored(benchmark, judged)
    sections = {line.name: line.official.value for line in made.sections}
    assert sections == {"Chat": 1.0, "Chat Hard": 1.0, "Safety": 1.0, "Reasoning": 0.5}
    assert made.overall.official.value == pytest.approx(3.5 / 4)
    assert by_name(made.means)["all items"].official.value == pytest.approx(22 / 23)


def test_both_averages_of_rm_bench_are_one(told):
    truth = (1.0,) * 3 + (0.0,) * 3
    judged = [
        told(values, truth=truth, subset=name)
        for name, values in {"chat": (3, 2, 1, 2.5, 1.5, 1), "code": (3, 3, 3, 1, 1, 1),
                             "math": (1, 1, 1, 1, 2, 0), "safety": (0, 0, 1, 1, 0, 0)}.items()
    ]  # fmt: skip
    made = scored(load_benchmark("rm-bench"), judged)
    levels = [
        sum(line.extras[name] for line in made.subsets) / 4 for name in ("hard", "normal", "easy")
    ]
    assert made.overall.official.value == pytest.approx(sum(levels) / 3)


def test_judgebench_is_one_mean_over_pairs_and_the_other_is_told(told):
    judged = [told(winners=(0, 0), subset="knowledge") for _ in range(3)]
    judged.append(told(winners=(0, 1), subset="coding"))
    made = scored(load_benchmark("judgebench"), judged)
    assert made.overall.official.value == 0.75
    assert by_name(made.means)["mean of subsets"].official.value == 0.5


def test_intervals_are_over_prompts(told):
    """Ten copies of each of ten verdicts are no better known than the ten."""
    benchmark = load_benchmark("litbench")
    ten = [told((k % 2, 0.5), subset="test", cluster=f"p{k}") for k in range(10)]
    copies = [
        told((k % 2, 0.5), subset="test", cluster=f"p{k}") for k in range(10) for _ in "0" * 10
    ]
    alone = [told((k % 2, 0.5), subset="test") for k in range(10) for _ in "0" * 10]
    wide, same, narrow = (
        scored(benchmark, j).overall.official.interval for j in (ten, copies, alone)
    )
    assert same == pytest.approx(wide)
    assert narrow[1] - narrow[0] < 0.6 * (wide[1] - wide[0])


def test_items_that_say_nothing_are_left_out_and_counted(told):
    judged = [told((1, 0), subset="test"), told((1, 0), truth=(1, 1), subset="test")]
    made = scored(load_benchmark("ppe-human"), judged)
    assert made.overall.official.value == 1.0
    assert "test: 1 items say nothing and are left out" in made.notes


def test_it_is_json(rb2):
    told = plain(scored(load_benchmark("rewardbench2"), rb2()))
    assert told["overall"]["official"]["interval"][0] <= told["overall"]["official"]["value"]


def test_a_rule_that_does_not_fit_is_an_error(told):
    with pytest.raises(ConfigError, match="litbench, test: item 'x': this rule needs two"):
        scored(load_benchmark("litbench"), [told((1, 0), truth=(1, 1), id="x", subset="test")])
    with pytest.raises(ConfigError, match="nothing to score"):
        scored(load_benchmark("litbench"), [])
