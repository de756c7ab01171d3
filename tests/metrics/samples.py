"""Samples to write."""

from metrics.catalog import MEASUREMENTS
from metrics.sample import Sample


def ap(time: int, name: str = "ap-1", *, mun: str = "08019", **fields: float) -> Sample:
    """One access point's sample, up unless said otherwise."""
    tags = {"ap": name, "mun": mun, "site": f"{mun}-plaza", "vendor": "openwrt"}
    return Sample("wifi_ap", tags, fields or {"up": 1, "clients": 7}, time)


def ssid(time: int, name: str, **fields: float) -> Sample:
    """One network name's sample."""
    tags = {**ap(time).tags, "band": "2g4", "ssid": name}
    return Sample("wifi_ssid", tags, fields or {"clients": 3}, time)


def slot(time: int, aps: int) -> list[Sample]:
    """What one polling slot gives, over two measurements; not every field everywhere."""
    found: list[Sample] = []
    for number in range(aps):
        name = f"ap-{number}"
        if number % 7 == 3:
            found.append(ap(time, name, up=0, poll_ms=2000.0))
            continue
        found.append(ap(time, name, up=1, clients=number, rx_octets=time, tx_octets=2 * time, poll_ms=12.5))
        radio = {**found[-1].tags, "band": "5g", "radio": "0"}
        found.append(
            Sample("wifi_radio", radio, {"clients": number} if number % 2 else {"channel": 36}, time)
        )
    return found


def any_sample(measurement: str, time: int) -> Sample:
    """Every tag and every field of a measurement."""
    known = MEASUREMENTS[measurement]
    return Sample(measurement, dict.fromkeys(known.tags, "x"), dict.fromkeys(known.fields, 1), time)
