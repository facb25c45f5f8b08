"""The certificate and key that new connections get: loaded, watched, and replaced when a better pair is there."""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path
from typing import Optional

from strava_collector.certificate import MAX_FILE, load_context
from strava_collector.certificate_expiry import as_date
from strava_collector.certificate_facts import dates
from strava_collector.certificate_watch import Mark, Marks, RenewalWatch
from strava_collector.errors import ConfigurationError
from strava_collector.pem_file import FileFault, read_file


class ServedPair:
    """A pair that was loaded once and follows its files from then on.

    Construction raises ConfigurationError with a sentence for each fault, as ``load_context`` does.
    """

    def __init__(self, cert_file: str, key_file: str) -> None:
        self.cert_file = cert_file
        self._key_file = key_file
        marks = self._marks()
        self.context = load_context(cert_file, key_file)
        #: Counts the pairs, so that others see that there is another one.
        self.generation = 1
        self._digest = self._content()
        #: From when until when what is served is valid, in epoch seconds; None if it cannot be decoded.
        self.valid = dates(cert_file)
        # A file that changed meanwhile differs from these marks at the next look.
        self._watch = RenewalWatch(marks)

    @property
    def is_in_its_files(self) -> bool:
        """Whether the files hold what is served, as far as the last look has shown."""
        return self._watch.is_settled

    def is_still_in_its_files(self) -> bool:
        """The same, with another look at them."""
        return self.is_in_its_files and self._watch.is_as_loaded(self._marks())

    def look(self, now: float) -> Optional[ssl.SSLContext]:
        """Return the new context if there is a new pair that can be used; ``now`` is in epoch seconds.

        Raises ConfigurationError if the files stand still with something that cannot be used; what is served stays.
        """
        marks = self._marks()
        if not self._watch.look(marks):
            return None
        try:
            context = load_context(self.cert_file, self._key_file)
            digest, found = self._content(), dates(self.cert_file)
            if self._marks() != marks:
                return None  # in the middle of a change: the next look sees that, too
            self._require_current(found, now)
        except ConfigurationError:
            if self._marks() != marks:
                return None
            self._watch.loaded(marks, good=False)
            raise
        self._watch.loaded(marks, good=True)
        if digest == self._digest:
            return None  # touched, or put back
        self.context, self._digest, self.valid = context, digest, found
        self.generation += 1
        return context

    def _require_current(self, found: Optional[tuple[float, float]], now: float) -> None:
        """Whatever the owner installs is used, for whatever host it is, but not in exchange for a worse date."""
        if found is None or self.valid is None or not self.valid[0] <= now < self.valid[1]:
            return
        begins_at, ends_at = found
        if now >= ends_at:
            raise ConfigurationError(
                f"The new certificate in {self.cert_file} expired on {as_date(ends_at)} already: install the one that "
                "your authority has issued last."
            )
        if now < begins_at:
            raise ConfigurationError(
                f"The new certificate in {self.cert_file} is not valid before {as_date(begins_at)}: it will be used "
                "then, unless the clock of this host is wrong."
            )

    def _marks(self) -> Marks:
        return _mark(self.cert_file), _mark(self._key_file)

    def _content(self) -> Optional[bytes]:
        """Return a digest of both files; None if one of them has gone this very moment."""
        digest = hashlib.sha256()
        for name in (self.cert_file, self._key_file):
            try:
                digest.update(hashlib.sha256(read_file(name, MAX_FILE)).digest())
            except FileFault:
                return None
        return digest.digest()


def _mark(name: str) -> Optional[Mark]:
    try:
        status = Path(name).stat()
    except (OSError, ValueError):
        return None
    return Mark(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
