"""Recipes that verify: chains of cited statements, and answers against a reference."""

import json
import re

import pytest

from judge.errors import RecipeError
from judge.probes.attacks import bundled_attacks
from judge.types import Group, Message, Response

CHAIN = (
    {"id": "right", "scope": "answer", "check": {"contains": "Ida Berg"}},
    {"id": "designed", "question": "Did <E0> design <E1>?", "slots": ["E0", "E1"]},
    {"id": "opened", "question": "Did <E1> open in the year that <E2> was founded?",
     "slots": ["E1", "E2"]},
    {"id": "founded", "question": "Was <E2> founded by <E3>?", "slots": ["E2", "E3"]},
)  # fmt: skip
PROVEN = [
    one if "check" in one else {"kind": "statement", "evidence": "citation", **one} for one in CHAIN
]
PAGES = """\
[1] The Elm Museum was designed by Ida Berg.
[2] The Elm Museum opened in 1931, the year in which the Lund Society was founded.
[3] The Lund Society was founded by Per Holm.
"""
NAMES = {"E0": "Ida Berg", "E1": "Elm Museum", "E2": "Lund Society", "E3": "Per Holm"}
QUOTES = dict(zip(("designed", "opened", "founded"), PAGES.splitlines(), strict=True))
FULL = (
    "Ida Berg [1]. She designed the Elm Museum [1], which opened when the Lund Society was"
    " founded [2] by Per Holm [3]."
)


def quoting(names=NAMES, quotes=QUOTES, yes=None):
    """A judge that says yes wherever the sources it is shown hold the quotation it knows."""

    def respond(request, blocks):
        sources, _ = blocks[-2:]
        told = {f"{name}.name": names.get(name, "none") for name in NAMES}
        for marker, _ in request.read_after:
            key = marker.split('"')[1]
            quote = quotes[key].partition("] ")[2] or quotes[key]
            holds = quote in sources if yes is None else key in yes
            told |= {f"{key}.evidence": quote if holds else "none", f"{key}.reason": "So."}
            told[key] = 2 if holds else 1
        return json.dumps(told)

    return respond


@pytest.fixture
def chained(coded_engine, build, make_rubric, make_recipe, fenced_texts):
    """A group's result under carr, and what the judge was shown last."""

    def make(*responses, says=None, criteria=PROVEN, context=PAGES, recipe="carr",
             combined=None, **sections):  # fmt: skip
        engine = coded_engine(
            broken=lambda request: (says or quoting())(request, fenced_texts(request)),
            logprobs=False,
        )
        if combined:
            sections["criteria"] = combined
        model = build(engine, make_rubric(*criteria), recipe=make_recipe(recipe, **sections))
        group = Group.of("Who designed it?", responses, id="g", context=context)
        return model.score([group])[0], [fenced_texts(request) for request in engine.requests]

    return make


def test_carr_pays_a_proven_chain_more_than_a_shortcut(chained):
    shortcut = "Ida Berg [1]."
    wrong = FULL.replace("Ida Berg", "Nils Ek")
    result, shown = chained(FULL, shortcut, wrong)
    assert result.values == pytest.approx([1.0, 0.7, 0.0])
    assert len(shown) == 3  # one call a response
    assert shown[1][-2] == PAGES.splitlines()[0]  # and only what it cites


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_carr_chain_share_weighs_the_chain_in_a_right_answer(chained, share):
    half = "Ida Berg [1] designed the Elm Museum, see the Lund Society [2]."
    model = {"combine": "connected_fraction", "chain_share": share}
    result, _ = chained(FULL, half, "Ida Berg", combined=model)
    held = (3 / 3, 2 / 3, 0.0)
    assert result.values == pytest.approx([1.0 - share + share * part for part in held])


def test_carr_an_unreachable_statement_does_not_count(chained):
    """Supported but disconnected: the link in the middle is not cited."""
    broken = FULL.replace("[2]", "")
    result, _ = chained(broken, criteria=PROVEN[1:])
    assert result.values == pytest.approx([1 / 3])  # `founded` holds and hangs in the air
    parts = {part.criterion_id: part.level for part in result.scores[0].parts}
    assert parts == {"designed": 1, "opened": 0, "founded": 1}


