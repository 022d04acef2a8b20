"""`serve`: the gateway."""

import argparse
import asyncio
import socket

import uvicorn

from autopilot.audit.sqlite import SqliteAudit
from autopilot.observability import configure as configure_logs
from autopilot.settings import load
from autopilot.stores import open_case_store
from autopilot.web.app import create_app
from starter import Incidents, connect


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument("--port", type=int, help="overrides web.port")


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    configure_logs()
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    settings = load(args.config)
    client = await connect(settings, lazy=True)
    app = create_app(
        settings,
        Incidents(client, settings.temporal.task_queue),
        open_case_store(settings),
        audit=SqliteAudit(settings.audit),
    )
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((settings.web.host, args.port or settings.web.port))
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=5)
    await uvicorn.Server(config).serve(sockets=[listener])
    return 0
