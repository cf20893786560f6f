"""The emulator's store, with what it leaves out: generations, preconditions, holds and retentions."""

import time
from datetime import datetime, timezone
from urllib.parse import quote

from gcp_storage_emulator.exceptions import NotFound
from gcp_storage_emulator.storage import RESUMABLE_DIR, Storage

_KMS = ("kmsKeyName", "destinationKmsKeyName")


class Refused(Exception):
    """What the service would refuse, with its status and reason."""

    def __init__(self, status, reason):
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Store(Storage):
    """Objects in memory, by name and generation."""

    def __init__(self):
        self.last_generation = 0
        # (bucket, name) -> {generation: (resource, content)}, without the live one.
        self.noncurrent = {}
        # The query of the request at hand, and (bucket, name) -> the generation it names.
        self.query = {}
        self.named = {}
        # Upload session -> the query it was started with, which holds for its end too.
        self.sessions = {}
        super().__init__(use_memory_fs=True)

    def _write_config_to_file(self):
        """Nothing outlives the process, and writing all there is after each change would make changes slow."""

    def _object_path(self, bucket_name, file_name):
        # The emulator's own paths fold backslashes and dots.
        if bucket_name == RESUMABLE_DIR:
            return super()._object_path(bucket_name, file_name)
        return "%s/%s" % (bucket_name, quote(file_name, safe=""))

    def is_versioned(self, bucket):
        return bool(((self.buckets.get(bucket) or {}).get("versioning") or {}).get("enabled"))

    def live(self, bucket, name):
        return self.objects.get(bucket, {}).get(name)

    def find(self, bucket, name):
        """The resource and the content of the generation that the request names, by default the live one."""
        generation = self.named.get((bucket, name))
        live = self.live(bucket, name)
        if live and generation in (None, live["generation"]):
            return live, super().get_file(bucket, name)
        kept = self.noncurrent.get((bucket, name), {})
        if generation in kept:
            return kept[generation]
        raise NotFound

    def get_file_obj(self, bucket_name, file_name):
        return self.find(bucket_name, file_name)[0]

    def get_file(self, bucket_name, file_name, show_error=True):
        if bucket_name == RESUMABLE_DIR:
            return super().get_file(bucket_name, file_name, show_error)
        return self.find(bucket_name, file_name)[1]

    def create_resumable_upload(self, bucket_name, file_name, file_obj):
        session = super().create_resumable_upload(bucket_name, file_name, file_obj)
        self.sessions[session] = self.query
        return session

    def create_file(self, bucket_name, file_name, content, file_obj, file_id=None):
        query = self.query
        if file_id in self.sessions:
            query = self.sessions.pop(file_id)
            self.check(bucket_name, file_name, query)
        if bucket_name not in self.buckets:
            raise NotFound
        self._retire(bucket_name, file_name)
        # Generations only grow, whatever the clock's resolution, and look like the service's.
        self.last_generation = max(self.last_generation + 1, time.time_ns() // 1000)
        file_obj["generation"] = str(self.last_generation)
        file_obj["metageneration"] = "1"
        file_obj["size"] = str(len(content))
        file_obj["etag"] = "%s/1" % self.last_generation
        for parameter in _KMS:
            if query.get(parameter):
                file_obj["kmsKeyName"] = query[parameter] + "/cryptoKeyVersions/1"
        super().create_file(bucket_name, file_name, content, file_obj, file_id)

    def delete_file(self, bucket_name, file_name):
        resource = self.find(bucket_name, file_name)[0]
        generation = self.named.get((bucket_name, file_name))
        if resource is not self.live(bucket_name, file_name):
            refuse_locked(resource)
            del self.noncurrent[bucket_name, file_name][generation]
            return
        if generation is None:
            self._retire(bucket_name, file_name)
        else:
            refuse_locked(resource)
        self._hard_delete_file(bucket_name, file_name)

    def _retire(self, bucket, name):
        """Makes room under a name: the live generation is kept as a noncurrent one, or is gone."""
        live = self.live(bucket, name)
        if live and self.is_versioned(bucket):
            kept = dict(live, timeDeleted=stamp())
            content = super().get_file(bucket, name)
            self.noncurrent.setdefault((bucket, name), {})[live["generation"]] = (kept, content)
        elif live:
            refuse_locked(live)

    def check(self, bucket, name, query, reading=False):
        """Holds preconditions against the generation that the request is about."""
        try:
            found = self.find(bucket, name)[0]
        except NotFound:
            found = {"generation": "0", "metageneration": "0"}
        for field in ("generation", "metageneration"):
            wanted = query.get("if%sMatch" % field.capitalize())
            unwanted = query.get("if%sNotMatch" % field.capitalize())
            if wanted is not None and int(wanted) != int(found[field]):
                raise Refused(412, "conditionNotMet")
            if unwanted is not None and int(unwanted) == int(found[field]):
                raise Refused(304 if reading else 412, "conditionNotMet")

    def patch(self, bucket, name, changes):
        """objects.patch: null removes a field."""
        resource = self.find(bucket, name)[0]
        if "retention" in changes:
            self._check_retention(resource.get("retention"), changes["retention"])
        for field, value in changes.items():
            resource[field] = value
            if value is None:
                del resource[field]
        resource["metageneration"] = str(int(resource["metageneration"]) + 1)
        resource["updated"] = stamp()
        return resource

    def _check_retention(self, before, after):
        if not before or instant(before["retainUntilTime"]) <= datetime.now(timezone.utc):
            return
        longer = bool(after) and instant(after["retainUntilTime"]) >= instant(before["retainUntilTime"])
        if before["mode"] == "Locked":
            allowed = longer and after["mode"] == "Locked"
        else:
            allowed = longer or self.query.get("overrideUnlockedRetention") == "true"
        if not allowed:
            raise Refused(403, "retentionPolicyNotMet")

    def listing(self, bucket, query):
        """objects.list: by name, then by generation, in pages."""
        if bucket not in self.buckets:
            raise NotFound
        entries = list(self.objects.get(bucket, {}).items())
        if query.get("versions") == "true":
            for (of, name), kept in self.noncurrent.items():
                if of == bucket:
                    entries += [(name, resource) for resource, _ in kept.values()]
        prefix = query.get("prefix", "")
        entries = [entry for entry in entries if entry[0].startswith(prefix)]
        entries.sort(key=lambda entry: (entry[0].encode(), int(entry[1]["generation"])))
        # A token names the last entry of its page, so that pages neither skip nor repeat what stays.
        if "pageToken" in query:
            name, generation = bytes.fromhex(query["pageToken"]).decode().rsplit("\0", 1)
            last = (name.encode(), int(generation))
            entries = [entry for entry in entries if (entry[0].encode(), int(entry[1]["generation"])) > last]
        size = min(int(query.get("maxResults", 1000)), 1000)
        page = {"kind": "storage#objects", "items": [resource for _, resource in entries[:size]]}
        if len(entries) > size:
            name, resource = entries[size - 1]
            page["nextPageToken"] = ("%s\0%s" % (name, resource["generation"])).encode().hex()
        return page


def stamp():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def instant(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def refuse_locked(resource):
    if resource.get("temporaryHold") or resource.get("eventBasedHold"):
        raise Refused(403, "objectUnderActiveHold")
    retention = resource.get("retention")
    if retention and instant(retention["retainUntilTime"]) > datetime.now(timezone.utc):
        raise Refused(403, "retentionPolicyNotMet")
