"""What belongs on a mail server by name and folder: whole paths, never their ends, and no folder that services write to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dwell.hunt.checks.stock import (
    is_exchange_path,
    is_stock_folder,
    is_stock_image,
    is_stock_program,
    is_stock_type,
    plain_path,
)

EXCHANGE = "Program Files\\Microsoft\\Exchange Server"


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("C:\\Windows\\..\\evil", "c:\\evil"),
        ("%SystemDrive%\\inetpub\\wwwroot", "c:\\inetpub\\wwwroot"),
        ("%windir%/System32\\.\\inetsrv\\", "c:\\windows\\system32\\inetsrv\\"),
        ("\\\\?\\C:\\Windows\\x", "c:\\windows\\x"),
        ("\\\\host\\share\\a\\..\\b", "\\\\host\\share\\b"),
        ("C:\\..\\..\\x", "c:\\x"),
        ("C:\\Windows.\\x", "c:\\windows\\x"),
        ("", ""),
    ],
)
def test_a_path_without_its_detours(written: str, plain: str) -> None:
    assert plain_path(written) == plain


@pytest.mark.parametrize(
    ("path", "stock"),
    [
        ("%windir%\\System32\\inetsrv\\static.dll", True),
        ("C:\\Windows\\SysWOW64\\inetsrv\\static.dll", True),
        ("C:\\Windows\\system32\\wsmsvc.dll", True),
        ("%windir%\\Microsoft.NET\\Framework64\\v4.0.30319\\webengine4.dll", True),
        (f"D:\\{EXCHANGE}\\V15\\ClientAccess\\owa\\auth\\owaauth.dll", True),
        ("%windir%\\System32\\inetsrv\\static2.dll", False),
        ("C:\\ProgramData\\system32\\inetsrv\\static.dll", False),
        ("C:\\Windows\\System32\\inetsrv\\..\\..\\Temp\\static.dll", False),
        ("C:\\Windows\\System32\\inetsrv\\sub\\static.dll", False),
        ("C:\\Windows\\System32\\inetsrv\\owaauth.dll", False),
        (f"C:\\{EXCHANGE}\\V15\\Bin\\kerbauth.dll", True),
        (f"C:\\{EXCHANGE}\\V15\\ClientAccess\\Sync\\bin\\AirFilter.dll", True),
        (f"C:\\{EXCHANGE}\\V15\\Bin\\static.dll", False),
        (f"C:\\{EXCHANGE}\\V15\\FrontEnd\\HttpProxy\\bin\\static.dll", False),
        (f"C:\\{EXCHANGE}\\V15\\Logging\\owaauth.dll", False),
        ("\\\\evil\\share\\microsoft.net\\framework\\static.dll", False),
        ("C:\\evil\\Exchange Server\\V15\\owaauth.dll", False),
    ],
)
def test_the_file_of_a_module(path: str, *, stock: bool) -> None:
    assert is_stock_image(path) is stock


@pytest.mark.parametrize(
    ("path", "stock"),
    [
        ("%SystemDrive%\\inetpub\\wwwroot", True),
        ("C:\\inetpub", False),
        ("C:\\inetpub\\logs", False),
        ("C:\\inetpub\\history", False),
        (f"C:\\{EXCHANGE}\\V15", False),
        (f"C:\\{EXCHANGE}\\V15\\Mailbox", False),
        (f"C:\\{EXCHANGE}\\V15\\Logging\\Owa", False),
        (f"C:\\{EXCHANGE}\\V15\\ClientAccessX", False),
        (f"C:\\{EXCHANGE}\\V15\\FrontEnd\\HttpProxy\\ecp", True),
        (f"E:\\{EXCHANGE}\\V14\\ClientAccess\\owa", True),
        ("C:\\Windows\\System32\\RpcProxy", True),
        ("C:\\Windows\\system32\\CertSrv\\en-US", True),
        ("%windir%\\system32\\inetsrv\\asp.dll", True),
        ("C:\\Windows\\Microsoft.NET\\Framework64\\v4.0.30319\\aspnet_isapi.dll", True),
        ("C:\\Windows\\Microsoft.NET\\Framework64\\v4.0.30319\\Temporary ASP.NET Files\\x", False),
        ("C:\\Windows\\Temp", False),
        ("C:\\Windows\\System32\\spool\\drivers\\color", False),
        ("C:\\Windows\\System32\\cmd.exe", False),
        ("C:\\inetpubs\\x", False),
        ("C:\\Windows\\System32\\RpcProxyX", False),
        (f"C:\\{EXCHANGE}\\v1x", False),
        ("C:\\evil\\Exchange Server\\V15", False),
        ("\\\\host\\c$\\inetpub\\wwwroot", False),
    ],
)
def test_the_folder_of_a_virtual_directory(path: str, *, stock: bool) -> None:
    assert is_stock_folder(path) is stock


@pytest.mark.parametrize(
    ("name", "stock"),
    [
        ("System.Web.SessionState.SessionStateModule", True),
        (
            "System.ServiceModel.Activation.HttpModule, System.ServiceModel.Activation, PublicKeyToken=31bf3856ad364e35",
            True,
        ),
        ("System.Web.Evil", False),
        ("System.Web.SessionState.SessionStateModule, Evil.Assembly", False),
        ("System.Web.Handlers.ScriptModule, System.Web.Extensions, PublicKeyToken=0123456789abcdef", False),
        ("Evil.Module", False),
    ],
)
def test_the_class_of_a_managed_module(name: str, *, stock: bool) -> None:
    assert is_stock_type(name) is stock


def test_the_library_of_an_agent_lies_where_exchange_does() -> None:
    assert is_exchange_path(f"C:\\{EXCHANGE}\\V15\\TransportRoles\\agents\\x.dll")
    assert not is_exchange_path("C:\\Temp\\x.dll")
    assert not is_exchange_path("")


def test_a_handler_runs_a_library_of_exchange_from_where_no_pages_are() -> None:
    """Its folder is none that a virtual directory points to."""
    library = f"C:\\{EXCHANGE}\\V15\\Bin\\a.dll"
    assert is_stock_program(library)
    assert not is_stock_folder(library)
    assert not is_stock_program(f"C:\\{EXCHANGE}\\V15\\Bin\\a.exe")
    assert not is_stock_program("C:\\ProgramData\\a.dll")


def test_every_module_and_filter_of_a_server_as_microsoft_sets_it_up_belongs_there(shared_data: Path) -> None:
    texts = [one.read_text(encoding="utf-8-sig") for one in (shared_data / "exchange" / "config").glob("*.config")]
    named = r'<(?:add [^>]*?image|filter [^>]*?path)="([^"]+\\[^"\\]+\.dll)"'
    found = {one for text in texts for one in re.findall(named, text)}
    assert len(found) == 38
    assert sorted(one for one in found if not is_stock_image(one)) == []
