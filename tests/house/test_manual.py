"""The manual says what the program does: no verb, exit code, grade or source is left out, and no page is stale."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from docs import generate, navigation

from dwell import errors
from dwell.model.claims import QUESTIONS, Grade
from dwell.model.coverage import CellState
from dwell.sources.registry import SOURCES

PROJECT = Path(__file__).resolve().parents[2]
DOCS = PROJECT / "docs"
FETCHES = {
    "script": ("src",),
    "link": ("href",),
    "img": ("src", "srcset"),
    "iframe": ("src",),
    "source": ("src", "srcset"),
    "object": ("data",),
    "form": ("action",),
    "video": ("src",),
    "audio": ("src",),
    "use": ("href", "xlink:href"),
}
"""Elements that make a browser fetch, and the attributes that say from where."""
OUTSIDE = re.compile(r"^\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
CSS_OUTSIDE = re.compile(r"(?:url\(|@import)\s*['\"]?\s*(?:https?:)?//", re.IGNORECASE)


class Fetches(HTMLParser):
    """Gather every address outside that a page would fetch from."""

    def __init__(self) -> None:
        super().__init__()
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of addresses in elements that fetch, and in inline styles."""
        for key, value in attrs:
            reads = key in FETCHES.get(tag, ()) and OUTSIDE.match(value or "")
            if reads or (key == "style" and CSS_OUTSIDE.search(value or "")):
                self.outside.append(f"<{tag} {key}={value!r}>")


def fetched_from_outside(text: str, suffix: str) -> list[str]:
    """Give what a page or style sheet would fetch from another machine."""
    found = CSS_OUTSIDE.findall(text)
    if suffix in {".html", ".svg", ".j2"}:
        parser = Fetches()
        parser.feed(text)
        found += parser.outside
    return found


def prose(folder: Path) -> str:
    """Give the text of every page below a folder."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.md")))


@pytest.mark.parametrize("name", sorted(generate.PAGES))
def test_reference_page_is_fresh(name: str) -> None:
    written = (generate.REFERENCE / name).read_text(encoding="utf-8")
    assert written == generate.PAGES[name](), "say: make docs"


def test_every_verb_is_in_the_manual_and_has_help() -> None:
    root = generate.root_command()
    assert root is not None, "dwell.cli.main holds no click group"
    text = (generate.REFERENCE / "commands.md").read_text(encoding="utf-8")
    found = list(generate.commands(root, "dwell"))
    assert found
    assert [words for words, _ in found if f"## {words}\n" not in text] == []
    assert [words for words, command in found if not (command.help or command.short_help)] == []


def test_every_option_has_help() -> None:
    root = generate.root_command()
    assert root is not None
    bare = [
        f"{words} {option.name}"
        for words, command in generate.commands(root, "dwell")
        for option in command.params
        if option.param_type_name == "option" and not getattr(option, "help", None)
    ]
    assert bare == []


def test_every_exit_code_is_in_the_manual() -> None:
    text = (generate.REFERENCE / "exit-codes.md").read_text(encoding="utf-8")
    codes = {fault.exit_code for fault in generate.faults(errors.DwellError)}
    codes |= {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    assert [code for code in sorted(codes) if f"\n| {code} |" not in text] == []


def test_every_fault_is_drawn_in_the_tree_of_errors() -> None:
    drawn = errors.__doc__ or ""
    for fault in generate.faults(errors.DwellError):
        assert re.search(rf"{fault.__name__}\s+{fault.exit_code}\s", drawn), fault


@pytest.mark.parametrize("grade", list(Grade))
def test_every_grade_is_explained(grade: Grade) -> None:
    assert f"`{grade.value}`" in (DOCS / "explanation" / "grades.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("state", list(CellState))
def test_every_coverage_state_is_explained(state: CellState) -> None:
    assert f"`{state.value}`" in (DOCS / "explanation" / "coverage.md").read_text(encoding="utf-8")


def test_every_question_is_in_the_readme() -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert [text for text in QUESTIONS.values() if text not in readme] == []


def test_every_source_is_in_the_manual() -> None:
    text = (generate.REFERENCE / "sources.md").read_text(encoding="utf-8")
    assert [one.key for one in SOURCES if f"Table `{one.key}`" not in text] == []


def test_every_verb_named_in_prose_exists() -> None:
    root = generate.root_command()
    assert root is not None
    verbs = {words.split()[1] for words, _ in generate.commands(root, "dwell")}
    named = set(re.findall(r"(?:^    |`)(?:\$ )?dwell ([a-z-]+)", prose(DOCS), re.MULTILINE))
    named |= set(
        re.findall(r"(?:^    |`)dwell ([a-z-]+)", (PROJECT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert named - verbs == set()


def test_decisions_are_numbered_without_gap() -> None:
    numbers = [int(path.name[:4]) for path in sorted((DOCS / "decisions").glob("[0-9]*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_page_is_in_the_table_of_contents() -> None:
    listed: list[str] = []
    for entry in navigation.navigation(DOCS):
        listed += [entry] if isinstance(entry, str) else [page for pages in _values(entry) for page in pages]
    assert sorted(listed) == sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


def _values(entry: object) -> list[list[str]]:
    assert isinstance(entry, dict)
    return list(entry.values())


def test_manual_builds_without_a_warning_and_fetches_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(tmp_path / "site")]
    run = subprocess.run(
        command,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )
    assert run.returncode == 0, run.stdout + run.stderr
    site = tmp_path / "site"
    assert (site / "index.html").is_file()
    outside = {
        path.relative_to(site).as_posix(): found
        for path in sorted(site.rglob("*"))
        if path.suffix in {".html", ".css", ".svg"}
        and (found := fetched_from_outside(path.read_text(encoding="utf-8"), path.suffix))
    }
    assert outside == {}


def test_templates_of_the_package_fetch_nothing() -> None:
    package = PROJECT / "src" / "dwell"
    outside = {
        path.relative_to(package).as_posix(): found
        for path in sorted(package.rglob("*"))
        if path.suffix in {".html", ".css", ".svg", ".j2", ".js"}
        and (found := fetched_from_outside(path.read_text(encoding="utf-8"), path.suffix))
    }
    assert outside == {}


@pytest.mark.parametrize(
    ("text", "suffix"),
    [
        ('<script src="https://a.example/x.js"></script>', ".html"),
        ('<link rel="stylesheet" href="//a.example/x.css">', ".html"),
        ('<p style="background: url(https://a.example/x.png)">', ".html"),
        ("@import 'https://a.example/x.css';", ".css"),
        ("@font-face { src: url(//a.example/x.woff2) }", ".css"),
    ],
)
def test_the_search_for_outside_addresses_finds_them(text: str, suffix: str) -> None:
    assert fetched_from_outside(text, suffix)
