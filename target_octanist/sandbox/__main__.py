"""``python -m target_octanist.sandbox``."""

from __future__ import annotations

from target_octanist.sandbox.command import command

if __name__ == "__main__":
    command(prog_name="python -m target_octanist.sandbox")
