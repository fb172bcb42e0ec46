"""Names, keys and the SSH key."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from config.azure_limits import (
    CLUSTER_NAME_FORBIDDEN_END,
    RESERVED_FIRST_WORDS,
    RESERVED_WORDS,
    SSH_RSA_MIN_BITS,
)
from config.checks.check import reads
from config.problems import Problem, problem
from config.schema.stack import Settings

# The comment of the key in the stack files that come with the project.
PLACEHOLDER = "replace-with-your-own"


@reads("clusterName")
def no_internal_cluster(settings: Settings) -> Iterator[Problem]:
    if settings.cluster_name.endswith(CLUSTER_NAME_FORBIDDEN_END):
        yield problem(
            "clusterName",
            settings.cluster_name,
            f"not ending in {CLUSTER_NAME_FORBIDDEN_END}, which Azure's cloud provider keeps for "
            "internal load balancers",
            "choose another name",
        )


@reads("clusterName")
def no_reserved_word(settings: Settings) -> Iterator[Problem]:
    name = settings.cluster_name
    # The storage account's name is the cluster's without hyphens.
    words = [word for word in RESERVED_WORDS if word in name.replace("-", "")]
    words += [word for word in RESERVED_FIRST_WORDS if name.startswith(word)]
    for word in words:
        yield problem(
            "clusterName",
            name,
            f"without `{word}`: Azure refuses it in names that are public (ReservedResourceName)",
            "choose another name",
        )


@reads("sshPublicKey")
def ssh_key_is_whole(settings: Settings) -> Iterator[Problem]:
    kind, body, *_ = settings.ssh_public_key.split(" ")
    limit = f"an ssh-ed25519 key, or an ssh-rsa key of {SSH_RSA_MIN_BITS:,} bits or more"
    try:
        fields = list(_ssh_fields(base64.b64decode(body, validate=True)))
    except (binascii.Error, ValueError):
        fields = []
    if [field.decode(errors="replace") for field in fields[:1]] != [kind]:
        yield problem(
            "sshPublicKey", settings.ssh_public_key, limit, "paste the whole line of the .pub file"
        )
    elif kind == "ssh-rsa" and int.from_bytes(fields[-1], "big").bit_length() < SSH_RSA_MIN_BITS:
        yield problem(
            "sshPublicKey", settings.ssh_public_key, limit, "make one with ssh-keygen -t ed25519"
        )


def warnings(settings: Settings) -> Iterator[str]:
    if settings.ssh_public_key.endswith(PLACEHOLDER):
        yield (
            "kilonode:sshPublicKey: a placeholder, whose private half exists nowhere, so nobody "
            "could log in to a machine; put your own key there. A change replaces every machine"
        )


def _ssh_fields(blob: bytes) -> Iterator[bytes]:
    """The length-prefixed fields of a public key (RFC 4253, 6.6). Raises ValueError."""
    while blob:
        length = int.from_bytes(blob[:4], "big")
        if len(blob) < 4 + length:
            raise ValueError("cut off")
        yield blob[4 : 4 + length]
        blob = blob[4 + length :]


CHECKS = (no_internal_cluster, no_reserved_word, ssh_key_is_whole)
