"""Which certificates a node may have. Pure: a decision from the request and the address plan."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, ip_address
from typing import Any

from kilonode.pkcs10 import CertificateRequest, RequestError, parse

KUBELET_SERVING = "kubernetes.io/kubelet-serving"
API_CLIENT = "kubernetes.io/kube-apiserver-client"
KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
BOOTSTRAPPERS = "system:bootstrappers"
NODES = "system:nodes"
FLANNEL = "kilonode:flannel"

_NODE_USER = re.compile(r"system:node:([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)")
# The credentials in the nodes' bundle and in the masters'.
_NODES_BOOTSTRAP = "kilonode:bootstrap"
_MASTERS_BOOTSTRAP = "kilonode:bootstrap-master"
# POOL-KEY-NUMBER, six digits to base 36: a scale set's instance, and no single VM's name. Which
# pools there are is not asked: one more would be other user data, and replace the masters.
_INSTANCE = re.compile(r"[a-z][a-z0-9]{0,7}-[a-z][a-z0-9]{0,3}-[a-z0-9]{6}")
# An RSA key may also carry the session key; Go's TLS never asks it to.
_OPTIONAL_USAGES = {"digital signature", "key encipherment"}


class RefusedError(Exception):
    """The reason to deny a request."""


@dataclass(frozen=True)
class Verdict:
    """Approve or deny, and why."""

    approved: bool
    reason: str


@dataclass(frozen=True)
class Plan:
    """Where nodes live. The master of key `a` has the address after the API's, and so on."""

    cluster: str
    api_address: IPv4Address
    subnets: tuple[IPv4Network, ...]

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> Plan:
        """From the variables of machine.env."""
        return cls(
            cluster=variables["CLUSTER_NAME"],
            api_address=IPv4Address(variables["API_ADDRESS"]),
            subnets=tuple(IPv4Network(subnet) for subnet in variables["NODE_SUBNETS"].split()),
        )

    def master_key(self, node: str) -> str | None:
        """None for a node that is no master."""
        found = re.fullmatch(rf"{re.escape(self.cluster)}-master-([a-i])", node)
        return found[1] if found else None

    def may_have(self, node: str, address: IPv4Address) -> bool:
        """A master has its own address; any other node one of the subnets without masters."""
        key = self.master_key(node)
        if key:
            return address == self.api_address + 1 + "abcdefghi".index(key)
        return any(address in subnet for subnet in self.subnets if self.api_address not in subnet)


def decide(spec: Mapping[str, Any], plan: Plan) -> Verdict | None:
    """What to do with a CertificateSigningRequest's `spec`; None: it is none of our business."""
    signer = spec["signerName"]
    if signer not in (KUBELET_SERVING, KUBELET_CLIENT, API_CLIENT):
        return None
    # A node that renews its own is Kubernetes' own controller's business.
    if signer == KUBELET_CLIENT and BOOTSTRAPPERS not in spec.get("groups", []):
        return None
    try:
        request = parse(base64.b64decode(spec["request"]))
    except RequestError as error:
        # Only nodes ask for the kubelet's; the other signer has other customers too.
        return Verdict(False, str(error)) if signer != API_CLIENT else None
    if signer == API_CLIENT and not _names_flannel(request):
        return None
    try:
        return Verdict(True, _reason_to_approve(spec, request, plan))
    except RefusedError as refusal:
        return Verdict(False, str(refusal))


def _reason_to_approve(spec: Mapping[str, Any], request: CertificateRequest, plan: Plan) -> str:
    if spec["signerName"] == KUBELET_CLIENT:
        return f"{_check_new_node(spec, request, plan)} joins"
    node = _requesting_node(spec)
    if spec["signerName"] == KUBELET_SERVING:
        _check_serving(node, request, spec["usages"], plan)
        return f"{node} serves at its own name and address"
    _check_flannel(node, request, spec["usages"])
    return f"flannel of {node}"


def _names_flannel(request: CertificateRequest) -> bool:
    return request.organization == FLANNEL or request.common_name.startswith(FLANNEL)


def _requesting_node(spec: Mapping[str, Any]) -> str:
    """The node whose kubelet asks: the API server wrote user and groups into the request."""
    found = _NODE_USER.fullmatch(spec["username"])
    if not found or NODES not in spec.get("groups", []):
        raise RefusedError(f"{spec['username']} is not a node")
    return found[1]


def _check_new_node(spec: Mapping[str, Any], request: CertificateRequest, plan: Plan) -> str:
    """The node that it will be. All nodes share one credential, so none of them may become a
    master with it."""
    found = _NODE_USER.fullmatch(request.common_name)
    if not found:
        raise RefusedError(f"{request.common_name} is not a node")
    node = found[1]
    allowed = {
        _NODES_BOOTSTRAP: _INSTANCE.fullmatch(node) is not None,
        _MASTERS_BOOTSTRAP: plan.master_key(node) is not None,
    }
    if not allowed.get(spec["username"], False):
        raise RefusedError(f"{spec['username']} may not become {node}")
    _check_subject(request, NODES, f"system:node:{node}")
    _check_client(request, spec["usages"])
    return node


def _check_serving(
    node: str, request: CertificateRequest, usages: Sequence[str], plan: Plan
) -> None:
    _check_subject(request, NODES, f"system:node:{node}")
    _check_usages(usages, "server auth")
    if not request.dns_names and not request.addresses:
        raise RefusedError("no name and no address to serve at")
    for name in request.dns_names:
        if name != node:
            raise RefusedError(f"{node} may not serve as {name}")
    for text in request.addresses:
        address = ip_address(text)
        if not isinstance(address, IPv4Address) or not plan.may_have(node, address):
            raise RefusedError(f"{node} may not serve at {address}")


def _check_flannel(node: str, request: CertificateRequest, usages: Sequence[str]) -> None:
    _check_subject(request, FLANNEL, f"{FLANNEL}:{node}")
    _check_client(request, usages)


def _check_client(request: CertificateRequest, usages: Sequence[str]) -> None:
    _check_usages(usages, "client auth")
    if request.dns_names or request.addresses:
        raise RefusedError("a client has no name or address to serve at")


def _check_subject(request: CertificateRequest, organization: str, common_name: str) -> None:
    if (request.organization, request.common_name) != (organization, common_name):
        raise RefusedError(
            f"subject is O={request.organization}, CN={request.common_name} instead of "
            f"O={organization}, CN={common_name}"
        )


def _check_usages(usages: Sequence[str], needed: str) -> None:
    if needed not in usages or not set(usages) <= {needed, *_OPTIONAL_USAGES}:
        raise RefusedError(f"usages {', '.join(usages)} instead of {needed}")
