"""A checked model: pydantic's errors as sentences, wherever in it they are."""

from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError, model_validator

from birads_lib.checked import Checked, sentences
from birads_lib.errors import UserError


class Inner(Checked):
    count: Annotated[int, Field(ge=1, le=5)] = 2
    rate: Annotated[float, Field(gt=0)] = 1.0
    names: list[str] = Field(["last"], min_length=1)
    loss: Literal["dal", "emd"] = "dal"
    only: Literal["this"] = "this"


class Outer(Checked):
    name: Annotated[str, Field(pattern="^[a-z]+$"), "a name in small letters"]
    grid: list[Annotated[int, Field(ge=1, le=5)]] = Field(default_factory=list)
    inner: dict[Annotated[str, Field(pattern="^[a-z]+$")], Inner] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_no_mistake(self):
        if self.name == "mistake":
            raise ValueError("mistake is none, {really}")
        return self


@pytest.mark.parametrize(
    ("values", "names", "sentence"),
    [
        ({}, ("name",), "'name' is missing"),
        ({"name": "A"}, ("name",), "'name' is 'A', expected a name in small letters"),
        ({"name": "a", "gird": 1}, ("gird",), "unknown 'gird'; did you mean 'grid'?"),
        ({"name": "a", "grid": [1, 9]}, ("grid", 1), "'grid' has 9, expected 1 to 5"),
        ({"name": "a", "grid": 3}, ("grid",), "'grid' is 3, expected a list"),
        ({"name": "mistake"}, (), "mistake is none, {really}"),
        ({"name": "a", "inner": {"b": 3}}, ("inner", "b"), "'inner' has 3, expected a mapping"),
        ({"name": "a", "inner": {"B": {}}}, ("inner", "B"), "'inner' has 'B', expected a text"),
    ],
)
def test_each_error_is_a_sentence_with_its_place(values, names, sentence):
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(values)
    assert sentences(caught.value) == [(names, sentence)]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"count": 0}, "'count' is 0, expected 1 to 5"),
        ({"count": True}, "'count' is True, expected a whole number (default: 2)"),
        ({"rate": 0.0}, "'rate' is 0.0, expected greater than 0"),
        ({"names": []}, "'names' is [], expected at least one"),
        ({"names": [1]}, "'names' has 1, expected a text (in quotes)"),
        ({"names": 1}, "'names' is 1, expected a list (default: ['last'])"),
        ({"loss": "dall"}, "'loss' is 'dall'; did you mean 'dal'?"),
        ({"only": "that"}, "'only' is 'that'; did you mean 'this'?"),
        (
            {"count": 9, "los": 1},
            "'count' is 9, expected 1 to 5\nunknown 'los'; did you mean 'loss'?",
        ),
    ],
)
def test_all_errors_come_at_once_also_from_within(values, sentence):
    with pytest.raises(UserError) as caught:
        Inner.of(values)
    assert str(caught.value).replace(" (default: 1.0)", "") == sentence
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate({"name": "a", "inner": {"b": values}})
    within = sentences(caught.value)
    assert all(names[:2] == ("inner", "b") for names, _ in within)
    assert "\n".join(text for _, text in within).replace(" (default: 1.0)", "") == sentence
