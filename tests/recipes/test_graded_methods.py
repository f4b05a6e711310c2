"""Bundled recipes that grade responses: each shows the property that defines its method."""

from __future__ import annotations

import hashlib
import itertools
import math
import re
import statistics

import pytest

from judge.files import bundled
from judge.probes import Target, chosen
from judge.reward_model import RewardModel
from judge.rubrics import Rubric, load_rubric
from judge.rubrics.files import open_rubric
from judge.rubrics.lint import lint
from judge.types import Group

FIELD = re.compile(r"(\w+)=(-?[\d.]+)")
FOLDER = bundled("rubrics")


def says(text, key):
    """How good a response says it is on a criterion, from 0 to 1."""
    fields = {name: float(value) for name, value in FIELD.findall(text)}
    return fields.get(key, fields.get("good", 0.0))


def spread(at, codes, width=1.0):
    """A distribution over codes, worst to best, around a place in [0, 1]."""
    levels = [code for code in codes if code != "0"]
    top = len(levels) - 1
    weights = {c: math.exp(-(((k - at * top) / width) ** 2)) for k, c in enumerate(levels)}
    total = sum(weights.values())
    return {code: weight / total for code, weight in weights.items()}


def fair(texts, key, codes):
    """A judge that leans to the better response and spreads its levels around how good one is."""
    name, _, side = key.partition(".")
    if codes[0] == "A" and not side:
        lead = says(texts[0], name) - says(texts[1], name)
        logits = {"A": 4.0 * lead, "B": -4.0 * lead, "C": 0.0}
        weights = {code: math.exp(logits[code]) for code in codes}
        return {code: weight / sum(weights.values()) for code, weight in weights.items()}
    return spread(says(texts["AB".index(side) if side else 0], name), codes)


