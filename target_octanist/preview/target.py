"""The Singer target in front of a preview: reader, stream maps, checks and mapping are its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from target_octanist.preview.run import Preview
from target_octanist.target import TargetOctanist

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from target_octanist.leads.mapping import LeadMapping
    from target_octanist.sinks import LeadSink


class PreviewTarget(TargetOctanist):
    """Delivers nothing; `preview` tells what would have been."""

    def __init__(
        self, config: Mapping[str, Any], *, show: int, out: Path | None, diff: bool
    ) -> None:
        """Read the settings, and open what is needed.

        Args:
            config: The settings of the run, as they are.
            show: How many of the first records are to be shown.
            out: Where to write the payloads.
            diff: Whether to hold the records against the journal of the settings.

        Raises:
            ConfigValidationError: With one sentence for every mistake.
            OctanistError: The journal cannot be read, or `out` not be written.
        """
        super().__init__(config={**config, "dry_run": True})
        self.preview = Preview(
            self.settings,
            self._mapping_of,
            show=show,
            out=out,
            diff=diff,
            place=lambda: self.place,
        )
        self._run = self.preview

    def check(self) -> None:
        """Check nothing: the checks make requests."""

    def _mapping_of(self, stream: str) -> LeadMapping:
        return cast("LeadSink", self.get_sink(stream)).mapping
