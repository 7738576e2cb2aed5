"""The API described as OpenAPI 3.1, made from the table of addresses."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from webhooks.address import Address, Answer, Parameter, needs_token
from webhooks.problem import Data
from webhooks.problems import PROBLEMS
from webhooks.schemas import SCHEMAS, ref

_Json: TypeAlias = dict[str, Any]
_CONVERTER = re.compile(r":\w+}")
_NAMES = re.compile(r"{(\w+)}")


async def shown(request: Request) -> Response:
    """`GET /api/openapi.json`: the document."""
    return Data(request.app.description)


def document(table: Iterable[Address], paths: Mapping[str, Parameter]) -> _Json:
    """Return the OpenAPI document of the addresses; `paths` are the words in their paths."""
    told: dict[str, _Json] = {}
    for address in table:
        path = _CONVERTER.sub("}", address.path)
        told.setdefault(path, {})[address.method.lower()] = _asked(address, path, paths)
    return {
        "openapi": "3.1.0",
        "info": {"title": "SARK", "version": "v1", "license": {"name": "Apache-2.0"}},
        "paths": told,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _asked(address: Address, path: str, paths: Mapping[str, Parameter]) -> _Json:
    """Return one method at one path."""
    parameters = [
        *(_parameter(name, "path", paths[name], True) for name in _NAMES.findall(path)),
        *(_parameter(name, "query", each) for name, each in (address.query or {}).items()),
        *(_parameter(name, "header", each) for name, each in address.headers.items()),
    ]
    answers = {str(status): _answer(each) for status, each in address.answers.items()}
    module = address.handler.__module__.rpartition(".")[2]
    told: _Json = {
        "operationId": f"{module}_{address.handler.__name__}",
        "summary": address.meaning,
        "parameters": parameters,
        "responses": {**answers, **_problems(address.problems)},
        "security": [{"token": []}] if needs_token(path) else [],
        "x-sark-actions": list(address.actions),
    }
    if address.body is not None:
        schema = ref(address.body.schema) if address.body.schema else {}
        content = {"application/json": {"schema": schema}}
        told["requestBody"] = {"required": address.body.required, "content": content}
    return told


def _parameter(name: str, place: str, told: Parameter, required: bool = False) -> _Json:
    return {
        "name": name,
        "in": place,
        "required": required,
        "description": told.meaning,
        "schema": told.schema,
    }


def _answer(answer: Answer) -> _Json:
    content = (
        {"application/json": {"schema": ref(answer.schema)}}
        if answer.schema
        else {"text/plain": {"schema": {"type": "string"}}}
    )
    headers = {
        name: {"description": each.meaning, "schema": each.schema}
        for name, each in answer.headers.items()
    }
    return {"description": answer.meaning, "headers": headers, "content": content}


def _problems(codes: Iterable[str]) -> dict[str, _Json]:
    """Return the problems by status, each with the codes that it may have."""
    by_status: dict[int, list[str]] = {}
    for code in sorted(set(codes)):
        by_status.setdefault(PROBLEMS[code].status, []).append(code)
    return {
        str(status): {
            "description": " ".join(f"`{each}`: {PROBLEMS[each].meaning}" for each in found),
            "content": {"application/problem+json": {"schema": ref("Problem")}},
            "x-sark-codes": found,
        }
        for status, found in sorted(by_status.items())
    }