def noise(*parts):
    """A number in [-1, 1) that depends on the parts alone."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()
    return int(digest[:8], 16) / 2**31 - 1.0


@pytest.fixture
def judged(coded_engine, answer, make_recipe):
    """A group's result under a recipe, and the requests it took.

    The judge is a function (texts, key, codes) or, with `seen`, (request, texts, key, codes).
    """

    def make(recipe, rubric, responses, *, judge=fair, seen=None, sections=None, **fields):
        requests = []

        def respond(request):
            requests.append(request)
            if seen is None:
                return answer(request, judge)
            return answer(request, lambda *told: seen(request, *told))

        given_rubric = rubric if isinstance(rubric, Rubric) else None
        row = None if given_rubric else rubric
        group = Group.of("Say it.", responses, id="g", rubric=row, **fields)
        engine = coded_engine(broken=respond)
        chosen_recipe = make_recipe(recipe, **(sections or {}))
        with RewardModel.build(given_rubric, recipe=chosen_recipe, engine=engine) as model:
            return model.score([group])[0], requests

    return make


# --- levels with words ------------------------------------------------------------------------

DESCRIBED = load_rubric("grading/against-reference", directory=FOLDER)
REFERENCE = "alpha beta gamma delta epsilon zeta eta theta iota kappa"


def share_of_reference(texts, key, codes):
    """A judge that sees how much of the reference a response holds."""
    words = REFERENCE.split()
    return spread(len(set(words) & set(texts[0].split())) / len(words), codes)


def test_prometheus_absolute(judged):
    """Degraded copies get lower expected levels, also where the likeliest level is the same."""
    words = REFERENCE.split()
    copies = [" ".join(words[:kept]) for kept in range(len(words), 0, -1)]
    result, requests = judged(
        "prometheus-absolute", DESCRIBED, copies, judge=share_of_reference, reference=REFERENCE
    )
    assert all(a > b for a, b in itertools.pairwise(result.values))
    labels = [verdict.parts[0].level for verdict in result.verdicts]
    assert any(a == b for a, b in itertools.pairwise(labels))
    (criterion,) = DESCRIBED.judged
    for request in requests:
        prompt = "\n".join(turn.content for turn in request.messages)
        assert all(level.meaning in prompt for level in criterion.levels)
        assert REFERENCE in prompt
        shape = request.constraint.regex
        assert shape.index("critique") < shape.index(criterion.id)
        assert request.read_after[0][1] == ("1", "2", "3", "4", "5")


def test_prometheus_absolute_wants_its_anchors(judged, tmp_path):
    """Without the reference there is no level; bare numbers for levels are a finding."""
    result, requests = judged("prometheus-absolute", DESCRIBED, ["alpha", "beta"])
    assert result.values == [None, None]
    assert {reward.reason.kind for reward in result.rewards} == {"missing_input"}
    assert requests == []
    bare = tmp_path / "bare.yaml"
    asks = "criteria: [{id: a, question: Is it right?, scale: 1..5}]"
    bare.write_text(f"schema: rubric/v1\nid: bare\n{asks}\n", encoding="utf-8")
    assert "R008" in {finding.code for finding in lint(open_rubric(bare))}


def test_prometheus_asks_one_criterion_a_call(judged, make_rubric):
    rubric = make_rubric({"id": "a", "scale": "1..5"}, {"id": "b", "scale": "1..5"})
    for recipe, calls in (("prometheus-absolute", 2 * 2), ("prometheus-relative", 2 * 2)):
        _, requests = judged(recipe, rubric, ["a=0.1 b=0.9", "a=0.8 b=0.2"])
        assert len(requests) == calls
        assert {len(request.read_after) for request in requests} == {1}


def test_prometheus_relative(judged, make_rubric):
    """A or B after a feedback, no tie; both orders, so that a judge of places decides nothing."""
    rubric = make_rubric("good")
    texts = ["good=0.2", "good=0.9", "good=0.5"]
    result, requests = judged("prometheus-relative", rubric, texts)
    assert sorted(range(3), key=result.values.__getitem__) == [0, 2, 1]
    assert len(requests) == 6
    assert {request.read_after[0][1] for request in requests} == {("A", "B")}
    shape = requests[0].constraint.regex
    assert shape.index("critique") < shape.index("good")
    first, _ = judged(
        "prometheus-relative", rubric, texts, judge=lambda texts, key, codes: {"A": 0.9, "B": 0.1}
    )
    assert first.values == pytest.approx([0.5] * 3)
    assert first.metrics["flip_rate"] == 1.0


CHECKLIST = [
    {"id": "names_both", "question": "Does it name both rivers?", "weight": 0},
    {"id": "says_length", "question": "Does it say how long they are?", "weight": 0},
]


def test_wildbench_score(judged):
    """(s - 5) * 2 of the overall level alone; every item of the checklist is answered beside it."""
    row = {"schema": "rubric/v1", "id": "row/one", "extends": "grading/overall",
           "criteria": CHECKLIST}  # fmt: skip
    texts = [
        f"overall={s} names_both={b} says_length={1 - b}" for s in (0.0, 0.5, 1.0) for b in (0, 1)
    ]

    def sharp(texts, key, codes):
        return spread(says(texts[0], key), codes, width=0.05)

    result, requests = judged("wildbench-score", row, texts, judge=sharp)
    scores = [1 + 9 * k / 8 for k in (0, 4, 8) for _ in range(2)]
    assert result.values == pytest.approx([(s - 5) * 2 for s in scores])
    assert result.values[0] == pytest.approx(-8.0)
    assert result.values[-1] == pytest.approx(10.0)
    for reward, text in zip(result.rewards, texts, strict=True):
        for item in CHECKLIST:
            assert reward.parts[item["id"]] == pytest.approx(says(text, item["id"]))
    for request in requests:
        assert len(request.read_after) == 3
        assert all(item["question"] in request.messages[0].content for item in CHECKLIST)


# --- several critiques ------------------------------------------------------------------------

OVERALL = load_rubric("grading/overall", directory=FOLDER)


def moody(request, texts, key, codes):
    """A judge whose level depends on the critique, which the seed draws; the label is certain."""
    right = says(texts[0], key) + 0.35 * noise(request.sampling.seed, texts[0])
    at = round(min(1.0, max(0.0, right)) * (len(codes) - 1))
    return {code: float(k == at) for k, code in enumerate(codes)}


def test_cloud_style(judged):
    """The error falls with the number of critiques, and their variance is the uncertainty."""
    texts = [f"good={0.35 + 0.3 * k / 39:.4f} {k}" for k in range(40)]
    truth = [says(text, "overall") for text in texts]
    errors = {}
    for n in (1, 4, 8):
        result, requests = judged(
            "cloud-style", OVERALL, texts, seen=moody, sections={"judge": {"samples": n}}
        )
        assert len(requests) == n * len(texts)
        assert {request.sampling.temperature for request in requests} == {1.0}
        errors[n] = statistics.mean(
            (value - right) ** 2 for value, right in zip(result.values, truth, strict=True)
        )
    assert errors[8] < errors[4] < errors[1]
    assert errors[4] < 0.5 * errors[1]
    result, requests = judged("cloud-style", OVERALL, texts[:1], seen=moody)
    drawn = []
    for request in requests:
        codes = request.read_after[0][1]
        told = moody(request, texts[:1], "overall", codes)
        drawn.append(codes.index(max(told, key=told.get)) / (len(codes) - 1))
    assert len(requests) == 4 == len({request.sampling.seed for request in requests})
    (reward,) = result.rewards
    assert reward.value == pytest.approx(statistics.mean(drawn))
    assert reward.standard_error == pytest.approx(statistics.pstdev(drawn))
    assert reward.standard_error > 0.0
    shape = requests[0].constraint.regex
    assert shape.index("critique") < shape.index("overall")


# --- whole distributions ----------------------------------------------------------------------

NINE = tuple("123456789")


def given(*rows):
    """A judge with these distributions over nine digits, for responses that name their row."""

    def judge(texts, key, codes):
        side = key.partition(".")[2]
        text = texts["AB".index(side) if side else 0]
        return dict(zip(codes, rows[int(text.split()[-1])], strict=True))

    return judge


PEAKED = (0.0, 0.0, 0.0, 0.2, 0.6, 0.2, 0.0, 0.0, 0.0)
TWO_PEAKS = (0.4, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.4)
HIGH = (0.0, 0.0, 0.0, 0.0, 0.05, 0.15, 0.3, 0.4, 0.1)


def test_oprm(judged):
    """The mean of one digit's distribution, and its deviation; the whole of it is kept."""
    rows = (PEAKED, TWO_PEAKS, HIGH)
    result, requests = judged("oprm", OVERALL, ["row 0", "row 1", "row 2"], judge=given(*rows))
    for row, reward, verdict in zip(rows, result.rewards, result.verdicts, strict=True):
        mean = sum(k * p for k, p in enumerate(row, 1))
        variance = sum((k - mean) ** 2 * p for k, p in enumerate(row, 1))
        assert reward.value == pytest.approx((mean - 1) / 8)
        assert reward.standard_error == pytest.approx(math.sqrt(variance) / 8)
        assert verdict.parts[0].probabilities == pytest.approx(row)
    # Two peaks and one have the same mean; only the deviation tells them apart.
    assert result.values[0] == pytest.approx(result.values[1])
    assert result.rewards[1].standard_error > 3 * result.rewards[0].standard_error
    for request in requests:
        assert request.read_after == (("", NINE),)  # a bare digit, read where it is written
        assert set(request.labels) == set(NINE)


