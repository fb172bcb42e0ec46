"""The reader of certificate requests sees all of a plain one, and refuses every other."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from kilonode.pkcs10 import CertificateRequest, RequestError, parse

from tests.unit.certificate_requests import alternative_names, name, plain, request

NODE = name(common=["system:node:a"], organization=["system:nodes"])


def test_a_kubelets_request_is_read() -> None:
    pem = plain("system:nodes", "system:node:cpu-a-00000a", ["cpu-a-00000a"], ["10.0.64.4"])
    assert parse(pem) == CertificateRequest(
        "system:node:cpu-a-00000a", "system:nodes", ("cpu-a-00000a",), ("10.0.64.4",)
    )


def test_a_request_made_by_openssl_is_read(tmp_path: Path) -> None:
    """flannel's is made on the node, by the program that every image has."""
    key = tmp_path / "key.pem"
    options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    subject = "/O=kilonode:flannel/CN=kilonode:flannel:cpu-a-00000a"
    pem = subprocess.run(
        ["openssl", "req", "-new", *options, "-keyout", str(key), "-subj", subject],
        check=True,
        capture_output=True,
    ).stdout
    expected = CertificateRequest("kilonode:flannel:cpu-a-00000a", "kilonode:flannel")
    assert parse(pem) == expected


def test_many_long_names_are_all_read() -> None:
    """Lengths above 127 bytes are written in another form."""
    names = [f"{letter * 60}.{letter * 60}.example" for letter in "abcdefgh"]
    addresses = ["10.0.0.1", "2001:db8::1"]
    found = parse(plain("o", "c", names, addresses))
    assert list(found.dns_names) == names
    assert list(found.addresses) == addresses


UNUSUAL = {
    "no organization": request(name(common=["a"])),
    "no common name": request(name(organization=["a"])),
    "two organizations": request(name(common=["a"], organization=["x", "system:masters"])),
    "two common names": request(name(common=["a", "b"], organization=["x"])),
    "another part of a name": request(
        x509.Name([*NODE, x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "x")])
    ),
    "several parts at one level": request(x509.Name([x509.RelativeDistinguishedName(list(NODE))])),
    "e-mail address": request(NODE, x509.SubjectAlternativeName([x509.RFC822Name("a@b.c")])),
    "URI": request(NODE, x509.SubjectAlternativeName([x509.UniformResourceIdentifier("a:b")])),
    "authority": request(NODE, x509.BasicConstraints(ca=True, path_length=None)),
    "second extension": request(
        NODE, alternative_names(["a"]), x509.BasicConstraints(ca=True, path_length=None)
    ),
}


@pytest.mark.parametrize("pem", UNUSUAL.values(), ids=UNUSUAL.keys())
def test_what_is_out_of_the_ordinary_is_refused(pem: bytes) -> None:
    with pytest.raises(RequestError):
        parse(pem)


def test_text_around_a_request_is_refused() -> None:
    pem = plain("o", "c")
    for text in (b"", b"junk", pem + pem, b"junk\n" + pem):
        with pytest.raises(RequestError):
            parse(text)


def test_no_damaged_request_is_read_or_breaks_the_reader() -> None:
    """Cut off anywhere, or with any one byte of its structure changed to a length or a tag."""
    pem = plain("system:nodes", "system:node:a", ["a"], ["10.0.64.4"])
    good = parse(pem)
    der = base64.b64decode(b"".join(pem.splitlines()[1:-1]))
    for position in range(len(der)):
        with pytest.raises(RequestError):
            parse(_pem(der[:position]))
        for value in (0x00, 0x30, 0x7F, 0x80, 0x84, 0xFF):
            try:
                found = parse(_pem(der[:position] + bytes([value]) + der[position + 1 :]))
            except RequestError:
                continue
            assert isinstance(found, type(good))


def _pem(der: bytes) -> bytes:
    kind = b"CERTIFICATE REQUEST"
    body = base64.encodebytes(der) or b"\n"
    return b"-----BEGIN %s-----\n%s-----END %s-----\n" % (kind, body, kind)
