"""Logs: one JSON line per event on stderr, each with the incident it belongs to."""

import logging
import sys
from collections.abc import Mapping

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_TEMPORAL_KEYS = ("temporal_workflow", "temporal_activity")


def _incident(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Temporal's own loggers carry the run in a nested object: lift what people search for."""
    for key in _TEMPORAL_KEYS:
        details: Mapping[str, object] = event.pop(key, None) or {}
        names = {"workflow_id": "incident", "run_id": "run_id", "activity_type": "activity"}
        for theirs, ours in names.items():
            if theirs in details:
                event.setdefault(ours, details[theirs])
    return event


def configure(level: str = "INFO", *, readable: bool = False) -> None:
    """Send structlog and stdlib logs (Temporal's included) through one pipeline. Call once per process."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _incident,
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: Processor = structlog.dev.ConsoleRenderer() if readable else structlog.processors.JSONRenderer()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("httpx", "httpcore", "botocore", "urllib3", "asyncio", "matplotlib"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLogger().level))
