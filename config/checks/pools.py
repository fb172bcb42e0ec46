"""Node pools: capacities, labels, taints."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from config.addon_nodes import SYSTEM_TAINT, run_addons
from config.checks.check import reads
from config.problems import Problem, problem
from config.schema.pools import NodePool, ScaleSet
from config.schema.stack import Settings
from config.topology import ALIKE_LABEL

TAINT_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")

_NAME = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_DNS = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
_KEY = re.compile(rf"((?P<prefix>(?=.{{1,253}}/){_DNS})/)?{_NAME}")
_VALUE = re.compile(rf"({_NAME})?")
_TAINT = re.compile(rf"(?P<key>[^=:]+)(=(?P<value>[^:]*))?:(?P<effect>{'|'.join(TAINT_EFFECTS)})")

# Kubernetes' admission plugin NodeRestriction: of its own prefixes a kubelet may set only these
# (and hostname, os and arch, which it sets itself).
_RESERVED_PREFIXES = re.compile(r"(.*\.)?(kubernetes|k8s)\.io")
_KUBELET_PREFIXES = re.compile(r"(.*\.)?(kubelet|node)\.kubernetes\.io")
_KUBELET_LABELS = frozenset({"topology.kubernetes.io/region", "topology.kubernetes.io/zone"})
_OWN_PREFIX = "kilonode.io"


@reads("nodePools")
def scale_set_starts_within_its_limit(settings: Settings) -> Iterator[Problem]:
    for key, pool in settings.node_pools.items():
        for name, scale_set in pool.scale_sets.items():
            if scale_set.nodes > scale_set.max_nodes:
                yield problem(
                    f"nodePools.{key}.scaleSets.{name}.nodes",
                    scale_set.nodes,
                    f"its maxNodes, {scale_set.max_nodes:,}",
                    "lower nodes, or raise maxNodes",
                )


@reads("nodePools")
def scale_set_keeps_no_more_than_it_may_have(settings: Settings) -> Iterator[Problem]:
    for key, pool in settings.node_pools.items():
        for name, scale_set in pool.scale_sets.items():
            if (scale_set.min_nodes or 0) > scale_set.max_nodes:
                yield problem(
                    f"nodePools.{key}.scaleSets.{name}.minNodes",
                    scale_set.min_nodes,
                    f"its maxNodes, {scale_set.max_nodes:,}",
                    "lower minNodes, or raise maxNodes",
                )


@reads("nodePools")
def labels_are_labels(settings: Settings) -> Iterator[Problem]:
    for path, label, value in _labels(settings):
        if not _KEY.fullmatch(label) or not _VALUE.fullmatch(value):
            yield problem(
                path,
                value,
                "Kubernetes' syntax: [prefix/]name and value of at most 63 letters, digits, -, _ "
                "and ., with a letter or digit first and last",
                "rename the label or change its value",
            )


@reads("nodePools")
def labels_are_a_kubelets_to_set(settings: Settings) -> Iterator[Problem]:
    for path, label, value in _labels(settings):
        prefix = label.partition("/")[0] if "/" in label else ""
        if prefix == _OWN_PREFIX or label == ALIKE_LABEL:
            yield problem(
                path,
                value,
                f"{_OWN_PREFIX}/ and {ALIKE_LABEL} are set by the project itself",
                "use another prefix",
            )
        elif (
            _RESERVED_PREFIXES.fullmatch(prefix)
            and not _KUBELET_PREFIXES.fullmatch(prefix)
            and label not in _KUBELET_LABELS
        ):
            yield problem(
                path,
                value,
                "no label below kubernetes.io or k8s.io that NodeRestriction forbids a kubelet; "
                "the node would never register",
                "use a prefix of your own, or node.kubernetes.io/",
            )


@reads("nodePools")
def taints_are_taints(settings: Settings) -> Iterator[Problem]:
    for key, pool in settings.node_pools.items():
        for taint in pool.taints:
            match = _TAINT.fullmatch(taint)
            if (
                not match
                or not _KEY.fullmatch(match["key"])
                or not _VALUE.fullmatch(match["value"] or "")
            ):
                yield problem(
                    f"nodePools.{key}.taints",
                    taint,
                    f"key=value:Effect or key:Effect, with {', '.join(TAINT_EFFECTS)} as effect",
                    "write for example nvidia.com/gpu=present:NoSchedule",
                )


@reads("nodePools")
def taints_differ(settings: Settings) -> Iterator[Problem]:
    for key, pool in settings.node_pools.items():
        for (taint, effect), count in _taint_counts(pool).items():
            if count > 1:
                yield problem(
                    f"nodePools.{key}.taints",
                    pool.taints,
                    "one taint of the same key and effect, or the kubelet does not start",
                    f"keep one {taint}:{effect}",
                )


@reads("nodePools")
def preloaded_images_differ(settings: Settings) -> Iterator[Problem]:
    for key, pool in settings.node_pools.items():
        # A loaded image has its tag alone, so of two digests of one tag the last would stay.
        counts = Counter(image.partition("@")[0] for image in pool.preload)
        for image, count in counts.items():
            if count > 1:
                yield problem(
                    f"nodePools.{key}.preload",
                    image,
                    f"every repository and tag once; this one is there {count} times",
                    "keep one of them",
                )


@reads("nodePools", "artifacts.mirror")
def preloaded_images_come_from_somewhere(settings: Settings) -> Iterator[Problem]:
    for key, pool in settings.node_pools.items():
        if pool.preload and settings.artifacts.mirror is None:
            yield problem(
                f"nodePools.{key}.preload",
                f"{len(pool.preload)} images",
                "a mirror for machines to fetch their archive from; artifacts.mirror is not set",
                "fill one with `make mirror` and set artifacts.mirror, or remove the list",
            )


@reads("nodePools", whole=True)
def some_node_runs_addons(settings: Settings) -> Iterator[Problem]:
    """Else the cluster's DNS never starts, and nothing grows a pool that nothing waits for."""
    pools = settings.node_pools.values()
    if not any(one.nodes for pool in pools if run_addons(pool.taints) for one in _sets(pool)):
        yield problem(
            "nodePools",
            ", ".join(settings.node_pools),
            "at least one node at creation that the cluster's DNS may run on: in a pool without "
            f"taints, or with no other than {SYSTEM_TAINT}",
            "give a scale set of such a pool nodes: 1 or more",
        )


def _sets(pool: NodePool) -> Iterable[ScaleSet]:
    return pool.scale_sets.values()


def _labels(settings: Settings) -> Iterator[tuple[str, str, str]]:
    for key, pool in settings.node_pools.items():
        for label, value in pool.labels.items():
            yield f"nodePools.{key}.labels.{label}", label, value


def _taint_counts(pool: NodePool) -> Counter[tuple[str, str]]:
    matches = (_TAINT.fullmatch(taint) for taint in pool.taints)
    return Counter((match["key"], match["effect"]) for match in matches if match)


CHECKS = (
    scale_set_starts_within_its_limit,
    scale_set_keeps_no_more_than_it_may_have,
    labels_are_labels,
    labels_are_a_kubelets_to_set,
    taints_are_taints,
    taints_differ,
    preloaded_images_differ,
    preloaded_images_come_from_somewhere,
    some_node_runs_addons,
)
