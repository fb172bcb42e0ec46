"""Where Azure finds the keys of the cluster's ServiceAccount tokens."""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import storage

from components import roles
from components.azure import ResourceGroup, known
from components.identities import Identity
from config.topology import ISSUER_CONTAINER


@dataclass(frozen=True)
class TokenIssuerArgs:
    """`masters`: the identity that writes the keys there."""

    group: ResourceGroup
    account_name: str
    masters: Identity


class TokenIssuer(pulumi.ComponentResource):
    """A container that everybody reads, since Microsoft Entra asks it without a credential.

    In an account of its own: in the other one no container may ever be public.
    """

    def __init__(
        self, name: str, args: TokenIssuerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("kilonode:identity:TokenIssuer", name, None, opts)
        account = storage.StorageAccount(
            name,
            resource_group_name=args.group.name,
            location=args.group.location,
            account_name=args.account_name,
            kind=storage.Kind.STORAGE_V2,
            # Masters write it anew every hour.
            sku=storage.SkuArgs(name=storage.SkuName.STANDARD_LRS),
            minimum_tls_version=storage.MinimumTlsVersion.TLS1_2,
            enable_https_traffic_only=True,
            allow_blob_public_access=True,
            # Whoever may write here is any add-on to Azure.
            allow_shared_key_access=False,
            opts=pulumi.ResourceOptions(parent=self),
        )
        container = storage.BlobContainer(
            f"{name}-container",
            resource_group_name=args.group.name,
            account_name=known(args.account_name, after=account),
            container_name=ISSUER_CONTAINER,
            # Single blobs, by who knows their names.
            public_access=storage.PublicAccess.BLOB,
            opts=pulumi.ResourceOptions(parent=self),
        )
        roles.assign(
            f"{name}-for-master",
            group=args.group,
            role=roles.STORAGE_BLOB_DATA_CONTRIBUTOR,
            identity=args.masters,
            scope=args.group.id(
                "Microsoft.Storage/storageAccounts/blobServices/containers",
                args.account_name,
                "default",
                ISSUER_CONTAINER,
            ),
            parent=self,
            target=container,
        )
        self.register_outputs({"container": ISSUER_CONTAINER})
