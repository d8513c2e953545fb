"""What IIS, .NET, Windows and Exchange bring by themselves: modules, folders, pages, and what compiled pages are called.

By name, file name and folder only: a file put in the place of one that belongs there is told by its hash alone.
"""

from __future__ import annotations

import re

__all__ = ["COMPILED", "LOGIN_PAGES", "is_stock_folder", "is_stock_image", "is_stock_type"]

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
_FOLDERS = (
    "\\system32\\inetsrv\\", "\\system32\\rpcproxy\\", "\\system32\\wsmsvc.dll", "\\microsoft.net\\framework",
    "\\exchange server\\v14\\", "\\exchange server\\v15\\",
)  # fmt: skip
_ROOTS = ("%systemdrive%\\inetpub\\", "c:\\inetpub\\", "%windir%\\", "c:\\windows\\", "%systemroot%\\")
_TYPES = ("system.web.", "system.servicemodel.")
LOGIN_PAGES = frozenset(
    {
        "logon.aspx", "logoff.aspx", "signout.aspx", "error.aspx", "error2.aspx", "errorfe.aspx", "expiredpassword.aspx",
        "frowny.aspx", "outlookcn.aspx", "redirsuiteserviceproxy.aspx", "svmfeedback.aspx", "timeoutlogoff.aspx",
    }
)  # fmt: skip
"""Pages that Exchange brings beside the login pages of Outlook on the web and the control panel."""
COMPILED = re.compile(r"\\temporary asp\.net files\\.*\\([^\\]+\.(?:aspx|ashx|asmx))\.[0-9a-f]{6,}\.compiled$", re.I)
"""What ASP.NET leaves of a page that it compiled; the group is the page."""


def is_stock_image(path: str) -> bool:
    """Say whether the file of a native module or filter is one that belongs there, by name and folder."""
    lowered = path.lower()
    return lowered.rpartition("\\")[2] in _MODULES and any(one in lowered for one in _FOLDERS)


def is_stock_type(name: str) -> bool:
    """Say whether the class of a managed module is one of .NET's own."""
    return name.lower().startswith(_TYPES)


def is_stock_folder(path: str) -> bool:
    """Say whether a virtual directory points to a folder of IIS, Windows or Exchange."""
    lowered = path.lower()
    return lowered.startswith(_ROOTS) or "\\exchange server\\v1" in lowered