def test_oprm_refuses_what_is_no_digit_to_the_model(judged):
    weak = tuple(0.4 * p for p in HIGH)
    result, _ = judged("oprm", OVERALL, ["row 0", "row 1"], judge=given(HIGH, weak))
    assert result.values[0] is not None
    assert result.values[1] is None
    assert result.rewards[1].reason.kind == "low_mass"


def test_oprm_pairs(judged, make_rubric):
    """P(c > r) = sum over i > j of p_c(i) p_r(j), and half of what is equal, in both orders."""
    rows = (PEAKED, TWO_PEAKS, HIGH)
    texts = ["row 0", "row 1", "row 2"]
    result, requests = judged("oprm-pairs", make_rubric("good"), texts, judge=given(*rows))

    def above(p, q):
        first = sum(p[i] * q[j] for i in range(9) for j in range(i))
        return first + sum(a * b for a, b in zip(p, q, strict=True)) / 2

    expected = [
        statistics.mean(above(rows[i], rows[j]) for j in range(3) if j != i) for i in range(3)
    ]
    assert result.values == pytest.approx(expected)
    assert above(PEAKED, TWO_PEAKS) == pytest.approx(0.5)
    assert sum(result.values) == pytest.approx(1.5)
    assert {slot[1] for request in requests for slot in request.read_after} == {NINE}


# --- one judge, pairs and points --------------------------------------------------------------

POLAR = (
    {"id": "useful", "scale": "1..5"},
    {"id": "harm", "scale": "1..5", "kind": "pitfall"},
)


