"""The engine's side of a plugin, the same for all three: messages, diffs, errors, the server.

This is the only module that knows gRPC. Secrets: the engine unwraps them before it asks, and marks
every output of the same name again, since no plugin here says that it accepts them.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from local_azure.arm.shapes import UNKNOWN, Properties

_UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
# A machine that boots holds its thread until it is up.
_THREADS = 128
_MESSAGE_BYTES = 400 * 1024 * 1024


def _messages(name: str) -> Any:
    """The SDK's messages, without the SDK around them: that takes thrice as long to import."""
    sdk = find_spec("pulumi")
    if sdk is None or sdk.origin is None:
        raise ModuleNotFoundError("the pulumi SDK is not installed")
    package = ModuleType("pulumi_messages")
    package.__path__ = [str(Path(sdk.origin).parent / "runtime" / "proto")]
    sys.modules.setdefault(package.__name__, package)
    return importlib.import_module(f"{package.__name__}.{name}")


# None of these has types.
grpc: Any = importlib.import_module("grpc")
Struct: Any = importlib.import_module("google.protobuf.struct_pb2").Struct
Empty: Any = importlib.import_module("google.protobuf.empty_pb2").Empty
plugin = _messages("plugin_pb2")
rpc = _messages("provider_pb2")
status = _messages("status_pb2")


class InitError(Exception):
    """The resource exists but does not work: the engine keeps it and updates it next time."""

    def __init__(self, id: str, outputs: Properties, reason: str) -> None:
        super().__init__(reason)
        self.id = id
        self.outputs = outputs


class Plugin:
    """What a plugin does. Types come without the package: "network:Subnet". Bodies are plain
    values, with UNKNOWN for what a preview does not know. Any exception is an error that the
    engine shows."""

    package: str
    # Whether the old one goes before the new one comes, where something is replaced.
    deletes_first = True

    def configure(self, configuration: dict[str, str]) -> None:
        """configuration: the provider's settings as text, JSON where they are none."""

    def check(self, type: str, inputs: Properties, old: Properties) -> tuple[Properties, list[str]]:
        """Inputs with defaults, and what is wrong with them; old: {} before a creation."""
        return inputs, []

    def replaces(self, type: str, path: str) -> bool:
        """Whether a change at this dotted path (without indices) replaces the resource."""
        return False

    def worn_out(self, outputs: Properties) -> str | None:
        """The output for whose sake a resource is replaced though no input changed."""
        return None

    def preview(self, type: str, inputs: Properties, outputs: Properties) -> Properties:
        """Outputs that are known ahead; outputs: the old ones, {} before a creation."""
        return inputs

    def create(self, type: str, inputs: Properties) -> tuple[str, Properties]:
        """Id and outputs. Raises InitError."""
        raise NotImplementedError

    def read(
        self, type: str, id: str, inputs: Properties, outputs: Properties
    ) -> tuple[Properties, Properties] | None:
        """Inputs and outputs as they are now, None if it is gone; {} comes in for an import."""
        return inputs, outputs

    def update(self, type: str, id: str, inputs: Properties, outputs: Properties) -> Properties:
        """New outputs; outputs: the old ones. Raises InitError."""
        raise NotImplementedError

    def delete(self, type: str, id: str, outputs: Properties) -> None:
        """Nothing happens if it is gone already."""

    def invoke(self, function: str, arguments: Properties) -> Properties:
        raise NotImplementedError(function)


# gRPC ends a server that nobody holds.
_serving: list[Any] = []


def start(served: Plugin) -> int:
    """Serves the plugin on a free port of 127.0.0.1 in background threads; gives the port."""
    options = [(f"grpc.max_{way}_message_length", _MESSAGE_BYTES) for way in ("send", "receive")]
    server = grpc.server(ThreadPoolExecutor(_THREADS), options=options)
    service = _Service(served)
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            service.answering(answer),
            request_deserializer=request.FromString,
            response_serializer=lambda response: response.SerializeToString(),
        )
        for name, request, answer in service.methods()
    }
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("pulumirpc.ResourceProvider", handlers),)
    )
    port: int = server.add_insecure_port("127.0.0.1:0")
    server.start()
    _serving.append(server)
    return port


