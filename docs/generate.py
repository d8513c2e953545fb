"""Write the reference pages of the manual from the code they describe.

`python docs/generate.py` writes them; `--check` writes nothing and fails where a page is not what the code says.
"""

from __future__ import annotations

import argparse
import ast
import enum
import importlib
import importlib.util
import inspect
import json
import re
import sys
import textwrap
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import yaml

from dwell import errors
from dwell.hunt.checks.catalogue import catalogue
from dwell.hunt.checks.registry import CHECKS
from dwell.hunt.sigma.load import load
from dwell.model import claims, coverage, hypotheses, markings, provenance, settings
from dwell.sources.pages import HEADINGS, page_of

__all__ = ["PAGES", "main", "pages"]

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"

CONSTANTS: Mapping[str, str] = {
    "EXIT_SOME_UNREADABLE": "Done; some evidence was unreadable, and is counted and listed.",
    "EXIT_FINDINGS": "Findings are present; only where `--fail-on` asks for it.",
    "EXIT_INTERRUPTED": "Interrupted. What was committed is safe; the same command resumes.",
}
ENUMS: tuple[tuple[str, type[enum.StrEnum]], ...] = (
    ("Exposure of a mailbox", claims.Grade),
    ("How firmly a claim stands", claims.ClaimGrade),
    ("Coverage of a cell", coverage.CellState),
    ("Outcome of an entry", claims.Outcome),
    ("State of a foothold", claims.FootholdState),
    ("Reach beyond mail", claims.ReachVerdict),
    ("Eviction checks", claims.CheckStatus),
    ("Ways in which mail could have been read", hypotheses.HypothesisVerdict),
    ("What a person says of a thing", markings.MarkingVerdict),
    ("What can be marked", markings.MarkingKind),
    ("What can be set for a case", settings.SettingKind),
    ("What became of a rule", claims.RuleStatus),
    ("Anomalies", provenance.AnomalyKind),
    ("Facts about a file", provenance.FactKind),
)


# Text ---------------------------------------------------------------------------------------------