def test_unified_reward(judged, make_rubric):
    """Pairs and points by one rubric order alike; a mistake counts against it in both."""
    rubric = make_rubric(*POLAR)
    texts = ["useful=0.9 harm=0.0", "useful=0.9 harm=0.9", "useful=0.1 harm=0.9"]

    def polar(texts, key, codes):
        """Of a mistake to avoid the better response is the one that makes it less."""
        sign = -1.0 if key == "harm" and codes[0] == "A" else 1.0
        told = [f"{key}={sign * says(text, key)}" for text in texts]
        return fair(told, key, codes)

    points, _ = judged("unified-reward-score", rubric, texts, judge=polar)
    pairs, requests = judged("unified-reward", rubric, texts, judge=polar)
    assert points.values[0] > points.values[1] > points.values[2]
    assert pairs.values[0] > pairs.values[1] > pairs.values[2]
    assert len(requests) == 6
    assert {slot[1] for request in requests for slot in request.read_after} == {("A", "B", "C")}
    # As a virtue the same criterion would turn the first two round.
    virtue = make_rubric(POLAR[0], {**POLAR[1], "kind": "principle"})
    turned, _ = judged("unified-reward-score", virtue, texts)
    assert turned.values[0] < turned.values[1]
    # A lone response has no pair and gets its points.
    alone, _ = judged("unified-reward", rubric, texts[:1], judge=polar)
    assert alone.values == pytest.approx(points.values[:1])


def test_unified_reward_has_a_verdict_for_equal(judged, make_rubric):
    tie = {"A": 0.05, "B": 0.05, "C": 0.9}
    result, _ = judged("unified-reward", make_rubric("good"), ["x", "y"], judge=lambda *told: tie)
    assert result.values == pytest.approx([0.5, 0.5])
    first, _ = judged(
        "unified-reward", make_rubric("good"), ["x", "y"],
        judge=lambda *told: {"A": 0.8, "B": 0.1, "C": 0.1},
    )  # fmt: skip
    assert first.values == pytest.approx([0.5, 0.5])


# --- counted, not judged ----------------------------------------------------------------------


@pytest.fixture
def counted(coded_engine, writing, make_recipe):
    """Results of groups under a recipe whose rubric is routed, and the requests."""

    def make(recipe, groups, rubric, respond=lambda texts, request: 1, **sections):
        engine = coded_engine(fair, broken=writing(respond))
        given_rubric = load_rubric(rubric, directory=FOLDER)
        chosen_recipe = make_recipe(recipe, **sections)
        with RewardModel.build(given_rubric, recipe=chosen_recipe, engine=engine) as model:
            return model.score(groups), engine.requests

    return make


QUESTION = (
    "Explain why the bridges of a railway have gaps between the plates of their deck and what "
    "would happen to the plates of such a bridge without the gaps in a hot summer"
)
FULL = (
    "The plates of the deck grow in a hot summer, because steel gets longer as its temperature "
    "rises. A bridge of two hundred metres is some ten centimetres longer in July than in January. "
    "The gaps between the plates of the bridge take up this growth, so that in summer the plates "
    "nearly touch and in winter a finger fits between them. Without the gaps the plates would "
    "press on each other with the force of many trains; they would buckle upwards, tear out their "
    "bolts, and bend the rails of the railway. This is why the bridges of a railway also rest on "
    "rollers at one end: what the gaps allow at the top, the rollers allow at the supports, and "
    "nothing is forced out of its place when the sun shines on the steel all day."
)
PADDING = (
    "By the way, gardening is a rewarding hobby that people of every age enjoy. Tulips want sandy "
    "soil, roses like clay, and tomatoes need watering twice each morning. My grandmother kept "
    "seven cats, painted landscapes, collected stamps from Brazil, and baked excellent cinnamon "
    "rolls on Sundays while listening to opera."
)


def r3(counted, **texts):
    group = Group.of(QUESTION, list(texts.values()), id="g", meta={"task": "open question"})
    (result,), requests = counted("r3-relevance", [group], "relevance/open")
    assert requests == []
    return dict(zip(texts, result.values, strict=True)), result


