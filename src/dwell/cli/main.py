"""The command line: finds the verb, runs it, and turns what it raises into a message and an exit code."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Mapping, Sequence

import click

from dwell import __version__
from dwell.cli.talk import Talk
from dwell.errors import EXIT_INTERRUPTED, DiskFullError, DwellError, is_disk_full

__all__ = ["VERBS", "cli", "main"]

VERBS: Mapping[str, tuple[str, str]] = {
    "demo": ("demo", "Make a synthetic ministry, investigate it, write the report."),
    "investigate": ("investigate", "Bring evidence in, hunt, answer the seven questions, write the report."),
    "ingest": ("ingest", "Bring evidence into a case."),
    "hunt": ("hunt", "Run rules and indicators over everything held."),
    "rules": ("rules", "List rules, or explain what they are taken to mean."),
    "answers": ("answers", "Answer the seven questions."),
    "entry": ("listings", "How they got in: per server and weakness or credential."),
    "foothold": ("listings", "What they left behind."),
    "mailboxes": ("listings", "Whose mail they read: every mailbox with its grade."),
    "reach": ("listings", "How far they got beyond mail."),
    "intrusions": ("listings", "The intrusions, and what holds each together."),
    "eviction": ("listings", "Are they out: every check."),
    "coverage": ("listings", "Hours held, empty, missing, cut, altered, per host and source."),
    "hypotheses": ("listings", "In which ways mail could have been read, and would it have been seen."),
    "departures": ("listings", "Accounts that went away, when, and whether they were used afterwards."),
    "leads": ("listings", "Accounts on networks with agents, ranked by surprise."),
    "power": ("power", "How likely each kind of intruder would have been found in this case."),
    "learned": ("listings", "What is taken for the organisation's own, and is not judged."),
    "mark": ("mark", "Say what is ours or theirs; the effect is shown before it is saved."),
    "marks": ("mark", "List the markings, who made them, when and why."),
    "settings": ("settings", "Own networks, services, working time, VIPs: show, set, take back."),
    "why": ("why", "Walk a claim back to the bytes of the evidence."),
    "search": ("search", "Look for rows in everything held."),
    "first-seen": ("first_seen", "Say when a value was first and last seen, and where."),
    "report": ("report", "Write the report."),
    "verify": ("verify", "Hash the evidence and everything made of it again."),
    "doctor": ("doctor", "Is everything here; is the disk large enough?"),
    "drill": ("drill", "Write an exercise, or score an investigation of one."),
    "sources": ("formats", "List the formats that are read, or tell all about one."),
    "identify": ("formats", "Say what files are, and why."),
    "peek": ("formats", "Show the first rows of files as they would be stored."),
    "schema": ("schema", "Print the JSON Schema of the summary."),
    "completion": ("completion", "Print the completion script of a shell."),
}
"""Verb, the module that holds it, and what it does in one line; in the order of the help."""


class _Verbs(click.Group):
    """Loads a verb's module when the verb is asked for, so that help comes at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"dwell.cli.{VERBS[cmd_name][0]}")
        found = module.COMMANDS[cmd_name]
        return found if isinstance(found, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Verbs"):
            formatter.write_dl([(name, text) for name, (_, text) in VERBS.items()])


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="dwell", message="%(prog)s %(version)s")
def cli() -> None:
    """Find the intruder who has been reading an organisation's mail, and show what each statement rests on.

    \b
    dwell demo                                 the first minute
    dwell investigate EVIDENCE -c case         everything in one go, resumable
    dwell answers -c case                      the seven answers
    dwell why entry-1 -c case                  back to the bytes

    Data go to standard output, talk to standard error. Nothing is sent anywhere.
    """


def _fault(fault: Exception) -> int:
    """Tell an internal fault; the trace only where it was asked for, since it may hold evidence text."""
    talk = Talk()
    talk.error(f"internal fault: {type(fault).__name__}: {fault}")
    if os.environ.get("DWELL_TRACE"):
        for line in traceback.format_exception(fault):
            for part in line.rstrip().split("\n"):
                talk.error(part)
    else:
        talk.error("set DWELL_TRACE=1 and run it again to see where; what was committed to the case is safe")
    return DwellError.exit_code


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and give its exit code (see `errors`)."""
    try:
        code = cli.main(list(argv) if argv is not None else None, prog_name="dwell", standalone_mode=False)
    except DwellError as fault:
        Talk().error(str(fault))
        return fault.exit_code
    except click.ClickException as fault:
        fault.show()
        return fault.exit_code
    except (KeyboardInterrupt, click.Abort):
        Talk().error("interrupted; what was committed is safe, and the same command goes on from there")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # whoever read our output has seen enough; nothing more can be said there
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as fault:  # noqa: BLE001 - the last place where a fault can be told
        if is_disk_full(fault):
            Talk().error(f"no room left on the disk: {fault}. Free some space and run the same command again")
            return DiskFullError.exit_code
        return _fault(fault)
    return code if isinstance(code, int) else 0