def one_line(text: str) -> str:
    """Give text on one line, fit for a table cell."""
    flat = re.sub(r"\s+", " ", text).strip().replace("|", "\\|")
    return flat if flat.startswith("`") else flat.replace("<", "&lt;")


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Give a Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(one_line(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def page(title: str, lead: str, *parts: str) -> str:
    """Give a whole page."""
    body = "\n".join(part.strip("\n") + "\n" for part in parts if part.strip())
    note = "<!-- Written by docs/generate.py from the code. Change the code, then say: make docs -->"
    return f"# {title}\n\n{note}\n\n{lead}\n\n{body}".rstrip() + "\n"


def first_sentence(thing: object) -> str:
    """Give the first line of a docstring."""
    doc = inspect.getdoc(thing) or ""
    return doc.split("\n\n", 1)[0].replace("\n", " ").strip()


def find_module(name: str) -> ModuleType | None:
    """Import a module, or give None where it is not there; a fault inside it is not hidden."""
    try:
        found = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return None
    return importlib.import_module(name) if found else None


# Commands -----------------------------------------------------------------------------------------


def root_command() -> click.Group | None:
    """Give the program's command tree: the click group of `dwell.cli.main` with the most commands."""
    module = find_module("dwell.cli.main")
    groups = [value for value in vars(module).values() if isinstance(value, click.Group)] if module else []
    return max(groups, key=lambda group: len(group.list_commands(click.Context(group))), default=None)


def commands(group: click.Group, prefix: str) -> Iterator[tuple[str, click.Command]]:
    """Yield every verb with the words that call it, in order of name."""
    context = click.Context(group)
    for name in sorted(group.list_commands(context)):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        yield f"{prefix} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")


def is_set(value: object) -> bool:
    """Say whether a default is worth showing; click marks "no default" with a sentinel of its own."""
    return not (value is None or value is False or value == () or callable(value) or "sentinel" in repr(value).lower())


def option_row(option: click.Option) -> tuple[str, ...]:
    """Give flags, value, default and help of an option."""
    flags = ", ".join(f"`{flag}`" for flag in (*option.opts, *option.secondary_opts))
    kind = option.type
    if option.is_flag or option.count:
        value = ""
    elif isinstance(kind, click.Choice):
        value = " ".join(f"`{getattr(choice, 'value', choice)}`" for choice in kind.choices)
    else:
        value = (option.metavar or kind.name).upper()
    default = f"`{option.default}`" if value and is_set(option.default) else ""
    return flags, value, default, option.help or ""


def options_table(command: click.Command) -> str:
    """Give the options of a command, or nothing where it has none."""
    rows = [option_row(one) for one in command.params if isinstance(one, click.Option) and not one.hidden]
    return table(("Option", "Value", "Default", "What it does"), rows) if rows else ""


def command_section(words: str, command: click.Command) -> str:
    """Give the section of one verb."""
    arguments = [one.make_metavar(click.Context(command)) for one in command.params if isinstance(one, click.Argument)]
    usage = "    " + " ".join([words, "[OPTIONS]", *arguments])
    text = inspect.cleandoc(command.help or command.short_help or "").replace("\b\n", "")
    return "\n\n".join(part for part in (f"## {words}", text, usage, options_table(command)) if part.strip())


def commands_page() -> str:
    """Every verb with its options."""
    root = root_command()
    lead = (
        "What goes to standard output is data; talk and progress go to standard error. "
        "What each verb ends with is listed under [exit codes](exit-codes.md)."
    )
    if root is None:
        return page("Commands", lead, "This version has no command line.")
    found = list(commands(root, "dwell"))
    overview = table(
        ("Verb", "What it does"),
        [(f"`{words}`", command.get_short_help_str(limit=200)) for words, command in found],
    )
    shared = options_table(root)
    parts = [overview, f"## Options of every verb\n\n{shared}" if shared else ""]
    return page("Commands", lead, *parts, *(command_section(words, command) for words, command in found))


# Exit codes ---------------------------------------------------------------------------------------


def faults(base: type[errors.DwellError]) -> Iterator[type[errors.DwellError]]:
    """Yield a fault and all faults under it that `errors.py` itself draws."""
    yield base
    for child in base.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from faults(child)


def exit_codes_page() -> str:
    """Every exit code and the fault behind it."""
    rows = [(0, "", "Done."), (errors.DwellError.exit_code, "`internal`", "An internal fault.")]
    rows += [
        (fault.exit_code, f"`{fault.code}`", first_sentence(fault))
        for fault in faults(errors.DwellError)
        if fault is not errors.DwellError
    ]
    named = {name: value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    rows += [(value, "", CONSTANTS[name]) for name, value in named.items()]
    lines = [(str(code), name, text) for code, name, text in sorted(rows, key=lambda row: row[:2])]
    return page(
        "Exit codes",
        "A script can tell from the exit code what became of a run. Faults carry a name, say what is wrong and where, "
        "and what to do about it. A fault of the evidence is never a fault of the run: it is an anomaly, counted "
        "and shown.",
        table(("Code", "Fault", "Meaning"), lines),
    )


# Sources ------------------------------------------------------------------------------------------


def source_section(source: Any) -> str:  # noqa: ANN401 - the interface of a source is not imported, it may be absent
    """Give the section of one source."""
    told = page_of(source)
    parts = {"": told.about} | told.sections
    lexicon = set(source.lexicon)
    fields = [(f"`{one.name}`", f"`{one.type}`", "yes" if one.name in lexicon else "") for one in source.schema]
    facts = [
        f"Table `{source.key}`. Record number: {source.unit}.",
        "Rows are events in time."
        if source.is_log
        else "Rows are states, not events: hours without rows mean nothing.",
    ]
    text = [f"## {source.title}", " ".join(facts), parts.pop("")]
    text += [f"**{head}.** {parts[head]}" for head in HEADINGS if head in parts]
    text += [f"**Instants.** {told.instants[0].upper()}{told.instants[1:]}."] if told.instants else []
    text += ["Fields:", table(("Field", "Type", "Lexicon"), fields)]
    return "\n\n".join(text)


def sources_page() -> str:
    """Every source in the order in which it is asked, with its fields."""
    registry = find_module("dwell.sources.registry")
    found = list(registry.SOURCES) if registry else []
    lead = (
        "A file is offered to every source, and the surest one reads it; ties go to the one listed first. Columns keep "
        "the vendor's own names. *Trust* says which fields an outsider can write; *Silence* says what it means that "
        "there is no record. A field marked under *Lexicon* has its distinct values kept for each data file."
    )
    overview = table(("Source", "Table"), [(one.title, f"`{one.key}`") for one in found])
    return page("Sources", lead, overview, *(source_section(one) for one in found))


# Words --------------------------------------------------------------------------------------------


def member_docs(kind: type[enum.StrEnum]) -> dict[str, str]:
    """Give the text written under each member of an enum, by member name."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    found: dict[str, str] = {}
    last = ""
    for node in body.body if isinstance(body, ast.ClassDef) else []:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            last = node.targets[0].id
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and last:
            found[last] = str(node.value.value)
            last = ""
        else:
            last = ""
    return found


def words_page() -> str:
    """Every grade, state and kind that a result can carry."""
    questions = table(("Key", "Question"), [(f"`{key.value}`", text) for key, text in claims.QUESTIONS.items()])
    parts = [f"## The seven questions\n\n{questions}"]
    for title, kind in ENUMS:
        docs = member_docs(kind)
        rows = [(f"`{member.value}`", docs.get(member.name, "")) for member in kind]
        if any(text for _, text in rows):
            listing = table(("Word", "Meaning"), rows)
        else:
            listing = " · ".join(word for word, _ in rows)
        parts.append(f"## {title}\n\n{first_sentence(kind)}\n\n{listing}")
    lead = (
        "Words with a fixed meaning, as they stand in results. "
        "What the grades of exposure mean is told under [grades](../explanation/grades.md)."
    )
    return page("Words", lead, *parts)


# Summary ------------------------------------------------------------------------------------------


def resolve(schema: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a local `$ref`."""
    while "$ref" in node:
        found: Any = schema
        for step in str(node["$ref"]).removeprefix("#/").split("/"):
            found = found[step]
        node = found
    return node


def type_words(schema: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    """Say a JSON type in a few words."""
    node = resolve(schema, node)
    if "const" in node:
        return f"`{node['const']}`"
    if "enum" in node:
        return " ".join("null" if one is None else f"`{one}`" for one in node["enum"])
    for key in ("anyOf", "oneOf"):
        if key in node:
            return " or ".join(type_words(schema, one) for one in node[key])
    kind = node.get("type", "any")
    kinds = [kind] if isinstance(kind, str) else list(kind)
    if "array" in kinds:
        inner = f"list of {type_words(schema, node.get('items', {}))}"
        kinds[kinds.index("array")] = inner
    return " or ".join(kinds)


def schema_rows(schema: Mapping[str, Any], node: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, ...]]:
    """Yield every field of the contract with its type and meaning, depth first."""
    node = resolve(schema, node)
    required = set(node.get("required", ()))
    for name, child in node.get("properties", {}).items():
        path = f"{prefix}{name}"
        inner = resolve(schema, child)
        yield (
            f"`{path}`",
            type_words(schema, child),
            "" if name in required else "may be absent",
            inner.get("description", ""),
        )
        if "properties" in inner:
            yield from schema_rows(schema, inner, f"{path}.")
        items = resolve(schema, inner.get("items", {}))
        if "properties" in items:
            yield from schema_rows(schema, items, f"{path}[].")


def summary_page() -> str:
    """Every field of the JSON summary."""
    path = ROOT / "src" / "dwell" / "report" / "summary.schema.json"
    lead = (
        "`dwell answers -c CASE -t json` gives one object, the same every time for the same case. It is a published "
        "contract: fields may be added, never renamed. Times are ISO 8601 in UTC with `Z`. "
        "What is unknown is null, never 0 or an empty text."
    )
    if not path.is_file():
        return page("JSON summary", lead, "This version has no schema.")
    schema = json.loads(path.read_text(encoding="utf-8"))
    rows = list(schema_rows(schema, schema, ""))
    return page("JSON summary", lead, table(("Field", "Type", "Presence", "Meaning"), rows))


# Rules --------------------------------------------------------------------------------------------


def rule_rows(folder: Path) -> Iterator[tuple[str, ...]]:
    """Yield title, file, level, author and ATT&CK tags of every Sigma rule in a folder."""
    for path in sorted([*folder.rglob("*.yml"), *folder.rglob("*.yaml")]):
        for rule in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            if not isinstance(rule, dict) or not ({"detection", "correlation"} & rule.keys()):
                continue
            tags = " ".join(str(tag).removeprefix("attack.") for tag in rule.get("tags") or ())
            title, level, author = (str(rule.get(key, "")) for key in ("title", "level", "author"))
            yield title, f"`{path.relative_to(folder).as_posix()}`", level, author, tags


def rules_page() -> str:
    """Every rule of the pack."""
    rows = list(rule_rows(ROOT / "src" / "dwell" / "rules"))
    lead = (
        f"The rule pack holds {len(rows)} rules. Rules of others are read from a folder you name, and keep their "
        "authors and their licence on every hit."
    )
    return page("Rules", lead, table(("Title", "File", "Level", "Author", "Tags"), rows) if rows else "")


def checks_page() -> str:
    """Every check of files and settings."""
    parts = []
    for one in CHECKS:
        text = [f"## {one.title}", f"`{one.id}` · {one.level} · {' '.join(one.tags)} · {', '.join(one.catalogue)}"]
        text += [one.description, f"**Looks at.** `{one.table}`: `{one.switch_on}`"]
        text += [f"**Also looks so.** {'; '.join(one.falsepositives)}."]
        text += [f"**Beside it.** {one.beside[:1].upper()}{one.beside[1:]}."] if one.beside else []
        parts.append("\n\n".join(text))
    lead = (
        "What no rule on one record can answer is asked of states: lists of files, configurations. Checks run in every "
        "`dwell hunt`. Each ends as a rule does, in *ran*, *partly blind* or *blind*; what they meet stands among the hits "
        "(`kind` is `check`) and under the question of what was left behind. They start no intrusion: a state has no "
        "author. Checks of what stands after the last act are told under the question whether they are out "
        "([eviction](../explanation/eviction.md))."
    )
    return page("Checks", lead, *parts)


def catalogue_page() -> str:
    """Every entry of the detection catalogue with what looks for it."""
    found = catalogue(load().infos.values())
    rows = []
    for one in found:
        by = [f"`{name.removesuffix('.yml')}`" for name in one.rules]
        by += [f"check `{name}`" for name in one.checks]
        by += [f"`{name}`: {does}" for name, does in one.parts.items()]
        lacks = f"Not looked for: {one.lacks}." if one.lacks else ""
        rows.append((one.key, one.title, "<br>".join([*by, lacks] if lacks else by)))
    alone = sum(not (one.rules or one.checks or one.parts) for one in found)
    lead = (
        f"{len(found)} kinds of trace that intruders in mail servers are known to leave, and what of dwell looks for each: "
        "[rules](rules.md), [checks](checks.md), and parts of the answers by their module. "
        f"For {alone} nothing looks; the reason is given, as it is for what is missing of the others."
    )
    lines = ["| Entry | What | What looks for it |", "|---|---|---|"]
    lines += ["| " + " | ".join(re.sub(r"\s+", " ", cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return page("What is looked for", lead, "\n".join(lines))


# Licences -----------------------------------------------------------------------------------------


def locked(path: Path) -> list[tuple[str, str, str]]:
    """Give name, version and condition of every package in a lock, in order."""
    lines = re.findall(r"^([a-z0-9.-]+)==(\S+)(?: ; (.*?))? *\\?$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return [(name, version, marker) for name, version, marker in lines]


def licences_page() -> str:
    """Every package the program runs with, and its licence."""
    known = tomllib.loads((ROOT / "requirements" / "licences.toml").read_text(encoding="utf-8"))
    rows = [
        (name, version, known.get(name, ""), f"`{marker}`" if marker else "")
        for name, version, marker in locked(ROOT / "requirements" / "run.txt")
    ]
    lead = (
        "The packages that the program runs with, unmodified and separately installed. Those under the LGPL can be "
        "replaced by the user. None is under GPL or AGPL. Wheels may bundle run-time libraries of a compiler under "
        "that compiler's run-time exception; each wheel carries its own full notice."
    )
    return page("Licences", lead, table(("Package", "Version", "Licence", "Only where"), rows))


# All ----------------------------------------------------------------------------------------------

PAGES: Mapping[str, Callable[[], str]] = {
    "catalogue.md": catalogue_page,
    "checks.md": checks_page,
    "commands.md": commands_page,
    "exit-codes.md": exit_codes_page,
    "licences.md": licences_page,
    "rules.md": rules_page,
    "sources.md": sources_page,
    "summary.md": summary_page,
    "words.md": words_page,
}


def pages() -> dict[str, str]:
    """Give the text of every generated page, by file name."""
    return {name: make() for name, make in PAGES.items()}


def main() -> int:
    """Write the pages, or with `--check` say which are stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a page is stale")
    arguments = parser.parse_args()
    stale = []
    for name, text in pages().items():
        path = REFERENCE / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not arguments.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"docs/reference/{name} {'is stale; say: make docs' if arguments.check else 'written'}", file=sys.stderr)
    return 1 if arguments.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
