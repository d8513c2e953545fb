"""Acts that switch recording off lower the cells by themselves: which, from which hour, until which act."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from tests.scope.staged import bind, iis_log, iis_place, security_log, stage, ual_json

from dwell.scope.cells import ALTERED, EMPTY, HELD, MISSING, OFF, Line, named_hours
from dwell.scope.ledger import Ledger
from dwell.scope.licences import auditing_taken
from dwell.scope.names import learn
from dwell.scope.silences import APART_MAX, IIS_CHANNEL, Silence, Silences, deleted_logs, silence, silences_of
from dwell.scope.traces import Trace

ANNA, BEN = "anna@gov.example", "ben@gov.example"
BROWSER = "Client=OWA;x;"
Record = dict[str, object]
NAMED = "[SkuName=DEVELOPERPACK_E5, SkuId=c42b, DisabledPlans=[{}]]"


def act(at: str, operation: str, target: str = "", **parameters: str) -> Record:
    """Give a record of a cmdlet in the tenant."""
    return {
        "CreationTime": at.replace(" ", "T"),
        "Id": f"{operation}/{at}/{target}/{sorted(parameters)}",
        "RecordType": 1,
        "Operation": operation,
        "Workload": "Exchange",
        "UserId": "admin@gov.example",
        "ObjectId": target,
        "ResultStatus": "True",
        "Parameters": [{"Name": name, "Value": value} for name, value in parameters.items()],
    }


def licence(at: str, target: str, before: str, after: str, *, deep: bool = False) -> Record:
    """Give a record of a change of licences, as the portal or (`deep`) as the directory writes it."""
    changed = [{"Name": "AssignedLicense", "OldValue": [before], "NewValue": [after]}]
    inside: Record
    if deep:
        text = str(changed).replace("'", '\\"')
        inside = {"ExtendedProperties": [{"Name": "additionalDetails", "Value": f'{{"b":"{text}"}}'}]}
    else:
        inside = {"ModifiedProperties": [{"Name": "AssignedLicense", "NewValue": after, "OldValue": before}]}
    told = {"Operation": "Update user." if deep else "Change user license.", "Workload": "AzureActiveDirectory"}
    return {**act(at, "x", target), "RecordType": 8, **told, **inside, "Id": f"licence/{at}/{target}"}


def told(root: Path, acts: Iterable[Record]) -> tuple[Ledger, Silences]:
    """Stage four days of audit records, one an hour, with some acts among them."""
    hours = [
        bind(f"2021-03-{1 + hour // 24:02} {hour % 24:02}:30:00", one, one, "203.0.113.9", BROWSER, id=f"{one}/{hour}")
        for hour in range(96)
        for one in (ANNA, BEN)
    ]
    records = sorted([*hours, *acts], key=lambda one: str(one["CreationTime"]))
    staged = stage(root, {"m365/UAL.json": ual_json(records)})
    ledger, label = staged.ledger(), learn(staged.archive).label
    found = silences_of(staged.archive, label)
    silence(ledger, found.known, label)
    return ledger, found


def dark(ledger: Ledger, source: str) -> list[int]:
    """Give the hours of the tenant's line that were not recorded, from the first on."""
    line = ledger.lines["M365", source]
    return (np.flatnonzero(line.states == OFF) + line.start - ledger.first_hour).tolist()


OFF_ACT = act("2021-03-02 06:20:00", "Set-AdminAuditLogConfig", UnifiedAuditLogIngestionEnabled="False")


def test_unified_auditing_is_dark_from_the_act_until_it_is_on_again(tmp_path: Path) -> None:
    on = act("2021-03-03 09:10:00", "Set-AdminAuditLogConfig", UnifiedAuditLogIngestionEnabled="True")
    ledger, found = told(tmp_path, [OFF_ACT, on])
    assert dark(ledger, "ual") == list(range(30, 58))
    (one,) = found.known
    assert "switched off by admin@gov.example at 2021-03-02 06:20:00 UTC" in one.why
    assert ledger.coverage(["M365"], {"ual"}, ledger.first_hour, ledger.last_hour, "x").hours_able == 96 - 28


def test_without_an_act_that_switches_it_on_it_is_dark_to_the_end(tmp_path: Path) -> None:
    assert dark(told(tmp_path, [OFF_ACT])[0], "ual") == list(range(30, 96))


def test_of_two_acts_the_first_counts_and_what_failed_or_was_on_switches_nothing(tmp_path: Path) -> None:
    later = act("2021-03-03 01:00:00", "Set-AdminAuditLogConfig", UnifiedAuditLogIngestionEnabled="$false")
    failed = {**act("2021-03-01 01:00:00", "Set-AdminAuditLogConfig", UnifiedAuditLogIngestionEnabled="False")}
    failed |= {"ResultStatus": "False"}
    tried = act(
        "2021-03-01 02:00:00", "Set-AdminAuditLogConfig", UnifiedAuditLogIngestionEnabled="False", WhatIf="True"
    )
    on = act("2021-03-01 03:00:00", "Set-AdminAuditLogConfig", UnifiedAuditLogIngestionEnabled="True")
    assert dark(told(tmp_path, [OFF_ACT, later, failed, tried, on])[0], "ual") == list(range(30, 96))


