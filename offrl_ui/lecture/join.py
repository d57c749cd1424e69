"""A short address that leads into a room: `/r/ABCDEF`, short enough to be read aloud."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route

from offrl_lecture.registry import pages
from offrl_ui.lecture.rooms import read_code

_LONGEST = 40


def page_of_rooms() -> str:
    """The page on which rooms are followed."""
    return next(iter(pages()))


def routes() -> list[Route]:
    """`GET /r/{code}`: to the page that follows the room. What cannot be a code leads there, too: the page says why."""
    return [Route("/r/{code}", _lead)]


async def _lead(request: Request) -> RedirectResponse:
    typed = request.path_params["code"]
    query = urlencode({"follow": read_code(typed) or typed.strip()[:_LONGEST]})
    # Relative, so that it holds below whatever path a proxy puts before it.
    return RedirectResponse(f"../{page_of_rooms()}?{query}")
