"""`poll: http`: what an inventory says of a device that is asked over HTTPS, and each mistake in it."""

from pathlib import Path

import pytest

from controller import inventory
from controller.errors import InventoryError, SecretError
from controller.secrets import FileSecrets
from drivers.model import Device, Endpoint, HttpLogin, PollBy, Secret, Trust

GOOD = (Path(__file__).parent / "good.yaml").read_text(encoding="utf-8")
PLATFORMS = ("openwrt", "generic", "ubiquiti_unifi")
PRINT = ":".join(["AB"] * 32)
CREDENTIALS = """\
credentials:
  unifi: {kind: http, user: plaza, password: ref+env:UNIFI}
  key: {kind: http, token: ref+env:UNIFI}
"""


def written(directory: Path, controller: str, credentials: str = CREDENTIALS) -> Path:
    """The good inventory with one controller more, and its credentials."""
    file = directory / "inventory.yaml"
    text = GOOD.replace("credentials:\n", credentials, 1).rstrip("\n")
    file.write_text(f"{text}\n  wifi: {{site: 08019-plaza, address: 10.8.0.5, {controller}}}\n", "utf-8")
    return file


def loaded(directory: Path, http: str) -> Device:
    file = written(directory, f"platform: ubiquiti_unifi, poll: http, http: {{{http}}}")
    return inventory.load(file, PLATFORMS).devices["wifi"]


def complaint(file: Path) -> str:
    with pytest.raises(InventoryError) as caught:
        inventory.load(file, PLATFORMS)
    (line,) = str(caught.value).split("\n")
    return line.partition(": ")[2]


def test_it_is_asked_on_port_443_and_believed_by_the_systems_authorities(tmp_path: Path) -> None:
    found = loaded(tmp_path, "credentials: unifi")
    assert (found.poll, found.http) == (PollBy.HTTP, Endpoint("10.8.0.5", 443))
    assert (found.http_credentials, found.http_site, found.trust) == ("unifi", "", Trust())


def test_everything_about_it_may_be_said(tmp_path: Path) -> None:
    keys = "credentials: key, port: 80, site: plaza, server_name: wifi.test, ca: /etc/ca.pem"
    found = loaded(tmp_path, f'{keys}, fingerprint: "SHA256:{PRINT}"')
    assert found.http.port == 80
    assert (found.http_credentials, found.http_site) == ("key", "plaza")
    assert found.trust == Trust("wifi.test", "/etc/ca.pem", "ab" * 32)


def test_two_sites_of_one_controller_are_two_devices_and_the_same_site_twice_is_a_mistake(
    tmp_path: Path,
) -> None:
    http = "platform: ubiquiti_unifi, poll: http, http: {credentials: unifi, site: "
    second = "}}\n  otra: {site: 08019-plaza, address: 10.8.0.5, "
    inventory.load(written(tmp_path, f"{http}norte{second}{http}sur}}"), PLATFORMS)
    said = complaint(written(tmp_path, f"{http}norte{second}{http}norte}}"))
    assert "has the same http address 10.8.0.5:443 as wifi" in said


@pytest.mark.parametrize(
    ("controller", "says"),
    [
        (
            "platform: generic, poll: http, http: {credentials: unifi}",
            "devices.wifi.poll: wifi is of platform generic, which cannot be asked over HTTP, give wifi "
            "`poll: snmp`; over HTTP only cambium_cnpilot, mikrotik_routeros, tplink_eap, ubiquiti_unifi is",
        ),
        (
            "platform: ubiquiti_unifi, poll: http",
            "devices.wifi.poll: wifi has no http credentials, add `http: {credentials: …}` to wifi or",
        ),
        (
            "platform: ubiquiti_unifi, poll: http, http: {credentials: shell}",
            "devices.wifi.http.credentials: needs a credential of kind http, and this one is another kind, ",
        ),
        (
            "platform: ubiquiti_unifi, poll: http, http: {credentials: unifi, fingerprint: AB:CD}",
            "devices.wifi.http.fingerprint: is no SHA-256 fingerprint of a certificate, write what `openssl",
        ),
    ],
)
def test_a_mistake_says_how_to_mend_it(controller: str, says: str, tmp_path: Path) -> None:
    assert complaint(written(tmp_path, controller)).startswith(says)


@pytest.mark.parametrize(
    ("credential", "says"),
    [
        ("user: plaza", "credentials.bad: has neither user and password nor a token, "),
        ("user: plaza, token: ref+env:T", "credentials.bad: has a token and a user or password, "),
        ("user: plaza, password: hunter2", "credentials.bad.password: holds a secret, or a reference that "),
    ],
)
def test_a_credential_is_a_user_with_a_password_or_a_token(
    credential: str, says: str, tmp_path: Path
) -> None:
    text = f"{CREDENTIALS}  bad: {{kind: http, {credential}}}\n"
    file = written(tmp_path, "platform: ubiquiti_unifi, poll: http, http: {credentials: unifi}", text)
    assert complaint(file).startswith(says)
    assert "hunter2" not in complaint(file)


def test_the_login_is_looked_up_where_it_is_used_and_never_shows_itself(tmp_path: Path) -> None:
    file = written(tmp_path, "platform: ubiquiti_unifi, poll: http, http: {credentials: unifi}")
    known = inventory.load(file, PLATFORMS).credentials
    secrets = FileSecrets(known, tmp_path, {"UNIFI": "hunter2"})
    assert secrets.http("unifi") == HttpLogin("plaza", Secret("hunter2"))
    assert secrets.http("key") == HttpLogin(token=Secret("hunter2"))
    assert "hunter2" not in repr(secrets.http("unifi")) + repr(secrets)
    with pytest.raises(SecretError, match="is of kind ssh"):
        secrets.http("shell")
