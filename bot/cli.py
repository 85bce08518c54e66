"""`sekisho`: one command, its subcommands, and nothing imported that a subcommand does not need.

An auditor's machine runs `audit verify` without Azure's SDK or Bolt; `--help` costs no settings.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from bot import settings_process
from bot.console import WRONG, Console, language_of
from bot.locales import LANGUAGES

Command = Callable[[Console, argparse.Namespace], int]

#: What a shell reports for Ctrl-C.
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    console = Console(_language(words))
    arguments = _parser(console).parse_args(words)
    command: Command = arguments.command
    chosen = Console(arguments.language or console.language, arguments.config)
    try:
        return command(chosen, arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # `sekisho … | head`: the reader has enough. Python would complain at its end otherwise.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _language(words: Sequence[str]) -> str:
    """`--language` as it stands in the words, since the parser itself speaks it."""
    for index, word in enumerate(words):
        value = word.partition("=")[2] or (words[index + 1] if index + 1 < len(words) else "")
        if word.partition("=")[0] == "--language" and value in LANGUAGES:
            return value
    return language_of(os.environ)


# --- the commands: each imports what it needs when it runs ---------------------------------------


def _run(console: Console, _arguments: argparse.Namespace) -> int:
    # Nothing of what a start imports is ever garbage: looking for some costs it a tenth of a
    # second, and later each click that meets a full collection a good part of that.
    gc.disable()
    import mimetypes

    # aiohttp's server asks for the machine's MIME types, 50 ms of reading; we serve no files.
    mimetypes.init(())
    # Two cores: one reads the settings while the other imports what takes as long.
    reading = settings_process.Reading(console.config, console.environ, language=console.language)
    from bot.run import run

    settings = console.checked(reading.result())

    gc.freeze()
    gc.enable()
    return run(console, settings)


def _demo(console: Console, arguments: argparse.Namespace) -> int:
    from bot.demo import demo

    return demo(console, is_script=arguments.script, port=arguments.port)


def _check(console: Console, _arguments: argparse.Namespace) -> int:
    from bot.doctor import check

    return check(console)


def _manifest(console: Console, arguments: argparse.Namespace) -> int:
    from bot.manifest import manifest_json

    if arguments.mode == "http" and not arguments.url:
        console.complain("cli.help.url_missing")
        return WRONG
    console.write(manifest_json(arguments.mode, url=arguments.url, language=console.language))
    return 0


def _policy_check(console: Console, _arguments: argparse.Namespace) -> int:
    from bot.policy_live import check_command

    return check_command(console)


def _policy_try(console: Console, arguments: argparse.Namespace) -> int:
    from bot.policy_live import try_command

    return try_command(console, text=" ".join(arguments.text))


def _health(console: Console, _arguments: argparse.Namespace) -> int:
    from bot.health_check import health

    return health(console)


def _verify(console: Console, arguments: argparse.Namespace) -> int:
    # Neither imports nor a hundred thousand entries make cycles: looking for some takes a third
    # of the time.
    gc.disable()
    from bot.audit_cli import verify_command

    return verify_command(console, file=arguments.file)


def _export(console: Console, arguments: argparse.Namespace) -> int:
    from bot.audit_files import export_command

    return export_command(
        console,
        form=arguments.format,
        out=arguments.out,
        since=arguments.since,
        until=arguments.until,
        vm=arguments.vm or "",
        person=arguments.person,
    )


def _key(console: Console, arguments: argparse.Namespace) -> int:
    from bot.audit_files import key_command

    return key_command(console, create=arguments.create)


def _archive(console: Console, arguments: argparse.Namespace) -> int:
    from bot.audit_files import archive_command

    return archive_command(
        console,
        folder=arguments.out,
        through=arguments.through,
        administrator=arguments.administrator,
    )


def _resume(console: Console, arguments: argparse.Namespace) -> int:
    from bot.audit_cli import resume_command

    return resume_command(
        console,
        accept_loss_after=arguments.accept_loss_after,
        reason=arguments.because,
        administrators=arguments.administrator,
        folder=arguments.out,
    )


def _feeds_verify(console: Console, _arguments: argparse.Namespace) -> int:
    from bot.feeds_cli import verify_command

    return verify_command(console)


# --- the parser ----------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """argparse in the reader's language: its own words and its complaints."""

    def __init__(self, console: Console, **options: object) -> None:
        self.console = console
        super().__init__(add_help=False, allow_abbrev=False, **options)  # type: ignore[arg-type]
        self._positionals.title = console.text("cli.title.arguments")
        self._optionals.title = console.text("cli.title.options")
        say = console.text
        self.add_argument("-h", "--help", action="help", help=say("cli.help.help"))
        self.add_argument(
            "--config", type=Path, default=argparse.SUPPRESS, metavar="FILE",
            help=say("cli.help.config"),
        )  # fmt: skip
        self.add_argument(
            "--language",
            choices=LANGUAGES,
            default=argparse.SUPPRESS,
            help=say("cli.help.language"),
        )

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.console.complain("cli.wrong_command", message=message, program=self.prog)
        raise SystemExit(WRONG)


