"""An add-on's own identity on Azure, and its rights."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import managedidentity

from components import roles
from components.azure import ResourceGroup
from components.identities import identity
from config.workload_identities import Place, Right, Workload

# Of the tokens that are shown to Microsoft Entra, by its convention.
AUDIENCE = "api://AzureADTokenExchange"


@dataclass(frozen=True)
class Scope:
    """An ARM ID, and an output that comes once it exists."""

    id: str
    after: pulumi.Output[str]


@dataclass(frozen=True)
class WorkloadIdentityArgs:
    """issuer: URL of who signs the cluster's tokens. unique: a word that is this cluster's alone.

    `groups`: the control plane's, where the identity lies, and the nodes'.
    """

    groups: tuple[ResourceGroup, ResourceGroup]
    cluster: str
    unique: str
    issuer: str
    workload: Workload
    places: Mapping[Place, Scope]


class WorkloadIdentity(pulumi.ComponentResource):
    """No machine has it: Microsoft Entra gives its tokens for those of one ServiceAccount."""

    client_id: pulumi.Output[str]

    def __init__(
        self, name: str, args: WorkloadIdentityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("kilonode:identity:WorkloadIdentity", name, None, opts)
        self._name = name
        self._args = args
        group, workload = args.groups[0], args.workload
        self._identity = identity(
            f"{name}-identity", group, f"{args.cluster}-{workload.name}", parent=self
        )
        managedidentity.FederatedIdentityCredential(
            f"{name}-credential",
            resource_group_name=group.name,
            resource_name_=self._identity.name,
            federated_identity_credential_resource_name="kubernetes",
            issuer=args.issuer,
            subject=workload.subject,
            audiences=[AUDIENCE],
            opts=pulumi.ResourceOptions(parent=self),
        )
        for right in workload.rights:
            # Never by its place in the list: a right that comes or goes would hand its neighbour's
            # role the name that another role still has, which Azure refuses in the whole tenant.
            self._grant(f"{name}-{right.place}", right)
        self.client_id = self._identity.client_id
        self.register_outputs({"client_id": self.client_id})

    def _grant(self, name: str, right: Right) -> None:
        args = self._args
        role = roles.define(
            f"{name}-role",
            groups=args.groups,
            role_name=f"{args.unique} {args.workload.name} {right.name} ({right.place})",
            actions=right.actions,
            parent=self,
        )
        scope = args.places[right.place]
        roles.assign(
            name,
            group=args.groups[0],
            role=role,
            identity=self._identity,
            scope=scope.id,
            parent=self,
            target=scope.after,
        )
