"""Runs the whole program under Pulumi's mocks and keeps every registration, options included.

Mocks do not show options, so the monitor itself is replaced. Two kinds of run: in an unknown one
resources answer with their inputs alone, as the plugin does in a preview; in a known one keys,
certificates and IDs come back, and every private key is a planted text that is easy to find.
"""

import base64
import json
import os
import runpy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pulumi
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pulumi.runtime import mocks, rpc, stack
from pulumi.runtime.config import set_all_config
from pulumi.runtime.proto import resource_pb2

from components.reach import WITHOUT_API
from config.stack_file import configuration
from tests.checksums import checksums
from tests.pulumi_runtime import in_a_program

PROGRAM = Path(__file__).parents[2] / "__main__.py"
PLANTED = "planted-secret"
# The key of Secrets, as it stands in a bundle: 32 bytes in base64.
PLANTED_ENCRYPTION_KEY = base64.b64encode(b"planted-secret-of-encryption-key").decode()
VM = "azure-native:compute:VirtualMachine"
SCALE_SET = "azure-native:compute:VirtualMachineScaleSet"
GATE = "azure-native:compute:VirtualMachineRunCommandByVirtualMachine"
SECRET = "azure-native:keyvault:Secret"
ROLE_ASSIGNMENT = "azure-native:authorization:RoleAssignment"
_STACK_TYPE = "pulumi:pulumi:Stack"

# What a type answers besides its inputs, given its logical name.
_COMPUTED: Mapping[str, Callable[[str], dict[str, str]]] = {
    "tls:index/privateKey:PrivateKey": lambda name: {
        "privateKeyPem": _ed25519() if "-encryption-" in name else f"{PLANTED}-{name}",
        "publicKeyPem": f"public-{name}",
    },
    "tls:index/selfSignedCert:SelfSignedCert": lambda name: {"certPem": f"certificate-{name}"},
    "tls:index/certRequest:CertRequest": lambda name: {"certRequestPem": f"request-{name}"},
    "tls:index/locallySignedCert:LocallySignedCert": lambda name: {
        "certPem": f"certificate-{name}",
        # The administrator's has the least left.
        "validityEndTime": f"2027-0{1 if name.endswith('-admin') else 2}-01T00:00:00Z",
    },
    "azure-native:managedidentity:UserAssignedIdentity": lambda name: {
        "principalId": f"principal-{name}",
        "clientId": f"client-{name}",
    },
}


def _ed25519() -> str:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(base64.b64decode(PLANTED_ENCRYPTION_KEY))
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@dataclass(frozen=True)
class Registration:
    """One resource as the engine would see it; `inputs` keep secret wrappers and unknowns."""

    urn: str
    type: str
    name: str
    parent: str
    custom: bool
    provider: str
    inputs: Mapping[str, Any]
    dependencies: frozenset[str]
    ignore_changes: tuple[str, ...]
    replace_on_changes: tuple[str, ...]
    delete_before_replace: bool
    protect: bool
    create_timeout: str
    retain_on_delete: bool
    before_update_hooks: tuple[str, ...]


@dataclass
class Recording:
    """Everything one run of the program did."""

    registrations: list[Registration] = field(default_factory=list)
    registered_outputs: set[str] = field(default_factory=set)
    stack_outputs: dict[str, Any] = field(default_factory=dict)
    secret_outputs: set[str] = field(default_factory=set)

    @property
    def urns(self) -> list[str]:
        return [one.urn for one in self.registrations]

    def of_type(self, type_: str) -> list[Registration]:
        return [one for one in self.registrations if one.type == type_]

    def named(self, name: str) -> Registration:
        (found,) = (one for one in self.registrations if one.name == name)
        return found


