"""The command line's own frame in the user's language: help pages, and what is wrong with what was typed.

Typer writes both in English. Its help pages are built with a formatter of ours, and its errors are said in our words.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from typer._click import Command, Context, HelpFormatter  # typer has no public way to its words
from typer._click.exceptions import (
    BadOptionUsage,
    BadParameter,
    ClickException,
    MissingParameter,
    NoArgsIsHelpError,
    NoSuchOption,
    UsageError,
)

from hub.cli.language import did_you_mean, say

_NO_SUCH_COMMAND: Final = re.compile(r"No such command (['\"])(.*?)\1")
_EXTRA: Final = re.compile(r"Got unexpected extra argument\(s\) \((.*)\)", re.DOTALL)
# Typer's headings and its labels for kinds of values, with our texts.
_HEADINGS: Final = {"Arguments": "page.arguments", "Commands": "page.commands", "Options": "page.options"}
_LABELS: Final = {
    "<float range>": "page.number",
    "<int range>": "page.whole-number",
    "<list[str]>": "page.text",
    "<path>": "page.path",
    "<str>": "page.text",
}
_NOTE: Final = re.compile(r"\[([^\[\]]*)\]\Z")  # `[default: 50; 1<=x<=100000]` at the end of an option's text


class _Page(HelpFormatter):
    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, say("page.usage") if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        super().write_heading(say(_HEADINGS[heading]))

    def write_dl(self, rows: Sequence[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        super().write_dl([(_label(first), _note(second)) for first, second in rows], col_max, col_spacing)


class _OurContext(Context):
    formatter_class = _Page


def speak(command: Command) -> Command:
    """The command, and all commands below it, with help pages in the user's language."""
    command.context_class = _OurContext
    command.options_metavar = say("page.options-args")
    if hasattr(command, "subcommand_metavar"):
        command.subcommand_metavar = say("page.command-args")
    for each in getattr(command, "commands", {}).values():
        speak(each)
    return command


def wrong(error: ClickException) -> str:
    """What is wrong with what was typed, and where help is; or the help itself if only a command's name was typed."""
    if isinstance(error, NoArgsIsHelpError):
        return error.format_message().rstrip("\n")
    context = error.ctx if isinstance(error, UsageError) else None
    lines = [] if context is None else [*context.get_usage().splitlines(), _help(context), ""]
    return "\n".join([*lines, say("syntax.error", says=_says(error, context))])


def _help(context: Context) -> str:
    return say("syntax.help", command=f"{context.command_path} --help")


def _says(error: ClickException, context: Context | None) -> str:
    match error:
        case NoSuchOption():
            return say("syntax.unknown-option", name=error.option_name, hint=_near(error.possibilities or ()))
        case BadOptionUsage():
            needs_one = "requires" in error.message
            return say("syntax.no-value" if needs_one else "syntax.value", name=error.option_name)
        case MissingParameter() if error.param is not None:
            is_option = error.param.param_type_name == "option"
            what = say("page.option" if is_option else "page.argument").capitalize()
            return say("syntax.missing", what=what, name=_name(error.param))
        case BadParameter() if error.param is not None:
            return _bad(error.param)
    if found := _NO_SUCH_COMMAND.match(error.message):
        known: Iterable[str] = getattr(context.command, "commands", ()) if context is not None else ()
        return say("syntax.unknown-command", name=found[2], hint=did_you_mean(found[2], known))
    if found := _EXTRA.match(error.message):
        return say("syntax.extra", words=found[1])
    return say("syntax.no-command" if error.message == "Missing command." else "syntax.other")


def _bad(param: Any) -> str:
    name, kind = _name(param), param.type_descriptor
    if kind.choices is not None:
        return say("syntax.choice", name=name, choices=", ".join(each.value for each in kind.choices))
    if kind.is_ranged:
        whole = kind.annotation is int
        bounds = "–".join("" if each is None else f"{each:g}" for each in (param.min, param.max))
        return say("syntax.whole-number" if whole else "syntax.number", name=name, range=bounds)
    return say("syntax.wrong", name=name)


def _name(param: Any) -> str:
    """`--limit`, or an argument's word as the help page has it."""
    return str(param.opts[-1] if param.param_type_name == "option" else param.metavar or param.name)


def _near(names: Sequence[str]) -> str:
    return say("hint.did-you-mean", name=names[0]) if names else ""


def _label(text: str) -> str:
    for label, key in _LABELS.items():
        text = text.replace(label, say(key))
    return text


def _note(text: str) -> str:
    if text == "Show this message and exit.":
        return say("page.help")
    return _NOTE.sub(lambda found: "[" + "; ".join(map(_part, found[1].split("; "))) + "]", text)


def _part(note: str) -> str:
    name, _, value = note.partition(": ")
    if name == "default":
        return say("page.default", value=value.removeprefix("(").removesuffix(")"))
    return say("page.required") if note == "required" else note
