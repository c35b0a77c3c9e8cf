"""python -m tests.k8s: installs the chart on a real cluster, scales it, troubles it, and counts."""

import argparse
import subprocess
import sys
from pathlib import Path

from tests.harness.paths import BUILD, ROOT
from tests.harness.process import install_handlers
from tests.harness.rundir import make_run_dir

from .cluster import Cluster
from .outside import Outside
from .scenario import IMAGE, Scenario


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.k8s", description=__doc__)
    parser.add_argument("--tools", type=Path, required=True, help="directory with k8s-up.sh, k8s-down.sh, k8s-extmetrics.*")
    parser.add_argument("--dir", type=Path, required=True, help="where the cluster is, or is to be, built")
    parser.add_argument("--scaler", choices=["hpa", "keda"], default="hpa")
    parser.add_argument("--keep", action="store_true", help="leave the cluster running")
    parser.add_argument("--steps", default=",".join(Scenario.STEPS), help="some of: %(default)s; the first ones of a new cluster")
    given = parser.parse_args()
    steps = given.steps.split(",")
    if not set(steps) <= set(Scenario.STEPS):
        parser.error(f"--steps takes {', '.join(Scenario.STEPS)}")
    if not (given.tools / "k8s-up.sh").exists():
        parser.error(f"{given.tools} has no k8s-up.sh")
    install_handlers()
    archive = BUILD / "parstock.oci.tar"
    image = [sys.executable, ROOT / "tests/setup/image.py", "--name", f"{IMAGE}:1", "--output", archive]
    subprocess.run([str(word) for word in image], check=True)
    cluster = Cluster(given.tools.resolve(), given.dir.resolve(), given.scaler)
    metrics = None
    try:
        cluster.up()
        cluster.load_image(archive, f"{IMAGE}:1", f"{IMAGE}:2")
        run_dir = make_run_dir("parstock-k8s-")
        with Outside(run_dir, cluster.node_ip) as outside:
            scenario = Scenario(cluster, outside, run_dir, given.scaler)
            if given.scaler == "hpa":
                metrics = cluster.metrics_api(scenario.metric_file)
            passed, failed = scenario.run(steps)
    finally:
        if metrics is not None:
            metrics.terminate()
            cluster.no_metrics_api()
        if not given.keep:
            cluster.down()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
