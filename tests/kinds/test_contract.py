"""Every kind of gateway keeps the contract: it reads its own, believes and leads nowhere else."""

from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from captive_portal.errors import ArrivalInvalid
from captive_portal.gateway.ticket import pseudonym
from captive_portal.gateways.wiring import password
from captive_portal.model import Answer, PostForm, Redirect
from tests.kinds.example import GRANT, Example
from tests.kinds.examples import EXAMPLES

EACH = pytest.mark.parametrize("example", EXAMPLES, ids=[example.name for example in EXAMPLES])
ANSWERING = [example for example in EXAMPLES if example.answer is not None]
EACH_ANSWERING = pytest.mark.parametrize("example", ANSWERING, ids=[example.name for example in ANSWERING])
FEW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
STRANGER = "evil.example"


def answered(example: Example, query: str) -> Answer:
    """What the portal answers to a phone with this query."""
    gateway = example.make(example.wiring)
    return gateway.admit(gateway.read(query), GRANT, "es")


def place(answer: Answer) -> str:
    """The host that an answer leads to; empty where it leads nowhere."""
    return urlsplit(answer.url).netloc if isinstance(answer, Redirect | PostForm) else ""


@EACH
def test_a_recorded_arrival_is_the_phone_it_was(example: Example) -> None:
    arrival = example.make(example.wiring).read(example.query)

    assert arrival.site == example.wiring.site
    if example.phone is not None:
        assert arrival.phone == example.phone
        assert arrival.device == pseudonym(example.wiring.key, example.phone.mac)


@EACH_ANSWERING
def test_a_grant_is_told_as_this_kind_wants_it(example: Example) -> None:
    assert answered(example, example.query) == example.answer


@EACH
def test_no_address_of_a_phone_and_no_password_shows_in_a_repr(example: Example) -> None:
    gateway = example.make(example.wiring)
    arrival = gateway.read(example.query)
    shown = repr(arrival) + repr(example.wiring)
    if isinstance(example.answer, PostForm):
        shown += repr(example.answer)

    if example.phone is not None:
        for spelt in (example.phone.mac, example.phone.mac.replace(":", "-").upper(), example.phone.ip):
            assert not spelt or spelt not in shown
    assert password(example.wiring.key, GRANT.session) not in shown


@pytest.mark.parametrize(
    ("example", "name"),
    [
        pytest.param(example, name, id=f"{example.name}-{name}")
        for example in EXAMPLES
        for name in example.elsewhere
    ],
)
@pytest.mark.parametrize(
    "spelt",
    [
        "http://{0}/", "https://{0}", "//{0}", "http://{1}@{0}/", "http://{1}.{0}/", "http://{0}\\@{1}/",
        "{0}", "{0}#{1}", "javascript:alert(1)", "http://{1}:81@{0}/", "{1}.{0}", "{1}\r\nLocation: http://{0}/",
    ],
)  # fmt: skip
def test_an_address_of_another_site_is_not_believed(example: Example, name: str, spelt: str) -> None:
    own = sorted(example.wiring.hosts)[0]
    fields = dict(parse_qsl(example.query, keep_blank_values=True))
    assert name in fields
    fields[name] = spelt.format(STRANGER, own)

    with pytest.raises(ArrivalInvalid):
        answered(example, urlencode(fields))


@pytest.mark.parametrize(
    ("example", "name"),
    [
        pytest.param(example, name, id=f"{example.name}-{name}")
        for example in ANSWERING
        for name in example.onward
    ],
)
def test_where_the_citizen_wanted_to_go_is_not_followed(example: Example, name: str) -> None:
    fields = dict(parse_qsl(example.query, keep_blank_values=True))
    fields[name] = f"http://{STRANGER}/"
    try:
        answer = answered(example, urlencode(fields))
    except ArrivalInvalid:
        return  # what the query's signature covers cannot be exchanged

    assert STRANGER not in repr(answer)
    assert not isinstance(answer, PostForm) or STRANGER not in "".join(answer.fields.values())


@EACH
def test_a_field_that_comes_twice_is_not_believed(example: Example) -> None:
    name = example.query.partition("=")[0]

    with pytest.raises(ArrivalInvalid):
        example.make(example.wiring).read(f"{example.query}&{name}=x")


@EACH_ANSWERING
@FEW
@given(st.data())
def test_a_damaged_query_is_read_or_not_believed_and_leads_nowhere_else(
    example: Example, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(example.query)))
    end = start + data.draw(st.sampled_from([0, 1, 3, 30]))
    piece = data.draw(
        st.sampled_from(["", "&", "=", "%", "%00", "%ff", "\r\n", "ñ", "//evil.example/", "@", "x" * 5000])
    )
    query = example.query[:start] + piece + example.query[end:]
    try:
        answer = answered(example, query)
    except ArrivalInvalid:
        return

    assert place(answer) in {*example.wiring.hosts, urlsplit(example.wiring.landing).netloc, ""}


@EACH
@FEW
@given(st.text(max_size=300))
def test_any_text_at_all_is_read_or_not_believed(example: Example, text: str) -> None:
    try:
        example.make(example.wiring).read(text)
    except ArrivalInvalid:
        return