class _Monitor(mocks.MockMonitor):
    def __init__(self, recording: Recording, known: bool) -> None:
        super().__init__(_NoMocks())
        self._recording = recording
        self._known = known

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == _STACK_TYPE:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        self._recording.registrations.append(_registration(urn, request))
        answer = resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)
        if "identity" in answer.object.fields:
            # A list going in, a mapping coming out.
            identity = answer.object.fields["identity"].struct_value
            ids = list(identity["userAssignedIdentities"])
            identity.update({"userAssignedIdentities": {one: {} for one in ids}})
        if self._known and request.custom:
            answer.id = f"id-{request.name}"
            computed = _COMPUTED.get(request.type)
            answer.object.update(computed(request.name) if computed else {})
        return answer

    def RegisterResourceOutputs(self, request: Any) -> None:  # noqa: N802
        self._recording.registered_outputs.add(request.urn)


class _NoMocks(mocks.Mocks):
    def new_resource(self, args: Any) -> Any:
        raise AssertionError("the monitor answers by itself")

    def call(self, args: Any) -> Any:
        found = "azure-native:compute:getVirtualMachineRunCommandByVirtualMachine"
        assert args.token == found, f"the program must not look anything else up: {args.token}"
        return {}, [("", "ResourceNotFound")]


class _Hooks:
    """Stands in for the callback server, which hooks are registered with."""

    def register_resource_hook(self, hook: Any) -> None:
        assert callable(hook.callback)


def _registration(urn: str, request: Any) -> Registration:
    return Registration(
        urn=urn,
        type=request.type,
        name=request.name,
        parent=request.parent,
        custom=request.custom,
        provider=request.provider,
        inputs=_plain(request.object),
        dependencies=frozenset(request.dependencies),
        ignore_changes=tuple(request.ignoreChanges),
        replace_on_changes=tuple(request.replaceOnChanges),
        delete_before_replace=request.deleteBeforeReplace,
        protect=request.protect,
        create_timeout=request.customTimeouts.create,
        retain_on_delete=request.retainOnDelete,
        before_update_hooks=tuple(request.hooks.before_update),
    )


def _plain(value: Any) -> Any:
    """A protobuf Struct or ListValue as Python's own."""
    if hasattr(value, "fields"):
        return {key: _plain(value[key]) for key in value}
    if hasattr(value, "values"):
        return [_plain(one) for one in value]
    return value


def settings(stack: str = "prod", **changes: Any) -> dict[str, str]:
    """The stack's configuration as the engine hands it over; changes: top-level keys of ours."""
    values = dict(configuration(stack))
    # Without them nothing is built.
    given = {"checksums": checksums(stack)}
    values["kilonode:artifacts"] = {**values.get("kilonode:artifacts", {}), **given}
    values |= {f"kilonode:{key}": one for key, one in changes.items()}
    return {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()
    }


@cache
def recorded(stack: str, known: bool) -> Recording:
    """A run of the stack as it is; each kind of run is made once."""
    return run(settings(stack), known=known)


def run(stack_configuration: Mapping[str, str], *, known: bool) -> Recording:
    """Runs `__main__.py` as the engine would, as a preview unless `known`."""
    recording = Recording()

    async def program() -> None:
        pulumi.runtime.settings.SETTINGS.callbacks = _Hooks()
        set_all_config(dict(stack_configuration))
        runpy.run_path(str(PROGRAM), run_name="__main__")
        await _read_outputs(recording)

    # There is no API that could answer.
    with patch.dict(os.environ, {WITHOUT_API: "true"}):
        monitor = _Monitor(recording, known)
        in_a_program(_NoMocks(), program, preview=not known, monitor=monitor)
    return recording


async def _read_outputs(recording: Recording) -> None:
    root = pulumi.runtime.get_root_resource()
    assert isinstance(root, stack.Stack)
    for name, value in root.outputs.items():
        output = pulumi.Output.from_input(value)
        recording.stack_outputs[name] = await output.future()
        if await output.is_secret():
            recording.secret_outputs.add(name)


def is_secret(value: Any) -> bool:
    """Whether `value` is wrapped as a secret."""
    if not isinstance(value, dict):
        return False
    return bool(value.get(rpc._special_sig_key) == rpc._special_secret_sig)


def reveal(value: Any) -> Any:
    """The value inside a secret wrapper."""
    assert is_secret(value)
    return value["value"]


def is_known(value: Any) -> bool:
    return bool(value != rpc.UNKNOWN)
