"""Whatever a stranger sends: never a crash, always a kind page, never a redirect to somewhere else."""

import string
from urllib.parse import quote, quote_from_bytes

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.portal.conftest import GUACHOCHI, JUAREZ, World

thrown = settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
places = ("", "/", "/renew", "/enter", "/online", "/nothing")
paths = st.sampled_from(
    [
        *("/", "/p", "/p/", f"//p/{GUACHOCHI}", f"/p//{GUACHOCHI}", "//evil.example/%2e%2e", "/healthz"),
        *(f"/p/{GUACHOCHI}{place}" for place in places),
    ]
)
texts = st.text(max_size=60) | st.sampled_from(
    [
        '"><script>alert(1)</script>',
        "http://evil.example/",
        "//evil.example",
        "\r\nSet-Cookie: a=b",
        "../../etc",
    ]
)


def is_kind(world: World, answer: TestResponse) -> None:
    assert answer.status_code < 500
    assert "Set-Cookie" not in answer.headers
    assert "evil.example" not in str(answer.headers)
    if answer.status_code in (301, 302, 303, 307, 308):
        ours = [f"{site.gateway_url}/grant?g=" for site in world.sites.values()]
        assert answer.headers["Location"].startswith(("/p/", *ours))
    elif answer.mimetype == "text/html":
        assert "<h1>" in answer.text
        assert "<script" not in answer.text


@thrown
@given(path=paths, a=texts, g=texts, lang=texts, host=texts)
def test_any_query_and_any_host_gets_a_kind_page(
    shared_world: World, path: str, a: str, g: str, lang: str, host: str
) -> None:
    query = "&".join(f"{name}={quote(value)}" for name, value in (("a", a), ("g", g), ("lang", lang)))
    headers = {"Host": host.encode().decode("latin-1").translate({10: None, 13: None})}
    answer = shared_world.phone.get(path, query_string=query, headers=headers)
    is_kind(shared_world, answer)
    assert "evil.example" not in answer.text.replace(quote("http://evil.example/", safe=""), "")


@thrown
@given(query=st.binary(max_size=200), path=paths)
def test_any_octets_in_the_query_get_a_kind_page(shared_world: World, query: bytes, path: str) -> None:
    is_kind(shared_world, shared_world.phone.get(path, query_string=quote_from_bytes(query, safe="&=%+;")))


@thrown
@given(
    body=st.binary(max_size=400),
    kind=st.sampled_from(
        ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"]
    ),
)
def test_any_body_gets_a_kind_page(shared_world: World, body: bytes, kind: str) -> None:
    answer = shared_world.phone.post(f"/p/{GUACHOCHI}/enter", data=body, content_type=kind)
    is_kind(shared_world, answer)
    assert answer.status_code in (400, 403)


@thrown
@given(place=st.integers(min_value=0), letter=st.sampled_from(string.ascii_letters + string.digits + "-_."))
def test_arrival_with_one_changed_letter_is_refused(shared_world: World, place: int, letter: str) -> None:
    token = shared_world.token()
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    answer = shared_world.phone.get(f"/p/{GUACHOCHI}?a={changed}")
    assert answer.status_code == (200 if changed == token else 403)


@thrown
@given(
    extra=st.dictionaries(st.sampled_from(["redir", "userurl", "next", "gateway_url", "continue_url"]), texts)
)
def test_no_parameter_moves_the_way_out(shared_world: World, extra: dict[str, str]) -> None:
    answer = shared_world.phone.post(
        f"/p/{JUAREZ}/enter", query_string=extra, data=extra | {"v": shared_world.sealed(JUAREZ)}
    )
    assert answer.status_code == 303
    is_kind(shared_world, answer)
