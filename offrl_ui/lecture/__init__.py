"""The lecture's scenes: records (`scene`, `pictures`), the route that computes and follows (`socket`, `follow`),
and the component that draws them (`component`)."""

from offrl_ui.lecture.socket import routes

__all__ = ["routes"]