@pytest.mark.parametrize("missing", ["designed", "opened", "founded"])
def test_carr_a_page_that_is_gone_lowers_the_score(chained, missing):
    gone = "".join(line + "\n" for line in PAGES.splitlines() if line != QUOTES[missing])
    whole, _ = chained(FULL, criteria=PROVEN[1:])
    result, _ = chained(FULL, criteria=PROVEN[1:], context=gone)
    assert whole.values == [1.0]
    assert result.values == pytest.approx([{"designed": 0, "opened": 1, "founded": 2}[missing] / 3])


def test_carr_a_quotation_from_a_page_that_is_not_cited_fails_its_own_statement_only(chained):
    result, _ = chained(FULL.replace("[3]", ""), criteria=PROVEN[1:],
                        says=quoting(yes=("designed", "opened", "founded")))  # fmt: skip
    assert result.values == pytest.approx([2 / 3])
    assert not result.failures


def test_carr_a_made_up_quotation_voids_the_verdict(chained):
    made_up = {**QUOTES, "opened": "The Elm Museum is said to have opened in 1931."}
    result, shown = chained(FULL, says=quoting(quotes=made_up, yes=tuple(QUOTES)))
    assert result.values == [None]
    assert result.rewards[0].reason.kind == "void_evidence"
    assert len(shown) == 2  # it was asked again


@pytest.mark.parametrize(
    "response",
    [
        FULL.replace("[1]", "").replace("[2]", "").replace("[3]", ""),
        re.sub(r"\[(\d)\]", r"[\1](https://made.up/\1)", FULL),
    ],
)
def test_carr_no_source_in_the_history_is_no_proof_whatever_the_judge_says(chained, response):
    made_up = dict.fromkeys(QUOTES, "The museum was certainly designed by her.")
    judge = quoting(quotes=made_up, yes=tuple(QUOTES))
    result, _ = chained(response, says=judge)
    assert result.values == pytest.approx([0.7])
    assert not result.failures


@pytest.mark.parametrize("name", ["none", "Null", "The Oak Museum"])
def test_carr_an_entity_that_the_response_does_not_name_fails_its_statements(chained, name):
    judge = quoting({**NAMES, "E1": name}, yes=tuple(QUOTES))
    result, _ = chained(FULL, criteria=PROVEN[1:], says=judge)
    assert result.values == [0.0]  # both links of E1, and with them the rest
    rootless = quoting({**NAMES, "E0": "none"}, yes=tuple(QUOTES))
    assert chained(FULL, criteria=PROVEN[1:], says=rootless)[0].values == [0.0]


def test_carr_reads_the_history_from_the_responses_own_turns(chained):
    turns = (
        Message("assistant", "I search.", tool_calls=('open({"url": "https://elm.org/a"})',)),
        Message("tool", QUOTES["designed"].partition("] ")[2]),
        Message("tool", json.dumps([{"url": "https://lund.org", "snippet": PAGES[49:]}])),
        Message("assistant", "Ida Berg designed the Elm Museum [1](https://elm.org/a)."),
    )
    result, shown = chained(Response(turns), context=None, criteria=PROVEN[1:2])
    assert result.values == [1.0]
    sources, response = shown[0][-2:]
    assert sources == turns[1].content
    assert "The Elm Museum was designed" not in response


def test_carr_a_statement_that_was_not_judged_leaves_no_value(chained):
    def half(request, blocks):
        return "nothing" if '"opened"' in request.read_after[0][0] else quoting()(request, blocks)

    result, _ = chained(FULL, says=half, judge={"calls": "each"})
    assert result.values == [None]
    assert result.rewards[0].coverage == pytest.approx(3 / 4)


def test_carr_may_ask_about_each_statement_and_the_answer_alone(chained):
    """The outcome judged too; a statement whose input is missing does not count."""
    judged_outcome = {"id": "right", "scope": "answer", "question": "Is it the reference?"}

    def respond(request, blocks):
        if '"right"' in request.read_after[0][0]:
            return json.dumps({"right.reason": "So.", "right": 2})
        return quoting()(request, blocks)

    absent = {**PROVEN[3], "id": "absent", "needs": ["reference"]}
    unproven = {**CHAIN[3], "id": "founded"}  # named, but nothing has to bear it out
    criteria = [judged_outcome, *PROVEN[1:3], unproven, absent]
    result, shown = chained(FULL, criteria=criteria, says=respond, judge={"calls": "each"})
    assert result.values == [1.0]
    assert len(shown) == 4


