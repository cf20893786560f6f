"""Where moto answers otherwise than S3, and a strict client would notice. Each repair says what moto does."""

from datetime import datetime, timezone

from flask import request
from moto.core.responses import ActionResult
from moto.s3.exceptions import AccessDeniedByLock, NoSuchUpload, PreconditionFailed
from moto.s3.models import FakeMultipart, S3Backend
from moto.s3.responses import S3Response


def known_uploads_only(method):
    """moto answers 500 to an upload that was completed or aborted."""

    def checked(self, bucket_name, multipart_id, *arguments, **named):
        if multipart_id not in self.get_bucket(bucket_name).multiparts:
            raise NoSuchUpload(upload_id=multipart_id)
        return method(self, bucket_name, multipart_id, *arguments, **named)

    return checked


def completed_conditionally(method):
    """moto keeps If-None-Match on completion, and ignores If-Match."""

    def checked(self, bucket_name, multipart_id, body):
        expected = request.headers.get("If-Match")
        if expected:
            key = self.get_bucket(bucket_name).multiparts[multipart_id].key_name
            found = self.get_object(bucket_name, key)
            if found is None or found.etag.strip('"') != expected.strip('"'):
                raise PreconditionFailed("If-Match")
        return method(self, bucket_name, multipart_id, body)

    return checked


def parts_after(self, part_number_marker, max_parts):
    """moto takes the marker for a count of parts, and skips too many where numbers have gaps."""
    numbers = [number for number in self.partlist if number > part_number_marker]
    return (self.parts[number] for number in numbers[:max_parts])


def uploads_in_pages(self):
    """moto lists all uploads on one page, in no order."""
    prefix = self.querystring.get("prefix", [""])[0]
    limit = int(self.querystring.get("max-uploads", ["1000"])[0])
    after = (
        self.querystring.get("key-marker", [""])[0],
        self.querystring.get("upload-id-marker", [""])[0],
    )
    uploads = self.backend.list_multipart_uploads(self.bucket_name).values()
    found = sorted((upload.key_name, upload.id) for upload in uploads)
    found = [mark for mark in found if mark[0].startswith(prefix) and mark > after]
    page, rest = found[:limit], found[limit:]
    result = {
        "Bucket": self.bucket_name,
        "MaxUploads": limit,
        "IsTruncated": bool(rest),
        "Uploads": [
            {"Key": key, "UploadId": upload, "Initiated": "2010-11-10T20:48:33.000Z"}
            for key, upload in page
        ],
    }
    if rest:
        result["NextKeyMarker"], result["NextUploadIdMarker"] = page[-1]
    self.data["Action"] = "ListMultipartUploads"
    return self.serialized(ActionResult(result))


def retention_not_shortened(method):
    """moto lets anybody shorten or lift a retention."""

    def checked(self, bucket_name, key_name, version_id, retention):
        key = self.get_object(bucket_name, key_name, version_id=version_id)
        mode, until = retention
        held = key is not None and key.lock_until and when(key.lock_until) > datetime.now(timezone.utc)
        shorter = held and (until is None or when(until) < when(key.lock_until))
        bypassed = request.headers.get("X-Amz-Bypass-Governance-Retention", "").lower() == "true"
        if shorter and not (bypassed and key.lock_mode == "GOVERNANCE"):
            raise AccessDeniedByLock
        return method(self, bucket_name, key_name, version_id, (mode, until))

    return checked


def when(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def apply():
    S3Backend.upload_part = known_uploads_only(S3Backend.upload_part)
    S3Backend.complete_multipart_upload = known_uploads_only(
        completed_conditionally(S3Backend.complete_multipart_upload)
    )
    S3Backend.put_object_retention = retention_not_shortened(S3Backend.put_object_retention)
    FakeMultipart.list_parts = parts_after
    S3Response.list_multipart_uploads = uploads_in_pages
