"""python3 -m tests.doubles.shop --listen 127.0.0.1:0 --state-dir DIR [--config
FILE.json]"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

from .config import Config
from .double import Double
from .server import Server


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tests.doubles.shop", description="A double of a Shopify shop's Admin API."
    )
    parser.add_argument(
        "--listen",
        default="127.0.0.1:0",
        metavar="HOST:PORT",
        help="port 0 takes a free one",
    )
    parser.add_argument(
        "--state-dir",
        required=True,
        type=Path,
        help="journal.jsonl and bulk exports go here",
    )
    parser.add_argument(
        "--config", type=Path, help="JSON object of settings, see README.md"
    )
    return parser.parse_args()


def load_config(path: Path | None) -> Config:
    config = Config()
    if path is not None:
        config.update(json.loads(path.read_text()))
    return config


def main() -> int:
    options = arguments()
    host, _, port = options.listen.rpartition(":")
    try:
        config = load_config(options.config)
    except (OSError, ValueError, AttributeError) as problem:
        print(f"{options.config}: {problem}", file=sys.stderr)
        return 78
    try:
        double = Double(config, options.state_dir)
    except (OSError, ValueError) as problem:
        print(f"can not use {options.state_dir}: {problem}", file=sys.stderr)
        return 69
    try:
        server = Server((host, int(port)), double)
    except (OSError, ValueError) as problem:
        print(f"can not listen on {options.listen}: {problem}", file=sys.stderr)
        double.stop()
        return 69

    def stop(number: int, frame: object) -> None:
        double.stopping.set()
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"listening={server.url}", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    double.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
