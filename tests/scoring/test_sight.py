import pytest
from msgspec.structs import replace

from judge.background import wait_at_home
from judge.engines.scripted import ScriptedEngine
from judge.reward_model import RewardModel
from judge.scoring.sight import unseen
from judge.types import Group, Message

ONE, TWO = "data:image/png;base64,AA==", "https://a.org/2.png"


def turns(text="What is it?", *images, role="user"):
    return (Message(role, text, images=images),)


@pytest.fixture
def seeing(coded_engine):
    """An engine that takes images."""

    def make(**options):
        engine = coded_engine(**options)
        engine.abilities = replace(engine.abilities, images=True)
        return engine

    return make


GROUPS = {
    "prompt": Group.of(turns("What?", ONE), ["a", "b"], id="g"),
    "response": Group.of("What?", [turns("a", TWO, role="assistant"), "b"], id="g"),
}


@pytest.mark.parametrize("where", GROUPS)
def test_a_blind_engine_is_named_with_the_cure(where, coded_engine, seeing):
    group = GROUPS[where]
    failure = unseen(group, [seeing(), coded_engine(name="blind")])
    assert (failure.kind, failure.retryable) == ("refused", False)
    assert failure.message.startswith("blind: ")
    assert "images=true" in failure.message
    assert unseen(group, [seeing()]) is None
    assert unseen(Group.of("What?", ["a"]), [coded_engine()]) is None


@pytest.mark.parametrize("where", GROUPS)
@pytest.mark.parametrize("recipe", ["pointwise", "pairwise-win-rate", "group-rank", "slate"])
def test_images_reach_the_judge_or_the_group_fails(
    where, recipe, coded_engine, seeing, build, make_rubric
):
    group = GROUPS[where]
    rubric = make_rubric("good")
    blind = coded_engine()
    result = build(blind, rubric, recipe=recipe).score([group])[0]
    assert result.values == [None, None]
    assert result.rewards[0].reason.kind == "refused"
    assert not blind.requests
    engine = seeing()
    result = build(engine, rubric, recipe=recipe).score([group])[0]
    assert None not in result.values
    image = ONE if where == "prompt" else TWO
    about = [
        r for r in engine.requests if where == "prompt" or "[image 1]" in r.messages[-1].content
    ]
    assert about
    for request in about:
        assert request.messages[-1].images == (image,)
        assert request.messages[-1].content.count("[image 1]") == 1
        assert request.messages[0].images == ()
    rest = [request for request in engine.requests if request not in about]
    assert all(request.messages[-1].images == () for request in rest)


def test_the_images_of_a_pair_come_in_the_order_shown(seeing, build, make_rubric):
    pair = [turns("a", ONE, role="assistant"), turns("b", TWO, role="assistant")]
    engine = seeing()
    build(engine, make_rubric(), recipe="pairwise-win-rate").score([Group.of("What?", pair)])
    for request in engine.requests:
        said = request.messages[-1].content
        in_order = said.index("\na\n") < said.index("\nb\n")
        assert request.messages[-1].images == ((ONE, TWO) if in_order else (TWO, ONE))
    assert {request.messages[-1].images for request in engine.requests} == {(ONE, TWO), (TWO, ONE)}


def test_another_image_is_another_call(seeing, build, make_rubric):
    engine = seeing()
    model = build(engine, make_rubric())
    for image in (ONE, TWO, ONE):
        model.score([Group.of("What?", [turns("a", image, role="assistant")], id="g")])
        model.score([Group.of(turns("What?", image), ["a"], id="g")])
    assert len(engine.requests) == 4  # the third time all is known
    assert len({request.id for request in engine.requests}) == 4


def test_a_response_that_is_only_an_image_has_content(seeing, build, make_rubric):
    engine = seeing()
    group = Group.of("Draw a cat.", [turns("", ONE, role="assistant"), turns("", role="assistant")])
    result = build(engine, make_rubric()).score([group])[0]
    assert result.rewards[0].status == "ok"
    assert (result.rewards[1].status, result.values[1]) == ("gated", 0.0)


def test_ordered_pairs_are_refused_too(coded_engine, build, make_rubric):
    model = build(coded_engine(), make_rubric(), recipe="pairwise-win-rate")
    told = wait_at_home(model.compare(GROUPS["response"], [(0, 1), (1, 0)]))
    assert [one.kind for one in told] == ["refused", "refused"]


@pytest.mark.parametrize("where", GROUPS)
def test_a_scalar_model_is_not_asked_about_what_it_cannot_see(where):
    asked = []
    engine = ScriptedEngine(lambda request: asked.append(request) or 1.0, scalar=True)
    with RewardModel.build(recipe="scalar", engine=engine) as model:
        result = model.score([GROUPS[where]])[0]
    assert result.values == [None, None]
    assert result.rewards[0].reason.kind == "refused"
    assert not asked


def test_who_writes_rubrics_is_not_shown_a_text_without_its_images(seeing, make_recipe):
    recipe = make_recipe("pointwise", rubric={"source": "prompt"})
    engine = seeing()
    with RewardModel.build(recipe=recipe, engine=engine) as model:
        result = model.score([GROUPS["prompt"]])[0]
    assert result.values == [None, None]
    assert "sees none" in result.rewards[0].reason.message
    assert not engine.requests
