"""Key Vault: one secret bundle per machine role, readable by that role alone."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import keyvault

from components import roles
from components.azure import ResourceGroup, known
from components.identities import Identity


@dataclass(frozen=True)
class VaultArgs:
    """`bundles` and `identities` are keyed by role; a bundle is a secret JSON text."""

    group: ResourceGroup
    vault_name: str
    tenant_id: str
    bundles: Mapping[str, pulumi.Output[str]]
    identities: Mapping[str, Identity]


class Vault(pulumi.ComponentResource):
    """Holds what machines may not find in their user data."""

    vault_name: pulumi.Output[str]

    def __init__(
        self, name: str, args: VaultArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("kilonode:identity:Vault", name, None, opts)
        self._args = args
        vault = keyvault.Vault(
            name,
            resource_group_name=args.group.name,
            location=args.group.location,
            vault_name=args.vault_name,
            properties=keyvault.VaultPropertiesArgs(
                tenant_id=args.tenant_id,
                sku=keyvault.SkuArgs(family=keyvault.SkuFamily.A, name=keyvault.SkuName.STANDARD),
                # The default flips with an API version; access policies know no single secret.
                enable_rbac_authorization=True,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.vault_name = known(args.vault_name, after=vault)
        for role, bundle in args.bundles.items():
            self._bundle(name, role, bundle)
        self.register_outputs({"vault_name": self.vault_name})

    def _bundle(self, name: str, role: str, bundle: pulumi.Output[str]) -> None:
        secret = keyvault.Secret(
            f"{name}-{role}",
            resource_group_name=self._args.group.name,
            vault_name=self.vault_name,
            secret_name=role,
            properties=keyvault.SecretPropertiesArgs(
                value=pulumi.Output.secret(bundle), content_type="application/json"
            ),
            # It goes with the vault. Deleting it alone is a request to the vault itself, for which
            # who deploys has no right (azure-facts 13).
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        vault_name = self._args.vault_name
        roles.assign(
            f"{name}-{role}-for-{role}",
            group=self._args.group,
            role=roles.KEY_VAULT_SECRETS_USER,
            identity=self._args.identities[role],
            # The secret's own scope: nodes run other people's pods and must never read CA keys.
            scope=self._args.group.id("Microsoft.KeyVault/vaults/secrets", vault_name, role),
            parent=self,
            target=secret,
        )
