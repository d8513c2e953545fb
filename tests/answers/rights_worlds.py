"""Worlds in which an intruder may have taken mail of everybody, and one file or another is all that tells of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from tests.acceptance.whole import by_day
from tests.scope.office import FOREIGN, NETWORK, PEOPLE, START, Row, log_of, visits, work
from tests.scope.staged import bind, iis_place, ual_json
from tests.scope.test_scope_silences import act
from tests.scope.test_scope_takings import Ran, managed

__all__ = ["DAYS", "DOOR_DAY", "INTRUDER", "SPIED", "WORLDS", "directory", "files_of", "probes", "ran_at"]

DAYS = 40
SPIED = PEOPLE[:8]
"""Whose passwords the intruder has."""
INTRUDER = f"{NETWORK}.14"
DOOR_DAY = 5
"""Days from the start on which the intruder went through a door."""
ADMIN, BOT = "adm@gov.example", "HealthMailboxa1b2c3@gov.example"
TOOL = "Microsoft+WinRM+Client"
Files = dict[str, str]


def ran_at(day: int, hour: int, second: int = 0) -> str:
    return f"{START + timedelta(days=day, hours=hour, seconds=second):%Y-%m-%d %H:%M:%S}"


def probes(days: int = DAYS, **more: object) -> list[Row]:
    """Give the server's own probes of remote PowerShell, and of the login page through every hour of the day."""
    out = visits(BOT, "127.0.0.1", "AMProbe", range(days), hour=1, stem="/powershell", **more)
    for hour in range(24):
        out += visits(BOT, "127.0.0.1", "AMProbe", range(days), hour=hour, **more)
    return out


def at_door(person: str, client: str, days: Sequence[int], hour: int = 3) -> list[Row]:
    """Give somebody's remote PowerShell."""
    return visits(person, client, TOOL, days, hour=hour, stem="/powershell")


def quiet(days: Sequence[int] = range(0, 38, 4)) -> list[Row]:
    """Give the visits of an intruder with the passwords of eight people."""
    return [one for person in SPIED for one in visits(person, INTRUDER, FOREIGN, days, hour=3)]


def directory() -> str:
    rows = [f"{one},{one.partition('@')[0]}" for one in (*PEOPLE, ADMIN)]
    return "PrimarySmtpAddress,SamAccountName\r\n" + "".join(f"{one}\r\n" for one in rows)


def _caller(person: str) -> str:
    return f"gov.example/Users/{person.partition('@')[0]}"


def console(days: int = DAYS) -> list[Ran]:
    """Give what the administrator runs every day from inside."""
    told = f'-Identity "{PEOPLE[20]}" -ActiveSyncEnabled "True"'
    return [
        (ran_at(day, hour, 30), "Set-CASMailbox", told, _caller(ADMIN)) for day in range(days) for hour in (0, 10, 23)
    ]


