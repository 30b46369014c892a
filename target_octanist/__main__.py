"""The command ``target-octanist``, which is ``python -m target_octanist``, too."""

from __future__ import annotations

from target_octanist.collector import spare_collector


def main() -> None:
    """Run the Singer target."""
    spare_collector()
    from target_octanist.target import TargetOctanist

    TargetOctanist.cli()


if __name__ == "__main__":
    main()