def test_what_an_account_does_is_dark_for_every_mailbox(tmp_path: Path) -> None:
    off = act(
        "2021-03-02 00:00:00", "Set-MailboxAuditBypassAssociation", "a88ae17c-f562-4c1f-a377-8910b6847d76",
        AuditBypassEnabled="True", Identity=ANNA,
    )  # fmt: skip
    ledger, _ = told(tmp_path, [off])
    assert dark(ledger, "ual") == []
    assert dark(ledger, f"ual/by {ANNA}") == list(range(24, 96))
    span = (ledger.first_hour, ledger.last_hour)
    assert ledger.coverage(["M365"], {"ual"}, *span, "x", {f"ual/by {ANNA}"}).hours_able == 24


@pytest.mark.parametrize(
    ("parameters", "hours"),
    [
        ({"AuditEnabled": "False"}, range(24, 96)),
        ({"AuditEnabled": "True"}, range(0)),
        ({"AuditOwner": "Update;SoftDelete"}, range(24, 96)),
        ({"AuditOwner": "Update;MailItemsAccessed"}, range(0)),
        ({"AuditDelegate": "@{Remove=MailItemsAccessed}"}, range(24, 96)),
        ({"AuditDelegate": "@{Add=Create}"}, range(0)),
    ],
)
def test_of_one_mailbox_only_its_own_hours_are_dark(tmp_path: Path, parameters: dict[str, str], hours: range) -> None:
    ledger, _ = told(tmp_path, [act("2021-03-02 00:00:00", "Set-Mailbox", ANNA, **parameters)])
    assert dark(ledger, "ual") == []
    assert (dark(ledger, f"ual/{ANNA}") if hours else []) == list(hours)
    assert ("M365", f"ual/{ANNA}") in ledger.lines or not hours
    assert ("M365", f"ual/{BEN}") not in ledger.lines


def test_the_default_set_of_audited_acts_switches_them_on_again(tmp_path: Path) -> None:
    off = act("2021-03-02 00:00:00", "Set-Mailbox", ANNA, AuditOwner="Update")
    on = act("2021-03-02 05:00:00", "Set-Mailbox", ANNA, DefaultAuditSet="Owner")
    assert dark(told(tmp_path, [off, on])[0], f"ual/{ANNA}") == list(range(24, 29))


@pytest.mark.parametrize("deep", [False, True])
def test_a_licence_that_was_taken_and_given_back(tmp_path: Path, *, deep: bool) -> None:
    whole, less = NAMED.format(""), NAMED.format("M365_ADVANCED_AUDITING,EQUIVIO")
    acts = [
        licence("2021-03-02 00:00:00", ANNA, whole, less, deep=deep),
        licence("2021-03-03 00:00:00", ANNA, less, whole, deep=deep),
    ]
    ledger, _ = told(tmp_path, acts)
    assert dark(ledger, f"ual/{ANNA}") == list(range(24, 48))


@pytest.mark.parametrize(
    ("before", "after", "taken"),
    [
        ("[M365_ADVANCED_AUDITING]", "[]", True),
        ("[]", "[M365_ADVANCED_AUDITING]", False),
        (NAMED.format(""), "[SkuName=ENTERPRISEPACK, SkuId=6fd2, DisabledPlans=[]]", True),
        ("[SkuName=ENTERPRISEPACK, DisabledPlans=[]]", "[SkuName=ENTERPRISEPACK, DisabledPlans=[YAMMER]]", None),
        (NAMED.format("YAMMER"), NAMED.format(""), None),
        ("", "", None),
    ],
)
def test_what_a_change_of_licences_did(before: str, after: str, taken: bool | None) -> None:
    text = f'{{"Name":"AssignedLicense","NewValue":"{after}","OldValue":"{before}"}}'
    assert auditing_taken(text) is taken


@pytest.mark.parametrize(("old", "new", "taken"), [("0", "3", True), ("3", "0", False), ("0", "0", None)])
def test_a_plan_is_known_by_its_id_and_its_state(old: str, new: str, taken: bool | None) -> None:
    plan = '{{\\"CapabilityStatus\\":{},\\"ServicePlanId\\":\\"2f442157-a11c-46b9-ae5b-6e39ff4e5849\\"}}'
    text = f'{{"Name":"AssignedPlan","OldValue":[{plan.format(old)}],"NewValue":[{plan.format(new)}]}}'
    assert auditing_taken(text) is taken


def test_a_change_of_licences_that_says_nothing_is_told_as_unclear(tmp_path: Path) -> None:
    bare = {**act("2021-03-02 00:00:00", "Change user license.", ANNA), "RecordType": 8}
    ledger, found = told(tmp_path, [bare])
    assert found.known == ()
    assert len(found.unclear) == 1
    assert dark(ledger, "ual") == []