def files_of(rows: Sequence[Row], ran: Sequence[Ran] = (), days: int = DAYS, *, cmdlets: bool = True) -> Files:
    """Give an office's logs: a web log a day, and the log of cmdlets in two files.

    Args:
        rows: requests of an intruder's, besides the office's own.
        ran: his cmdlets.
        days: how long the logs are.
        cmdlets: whether the log of cmdlets is held.
    """
    office = [*work(days=days), *probes(days), *at_door(ADMIN, "10.1.1.9", range(days), hour=10), *rows]
    logs = {
        iis_place("EX01", day[2:].replace("-", "")): log_of(map(dict, mine)) for day, mine in by_day(office).items()
    }
    told = sorted([*console(days), *ran])
    half = ran_at(days // 2, 0)
    parts = ([one for one in told if one[0] < half], [one for one in told if one[0] >= half])
    more = {f"EX01/events/management-{number}.xml": managed(part) for number, part in enumerate(parts, 1)}
    return {**logs, "directory/directory.csv": directory(), **(more if cmdlets else {})}


def _by(ran: tuple[str, str], who: str = SPIED[0]) -> Ran:
    return (ran_at(DOOR_DAY, 3, 60), *ran, _caller(who))


RULE = ("New-TransportRule", '-Name "." -BlindCopyTo "x@evil.example"')
ROLE = ("New-ManagementRoleAssignment", '-Role "ApplicationImpersonation" -User "p00"')


def _door() -> list[Row]:
    return at_door(SPIED[0], INTRUDER, [DOOR_DAY])


def rule() -> Files:
    """A rule of the whole house, set with a stolen account in remote PowerShell."""
    return files_of([*quiet(), *_door()], [_by(RULE)])


def rule_unlogged() -> Files:
    """The same, and the log of cmdlets is not held: that he was at the door is all there is."""
    return files_of([*quiet(), *_door()], cmdlets=False)


def rule_first() -> Files:
    """A rule that was set on the first day on which the intruder came at all, and he came back after two weeks."""
    return files_of([*quiet([0, *range(15, 38, 4)]), *at_door(SPIED[0], INTRUDER, [0])], [
        (ran_at(0, 3, 60), *RULE, _caller(SPIED[0]))])  # fmt: skip


def impersonation() -> Files:
    """A role that opens all mailboxes, given to a stolen account with it, and used in calls that name no mailbox."""
    calls = visits(SPIED[0], INTRUDER, FOREIGN, range(9, 30, 4), hour=3, stem="/EWS/Exchange.asmx")
    return files_of([*quiet(), *_door(), *calls], [_by(ROLE)])


def shell_day() -> Files:
    """A web shell that was used on one day, without the log of cmdlets; the intruder is there with passwords besides."""
    shell = visits("-", INTRUDER, "Mozilla/5.0", [20], hour=2, stem="/aspnet_client/supp0rt.aspx")
    return files_of([*quiet(), *shell], cmdlets=False)


def panel() -> Files:
    """The control panel, with a stolen account: no record of what was set there is held."""
    rows = visits(SPIED[1], INTRUDER, FOREIGN, [9], hour=3, stem="/ecp/DDI/DDIService.svc/SetObject")
    logs = files_of([*quiet(), *rows], cmdlets=False)
    return {name: text.replace("GET /ecp/", "POST /ecp/") for name, text in logs.items()}


def export() -> Files:
    """Mailboxes exported with a stolen account; the records name them."""
    told = [("New-MailboxExportRequest", f'-Mailbox "{one}" -FilePath "\\\\x\\c$\\{place}.pst"')
            for place, one in enumerate(PEOPLE[10:12])]  # fmt: skip
    return files_of([*quiet(), *_door()], [*(_by(one) for one in told), _by(RULE)])


def tenant() -> Files:
    """A tenant whose records, a file a day, tell of a rule of the whole house, and of a throttled mailbox on the first."""
    out: Files = {"directory/directory.csv": directory()}
    for day in range(DAYS):
        at = ran_at(day, 9)
        records = [bind(at, one, one, f"198.19.{place}.7", "Client=OWA;Mozilla/5.0 Chrome/73.0;")
                   for place, one in enumerate(PEOPLE)]  # fmt: skip
        if day == 0:
            records.append(bind(at, PEOPLE[20], PEOPLE[20], "198.19.20.7", "Client=OWA;x;", throttled=True))
        if day % 4 == 0:
            records += [bind(ran_at(day, 3), one, one, INTRUDER, "Client=OWA;Konqueror/3.5;") for one in SPIED]
        if day == DOOR_DAY:
            set_by = act(ran_at(day, 3, 60), "New-TransportRule", ".", BlindCopyTo="x@evil.example")
            records.append({**set_by, "UserId": SPIED[0]})
        out[f"m365/UAL-{day:02}.json"] = ual_json(records)
    return out


WORLDS: Mapping[str, Callable[[], Files]] = {
    one.__name__: one for one in (rule, rule_unlogged, rule_first, impersonation, shell_day, panel, export, tenant)
}
