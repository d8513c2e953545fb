"""All sources, in the order in which they are asked. Adding a format adds one line here."""

from __future__ import annotations

from dwell.sources.address_book import AddressBook
from dwell.sources.admin_audit import AdminAuditCsv, AdminAuditXml
from dwell.sources.backups import Backups
from dwell.sources.bodyfile import Bodyfile
from dwell.sources.cef import Cef
from dwell.sources.channel_settings import ChannelSettings
from dwell.sources.channel_settings_xml import ChannelSettingsXml
from dwell.sources.cisco import Cisco
from dwell.sources.connectivity import Connectivity
from dwell.sources.cosmos_audit import CosmosAudit
from dwell.sources.defender import Defender, DefenderCsv
from dwell.sources.directory import Directory, DirectoryJson
from dwell.sources.directory_ldif import DirectoryLdif
from dwell.sources.dovecot import Dovecot
from dwell.sources.ecp_activity import EcpActivity
from dwell.sources.ecp_server import EcpServer
from dwell.sources.entra_audit import EntraAudit, EntraAuditCsv
from dwell.sources.entra_signin import SignIns, SignInsCsv
from dwell.sources.evtx import Evtx
from dwell.sources.evtx_csv import EvtxCsv
from dwell.sources.evtx_json import EvtxJson
from dwell.sources.evtx_xml import EvtxXml
from dwell.sources.ews import Ews
from dwell.sources.exchange_other import ExchangeOther
from dwell.sources.exchange_setup import ExchangeSetup
from dwell.sources.exports import Exports, ExportsJson
from dwell.sources.file_listing import FileListing, FileListingJson
from dwell.sources.format_list import DirectoryList, ExportsList
from dwell.sources.fortinet import Fortinet
from dwell.sources.google_workspace import GoogleWorkspace
from dwell.sources.graph_activity import GraphActivity, GraphActivityCsv
from dwell.sources.haproxy import HaProxy
from dwell.sources.httperr import Httperr
from dwell.sources.httpproxy import HttpProxy
from dwell.sources.iis import IisW3c
from dwell.sources.iis_config import IisConfig
from dwell.sources.iis_csv import IisCsv
from dwell.sources.iis_headerless import IisHeaderless
from dwell.sources.iis_native import IisNative
from dwell.sources.imap4 import Imap4
from dwell.sources.inventory import Inventory
from dwell.sources.mailbox_audit import MailboxAuditCsv, MailboxAuditXml
from dwell.sources.mapihttp import MapiHttp
from dwell.sources.message_trace import MessageTrace, MessageTraceCsv
from dwell.sources.message_tracking import MessageTracking
from dwell.sources.mftecmd import Mftecmd
from dwell.sources.ncsa import Ncsa
from dwell.sources.ncsa_json import NcsaJson
from dwell.sources.netflow import NetFlow
from dwell.sources.oab_generator import OabGenerator
from dwell.sources.owa import Owa
from dwell.sources.paloalto import PaloAlto
from dwell.sources.pop3 import Pop3
from dwell.sources.postfix import Postfix
from dwell.sources.registry_export import RegistryExport
from dwell.sources.rpc_client_access import RpcClientAccess
from dwell.sources.rps_cmdlet import RpsCmdlet
from dwell.sources.rps_http import RpsHttp
from dwell.sources.siem import SIEM
from dwell.sources.smtp_protocol import SmtpReceive, SmtpSend
from dwell.sources.source import Guess, Sniff, Source
from dwell.sources.squid import Squid
from dwell.sources.transport_agent import TransportAgent
from dwell.sources.ual import UalCsv, UalJson
from dwell.sources.ual_more import UalHunting, UalSentinelCsv
from dwell.sources.wevtutil import Wevtutil
from dwell.sources.zeek import ZeekJson, ZeekTsv
from dwell.sources.zimbra import Zimbra

__all__ = ["ACCEPT_SCORE", "SETTLED_SCORE", "SOURCES", "identify", "source"]

ACCEPT_SCORE = 50
"""A guess below this is shown to the user and not read."""
SETTLED_SCORE = 95
"""A guess this sure rests on a header or a magic number."""
MAGIC_SCORE = 100

SOURCES: tuple[Source, ...] = (
    Evtx(),
    EvtxXml(),
    EvtxJson(),
    EvtxCsv(),
    Wevtutil(),
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
    IisCsv(),
    IisNative(),
    IisHeaderless(),
    Httperr(),
    Ncsa(),
    NcsaJson(),
    UalCsv(),
    UalJson(),
    UalHunting(),
    UalSentinelCsv(),
    SignIns(),
    SignInsCsv(),
    EntraAudit(),
    EntraAuditCsv(),
    GraphActivity(),
    GraphActivityCsv(),
    MessageTrace(),
    MessageTraceCsv(),
    Defender(),
    DefenderCsv(),
    GoogleWorkspace(),
    Directory(),
    DirectoryJson(),
    DirectoryList(),
    DirectoryLdif(),
    Inventory(),
    Mftecmd(),
    FileListing(),
    FileListingJson(),
    Bodyfile(),
    IisConfig(),
    Exports(),
    ExportsJson(),
    ExportsList(),
    ChannelSettings(),
    ChannelSettingsXml(),
    RegistryExport(),
    Backups(),
    ZeekTsv(),
    ZeekJson(),
    HaProxy(),
    Squid(),
    Fortinet(),
    Cef(),
    Cisco(),
    PaloAlto(),
    NetFlow(),
    Dovecot(),
    Postfix(),
    Zimbra(),
    *SIEM,
)
_ASKED = sorted(enumerate(SOURCES), key=lambda pair: pair[1].by_shape)


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
    """Ask the sources; give their guesses, the best first, ties in registry order.

    A guess of `SETTLED_SCORE` settles it: formats told by the shape of their lines, none of which is that sure, are not
    asked then. A magic number ends the asking.
    """
    found: list[tuple[Guess, int]] = []
    for position, one in _ASKED:
        if one.by_shape and any(guess.score >= SETTLED_SCORE for guess, _ in found):
            break
        if (guess := one.identify(sniff)) is not None:
            found.append((guess, position))
            if guess.score == MAGIC_SCORE:
                break
    found.sort(key=lambda pair: (-pair[0].score, pair[1]))
    return tuple(guess for guess, _ in found)
