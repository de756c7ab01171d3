"""The button that leads to another host's logout, in a real Chromium: CSP asks at each redirect of a form."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request

from captive_portal.carried import seal_session
from captive_portal.guest import create_app
from captive_portal.model import GatewayKind, Grant
from captive_portal.portal import Portal
from tests.kinds.cisco_wlc_kind import CISCO_WLC
from tests.kinds.example import Example
from tests.kinds.mikrotik_kind import MIKROTIK_CHAP
from tests.portal.conftest import GUACHOCHI, make_world
from tests.portal.square import serving


@pytest.mark.parametrize("example", [MIKROTIK_CHAP, CISCO_WLC], ids=lambda one: one.name)
def test_the_browser_goes_to_the_gateways_logout_with_what_that_takes(
    chromium: Any, tmp_path: Path, example: Example
) -> None:
    heard: list[dict[str, str]] = []
    gateway = Flask("gateway")

    @gateway.route("/logout", methods=["GET", "POST"])
    def logout() -> str:
        heard.append({**request.args, **request.form})
        return "out"

    world = make_world(tmp_path)
    with serving(gateway) as origin:
        host = origin.removeprefix("http://")
        wiring = replace(example.wiring, hosts=frozenset({host}))
        site = replace(world.sites[GUACHOCHI], wiring=wiring)
        granted = world.sessions.open(site, world.arrival(), site.plan, world.clock())
        assert isinstance(granted, Grant)
        token = seal_session(site, granted.session, f"{origin}/logout?erase-cookie=on")
        with serving(create_app(Portal.over(world.engine, {site.key: site}, world.clock))) as portal:
            context = chromium.new_context(java_script_enabled=False)
            telephone = context.new_page()
            telephone.goto(f"{portal}/p/{site.key}/online?s={token}")
            telephone.get_by_role("button", name="Salir de Internet").click()
            telephone.wait_for_url(f"{origin}/logout**")
            context.close()
    posts = wiring.kind is GatewayKind.CISCO_WLC
    assert heard[0].get("userStatus") == ("1" if posts else None)
    assert world.sessions.dismissals(site.key) == [granted.session]
    world.engine.dispose()
