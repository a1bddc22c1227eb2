"""``steering globus``: log in to Globus, consent, look into collections, send files, find entries, answer flows."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from steering.commands.elsewhere import where_to
from steering.commands.ending import say
from steering.core.errors import SteeringError
from steering.core.workspace import Workspace, default_workspace
from steering.globus.errors import GlobusError, LoginError
from steering.globus.flow import Flows
from steering.globus.login import Login
from steering.globus.patience import Patience
from steering.globus.search import SearchIndex
from steering.globus.sending import Sending
from steering.globus.transfer import Files, Transfers, TransferStatus

# The exit code where a person has to log in or to consent.
LOGIN_NEEDED = 4


def globus(arguments: Sequence[str]) -> int:
    """Do one of them; return 0, or 4 where a person has to log in or to consent first."""
    options = _parser().parse_args(arguments)
    work: Callable[[Login, argparse.Namespace], None] = options.work
    try:
        work(Login(Workspace(options.workspace), Patience(told=_waiting)), options)
    except LoginError as error:
        sys.stderr.write(f"{error}\n{where_to(Workspace(options.workspace), str(error))}")
        return LOGIN_NEEDED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="steering globus",
        description="Globus: log in, send files, find entries, answer flows. "
        "Exit code 4: a person has to log in or to consent.",
    )
    parser.add_argument("--workspace", type=Path, default=default_workspace().directory, help="whose login")
    # Also where people write it: behind the command.
    whose = argparse.ArgumentParser(add_help=False)
    whose.add_argument("--workspace", type=Path, default=argparse.SUPPRESS, help="whose login")
    add = partial(parser.add_subparsers(required=True, metavar="COMMAND").add_parser, parents=[whose])
    login = add("login", help="log in, or consent to more")
    login.add_argument("--consent", action="append", default=[], metavar="SCOPE", help="as a message asked for it")
    login.set_defaults(work=_login)
    add("logout", help="take the tokens back and remove them").set_defaults(work=_logout)
    add("check", help="say who is logged in, and whether Globus answers").set_defaults(work=_check)
    listing = add("ls", help="list a folder of a collection")
    listing.add_argument("place", metavar="COLLECTION:PATH", help="the folder")
    listing.set_defaults(work=_ls)
    sending = add("send", help="send a file, or a folder, and verify it")
    sending.add_argument("source", metavar="COLLECTION:PATH", help="a path that ends with / is a folder")
    sending.add_argument("destination", metavar="COLLECTION:PATH", help="where it is to lie")
    sending.add_argument("--note", type=Path, required=True, help="a file by which it goes on after it was interrupted")
    sending.add_argument("--label", default="", help="what people read in Globus' list")
    sending.set_defaults(work=_send)
    finding = add("find", help="find entries of an index; prints JSON, one a line")
    finding.add_argument("index", metavar="INDEX", help="id of the index")
    finding.add_argument("words", nargs="*", help="that stand anywhere in an entry")
    finding.set_defaults(work=_find)
    answering = add("answer", help="list the questions of flows, or answer one")
    answering.add_argument("question", nargs="?", default="", metavar="ID", help="of the question, as the list has it")
    answering.add_argument("option", nargs="?", default="", help="one of the question's options")
    answering.set_defaults(work=_answer)
    return parser


def _login(login: Login, options: argparse.Namespace) -> None:
    attempt = login.begin(options.consent)
    if attempt is not None:
        say(f"Open this page, log in, and copy the code:\n{attempt.url}")
        sys.stdout.write("Code: ")
        sys.stdout.flush()
        code = sys.stdin.readline().strip()
        if not code:
            raise LoginError("No code came in. Run this in a terminal, and paste the code from the page.")
        attempt.finish(code)
    say(f"Logged in. The tokens are in {login.file}, which only you can read.")


def _logout(login: Login, options: argparse.Namespace) -> None:
    del options
    login.end()
    say("Logged out. The tokens are taken back and removed.")


def _check(login: Login, options: argparse.Namespace) -> None:
    del options
    kind = "The service account" if login.account.is_service else "A person with the application"
    Transfers(login).new_submission()
    say(f"{kind} {login.account.client} is logged in, and Globus answers.")


def _ls(login: Login, options: argparse.Namespace) -> None:
    collection, path = _place(options.place)
    for one in Transfers(login).list(collection, path):
        # A name may be anything, a line's end too.
        name = one.name if one.name.isprintable() else repr(one.name)
        say(f"{name}/" if one.folder else f"{name}  {one.size} bytes")


def _send(login: Login, options: argparse.Namespace) -> None:
    (source, path), (destination, target) = _place(options.source), _place(options.destination)
    files = (Files(path, target, folder=path.endswith("/")),)
    status = Sending(Transfers(login), options.note).send(
        source, destination, files, label=options.label, told=_progress
    )
    say(f"Done: {status.files_done} files are there, verified; {status.bytes} bytes were sent.")


def _find(login: Login, options: argparse.Namespace) -> None:
    for entry in SearchIndex(login, options.index).find(" ".join(options.words)).entries:
        say(json.dumps(asdict(entry)))


def _answer(login: Login, options: argparse.Namespace) -> None:
    flows = Flows(login)
    questions = flows.questions()
    if not options.question:
        for one in questions:
            say(f"{one.id}  {one.title} {one.text} [{' | '.join(one.options.values())}]")
        if not questions:
            say("No flow asks anything.")
        return
    asked = next((one for one in questions if one.id == options.question), None)
    if asked is None:
        raise GlobusError(f"No open question has the id {options.question:.60}. List them: steering globus answer")
    flows.answer(asked, options.option)
    say("Answered.")


def _progress(status: TransferStatus) -> None:
    rate = f"{status.rate / 1e6:.1f} MB/s"
    reason = f"; it waits: {status.reason}" if status.reason and not status.ended else ""
    say(f"{status.files_done} of {status.files} files, {status.bytes} bytes, {rate}, faults {status.faults}{reason}")


def _waiting(reason: str) -> None:
    sys.stderr.write(f"{reason}\n")


def _place(text: str) -> tuple[str, str]:
    collection, colon, path = text.partition(":")
    if not (colon and collection and path.startswith("/")):
        raise SteeringError(f"The place is {text!r:.200}. Allowed: COLLECTION:PATH, with a path that begins with /.")
    return collection, path
