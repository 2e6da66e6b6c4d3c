"""A pydantic model that says in plain words, and all at once, what is wrong with its values."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from birads_lib.errors import UserError, did_you_mean

Problems = list[tuple[tuple, str]]  # (names that lead to a value, what is wrong with it)

_SENTENCE = "sentence"  # pydantic's type of the errors that are in words already
_EXPECTED = {  # how the name of one of pydantic's types begins -> what was expected
    "bool": "true or false", "int": "a whole number", "float": "a finite number",
    "finite": "a finite number", "string": "a text", "literal": "a text", "list": "a list",
    "tuple": "a list", "dict": "a mapping", "model": "a mapping",
}  # fmt: skip


class Checked(BaseModel):
    """A model that takes no name but its fields', and no value of another type.

    A text in a field's ``Annotated`` is what is expected there, where its type says too little.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @classmethod
    def of(cls, values: Mapping[str, object]) -> Self:
        """Return a model of ``values``; raise UserError with a line for each that is wrong."""
        try:
            return cls(**values)
        except ValidationError as error:
            raise UserError("\n".join(text for _, text in sentences(error))) from None

    @model_validator(mode="wrap")
    @classmethod
    def _in_words(cls, values: Any, handler: Any) -> Any:
        try:
            return handler(values)
        except ValidationError as error:
            if not isinstance(values, Mapping):
                raise  # whoever holds it has its name
            errors = error.errors()
            lists = {wrong["loc"][:-1] for wrong in errors}  # that hold something wrong
            details = [
                _detail(wrong, cls._sentence(wrong))
                for wrong in errors  # pydantic calls a list too short if all in it is wrong
                if wrong["type"] != "too_short" or wrong["loc"] not in lists
            ]
            raise ValidationError.from_exception_data(cls.__name__, details) from None

    @classmethod
    def _sentence(cls, error: Mapping[str, Any]) -> str:
        """Return one of pydantic's errors as a sentence."""
        kind, value = error["type"], error["input"]
        if kind == _SENTENCE:
            return error["msg"]
        name, *deeper = error["loc"]
        if kind in ("extra_forbidden", "invalid_key"):
            return f"unknown '{name}'; {did_you_mean(name, cls.model_fields)}"
        if kind == "missing":
            return f"'{name}' is missing"
        if kind == "value_error":
            text = str(error["ctx"]["error"])  # of a whole model, if deeper
            return text if deeper else f"'{name}' {text}"
        subject = f"'{name}' {'has' if deeper else 'is'} {value!r}"
        if kind == "too_short":
            return f"{subject}, expected at least one"
        schema = cls._schema(name, deeper)
        choices = schema.get("enum", [schema["const"]] if "const" in schema else [])
        if choices and isinstance(value, str):
            return f"{subject}; {did_you_mean(value, choices)}"
        texts = [text for text in cls.model_fields[name].metadata if isinstance(text, str)]
        return f"{subject}, expected {texts[0] if texts else _expected(error, schema)}"

    @classmethod
    def _schema(cls, name: str, deeper: list) -> dict[str, Any]:
        """Return the JSON Schema of a field, or of what its list holds; of several, the first."""
        schema = cls.model_json_schema()["properties"][name]
        if deeper:
            schema = schema.get("items", {})
        return {**schema, **schema.get("anyOf", [{}])[0]}


def _detail(error: Mapping[str, Any], sentence: str) -> dict[str, Any]:
    """Return an error in words, as pydantic takes it."""
    custom = PydanticCustomError(_SENTENCE, "{sentence}", {"sentence": sentence})
    names = tuple(name for name in error["loc"] if name != "[key]")
    return {"type": custom, "loc": names, "input": error["input"]}


def _expected(error: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    low, high, default = map(schema.get, ("minimum", "maximum", "default"))
    kind = error["type"].partition("_")[0]
    if kind in ("greater", "less") and low is not None:
        return f"at least {low}" if high is None else f"{low} to {high}"
    expected = _EXPECTED.get(kind, error["msg"].removeprefix("Input should be "))
    if kind == "string" and isinstance(error["input"], int | float):
        expected += " (in quotes)"
    return expected if default in (None, "", [], {}) else f"{expected} (default: {default!r})"


def sentences(error: ValidationError) -> Problems:
    """Return all that pydantic found wrong with the values of a ``Checked``."""
    wrong = [(part["loc"], part["msg"]) for part in error.errors()]
    return [(names, text.removeprefix("Value error, ")) for names, text in wrong]
