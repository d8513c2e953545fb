"""The kinds of record, beside Windows event logs, that Sigma's log sources mean: data, not code.

Our own rules about web requests name `product: windows` and so stay with IIS: one request that balancer, front end and
IIS each write down is one act, and the answers rest on these rules. Rules of others are put to all of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from dwell.hunt.ruleset import Where

__all__ = ["KINDS", "ZEEK_LOGS"]

_IIS = Where("iis", name="IIS logs", switch_on="Collect inetpub\\logs\\LogFiles of every web server")
_NCSA = Where("ncsa", name="access logs", switch_on="Collect the access logs of Apache, nginx or Tomcat")
_HAPROXY = Where("haproxy", name="HAProxy logs", switch_on="Switch on HAProxy's log of HTTP requests")
_HTTPPROXY = Where("httpproxy", name="HttpProxy logs", switch_on="Collect Logging\\HttpProxy of every Exchange server")
_WEB = (_IIS, _NCSA, _HTTPPROXY, _HAPROXY)

ZEEK_LOGS: Mapping[str, str] = {
    "http": "requests", "dns": "DNS", "conn": "connections", "ssl": "TLS", "x509": "certificates", "files": "files",
    "smb_files": "files over SMB", "smb_mapping": "SMB shares", "dce_rpc": "DCE/RPC", "kerberos": "Kerberos",
    "rdp": "RDP", "ntlm": "NTLM", "smtp": "SMTP", "ssh": "SSH", "ftp": "FTP", "ldap": "LDAP", "notice": "notices",
    "weird": "oddities", "pe": "executables", "dhcp": "DHCP", "socks": "SOCKS", "tunnel": "tunnels",
}  # fmt: skip
"""Logs of Zeek by the name that `_path` gives them, which is Sigma's `service`, and what they tell of."""


def _zeek(log: str) -> Where:
    return Where(
        "zeek",
        name=f"Zeek's {log}.log ({ZEEK_LOGS[log]})",
        switch_on=f"Collect {log}.log of the sensor",
        only={"_path": (log,)},
    )


_PROXY = (
    Where("squid", name="web proxy logs (Squid)", switch_on="Collect the access log of the web proxy"),
    _zeek("http"),
    _HAPROXY,
    Where("fortinet", name="FortiGate's web filter", only={"subtype": ("webfilter",)}),
    Where("paloalto", name="Palo Alto's URL log", only={"subtype": ("url",)}),
    Where("cef", name="CEF events"),
)
_FIREWALL = (
    Where(
        "fortinet", name="FortiGate's traffic log", switch_on="Collect the firewall's log", only={"type": ("traffic",)}
    ),
    Where("paloalto", name="Palo Alto's traffic log", only={"type": ("TRAFFIC",)}),
    Where("cisco", name="Cisco ASA's log"),
    Where("cef", name="CEF events"),
    Where("netflow", name="flows"),
    _zeek("conn"),
)
_UAL = (Where("ual", name="Microsoft 365 audit records", switch_on="Export the unified audit log", uniform=False),)
_CMDLETS = (
    Where(
        "evtx",
        ("MSExchange Management",),
        name="MSExchange Management",
        switch_on="Collect the event log MSExchange Management",
        uniform=False,
        fields={"cmdletresult": ("EventID",)},
    ),
    Where(
        "rps_cmdlet",
        name="remote PowerShell cmdlet logs",
        switch_on="Collect Logging\\CmdletInfra",
        fields={
            "cmdletparameters": ("Parameters",),
            "cmdletcaller": ("AuthenticatedUser",),
            "cmdletresult": ("ExecutionResult",),
        },
    ),
    Where(
        "admin_audit",
        name="admin audit logs",
        switch_on="Export the admin audit log as XML: its CSV leaves out the values of parameters",
        fields={
            "cmdletparameters": ("CmdletText:Parameters",),
            "cmdletcaller": ("Caller",),
            "cmdletresult": ("Succeeded",),
        },
    ),
    Where(
        "ual",
        name="Microsoft 365 audit records",
        switch_on="Export the unified audit log",
        uniform=False,
        fields={
            "cmdlet": ("Operation",),
            "cmdletparameters": ("CmdletText:Parameters",),
            "cmdletcaller": ("UserId",),
            "cmdletresult": ("ResultStatus",),
        },
    ),
)
"""Four logs that tell of a cmdlet. The event log has an event of its own for a cmdlet that failed."""
_EXCHANGE = {
    "cmdlet": _CMDLETS,
    "httpproxy": (_HTTPPROXY,),
    "ews": (Where("ews", name="EWS logs", switch_on="Collect Logging\\Ews of every Exchange server"),),
    "mapihttp": (Where("mapihttp", name="MAPI over HTTP logs", switch_on="Collect Logging\\MapiHttp\\Mailbox"),),
    "message_tracking": (Where("message_tracking", name="message tracking logs", switch_on="Collect MessageTracking"),),
    "rps_http": (Where("rps_http", name="remote PowerShell HTTP logs", switch_on="Collect Logging\\CmdletInfra"),),
    "rps_cmdlet": (
        Where("rps_cmdlet", name="remote PowerShell cmdlet logs", switch_on="Collect Logging\\CmdletInfra"),
    ),
    "ecp_server": (Where("ecp_server", name="ECP server logs", switch_on="Collect Logging\\ECP\\Server"),),
    "oab_generator": (Where("oab_generator", name="OAB generator logs", switch_on="Collect Logging\\OABGeneratorLog"),),
    "mailbox_audit": (
        Where("mailbox_audit", name="mailbox audit logs", switch_on="Switch on and export mailbox auditing"),
    ),
    "admin_audit": (Where("admin_audit", name="admin audit logs", switch_on="Export the admin audit log"),),
}

