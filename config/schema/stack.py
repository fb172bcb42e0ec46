"""The settings' shape: keys, types, defaults, and what each of them means.

Large sections have files of their own, config/schema/*.py. Rules that look at one value alone stand
here and there. Rules that need more than that are in config/checks.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from config.schema.addons import Addons
from config.schema.control_plane import ControlPlane
from config.schema.etcd import Etcd
from config.schema.network import Api, Network
from config.schema.pools import NodePool
from config.schema.types import (
    Flags,
    Guid,
    HttpsUrl,
    Members,
    PoolKey,
    Registry,
    Section,
    Sha256,
    setting,
)
from config.schema.watching import Secret


class Image(Section):
    version: str = setting(
        "version of Canonical's Ubuntu 24.04 image; pinned, since Azure resolves `latest` anew at "
        "every scale-out",
        limit="24.04.YYYYMMDDN",
        example="24.04.202609040",
        pattern=r"^24\.04\.[0-9]{9}$",
    )


class Masters(Section):
    size: str = setting(
        "VM size of the masters: apiserver, controller-manager and scheduler (D8)",
        limit="a size of config/azure_limits.py with a local disk",
        example="Standard_E20ds_v5",
    )
    members: Members = setting(
        "keys of the masters, each a VM of its own; the key decides name, address and zone",
        limit="2 to 9 different letters a to i",
        example=["a", "b", "c"],
    )


class Artifacts(Section):
    mirror: HttpsUrl | None = setting(
        "where machines fetch artifacts: MIRROR/HOST/PATH of the official URL; without it, there",
        limit="an https:// URL without spaces, quotes, $, `, \\, ? and #",
        example="https://artifacts.example.com/kilonode",
        default=None,
    )
    checksums: dict[str, Sha256] = setting(
        "SHA-256 by artifact name, instead of the one in config/artifacts.yaml",
        limit="names of config/artifacts.yaml and of image archives, as `make mirror` prints them; "
        "64 hexadecimal digits",
        example={"flannel": "0" * 64},
        default={},
    )


def _flags(component: str, example: str) -> Any:
    return setting(
        f"further flags of {component}, after the documents' own",
        limit="--flag or --flag=value, without spaces, quotes, $, ` or \\",
        example=[example],
        default=(),
    )


class ExtraArgs(Section):
    model_config = ConfigDict(alias_generator=lambda name: name.replace("_", "-"))

    etcd: Flags = _flags("etcd", "--log-level=debug")
    kube_apiserver: Flags = _flags("kube-apiserver", "--v=2")
    kube_controller_manager: Flags = _flags("kube-controller-manager", "--v=2")
    kube_scheduler: Flags = _flags("kube-scheduler", "--v=2")
    kubelet: Flags = _flags("kubelet", "--fail-cgroupv1=false")
    kube_proxy: Flags = _flags("kube-proxy", "--conntrack-max-per-core=0")
    cri_dockerd: Flags = _flags("cri-dockerd", "--log-level=debug")
    flannel: Flags = _flags("flannel", "--v=2")


class Settings(Section):
    """All settings of a stack."""

    location: str = setting(
        "Azure region",
        limit="a region's short name",
        example="westeurope",
        pattern=r"^[a-z][a-z0-9]*$",
    )
    subscription_id: Guid = setting(
        "Azure subscription", limit="a GUID", example="00000000-0000-0000-0000-000000000000"
    )
    tenant_id: Guid = setting(
        "Microsoft Entra tenant", limit="a GUID", example="00000000-0000-0000-0000-000000000000"
    )
    cluster_name: str = setting(
        "first part of every resource's name",
        limit="2 to 20 lower-case letters, digits and single hyphens, a letter first, no hyphen "
        "last; no word that Azure reserves; not ending in -internal",
        example="prod",
        pattern=r"^[a-z](-?[a-z0-9])+$",
        max_length=20,
    )
    generation: int = setting(
        "part of the vault's name: Azure keeps a deleted vault's name for days, so raise it to "
        "build a destroyed cluster anew at once; never on a living one, whose machines would all "
        "be replaced",
        limit="1 to 9999",
        example=1,
        default=1,
        ge=1,
        le=9999,
    )
    zones: tuple[Literal["1", "2", "3"], ...] = setting(
        "availability zones that etcd members and masters are spread over; other ones replace "
        "them one at a time, but for a learner, which is taken away before. [] where the region "
        "has none, and for good: Azure never gives a load balancer's address zones, nor takes "
        "them away",
        limit='different ones of "1", "2", "3", quoted',
        example=["1", "2", "3"],
        default=("1", "2", "3"),
    )
    retired_sizes: Literal["substitute", "refuse"] = setting(
        "what becomes of a VM size that Azure has retired: the size that stands in for it, with "
        "a warning, or an error",
        limit="substitute or refuse",
        example="substitute",
        default="refuse",
    )
    image: Image = setting("the machines' image", limit="version", example={})
    ssh_public_key: str = setting(
        "key of the user `kilonode` on every machine",
        limit="one line of OpenSSH, ssh-ed25519 or ssh-rsa of 2,048 bits or more",
        example="ssh-ed25519 AAAA… name",
        pattern=r"^(ssh-ed25519|ssh-rsa) [A-Za-z0-9+/]+={0,2}( [^\r\n\"]*)?$",
    )
    gate_nonce: str = setting(
        "a word to change when every gate is to be asked once more; no machine is replaced, and "
        "what failed is asked again without it",
        limit="up to 32 lower-case letters, digits and hyphens",
        example="second-try",
        default="",
        pattern=r"^[a-z0-9-]{0,32}$",
    )
    network: Network = setting("addresses", limit="see its keys", example={})
    api: Api = setting(
        "access to the API server", limit="see its keys", example={}, default=Api.model_validate({})
    )
    etcd: Etcd = setting("the two etcd clusters", limit="see its keys", example={})
    masters: Masters = setting("the control plane's VMs", limit="see its keys", example={})
    control_plane: ControlPlane = setting(
        "the control plane's programs",
        limit="see its keys",
        example={},
        default=ControlPlane.model_validate({}),
    )
    node_pools: Annotated[dict[PoolKey, NodePool], Field(min_length=1)] = setting(
        "pools of nodes, by key",
        limit="one or more; keys: a letter, then up to 7 letters or digits",
        example={
            "cpu": {
                "size": "Standard_D15_v2",
                "scaleSets": {"a": {"nodes": 3, "maxNodes": 1000}},
            }
        },
    )
    addons: Addons = setting(
        "services of the cluster's own, by add-on; one that is not named is off",
        limit="see its keys",
        example={},
        default=Addons.model_validate({}),
    )
    datadog_api_key: Secret | None = setting(
        "Datadog's API key for addons.datadog; a secret of the stack, set by "
        "`pulumi config set --secret kilonode:datadogApiKey`",
        limit="a text, encrypted in the stack file",
        example="(secret)",
        default=None,
    )
    artifacts: Artifacts = setting(
        "what machines install",
        limit="see its keys",
        example={},
        default=Artifacts.model_validate({}),
    )
    image_registry: Registry | None = setting(
        "where the cluster's own images come from: REGISTRY and the path of their repositories; "
        "without it, the registries that they are released in",
        limit="HOST, HOST:PORT or HOST/PATH in lower case, without scheme and trailing slash",
        example="registry.example.com/kilonode",
        default=None,
    )
    extra_args: ExtraArgs = setting(
        "further flags, by component",
        limit="see its keys",
        example={},
        default=ExtraArgs.model_validate({}),
    )
