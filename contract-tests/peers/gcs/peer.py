"""gcp-storage-emulator with what Cloud Storage does and the emulator leaves out.

    python peer.py PORT

Added here, each because an adapter relies on it:
- preconditions (ifGenerationMatch and its relatives) on every object call, and on both ends of a resumable upload;
- generations: naming one, keeping noncurrent ones in a bucket with versioning, listing them;
- pages of a listing; location, versioning, object retention and storage class of a bucket that is created;
- holds and retentions, the name of a customer-managed key, attributes of a rewritten and of a composed object;
- `x-goog-*` header fields on media, 416, bodies of errors, the checksum at the end of a resumable upload;
- V4 signatures of signed URLs, for signers whose key a test has put at /peer/signers/EMAIL, and the header fields
  they sign; unsigned requests to /BUCKET/OBJECT are refused, as they are in a bucket that is not public;
- connections that stay open, and a thread for each of them.

Still not there: authentication and permissions, quotas, encryption, durability, and that a bucket really is where it
says.
"""

import io
import json
import re
import sys
import threading
from functools import partial
from http import HTTPStatus, server
from urllib.parse import parse_qsl, unquote, urlsplit

import gcp_storage_emulator.server as emulator
from gcp_storage_emulator.exceptions import Conflict, NotFound
from gcp_storage_emulator.handlers import buckets, objects

import signatures
from store import Refused, Store

_OBJECT = re.compile(r"^/storage/v1/b/([^/]+)/o/([^/]+)(?:/(compose|rewriteTo)(?:/b/([^/]+)/o/([^/]+))?)?$")
_OBJECTS = re.compile(r"^(?:/upload)?/storage/v1/b/([^/]+)/o$")
_XML = re.compile(r"^/(?!storage/|upload/|download/|batch)([^/]+)/(.+)$")
_MOST_COMPONENTS = 32
_ATTRIBUTES = ("contentType", "contentEncoding", "contentDisposition", "contentLanguage", "cacheControl", "metadata")
_PLACEMENT = ("storageClass", "retention", "temporaryHold", "eventBasedHold")
_REASONS = {400: "invalid", 404: "notFound", 409: "conflict"}
_LOCK = threading.Lock()

# What an upload may say of an object.
objects._WRITABLE_FIELDS += _PLACEMENT[1:]


