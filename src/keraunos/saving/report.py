"""What became of each weight when a file was loaded, and the error when not all is well."""

from __future__ import annotations

from dataclasses import dataclass, field

from keraunos import errors

_NAMES_SHOWN = 3


@dataclass
class LoadReport:
    """What `load_weights` did.

    Attributes:
        loaded: paths of the variables that now hold the file's values.
        missing: paths of variables that the file has nothing for.
        unexpected: groups of the file that nothing in the model matches.
        mismatched: variables whose shape in the file is another, with both shapes.
        optimizer: `"restored"`, `"not in the file"`, or why it was left as it is; None without one.

    Example:
        >>> LoadReport(loaded=["dense/kernel"], missing=["dense/bias"])
        <LoadReport: 1 loaded, 1 missing, 0 unexpected, 0 mismatched>
    """

    loaded: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    mismatched: list[str] = field(default_factory=list)
    optimizer: str | None = None

    @property
    def complete(self) -> bool:
        """Whether every variable was loaded and nothing of the file was left over."""
        return not (self.missing or self.unexpected or self.mismatched)

    def message(self, where: str, fix: str) -> str:
        """Return at most six lines about what does not fit."""
        rows = [
            f"  {kind} ({len(names)}): {_shown(names)}"
            for kind, names in (
                ("missing in the file", self.missing),
                ("unexpected in the file", self.unexpected),
                ("of another shape", self.mismatched),
            )
            if names
        ]
        first, *last = errors.report(where, fix=fix).splitlines()
        return "\n".join([first, *rows, *last])

    def __repr__(self) -> str:
        counts = [
            f"{len(getattr(self, n))} {n}"
            for n in ("loaded", "missing", "unexpected", "mismatched")
        ]
        return f"<LoadReport: {', '.join(counts)}>"


def _shown(names: list[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f", and {more} more" if more > 0 else "")
