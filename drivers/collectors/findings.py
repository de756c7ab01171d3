"""What a device or a controller told, put together into samples of the catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from drivers.bands import Spectrum, band_of, channel_of, frequency_of
from drivers.collect import Collected, tags_of, whole_fleet
from drivers.collectors.notations import number
from drivers.definition import load_platforms
from drivers.extend import fit
from drivers.fleet import Fleet, samples_of
from drivers.labels import name_tag, printable, pseudonym
from drivers.model import Device
from drivers.tables import Fields
from metrics import catalog
from metrics.sample import Sample

Values = Mapping[str, object]
"""Fields of the catalogue by name, as the vendor wrote them; None is what it does not tell."""


@dataclass(slots=True)
class Findings:
    """The series of one poll while they are found. `own` are the fields of the device that was asked."""

    fleet: Fleet
    own: Fields = field(default_factory=lambda: {"up": 1})
    facts: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, device: Device, slot: int) -> Self:
        """Nothing yet, but that the device answered."""
        return cls(Fleet(tags_of(device, load_platforms()[device.platform]), slot))

    @property
    def name(self) -> str:
        """The tag of the device itself."""
        return self.fleet.device

    def tell(self, values: Values) -> None:
        """Fields of the device itself."""
        self.own |= self._fields("wifi_ap", values)

    def fact(self, name: str, value: object) -> None:
        """A text about the device; anything else is no fact."""
        if isinstance(value, str) and value.strip():
            self.facts[name] = printable(value.strip())

    def point(self, key: str, name: object, values: Values) -> str:
        """An access point of a controller; `key` is what tells two of one name apart. Returns its tag."""
        known = self.fleet.owners.get(key)
        if known is None:
            told = name_tag(name) if isinstance(name, str) else ""
            known = f"{self.name}/{told or pseudonym(key)}"
            known = f"{known}-{pseudonym(key)}" if known in self.fleet.owners.values() else known
            self.fleet.owners[key] = known
        self.fleet.put("wifi_ap", known, {}, self._fields("wifi_ap", values))
        return known

    def radio(self, ap: str, band: Spectrum | None, values: Values) -> None:
        """A radio of an access point; without a band its frequency or its channel tells it."""
        fields = self._fields("wifi_radio", values)
        told = fields.get("frequency_mhz") or fields.get("channel")
        on = band or (band_of(told) if told else None) or Spectrum.ANY
        if fields:
            place = {"band": str(on), "radio": self.fleet.number(ap, on)}
            self.fleet.put("wifi_radio", ap, place, _completed(fields, on))

    def ssid(self, ap: str, band: Spectrum | None, name: object, values: Values) -> None:
        """A network name of an access point; one that is hidden has none and is left out."""
        tag = name_tag(name) if isinstance(name, str) else ""
        if tag:
            place = {"band": str(band or Spectrum.ANY), "ssid": tag}
            self.fleet.put("wifi_ssid", ap, place, self._fields("wifi_ssid", values))

    def problem(self, sentence: str) -> None:
        """What was there and could not be used; said once."""
        if sentence not in self.fleet.problems:
            self.fleet.problems.append(sentence)

    def collected(self) -> Collected:
        """All of it; every sample passes `metrics.catalog.check`."""
        device = Sample("wifi_ap", self.fleet.tags, self.own, self.fleet.slot)
        found = [_storable(sample) for sample in whole_fleet(device, samples_of(self.fleet))]
        samples = tuple(sample for sample in found if sample.fields)
        for sample in samples:
            catalog.check(sample)
        works = True if any(sample.measurement == "wifi_ssid" for sample in samples) else None
        reason = "" if works else "the device lists no network name"
        return Collected(samples, self.facts, works, reason, tuple(self.fleet.problems))

    def _fields(self, measurement: str, values: Values) -> Fields:
        known = catalog.MEASUREMENTS[measurement].fields
        found: Fields = {}
        for name, value in values.items():
            told = number(value)
            fitted = None if told is None else fit(known[name], told)
            if fitted is not None:
                found[name] = fitted
            elif value is not None and value != "":
                self.problem(f"{measurement} {name}: not a value we can store")
        return found


def _completed(fields: Fields, band: Spectrum) -> Fields:
    """A radio that tells its channel has a frequency, and the other way round."""
    if "channel" in fields and "frequency_mhz" not in fields:
        derived = frequency_of(band, int(fields["channel"]))
        return fields if derived is None else {**fields, "frequency_mhz": derived}
    if "frequency_mhz" in fields and "channel" not in fields:
        derived = channel_of(band, int(fields["frequency_mhz"]))
        return fields if derived is None else {**fields, "channel": derived}
    return fields


def _storable(sample: Sample) -> Sample:
    """Without sums that grew beyond what their field can hold."""
    known = catalog.MEASUREMENTS[sample.measurement].fields
    fields = {name: value for name, value in sample.fields.items() if fit(known[name], value) is not None}
    return replace(sample, fields=fields)
