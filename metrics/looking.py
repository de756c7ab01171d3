"""What a server tells of itself without a write: does it take us, and has it a place for the points."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from metrics.exchange import Answered, Garbage
from metrics.readback import Fetch

_MOST_OCTETS: Final = 2**20
_NO_ANSWER: Final = "it answers what no such server answers"
_PASSING: Final = frozenset({408, 429})


class Found(Enum):
    """What is the matter, as far as the server tells."""

    READY = "it takes the token, and the place is there"
    COMING = "it takes the token, and makes the place with the first points"
    HIDDEN = "it takes the token, and does not tell of the place"
    REFUSED = "it refuses the token, or that there is none, or what the token may do"
    PLACELESS = "the bucket or database is not there, or the token may not see it"
    POLICYLESS = "the database is there, and the retention policy is not"
    STRANGER = "it does not know what a server of this dialect is asked"


@dataclass(frozen=True, slots=True)
class Looked:
    """`told` is what the server said, where that says more."""

    found: Found
    told: str = ""


def retention_policies(fetch: Fetch, database: str, policy: str) -> Looked:
    """InfluxDB 1: those of the database, of which `policy` has to be one unless it is empty."""

    def ask() -> Looked:
        name = database.replace("\\", "\\\\").replace('"', '\\"')
        result = _result(_document(fetch, "/query", {"q": f'SHOW RETENTION POLICIES ON "{name}"'}))
        if "error" in result:
            missing = "database not found" in result["error"]
            return Looked(Found.PLACELESS if missing else Found.STRANGER, result["error"])
        (series,) = result["series"]
        if "duration" not in series["columns"]:  # VictoriaMetrics answers any query with names of its own
            return Looked(Found.STRANGER, _NO_ANSWER)
        names = [row[0] for row in series.get("values", ())]
        return Looked(Found.READY if not policy or policy in names else Found.POLICYLESS)

    return _judged(ask)


def buckets(fetch: Fetch, org: str, name: str) -> Looked:
    """InfluxDB 2: the bucket of this name. It says as little of one that is hidden from the token."""

    def ask() -> Looked:
        wanted = {"name": name} | ({"org": org} if org else {})
        try:
            listed = _document(fetch, "/api/v2/buckets", wanted)["buckets"]
        except Answered as error:
            told_of = '"code"' in error.told and "path not found" not in error.told  # its own words, as JSON
            if error.status == 404 and told_of:
                return Looked(Found.PLACELESS, error.told)
            raise
        there = name in [one["name"] for one in listed]
        return Looked(Found.READY if there else Found.PLACELESS)

    return _judged(ask)


def measurements(fetch: Fetch, database: str) -> Looked:
    """InfluxDB 3: any of the database, which it makes by itself with the first points."""

    def ask() -> Looked:
        try:
            query = {"db": database, "q": "SHOW MEASUREMENTS LIMIT 1"}
            result = _result(_document(fetch, "/query", query))
        except Answered as error:
            if error.status == 404 and "database" in error.told.lower():
                return Looked(Found.COMING)
            if error.status == 403:  # as much as to say that it knows us; to write may be allowed
                return Looked(Found.HIDDEN, error.told)
            raise
        if "error" in result:
            coming = "not found" in result["error"]
            return Looked(Found.COMING if coming else Found.STRANGER, "" if coming else result["error"])
        named = [one.get("name") for one in result.get("series", ())]
        return Looked(Found.STRANGER, _NO_ANSWER) if "databases" in named else Looked(Found.READY)

    return _judged(ask)


def exports(fetch: Fetch) -> Looked:
    """VictoriaMetrics: what nobody else can be asked, of a second in which nothing was."""

    def ask() -> Looked:
        query = {"match[]": '{__name__="wifi_ap_up"}', "start": "0", "end": "0.999"}
        with fetch("/api/v1/export", query) as lines:
            for line in filter(bytes.strip, lines):
                json.loads(line)["metric"]  # one is enough to know
                break
        return Looked(Found.READY)

    return _judged(ask)


def _judged(ask: Callable[[], Looked]) -> Looked:
    """What stays an error is that the server is not to be had now."""
    try:
        return ask()
    except Answered as error:
        if error.status in {401, 403}:
            return Looked(Found.REFUSED, error.told)
        if 400 <= error.status < 500 and error.status not in _PASSING:
            return Looked(Found.STRANGER, error.told)
        raise
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, Garbage):
        return Looked(Found.STRANGER, _NO_ANSWER)


def _document(fetch: Fetch, path: str, query: Mapping[str, str]) -> Any:
    octets = b""
    with fetch(path, query) as lines:
        for line in lines:
            octets += line
            if len(octets) > _MOST_OCTETS:
                raise Garbage(f"an answer of more than {_MOST_OCTETS} octets")
    return json.loads(octets)


def _result(answer: Any) -> Any:
    """The only one of an answer to InfluxQL; an error of the whole counts as its own."""
    if "error" in answer:
        return answer
    (result,) = answer["results"]
    return result
