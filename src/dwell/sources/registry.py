"""All sources, in the order in which they are asked. Adding a format adds one line here."""

from __future__ import annotations

from dwell.sources.address_book import AddressBook
from dwell.sources.admin_audit import AdminAuditCsv, AdminAuditXml
from dwell.sources.backups import Backups
from dwell.sources.connectivity import Connectivity
from dwell.sources.cosmos_audit import CosmosAudit
from dwell.sources.directory import Directory
from dwell.sources.ecp_activity import EcpActivity
from dwell.sources.ecp_server import EcpServer
from dwell.sources.evtx import Evtx
from dwell.sources.evtx_json import EvtxJson
from dwell.sources.evtx_xml import EvtxXml
from dwell.sources.ews import Ews
from dwell.sources.exchange_other import ExchangeOther
from dwell.sources.exchange_setup import ExchangeSetup
from dwell.sources.httpproxy import HttpProxy
from dwell.sources.iis import IisW3c
from dwell.sources.imap4 import Imap4
from dwell.sources.inventory import Inventory
from dwell.sources.mailbox_audit import MailboxAuditCsv, MailboxAuditXml
from dwell.sources.mapihttp import MapiHttp
from dwell.sources.message_tracking import MessageTracking
from dwell.sources.oab_generator import OabGenerator
from dwell.sources.owa import Owa
from dwell.sources.pop3 import Pop3
from dwell.sources.rpc_client_access import RpcClientAccess
from dwell.sources.rps_cmdlet import RpsCmdlet
from dwell.sources.rps_http import RpsHttp
from dwell.sources.smtp_protocol import SmtpReceive, SmtpSend
from dwell.sources.source import Guess, Sniff, Source
from dwell.sources.transport_agent import TransportAgent
from dwell.sources.ual import UalCsv, UalJson

__all__ = ["ACCEPT_SCORE", "SOURCES", "identify", "source"]

ACCEPT_SCORE = 50
"""A guess below this is shown to the user and not read."""

SOURCES: tuple[Source, ...] = (
    Evtx(),
    EvtxXml(),
    EvtxJson(),
    HttpProxy(),
    Ews(),
    MapiHttp(),
    RpcClientAccess(),
    AddressBook(),
    Owa(),
    EcpServer(),
    EcpActivity(),
    RpsHttp(),
    RpsCmdlet(),
    CosmosAudit(),
    Imap4(),
    Pop3(),
    MessageTracking(),
    SmtpReceive(),
    SmtpSend(),
    Connectivity(),
    TransportAgent(),
    OabGenerator(),
    ExchangeSetup(),
    MailboxAuditXml(),
    MailboxAuditCsv(),
    AdminAuditXml(),
    AdminAuditCsv(),
    ExchangeOther(),
    IisW3c(),
    UalCsv(),
    UalJson(),
    Directory(),
    Inventory(),
    Backups(),
)


def source(key: str) -> Source:
    """Give the source with a key.

    Raises:
        KeyError: there is none.
    """
    for candidate in SOURCES:
        if candidate.key == key:
            return candidate
    raise KeyError(key)


def identify(sniff: Sniff) -> tuple[Guess, ...]:
    """Ask every source; give its guesses, the best first, ties in registry order."""
    found = [(guess, position) for position, one in enumerate(SOURCES) if (guess := one.identify(sniff)) is not None]
    found.sort(key=lambda pair: (-pair[0].score, pair[1]))
    return tuple(guess for guess, _ in found)
