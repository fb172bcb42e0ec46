"""An add-on as resources: one component, and each of its objects a child of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.addons.manifests import Manifest, token

# What others are in; what they name; what runs pods; what the API calls upon as soon as it hears of
# it. Everything else comes before what runs pods.
_PLACES = ("Namespace",)
_NAMED = ("CustomResourceDefinition", "PriorityClass", "ServiceAccount")
_OTHERS = 2
_WORKLOADS = ("DaemonSet", "Deployment", "Job", "StatefulSet")
_CALLED = ("APIService", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_STEPS = {
    **dict.fromkeys(_PLACES, 0),
    **dict.fromkeys(_NAMED, 1),
    **dict.fromkeys(_WORKLOADS, 3),
    **dict.fromkeys(_CALLED, 4),
}
# Pods may have to wait for nodes that have just been asked for.
_TIMEOUTS = pulumi.CustomTimeouts(create="30m", update="30m")


@dataclass(frozen=True)
class AddonArgs:
    """No two of `manifests` share kind and name."""

    provider: pulumi.ProviderResource
    manifests: Sequence[Manifest]


class Addon(pulumi.ComponentResource):
    """The objects, in steps of which each waits for the one before."""

    def __init__(
        self, name: str, args: AddonArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("kilonode:addons:Addon", name, None, opts)
        before: list[pulumi.Resource] = []
        for step in range(5):
            options = pulumi.ResourceOptions(
                parent=self,
                provider=args.provider,
                depends_on=before,
                custom_timeouts=_TIMEOUTS,
            )
            found = [one for one in args.manifests if _STEPS.get(one["kind"], _OTHERS) == step]
            before = [_declared(name, one, options) for one in found] or before
        self.register_outputs({})


def _declared(name: str, manifest: Manifest, options: pulumi.ResourceOptions) -> pulumi.Resource:
    # The SDK has a class for every kind, which checks less than the API does and takes a second to
    # import.
    kind, named = manifest["kind"], manifest["metadata"]["name"]
    if kind == "Secret":
        # So that neither a preview nor the state shows it.
        manifest = {**manifest, "data": pulumi.Output.secret(manifest["data"])}
    return pulumi.CustomResource(
        token(manifest), f"{name}-{kind.lower()}-{named}", manifest, options
    )
