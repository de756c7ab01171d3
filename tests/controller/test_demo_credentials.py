"""The simulator understands every credential that an inventory may name."""

import json
from pathlib import Path

import pytest

from controller.app import build
from controller.demo import make_secrets, simulator_spec
from controller.inventory import load as load_inventory
from controller.settings import load as load_settings
from simulator.spec import load
from tests.town import Town, town

V2 = "{kind: snmp-v2c, community: ref+file:snmp-community}"
AUTH = "auth_key: ref+file:auth"
PRIV = "priv_key: ref+file:priv"


def simulated(made: Town) -> dict[str, object]:
    """The SNMP part of what the simulator is told of the first access point."""
    file = made.directory / "inventory.yaml"
    make_secrets(load_inventory(file), made.directory / "var" / "secrets")
    app = build(load_settings(made.environ, made.directory))
    text = json.dumps(simulator_spec(app))
    app.samples.close()
    app.engine.dispose()
    spec = made.directory / "simulator.json"
    spec.write_text(text)
    load(spec)
    found: dict[str, object] = json.loads(text)["aps"][0]["snmp"]
    return found


@pytest.mark.parametrize(
    ("credential", "told"),
    [
        ("{kind: snmp-v1, community: ref+file:snmp-community}", {"version": "1"}),
        (V2, {"version": "2c"}),
        ("{kind: snmp-v3, user: plaza, auth_protocol: none, priv_protocol: none}", {"version": "3"}),
        (f"{{kind: snmp-v3, user: plaza, {AUTH}, priv_protocol: none}}", {"auth_protocol": "sha1"}),
        (f"{{kind: snmp-v3, user: plaza, {AUTH}, {PRIV}, context: vlan-20}}", {"context": "vlan-20"}),
        (
            f"{{kind: snmp-v3, user: plaza, {AUTH}, {PRIV}, priv_protocol: aes256c}}",
            {"priv_protocol": "aes256c"},
        ),
    ],
)
def test_a_credential_reaches_the_simulator(tmp_path: Path, credential: str, told: dict[str, str]) -> None:
    with town(tmp_path, "127.78.1") as made:
        file = tmp_path / "inventory.yaml"
        assert V2 in file.read_text()
        file.write_text(file.read_text().replace(V2, credential))
        assert told.items() <= simulated(made).items()