class Handler(emulator.RequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format, *args):
        sys.stderr.write("%s\n" % (format % args))

    def do_GET(self):
        self.serve("GET")

    def do_POST(self):
        self.serve("POST")

    def do_PUT(self):
        self.serve("PUT")

    def do_PATCH(self):
        self.serve("PATCH")

    def do_DELETE(self):
        self.serve("DELETE")

    def serve(self, method):
        # Read first, whatever becomes of the request: what is left of a body would be taken for the next request.
        self.body = self.read_body()
        self.media = None
        # The client names the host without its port, and an upload's address is made of it.
        if ":" not in (self.headers.get("Host") or ""):
            del self.headers["Host"]
            self.headers["Host"] = "%s:%d" % self.server.server_address[:2]
        path = urlsplit(self.path).path
        query = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        # Written out after the lock is released: a client that reads slowly must not stop the others.
        connection, self.wfile = self.wfile, io.BytesIO()
        with _LOCK:
            self.storage.query, self.storage.named = query, {}
            self.handle_locked(method, path, query)
        written, self.wfile = self.wfile, connection
        self.wfile.write(written.getvalue())

    def handle_locked(self, method, path, query):
        try:
            if not self.own(method, path, query):
                emulator.Router(self).handle(method)
        except Refused as refused:
            self.answer(refused.status, error(refused.status, refused.reason))
        except Conflict as conflict:
            self.answer(400, error(400, "invalid", str(conflict)))
        except NotFound:
            self.answer(404, error(404, "notFound"))
        except ValueError as malformed:
            self.answer(400, error(400, "invalid", str(malformed)))

    def read_body(self):
        if (self.headers.get("Transfer-Encoding") or "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def answer(self, status, body=None):
        response = emulator.Response(self)
        response.status = HTTPStatus(status)
        if body is not None and status != 304:
            response.json(body)
        response.close()
        return True

    def own(self, method, path, query):
        """Answers what the emulator cannot and checks what it does not. Says whether it has answered."""
        if path.startswith("/peer/signers/") and method == "PUT":
            self.server.signers[unquote(path.rsplit("/", 1)[1])] = signatures.public_key(self.body)
            return self.answer(204)
        if path == "/storage/v1/b" and method == "POST":
            return self.create_bucket(json.loads(self.body), query)
        if match := _OBJECTS.match(path):
            return self.collection(method, unquote(match[1]), query)
        if match := _OBJECT.match(path):
            return self.object(method, *[part and unquote(part) for part in match.groups()], query)
        if match := _XML.match(path):
            self.signed(method, unquote(match[1]), unquote(match[2]), query)
        return False

    def create_bucket(self, wanted, query):
        bucket = buckets.create_bucket(wanted["name"], self.storage)
        if not bucket:
            raise Refused(409, "conflict")
        buckets._patch_bucket(bucket, wanted)
        bucket["location"] = bucket["location"].upper()
        if query.get("enableObjectRetention") == "true":
            bucket["objectRetention"] = {"mode": "Enabled"}
        return self.answer(200, bucket)

    def collection(self, method, bucket, query):
        if method == "GET":
            return self.answer(200, self.storage.listing(bucket, query))
        if "upload_id" in query:
            sent = re.search(r"crc32c=([^,]+)", self.headers.get("x-goog-hash") or "")
            if sent and query["upload_id"] in self.storage.resumable:
                self.storage.resumable[query["upload_id"]]["crc32c"] = sent[1]
        elif "name" in query:
            self.storage.check(bucket, query["name"], query)
        return False

    def object(self, method, bucket, name, verb, to_bucket, to, query):
        if verb == "rewriteTo":
            return self.rewrite((bucket, name), (to_bucket, to), query)
        if verb == "compose":
            return self.compose(bucket, name, query)
        self.storage.named = {(bucket, name): query.get("generation")}
        self.storage.check(bucket, name, query, reading=method == "GET")
        if method == "PATCH":
            return self.answer(200, self.storage.patch(bucket, name, json.loads(self.body)))
        if method == "DELETE":
            self.storage.delete_file(bucket, name)
            return self.answer(204)
        if query.get("alt") == "media":
            self.media = self.storage.find(bucket, name)[0]
            self.check_range(len(self.storage.find(bucket, name)[1]))
        return False

    def check_range(self, size):
        """The emulator serves a range that selects nothing, and a suffix as the whole."""
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range") or "")
        if not match:
            return
        start = int(match[1]) if match[1] else max(size - int(match[2]), 0)
        if start >= size:
            raise Refused(416, "requestedRangeNotSatisfiable")
        del self.headers["Range"]
        self.headers["Range"] = "bytes=%d-%s" % (start, match[2] if match[1] else "")

    def rewrite(self, source, target, query):
        self.storage.named = {source: query.get("sourceGeneration")}
        conditions = {key.replace("Source", ""): value for key, value in query.items() if "Source" in key}
        self.storage.check(*source, conditions)
        found, content = self.storage.find(*source)
        self.storage.named = {}
        self.storage.check(*target, {key: value for key, value in query.items() if "Source" not in key})
        # A body replaces the attributes; without one the source's are kept.
        described = json.loads(self.body or b"null")
        if not described:
            described = {field: found[field] for field in _ATTRIBUTES if field in found}
        made = self.make(*target, content, described, found.get("md5Hash"))
        size = str(len(content))
        done = {"kind": "storage#rewriteResponse", "done": True, "resource": made}
        return self.answer(200, dict(done, totalBytesRewritten=size, objectSize=size))

    def compose(self, bucket, name, query):
        wanted = json.loads(self.body)
        sources = wanted["sourceObjects"]
        if not 0 < len(sources) <= _MOST_COMPONENTS:
            raise Refused(400, "invalid")
        self.storage.check(bucket, name, query)
        content, components = b"", 0
        for source in sources:
            generation = source.get("generation")
            self.storage.named = {(bucket, source["name"]): generation and str(generation)}
            self.storage.check(bucket, source["name"], source.get("objectPreconditions") or {})
            found, piece = self.storage.find(bucket, source["name"])
            components += found.get("componentCount", 1)
            content += piece
        self.storage.named = {}
        # A composed object has no MD5.
        made = self.make(bucket, name, content, wanted.get("destination") or {}, None)
        made["componentCount"] = components
        return self.answer(200, made)

    def make(self, bucket, name, content, described, md5):
        if bucket not in self.storage.buckets:
            raise NotFound
        allowed = {field: described[field] for field in _ATTRIBUTES + _PLACEMENT if field in described}
        kind = described.get("contentType", "application/octet-stream")
        made = objects._make_object_resource("", bucket, name, kind, str(len(content)), allowed)
        made["crc32c"], made["md5Hash"] = objects._crc32c(content), md5
        self.storage.create_file(bucket, name, content, made)
        return made

    def signed(self, method, bucket, name, query):
        """A request to /BUCKET/OBJECT: holds when its signature does, and so do the header fields it signs."""
        refusal = (403, "accessDenied")
        if signatures.is_signed(self.path):
            refusal = signatures.refusal(method, self.path, self.headers, self.server.signers)
        if refusal:
            raise Refused(*refusal)
        self.storage.named = {(bucket, name): query.get("generation")}
        wanted = self.headers.get("x-goog-if-generation-match")
        if wanted is not None:
            self.storage.check(bucket, name, {"ifGenerationMatch": wanted})
        bounds = self.headers.get("x-goog-content-length-range")
        if bounds and not int(bounds.split(",")[0]) <= len(self.body) <= int(bounds.split(",")[1]):
            raise Refused(400, "entityTooLarge")
        for algorithm, value in re.findall(r"(crc32c|md5)=([^,]+)", self.headers.get("x-goog-hash") or ""):
            computed = objects._crc32c if algorithm == "crc32c" else objects._md5
            if method == "PUT" and computed(self.body) != value:
                raise Refused(400, "badDigest")


def read_data(handler, query):
    """The request's body, parsed. Binary parts stay exactly as they came."""
    kind = handler.headers.get("Content-Type") or ""
    if not kind.startswith("multipart/related"):
        return _READ_DATA(handler, query)
    boundary = re.search(r'boundary="?([^";]+)"?', kind)[1].encode()
    parts = []
    for part in (b"\r\n" + handler.body).split(b"\r\n--" + boundary)[1:-1]:
        head, content = part.removeprefix(b"\r\n").split(b"\r\n\r\n", 1)
        of = re.search(rb"content-type:\s*([^\r\n]+)", head, re.IGNORECASE)
        parts.append((of[1].decode() if of else "application/octet-stream", content))
    meta = json.loads(parts[0][1])
    for _, trailing in parts[2:]:
        meta.update(json.loads(trailing))
    return {"meta": meta, "content": parts[1][1], "content-type": parts[1][0]}


def close(response):
    """Completes what a handler of the emulator leaves out of its answer."""
    handler, status = response._handler, int(response.status)
    media, handler.media = handler.media, None
    if media and status < 300:
        response["x-goog-generation"] = media["generation"]
        response["x-goog-metageneration"] = media["metageneration"]
        response["x-goog-stored-content-length"] = media["size"]
        response["x-goog-stored-content-encoding"] = media.get("contentEncoding") or "identity"
        response["x-goog-storage-class"] = media["storageClass"]
    if media and status == 200:
        known = (("crc32c", media.get("crc32c")), ("md5", media.get("md5Hash")))
        response["X-Goog-Hash"] = ",".join("%s=%s" % pair for pair in known if pair[1])
    if status >= 400 and not response._content:
        response.json(error(status, _REASONS.get(status, "backendError")))
    response._headers["x-guploader-uploadid"] = "peer-%d" % next(_REQUESTS)
    _CLOSE(response)


def error(status, reason, message=None):
    message = message or HTTPStatus(status).phrase
    errors = [{"domain": "global", "reason": reason, "message": message}]
    return {"error": {"code": status, "message": message, "errors": errors}}


_REQUESTS = iter(range(1, sys.maxsize))
emulator._read_raw_data = lambda handler: handler.body
_READ_DATA, emulator._read_data = emulator._read_data, read_data
_CLOSE, emulator.Response.close = emulator.Response.close, close


class Server(server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port):
        self.signers = {}
        super().__init__(("127.0.0.1", port), partial(Handler, Store()))


if __name__ == "__main__":
    Server(int(sys.argv[1])).serve_forever()
