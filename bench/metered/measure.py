"""Octets of a poll of a recorded device, and of a day of such polls in each profile; no network here."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from controller import profiles
from controller.partial_polls import between, paced
from controller.profiles import Depth
from drivers.collect import request
from drivers.definition import Platform
from drivers.model import Device, Endpoint, PollProfile, Role, Secret, SnmpV2c
from drivers.recording import Recording, read_recording
from drivers.snmp.ber import Message, Tag, VarBind, Verb, Version, encode
from drivers.snmp.dialogue import Answer, Dialogue
from drivers.snmp.envelope import CommunityEnvelope
from drivers.snmp.habits import Habits
from drivers.snmp.seam import PollRequest, Value
from drivers.snmp.udp import IPV4_HEADERS

NORMAL_S: Final = 30
DAY_S: Final = 86_400
_COMMUNITY: Final = "public"
_ID: Final = 0x12345678
_NOWHERE: Final = Endpoint("127.0.0.1", 161)
_TAGS: Final[Mapping[type[Value], Tag]] = {int: Tag.INTEGER, bytes: Tag.OCTETS, tuple: Tag.OID}


@dataclass(frozen=True, slots=True)
class Bytes:
    """One recorded device: octets of a whole poll and of a partial one, and of a day, by profile."""

    recording: str
    platform: str
    polls: Mapping[str, int]
    days: Mapping[str, int]


def measure(path: Path, platform: Platform) -> Bytes:
    """Poll the recording as the engine polls a device it knows."""
    recording = Recording(read_recording(path))
    name = path.stem
    polls: dict[str, int] = {}
    days: dict[str, int] = {}
    for profile in PollProfile:
        device = _device(name, platform.name, profile)
        asked = _requests(device, platform)
        cost = {depth: _octets(recording, one, asked[Depth.WHOLE]) for depth, one in asked.items()}
        every_s = profiles.interval_s(device, NORMAL_S)
        turns = [profiles.depth(device, NORMAL_S, at) for at in range(0, DAY_S, every_s)]
        days[profile.value] = sum(cost[depth] for depth in turns)
        polls |= {depth.name.lower(): octets for depth, octets in cost.items()}
    return Bytes(name, platform.name, polls, days)


def _device(name: str, platform: str, profile: PollProfile) -> Device:
    return Device(
        name=name,
        role=Role.AP,
        municipality="08019",
        site="plaza",
        platform=platform,
        address=_NOWHERE.host,
        snmp=_NOWHERE,
        ssh=_NOWHERE,
        http=_NOWHERE,
        poll_profile=profile,
    )


def _requests(device: Device, platform: Platform) -> dict[Depth, PollRequest]:
    whole = paced(device, request(device, platform, SnmpV2c(Secret(_COMMUNITY))))
    found = {Depth.WHOLE: whole}
    partial = between({device.name: device}, {platform.name: platform}, {device.name: whole})
    if partial:
        found[profiles.PACES[device.poll_profile].between] = partial[device.name].request
    return found


def _octets(recording: Recording, asked: PollRequest, whole: PollRequest) -> int:
    """Of one poll, once a whole one has taught how long the tables are."""
    habits = Habits()
    _poll(recording, whole, habits)
    return _poll(recording, asked, habits)


def _poll(recording: Recording, asked: PollRequest, habits: Habits) -> int:
    envelope = CommunityEnvelope(Version.V2C, _COMMUNITY.encode())
    dialogue = Dialogue(asked, habits)
    octets = 0
    while (question := dialogue.question()) is not None:
        answer = recording.answer(question)
        datagrams = (envelope.seal(question, _ID.to_bytes(4, "big")), _encoded(answer))
        octets += sum(len(datagram) + IPV4_HEADERS for datagram in datagrams)
        dialogue.hear(answer)
    return octets


def _encoded(answer: Answer) -> bytes:
    varbinds = [_tagged(varbind) for varbind in answer.varbinds]
    return encode(Message(_COMMUNITY.encode(), Verb.RESPONSE, _ID, answer.status, answer.index, varbinds))


def _tagged(varbind: VarBind) -> VarBind:
    """A recording keeps no tags; a counter is as long as the integer of its value."""
    name, _, value = varbind
    return varbind if value is None else (name, _TAGS[type(value)], value)