def test_r3_relevance(counted):
    """Echoing, repeating and padding each lower the score of a full answer."""
    assert len(FULL.split()) >= 100
    asked = chosen(["copy/prompt"])[0].on(Target(QUESTION, FULL, FULL))
    values, result = r3(
        counted,
        honest=FULL,
        echo=asked,
        echo_before=f"{QUESTION}. {FULL}",
        echoes=" ".join([QUESTION] * 5),
        repeated=f"{FULL} {FULL}",
        many=" ".join([FULL] * 6),
        padded=f"{FULL} {PADDING}",
        padded_before=f"{PADDING} {FULL}",
        padding=f"{PADDING} {PADDING}",
    )
    honest = values.pop("honest")
    assert 0.1 < honest <= 1.0
    for probe, value in values.items():
        assert value < honest, probe
    assert values["echo"] == 0.0
    assert values["many"] < 0.5 * honest
    # Plain relevance falls for the echo, which is why the other factors are there.
    plain = {index: reward.parts["relevant"] for index, reward in enumerate(result.rewards)}
    assert plain[1] == pytest.approx(1.0)
    assert plain[1] > plain[0]
    for reward in result.rewards:
        factors = ("relevant", "long_enough", "not_repeated", "not_echoed")
        assert reward.value == pytest.approx(math.prod(reward.parts[name] for name in factors))
    # The formula's own limit, which the rubric tells: below the target words of any kind are paid.
    short = " ".join(FULL.split()[:40])
    values, _ = r3(counted, short=short, padded=f"{short} {PADDING}")
    assert values["padded"] > values["short"]


def test_r3_relevance_of_closed_questions_is_likeness_to_the_reference(counted):
    fields = {"reference": "Mercury is liquid.", "meta": {"task": "closed question"}}
    texts = ["Mercury is liquid.", "Lead is liquid.", " ".join(["Mercury is liquid."] * 4)]
    group = Group.of("Which metal is liquid?", texts, id="g", **fields)
    short = Group.of("Which metal is liquid?", texts, id="h", meta=fields["meta"])
    mute = Group.of("Which metal?", texts, id="m", **{**fields, "reference": "?"})
    (told, without, half), requests = counted(
        "r3-relevance", [group, short, mute], "relevance/open"
    )
    assert told.values[0] == pytest.approx(1.0)  # however short it is
    assert told.values[0] > told.values[1]
    assert told.values[0] > told.values[2]
    assert without.values == [None] * 3
    assert without.rewards[0].reason.kind == "missing_input"
    assert half.values == [None] * 3  # a product without one of its factors is too high
    assert requests == []


def test_r3_relevance_asks_the_generator_where_the_row_does_not_say(counted):
    def closed(texts, request):
        shown = request.messages[-1].content + request.messages[0].content
        title = load_rubric("relevance/closed", directory=FOLDER).title
        return int(re.search(rf"(\d)\W+{re.escape(title)}", shown)[1])

    group = Group.of("Which metal is liquid?", ["Mercury."], id="g", reference="Mercury.")
    (result,), requests = counted("r3-relevance", [group], "relevance/open", closed)
    assert len(requests) == 3
    assert result.values == pytest.approx([1.0])
    assert result.record["rubric"] == load_rubric("relevance/closed", directory=FOLDER).digest


RIGHT = "SELECT name FROM staff WHERE salary > 50 ORDER BY name"
TABLES = (
    "CREATE TABLE staff (name TEXT, salary INTEGER, town TEXT);"
    "INSERT INTO staff VALUES ('Ann', 60, 'Ulm'), ('Bob', 40, 'Bonn'), ('Cy', 70, 'Ulm')"
)
SQL = {
    "schema": "rubric/v1",
    "id": "row/sql",
    "extends": "code/sql",
    "criteria": [{"id": "rows", "weight": 3, "check": {"sql_result": {"schema_sql": TABLES}}}],
}


def reads_sql(texts, key, codes):
    """A judge that is right about what a query means."""
    right = "50" in texts[0] and "<" not in texts[0]
    half = "staff" in texts[0] and "SELECT" in texts[0] and "<" not in texts[0]
    at = 1.0 if right else 0.5 if half else 0.0
    return spread(at, codes, width=0.05)


def test_reasoning_sql(judged):
    """Each partial reward adds its share, and no near copy is worth as much as the right rows."""
    texts = [
        "I would look into the table.",
        "SELECT name FROM",
        "SELECT town FROM cities",
        "SELECT name FROM staff",
        "SELECT name FROM staff WHERE salary < 50 ORDER BY name",
        "WITH rich AS (SELECT * FROM staff WHERE salary >= 51) SELECT rich.name FROM rich",
        RIGHT,
    ]
    result, _ = judged("reasoning-sql", SQL, texts, judge=reads_sql, reference=RIGHT)
    prose, broken, other, part, wrong, another, right = result.values
    assert (right, prose) == (pytest.approx(1.0), pytest.approx(0.0))
    assert prose <= broken < other < part
    assert max(part, wrong) < another < right
    weights = {"rows": 3, "answers_question": 2, "tables_and_columns": 1, "wording": 1, "valid": 1}
    for reward in result.rewards:
        told = sum(weight * reward.parts[name] for name, weight in weights.items())
        assert reward.value == pytest.approx(told / 8)
    near = result.rewards[4].parts
    assert near["wording"] > 0.6
    assert near["rows"] == 0.0


