"""``python -m target_octanist`` is the ``target-octanist`` command."""

from __future__ import annotations

from target_octanist.target import TargetOctanist

if __name__ == "__main__":
    TargetOctanist.cli()
