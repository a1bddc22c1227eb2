"""Texts of a flow, which are checked when the file is read."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from steering.core.errors import SteeringError
from steering.flows.condition import read_condition
from steering.flows.templates import check_template

_PRINCIPAL = r"^urn:globus:(groups:id|auth:identity):[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


def _condition(text: str) -> str:
    try:
        if text:
            read_condition(text)
    except SteeringError as error:
        raise PydanticCustomError("choice", "{said}", {"said": str(error)}) from error
    return text


def _template(text: str) -> str:
    try:
        check_template(text)
    except SteeringError as error:
        raise PydanticCustomError("choice", "{said}", {"said": str(error)}) from error
    return text


def _reader(text: str) -> str:
    if not re.fullmatch(_PRINCIPAL, text):
        said = f"{text!r:.60} is nobody at Globus. Write urn:globus:groups:id:UUID, or urn:globus:auth:identity:UUID."
        raise PydanticCustomError("choice", "{said}", {"said": said})
    return text


ConditionText = Annotated[str, AfterValidator(_condition)]
Template = Annotated[str, Field(min_length=1, max_length=400), AfterValidator(_template)]
# One that may be left out.
OptionalTemplate = Annotated[str, AfterValidator(_template)]
Reader = Annotated[str, AfterValidator(_reader)]
