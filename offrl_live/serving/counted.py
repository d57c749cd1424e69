"""What is counted while the server runs, for whoever runs it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

COUNTED = CollectorRegistry()

REFUSALS = Counter("offrl_refusals", "What was refused since the start, by kind.", ["what"], registry=COUNTED)
ENDED_WORKERS = Counter("offrl_ended_workers", "Worker processes that ended unasked.", registry=COUNTED)
FRAME_DELAY = Histogram(
    "offrl_frame_delay_seconds",
    "From the moment at which a live frame was computed until its viewer acknowledged that it was drawn.",
    buckets=(0.03, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 20.0),
    registry=COUNTED,
)
CONNECTIONS = Gauge("offrl_connections", "Open connections of each route.", ["route"], registry=COUNTED)