def test_reasoning_sql_pays_nothing_where_the_rows_cannot_be_compared(judged):
    """Partial rewards alone would pay a query that nobody ran as if it were right."""
    check = {"sql_result": {"schema_sql": TABLES, "max_steps": 1000}}
    row = {**SQL, "criteria": [{"id": "rows", "weight": 3, "check": check}]}
    heavy = (
        "WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k < 100000)"
        " SELECT name FROM staff WHERE salary > (SELECT count(*) FROM n) - 50"
    )
    result, _ = judged("reasoning-sql", row, [RIGHT, heavy], judge=reads_sql, reference=RIGHT)
    assert result.values[0] == pytest.approx(1.0)
    assert result.values[1] is None


def test_mixed_r1(counted):
    """One recipe, several kinds of reward, each by the row's task, in [0, 1]; no call."""
    rows = [
        ("multiple choice", "B", ["The answer is (B).", "The answer is (C)."], [1.0, 0.0]),
        ("mathematics", "1/2", ["So it is 0.5.", "So it is 0.25."], [1.0, 0.0]),
        ("chart", "40", ["41", "50"], [1.0, 0.0]),
        ("grounding", "[0, 0, 10, 10]", ["[0, 0, 10, 5]", "[20, 20, 30, 30]"], [0.5, 0.0]),
        ("captioning", "a b c d", ["a b", "x y"], [0.75, 0.0]),
    ]
    groups = [
        Group.of("Look.", texts, id=task, reference=right, meta={"task": task})
        for task, right, texts, _ in rows
    ]
    results, requests = counted("mixed-r1", groups, "matching/text")
    assert requests == []
    for (task, _, _, expected), result in zip(rows, results, strict=True):
        assert result.values == pytest.approx(expected), task
    assert len({result.record["rubric"] for result in results}) == len(rows)


def test_mixed_r1_falls_back_and_says_what_is_missing(counted):
    unsure = Group.of("Look.", ["a b", "x"], id="u", reference="a b")
    bare = Group.of("Look.", ["[0, 0, 1, 1]"], id="b", meta={"task": "grounding"})
    words = Group.of("Look.", ["[0, 0, 1, 1]"], id="w", reference="up", meta={"task": "grounding"})
    (fallback, missing, unknown), _ = counted("mixed-r1", [unsure, bare, words], "matching/text")
    assert fallback.record["rubric"] == load_rubric("matching/text", directory=FOLDER).digest
    assert fallback.values == pytest.approx([1.0, 0.0])
    assert missing.rewards[0].reason.kind == "missing_input"
    assert unknown.values == [None]  # no right box to compare with is no zero


# --- passages ---------------------------------------------------------------------------------


def test_passage_utility(judged, responses_of):
    """Five drawn orders average the place in the list away, which one order does not."""
    rubric = load_rubric("search/passage-utility", directory=FOLDER)
    texts = [f"useful={value} passage {k}" for k, value in enumerate((0.2, 0.8, 0.4, 0.6, 0.3))]
    truth = [says(text, "useful") for text in texts]

    def first_is_best(shown, key, codes):
        place = "ABCDE".index(key.rpartition(".")[2])
        high = min(1.0, max(0.0, says(shown[place], "useful") + 0.1 * (2 - place)))
        return {codes[0]: 1.0 - high, codes[1]: high}

    five, requests = judged("passage-utility", rubric, texts, judge=first_is_best)
    orders = [responses_of(request) for request in requests]
    assert len(set(orders)) == 5
    assert {frozenset(order) for order in orders} == {frozenset(texts)}
    assert all(len({order[place] for order in orders}) == 5 for place in range(5))
    assert five.values == pytest.approx(truth)
    one, _ = judged(
        "passage-utility", rubric, texts, judge=first_is_best, sections={"judge": {"lists": 1}}
    )
    assert one.values != pytest.approx(truth, abs=0.05)
    again, _ = judged("passage-utility", rubric, texts[::-1], judge=first_is_best)
    assert again.values[::-1] == pytest.approx(five.values)