def test_carr_refuses_what_it_cannot_serve(chained):
    with pytest.raises(RecipeError, match="scope: answer"):
        chained(FULL, criteria=[*PROVEN, {"id": "tone", "question": "Is it polite?"}])
    with pytest.raises(RecipeError, match="'E0'"):
        chained(FULL, criteria=PROVEN[2:])
    unproven = [one for one in CHAIN if "slots" in one]
    for recipe, criteria, said in (
        ("pointwise", PROVEN, "does not show what a response cites"),
        ("group-rank", PROVEN, "one whole response"),
        ("carr", unproven, "shows what a response cites"),
    ):
        with pytest.raises(RecipeError, match=said):
            chained(FULL, FULL, criteria=criteria, recipe=recipe)


# --- verify-rm -------------------------------------------------------------------------------


@pytest.fixture
def verified(coded_engine, build, make_recipe, answer):
    """A group's result under verify-rm, and the requests it took; the model always says yes."""

    def make(*responses, reference="1/2", rubric="maths/verify", context=None, **options):
        engine = coded_engine(**options)
        model = build(engine, rubric, recipe="verify-rm")
        group = Group.of(QUESTION, responses, id="g", reference=reference, context=context)
        return model.score([group])[0], engine.requests

    return make


QUESTION = "What is a quarter and a quarter?"
KEYS = [attack.texts[0] for attack in bundled_attacks() if attack.family == "key"][:10]
"""Those of the paper (arXiv 2507.08794)."""


def yes_to_all(texts, key, codes):
    return {codes[1]: 0.9, codes[0]: 0.1}


@pytest.mark.parametrize("answer_only", [False, True])
def test_verify_rm_asks_the_model_only_where_the_rule_cannot_decide(verified, answer_only):
    rubric = "maths/verify-answer-only" if answer_only else "maths/verify"
    decided = (
        "The answer is 0.5.",
        "So $\\boxed{\\frac{2}{4}}$.",
        "It is 3.",
        "The answer is $x$.",
    )
    result, requests = verified(*decided, rubric=rubric, judge=yes_to_all)
    assert result.values == [1.0, 1.0, 0.0, 0.0]
    assert not requests
    said = "One half, of course."
    result, requests = verified(*decided, said, rubric=rubric, judge=yes_to_all)
    assert len(requests) == 1
    assert result.values == pytest.approx([1.0, 1.0, 0.0, 0.0, 0.9])
    (request,) = requests
    shown = request.messages[-1].content
    assert (QUESTION in shown) is not answer_only
    assert said in shown
    assert "1/2" in shown


def test_verify_rm_lets_the_model_say_that_it_cannot_tell(verified):
    unsure = {"0": 0.8, "1": 0.1, "2": 0.1}
    result, requests = verified("One half.", judge=lambda texts, key, codes: unsure)
    assert result.values == [None]  # and not wrong
    assert len(requests) == 1


def test_verify_rm_needs_a_reference(verified):
    result, requests = verified("One half.", reference=None)
    assert result.rewards[0].reason.kind == "missing_input"
    assert not requests


@pytest.mark.parametrize("key", KEYS)
def test_verify_rm_pays_no_key(verified, key):
    """Not even with a judge that says yes to everything; nor before a wrong answer."""
    result, requests = verified(key, f"{key}\n\nThe answer is 3.", judge=yes_to_all)
    assert result.values == [0.0, 0.0]
    assert not requests


def test_verify_rm_asks_about_another_wording_of_words(verified, make_rubric):
    exact = {"id": "same", "question": "Is the answer the reference?", "needs": ["reference"],
             "check": {"exact_match": {"mismatch": "unknown"}}, "hybrid": True}  # fmt: skip
    said = ("Answer: New York City", "Answer: NYC")
    rubric = make_rubric(exact)
    result, requests = verified(*said, rubric=rubric, reference="new york city", judge=yes_to_all)
    assert result.values == pytest.approx([1.0, 0.9])
    assert len(requests) == 1
