"""Webhooks go to public addresses alone, to the one that was checked, and over TLS to the host that was named."""

from __future__ import annotations

import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
from webhook_receiver import receiving

from features.errors import InputError
from serving.webhooks.endpoints import Endpoint, new_secret
from serving.webhooks.sender import Sender
from serving.webhooks.targets import addresses, is_public, parse_url


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1",
     "192.0.0.8", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "::1", "::",
     "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1",
     "::ffff:10.1.1.1", "::ffff:169.254.169.254", "2002:7f00:1::", "2002:0a00:0001::1", "64:ff9b::10.0.0.1",
     "64:ff9b::127.0.0.1", "100::1", "64:ff9b:1::1",
     "2001:10::1"],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"]
)
def test_addresses_that_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://crm.example.com/", "expected https"),
        ("ftp://crm.example.com/", "a URL such as"),
        ("https:///hooks", "a URL such as"),
        ("crm.example.com", "a URL such as"),
        ("https://crm.example.com:99999/", "a URL such as"),
        ("https://crm.example.com:0/", "a URL such as"),
        ("https://user:pw@crm.example.com/", "without user"),
        ("https://crm.example.com/#x", "without user"),
        ("https://crm.example.com/\r\nHost: x", "without spaces"),
        ("https://crm.example.com/ü", "ASCII"),
        ("https://[::1/", "a URL such as"),
        ("https://" + "x" * 2000, "2000 characters"),
    ],
)
def test_urls_that_are_refused(url: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_url(url, allow_private=False)


def answer(*found: str) -> Any:
    """A name server that always says the same."""
    return lambda _host, port, **_: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in found]


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    target = parse_url("https://crm.example.com/", allow_private=False)
    assert addresses(target, allow_private=False, lookup=answer("8.8.8.8", "8.8.4.4")) == ["8.8.8.8", "8.8.4.4"]
    with pytest.raises(InputError, match=r"crm\.example\.com, which is 10\.0\.0\.1.*LEADTIME_WEBHOOK_ALLOW_PRIVATE"):
        addresses(target, allow_private=False, lookup=answer("8.8.8.8", "10.0.0.1"))
    assert addresses(target, allow_private=True, lookup=answer("10.0.0.1")) == ["10.0.0.1"]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "0x7f.1", "2130706433", "[::1]", "[::ffff:7f00:1]"]
)
def test_names_and_ways_of_writing_of_this_machine_are_seen_through(host: str) -> None:
    target = parse_url(f"https://{host}/", allow_private=False)
    with pytest.raises(InputError):  # by its address, or because this system cannot resolve it at all
        addresses(target, allow_private=False)


def endpoint(url: str) -> Endpoint:
    return Endpoint("ep_1", url, "", (), new_secret(), None, None, 0, None, 0, 0)


def test_it_connects_to_what_was_checked_and_asks_no_second_time() -> None:
    """A name server that tells a private address to whoever asks again gains nothing."""
    asked = []

    def rebinding(host: str, port: int, **_: Any) -> Any:
        asked.append(host)
        return answer("127.0.0.1" if len(asked) == 1 else "169.254.169.254")(host, port)

    with receiving() as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        sender = Sender(allow_private=True, lookup=rebinding, timeout=2.0)
        assert sender.send(endpoint(f"http://hooks.test:{port}/x"), "m", "{}", 0).status == 204
        assert receiver.got[0][0]["host"] == f"hooks.test:{port}"
    assert asked == ["hooks.test"]


def test_a_host_that_became_private_after_it_was_registered_is_refused() -> None:
    sender = Sender(allow_private=False, lookup=answer("127.0.0.1"))
    reply = sender.send(endpoint("https://hooks.test/"), "m", "{}", 0)
    assert reply.status is None
    assert "expected a host with public addresses" in reply.error


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the host hooks.test, signed by itself; the key is beside it."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=hooks.test", "-addext", "subjectAltName=DNS:hooks.test",
         "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder / "cert.pem"


def test_the_certificate_must_be_that_of_the_host(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    trusting = ssl.create_default_context(cafile=certificate)
    with receiving(context) as receiver:
        port = receiver.url.split(":")[2].split("/")[0]

        def send(host: str, tls: ssl.SSLContext | None) -> Any:
            sender = Sender(allow_private=True, lookup=answer("127.0.0.1"), tls=tls, timeout=5.0)
            return sender.send(endpoint(f"https://{host}:{port}/"), "m", "{}", 0)

        assert send("hooks.test", trusting).status == 204
        assert "the certificate is refused" in send("other.test", trusting).error
        assert "the certificate is refused" in send("hooks.test", None).error, "signed by nobody who is trusted"
        assert len(receiver.got) == 1
