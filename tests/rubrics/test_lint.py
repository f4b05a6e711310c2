import json

import pytest

from judge.errors import RubricError
from judge.rubrics.files import open_rubric
from judge.rubrics.lint import CODES, invalid, lint, render

CLEAN = """\
schema: rubric/v1
id: example
criteria:
  - id: answers
    question: Does the response answer what was asked?
    weight: 3
    scale:
      - missed: Answers something else.
      - fully: Answers every part.
    gate: {below: fully, then: zero}
  - id: invents
    question: Does the response state something false as a fact?
    kind: pitfall
tests:
  - {name: t, prompt: p, better: b, worse: w}
"""


@pytest.fixture
def found(put):
    """(code, text at the place) of every finding."""

    def run(text, whole=False):
        lines = text.splitlines()
        findings = lint(open_rubric(put("rubrics/example.yaml", text)))
        return [f if whole else (f.code, lines[f.line - 1][f.column - 1 :]) for f in findings]

    return run


def test_clean_rubric_has_no_findings(found):
    assert found(CLEAN) == []


ASKED = "question: Does the response answer what was asked?"
FALSE = "question: Does the response state something false as a fact?"
CASES = [
    ("R001", FALSE, "question: Is the tone appropriate?"),
    ("R002", FALSE, "question: Is it long and does it repeat itself?"),
    ("R002", ASKED, "question: Is it short? Is it true?"),
    ("R003", "tests:\n  - {name: t, prompt: p, better: b, worse: w}\n", ""),
    ("R004", "better: b, worse: w", "response: r, expect: {answers: fully}"),
    ("R005", "    kind: pitfall", "    kind: pitfall\n    weight: 90"),
    ("R006", "    kind: pitfall", "    kind: pitfall\n    weight: 0"),
    ("R007", "below: fully", "below: missed"),
    ("R007", "    kind: pitfall", "    kind: pitfall\n    gate: {below: yes}"),
    ("R008", "      - missed: Answers something else.", "      - missed: M.\n      - partly"),
    ("R009", FALSE, "question: How well does it read?"),
    ("R009", ASKED, "question: Why is the response polite?"),
    ("R009", ASKED, "question: Is the response still polite?"),
    ("R009", ASKED, "question: Isn't the response polite?"),
    ("R010", FALSE, "question: Does it answer what was being asked?"),
    ("R011", FALSE, "question: Does the response avoid slang?"),
    ("R012", "    kind: pitfall\n", ""),
    ("R013", ASKED, "question: The response answers."),
    ("R014", ASKED, "question: Does it use the # sign?"),
    ("R014", "- missed: Answers something else.", "- missed: Answers something # else."),
    ("R015", "id: example", "id: other"),
    ("R016", ASKED, "question: Which response is better?"),
    ("R017", "fully: Answers every part.", "fully: answers something   else."),
    ("R018", "worse: w", "worse: b"),
    ("R019", ASKED, "question: Does it agree with the reference?"),
    ("R020", "better: b, worse: w", "response: r, expect: {answers: missed, total: {at_least: 1}}"),
    ("R021", "weight: 3", "weight: 9"),
    ("R022", "better: b", "better: something false"),
    ("R023", "    kind: pitfall", "    kind: pitfall\n    slots: [E0]"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "old", "new"), CASES)
def test_each_rule_finds_its_case(found, code, old, new):
    assert old in CLEAN
    text = CLEAN.replace(old, new, 1)
    if code == "R005":
        text = text.replace("weight: 3", "weight: 20")
    assert code in [finding[0] for finding in found(text)]


def test_every_code_has_a_case():
    assert {code for code, _, _ in CASES} == set(CODES) - {"R000"}


def test_findings_point_at_the_text_in_question(found):
    text = CLEAN.replace(ASKED, "question: Is it good and is it short?")
    text = text.replace("below: fully", "below: missed").replace("scale:\n", "scale:   # x\n")
    places = {code: place for code, place in found(text.replace("worse: w", "worse: b"))}
    assert places["R002"].startswith("Is it good")
    assert places["R007"].startswith("missed, then")
    assert places["R018"].startswith("b}")


