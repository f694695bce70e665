"""The client of a registry: the distribution API, version 2.

Manifests and blobs are read and written by digest and checked on the way; a download that breaks is taken up where
it stopped. Everything it raises is a FetchError (or a ConfigError for unreadable credentials).
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlencode, urljoin, urlsplit

from atomicapp.errors import AtomicAppError, FetchError
from atomicapp.images import credentials, manifests
from atomicapp.images.auth import PULL, PUSH, FindCredential, Login, parse_challenges
from atomicapp.images.blobs import Checker, Image
from atomicapp.images.manifests import ACCEPT, MAX_MANIFEST, Descriptor, Index, Manifest, Platform, choose
from atomicapp.images.options import AbsentError, HttpOptions
from atomicapp.images.reference import Reference
from atomicapp.images.transfer import Body, Progress, each_parallel
from atomicapp.images.transport import (
    MIN_RATE,
    NoTlsError,
    Transient,
    Transport,
    UnreachableError,
    pause,
    read_bounded,
    retrying,
    status_text,
    stream_chunks,
)

if TYPE_CHECKING:
    from requests import Response

_MAX_NESTED = 4
_MAX_BREAKS = 30
"""Times that one download may be taken up again, however far it came each time."""
_NOTE_BYTES = 64 * 1024


class Registry:
    """One registry. Safe to use from several threads; close it at the end."""

    def __init__(
        self,
        registry: Reference,
        options: HttpOptions,
        find_credential: FindCredential = credentials.find,
        on_retry: Callable[[str, str], None] | None = None,
    ) -> None:
        self.name = registry.registry
        self.host = registry.api_host
        self.options = options
        self._transport = Transport(self.host, options)
        self._login = Login(self._transport, find_credential)
        self._on_retry = on_retry
        self._base = ""
        self._lock = threading.Lock()

    def __enter__(self) -> Registry:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    # ---------------------------------------------------------------- reading

    def digest_of(self, reference: Reference) -> str:
        """The digest that the registry has for a name, without the manifest; "" when it does not say."""
        with self._ask("HEAD", reference, f"manifests/{reference.target}", headers={"Accept": ACCEPT}) as response:
            if response.status_code != 200:
                raise self._failure(response, reference)
            return response.headers.get("Docker-Content-Digest", "")

    def manifest(self, reference: Reference, target: str = "", media_type: str = "") -> Manifest | Index:
        """What a name (or `target`, a digest) stands for: one image or an index of several."""
        target = target or reference.target
        checked = target.startswith("sha")

        def read() -> Manifest | Index:
            response = self._ask_once("GET", reference, f"manifests/{target}", headers={"Accept": ACCEPT})
            if response.status_code != 200:
                raise self._failure(response, reference)
            declared = response.headers.get("Content-Type", "").partition(";")[0].strip()
            told = response.headers.get("Docker-Content-Digest", "")
            data = read_bounded(response, MAX_MANIFEST, str(reference), "its manifest", self.options.timeout)
            expected = target if checked else told
            if expected.startswith(("sha256:", "sha512:")):
                checker = Checker(Descriptor("", expected, len(data)), str(reference))
                checker.feed(data)
                checker.finish()
            return manifests.parse(data, str(reference), declared or media_type)

        return retrying(read, self.options, self._retry_of(reference))

    def image_manifest(self, reference: Reference, platform: Platform) -> Manifest:
        """The manifest of the image for a platform."""
        found = self.manifest(reference)
        for _ in range(_MAX_NESTED):
            if isinstance(found, Manifest):
                return found
            entry = choose(found, platform, str(reference))
            found = self.manifest(reference, entry.digest, entry.media_type)
        raise FetchError(str(reference), f"its indexes lead to each other, more than {_MAX_NESTED} deep")

    def download(
        self, reference: Reference, blob: Descriptor, target: BinaryIO, progress: Progress | None = None
    ) -> None:
        """Write a blob into an empty file that can seek. After a cut connection it goes on where it was."""
        checker = Checker(blob, str(reference))
        # what came before counts for nothing in the failures that are borne in a row
        failures = 0
        for _ in range(_MAX_BREAKS):
            before = checker.done
            try:
                self._download_once(reference, blob, target, checker, progress)
            except Transient as failure:
                failures = 1 if checker.done - before >= _NOTE_BYTES else failures + 1
                if failures >= self.options.attempts:
                    raise failure.error from None
                self._retry_of(reference)(failure.error.cause)
                self.options.sleep(pause(failures, failure.after))
                continue
            checker.finish()
            return
        raise FetchError(str(reference), f"the download of {blob.digest} broke off {_MAX_BREAKS} times")

    def _download_once(
        self,
        reference: Reference,
        blob: Descriptor,
        target: BinaryIO,
        checker: Checker,
        progress: Progress | None,
    ) -> None:
        if checker.done == blob.size:
            return  # an empty blob, or one that broke after its last byte
        headers = {"Range": f"bytes={checker.done}-"} if checker.done else {}
        response = self._ask_once("GET", reference, f"blobs/{blob.digest}", headers=headers)
        with response:
            resumed = response.status_code == 206 and _begins_at(response, checker.done)
            if not resumed and checker.done and response.status_code in (200, 206, 416):
                checker.reset()
                target.seek(0)
                target.truncate()
                if response.status_code != 200:
                    cause = f"{self.host} can't go on with a download"
                    raise Transient(FetchError(str(reference), cause))
            if response.status_code not in (200, 206):
                raise self._failure(response, reference, f"its part {blob.digest}")
            seconds = self.options.timeout + blob.size / MIN_RATE
            for chunk in stream_chunks(response, str(reference), seconds):
                checker.feed(chunk)
                target.write(chunk)
                if progress is not None:
                    progress(checker.done)
        if checker.done < blob.size:
            cause = f"the connection to {self.host} was cut in the middle"
            raise Transient(FetchError(str(reference), cause, hint="check the network and try again"))

    # ---------------------------------------------------------------- writing

    def push(self, reference: Reference, image: Image, progress: Callable[[str, int], None] | None = None) -> str:
        """Upload an image under a name: the blobs that are not there yet, then the manifest. The digest is given back.

        `progress` is told the digest of each blob and how many of its bytes are there.
        """
        blobs = tuple(dict.fromkeys((image.manifest.config, *image.manifest.layers)))

        def upload(blob: Descriptor, go_on: Callable[[], None]) -> None:
            def told(done: int) -> None:
                go_on()
                if progress is not None:
                    progress(blob.digest, done)

            if self.has_blob(reference, blob):
                told(blob.size)
            else:
                self.upload(reference, image, blob, told)

        each_parallel(upload, blobs)
        self.put_manifest(reference, image.manifest)
        return image.digest

    def has_blob(self, reference: Reference, blob: Descriptor) -> bool:
        with self._ask("HEAD", reference, f"blobs/{blob.digest}", PUSH) as response:
            if response.status_code == 404:
                return False
            if response.status_code != 200:
                raise self._failure(response, reference)
            return True

    def upload(
        self,
        reference: Reference,
        image: Image,
        blob: Descriptor,
        progress: Progress | None = None,
        mount_from: str = "",
    ) -> None:
        """Upload one blob, or have it taken over from another repository of the registry (`mount_from`)."""

        def once() -> None:
            query = f"?{urlencode({'mount': blob.digest, 'from': mount_from})}" if mount_from else ""
            with self._ask_once("POST", reference, f"blobs/uploads/{query}", PUSH, data=b"") as response:
                if response.status_code == 201:
                    return
                if response.status_code != 202 or "Location" not in response.headers:
                    raise self._failure(response, reference)
                url = self._upload_url(response, reference)
            with image.open_blob(blob) as stream:
                body = Body(stream, blob, str(reference), progress)
                url += f"{'&' if urlsplit(url).query else '?'}{urlencode({'digest': blob.digest})}"
                with self._transport.send(
                    "PUT",
                    url,
                    str(reference),
                    headers={"Content-Type": "application/octet-stream"},
                    authorization=self._authorization_for(url, reference),
                    data=body,
                ) as response:
                    if response.status_code == 401:  # the token ran out in a long upload
                        refused = self._login.header(reference, PUSH)
                        self._login.answer(response, reference, PUSH, refused)
                        raise Transient(FetchError(str(reference), f"{self.name} refuses the login in the middle"))
                    if response.status_code != 201:
                        raise self._failure(response, reference)

        retrying(once, self.options, self._retry_of(reference))

    def put_manifest(self, reference: Reference, manifest: Manifest) -> None:
        target = reference.tag or manifest.digest
        with self._ask(
            "PUT", reference, f"manifests/{target}", PUSH, {"Content-Type": manifest.media_type}, manifest.raw
        ) as response:
            if response.status_code not in (200, 201):
                raise self._failure(response, reference)
            told = response.headers.get("Docker-Content-Digest", manifest.digest)
        if told != manifest.digest:
            raise FetchError(str(reference), f"wrong digest: {manifest.digest} was pushed and {told[:90]!a} was stored")

    def _upload_url(self, response: Response, reference: Reference) -> str:
        """Where an upload goes. Behind a proxy that ends TLS, registries often say http for themselves."""
        try:
            found = urlsplit(urljoin(response.url, response.headers["Location"]))
            base = urlsplit(self._base)
            _ = found.port
        except ValueError:
            raise FetchError(str(reference), f"{self.host} names an upload address that can't be read") from None
        if found.hostname == base.hostname and found.scheme == "http" and base.scheme == "https":
            found = found._replace(scheme="https", netloc=base.netloc)
        if found.scheme != "https" and not (found.scheme == "http" and self._transport.may_be_plain(found.netloc)):
            raise FetchError(str(reference), f"{self.host} wants the upload at an address that is not https")
        return found.geturl()

    def _authorization_for(self, url: str, reference: Reference) -> str:
        """The login goes to the registry itself only; uploads elsewhere carry their own rights in the address."""
        same = urlsplit(url)[:2] == urlsplit(self._base)[:2]
        return self._login.header(reference, PUSH) if same else ""

    # ---------------------------------------------------------------- asking

    def _ask(
        self,
        method: str,
        reference: Reference,
        path: str,
        actions: str = PULL,
        headers: dict[str, str] | None = None,
        data: bytes | None = None,
    ) -> Response:
        return retrying(
            lambda: self._ask_once(method, reference, path, actions, headers, data),
            self.options,
            self._retry_of(reference),
        )

    def _ask_once(
        self,
        method: str,
        reference: Reference,
        path: str,
        actions: str = PULL,
        headers: dict[str, str] | None = None,
        data: bytes | None = None,
    ) -> Response:
        """One request below the repository, with one login when the registry asks for it."""
        url = f"{self._address(reference)}/v2/{reference.repository}/{path}"
        for last in (False, False, True):
            authorization = self._login.header(reference, actions)
            response = self._transport.send(
                method, url, str(reference), headers=headers, authorization=authorization, data=data
            )
            if response.status_code != 401 or last:
                return response
            response.close()
            # the second 401 may mean that the token ran out; a Basic login that is refused stays refused
            self._login.answer(response, reference, actions, authorization)
        raise AssertionError("not reached")

    def _retry_of(self, reference: Reference) -> Callable[[str], None]:
        """What to call before a request is tried again."""

        def told(cause: str) -> None:
            if self._on_retry is not None:
                self._on_retry(str(reference), cause)

        return told

    def _address(self, reference: Reference) -> str:
        """`SCHEME://HOST`, found by asking /v2/: TLS first, plain http only where that is allowed."""
        with self._lock:
            if not self._base:
                self._base = retrying(lambda: self._probe(reference), self.options, self._retry_of(reference))
            return self._base

    def _probe(self, reference: Reference) -> str:
        plain = self._transport.may_be_plain(self.host)
        try:
            self._ping("https", reference)
        except (NoTlsError, UnreachableError, Transient):
            if not plain:
                raise
            self._ping("http", reference)
            return f"http://{self.host}"
        return f"https://{self.host}"

    def _ping(self, scheme: str, reference: Reference) -> None:
        with self._transport.send("GET", f"{scheme}://{self.host}/v2/", str(reference)) as response:
            kind = response.headers.get("Content-Type", "")
            known = "Docker-Distribution-Api-Version" in response.headers
            if response.status_code == 200 and (known or "html" not in kind):
                return
            if response.status_code in (401, 403) and (
                known or parse_challenges(response.headers.get("WWW-Authenticate", ""))
            ):
                return
            if response.status_code == 400 and scheme == "http":
                raise NoTlsError(str(reference), f"{self.host} answers {status_text(response)} to plain http")
            raise FetchError(
                str(reference),
                f"{self.host} does not answer as a registry does ({status_text(response)} at /v2/)",
                hint="is the name of the registry right?",
            )

    def _failure(self, response: Response, reference: Reference, what: str = "") -> AtomicAppError:
        """The error for an answer that is not what was asked for; the response is closed."""
        note = self._note(response, reference)
        status = status_text(response)
        if response.status_code == 401:
            return FetchError(
                str(reference),
                f"{self.name} does not let us have it, or it does not exist ({status}){note}",
                hint=f"log in with 'docker login {self.name}'",
            )
        if response.status_code == 403:
            return FetchError(
                str(reference), f"{self.name} does not allow it ({status}){note}", hint="ask for rights to it"
            )
        if response.status_code == 404:
            return AbsentError(
                str(reference),
                f"{what or 'there is no such image or tag'}{' is missing' if what else ''} at {self.name}{note}",
                hint="check the name; 'atomicapp build' and 'push' put an app there",
            )
        return FetchError(str(reference), f"{self.name} answers {status}{note}")

    def _note(self, response: Response, reference: Reference) -> str:
        """The registry's own words, as far as they can be read."""
        with contextlib.suppress(FetchError, Transient, ValueError, KeyError, IndexError, TypeError, RecursionError):
            data = read_bounded(response, _NOTE_BYTES, str(reference), "the answer", self.options.timeout)
            text = " ".join(str(json.loads(data)["errors"][0]["message"]).split())[:160]
            if text and text.isprintable():
                return f": {text}"
        response.close()
        return ""


def _begins_at(response: Response, offset: int) -> bool:
    """Whether a partial answer begins where we stopped."""
    unit, _, span = response.headers.get("Content-Range", "").partition(" ")
    return unit == "bytes" and span.partition("-")[0] == str(offset)
