"""Reads certificate requests (PKCS #10), as strictly as an approver must.

Whatever is not a plain name with DNS names and addresses is refused, so nothing that the signer
would understand goes by unseen.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass

_PEM = re.compile(
    rb"-----BEGIN CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE REQUEST-----"
)

_SEQUENCE, _SET, _OBJECT_ID, _OCTETS = 0x30, 0x31, 0x06, 0x04
_STRINGS = {0x0C: "utf-8", 0x13: "ascii"}  # UTF8String, PrintableString
_ATTRIBUTES = 0xA0
_DNS_NAME, _ADDRESS = 0x82, 0x87

_COMMON_NAME = bytes.fromhex("550403")
_ORGANIZATION = bytes.fromhex("55040a")
_EXTENSION_REQUEST = bytes.fromhex("2a864886f70d01090e")
_SUBJECT_ALTERNATIVE_NAME = bytes.fromhex("551d11")

Element = tuple[int, bytes]


class RequestError(ValueError):
    """Not a request of the kind that nodes make."""


@dataclass(frozen=True)
class CertificateRequest:
    """What a certificate is to say. addresses: in their usual text form."""

    common_name: str
    organization: str
    dns_names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


def parse(pem: bytes) -> CertificateRequest:
    """The one request in `pem`. Raises RequestError for everything out of the ordinary."""
    found = _PEM.fullmatch(pem.strip())
    if not found:
        raise RequestError("not one PEM certificate request")
    try:
        outer = _only(base64.b64decode(found[1]), _SEQUENCE)
        (tag, information), *_ = _elements(outer)
        if tag != _SEQUENCE:
            raise RequestError("no certification request information")
        _version, subject, _public_key, *attributes = _elements(information)
        common_name, organization = _subject(subject)
        dns_names, addresses = _attributes(attributes)
    except (ValueError, IndexError) as error:
        raise RequestError(f"unusual certificate request: {error}") from error
    return CertificateRequest(common_name, organization, tuple(dns_names), tuple(addresses))


def _subject(name: Element) -> tuple[str, str]:
    """Common name and organization: exactly one of each and nothing else."""
    found: dict[bytes, str] = {}
    for tag, content in _elements(name[1]):
        if tag != _SET:
            raise RequestError("subject")
        (object_tag, kind), (string_tag, value) = _elements(_only(content, _SEQUENCE))
        if object_tag != _OBJECT_ID or kind in found or string_tag not in _STRINGS:
            raise RequestError("subject")
        found[kind] = value.decode(_STRINGS[string_tag])
    if found.keys() != {_COMMON_NAME, _ORGANIZATION}:
        raise RequestError("subject is not one common name and one organization")
    return found[_COMMON_NAME], found[_ORGANIZATION]


def _attributes(attributes: list[Element]) -> tuple[list[str], list[str]]:
    """DNS names and addresses. The only attribute asks for the only extension, if any does."""
    if not attributes:
        return [], []
    ((tag, content),) = attributes
    if tag != _ATTRIBUTES:
        raise RequestError("attributes")
    if not content:
        return [], []
    (kind_tag, kind), (values_tag, values) = _elements(_only(content, _SEQUENCE))
    if (kind_tag, kind, values_tag) != (_OBJECT_ID, _EXTENSION_REQUEST, _SET):
        raise RequestError("attribute is not a request for extensions")
    extensions = _only(values, _SEQUENCE)
    identifier, *_critical, (octets_tag, octets) = _elements(_only(extensions, _SEQUENCE))
    if identifier != (_OBJECT_ID, _SUBJECT_ALTERNATIVE_NAME) or octets_tag != _OCTETS:
        raise RequestError("extension is not a subject alternative name")
    return _alternative_names(_only(octets, _SEQUENCE))


def _alternative_names(names: bytes) -> tuple[list[str], list[str]]:
    dns_names, addresses = [], []
    for tag, content in _elements(names):
        if tag == _DNS_NAME:
            dns_names.append(content.decode("ascii"))
        elif tag == _ADDRESS:
            addresses.append(str(ipaddress.ip_address(content)))
        else:
            raise RequestError("alternative name that is neither DNS name nor address")
    return dns_names, addresses


def _only(data: bytes, tag: int) -> bytes:
    """The content of the one element in `data`."""
    ((found, content),) = _elements(data)
    if found != tag:
        raise RequestError(f"tag {found:#x} where {tag:#x} belongs")
    return content


def _elements(data: bytes) -> list[Element]:
    """The DER elements that make up `data`: tag and content."""
    return list(_read(data))


def _read(data: bytes) -> Iterator[Element]:
    position = 0
    while position < len(data):
        tag, length = data[position], data[position + 1]
        position += 2
        if length >= 0x80:
            size = length - 0x80
            length = int.from_bytes(data[position : position + size], "big")
            position += size
        if position + length > len(data):
            raise RequestError("cut off")
        yield tag, data[position : position + length]
        position += length
