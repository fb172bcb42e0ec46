"""Blob storage: etcd's birth records and snapshots, and artifacts if this is their mirror."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import storage

from components import roles
from components.azure import ResourceGroup, known
from components.identities import ROLES, Identity
from config.topology import ARTIFACTS_CONTAINER

_CONTAINERS = ("etcd", "events")
# Days that etcd's snapshots are kept, by folder. The machines only add to them.
_KEPT_DAYS = {"recent": 1, "hourly": 7, "change": 7, "daily": 90, "stop": 90}
# Who may do what with which container: (container, what, role of the machine).
_GRANTS = (
    ("etcd", roles.STORAGE_BLOB_DATA_CONTRIBUTOR, "etcd"),
    ("events", roles.STORAGE_BLOB_DATA_CONTRIBUTOR, "events"),
    # For the preflights, which ask from outside whether a cluster was ever born. Masters read all
    # of etcd anyway.
    ("etcd", roles.STORAGE_BLOB_DATA_READER, "master"),
    ("events", roles.STORAGE_BLOB_DATA_READER, "master"),
)
# What machines install and `make mirror` fills.
_ARTIFACTS_GRANTS = tuple(
    (ARTIFACTS_CONTAINER, roles.STORAGE_BLOB_DATA_READER, role) for role in ROLES
)


@dataclass(frozen=True)
class StorageArgs:
    """`identities` is keyed by role. `artifacts`: whether machines fetch their artifacts from
    here."""

    group: ResourceGroup
    account_name: str
    identities: Mapping[str, Identity]
    artifacts: bool = False


class Storage(pulumi.ComponentResource):
    """One account; the machines of an etcd cluster write to its container and to no other."""

    account_name: pulumi.Output[str]

    def __init__(
        self, name: str, args: StorageArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("kilonode:storage:Storage", name, None, opts)
        self._args = args
        sku = storage.SkuName.STANDARD_ZRS if args.group.zonal else storage.SkuName.STANDARD_LRS
        account = storage.StorageAccount(
            name,
            resource_group_name=args.group.name,
            location=args.group.location,
            account_name=args.account_name,
            kind=storage.Kind.STORAGE_V2,
            # A birth record that is lost with a zone would let a second cluster be born.
            sku=storage.SkuArgs(name=sku),
            minimum_tls_version=storage.MinimumTlsVersion.TLS1_2,
            enable_https_traffic_only=True,
            allow_blob_public_access=False,
            # Managed identities only: a shared key would open every container to its holder.
            allow_shared_key_access=False,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.account_name = known(args.account_name, after=account)
        self._expire_snapshots(f"{name}-lifecycle")
        names = (*_CONTAINERS, ARTIFACTS_CONTAINER) if args.artifacts else _CONTAINERS
        containers = {one: self._container(f"{name}-{one}", one) for one in names}
        grants = _GRANTS + _ARTIFACTS_GRANTS if args.artifacts else _GRANTS
        for container, right, role in grants:
            roles.assign(
                f"{name}-{container}-for-{role}",
                group=args.group,
                role=right,
                identity=args.identities[role],
                scope=args.group.id(
                    "Microsoft.Storage/storageAccounts/blobServices/containers",
                    args.account_name,
                    "default",
                    container,
                ),
                parent=self,
                target=containers[container],
            )
        self.register_outputs({"account_name": self.account_name})

    def _container(self, name: str, physical_name: str) -> storage.BlobContainer:
        return storage.BlobContainer(
            name,
            resource_group_name=self._args.group.name,
            account_name=self.account_name,
            container_name=physical_name,
            public_access=storage.PublicAccess.NONE,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _expire_snapshots(self, name: str) -> None:
        """An account has one policy. Azure carries it out once a day."""
        storage.ManagementPolicy(
            name,
            resource_group_name=self._args.group.name,
            account_name=self.account_name,
            management_policy_name="default",
            policy=storage.ManagementPolicySchemaArgs(
                rules=[_expiry(folder, days) for folder, days in _KEPT_DAYS.items()]
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )


def _expiry(folder: str, days: int) -> storage.ManagementPolicyRuleArgs:
    return storage.ManagementPolicyRuleArgs(
        # Letters and digits only.
        name=folder,
        type=storage.RuleType.LIFECYCLE,
        enabled=True,
        definition=storage.ManagementPolicyDefinitionArgs(
            actions=storage.ManagementPolicyActionArgs(
                base_blob=storage.ManagementPolicyBaseBlobArgs(
                    delete=storage.DateAfterModificationArgs(days_after_creation_greater_than=days)
                )
            ),
            filters=storage.ManagementPolicyFilterArgs(
                blob_types=["blockBlob"],
                prefix_match=[f"{container}/snapshots/{folder}/" for container in _CONTAINERS],
            ),
        ),
    )
