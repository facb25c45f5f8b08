"""When to load a certificate and its key again: decided from what their files look like, without touching them.

Programs that renew certificates replace files one after the other: certbot moves symbolic links within a
millisecond, others write the key now and the certificate minutes later, and ``cp`` writes in pieces. So files count
only after they have stood still from one look to the next; then the pair is loaded, and if that fails it is tried
again at each look, whether or not a file has changed, for a permission may have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Mark:
    """What tells one state of a file from another: that of its target if it is a symbolic link."""

    device: int
    inode: int
    size: int
    #: Of the content, in nanoseconds.
    modified: int
    #: Of owner and permissions as well: a key that could not be read may be readable now.
    changed: int


#: Of the certificate's file and the key's; None for one that is not there or not to be seen.
Marks = tuple[Optional[Mark], Optional[Mark]]


class RenewalWatch:
    """Decides, look by look. ``loaded`` is how the files looked when they were last loaded."""

    def __init__(self, loaded: Marks) -> None:
        self._tried = loaded
        self._seen = loaded
        self._failed = False

    @property
    def is_settled(self) -> bool:
        """Whether what was loaded last is what the files had at the last look."""
        return not self._failed and self._seen == self._tried

    def is_as_loaded(self, marks: Marks) -> bool:
        """Whether the files looked like this when they were loaded last."""
        return marks == self._tried

    def look(self, marks: Marks) -> bool:
        """Return whether the pair is to be loaded now."""
        stands_still = marks == self._seen
        self._seen = marks
        return stands_still and (self._failed or marks != self._tried)

    def loaded(self, marks: Marks, *, good: bool) -> None:
        """Note how it went: ``marks`` as they were before the loading; not ``good`` means to try again."""
        self._tried = marks
        self._failed = not good
