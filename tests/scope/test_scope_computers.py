"""A computer is classed by what its record in the directory bears out, the firmest first, and by nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.scope.staged import stage

from dwell.scope.computers import class_of_computer, computers_of


@pytest.mark.parametrize(
    ("told", "kind", "why"),
    [
        ({"serviceprincipalname": "HOST/DB01;MSSQLSvc/DB01.gov.example:1433"}, "database",
         "its service principal MSSQLSvc/DB01.gov.example:1433"),
        ({"serviceprincipalnames": "GC/DC01.gov.example/gov.example"}, "directory",
         "its service principal GC/DC01.gov.example/gov.example"),
        # what the service itself registered goes before what somebody wrote
        ({"serviceprincipalname": "exchangeMDB/MX09", "description": "SQL server"}, "mail server",
         "its service principal exchangeMDB/MX09"),
        ({"primarygroupid": "516"}, "directory", "its primary group"),
        ({"distinguishedname": "CN=B1,OU=Backup Servers,OU=SQL,DC=gov"}, "backup", "its unit Backup Servers"),
        ({"dn": "CN=FS01,OU=Servers,DC=gov", "description": "Old file server"}, "file",
         "its description Old file server"),
        ({"distinguishedname": "CN=SQL01,OU=Servers,DC=gov"}, "", ""),
        ({"serviceprincipalname": "HOST/FS01;RestrictedKrbHost/FS01", "operatingsystem": "Windows Server 2016"}, "", ""),
        ({}, "", ""),
    ],
)  # fmt: skip
def test_the_directory_tells_the_class(told: dict[str, str], kind: str, why: str) -> None:
    assert class_of_computer(told) == (kind, why)


def test_computers_are_read_and_people_are_not(tmp_path: Path) -> None:
    head = "SamAccountName,UserPrincipalName,DistinguishedName,OperatingSystem,servicePrincipalName,Description\r\n"
    rows = [
        'DB01$,,"CN=DB01,OU=Servers,DC=gov",Windows Server 2016,MSSQLSvc/DB01:1433,\r\n',
        'fs01$,,"CN=FS01,OU=File Servers,DC=gov",Windows Server 2016,HOST/FS01,\r\n',
        'anna,anna@gov.example,"CN=anna,OU=Backup,DC=gov",,,backup operator\r\n',
        'WS7$,,"CN=WS7,OU=Desks,DC=gov",Windows 10,HOST/WS7,\r\n',
    ]
    found = computers_of(stage(tmp_path, {"directory/computers.csv": head + "".join(rows)}).archive)
    assert [(one.host, one.kind, one.ground.record_no) for one in found] == [
        ("db01", "database", 2),
        ("fs01", "file", 3),
        ("ws7", "", 5),
    ]
