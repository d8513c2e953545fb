"""Every log source beside Windows: lines written by hand, read as evidence, and rules in the names that Sigma uses.

The lines are what the products write, not rows of our tables, and which of them a rule means is said beside it: \
nothing of
the mapping under test is used to work that out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from sigma.pipelines.common import windows_logsource_mapping
from tests.hunt.archives import archive_of, hunted, load_rules, met

from dwell.casebook.case import Case
from dwell.hunt.hunting import Hunted, hunt
from dwell.hunt.sigma.kinds import KINDS
from dwell.hunt.sigma.logsources import where_of
from dwell.hunt.wide import Hunter
from dwell.intake.ingest import ingest, open_archive
from dwell.intake.tables import specs
from dwell.model.claims import RuleStatus

RULE = {"title": "a rule", "id": "5f0c5f5c-0000-4000-8000-000000000001", "level": "high"}

COMBINED = """\
198.51.100.7 - - [04/Jan/2021:08:00:00 +0000] "POST /owa/auth/x.aspx?cmd=who%61mi HTTP/1.1" 200 12 "-" "Alice/1.0"
198.51.100.8 - - [04/Jan/2021:08:00:01 +0000] "GET /owa/auth/x.aspx HTTP/1.1" 404 12 "https://a.example/whoami" "curl/8"
198.51.100.9 - alice [04/Jan/2021:08:00:02 +0000] "POST /img/logo.png HTTP/1.1" 200 12 "-" "Alice/1.0"
"""
COMMON = """\
198.51.100.7 - - [04/Jan/2021:08:00:00 +0000] "POST /owa/auth/x.aspx?cmd=whoami HTTP/1.1" 200 12
198.51.100.7 - - [04/Jan/2021:08:00:01 +0000] "GET / HTTP/1.1" 200 12
"""
HAPROXY = """\
Feb 29 14:01:19 lb01 haproxy[14389]: 198.51.100.7:33317 [29/Feb/2024:14:01:19.832] fe~ be/mbx01 0/0/1/2/3 200 512 - - \
---- 1/1/1/1/0 0/0 "POST /ecp/DDI/DDIService.svc/SetObject?schema=Reset HTTP/1.1"
Feb 29 14:01:20 lb01 haproxy[14389]: 198.51.100.8:33318 [29/Feb/2024:14:01:20.832] fe~ be/mbx01 0/0/1/2/3 302 512 - - \
---- 1/1/1/1/0 0/0 "GET /ecp/?schema=Reset HTTP/1.1"
"""
SQUID = """\
1609747200.123    120 10.0.0.5 TCP_MISS/200 4512 GET http://files.bad.example/drop/tool.exe?id=7 alice \
DIRECT/203.0.113.9 application/octet-stream
1609747201.123    120 10.0.0.5 TCP_TUNNEL/200 4512 CONNECT api.bad.example:443 - HIER_DIRECT/203.0.113.9 -
1609747202.123    120 10.0.0.6 TCP_MISS/200 4512 GET http://good.example/bad.example/tool.exe.html - \
DIRECT/203.0.113.10 text/html
"""
ZEEK_HTTP = """\
{"_path":"http","ts":1609747201.0,"uid":"C1","id.orig_h":"10.0.0.5","id.orig_p":1,"id.resp_h":"203.0.113.9",\
"id.resp_p":80,"method":"PUT","host":"share.bad.example","uri":"/webdav/tool.exe?x=1",\
"user_agent":"Microsoft-WebDAV-MiniRedir/10.0","status_code":201}
{"_path":"http","ts":1609747202.0,"uid":"C2","id.orig_h":"10.0.0.5","id.orig_p":1,"id.resp_h":"10.0.0.9",\
"id.resp_p":80,"method":"GET","host":"intra.example","uri":"/share.bad.example","user_agent":"curl/8","status_code":200}
"""
ZEEK_TSV = """\
#separator \\x09
#set_separator\t,
#empty_field\t(empty)
#unset_field\t-
#path\t{path}
#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\t{fields}
"""


def tsv(path: str, fields: str, *rows: str) -> str:
    head = ZEEK_TSV.format(path=path, fields=fields.replace(" ", "\t"))
    lines = [f"160974720{at}.5\tC{at}\t10.0.0.{at}\t5{at}\t203.0.113.9\t53\t{row}" for at, row in enumerate(rows)]
    return head + "\n".join(one.replace("|", "\t") for one in lines) + "\n"


_EAS = "2021-01-04 08:00:00 10.0.0.1 POST /Microsoft-Server-ActiveSync/Proxy"
IIS = f"""\
#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port c-ip sc-status
{_EAS} Cmd=Sync&User=GOV%5Canna&DeviceId=APPL1A 444 10.0.0.1 200
{_EAS} Cmd=Search&User=GOV%5Canna&DeviceId=X&Log=V141_Unc1_Uncb5210_ 444 10.0.0.1 200
{_EAS} Cmd=Sync&DeviceId=X&Log=V141_Uncb10_ 444 10.0.0.1 200
"""
DNS = tsv("dns", "proto query qtype_name answers", "udp|c2.bad.example|TXT|IEX (a)", "udp|ok.example|A|192.0.2.1")
SMB = tsv("smb_files", "action path name", "open|\\\\FS01\\IPC$|atsvc", "open|\\\\FS01\\data|atsvc.doc")
KERBEROS = tsv("kerberos", "request_type client service cipher", "TGS|a/X|http/srv|rc4-hmac", "AS|a/X|krbtgt|rc4-hmac")
RPC = tsv("dce_rpc", "named_pipe endpoint operation", "x|atsvc|JobAdd", "x|samr|SamrConnect5")
RDP = tsv("rdp", "cookie result", "alice|-", "bob|-").replace("10.0.0.1\t", "198.51.100.7\t")
CONN = tsv("conn", "proto duration", "tcp|1.0", "tcp|1.0").replace("\t53\t", "\t23\t", 1)
FORTINET = """\
date=2021-01-04 time=08:00:00 devname="FW01" devid="FG1" logid="0000000013" type="traffic" subtype="forward" \
srcip=198.51.100.7 srcport=50123 dstip=192.0.2.10 dstport=23 action="accept"
date=2021-01-04 time=08:00:01 devname="FW01" devid="FG1" logid="0000000013" type="traffic" subtype="forward" \
srcip=198.51.100.7 srcport=50124 dstip=192.0.2.10 dstport=23 action="deny"
date=2021-01-04 time=08:00:02 devname="FW01" devid="FG1" logid="0100044547" type="event" subtype="system" \
action="Add" cfgpath="firewall.policy" user="admin" dstport=23
date=2021-01-04 time=08:00:03 devname="FW01" devid="FG1" logid="0317013312" type="utm" subtype="webfilter" \
srcip=10.0.0.5 hostname="files.bad.example" url="/drop/tool.exe" action="passthrough"
"""
PALOALTO = """\
1,2021/01/04 08:00:02,0011223344,TRAFFIC,end,2304,2021/01/04 08:00:01,198.51.100.7,192.0.2.10,0.0.0.0,0.0.0.0,r,,,ssl,\
vsys1,a,b,e1,e2,s,2021/01/04 08:00:02,4711,1,50123,23,0,0,0x1c,tcp,allow,1,1,1,1,2021/01/04 07:59:00,61,any,0,1
1,2021/01/04 08:00:03,0011223344,THREAT,url,2304,2021/01/04 08:00:02,198.51.100.7,192.0.2.10,0.0.0.0,0.0.0.0,r,,,web,\
vsys1,a,b,e1,e2,s,2021/01/04 08:00:02,4712,1,50124,23,0,0,0x1c,tcp,alert,"files.bad.example/drop/tool.exe",(9999),\
business,information
"""
ASA = "<166>Jan  4 2021 08:00:00 fw01 : %ASA-6-302013: Built inbound TCP connection 1 for outside:198.51.100.7/50123 \
(198.51.100.7/50123) to inside:192.0.2.10/23 (192.0.2.10/23)\n"
CEF = """\
CEF:0|Fortinet|FortiGate|6.4|13|traffic:forward accept|3|rt=Jan 04 2021 08:00:01 src=198.51.100.7 dst=192.0.2.10 \
dpt=23 act=accept
CEF:0|F5|ASM|16.0|200|Illegal URL|5|rt=Jan 04 2021 08:00:02 src=198.51.100.8 dst=192.0.2.10 dpt=443 requestMethod=GET \
request=https://files.bad.example/drop/tool.exe
"""


def zeek(log: str) -> dict[str, str]:
    return {"product": "zeek", "service": log}


def sign_in(**changed: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {
        "createdDateTime": "2021-01-04T08:00:00Z",
        "id": "1",
        "userPrincipalName": "alice@corp.example",
        "appDisplayName": "Mail",
        "ipAddress": "198.51.100.7",
        "clientAppUsed": "Browser",
        "conditionalAccessStatus": "success",
        "authenticationRequirement": "singleFactorAuthentication",
        "userAgent": "Mozilla/5.0",
        "status": {"errorCode": 0, "failureReason": "Other.", "additionalDetails": None},
        "deviceDetail": {"deviceId": "", "trustType": "", "isCompliant": False},
        **changed,
    }


SIGN_INS = json.dumps(
    [
        sign_in(userAgent="BAV2ROPC"),
        sign_in(
            id="2",
            userAgent="BAV2ROPC",
            status={"errorCode": 50126, "failureReason": "Invalid username or password.", "additionalDetails": None},
        ),
        sign_in(
            id="3",
            status={"errorCode": 500121, "failureReason": "x", "additionalDetails": "MFA denied; user declined"},
            authenticationRequirement="multiFactorAuthentication",
            deviceDetail={"deviceId": "d1", "trustType": "Azure AD joined", "isCompliant": True},
        ),
    ]
)
DIAGNOSTIC = json.dumps(
    {
        "time": "2021-01-04T08:00:00Z",
        "category": "SignInLogs",
        "resultType": "50057",
        "resultDescription": "User account is disabled.",
        "properties": {
            "id": "9",
            "userPrincipalName": "bob@corp.example",
            "appDisplayName": "Mail",
            "ipAddress": "1.2.3.4",
        },
    }
)
AUDIT = json.dumps(
    [
        {
            "activityDateTime": "2021-01-04T08:00:00Z",
            "id": "a1",
            "category": "UserManagement",
            "activityDisplayName": "Update user",
            "result": "success",
            "loggedByService": "Core Directory",
            "initiatedBy": {"user": {"userPrincipalName": "admin@corp.example", "ipAddress": "198.51.100.7"}},
            "targetResources": [
                {
                    "type": "User",
                    "displayName": "Alice",
                    "modifiedProperties": [
                        {
                            "displayName": "StrongAuthenticationRequirement",
                            "oldValue": "[]",
                            "newValue": '[{"State":0}]',
                        }
                    ],
                }
            ],
        },
        {
            "activityDateTime": "2021-01-04T08:00:01Z",
            "id": "a2",
            "category": "ApplicationManagement",
            "activityDisplayName": "Consent to application",
            "result": "failure",
            "initiatedBy": {"user": {"userPrincipalName": "admin@corp.example"}},
            "targetResources": [
                {
                    "type": "ServicePrincipal",
                    "displayName": "Tool",
                    "modifiedProperties": [
                        {"displayName": "ConsentContext.IsAdminConsent", "oldValue": None, "newValue": '"True"'}
                    ],
                }
            ],
            "additionalDetails": [{"key": "additionalInfo", "value": "by device id"}],
        },
    ]
)
GOOGLE = "\n".join(
    json.dumps(
        {
            "kind": "admin#reports#activity",
            "id": {
                "time": "2021-01-04T08:00:00.123Z",
                "uniqueQualifier": "-1",
                "applicationName": app,
                "customerId": "C01",
            },
            "actor": {"email": "alice@corp.example", "profileId": "1"},
            "ipAddress": "198.51.100.7",
            "events": [{"type": "x", "name": name, "parameters": [{"name": "SETTING_NAME", "value": setting}]}],
        }
    )
    for app, name, setting in (
        ("admin", "CHANGE_APPLICATION_SETTING", "ContextAwareAccess"),
        ("admin", "CHANGE_APPLICATION_SETTING", "Other"),
        ("login", "CHANGE_APPLICATION_SETTING", "ContextAwareAccess"),
    )
)
WEB = {"category": "webserver"}
SIGNED = {"product": "azure", "service": "signinlogs"}
AUDITED = {"product": "azure", "service": "auditlogs"}
PROXY = {"category": "proxy"}
FIREWALL = {"category": "firewall"}
TELNET = {"s": {"src_ip": "198.51.100.7", "dst_ip|cidr": "192.0.2.0/24", "dst_port": [21, 23]}}
TOOL = {"s": {"cs-host|endswith": ".bad.example", "c-uri-extension": "exe"}}

CASES: list[tuple[str, str, str, Mapping[str, str], dict[str, Any], list[int]]] = [
    # a name, a file's name, what is in it, the log source, the detection, the lines that are meant
    ("path in the query", "access.log", COMBINED, WEB, {"s": {"cs-uri-query|contains": "/auth/x.aspx"}}, [1, 2]),
    ("decoded", "access.log", COMBINED, WEB, {"s": {"cs-uri-query|contains": "=whoami", "cs-method": "POST"}}, [1]),
    ("stem", "access.log", COMBINED, WEB, {"s": {"cs-uri-stem|endswith": ".aspx", "sc-status": 404}}, [2]),
    ("agent", "access.log", COMBINED, WEB, {"s": {"cs-user-agent|startswith": "Alice/"}}, [1, 3]),
    ("referer", "access.log", COMBINED, WEB, {"s": {"cs-referer|contains": "whoami"}}, [2]),
    ("no query", "access.log", COMBINED, WEB, {"s": {"cs-uri-query": None}}, [2, 3]),
    ("query itself", "access.log", COMBINED, WEB, {"s": {"cs-uri-query|startswith": "cmd="}}, [1]),
    ("client", "access.log", COMBINED, WEB, {"s": {"c-ip": "198.51.100.9"}}, [3]),
    ("web keywords", "access.log", COMBINED, WEB, {"k": ["x.aspx?cmd=whoami"]}, [1]),
    ("apache", "access.log", COMBINED, {"product": "apache", **WEB}, {"s": {"cs-method": "POST"}}, [1, 3]),
    ("parts of the query", "u_ex210104.log", IIS, WEB, {"s": {"Cmd": "Sync", "deviceid|startswith": "APPL"}}, [2]),
    ("decoded part", "u_ex210104.log", IIS, WEB, {"s": {"User": "GOV\\anna"}}, [2, 3]),
    ("share by phone", "u_ex210104.log", IIS, WEB, {"s": {"Uncb|gt": 1000}}, [3]),
    ("balancer", "haproxy.log", HAPROXY, WEB, {"s": {"cs-uri-query|contains": "SetObject?schema=", "sc-status": 200}}, [1]),
    ("balancer as proxy", "haproxy.log", HAPROXY, PROXY, {"s": {"c-uri|contains": "schema=", "cs-method": "GET"}}, [2]),
    ("host and extension", "squid.log", SQUID, PROXY, TOOL, [1]),
    ("tunnel", "squid.log", SQUID, PROXY, {"s": {"cs-host|endswith": "bad.example"}}, [1, 2]),
    ("whole address", "squid.log", SQUID, PROXY, {"s": {"c-uri|contains": "bad.example"}}, [1, 2, 3]),
    ("path only", "squid.log", SQUID, PROXY, {"s": {"cs-uri-stem": "/drop/tool.exe"}}, [1]),
    ("not that host", "squid.log", SQUID, PROXY, {"s": {"sc-status": 200}, "f": {"cs-host|endswith": "bad.example"}}, [3]),
    ("peer", "squid.log", SQUID, PROXY, {"s": {"dst_ip": "203.0.113.9", "cs-method": "GET"}}, [1]),
    ("proxy rule on Zeek", "http.log", ZEEK_HTTP, PROXY, TOOL, [1]),
    ("host in the address", "http.log", ZEEK_HTTP, PROXY, {"s": {"c-uri|contains": "bad.example/webdav"}}, [1]),
    ("path begins", "http.log", ZEEK_HTTP, PROXY, {"s": {"c-uri|startswith": "/share.bad"}}, [2]),
    ("Zeek's own names", "http.log", ZEEK_HTTP, zeek("http"),
     {"s": {"user_agent|contains": "WebDAV", "method": "PUT"}, "f": {"id.resp_h|cidr": "10.0.0.0/8"}}, [1]),
    ("Zeek's host", "http.log", ZEEK_HTTP, zeek("http"), {"s": {"host|endswith": ".bad.example"}}, [1]),
    ("DNS of Zeek", "dns.log", DNS, zeek("dns"), {"s": {"query|endswith": ".bad.example"}}, [7]),
    ("DNS", "dns.log", DNS, {"category": "dns"}, {"s": {"record_type": "TXT", "answer|contains": "IEX"}}, [7]),
    ("another log of Zeek", "dns.log", DNS, zeek("http"), {"s": {"id.resp_p": 53}}, []),
    ("SMB", "smb_files.log", SMB, zeek("smb_files"),
     {"s": {"path": "\\\\\\\\*\\IPC$", "name": "atsvc"}}, [7]),
    ("Kerberos", "kerberos.log", KERBEROS, zeek("kerberos"),
     {"s": {"request_type": "TGS", "cipher": "rc4-hmac"}, "f": {"service|startswith": "$"}}, [7]),
    ("DCE/RPC", "dce_rpc.log", RPC, zeek("dce_rpc"), {"s": {"endpoint": "atsvc", "operation": "JobAdd"}}, [7]),
    ("RDP", "rdp.log", RDP, zeek("rdp"), {"x": {"id.orig_p|gt": 0}, "f": {"id.orig_h|cidr": "10.0.0.0/8"}}, [8]),
    ("connections", "conn.log", CONN, FIREWALL, {"s": {"dst_port": 23, "src_ip": "10.0.0.0"}}, [7]),
    ("FortiGate", "forti.log", FORTINET, FIREWALL, {**TELNET, "a": {"action": "accept"}}, [1]),
    ("FortiGate's events", "forti.log", FORTINET, {"product": "fortigate", "service": "event"},
     {"s": {"action": "Add", "cfgpath": "firewall.policy"}}, [3]),
    ("FortiGate's web filter", "forti.log", FORTINET, PROXY, TOOL, [4]),
    ("Palo Alto", "pan.csv", PALOALTO, FIREWALL, TELNET, [1]),
    ("Palo Alto's URLs", "pan.csv", PALOALTO, PROXY, TOOL, [2]),
    ("Cisco ASA", "asa.log", ASA, FIREWALL, TELNET, [1]),
    ("CEF", "events.cef", CEF, FIREWALL, {**TELNET, "a": {"action": "accept"}}, [1]),
    ("CEF requests", "events.cef", CEF, PROXY, TOOL, [2]),
    ("sign-in that went well", "signins.json", SIGN_INS, SIGNED,
     {"s": {"Status": "Success", "userAgent|contains": "BAV2ROPC"}}, [1]),
    ("sign-in that was refused", "signins.json", SIGN_INS, SIGNED, {"s": {"ResultType": 50126}}, [2]),
    ("second factor denied", "signins.json", SIGN_INS, SIGNED,
     {"s": {"AuthenticationRequirement": "multiFactorAuthentication", "Status|contains": "MFA Denied"}}, [3]),
    ("device", "signins.json", SIGN_INS, SIGNED, {"s": {"DeviceDetail.isCompliant": "false"}}, [1, 2]),
    ("diagnostic setting", "signins.json", DIAGNOSTIC, SIGNED,
     {"s": {"ResultType": 50057, "ResultDescription|contains": "disabled"}}, [1]),
    ("Entra's audit", "audit.json", AUDIT, AUDITED,
     {"s": {"OperationName": "Update user", "Category": "UserManagement",
            "TargetResources.ModifiedProperties.DisplayName": "StrongAuthenticationRequirement",
            "TargetResources.ModifiedProperties.NewValue|contains": 'State":0'}}, [1]),
    ("the act's name as message", "audit.json", AUDIT, AUDITED,
     {"s": {"properties.message": "Consent to application", "Status": "failure"}}, [2]),
    ("consent", "audit.json", AUDIT, AUDITED,
     {"s": {"ConsentContext.IsAdminConsent": "true", "additionalDetails.additionalInfo|contains": "device"}}, [2]),
    ("target's type", "audit.json", AUDIT, AUDITED, {"s": {"targetResources.type": "User"}}, [1]),
    ("Google Workspace", "google.json", GOOGLE, {"product": "gcp", "service": "google_workspace.admin"},
     {"s": {"eventService": "admin.googleapis.com", "setting_name|startswith": "ContextAware"}}, [1]),
    ("Google's logons", "google.json", GOOGLE, {"product": "gcp", "service": "google_workspace.login"},
     {"s": {"protoPayload.serviceName": "login.googleapis.com",
            "protoPayload.metadata.event.eventName": "CHANGE_APPLICATION_SETTING"}}, [3]),
]  # fmt: skip


def conditioned(detection: Mapping[str, Any]) -> dict[str, Any]:
    """Give a detection all of whose parts have to hold, `f` excepted, which must not."""
    parts = [f"not {one}" if one == "f" else one for one in detection]
    return {**detection, "condition": " and ".join(parts)}


def hunt_in(tmp_path: Path, name: str, text: str, logsource: Mapping[str, str], detection: Mapping[str, Any]) -> Hunted:
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    (evidence / name).write_text(text, encoding="utf-8")
    rule = {**RULE, "logsource": dict(logsource), "detection": conditioned(detection)}
    (tmp_path / "rule.yml").write_text(yaml.safe_dump(rule), encoding="utf-8")
    case = Case.create(tmp_path / "case")
    with case.writing():
        ingest(case, [evidence], workers=1)
    return hunt(open_archive(case), rule_folders=[tmp_path / "rule.yml"], workers=1)


def numbers(found: Hunted) -> list[int]:
    rows = [one for one in found.hits.to_pylist() if one["rule_id"] == RULE["id"]]
    return sorted({ref["record_no"] for one in rows for ref in one["refs"]})


@pytest.mark.parametrize(
    ("name", "text", "logsource", "detection", "meant"), [one[1:] for one in CASES], ids=[one[0] for one in CASES]
)
def test_a_rule_meets_the_lines_that_are_meant(
    tmp_path: Path, name: str, text: str, logsource: Mapping[str, str], detection: Mapping[str, Any], meant: list[int]
) -> None:
    found = hunt_in(tmp_path, name, text, logsource, detection)
    assert numbers(found) == meant
    outcome = next(one for one in found.outcomes if one.rule_id == RULE["id"])
    assert (outcome.status is RuleStatus.BLIND) is (name == "dns.log" and logsource == zeek("http"))


@pytest.mark.parametrize(
    ("name", "text", "logsource", "detection", "said"),
    [
        ("access.log", COMMON, WEB, {"s": {"cs-user-agent|contains": "x"}}, "never recorded: cs-user-agent"),
        ("squid.log", SQUID, PROXY, {"s": {"c-useragent|contains": "x"}}, "never recorded: c-useragent"),
        ("haproxy.log", HAPROXY, PROXY, {"s": {"cs-host": "x"}}, "never recorded: cs-host"),
        ("signins.json", SIGN_INS, SIGNED, {"s": {"RiskState": "atRisk"}}, "RiskState"),
        ("signins.json", SIGN_INS, SIGNED, {"s": {"properties.message": "ROPC"}}, "properties.message"),
        ("dns.log", DNS, {"category": "dns"}, {"s": {"Z": 0}}, "never recorded: Z"),
        ("asa.log", ASA, FIREWALL, {"s": {"action": "accept"}}, "never recorded: action"),
        ("http.log", ZEEK_HTTP, zeek("http"), {"s": {"client_header_names|contains": "X"}}, "client_header_names"),
    ],
)  # fmt: skip
def test_a_field_that_is_not_recorded_makes_a_rule_blind(
    tmp_path: Path, name: str, text: str, logsource: Mapping[str, str], detection: Mapping[str, Any], said: str
) -> None:
    found = hunt_in(tmp_path, name, text, logsource, detection)
    outcome = next(one for one in found.outcomes if one.rule_id == RULE["id"])
    assert outcome.status is RuleStatus.BLIND
    assert said.lower() in outcome.reason.lower()


def test_where_one_log_records_a_field_and_another_does_not_the_rule_is_partly_blind(tmp_path: Path) -> None:
    archive = archive_of(
        tmp_path / "archive",
        {"iis": [{"cs-uri-stem": "/x", "cs-user-agent": "a"}], "haproxy": [{"cs-uri-stem": "/x"}]},
    )
    rule = {**RULE, "logsource": WEB, "detection": {"s": {"cs-user-agent": "a"}, "condition": "s"}}
    found = hunt(archive, loaded=load_rules(tmp_path / "rules", rule), workers=1)
    (outcome,) = found.outcomes
    assert outcome.status is RuleStatus.PARTLY_BLIND
    assert outcome.hits == 1


@pytest.mark.parametrize(
    "logsource",
    [
        ("linux", "process_creation", ""), ("macos", "process_creation", ""), ("linux", "", "auditd"),
        ("aws", "", "cloudtrail"),
        ("azure", "", "activitylogs"), ("azure", "", "riskdetection"), ("azure", "", "pim"), ("okta", "", "okta"),
        ("", "", "apache"), ("", "", "nginx"), ("cisco", "", "aaa"), ("zeek", "webserver", ""),
    ],
)  # fmt: skip
def test_log_sources_that_are_not_read_stay_blind(logsource: tuple[str, str, str]) -> None:
    assert where_of(*logsource) is None


@pytest.mark.parametrize("service", sorted(windows_logsource_mapping))
def test_a_service_of_windows_is_at_least_the_channels_that_pysigma_publishes(service: str) -> None:
    published = windows_logsource_mapping[service]
    wheres = where_of("windows", None, service)
    assert wheres
    assert {one for where in wheres for one in where.channels} >= (
        {published} if isinstance(published, str) else set(published)
    )


def test_every_kind_names_a_table_and_columns_that_are_there() -> None:
    tables = specs()
    for kinds in KINDS.values():
        for where in kinds:
            names = set(tables[where.table].schema.names)
            assert set(where.wanted) <= names
            assert where.name


def test_a_request_that_three_logs_hold_is_met_in_each_of_them(tmp_path: Path) -> None:
    archive = archive_of(
        tmp_path / "archive",
        {
            "iis": [{"cs-uri-stem": "/owa/x.aspx", "cs-method": "POST"}],
            "ncsa": [{"cs-uri-stem": "/owa/x.aspx", "cs-method": "POST"}],
            "httpproxy": [{"UrlStem": "/owa/x.aspx", "Method": "POST"}, {"UrlStem": "/owa/x.aspx", "Method": "GET"}],
        },
    )
    rule = {
        **RULE,
        "logsource": WEB,
        "detection": {"s": {"cs-uri-query|endswith": ".aspx", "cs-method": "POST"}, "condition": "s"},
    }
    hits = hunted(archive, Hunter(load_rules(tmp_path / "rules", rule).rules))
    assert met(hits) == {RULE["id"]: {1}}
    assert sorted(hits["table"].to_pylist()) == ["httpproxy", "iis", "ncsa"]
    # our own rules name Windows: one act that three logs write down is one act in the answers
    own = {**RULE, "logsource": {"product": "windows", **WEB}, "detection": rule["detection"]}
    assert hunted(archive, Hunter(load_rules(tmp_path / "own", own).rules))["table"].to_pylist() == ["iis"]


SYSTEM = {"product": "windows", "service": "system"}
CLEARED = {"EventID": 104, "Provider_Name": "Microsoft-Windows-Eventlog"}
KNOWN = {"Channel": ["System", "Security"]}


@pytest.mark.parametrize(
    ("detection", "meant"),
    [
        ({"s": CLEARED, "f": KNOWN}, {2}),  # a log of those that another rule covers is left out
        ({"s": {**CLEARED, **KNOWN}}, {1}),
        ({"s": {"EventID": 7045, "Channel": "System"}}, {3}),  # said twice, in the log source and here
        ({"s": {"EventID": 104}}, {1, 2}),
        ({"s": {"EventID": [104, 7045]}}, {1, 2, 3}),
    ],
)
def test_of_a_cleared_log_the_channel_is_the_one_that_was_cleared(
    tmp_path: Path, detection: Mapping[str, Any], meant: set[int]
) -> None:
    event = {"Channel": "System", "Provider": "Microsoft-Windows-Eventlog", "EventID": 104}
    rows = [
        {**event, "EventData": [("LogFileCleared.SubjectUserName", "u"), ("LogFileCleared.Channel", "System")]},
        {**event, "EventData": [("LogFileCleared.SubjectUserName", "u"), ("LogFileCleared.Channel", "Application")]},
        {"Channel": "System", "EventID": 7045, "ServiceName": "x"},
    ]
    archive = archive_of(tmp_path / "archive", {"evtx": rows})
    rule = {**RULE, "logsource": SYSTEM, "detection": conditioned(detection)}
    hits = hunted(archive, Hunter(load_rules(tmp_path / "rules", rule).rules))
    assert met(hits) == {RULE["id"]: meant}


def test_antivirus_and_file_access_are_read_from_event_logs(tmp_path: Path) -> None:
    defender = "Microsoft-Windows-Windows Defender/Operational"
    rows = [
        {
            "Channel": defender,
            "EventID": 1116,
            "EventData": [("Threat Name", "Backdoor:ASP/Ace.T"), ("Path", "file:_C:\\a.aspx")],
        },
        {"Channel": defender, "EventID": 1116, "EventData": [("Threat Name", "EICAR"), ("Path", "file:_C:\\a.txt")]},
        {"Channel": defender, "EventID": 5007, "EventData": [("Threat Name", "Backdoor:ASP/Ace.T")]},
        {"Channel": "Security", "EventID": 4663, "ObjectName": "C:\\Users\\a\\Login Data", "ProcessName": "C:\\t.exe"},
        {
            "Channel": "Security",
            "EventID": 4663,
            "ObjectName": "C:\\Users\\a\\Login Data",
            "ProcessName": "C:\\chrome.exe",
        },
    ]
    archive = archive_of(tmp_path / "archive", {"evtx": rows})
    av = {
        **RULE,
        "logsource": {"category": "antivirus"},
        "detection": conditioned({"s": {"Signature|contains": "ASP/"}}),
    }
    file = {
        **RULE,
        "id": RULE["id"][:-1] + "2",
        "logsource": {"category": "file_access", "product": "windows"},
        "detection": conditioned({"s": {"FileName|endswith": "\\Login Data"}, "f": {"Image|endswith": "\\chrome.exe"}}),
    }
    hits = hunted(archive, Hunter(load_rules(tmp_path / "rules", av, file).rules))
    assert met(hits) == {RULE["id"]: {1}, file["id"]: {4}}


def test_registry_values_and_deletions_are_read_from_every_event_that_tells_of_them(tmp_path: Path) -> None:
    sysmon = "Microsoft-Windows-Sysmon/Operational"
    rows = [
        {
            "Channel": "Security",
            "EventID": 4657,
            "ObjectName": "\\REGISTRY\\MACHINE\\Key",
            "EventData": [("ObjectValueName", "Run"), ("NewValue", "x.exe")],
        },
        {"Channel": sysmon, "EventID": 13, "TargetObject": "HKLM\\Key\\Run", "Details": "x.exe"},
        {"Channel": sysmon, "EventID": 26, "TargetFilename": "C:\\Run"},
        {"Channel": sysmon, "EventID": 23, "TargetFilename": "C:\\Run"},
    ]
    archive = archive_of(tmp_path / "archive", {"evtx": rows})
    registry = {"TargetObject": "HKLM\\Key\\Run", "Details": "x.exe"}
    rules = [
        {
            **RULE,
            "id": RULE["id"][:-1] + str(at),
            "logsource": {"product": "windows", "category": category},
            "detection": conditioned({"s": asked}),
        }
        for at, (category, asked) in enumerate(
            (("registry_event", registry), ("file_delete_detected", {"TargetFilename|endswith": "Run"}))
        )
    ]
    hits = hunted(archive, Hunter(load_rules(tmp_path / "rules", *rules).rules))
    assert met(hits) == {rules[0]["id"]: {1, 2}, rules[1]["id"]: {3}}


@pytest.mark.parametrize(
    ("rule", "evidence", "least"),
    [
        ("rules/windows/builtin/system/microsoft_windows_eventlog/win_system_susp_eventlog_cleared.yml", "evtx", 1),
        ("rules/category/antivirus/av_webshell.yml", "evtx", 1),
        ("rules/network/zeek/zeek_http_webdav_put_request.yml", "zeek/otrf-apt29", 0),
        ("rules/network/zeek/zeek_smb_converted_win_susp_psexec.yml", "zeek/otrf-apt29", 0),
        ("rules/web/webserver_generic/web_path_traversal_exploitation_attempt.yml", "web", 1),
    ],
)
@pytest.mark.slow
def test_published_rules_meet_real_records(
    shared_data: Path, tmp_path: Path, rule: str, evidence: str, least: int
) -> None:
    case = Case.create(tmp_path / "case")
    with case.writing():
        ingest(case, [shared_data / evidence], workers=1)
    found = hunt(open_archive(case), rule_folders=[shared_data / "sigma" / rule], workers=1)
    outcome = next(one for one in found.outcomes if one.path == Path(rule).name)
    assert outcome.status in {RuleStatus.RAN, RuleStatus.PARTLY_BLIND}
    assert outcome.hits >= least
