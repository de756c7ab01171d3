"""A policy is the controller's own word for one site, or it is none."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captive_portal.gateway.policy import (
    Away,
    BadPolicy,
    Blocked,
    Emergency,
    Filter,
    Policy,
    Signed,
    Terms,
    read,
    seal,
    unseal,
)
from tests.gateway.conftest import KEY, SITE

DEVICE = "0123456789abcdef" * 2
WHOLE = Policy(
    site=SITE,
    serial=3,
    made_at=1_800_000_000,
    when_controller_away=Away.OPEN,
    away=Terms(1800, 10**8, 2000, 500),
    ipv6=True,
    dns=Filter.FAMILY,
    resolvers=("1.1.1.3", "2606:4700:4700::1113"),
    garden=("gob.mx", "chihuahua.gob.mx"),
    blocked=(Blocked(DEVICE, "spam", "ana", 1_800_086_400),),
    emergency=Emergency(1_800_003_600, "Inundación.\nSuba.", "Flood."),
    appeal="614 000 0000",
)
names = st.from_regex(r"[a-z][a-z0-9-]{0,10}[a-z0-9]\.mx", fullmatch=True)
texts = st.text(st.characters(categories=("L", "N", "P", "Zs")).filter(str.isprintable), max_size=50)
policies = st.builds(
    Policy,
    site=st.just(SITE),
    serial=st.integers(0, 2**40),
    made_at=st.integers(0, 2**40),
    when_controller_away=st.sampled_from(Away),
    away=st.builds(Terms, st.integers(1, 10**6), st.integers(0, 10**12)),
    ipv6=st.booleans(),
    dns=st.sampled_from(Filter),
    garden=st.lists(names, max_size=5).map(tuple),
    blocked=st.lists(st.builds(Blocked, st.just(DEVICE), texts, texts, st.integers(0, 2**40))).map(tuple),
    emergency=st.none() | st.builds(Emergency, st.integers(0, 2**40), texts, texts),
    appeal=texts,
)


@settings(max_examples=40)
@given(policies)
def test_what_was_sealed_is_what_is_read(policy: Policy) -> None:
    assert unseal(KEY, SITE, seal(KEY, policy)) == policy


@settings(max_examples=40)
@given(policies, st.integers(0, 10**6))
def test_a_policy_of_which_any_letter_was_changed_is_none(policy: Policy, place: int) -> None:
    sealed = seal(KEY, policy)
    place %= len(sealed.text)
    other = "x" if sealed.text[place] != "x" else "y"
    changed = Signed(sealed.text[:place] + other + sealed.text[place + 1 :], sealed.signature)
    with pytest.raises(BadPolicy, match="not signed"):
        unseal(KEY, SITE, changed)


def test_a_policy_of_another_key_or_another_site_is_none() -> None:
    with pytest.raises(BadPolicy, match="not signed"):
        unseal(bytes(32), SITE, seal(KEY, WHOLE))
    with pytest.raises(BadPolicy, match="the policy is of other"):
        unseal(KEY, SITE, seal(KEY, replace(WHOLE, site="other")))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"garden": ["*.gob.mx"]}, "garden: no name"),
        ({"garden": ["gob.mx/4#inet#x"]}, "garden: no name"),
        ({"garden": ["a.mx"] * 257}, "garden: no list of at most 256"),
        ({"resolvers": ["1.1.1.1\nserver=6.6.6.6"]}, "does not appear to be"),
        ({"away": {"seconds": 0, "octets": 0, "down_kbps": 0, "up_kbps": 0}}, "away.seconds is 0"),
        ({"blocked": [{"device": "02:00:5e:10:00:01", "reason": "", "author": "", "until": 0}]}, "no device"),
        ({"serial": True}, "serial: no number"),
        ({"serial": -1}, "serial: no number"),
        ({"appeal": "a\x1b[2J"}, "appeal: no text"),
        ({"dns": "some"}, "'some' is not a valid Filter"),
        ({"when_controller_away": None}, "is not a valid Away"),
        ({"emergency": {"until": 1}}, "'es'"),
    ],
)
def test_each_mistake_is_named(changed: dict[str, object], said: str) -> None:
    text = json.dumps(json.loads(seal(KEY, WHOLE).text) | changed)
    with pytest.raises(BadPolicy, match="policy: ") as wrong:
        read(text)
    assert said in str(wrong.value)


@settings(max_examples=40)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one)
    )
)
def test_what_is_no_policy_is_refused_whatever_it_is(found: object) -> None:
    with pytest.raises(BadPolicy):
        read(json.dumps(found))


def test_policies_that_are_alike_have_the_same_content_whenever_they_were_made() -> None:
    assert replace(WHOLE, serial=9, made_at=5).content == WHOLE.content
    assert replace(WHOLE, ipv6=False).content != WHOLE.content
