import argparse
import sys

from tests.harness.process import install_handlers

from .run import BROKERS, Options, run


def main() -> int:
    defaults = Options()
    parser = argparse.ArgumentParser(
        prog="python -m tests.demo", description="20,000 stock changes on their way into a shop."
    )
    parser.add_argument("--broker", choices=sorted(BROKERS), default=defaults.broker)
    parser.add_argument("--events", type=int, default=defaults.events, help="default %(default)s")
    parser.add_argument("--skus", type=int, default=defaults.skus, help="default %(default)s")
    parser.add_argument("--seconds", type=float, default=defaults.seconds, help="how long sending takes; default %(default)g")
    parser.add_argument("--seed", type=int, default=defaults.seed, help="another seed, other events")
    parser.add_argument("--keep", action="store_true", help="keep logs and data also when all went well")
    given = parser.parse_args()
    if given.events < 500 or given.skus < 20 or given.seconds < 1:
        parser.error("at least 500 events, 20 SKUs and 1 second")
    install_handlers()
    return run(Options(**vars(given)))


sys.exit(main())
