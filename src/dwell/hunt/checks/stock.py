"""What IIS, .NET, Windows and Exchange bring by themselves: modules, folders, pages, and what compiled pages are called.

By name, file name and folder only: a file put in the place of one that belongs there is told by its hash alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = [
    "COMPILED",
    "LOGIN_PAGES",
    "PAGE",
    "is_exchange_path",
    "is_stock_folder",
    "is_stock_image",
    "is_stock_program",
    "is_stock_type",
    "plain_path",
]

_OF_IIS = frozenset(
    {
        "loghttp.dll", "cachuri.dll", "cachfile.dll", "cachtokn.dll", "cachhttp.dll", "compdyn.dll", "compstat.dll",
        "defdoc.dll", "dirlist.dll", "protsup.dll", "redirect.dll", "static.dll", "authanon.dll", "authcert.dll",
        "authmap.dll", "authbas.dll", "authsspi.dll", "authmd5.dll", "urlauthz.dll", "iprestr.dll", "modrqflt.dll",
        "custerr.dll", "iis_ssi.dll", "cgi.dll", "iisfcgi.dll", "iisetw.dll", "iisfreb.dll", "iisreqs.dll", "isapi.dll",
        "filter.dll", "validcfg.dll", "logcust.dll", "rewrite.dll", "warmup.dll", "iiswsock.dll",
    }
)  # fmt: skip
"""Files of the native modules and filters of IIS."""
_OF_NET = frozenset({"webengine.dll", "webengine4.dll", "aspnet_filter.dll"})
_OF_EXCHANGE = frozenset({"kerbauth.dll", "exppw.dll", "owaauth.dll", "airfilter.dll"})
_PLACES: Mapping[str, str] = {
    "%windir%": "c:\\windows", "%systemroot%": "c:\\windows", "%systemdrive%": "c:", "%programfiles%": "c:\\program files",
}  # fmt: skip
"""What variables in the configuration of IIS stand for."""
_EXCHANGE = re.compile(r"[a-z]:\\program files\\microsoft\\exchange server\\v1[45]\\")
_IMAGES: tuple[tuple[re.Pattern[str], frozenset[str]], ...] = (
    (re.compile(r"c:\\windows\\(?:system32|syswow64)\\inetsrv"), _OF_IIS),
    (re.compile(r"c:\\windows\\(?:system32|syswow64)\\rpcproxy"), frozenset({"rpcproxy.dll"})),
    (re.compile(r"c:\\windows\\(?:system32|syswow64)"), frozenset({"wsmsvc.dll"})),
    (re.compile(r"c:\\windows\\microsoft\.net\\framework(?:64)?\\v[\d.]+"), _OF_NET),
    (
        re.compile(
            _EXCHANGE.pattern
            + r"(?:bin|(?:frontend\\httpproxy|clientaccess)\\(?:bin|owa(?:\\(?:auth|bin))?|sync(?:\\bin)?))"
        ),
        _OF_EXCHANGE,
    ),
)
"""The folders in which files of modules and filters lie, and which: each has only its maker's."""
_PAGES = re.compile(
    r"c:\\inetpub\\wwwroot(?:\\|$)"
    r"|c:\\windows\\(?:system32|syswow64)\\(?:(?:inetsrv|rpcproxy|certsrv|msmq)(?:\\|$)|[^\\]+\.dll$)"
    r"|c:\\windows\\web\\|c:\\windows\\microsoft\.net\\framework(?:64)?\\v[\d.]+(?:\\|$)(?!temporary asp\.net files)"
    r"|c:\\adfs\\ls(?:\\|$)"
    rf"|{_EXCHANGE.pattern}(?:frontend\\httpproxy|clientaccess)(?:\\|$)"
)
"""Where IIS, .NET, Windows and Exchange keep pages and the programs that run them. Folders that services write to are none,
nor are those of logs, of mail and of databases."""
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
PAGE = re.compile(
    r"\.(?:as[hmp]x|asax|ascx|asp|asa|cer|cdx|[cv]bhtml?|master|php\d?|phtml|soap|rem|svc|xamlx|shtml?|jspx?|cfm)$"
)
"""What a web server runs, wherever it lies: a virtual directory can point to any folder."""
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
    folder, _, name = plain_path(path).rpartition("\\")
    return any(name in files and place.fullmatch(folder) for place, files in _IMAGES)


def is_stock_type(name: str) -> bool:
    """Say whether the class of a managed module is one of .NET's own, in a library of .NET where one is named."""
    kind, _, rest = name.lower().partition(",")
    parts = [one.strip() for one in rest.split(",") if one.strip()]
    tokens = [one.partition("=")[2].strip() for one in parts if one.startswith("publickeytoken")]
    library = parts[0] if parts else ""
    return kind.strip() in _TYPES and (not library or library in _LIBRARIES) and all(one in _SIGNED for one in tokens)


def is_stock_folder(path: str) -> bool:
    """Say whether a virtual directory points to a folder in which IIS, Windows or Exchange keep pages."""
    return _PAGES.match(plain_path(path)) is not None


def is_stock_program(path: str) -> bool:
    """Say whether a handler runs a program of a folder in which IIS, Windows or Exchange keep theirs."""
    plain = plain_path(path)
    return is_stock_folder(path) or (plain.endswith(".dll") and _EXCHANGE.match(plain) is not None)
