"""RAM: roles, policies with their versions, what is attached to what, and tags of both."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.standins.aliyun.state import Json, Refused, Reply, Request, State

_SYSTEM_POLICIES = {"AliyunLogFullAccess", "AliyunOSSFullAccess", "AliyunECSNetworkInterfaceManagementAccess"}
_MOST_VERSIONS = 5


def _document(text: str) -> str:
    try:
        document = json.loads(text)
    except ValueError as failure:
        raise Refused(400, "MalformedPolicyDocument", "the document is not JSON") from failure
    if document.get("Version") != "1" or not document.get("Statement"):
        raise Refused(400, "MalformedPolicyDocument", "Version is 1, Statement is required")
    return text


def _role(state: State, name: str) -> Json:
    if name not in state.roles:
        raise Refused(404, "EntityNotExist.Role", f"The role not exists: acs:ram::{state.account}:role/{name}")
    return state.roles[name]


def create_role(state: State, request: Request) -> Reply:
    name = request.parameter("RoleName")
    if name in state.roles:
        raise Refused(409, "EntityAlreadyExists.Role", "The role already exists.")
    shown = {
        "RoleName": name,
        "RoleId": state.letters(18),
        "Arn": f"acs:ram::{state.account}:role/{name.lower()}",
        "Description": request.parameters.get("Description", ""),
        "AssumeRolePolicyDocument": _document(request.parameter("AssumeRolePolicyDocument")),
        "MaxSessionDuration": int(request.parameters.get("MaxSessionDuration", 3600)),
        "CreateDate": state.time(),
        "UpdateDate": state.time(),
    }
    state.roles[name] = {"shown": shown, "policies": {}, "tags": request.tags()}
    return Reply({"Role": shown})


def get_role(state: State, request: Request) -> Reply:
    return Reply({"Role": _role(state, request.parameter("RoleName"))["shown"]})


def update_role(state: State, request: Request) -> Reply:
    shown = _role(state, request.parameter("RoleName"))["shown"]
    given = request.parameters
    if "NewAssumeRolePolicyDocument" in given:
        shown["AssumeRolePolicyDocument"] = _document(given["NewAssumeRolePolicyDocument"])
    if "NewDescription" in given:
        shown["Description"] = given["NewDescription"]
    if "NewMaxSessionDuration" in given:
        shown["MaxSessionDuration"] = int(given["NewMaxSessionDuration"])
    return Reply({"Role": shown})


def delete_role(state: State, request: Request) -> Reply:
    role = _role(state, request.parameter("RoleName"))
    if role["policies"]:
        raise Refused(409, "DeleteConflict.Role.Policy", "The role still has policies attached.")
    del state.roles[role["shown"]["RoleName"]]
    return Reply({})


def _policy(state: State, name: str, kind: str = "Custom") -> Json:
    if kind == "System" and name in _SYSTEM_POLICIES:
        return {"shown": {"PolicyName": name, "PolicyType": "System"}}
    if name not in state.policies:
        raise Refused(404, "EntityNotExist.Policy", f"The policy not exists: {name}")
    return state.policies[name]


def create_policy(state: State, request: Request) -> Reply:
    name = request.parameter("PolicyName")
    if name in state.policies:
        raise Refused(409, "EntityAlreadyExists.Policy", "The policy already exists.")
    shown = {
        "PolicyName": name,
        "PolicyType": "Custom",
        "Description": request.parameters.get("Description", ""),
        "DefaultVersion": "v1",
        "CreateDate": state.time(),
        "UpdateDate": state.time(),
    }
    version = _version(state, 1, _document(request.parameter("PolicyDocument")))
    state.policies[name] = {"shown": shown, "versions": {"v1": version}, "published": 1, "tags": request.tags()}
    return Reply({"Policy": shown})


def _version(state: State, number: int, document: str) -> Json:
    return {"VersionId": f"v{number}", "PolicyDocument": document, "CreateDate": state.time(),
            "IsDefaultVersion": True}  # fmt: skip


def _attachments(state: State, name: str) -> Iterator[Json]:
    """Yield the roles that a policy is attached to."""
    return (role for role in state.roles.values() if ("Custom", name) in role["policies"])


def get_policy(state: State, request: Request) -> Reply:
    policy = _policy(state, request.parameter("PolicyName"))
    shown = policy["shown"] | {"AttachmentCount": sum(1 for _ in _attachments(state, policy["shown"]["PolicyName"]))}
    return Reply({"Policy": shown, "DefaultPolicyVersion": policy["versions"][policy["shown"]["DefaultVersion"]]})


def create_policy_version(state: State, request: Request) -> Reply:
    policy = _policy(state, request.parameter("PolicyName"))
    versions, document = policy["versions"], _document(request.parameter("PolicyDocument"))
    if len(versions) >= _MOST_VERSIONS:
        if request.parameters.get("RotateStrategy") != "DeleteOldestNonDefaultVersionWhenLimitExceeded":
            raise Refused(409, "LimitExceeded.Policy.Version", "The policy has five versions.")
        del versions[next(one for one in versions if one != policy["shown"]["DefaultVersion"])]
    policy["published"] += 1
    version = _version(state, policy["published"], document)
    versions[version["VersionId"]] = version
    if request.parameters.get("SetAsDefault") == "true":
        for one in versions.values():
            one["IsDefaultVersion"] = one is version
        policy["shown"]["DefaultVersion"] = version["VersionId"]
    return Reply({"PolicyVersion": version})


def list_policy_versions(state: State, request: Request) -> Reply:
    policy = _policy(state, request.parameter("PolicyName"))
    return Reply({"PolicyVersions": {"PolicyVersion": list(policy["versions"].values())}, "IsTruncated": False})


def delete_policy_version(state: State, request: Request) -> Reply:
    versions = _policy(state, request.parameter("PolicyName"))["versions"]
    if versions.pop(request.parameter("VersionId"), None) is None:
        raise Refused(404, "EntityNotExist.Policy.Version", "The policy version not exists.")
    return Reply({})


def update_policy_description(state: State, request: Request) -> Reply:
    policy = _policy(state, request.parameter("PolicyName"))
    policy["shown"]["Description"] = request.parameter("NewDescription")
    return Reply({"Policy": policy["shown"]})


def delete_policy(state: State, request: Request) -> Reply:
    policy = _policy(state, request.parameter("PolicyName"))
    name = policy["shown"]["PolicyName"]
    if any(_attachments(state, name)):
        raise Refused(409, "DeleteConflict.Policy.Role", "The policy is attached to a role.")
    if len(policy["versions"]) > 1:
        raise Refused(409, "DeleteConflict.Policy.Version", "The policy has more than one version.")
    del state.policies[name]
    return Reply({})


def entities_for_policy(state: State, request: Request) -> Reply:
    roles = [{"RoleName": role["shown"]["RoleName"]} for role in _attachments(state, request.parameter("PolicyName"))]
    return Reply({"Groups": {"Group": []}, "Users": {"User": []}, "Roles": {"Role": roles}})


def attach(state: State, request: Request) -> Reply:
    role = _role(state, request.parameter("RoleName"))
    kind, name = request.parameter("PolicyType"), request.parameter("PolicyName")
    shown = _policy(state, name, kind)["shown"]
    if (kind, name) in role["policies"]:
        raise Refused(409, "EntityAlreadyExists.Role.Policy", "The policy has already been attached to the role.")
    role["policies"][kind, name] = {key: shown.get(key, "") for key in ("PolicyName", "PolicyType", "Description")}
    return Reply({})


def detach(state: State, request: Request) -> Reply:
    role = _role(state, request.parameter("RoleName"))
    if role["policies"].pop((request.parameter("PolicyType"), request.parameter("PolicyName")), None) is None:
        raise Refused(404, "EntityNotExist.Role.Policy", "The policy is not attached to the role.")
    return Reply({})


def policies_for_role(state: State, request: Request) -> Reply:
    return Reply({"Policies": {"Policy": list(_role(state, request.parameter("RoleName"))["policies"].values())}})


def _named(state: State, request: Request) -> Iterator[tuple[str, Json]]:
    table = state.roles if request.parameter("ResourceType") == "role" else state.policies
    for name in json.loads(request.parameter("ResourceNames")):
        if name not in table:
            raise Refused(404, "EntityNotExist", f"{name} does not exist")
        yield name, table[name]


def list_tags(state: State, request: Request) -> Reply:
    tags = [
        {"ResourceName": name, "TagKey": key, "TagValue": value}
        for name, one in _named(state, request)
        for key, value in one["tags"].items()
    ]
    return Reply({"TagResources": {"TagResource": tags}, "IsTruncated": False})


def tag(state: State, request: Request) -> Reply:
    for _, one in _named(state, request):
        one["tags"] |= request.tags()
    return Reply({})


def untag(state: State, request: Request) -> Reply:
    for _, one in _named(state, request):
        for key in request.numbered("TagKey"):
            one["tags"].pop(key, None)
    return Reply({})


ROUTES = [
    ("ram CreateRole", create_role),
    ("ram GetRole", get_role),
    ("ram UpdateRole", update_role),
    ("ram DeleteRole", delete_role),
    ("ram CreatePolicy", create_policy),
    ("ram GetPolicy", get_policy),
    ("ram CreatePolicyVersion", create_policy_version),
    ("ram ListPolicyVersions", list_policy_versions),
    ("ram DeletePolicyVersion", delete_policy_version),
    ("ram UpdatePolicyDescription", update_policy_description),
    ("ram DeletePolicy", delete_policy),
    ("ram ListEntitiesForPolicy", entities_for_policy),
    ("ram AttachPolicyToRole", attach),
    ("ram DetachPolicyFromRole", detach),
    ("ram ListPoliciesForRole", policies_for_role),
    ("ram ListTagResources", list_tags),
    ("ram TagResources", tag),
    ("ram UntagResources", untag),
]
