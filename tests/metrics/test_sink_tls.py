"""A sink over TLS is the one that its authority vouches for, or nothing is sent and one line says why."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from metrics.errors import SinkUnavailable
from metrics.influx import InfluxSink
from tests.gateway import certificates
from tests.metrics.scripted import Answer, Scripted, serving

LINE = b"wifi_ap,ap=a up=1i 60"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate of who signed for `localhost`."""
    return certificates.write(tmp_path_factory.mktemp("authority"), "localhost")


def over(authority: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.with_name("gateway.pem"), authority.with_name("gateway.key"))
    return context


@pytest.fixture
def server(authority: Path) -> Iterator[Scripted]:
    with serving(Scripted(lambda _request: Answer()), over(authority)) as scripted:
        scripted.started = "process_start_time_seconds 77"
        yield scripted


def sink(url: str, ca_file: Path | str) -> InfluxSink:
    return InfluxSink("far", url, "secret-token", "o", "b", "v3", timeout_s=5.0, ca_file=str(ca_file))


def refused(url: str, ca_file: Path | str) -> str:
    with pytest.raises(SinkUnavailable) as caught:
        sink(url, ca_file).write(LINE)
    assert "secret-token" not in f"{caught.value} {caught.value!r} {caught.value.__cause__}"
    return caught.value.reason


def test_the_server_of_the_named_authority_gets_its_lines_and_the_token(
    server: Scripted, authority: Path
) -> None:
    far = sink(server.url, authority)
    far.gzip = True
    far.write(LINE)
    assert far.started() == "77"
    assert server.requests[0].headers["Authorization"] == "Bearer secret-token"


def test_a_server_of_another_authority_gets_nothing(
    server: Scripted, authority: Path, tmp_path: Path
) -> None:
    other = certificates.write(tmp_path, "localhost")
    for trusted in (other, ""):
        reason = refused(server.url, trusted)
        assert "certificate verify failed" in reason
        assert "ca_file" in reason
        assert str(trusted or "the authorities of this system") in reason
    assert server.requests == []


def test_a_server_under_another_name_gets_nothing(server: Scripted, authority: Path) -> None:
    assert "IP address mismatch" in refused(server.url.replace("localhost", "127.0.0.1"), authority)
    assert server.requests == []


def test_a_server_whose_certificate_has_run_out_gets_nothing(tmp_path: Path) -> None:
    authority = certificates.write(tmp_path, "localhost", age_days=60)
    with serving(Scripted(lambda _request: Answer()), over(authority)) as server:
        assert "expired" in refused(server.url, authority)
        assert server.requests == []


def test_an_authority_that_cannot_be_read_is_named(server: Scripted, tmp_path: Path) -> None:
    missing = tmp_path / "no-such.pem"
    reason = refused(server.url, missing)
    assert "No such file" in reason
    assert str(missing) in reason
    assert server.requests == []


def test_a_server_without_tls_is_told_apart(authority: Path) -> None:
    with serving(Scripted(lambda _request: Answer())) as plain:
        assert "SSL" in refused(plain.url.replace("http://127.0.0.1", "https://localhost"), authority)
