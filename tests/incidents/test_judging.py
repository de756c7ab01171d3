"""Power, backhaul, device or unknown: each by its evidence, and what is missing is said."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.incidents.advice import advice, step
from controller.incidents.judging import Battery, Port, Traces, concluded, judge
from controller.incidents.model import Cause, Fact, Finding, Reach, Root
from controller.incidents.words import ADVICE, WORDS, said
from drivers.model import Role

AP = Traces(Root(Reach.DEVICE, "ap"), "ap", Role.AP, sites=("plaza",), parent="sw")
NEAR = replace(AP, parent_fact=Fact.GOOD)
FED = Port("sw", "3", feeds=True, fault=False)
EMPTY = Battery("ups", on_battery=True, low=True, left_s=30)
FULL = Battery("ups", on_battery=False, low=False, left_s=3600)
MUN = Traces(
    Root(Reach.MUNICIPALITY, "08027"), "ap", Role.AP, members=9, sites=("a", "b", "c"), shared="Sierra"
)
SITE = Traces(Root(Reach.SITE, "plaza"), "ap", Role.AP, members=3, sites=("plaza",), at_once=True)
SERVICE = Traces(Root(Reach.SERVICE, "plaza"), "service:plaza", None, members=0, sites=("plaza",))

CASES: dict[str, tuple[Traces, Cause, set[str]]] = {
    "a UPS that was on battery and low": (replace(NEAR, batteries=(EMPTY,)), Cause.POWER, {"ups-low"}),
    "a UPS with two minutes left": (
        replace(NEAR, batteries=(Battery("ups", on_battery=True, left_s=120),)),
        Cause.POWER,
        {"ups-low"},
    ),
    "a port that gives no power": (
        replace(NEAR, port=replace(FED, feeds=False)),
        Cause.POWER,
        {"poe-off"},
    ),
    "a port with a fault": (replace(NEAR, port=replace(FED, fault=True)), Cause.POWER, {"poe-fault"}),
    "everything on one source": (
        replace(SITE, root=Root(Reach.SUPPLY, "ups")),
        Cause.POWER,
        {"fed-at-once"},
    ),
    "a UPS that is dark with all it feeds": (
        replace(AP, root=Root(Reach.DEVICE, "ups"), role=Role.UPS, members=4),
        Cause.POWER,
        {"ups-dark"},
    ),
    "a site that went at once while its gateway calls": (
        replace(SITE, calls=True),
        Cause.POWER,
        {"at-once", "gateway-calls"},
    ),
    "a site whose gateway is silent, too": (
        replace(SITE, calls=False),
        Cause.BACKHAUL,
        {"site-dark", "gateway-silent"},
    ),
    "a municipality": (MUN, Cause.BACKHAUL, {"sites-together"}),
    "a backhaul with what is behind it": (
        replace(NEAR, root=Root(Reach.DEVICE, "bh"), role=Role.BACKHAUL, members=41),
        Cause.BACKHAUL,
        {"line-device"},
    ),
    "a parent that nobody can ask": (
        replace(NEAR, root=Root(Reach.DEVICE, "bh"), asked=False, members=2),
        Cause.BACKHAUL,
        {"behind-silent", "parent-answers"},
    ),
    "a modem that says it is off line": (replace(SITE, connected=False), Cause.BACKHAUL, {"modem-offline"}),
    "a parent that answers, a port that feeds": (
        replace(NEAR, port=FED),
        Cause.DEVICE,
        {"parent-answers", "poe-on"},
    ),
    "a UPS on the mains and neighbours": (
        replace(AP, neighbours=2, batteries=(FULL,)),
        Cause.DEVICE,
        {"siblings-answer", "ups-mains"},
    ),
    "a box that refuses": (replace(AP, refused="port unreachable"), Cause.DEVICE, {"refused"}),
    "phones that are served all the same": (replace(AP, served=True), Cause.DEVICE, {"served"}),
    "nobody says what feeds it": (NEAR, Cause.UNKNOWN, {"parent-answers", "missing-power"}),
    "nobody near it is known": (replace(AP, port=FED), Cause.UNKNOWN, {"poe-on", "missing-neighbour"}),
    "a battery that had hours left": (
        replace(NEAR, batteries=(Battery("ups", on_battery=True, left_s=7200),)),
        Cause.UNKNOWN,
        {"ups-battery", "missing-power"},
    ),
    "a dark site with no gateway of ours": (SITE, Cause.UNKNOWN, {"missing-line"}),
    "a pool that is empty": (
        replace(SERVICE, step="dhcp", step_said="no offer", neighbours=3),
        Cause.DEVICE,
        {"probe", "devices-answer"},
    ),
    "a phone that was let in and reaches nothing": (
        replace(SERVICE, step="http", step_said="no answer"),
        Cause.BACKHAUL,
        {"probe"},
    ),
    "a service of which no step is known": (SERVICE, Cause.UNKNOWN, {"missing-step"}),
    "a portal that fails everywhere": (
        replace(MUN, root=Root(Reach.PORTAL, ""), step="portal", step_said="certificate expired"),
        Cause.DEVICE,
        {"portal-shared", "probe"},
    ),
}


@pytest.mark.parametrize(("traces", "cause", "codes"), CASES.values(), ids=CASES.keys())
def test_each_class_has_its_evidence(traces: Traces, cause: Cause, codes: set[str]) -> None:
    found = judge(traces)

    assert found.cause is cause
    assert codes <= {one.code for one in found.evidence}


def test_the_evidence_names_what_it_speaks_of() -> None:
    words = [said(one) for one in judge(replace(NEAR, batteries=(EMPTY,))).evidence]

    assert words == ["ups, which feeds it, was on battery and nearly empty before (30 s left)"]


def test_a_device_that_ran_all_the_time_was_cut_off() -> None:
    unknown = judge(AP)
    found = concluded(unknown, replace(AP, kept_running=True))

    assert found.cause is Cause.BACKHAUL
    assert found.evidence[-1].code == "kept-running"
    assert found.evidence[:-1] == unknown.evidence


@pytest.mark.parametrize("near", [NEAR, replace(AP, neighbours=1), replace(SITE, calls=True)])
def test_what_answered_beside_it_speaks_against_the_line(near: Traces) -> None:
    during = judge(near)
    later = replace(near, parent_fact=Fact.UNKNOWN, neighbours=0, calls=None, kept_running=True)
    found = concluded(during, later)

    assert found.cause is Cause.UNKNOWN
    assert found.evidence[:-1] == during.evidence
    assert found.evidence[-1].code == "ran-on"
    assert concluded(found, later) == found


@pytest.mark.parametrize(
    "sure",
    [
        replace(AP, refused="unknown user"),
        replace(AP, served=True),
        replace(AP, batteries=(EMPTY,)),
        replace(NEAR, port=FED),
    ],
)
def test_direct_evidence_is_not_overturned_by_what_it_says_when_it_is_back(sure: Traces) -> None:
    during = judge(sure)
    found = concluded(during, replace(AP, kept_running=True))

    assert found.cause is during.cause
    assert found.evidence[: len(during.evidence)] == during.evidence


def test_where_the_gateway_calls_what_feeds_the_devices_is_looked_at_not_the_utility() -> None:
    at_once = replace(SITE, calls=True)
    off = replace(NEAR, port=replace(FED, feeds=False))

    assert advice(SITE.root, judge(at_once)) == "look-at-feed"
    assert advice(AP.root, judge(off)) == "look-at-feed"
    assert advice(AP.root, judge(replace(NEAR, batteries=(EMPTY,)))) == "ask-for-power"
    assert advice(AP.root, judge(replace(off, batteries=(EMPTY,)))) == "ask-for-power"


def test_the_next_step_names_the_device_and_the_site() -> None:
    alone = step(AP.root, judge(AP), ["ap"])
    silent = judge(replace(SITE, first="ap-7", reason="silent"))
    dark = step(SITE.root, silent, ["service:plaza", "ap-6", "ap-7"])
    phone = step(SERVICE.root, judge(SERVICE), ["service:plaza"])

    assert "plaza snmp why ap;" in ADVICE[alone.code] % alone.said
    assert "plaza snmp why ap-7;" in ADVICE[dark.code] % dark.said
    assert "plaza probe plaza" in ADVICE[phone.code] % phone.said
    assert step(AP.root, judge(AP), [], back=True).code == "wait"


def test_a_restart_is_told_and_decides_nothing() -> None:
    found = concluded(Finding(Cause.POWER, ()), replace(NEAR, kept_running=False))

    assert found.cause is Cause.POWER
    assert [one.code for one in found.evidence] == ["restarted"]


@given(
    st.builds(
        Traces,
        st.builds(Root, st.sampled_from(Reach), st.sampled_from(["a", "ups", ""])),
        st.sampled_from(["a", ""]),
        st.one_of(st.none(), st.sampled_from(Role)),
        st.booleans(),
        st.integers(0, 50),
        st.lists(st.sampled_from(["s", "t"]), min_size=1).map(tuple),
        st.text(max_size=3),
        st.booleans(),
        st.text(max_size=3),
        st.sampled_from(Fact),
        st.integers(0, 3),
        st.text(max_size=3),
        st.text(max_size=3),
        st.lists(st.builds(Battery, st.just("u")), max_size=2).map(tuple),
        st.one_of(st.none(), st.builds(Port, st.just("sw"), st.just("1"))),
        st.one_of(st.none(), st.booleans()),
        st.one_of(st.none(), st.booleans()),
        st.one_of(st.none(), st.booleans()),
        st.booleans(),
        st.sampled_from(["", "dhcp", "http", "nonsense"]),
    )
)
def test_every_outage_is_classed_with_words_and_a_next_step(traces: Traces) -> None:
    found = judge(traces)

    assert found.evidence, "a class without a reason"
    assert all(said(one) for one in found.evidence)
    assert advice(traces.root, found) in ADVICE
    if found.cause is Cause.UNKNOWN:
        assert any(one.code.startswith("missing") or one.code == "ran-on" for one in found.evidence)


def test_no_two_pieces_of_evidence_say_the_same() -> None:
    assert len(set(WORDS.values())) == len(WORDS)
