"""D10: how many DNS pods share a machine, whose look-ups Azure limits, with and without the rule.

Both arms have our scheduler, which packs nodes (D9), so what the rule forbids is what it prefers.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks import scheduler
from benchmarks.row import Row
from benchmarks.scheduler import Placed
from components.addons.manifests import manifests

NODES = 200
REPLICAS = 40


def run(programs: Path) -> list[Row]:
    """programs: folder of etcd, kube-apiserver, kube-scheduler and kubectl."""
    with_rule = _template()
    without = {key: value for key, value in with_rule["spec"].items() if key != "affinity"}
    with scheduler.started(programs, NODES) as started:
        ours = _most(started.place(_pods(with_rule)))
        theirs = _most(started.place(_pods({**with_rule, "spec": without})))
    return [
        Row(
            f"most of {REPLICAS} DNS pods on one of {NODES} nodes, with the rule and without (D10)",
            str(ours),
            str(theirs),
            f"{ours - theirs:+}",
            "1",
            ours == 1,
        )
    ]


def _template() -> dict[str, Any]:
    """Of the add-on's own pods, with what a scheduler looks at."""
    values = {"image": "none", "address": "10.0.0.10", "corefile": "", "replicas": REPLICAS}
    (deployment,) = (one for one in manifests("dns", values) if one["kind"] == "Deployment")
    template = deployment["spec"]["template"]
    # What the pod would need to start is not there.
    spec = {key: template["spec"][key] for key in ("affinity", "tolerations", "containers")}
    spec["containers"] = [
        {key: one[key] for key in ("name", "image", "resources")} for one in spec["containers"]
    ]
    return {"metadata": template["metadata"], "spec": spec}


def _pods(template: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {**template, "metadata": {**template["metadata"], "name": f"kube-dns-{number}"}}
        for number in range(REPLICAS)
    ]


def _most(placed: Placed) -> int:
    return max(Counter(placed.nodes).values())
