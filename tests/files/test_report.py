from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from judge.errors import FileError, RecipeError
from judge.files import Node, did_you_mean, fault, read_text, validate


class Wheel(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int
    colour: Literal["red", "blue"] = "red"


class Car(BaseModel):
    model_config = ConfigDict(extra="forbid")
    schema_: str = Field(alias="schema", default="car")
    wheels: tuple[Wheel, ...] = ()
    spare: Wheel | None = None
    name: str = ""

    @model_validator(mode="after")
    def _odd(self):
        for index, wheel in enumerate(self.wheels):
            if wheel.size == 13:
                raise fault("unlucky size", "wheels", index, "size", hint="take 14")
        return self


def error_of(text, file=None):
    with pytest.raises(RecipeError) as caught:
        validate(Car, read_text(text, file=file), file=file, error=RecipeError)
    return caught.value


def test_unknown_key_points_at_the_key_and_knows_the_keys_of_that_level():
    error = error_of("wheels:\n  - {size: 1, color: red}\n", "c.yaml")
    assert (error.file, error.line, error.column) == ("c.yaml", 2, 15)
    assert error.hint == "did you mean 'colour'?"


def test_unknown_key_inside_an_optional_model():
    error = error_of("spare:\n  siz: 3\n")
    assert (error.line, error.column) == (2, 3)
    assert "size" in error.hint


def test_alias_is_the_key_that_is_suggested():
    assert error_of("shema: car").hint == "did you mean 'schema'?"


def test_bad_value_points_at_the_value():
    error = error_of("wheels:\n  - size: big\n")
    assert (error.line, error.column) == (2, 11)
    assert "size" in error.message
    assert "'big'" in error.message


def test_choice_gets_the_nearest_option():
    error = error_of("spare: {size: 1, colour: bleu}")
    assert error.hint == "did you mean 'blue'?"
    assert error.column == 26


def test_a_validators_own_fault_points_where_it_says():
    error = error_of("wheels:\n  - size: 1\n  - size: 13\n")
    assert (error.line, error.column, error.hint) == (3, 11, "take 14")


def test_misspelt_required_key_comes_before_the_missing_one():
    error = error_of("wheels:\n  - sise: 1\n")
    assert "unknown key 'sise'" in error.message
    assert "also 2:5: the key 'size' is missing" in error.message


def test_all_problems_are_listed_in_order():
    error = error_of("nam: x\nwheels:\n  - size: a\n  - size: b\n")
    assert error.message.splitlines()[0] == "unknown key 'nam'"
    assert [line.split()[1] for line in error.message.splitlines()[1:]] == ["3:11:", "4:11:"]


def test_many_problems_are_cut():
    wheels = "".join("  - size: a\n" for _ in range(20))
    assert error_of(f"wheels:\n{wheels}").message.endswith("and 14 more")


def test_number_where_text_is_wanted_hints_at_quotes():
    assert error_of("name: 1.0").hint == 'write it in quotes: "1.0"'


def test_value_cut_by_a_comment_hints_at_quotes():
    assert "quoted" in error_of("spare: {size: 1}\nwheels: one #two\n").hint


def test_content_without_a_file_is_placed_by_its_path():
    with pytest.raises(FileError) as caught:
        validate(Car, Node.of({"wheels": [{"size": 1, "color": "red"}]}))
    assert caught.value.message == "wheels[0].color: unknown key 'color'"
    assert caught.value.line is None


def test_root_that_is_no_mapping():
    assert "must be keys with values" in error_of("- a\n- b").message


def test_did_you_mean_lists_what_is_known_where_nothing_is_near():
    assert did_you_mean("zzz", ["red", "blue"]) == "known: blue, red"
    assert did_you_mean("x", []) == ""
