"""The text of a file that a person wrote, which is UTF-8 or told where it is not."""

from drivers.errors import PlatformError


def decoded(octets: bytes, where: str) -> str:
    """The text of these octets; a byte order mark is none of it. Raises PlatformError with the line."""
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        reason = f"byte {error.start} (0x{octets[error.start]:02x}) is not UTF-8"
        raise PlatformError(f"{where}:{line}", reason, "save it as UTF-8") from error
