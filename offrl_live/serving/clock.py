"""The machine's own clock."""

from __future__ import annotations

import time

from offrl_live.runs.clock import Clock

SYSTEM_CLOCK = Clock(now=time.perf_counter, effort=time.thread_time, date=time.time)
