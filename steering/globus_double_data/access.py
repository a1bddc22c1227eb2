"""Permissions of a collection: who may read and write what."""

import uuid
from collections.abc import Sequence

from steering.globus_double_data.call import Call, Document, Person, RefusedError, Route
from steering.globus_double_data.collection import Collection, Collections
from steering.globus_double_data.ground import Ground, now

_PERMISSIONS = ("r", "rw")
_PRINCIPALS = ("identity", "group", "all_authenticated_users", "anonymous")


class Access:
    """The rules of all collections."""

    def __init__(self, ground: Ground, collections: Collections, owner: Person) -> None:
        """Begin without a rule; the owner may do everything."""
        self._ground = ground
        self._collections = collections
        self._owner = owner

    def routes(self) -> Sequence[Route]:
        """List its addresses."""
        rule = "/v0.10/endpoint/{id}/access/{rule}"
        return (
            Route("GET", "/v0.10/endpoint/{id}/access_list", self._list),
            Route("POST", "/v0.10/endpoint/{id}/access", self._add, status=201),
            Route("GET", rule, self._get),
            Route("DELETE", rule, self._remove),
        )

    def check(self, collection: Collection, path: str, person: Person) -> None:
        """Refuse who may not read a path.

        Raises:
            RefusedError: If no rule lets this person read it.
        """
        if person == self._owner:
            return
        with self._ground.lock:
            rules = list(collection.rules.values())
        if not any(_meant(rule, person) and f"{path}/".startswith(str(rule["path"])) for rule in rules):
            raise RefusedError(403, "PermissionDenied", f"{person.username} may not read {path} on {collection.name}")

    def give(self, collection: str, rule: Document) -> Document:
        """Add a rule.

        Raises:
            RefusedError: If it is none, or there is one for that principal and path already.
        """
        known = self._collections.get(collection)
        path = str(rule.get("path", ""))
        if not (path.startswith("/") and path.endswith("/")):
            raise RefusedError(400, "InvalidPath", f"The path is {path!r:.100}. Allowed: a folder, with / at both ends")
        if rule.get("permissions") not in _PERMISSIONS or rule.get("principal_type") not in _PRINCIPALS:
            raise RefusedError(400, "BadRequest", "permissions are 'r' or 'rw', for an identity or a group")
        key = (rule.get("principal_type"), rule.get("principal"), path)
        with self._ground.lock:
            for one in known.rules.values():
                if (one["principal_type"], one["principal"], one["path"]) == key:
                    raise RefusedError(409, "Exists", "This principal has an access rule for this path already")
            made = {
                "DATA_TYPE": "access",
                "id": str(uuid.uuid4()),
                "principal_type": rule["principal_type"],
                "principal": str(rule.get("principal") or ""),
                "path": path,
                "permissions": rule["permissions"],
                "create_time": now(),
            }
            known.rules[str(made["id"])] = made
            self._ground.effects.rules_made += 1
        return made

    def _list(self, call: Call) -> Document:
        known = self._collections.get(call.parts["id"])
        with self._ground.lock:
            rules = list(known.rules.values())
        return {"DATA_TYPE": "access_list", "endpoint": known.id, "length": len(rules), "DATA": rules}

    def _add(self, call: Call) -> Document:
        if call.person != self._owner:
            raise RefusedError(403, "PermissionDenied", "Only an access manager may give permissions")
        made = self.give(call.parts["id"], call.body)
        words = "Access rule created successfully."
        return {"DATA_TYPE": "access_create_result", "code": "Created", "message": words, "access_id": made["id"]}

    def _get(self, call: Call) -> Document:
        rules = self._collections.get(call.parts["id"]).rules
        with self._ground.lock:
            found = rules.get(call.parts["rule"])
        if found is None:
            raise RefusedError(404, "AccessRuleNotFound", f"No access rule '{call.parts['rule']:.60}'")
        return found

    def _remove(self, call: Call) -> Document:
        found = self._get(call)
        with self._ground.lock:
            self._collections.get(call.parts["id"]).rules.pop(str(found["id"]), None)
        return {"DATA_TYPE": "result", "code": "Deleted", "message": f"Access rule '{found['id']}' deleted"}


def _meant(rule: Document, person: Person) -> bool:
    named = rule["principal"]
    return {
        "identity": named == person.identity,
        "group": named in person.groups,
        "all_authenticated_users": True,
        "anonymous": True,
    }[str(rule["principal_type"])]
