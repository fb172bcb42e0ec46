"""What single VMs and scale sets have in common."""

from dataclasses import dataclass

from pulumi_azure_native import compute

from config.azure_limits import Size

ADMIN = "kilonode"


@dataclass(frozen=True)
class Platform:
    """The image every machine starts from (a pinned version), and who may log in."""

    image_version: str
    ssh_public_key: str

    def image(self, size: Size) -> compute.ImageReferenceArgs:
        """Ubuntu 24.04 in the generation that the size boots."""
        return compute.ImageReferenceArgs(
            publisher="Canonical",
            offer="ubuntu-24_04-lts",
            sku=size.image_sku,
            version=self.image_version,
        )

    def linux(self) -> compute.LinuxConfigurationArgs:
        """Key log-in only; the agent is what run commands, hence the gates, go through."""
        return compute.LinuxConfigurationArgs(
            disable_password_authentication=True,
            provision_vm_agent=True,
            ssh=compute.SshConfigurationArgs(
                public_keys=[
                    compute.SshPublicKeyArgs(
                        path=f"/home/{ADMIN}/.ssh/authorized_keys", key_data=self.ssh_public_key
                    )
                ]
            ),
        )


def security(size: Size) -> compute.SecurityProfileArgs | None:
    """Trusted Launch where it exists, which is generation 2; Azure never takes it by itself."""
    if 2 not in size.generations:
        return None
    return compute.SecurityProfileArgs(
        security_type=compute.SecurityTypes.TRUSTED_LAUNCH,
        uefi_settings=compute.UefiSettingsArgs(secure_boot_enabled=True, v_tpm_enabled=True),
    )


def disk_controller(size: Size) -> compute.DiskControllerTypes | None:
    """Said outright where a size has no SCSI: not every API version takes NVMe by itself."""
    return compute.DiskControllerTypes.NV_ME if size.disk_controller == "NVMe" else None


def diagnostics() -> compute.DiagnosticsProfileArgs:
    """The console, kept in Azure's own storage: the only view of a boot that failed."""
    return compute.DiagnosticsProfileArgs(
        boot_diagnostics=compute.BootDiagnosticsArgs(enabled=True)
    )