def test_weights_of_zero_alone_are_an_error(error_of):
    text = CLEAN.replace("weight: 3", "weight: 0").replace("pitfall", "pitfall\n    weight: 0")
    assert "no enabled criterion has a weight above 0" in error_of(text).message


def test_one_of_two_criteria_may_have_four_fifths_of_the_weight(found):
    assert found(CLEAN.replace("weight: 3", "weight: 4")) == []
    assert [code for code, _ in found(CLEAN.replace("weight: 3", "weight: 4.1"))] == ["R021"]


def test_a_single_criterion_that_counts_outweighs_none(found):
    text = CLEAN.replace("pitfall", "pitfall\n    weight: 0\n    gate: {below: no}")
    assert found(text) == []


def test_a_cap_of_one_never_matters(found):
    text = CLEAN.replace("then: zero", "then: cap, at: 1")
    assert found(text) == [("R007", "1}")]


def test_weights_that_are_shares_must_add_up(found):
    shares = CLEAN.replace("weight: 3", "weight: 0.5")
    for other, codes in (("0.5", []), ("0.4", ["R005"])):
        text = shares.replace("    kind: pitfall", f"    kind: pitfall\n    weight: {other}")
        assert [code for code, _ in found(text)] == codes


def test_levels_with_meanings_excuse_a_vague_word(found):
    assert found(CLEAN.replace(ASKED, "question: Is the answer good?")) == []


# --- what a rubric's own tests show -----------------------------------------------------------

TEST = "  - {name: t, prompt: p, better: b, worse: w}\n"
NEEDY = "  - id: agrees\n    question: Is it the same?\n    needs: [reference]\n"
SHORT = "  - id: short\n    check: {max_words: 2}\n"


def with_test(test, criterion=""):
    text = CLEAN.replace("tests:\n", f"{criterion}tests:\n").replace("weight: 3", "weight: 1")
    return text.replace(TEST, TEST + f"  - {{name: u, prompt: p, {test}}}\n")


@pytest.mark.parametrize(
    ("test", "criterion", "place"),
    [
        ("response: r, expect: {agrees: yes}", NEEDY, "yes}"),
        ("response: r, expect: {agrees: {at_least: 0.5}}", NEEDY, "{at_least"),
        ("response: a b c, expect: {short: yes}", SHORT, "yes}"),
        ("response: a b c, expect: {short: {at_least: 0.5}}", SHORT, "{at_least"),
        ("response: r, expect: {answers: missed, total: {at_least: 0.1}}", "", "{at_least"),
        ("response: r, expect: {answers: fully}", "inputs: {required: [context]}\n", "{name: u"),
    ],
)
def test_expectations_that_nothing_can_meet(found, test, criterion, place):
    hits = [at for code, at in found(with_test(test, criterion)) if code == "R020"]
    assert any(at.startswith(place) for at in hits)


@pytest.mark.parametrize(
    ("test", "criterion"),
    [
        ("response: r, reference: x, expect: {agrees: yes}", NEEDY),
        ("response: a b, expect: {short: yes}", SHORT),
        ("response: a b c, expect: {short: no}", SHORT),
        ("response: r, expect: {answers: missed, total: {at_most: 0.1}}", ""),
        ("response: r, expect: {answers: [missed, fully], total: {at_least: 0.1}}", ""),
    ],
)
def test_expectations_that_can_be_met(found, test, criterion):
    assert found(with_test(test, criterion)) == []


