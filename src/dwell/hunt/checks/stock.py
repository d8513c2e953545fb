"""What IIS, .NET, Windows and Exchange bring by themselves: modules, folders, pages, and what compiled pages are called.

By name, file name and folder only: a file put in the place of one that belongs there is told by its hash alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = [
    "COMPILED",
    "LOGIN_PAGES",
    "is_exchange_path",
    "is_stock_folder",
    "is_stock_image",
    "is_stock_type",
    "plain_path",
]

_MODULES = frozenset(
    {
        "loghttp.dll", "cachuri.dll", "cachfile.dll", "cachtokn.dll", "cachhttp.dll", "compdyn.dll", "compstat.dll",
        "defdoc.dll", "dirlist.dll", "protsup.dll", "redirect.dll", "static.dll", "authanon.dll", "authcert.dll",
        "authmap.dll", "authbas.dll", "authsspi.dll", "authmd5.dll", "urlauthz.dll", "iprestr.dll", "modrqflt.dll",
        "custerr.dll", "iis_ssi.dll", "cgi.dll", "iisfcgi.dll", "iisetw.dll", "iisfreb.dll", "iisreqs.dll", "isapi.dll",
        "filter.dll", "validcfg.dll", "logcust.dll", "rewrite.dll", "warmup.dll", "iiswsock.dll", "rpcproxy.dll",
        "webengine.dll", "webengine4.dll", "aspnet_filter.dll", "kerbauth.dll", "wsmsvc.dll", "exppw.dll", "owaauth.dll",
        "airfilter.dll",
    }
)  # fmt: skip
"""Files of the native modules and filters that IIS, .NET, Windows' remote management and Exchange bring."""
_PLACES: Mapping[str, str] = {
    "%windir%": "c:\\windows", "%systemroot%": "c:\\windows", "%systemdrive%": "c:", "%programfiles%": "c:\\program files",
}  # fmt: skip
"""What variables in the configuration of IIS stand for."""
_EXCHANGE = re.compile(r"[a-z]:\\program files\\microsoft\\exchange server\\v1[45]\\")
_IMAGES = re.compile(
    r"c:\\windows\\(?:system32|syswow64)\\(?:inetsrv\\|rpcproxy\\|wsmsvc\.dll$)"
    r"|c:\\windows\\microsoft\.net\\framework(?:64)?\\v[\d.]+\\"
)
"""Where the files of modules and filters lie that IIS, .NET and Windows bring."""
_PAGES = re.compile(
    r"c:\\inetpub(?:\\|$)"
    r"|c:\\windows\\(?:system32|syswow64)\\(?:(?:inetsrv|rpcproxy|certsrv|msmq)(?:\\|$)|[^\\]+\.dll$)"
    r"|c:\\windows\\web\\|c:\\windows\\microsoft\.net\\framework(?:64)?\\v[\d.]+(?:\\|$)(?!temporary asp\.net files)"
    r"|c:\\adfs\\ls(?:\\|$)"
)
"""Where IIS, .NET and Windows keep pages and the programs that run them; folders that services write to are none."""
_TYPES = frozenset(
    {
        "system.web.caching.outputcachemodule", "system.web.handlers.scriptmodule", "system.web.profile.profilemodule",
        "system.web.routing.urlroutingmodule", "system.web.security.anonymousidentificationmodule",
        "system.web.security.defaultauthenticationmodule", "system.web.security.fileauthorizationmodule",
        "system.web.security.formsauthenticationmodule", "system.web.security.passportauthenticationmodule",
        "system.web.security.rolemanagermodule", "system.web.security.urlauthorizationmodule",
        "system.web.security.windowsauthenticationmodule", "system.web.sessionstate.sessionstatemodule",
        "system.web.urlmappingsmodule", "system.web.errorhandlermodule", "system.servicemodel.activation.httpmodule",
        "system.servicemodel.activation.servicehttpmodule",
    }
)  # fmt: skip
"""Classes of the managed modules that .NET brings."""
_LIBRARIES = frozenset(
    {
        "system.web",
        "system.web.extensions",
        "system.web.routing",
        "system.servicemodel",
        "system.servicemodel.activation",
    }
)
_SIGNED = frozenset({"b03f5f7f11d50a3a", "b77a5c561934e089", "31bf3856ad364e35"})
"""The tokens of the keys that the makers of .NET sign its libraries with."""
LOGIN_PAGES = frozenset(
    {
        "logon.aspx", "logoff.aspx", "signout.aspx", "error.aspx", "error2.aspx", "errorfe.aspx", "expiredpassword.aspx",
        "frowny.aspx", "outlookcn.aspx", "redirsuiteserviceproxy.aspx", "svmfeedback.aspx", "timeoutlogoff.aspx",
    }
)  # fmt: skip
"""Pages that Exchange brings beside the login pages of Outlook on the web and the control panel."""
COMPILED = re.compile(r"\\temporary asp\.net files\\.*\\([^\\]+\.(?:aspx|ashx|asmx))\.[0-9a-f]{6,}\.compiled$", re.I)
"""What ASP.NET leaves of a page that it compiled; the group is the page."""


def plain_path(path: str) -> str:
    """Give a path in small letters without variables, `..` and the like; what leads out of its drive leads nowhere."""
    lowered = path.strip().strip('"').lower().replace("/", "\\").removeprefix("\\\\?\\")
    for name, meant in _PLACES.items():
        if lowered.startswith(name):
            lowered = meant + lowered.removeprefix(name)
    head, parts = ("\\\\", lowered[2:].split("\\")) if lowered.startswith("\\\\") else ("", lowered.split("\\"))
    out: list[str] = []
    for place, one in enumerate(parts):
        if one == ".." and len(out) > 1:
            out.pop()
        elif one not in {"", ".", ".."} or (one == "" and place == len(parts) - 1):
            out.append(one.rstrip(" .") or one)
    return head + "\\".join(out)


def is_exchange_path(path: str) -> bool:
    """Say whether a path lies where Exchange is installed; where it was put elsewhere, only a file from before tells."""
    return _EXCHANGE.match(plain_path(path)) is not None


def is_stock_image(path: str) -> bool:
    """Say whether the file of a native module or filter is one that belongs there, by name and folder."""
    plain = plain_path(path)
    return plain.rpartition("\\")[2] in _MODULES and bool(_IMAGES.match(plain) or _EXCHANGE.match(plain))


def is_stock_type(name: str) -> bool:
    """Say whether the class of a managed module is one of .NET's own, in a library of .NET where one is named."""
    kind, _, rest = name.lower().partition(",")
    parts = [one.strip() for one in rest.split(",") if one.strip()]
    tokens = [one.partition("=")[2].strip() for one in parts if one.startswith("publickeytoken")]
    library = parts[0] if parts else ""
    return kind.strip() in _TYPES and (not library or library in _LIBRARIES) and all(one in _SIGNED for one in tokens)


def is_stock_folder(path: str) -> bool:
    """Say whether a virtual directory points to a folder in which IIS, Windows or Exchange keep pages."""
    plain = plain_path(path)
    return bool(_PAGES.match(plain) or _EXCHANGE.match(plain.rstrip("\\") + "\\"))