def test_more_mailboxes_than_have_lines_lower_the_whole_log() -> None:
    line = Line.missing(0, 10)
    line.states[:] = HELD
    ledger = Ledger({("M365", "ual"): line}, 0, 10)
    one = Silence("M365", "ual", "", False, "AuditEnabled", 3 * 3_600_000_000, None, "off", None)  # type: ignore[arg-type]
    many = [Silence(one.host, one.source, f"p{place}", False, one.switch, one.from_us, None, "off", one.ground)
            for place in range(APART_MAX + 1)]  # fmt: skip
    silence(ledger, many, lambda text: text)
    assert list(ledger.lines) == [("M365", "ual")]
    assert line.states.tolist() == [HELD] * 3 + [OFF] * 7


def _managed(cmdlet: str, parameters: str, number: int, at: str) -> dict[str, object]:
    texts = [cmdlet, parameters, "GOV/Admins/adm"]
    data = "".join(f"<Data>{one}</Data>" for one in texts)
    provider = "MSExchange CmdletLogs"
    return {"number": number, "event": 1, "at": at, "provider": provider,
            "user_data": f"<EventData>{data}</EventData>"}  # fmt: skip


def test_on_premises_the_tenant_is_not_touched(tmp_path: Path) -> None:
    events = [
        _managed("Set-Mailbox", '-Identity "anna" -AuditEnabled "False"', 1, "2021-03-02 01:00:00"),
        _managed("Set-MailboxAuditBypassAssociation", '-Identity "anna" -AuditBypassEnabled "True"', 2,
                 "2021-03-02 02:00:00"),
        _managed("Set-AdminAuditLogConfig", '-AdminAuditLogEnabled "False"', 3, "2021-03-02 03:00:00"),
        _managed("Set-AdminAuditLogConfig", '-AdminAuditLogAgeLimit "0"', 4, "2021-03-02 03:00:00"),
    ]  # fmt: skip
    log = security_log(events, channel="MSExchange Management")
    staged = stage(tmp_path, {"EX01/winevt/Management.xml": log})
    found = silences_of(staged.archive, learn(staged.archive).label).known
    assert [(one.host, one.part, one.switch) for one in found] == [
        ("", "mailbox_audit/anna", "AuditEnabled"),
        ("", "mailbox_audit/by anna", "AuditBypassEnabled"),
        ("", "admin_audit", "AdminAuditLogAgeLimit"),
        ("", "admin_audit", "AdminAuditLogEnabled"),
    ]


def _configured(number: int, at: str, place: str, new: str, old: str = "") -> dict[str, object]:
    return {"number": number, "event": 29, "at": at, "provider": "Microsoft-Windows-IIS-Configuration",
            "Configuration": place, "NewValue": new, "OldValue": old}  # fmt: skip


SITE = "/system.applicationHost/sites/site[name=x]/logFile"


@pytest.mark.parametrize(
    ("place", "off", "on", "state"),
    [
        ("/system.webServer/httpLogging/@dontLog", "true", "false", OFF),
        (f"{SITE}/@enabled", "false", "true", OFF),
        (f"{SITE}/@logTargetW3C", "ETW", "File,ETW", OFF),
        # where the log went it may have been copied from: hours of which records are held stay
        (f"{SITE}/@directory", "D:\\x", "D:\\x", HELD),
        ("/system.webServer/httpErrors/@enabled", "false", "true", HELD),
    ],
)
def test_the_log_of_iis_that_was_switched_off(tmp_path: Path, place: str, off: str, on: str, state: int) -> None:
    rows = iis_log({"at": f"2021-03-01 {hour:02}:30:00"} for hour in range(24) if hour != 12)
    events = [
        _configured(1, "2021-03-01 10:15:00", place, off, "C:\\y"),
        _configured(2, "2021-03-01 14:15:00", place, on, "D:\\x"),
    ]
    files = {
        iis_place("EX01", "210301"): rows,
        "EX01/winevt/Iis.xml": security_log(events, channel=IIS_CHANNEL),
    }
    staged = stage(tmp_path, files)
    ledger = staged.ledger()
    silence(ledger, silences_of(staged.archive, lambda text: text).known, lambda text: text)
    line = ledger.lines["EX01", "iis"]
    start = 10 - (line.start - ledger.first_hour)
    states = line.states.tolist()[start : start + 5]
    quiet = OFF if state == OFF or "@directory" in place else EMPTY
    assert states == [state, state, quiet, state, state]
    assert OFF not in states[:0] + line.states.tolist()[:start] + line.states.tolist()[start + 5 :]


def test_a_log_that_was_deleted_is_altered_where_no_records_of_it_are_held() -> None:
    path = "C:\\inetpub\\logs\\LogFiles\\W3SVC1\\u_ex210301.log"
    window = named_hours(path)
    assert window is not None
    line = Line.missing(window[0] - 2, window[1] + 2)
    line.states[5] = HELD
    trace = Trace(
        "r", "t", "AF-04", (), (), None, 3, "evtx", "EX01", None, None, (f"TargetFilename={path}",), None, 1, None, None, ()  # type: ignore[arg-type]
    )  # fmt: skip
    deleted_logs(Ledger({("EX01", "iis"): line}, line.start, window[1] + 2), [trace])
    assert line.states.tolist() == [MISSING] * 2 + [ALTERED] * 3 + [HELD] + [ALTERED] * 20 + [MISSING] * 2
