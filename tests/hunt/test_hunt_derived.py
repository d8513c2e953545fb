"""Parts of an address are cut out of it whatever stands there, as a rule that asks for one expects."""

from __future__ import annotations

import pyarrow as pa
import pytest

from dwell.hunt.derived import derived


@pytest.mark.parametrize(
    ("text", "host", "path", "query", "extension"),
    [
        ("http://u:p@h.example:80/a.b/c.js?q=1#f", "h.example", "/a.b/c.js", "q=1", "js"),
        ("http://a@evil.example@h.example/", "h.example", "/", None, None),
        ("h.example:443", "h.example", None, None, None),
        ("[2001:db8::1]:80/x.exe", "[2001:db8::1]", "/x.exe", None, "exe"),
        ("//owa//auth.x/", None, "//owa//auth.x/", None, None),
        ("/a?u=http://b.example/c.dll", None, "/a", "u=http://b.example/c.dll", None),
        ("/x.js+", None, "/x.js+", None, "js+"),
        ("/x.ex\u00e9", None, "/x.ex\u00e9", None, "ex\u00e9"),
        (f"/x.{'y' * 40}", None, f"/x.{'y' * 40}", None, "y" * 40),
        ("/x.exe%00.png", None, "/x.exe%00.png", None, "png"),
        ("/a.", None, "/a.", None, None),
        ("?q", None, None, "q", None),
    ],
)
def test_an_address_is_cut_into_its_parts(
    text: str, host: str | None, path: str | None, query: str | None, extension: str | None
) -> None:
    wanted = {"host": host, "path": path, "query": query, "extension": extension}
    assert {part: derived(f"url>{part}", pa.array([text]))[0].as_py() for part in wanted} == wanted
