"""LaTeX to MathML for numbers that change while one looks: the page's scripts ask here, the browser typesets."""

from __future__ import annotations

import json

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from offrl_ui.shared.formula import formula

MOST_FORMULAS = 64
LONGEST_FORMULA = 2_000
LONGEST_BODY = 64_000


def routes() -> list[Route]:
    """`POST /math`: a JSON list of LaTeX texts, answered by the list of their MathML."""
    return [Route("/math", _formulas, methods=["POST"])]


async def _formulas(request: Request) -> JSONResponse:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_BODY:
            return _refusal(f"a request of more than {LONGEST_BODY} bytes is too long", 413)
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        return _refusal("a request must be a JSON list of LaTeX texts")
    if not isinstance(asked, list) or len(asked) > MOST_FORMULAS:
        return _refusal(f"a request must be a list of at most {MOST_FORMULAS} LaTeX texts")
    if not all(isinstance(text, str) and len(text) <= LONGEST_FORMULA for text in asked):
        return _refusal(f"each formula must be a text of at most {LONGEST_FORMULA} characters")
    return JSONResponse(await to_thread.run_sync(lambda: [formula(text) for text in asked]))


def _refusal(message: str, status: int = 400) -> JSONResponse:
    return JSONResponse({"error": message}, status_code=status)
