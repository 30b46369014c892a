"""What the Singer target needs of whatever takes its records: a run, or a preview of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_octanist.errors import OctanistError
    from target_octanist.ledger.claims import Claim
    from target_octanist.ledger.settled import SettledRecords


class Intake(Protocol):
    """What the Singer target needs of a run; `Run` says what each thing means."""

    @property
    def salt(self) -> bytes: ...
    @property
    def accepted(self) -> int: ...
    @property
    def settled_through(self) -> int: ...
    @property
    def records(self) -> Mapping[str, int]: ...
    @property
    def failure(self) -> OctanistError | None: ...
    @property
    def settled(self) -> SettledRecords | None: ...

    def submit(
        self,
        claims: Sequence[Claim],
        record: Mapping[str, Any],
        notes: Sequence[str],
        while_waiting: Callable[[], None],
    ) -> bool: ...
    def pass_over(self, stream: str, sources: Sequence[str]) -> None: ...
    def pass_over_changes(self, stream: str, passed: Sequence[tuple[str, str, str]]) -> None: ...
    def breathe(self) -> None: ...
    def halt(self) -> None: ...
    def settle_all(
        self, while_waiting: Callable[[], None], interrupted: Callable[[], bool]
    ) -> None: ...
    def close(self, exit_code: int, cause: BaseException | None = None) -> None: ...
