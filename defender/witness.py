"""What is known of one call to Azure: whether it left us, and what came back."""

from __future__ import annotations

from dataclasses import dataclass, field

from defender.answers import failure, is_azure_answer
from defender.errors import AzureError, AzureUnavailable, OutcomeUnknown


@dataclass(frozen=True, slots=True)
class Answer:
    """A success: its body, and the headers with their names in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Witness:
    """Filled in by the pipeline's last policy; the SDK's own verdict is not needed."""

    is_sent: bool = False
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def failure(self, *, is_write: bool) -> AzureError | None:
        """What the answer means; None for success. A page that isn't Azure's is no success."""
        unsure = OutcomeUnknown if is_write else AzureUnavailable
        if self.status is None:
            return unsure("NoAnswer", "Azure gave no answer.")
        if not 200 <= self.status < 300:
            return failure(self.status, self.headers, self.body, is_write=is_write)
        if not is_azure_answer(self.body):
            text = "The answer was not Azure's."
            if is_write:
                return OutcomeUnknown("NotAzure", text, self.status)
            is_json = self.body.lstrip()[:1] in (b"{", b"[")
            return AzureUnavailable(
                "NotAzure", text, self.status, body=self.body if is_json else b""
            )
        return None

    def answer(self) -> Answer:
        """What came back, for a call that `failure` finds no fault with."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Answer(self.status or 0, headers, self.body)