class _Tree:
    """Adds subcommands below one parser."""

    def __init__(self, console: Console, parser: argparse.ArgumentParser, *, dest: str) -> None:
        self._console = console
        self._branches = parser.add_subparsers(
            title=console.text("cli.title.commands"),
            dest=dest,
            required=True,
            metavar=console.text("cli.title.command"),
            parser_class=_Parser,
        )

    def add(self, name: str, key: str, command: Command | None = None) -> argparse.ArgumentParser:
        text = self._console.text(f"cli.help.{key}")
        parser: argparse.ArgumentParser = self._branches.add_parser(
            name, console=self._console, help=text, description=text
        )
        if command is not None:
            parser.set_defaults(command=command)
        return parser


def _parser(console: Console) -> argparse.ArgumentParser:
    parser = _Parser(console, prog="sekisho", description=console.text("cli.help.sekisho"))
    parser.set_defaults(config=None, language=None)
    tree = _Tree(console, parser, dest="name")
    tree.add("run", "run", _run)
    demo = tree.add("demo", "demo", _demo)
    demo.add_argument("--script", action="store_true", help=console.text("cli.help.script"))
    demo.add_argument("--port", type=int, default=0, help=console.text("cli.help.port"))
    tree.add("check", "check", _check)
    manifest = tree.add("manifest", "manifest", _manifest)
    manifest.add_argument(
        "--mode", choices=("socket", "http"), default="socket", help=console.text("cli.help.mode")
    )
    manifest.add_argument("--url", metavar="URL", help=console.text("cli.help.url"))
    tree.add("health", "health", _health)
    policy = _Tree(console, tree.add("policy", "policy"), dest="policy_name")
    policy.add("check", "policy_check", _policy_check)
    attempt = policy.add("try", "policy_try", _policy_try)
    attempt.add_argument(
        "text", nargs="+", metavar="TEXT", help=console.text("cli.help.policy_text")
    )
    feeds = _Tree(console, tree.add("feeds", "feeds"), dest="feeds_name")
    feeds.add("verify", "feeds_verify", _feeds_verify)
    _add_audit(console, _Tree(console, tree.add("audit", "audit"), dest="audit_name"))
    return parser


def _add_audit(console: Console, tree: _Tree) -> None:
    say = console.text
    verify = tree.add("verify", "audit_verify", _verify)
    verify.add_argument("--file", type=Path, metavar="FILE", help=say("cli.help.verify_file"))
    export = tree.add("export", "audit_export", _export)
    export.add_argument(
        "--format", choices=("jsonl", "csv"), required=True, help=say("cli.help.format")
    )
    export.add_argument("--out", type=Path, required=True, help=say("cli.help.export_out"))
    export.add_argument("--since", metavar="TIME", help=say("cli.help.since"))
    export.add_argument("--until", metavar="TIME", help=say("cli.help.until"))
    export.add_argument("--vm", metavar="VM", help=say("cli.help.vm"))
    export.add_argument("--person", metavar="U…", help=say("cli.help.person"))
    key = tree.add("key", "audit_key", _key)
    key.add_argument("--create", action="store_true", help=say("cli.help.create"))
    archive = tree.add("archive", "audit_archive", _archive)
    archive.add_argument("--out", type=Path, required=True, help=say("cli.help.archive_out"))
    archive.add_argument("--through", type=int, metavar="N", help=say("cli.help.through"))
    archive.add_argument(
        "--administrator", required=True, metavar="U…", help=say("cli.help.administrator")
    )
    _add_resume(console, tree)


def _add_resume(console: Console, tree: _Tree) -> None:
    say = console.text
    resume = tree.add("resume", "audit_resume", _resume)
    resume.add_argument(
        "--accept-loss-after", type=int, required=True, metavar="N", help=say("cli.help.accept")
    )
    resume.add_argument("--because", required=True, metavar="TEXT", help=say("cli.help.because"))
    resume.add_argument(
        "--administrator", action="append", required=True, metavar="U…",
        help=say("cli.help.administrators"),
    )  # fmt: skip
    resume.add_argument("--out", type=Path, default=Path(), help=say("cli.help.removed_out"))


if __name__ == "__main__":
    raise SystemExit(main())
