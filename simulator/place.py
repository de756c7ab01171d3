"""One JSON object of a spec and where it stands, read strictly."""

from collections.abc import Iterator
from ipaddress import IPv4Network

from simulator.errors import SpecError


class Place:
    """One JSON object and where it stands; every reader marks its key as known."""

    def __init__(self, file: str, where: str, raw: object) -> None:
        self.file, self.where = file, where
        if not isinstance(raw, dict):
            raise SpecError(file, where, "must be an object")
        self._raw: dict[str, object] = raw
        self._known: set[str] = set()

    def path(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key

    def wrong(self, key: str, what: str) -> SpecError:
        return SpecError(self.file, self.path(key), what)

    def has(self, key: str) -> bool:
        self._known.add(key)
        return key in self._raw

    def _value(self, key: str) -> object:
        if not self.has(key):
            raise self.wrong(key, "is missing")
        return self._raw[key]

    def text(self, key: str) -> str:
        value = self._value(key)
        if not isinstance(value, str) or not value:
            raise self.wrong(key, "must be a text that is not empty")
        return value

    def optional_text(self, key: str) -> str:
        return self.text(key) if self.has(key) else ""

    def integer(self, key: str, low: int, high: int) -> int:
        value = self._value(key)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.wrong(key, f"must be a whole number from {low} to {high}")
        return value

    def positive(self, key: str) -> float:
        value = self._value(key)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1e9:
            raise self.wrong(key, "must be a number above 0")
        return float(value)

    def percent(self, key: str) -> float:
        value = self._value(key)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 100:
            raise self.wrong(key, "must be a number from 0 to 100")
        return float(value)

    def network(self, key: str, example: str) -> IPv4Network:
        try:
            return IPv4Network(self.text(key))
        except ValueError as error:
            raise self.wrong(key, f"must be an IPv4 network such as {example}") from error

    def one_of(self, key: str, choices: tuple[str, ...]) -> str:
        value = self._value(key)
        if value not in choices:
            raise self.wrong(key, f"must be one of {', '.join(choices)}")
        return str(value)

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._value(key)
        if not isinstance(value, list) or not value or not all(isinstance(v, str) and v for v in value):
            raise self.wrong(key, "must be a list of texts that is not empty")
        if len(set(value)) != len(value):
            raise self.wrong(key, "names something twice")
        return tuple(value)

    def object(self, key: str) -> "Place":
        return Place(self.file, self.path(key), self._value(key))

    def objects(self, key: str) -> Iterator["Place"]:
        value = self._value(key)
        if not isinstance(value, list):
            raise self.wrong(key, "must be a list")
        for number, item in enumerate(value):
            yield Place(self.file, f"{self.path(key)}[{number}]", item)

    def end(self) -> None:
        """Nothing else may stand here."""
        unknown = sorted(self._raw.keys() - self._known)
        if unknown:
            raise self.wrong(unknown[0], "is not a key of the spec")