KINDS: Mapping[tuple[str, str, str], tuple[Where, ...]] = {
    ("", "webserver", ""): _WEB,
    ("", "webserver", "iis"): (_IIS,),
    ("iis", "", ""): (_IIS,),
    ("iis", "webserver", ""): (_IIS,),
    ("windows", "", "iis"): (_IIS,),
    ("windows", "webserver", ""): (_IIS,),
    ("windows", "webserver", "iis"): (_IIS,),
    **{(one, "webserver", ""): (_NCSA,) for one in ("apache", "nginx", "tomcat")},
    ("apache", "", "access"): (_NCSA,),
    ("haproxy", "", ""): (_HAPROXY,),
    ("", "proxy", ""): _PROXY,
    ("squid", "proxy", ""): _PROXY[:1],
    ("", "firewall", ""): _FIREWALL,
    ("", "dns", ""): (_zeek("dns"),),
    ("", "network", "connection"): (_zeek("conn"), _FIREWALL[4]),
    ("", "network", "dns"): (_zeek("dns"),),
    **{("zeek", "", one): (_zeek(one),) for one in ZEEK_LOGS},
    ("zeek", "", ""): (Where("zeek", name="Zeek logs", uniform=False),),
    ("fortigate", "", "event"): (
        Where(
            "fortinet",
            name="FortiGate's event log",
            switch_on="Collect the firewall's event log",
            only={"type": ("event",)},
        ),
    ),
    ("azure", "", "signinlogs"): (
        Where("signins", name="Entra ID sign-in logs", switch_on="Export the sign-in logs: the portal holds 30 days"),
    ),
    ("azure", "", "auditlogs"): (
        Where("entra_audit", name="Entra ID audit logs", switch_on="Export the audit logs: the portal holds 30 days"),
    ),
    ("azure", "", "microsoftgraphactivitylogs"): (
        Where("graph_activity", name="Graph activity logs", switch_on="Switch on MicrosoftGraphActivityLogs"),
    ),
    **{("m365", "", one): _UAL for one in ("audit", "exchange", "threat_management", "threat_detection")},
    **{
        ("gcp", "", f"google_workspace.{one}"): (
            Where(
                "google_workspace",
                name=f"Google Workspace's {one} activity",
                switch_on="Export the activity reports of the Admin SDK",
                only={"id.applicationName": (one,)},
                uniform=False,
            ),
        )
        for one in ("admin", "login")
    },
    **{("exchange", "", one): found for one, found in _EXCHANGE.items()},
    ("windows", "", ""): (
        Where("evtx", name="Windows event logs", switch_on="Collect the Windows event logs", uniform=False),
    ),
}
"""(product, category, service), in lower case, to kinds of record."""
