"""``octanist sandbox``: runs the local stand-in for the API.

The command itself lives with the sandbox, which runs on its own, without the rest of the package.
"""

from __future__ import annotations

from target_octanist.sandbox.command import command

__all__ = ["command"]
