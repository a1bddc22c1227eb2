"""Commands that a sentence names, for another workspace than the usual one."""

from shlex import quote

from steering.core.workspace import Workspace, default_workspace


def where_to(workspace: Workspace, text: str) -> str:
    """Return a line that says what the commands of a text need to reach this workspace; nothing if they reach it so."""
    if "steering " not in text or workspace.directory.absolute() == default_workspace().directory.absolute():
        return ""
    return f"This is not your usual workspace: add --workspace {quote(str(workspace.directory.absolute()))}\n"