def test_expectation_under_a_gate_that_drops_or_caps(found):
    test = "response: r, expect: {answers: missed, total: {at_least: 0.2}}"
    for then, codes in (("drop", ["R020"]), ("cap, at: 0.1", ["R020"]), ("cap, at: 0.3", [])):
        text = with_test(test).replace("then: zero", f"then: {then}")
        assert [code for code, _ in found(text)] == codes


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        (ASKED, "question: Does it name Canberra?", "Does it name"),
        ("Answers every part.", "It says canberra.", "It says"),
        (FALSE, f"{FALSE}\n    examples: {{good: [Canberra]}}", "Canberra"),
    ],
)
def test_answers_given_away_are_found_wherever_they_are(found, old, new, place):
    text = CLEAN.replace("better: b", "better: Canberra.").replace(old, new)
    ((code, at),) = found(text)
    assert code == "R022"
    assert at.startswith(place)
    text = text.replace("better: Canberra.", "better: Sydney, reference: Canberra")
    assert [code for code, _ in found(text)] == ["R022"]


def test_a_long_answer_is_given_away_by_eight_of_its_words(found):
    answer = "first turn the left screw by a quarter and then look at the chain"
    text = CLEAN.replace("better: b", f"better: {answer}")
    copied = text.replace(
        ASKED, "question: Does it say to turn the left screw by a quarter and then?"
    )
    assert [code for code, _ in found(copied)] == ["R022"]
    assert found(text.replace(ASKED, "question: Does it say to turn a screw?")) == []


def test_a_part_of_a_word_or_the_name_of_a_level_gives_nothing_away(found):
    for answer in ("yes", "fully", "...", "ever"):
        assert found(CLEAN.replace("better: b", f'better: "{answer}"')) == []


def test_other_languages_pass(found):
    assert found(CLEAN.replace(ASKED, "question: 回答は質問に答えていますか\uff1f")) == []
    assert found(CLEAN.replace(ASKED, "question: Répond-il à la question ?")) == []


def test_disabled_criterion_is_not_looked_at(found):
    text = CLEAN.replace("    kind: pitfall", "    enabled: false")
    assert found(text) == []


def test_findings_of_an_inherited_criterion_name_the_parents_file(put):
    put(
        "rubrics/base.yaml",
        CLEAN.replace("id: example", "id: base").replace(ASKED, "question: Is it still true?"),
    )
    tests = CLEAN[CLEAN.index("tests:") :]
    text = f"schema: rubric/v1\nid: kid\nextends: base\n{tests}"
    findings = lint(open_rubric(put("rubrics/kid.yaml", text)))
    assert [(f.code, f.criterion) for f in findings] == [("R009", "answers")]
    assert findings[0].file.endswith("base.yaml")


# --- output ----------------------------------------------------------------------------------


@pytest.fixture
def findings(put):
    return lint(
        open_rubric(put("rubrics/example.yaml", CLEAN.replace("below: fully", "below: missed")))
    )


def test_text(findings):
    first, second = render(findings, "text").splitlines()
    assert "example.yaml:10:19: R007 answers: no level is worse than 'missed'" in first
    assert second.startswith("  try: ")


def test_json(findings):
    (record,) = json.loads(render(findings, "json"))
    assert record["code"] == "R007"
    assert (record["line"], record["column"], record["criterion"]) == (10, 19, "answers")
    assert json.loads(render([], "json")) == []


def test_github(findings):
    line = render(findings, "github")
    assert line.startswith("::warning file=")
    assert ",line=10,col=19,title=R007 gate that can never fire::" in line


def test_github_leaves_out_what_is_not_known_and_escapes_the_rest():
    line = render([invalid(RubricError("none"))], "github")
    assert line.startswith("::error title=R000 invalid rubric::none; ")
    line = render([invalid(RubricError("x", file="a,b:c%.yaml", line=1, column=2))], "github")
    assert line.startswith("::error file=a%2Cb%3Ac%25.yaml,line=1,col=2,title=")


def test_every_finding_suggests_a_change(found):
    for code, old, new in CASES:
        for finding in found(CLEAN.replace(old, new, 1), whole=True):
            assert finding.suggestion, code


def test_github_escapes_line_ends():
    error = RubricError("bad\nworse 5 %", file="f.yaml", line=1, column=2)
    line = render([invalid(error)], "github")
    assert line.startswith(
        "::error file=f.yaml,line=1,col=2,title=R000 invalid rubric::bad%0Aworse 5 %25"
    )
