import pytest
from pydantic import ValidationError

from judge.rubrics.scale import MAX_LEVELS, Level, Scale


def names(raw):
    return [level.name for level in Scale.model_validate(raw).levels]


def test_named_scales():
    assert names("yes_no") == ["no", "yes"]
    assert names("1..5") == ["1", "2", "3", "4", "5"]
    assert names("0..3") == ["0", "1", "2", "3"]
    assert names("1..9") == [str(k) for k in range(1, 10)]


def test_listed_levels_with_and_without_meanings():
    levels = Scale.model_validate(["bad", {"fair": "So  so.\n"}, {"good": None}, 4]).levels
    assert levels == (
        Level(name="bad"),
        Level(name="fair", meaning="So so."),
        Level(name="good"),
        Level(name="4"),
    )


def test_error_scale_has_no_levels():
    scale = Scale.model_validate({"errors": {"aspects": ["facts", "style"]}})
    assert scale.levels == ()
    assert scale.errors.severities == {"minor": 1.0, "major": 5.0}


@pytest.mark.parametrize("raw", ["0..10", "1..10", [str(k) for k in range(MAX_LEVELS + 1)]])
def test_more_than_nine_levels_name_the_limit_and_the_reason(raw):
    with pytest.raises(ValidationError) as caught:
        Scale.model_validate(raw)
    detail = caught.value.errors()[0]
    assert "9 are the most" in detail["msg"]
    assert "one digit" in detail["ctx"]["hint"]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("five", "not a scale"),
        ("2..5", "not a scale"),
        ("1..1", "at least 2"),
        (["one"], "at least 2"),
        ([], "at least 2"),
        (5, "not a scale"),
        ({"levels": ["a", "b"]}, "not a scale"),
        (["a", "A"], "second time"),
        (["a", {"b": "x", "c": "y"}], "`name` or"),
        (["a", {"b": 1}], "texts"),
        (["a", True], "texts"),
        (["a", " "], "short line"),
        (["a", "x" * 61], "short line"),
        ({"errors": {"aspects": []}}, "at least 1"),
        ({"errors": {"aspects": ["a"], "severities": {"major": 0}}}, "greater than 0"),
    ],
)
def test_refused(raw, said):
    with pytest.raises(ValidationError, match=said):
        Scale.model_validate(raw)


def test_written_out_it_is_the_same_scale():
    for raw in ("yes_no", ["a", {"b": "meaning"}], {"errors": {"aspects": ["x"]}}):
        scale = Scale.model_validate(raw)
        assert Scale.model_validate(scale.model_dump(mode="json")) == scale
