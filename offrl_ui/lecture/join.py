"""A short address that leads into a room: `/r/ABCDEF`, short enough to be read aloud."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route

from offrl_lecture.registry import pages
from offrl_ui.lecture.rooms import ALPHABET, CODE_LENGTH


def page_of_room(code: str) -> tuple[str, str]:
    """The page on which a room is followed, and its code as rooms know it; empty where it cannot be one."""
    plain = "".join(code.split()).upper()
    known = len(plain) == CODE_LENGTH and set(plain) <= set(ALPHABET)
    return next(iter(pages())), plain if known else ""


def routes() -> list[Route]:
    """`GET /r/{code}`: to the page that follows the room; a code that cannot be one leads there, too, without it."""
    return [Route("/r/{code}", _lead)]


async def _lead(request: Request) -> RedirectResponse:
    page, code = page_of_room(request.path_params["code"])
    # Relative, so that it holds below whatever path a proxy puts before it.
    return RedirectResponse(f"../{page}?follow={code}" if code else f"../{page}")
