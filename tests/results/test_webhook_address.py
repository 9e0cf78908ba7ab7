"""A webhook reaches no inside address, however it is written."""

import ipaddress

import pytest

from services.results.address import AddressError, check_address, check_url, is_public


@pytest.mark.parametrize(
    "url",
    [
        "http://8.8.8.8/",
        "ftp://8.8.8.8/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://user@8.8.8.8/",
        "https://user:pass@8.8.8.8/",
        "https://8.8.8.8:0/",
        "https://8.8.8.8:99999/",
        "https://8.8.8.8/#part",
        "https://a b/",
        "https://8.8.8.8/\r\nHost: x",
        "https://예.example/",
        "https://[::1",
        "https://" + "a" * 500,
        "gopher://8.8.8.8/",
    ],
)
def test_a_url_of_another_form_is_refused(url: str) -> None:
    with pytest.raises(AddressError):
        check_url(url, private=False)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "198.18.0.1",
        "localhost",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fc00::1]",
        "[ff02::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:db8::1]",
        "[2001:0:1::1]",
        "[64:ff9b:1::1]",
    ],
)
async def test_an_address_that_is_not_public_is_refused(host: str) -> None:
    with pytest.raises(AddressError) as caught:
        await check_address(f"https://{host}/hook", private=False)
    assert caught.value.code in ("address-not-public", "host-unknown")


async def test_a_host_that_does_not_exist_is_refused() -> None:
    with pytest.raises(AddressError) as caught:
        await check_address("https://no-such-host.invalid/", private=False)
    assert caught.value.code == "host-unknown"


async def test_a_public_address_is_pinned_under_its_own_name() -> None:
    target = await check_address("https://8.8.8.8:8443/hook?x=1", private=False)
    assert (target.url, target.host_header) == ("https://8.8.8.8:8443/hook?x=1", "8.8.8.8:8443")
    target = await check_address("https://[2606:4700::1111]/", private=False)
    assert (target.url, target.host_header) == ("https://[2606:4700::1111]:443/", "[2606:4700::1111]")


async def test_the_setting_allows_loopback_and_http() -> None:
    target = await check_address("http://localhost:9999/hook", private=True)
    assert target.host_header == "localhost:9999"
    assert ipaddress.ip_address(target.ip).is_loopback


def test_nat64_counts_as_the_address_inside() -> None:
    assert is_public(ipaddress.ip_address("64:ff9b::808:808"))
    assert not is_public(ipaddress.ip_address("64:ff9b::a00:1"))