class _Service:
    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin

    def methods(self) -> list[tuple[str, Any, Callable[[Any], Any]]]:
        """Name, request message and implementation; what is not here the engine does without."""
        return [
            ("Handshake", rpc.ProviderHandshakeRequest, lambda _: rpc.ProviderHandshakeResponse()),
            ("GetPluginInfo", Empty, self._information),
            ("Attach", Empty, lambda _: Empty()),
            ("Cancel", Empty, lambda _: Empty()),
            ("CheckConfig", rpc.CheckRequest, lambda asked: rpc.CheckResponse(inputs=asked.news)),
            ("DiffConfig", rpc.DiffRequest, self._diff_configuration),
            ("Configure", rpc.ConfigureRequest, self._configure),
            ("Check", rpc.CheckRequest, self._check),
            ("Diff", rpc.DiffRequest, self._diff),
            ("Create", rpc.CreateRequest, self._create),
            ("Read", rpc.ReadRequest, self._read),
            ("Update", rpc.UpdateRequest, self._update),
            ("Delete", rpc.DeleteRequest, self._delete),
            ("Invoke", rpc.InvokeRequest, self._invoke),
        ]

    def answering(self, answer: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
        def handler(request: Any, context: Any) -> Any:
            try:
                return answer(request)
            except InitError as error:
                failed = rpc.ErrorResourceInitFailed(
                    id=error.id, properties=encode(error.outputs), reasons=[str(error)]
                )
                unknown = grpc.StatusCode.UNKNOWN
                packed = status.Status(code=unknown.value[0], message=str(error))
                packed.details.add().Pack(failed)
                context.set_trailing_metadata(
                    (("grpc-status-details-bin", packed.SerializeToString()),)
                )
                context.abort(unknown, str(error))
            except Exception as error:
                context.abort(grpc.StatusCode.UNKNOWN, str(error) or repr(error))

        return handler

    def _information(self, _: Any) -> Any:
        """The SDK's own version: this plugin stands in for the one that goes with it."""
        return plugin.PluginInfo(version=metadata.version(f"pulumi-{self._plugin.package}"))

    def _diff_configuration(self, _: Any) -> Any:
        """Settings never replace a provider, for that would replace all that it made."""
        return rpc.DiffResponse(changes=rpc.DiffResponse.DIFF_UNKNOWN)

    def _configure(self, request: Any) -> Any:
        self._plugin.configure(
            {name.rpartition(":")[2]: value for name, value in request.variables.items()}
        )
        return rpc.ConfigureResponse(supportsPreview=True)

    def _check(self, request: Any) -> Any:
        inputs, problems = self._plugin.check(
            _type(request), decode(request.news), decode(request.olds)
        )
        failures = [rpc.CheckFailure(reason=problem) for problem in problems]
        return rpc.CheckResponse(inputs=encode(inputs), failures=failures)

    def _diff(self, request: Any) -> Any:
        type, response = _type(request), rpc.DiffResponse(hasDetailedDiff=True)
        changes = list(difference(decode(request.old_inputs), decode(request.news)))
        worn_out = self._plugin.worn_out(decode(request.olds))
        if worn_out is not None:
            changes.append((worn_out, worn_out, "UPDATE"))
        for path, plain, kind in changes:
            replaces = plain == worn_out or self._plugin.replaces(type, plain)
            name = f"{kind}_REPLACE" if replaces else kind
            response.detailedDiff[path].kind = rpc.PropertyDiff.Kind.Value(name)
            response.detailedDiff[path].inputDiff = plain != worn_out
            top = plain.partition(".")[0]
            if top not in response.diffs:
                response.diffs.append(top)
            if replaces and top not in response.replaces:
                response.replaces.append(top)
        response.changes = response.DIFF_SOME if changes else response.DIFF_NONE
        response.deleteBeforeReplace = bool(response.replaces) and self._plugin.deletes_first
        return response

    def _create(self, request: Any) -> Any:
        type, inputs = _type(request), decode(request.properties)
        if request.preview:
            return rpc.CreateResponse(properties=encode(self._plugin.preview(type, inputs, {})))
        id, outputs = self._plugin.create(type, inputs)
        return rpc.CreateResponse(id=id, properties=encode(outputs))

    def _read(self, request: Any) -> Any:
        inputs, outputs = decode(request.inputs), decode(request.properties)
        found = self._plugin.read(_type(request), request.id, inputs, outputs)
        if found is None:
            return rpc.ReadResponse()
        return rpc.ReadResponse(id=request.id, inputs=encode(found[0]), properties=encode(found[1]))

    def _update(self, request: Any) -> Any:
        type, inputs, old = _type(request), decode(request.news), decode(request.olds)
        if request.preview:
            outputs = self._plugin.preview(type, inputs, old)
        else:
            outputs = self._plugin.update(type, request.id, inputs, old)
        return rpc.UpdateResponse(properties=encode(outputs))

    def _delete(self, request: Any) -> Any:
        self._plugin.delete(_type(request), request.id, decode(request.properties))
        return Empty()

    def _invoke(self, request: Any) -> Any:
        function = request.tok.partition(":")[2]
        result = self._plugin.invoke(function, decode(request.args))
        return rpc.InvokeResponse(**{"return": encode(result)})


def _type(request: Any) -> str:
    """The type's token without the package, from the URN: …::parent$package:module:Type::name."""
    token = str(request.urn).split("::")[2].rpartition("$")[2]
    return token.partition(":")[2]


def difference(
    old: Any, new: Any, path: str = "", plain: str = ""
) -> Iterator[tuple[str, str, str]]:
    """Each changed property: its path, the path without indices, and ADD, UPDATE or DELETE."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            dotted = f"{plain}.{key}" if plain else key
            quoted = f'["{key}"]' if "." in key or "/" in key else f".{key}" if path else key
            yield from _change(old, new, key, path + quoted, dotted)
    elif isinstance(old, list) and isinstance(new, list):
        before, after = dict(enumerate(old)), dict(enumerate(new))
        for index in range(max(len(old), len(new))):
            yield from _change(before, after, index, f"{path}[{index}]", plain)
    elif old != new:
        yield path, plain, "UPDATE"


def _change(
    old: dict[Any, Any], new: dict[Any, Any], key: Any, path: str, plain: str
) -> Iterator[tuple[str, str, str]]:
    if key in old and key in new:
        yield from difference(old[key], new[key], path, plain)
    else:
        yield path, plain, "ADD" if key in new else "DELETE"


def decode(struct: Any) -> Properties:
    """Plain values; nulls are left out, whole numbers become int."""
    fields = {name: _decode(value) for name, value in struct.fields.items()}
    return {name: value for name, value in fields.items() if value is not None}


def _decode(value: Any) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return decode(value.struct_value)
    if kind == "list_value":
        return [_decode(item) for item in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "string_value":
        return UNKNOWN if value.string_value == _UNKNOWN_TEXT else value.string_value
    return value.bool_value if kind == "bool_value" else None


def encode(properties: Properties) -> Any:
    struct = Struct()
    for name, value in properties.items():
        _encode(value, struct.fields[name])
    return struct


def _encode(value: Any, into: Any) -> None:
    if isinstance(value, dict):
        into.struct_value.SetInParent()
        for name, item in value.items():
            _encode(item, into.struct_value.fields[name])
    elif isinstance(value, list | tuple):
        into.list_value.SetInParent()
        for item in value:
            _encode(item, into.list_value.values.add())
    elif isinstance(value, bool):
        into.bool_value = value
    elif isinstance(value, int | float):
        into.number_value = value
    elif value is None:
        into.null_value = 0
    else:
        into.string_value = _UNKNOWN_TEXT if value is UNKNOWN else value
